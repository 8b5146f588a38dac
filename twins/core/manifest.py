"""The words in which a product describes itself, and how given parameters are checked."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from twins.core.errors import named


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A number that an author may override. ``min`` and ``max`` are in ``unit``, both allowed."""

    unit: str
    default: float
    min: float
    max: float
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSpec:
    """A signal of a product and the sensor behind it.

    ``noise`` is the white standard deviation in ``unit``; ``noise_rel`` and ``slow_rel`` are
    white and slow (AR1) standard deviations as a share of the value; ``bias`` is the spread
    between devices; ``steps_per_unit`` is one over the quantum, an integer.
    """

    unit: str
    min: float
    max: float
    title: str
    steps_per_unit: int
    noise: float = 0.0
    noise_rel: float = 0.0
    slow_rel: float = 0.0
    bias: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSpec:
    """A part of a device that wears: where it sits and what it is called.

    ``stops_device`` says whether the device can still work when the part has reached its end.
    """

    position: str
    title: str
    stops_device: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpec:
    """A fault that can be injected, with its parameters.

    ``rate_per_year`` is how often it comes by itself, per device-year; ``after_maintenance`` its
    weight among the faults that a visit may leave behind. Both count only in a fleet with
    ``random_faults`` above 0.
    """

    title: str
    params: Mapping[str, Param] = field(default_factory=dict)
    rate_per_year: float = 0.0
    after_maintenance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A spare part: what it costs, who sells it, how long it takes and where it goes."""

    sku: str
    title: str
    price_eur: float
    supplier: str
    lead_time_p50_h: float
    lead_time_p90_h: float
    position: str
    quantity: int = 1


def resolve(
    where: str, given: Mapping[str, float], params: Mapping[str, Param]
) -> tuple[dict[str, float], list[str]]:
    """Fill in defaults and check what was given.

    Args:
        where: Begins each problem, so that its author finds the place.
        given: What the author wrote.
        params: What there is.

    Returns:
        All values by name, and a problem per mistake (an unknown name, no number, out of range).
    """
    values = {name: param.default for name, param in params.items()}
    problems: list[str] = []
    for name, value in given.items():
        param = params.get(name)
        if param is None:
            near = difflib.get_close_matches(name, params, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            problems.append(
                f"{where}: unknown parameter {name!r}{hint}; there are: {named(params)}"
            )
        elif isinstance(value, bool) or not isinstance(value, int | float):
            problems.append(f"{where}: {name} must be a number in {param.unit}, not {value!r}")
        elif not param.min <= value <= param.max:
            problems.append(
                f"{where}: {name} = {value} {param.unit} is outside {param.min} to {param.max}"
            )
        else:
            values[name] = float(value)
    return values, problems
