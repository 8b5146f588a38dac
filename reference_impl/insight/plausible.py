"""Plausibility first (domain 6.4): range, rate of change, frozen value, cross-check. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.expressions import Expression, compiled
from reference_impl.kernel.ports import Floats, Take, Times

FROZEN_READINGS_MIN = 12
H_MS = 3_600_000


class Flag(StrEnum):
    """Why a signal is not to be believed."""

    RANGE = "range"
    RATE = "rate"
    FROZEN = "frozen"
    CROSS = "cross"
    JUMP = "jump"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossInput:
    """A window that a cross-check reads."""

    signal: str
    take: Take
    over_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plausible:
    """What readings of a signal can be true; 0 and None: not looked at.

    ``rate_max_per_h``: between two readings, in the signal's unit, twice in a window (one wild
    reading has two). ``frozen_ms``: no change for so long where noise is expected.
    ``cross``: an expression that is true where it contradicts others.
    """

    signal: str
    low: float | None
    high: float | None
    rate_max_per_h: float
    frozen_ms: int
    inputs: Mapping[str, CrossInput]
    cross: Expression | None


def read_plausible(fields: Fields, *, signals: Sequence[str]) -> Plausible | None:
    """Check a body; problems go to ``fields``."""
    before = len(fields.problems)
    signal = fields.choice("signal", signals)
    low = fields.number("min") if fields.has("min") else None
    high = fields.number("max") if fields.has("max") else None
    rate = fields.number("rate_max_per_h", low=0, default=0.0)
    frozen_s = fields.number("frozen_s", low=0, default=0.0)
    inputs, cross = {}, None
    for name, body in fields.mapping("let", default={}).items():
        inner = Fields(body, where=fields.at(f"let.{name}"), problems=fields.problems)
        inputs[name] = CrossInput(
            signal=inner.choice("signal", signals),
            take=Take(inner.choice("take", list(Take), default=Take.MEAN) or Take.MEAN),
            over_ms=round(1000 * inner.number("over_s", low=1, default=21_600.0)),
        )
        inner.done()
    if fields.raw("cross") is not None:
        cross, problems = compiled(fields.raw("cross"), list(inputs), where=fields.at("cross"))
        fields.problems.extend(problems)
    fields.done()
    if len(fields.problems) > before:
        return None
    return Plausible(
        signal=signal,
        low=low,
        high=high,
        rate_max_per_h=rate,
        frozen_ms=round(1000 * frozen_s),
        inputs=inputs,
        cross=cross,
    )


def too_fast(at_ms: Times, values: Floats, rate_max_per_h: float) -> bool:
    """Whether a signal moved faster than it can, twice at least."""
    if at_ms.size < 3:
        return False
    hours = np.maximum(np.diff(at_ms), 1) / H_MS
    return bool((np.abs(np.diff(values)) / hours > rate_max_per_h).sum() > 1)
