"""Gain share: what was used less than a baseline, normalised for demand (domain 3.5).

While a contract is BASELINING, each complete day gives what was used and how much was asked for. A
straight line through them says what a day of some demand would have used without the service;
the provider gets a share of what is saved against it. A day is complete if reports vouch for nearly
all of it. In a measured period a day that is not counts as if the most had been used that can be
and nothing had been asked for, so that a silent day never looks like a thrifty one (K7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import fsum
from typing import Any, NamedTuple

import numpy as np

from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import Floats, Times
from reference_impl.outcomes.contracts.domain import cents, exact

DAY_MS = 86_400_000
COMPLETE_SHARE = 0.95
"""A day for which reports vouch for less is not complete (estimate)."""
DAYS_MIN = 7
"""Fewer complete days make no baseline: one of each day of the week (estimate)."""


class Day(NamedTuple):
    """What one UTC day came to."""

    from_ms: int
    used: float
    demand: float
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a day uses: ``base + per_demand * demand``; of how many days, how well they fit."""

    base: float
    per_demand: float
    days: int
    r2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What is added up of a day: the rise of a counter (``use``) or the day's mean."""

    signal: str
    take: str
    things: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """The clause: meters, the provider's share, the price of a unit, the most a day can use.

    ``shortfall_share`` is what the provider bears of what is used beyond the baseline (AS6).
    """

    used: Meter
    demand: Meter
    share: float
    eur_per_unit: float
    limit_per_day: float
    shortfall_share: float = 0.0


def of_day(at_ms: Times, values: Floats, *, take: str, hold_ms: int) -> tuple[float, bool]:
    """What one thing's readings of a day come to, and whether they vouch for nearly all of it.

    Args:
        at_ms: Times of the readings within the day, ascending, shape ``(k,)``.
        values: Their values.
        take: ``use`` adds up rises (a fall is a counter that began anew), ``mean`` averages.
        hold_ms: How long a reading vouches for.
    """
    if not at_ms.size:
        return 0.0, False
    vouched_ms = int(np.minimum(np.diff(at_ms, append=at_ms[-1] + hold_ms), hold_ms).sum())
    if take == "use":
        rises = np.diff(values)
        rises = np.where(rises < 0.0, values[1:], rises)
        return fsum(rises.tolist()), vouched_ms >= COMPLETE_SHARE * DAY_MS
    return fsum(values.tolist()) / values.size, vouched_ms >= COMPLETE_SHARE * DAY_MS


def fitted(days: Sequence[Day]) -> Line | None:
    """Least squares through the complete days; None if there are too few.

    Where the demand never changed the line is level. A line that falls with demand is no law of
    use: it is level, too.
    """
    points = [day for day in days if day.complete]
    if len(points) < DAYS_MIN:
        return None
    n = len(points)
    mean_x, mean_y = fsum(d.demand for d in points) / n, fsum(d.used for d in points) / n
    sxx = fsum((d.demand - mean_x) ** 2 for d in points)
    sxy = fsum((d.demand - mean_x) * (d.used - mean_y) for d in points)
    syy = fsum((d.used - mean_y) ** 2 for d in points)
    slope = max(0.0, sxy / sxx) if sxx > 0.0 else 0.0
    r2 = slope * sxy / syy if syy > 0.0 else 1.0
    return Line(base=sig9(mean_y - slope * mean_x), per_demand=sig9(slope), days=n, r2=sig9(r2))


def gained(
    gain: Gain, line: Line, days: Sequence[Sequence[Any]], *, judged: bool
) -> dict[str, Any]:
    """The gain share of a period, with what it is made of.

    ``share * max(0, baseline adjusted for demand - used) * price``; 0 while the baseline is taken.

    Args:
        gain: The clause.
        line: The baseline.
        days: The days of the period, each as :class:`Day`.
        judged: Whether anything is paid.
    """
    adjusted, used, complete = Fraction(0), Fraction(0), 0
    for each in days:
        day = Day(*each)
        complete += day.complete
        demand = day.demand if day.complete else 0.0
        adjusted += exact(line.base) + exact(line.per_demand) * exact(demand)
        used += exact(day.used if day.complete else gain.limit_per_day)
    saved, nothing = (adjusted - used) * exact(gain.eur_per_unit), Fraction(0)
    if not judged:
        saved = nothing
    gain_eur = cents(exact(gain.share) * max(nothing, saved))
    shortfall_eur = cents(exact(gain.shortfall_share) * max(nothing, -saved))
    return {
        "baseline_use": sig9(float(adjusted)),
        "actual_use": sig9(float(used)),
        "complete_days": complete,
        "gain_eur": float(gain_eur),
        "shortfall_eur": float(shortfall_eur),
    }
