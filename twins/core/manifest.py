"""The words in which a product describes itself, and how given parameters are checked."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from twins.core.errors import named


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A number that an author may override. ``min`` and ``max`` are in ``unit``, both allowed.

    ``drawn`` is between what chance takes it if a fault comes by itself (left out: the default),
    a ``whole`` number if so said.
    """

    unit: str
    default: float
    min: float
    max: float
    title: str = ""
    drawn: tuple[float, float] | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSpec:
    """A signal of a product and the sensor behind it. What is 0 has no effect.

    In the order in which it comes into a reading (twins reference, section 3):

    - ``lag_s``: time constant of a first-order sensor.
    - ``bias``, ``bias_rel``: standard deviation between devices, in ``unit`` and as a share.
    - ``drift``, ``drift_rel``: standard deviation of a Wiener drift after one year.
    - ``noise``, ``noise_rel``: white, of one raw sample; ``samples`` of them make a reading, so
      that its white noise is smaller by the root of that.
    - ``slow``, ``slow_rel``: AR1 noise with memory ``slow_tau_s`` (0: 0.85 from report to report).
    - ``min``, ``max``: the range, where a reading is clipped; ``steps_per_unit``: one over the
      quantum.
    - ``sample_s``: how often the sensor looks; in between it repeats what it saw last.

    A device that reports on change (``reporting: change``) says a signal again after
    ``reportable_change`` (0: one quantum), not sooner than ``min_interval_s``, and after
    ``max_interval_s`` in any case.
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
    bias_rel: float = 0.0
    lag_s: float = 0.0
    drift: float = 0.0
    drift_rel: float = 0.0
    slow: float = 0.0
    slow_tau_s: float = 0.0
    samples: int = 1
    sample_s: float = 0.0
    reportable_change: float = 0.0
    min_interval_s: float = 0.0
    max_interval_s: float = 3600.0


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
    ``random_faults`` above 0. ``signals`` are parameters that name a signal of the product; they
    may be left out, then chance takes one. ``needs`` are values of the fleet's parameters without
    which there is nothing that it could befall.
    """

    title: str
    params: Mapping[str, Param] = field(default_factory=dict)
    rate_per_year: float = 0.0
    after_maintenance: float = 0.0
    signals: tuple[str, ...] = ()
    needs: Mapping[str, float] = field(default_factory=dict)


TRIGGERS = (
    "forecast", "leak", "vibration", "capacity", "visit", "drift", "test", "failure", "stock",
    "slip", "stop", "volts", "stuck", "autonomy", "current", "jams", "charge",
)  # fmt: skip
"""On what a part is ordered (domain reference, tables of 6.1 to 6.3)."""
MONTHS, REPORT_EVERY = "months", "report_every_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A number of a model that its rules use: a level of alarm, what it gave when commissioned.

    Where ``param`` is named, a fleet that overrides it has ``factor`` times that instead
    (``report_every_s`` is what a fleet was told, too). A fleet that overrides one of
    ``unknown_with`` does not know it.
    """

    unit: str
    value: float
    title: str
    param: str = ""
    factor: float = 1.0
    unknown_with: tuple[str, ...] = ()

    def of(self, params: Mapping[str, float]) -> float | None:
        """Its value in a fleet with these parameters of its own; ``None`` if it has none."""
        if any(name in params for name in self.unknown_with):
            return None
        return params[self.param] * self.factor if self.param in params else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A spare part: what it costs, who sells it, how long it takes and where it goes.

    ``standard_usage`` is how long it lasts as its maker says: so much of a counter that the device
    reports, by the counter's name, or so many ``months``, or both: what comes first. ``trigger``
    says what it is ordered on: one of :data:`TRIGGERS`.

    A part that ``revises`` another takes its place from some day on: it is not in a catalogue
    before somebody puts it there. Damage of what it holds begins ``life_factor`` times as late.
    """

    sku: str
    title: str
    price_eur: float
    supplier: str
    lead_time_p50_h: float
    lead_time_p90_h: float
    position: str
    quantity: int = 1
    standard_usage: Mapping[str, float] = field(default_factory=dict)
    trigger: str = "forecast"
    revises: str = ""
    life_factor: float = 1.0


def resolve(
    where: str, given: Mapping[str, float | str], params: Mapping[str, Param]
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


def resolve_fault(
    where: str, given: Mapping[str, float | str], spec: FaultSpec, signals: Mapping[str, SignalSpec]
) -> tuple[dict[str, float], dict[str, str], list[str]]:
    """Check the parameters of a fault.

    Args:
        where: Begins each problem.
        given: What the author wrote.
        spec: The fault.
        signals: Signals of the product, by name.

    Returns:
        Its numbers by name with defaults filled in, the signals that were named, and a problem
        per mistake.
    """
    chosen: dict[str, str] = {}
    problems: list[str] = []
    for name in spec.signals:
        if name in given:
            signal = given[name]
            if isinstance(signal, str) and signal in signals:
                chosen[name] = signal
            else:
                problems.append(
                    f"{where}: {name} must be a signal, not {signal!r}; there are: {named(signals)}"
                )
    numbers = {name: value for name, value in given.items() if name not in spec.signals}
    values, found = resolve(where, numbers, spec.params)
    return values, chosen, [*problems, *found]
