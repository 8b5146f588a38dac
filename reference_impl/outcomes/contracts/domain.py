"""How a period is measured from reports, and what a shortfall costs.

**The clause on telemetry.** A report that says the thing is up vouches for the ``unknown_after_s``
that follow it, whatever comes after. Time that no such report vouches for is not available: DOWN
for as long after a report that says so, UNKNOWN elsewhere. Both lower the availability. So every
report can only add available time, and sending less never helps (invariant K7); the price is that
a stop is counted up to ``unknown_after_s`` after the last good report. A report counts only if it
carries every signal of the clause.

Where several reports vouch for an instant, the class that is best for the KPI counts: UP, then
EXCLUDED (it is agreed that such time does not count) or DEGRADED, then DOWN. So the set of reports
decides, and a smaller set never decides better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction
from math import floor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reference_impl.kernel.ports import Floats, Times

Flags = npt.NDArray[np.bool_]
NOT_COUNTED = "not_counted"
"""Why time is EXCLUDED by the clause ``counts_when``: what promises nothing there is not judged."""


class Klass(StrEnum):
    """What an interval of a thing counts as."""

    UP = "UP"
    DOWN = "DOWN"
    UNKNOWN = "UNKNOWN"
    DEGRADED = "DEGRADED"
    PLANNED = "PLANNED"
    EXCLUDED = "EXCLUDED"


class Interval(NamedTuple):
    """``[from_ms, to_ms)`` of one class; why, by which rule, on what evidence (AS2)."""

    from_ms: int
    to_ms: int
    klass: Klass
    reason: str = ""
    rule: str = ""
    evidence: str = ""
    charged: bool = True
    """Whether it lowers the KPI: what was rectified in time does not."""

    @property
    def length_ms(self) -> int:
        """How long it lasts."""
        return self.to_ms - self.from_ms

    @property
    def why(self) -> tuple[object, ...]:
        """All but the times: neighbours that agree in it are one interval."""
        return self[2:]


class Period(NamedTuple):
    """A UTC calendar month, or the part of it that the contract covers (K9)."""

    label: str
    from_ms: int
    to_ms: int
    month_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clauses:
    """The numbers of a contract. ``target`` and ``step`` are shares, the credit is percent."""

    fee_eur: float
    target: float
    step: float
    credit_pct_per_step: float
    cap_pct: float
    bonus_pct_per_step: float = 0.0
    bonus_cap_pct: float = 0.0


class Settlement(NamedTuple):
    """Euros of one period, to the cent."""

    fee_eur: float
    credit_eur: float
    bonus_eur: float = 0.0


def period_at(at_ms: int, end_ms: int | None = None) -> Period:
    """The period that contains ``at_ms`` and begins there: to the end of its UTC month.

    Args:
        at_ms: Its begin.
        end_ms: When the contract ends, after ``at_ms``; None: it goes on.
    """
    day = datetime.fromtimestamp(at_ms // 1000, tz=UTC)
    first = datetime(day.year, day.month, 1, tzinfo=UTC)
    after = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
    first_ms, to_ms = round(first.timestamp() * 1000), round(after.timestamp() * 1000)
    until_ms = to_ms if end_ms is None else min(to_ms, end_ms)
    return Period(f"{day.year}-{day.month:02d}", at_ms, until_ms, to_ms - first_ms)


def month_of(label: str) -> int:
    """When the month of a label such as ``2026-03`` begins, in ms.

    Raises:
        ValueError: If it is no month.
    """
    first = datetime.strptime(label, "%Y-%m").replace(tzinfo=UTC)
    return round(first.timestamp() * 1000)


def reports(columns: Sequence[tuple[Times, Floats]]) -> tuple[Times, Floats]:
    """The reports that carry all signals: times ``(k,)`` and values ``(k, signals)``."""
    times = columns[0][0]
    for other, _ in columns[1:]:
        times = np.intersect1d(times, other)
    times = np.unique(times)
    # of two readings of one instant the later stored one counts
    rows = [values[np.searchsorted(at, times, side="right") - 1] for at, values in columns]
    return times, np.stack(rows, axis=1) if times.size else np.empty((0, len(columns)))


def classify(
    at_ms: Times,
    up: Flags,
    *,
    from_ms: int,
    to_ms: int,
    hold_ms: int,
    degraded: Flags | None = None,
    idle: Flags | None = None,
) -> list[Interval]:
    """Partition a period by what reports say (K1), by the clause above.

    Args:
        at_ms: Times of the reports, ascending, shape ``(k,)``; also those shortly before.
        up: Whether each says the thing is up, shape ``(k,)``.
        from_ms: Begin of the period.
        to_ms: Its end, not included.
        hold_ms: ``unknown_after_s`` in ms.
        degraded: Whether each that is not up says it works all the same, less well.
        idle: Whether each says that this time does not count.

    Returns:
        Intervals without gap or overlap from ``from_ms`` to ``to_ms``; neighbours differ in class.
    """
    none = np.zeros(at_ms.shape, dtype=np.bool_)
    idle = none if idle is None else idle
    degraded = none if degraded is None else degraded & ~up & ~idle
    layers = [
        (Klass.UP, _vouched(at_ms[up & ~idle], hold_ms)),
        (Klass.EXCLUDED, _vouched(at_ms[idle], hold_ms)),
        (Klass.DEGRADED, _vouched(at_ms[degraded], hold_ms)),
        (Klass.DOWN, _vouched(at_ms[~up & ~idle & ~degraded], hold_ms)),
    ]
    edges = np.concatenate([*(each for _, spans in layers for each in spans), [from_ms, to_ms]])
    edges = np.unique(np.clip(edges, from_ms, to_ms)).astype(np.int64)
    starts = edges[:-1]
    best = np.full(starts.size, len(layers))
    for place in range(len(layers) - 1, -1, -1):
        best[_covered(starts, layers[place][1])] = place
    # neighbours of one class become one
    first = np.flatnonzero(np.diff(best, prepend=-1))
    ends = np.append(starts[first[1:]], to_ms)
    classes = [klass for klass, _ in layers] + [Klass.UNKNOWN]
    reason = {Klass.EXCLUDED: NOT_COUNTED}
    return [
        Interval(begin_ms, end_ms, classes[place], reason.get(classes[place], ""))
        for begin_ms, end_ms, place in zip(
            starts[first].tolist(), ends.tolist(), best[first].tolist(), strict=True
        )
    ]


def _vouched(at_ms: Times, hold_ms: int) -> tuple[Times, Times]:
    """The union of ``[t, t + hold)``: begins and ends of its pieces."""
    if not at_ms.size:
        return at_ms, at_ms
    apart = np.flatnonzero(np.diff(at_ms) > hold_ms)
    begins = at_ms[np.concatenate([[0], apart + 1])]
    ends = at_ms[np.concatenate([apart, [at_ms.size - 1]])] + hold_ms
    return begins, ends


def _covered(points: Times, spans: tuple[Times, Times]) -> Flags:
    begins, ends = spans
    if not begins.size:
        return np.zeros(points.size, dtype=np.bool_)
    index = np.searchsorted(begins, points, side="right") - 1
    covered: Flags = (index >= 0) & (points < ends[index])
    return covered


def total_ms(intervals: Sequence[Interval], klass: Klass) -> int:
    """How long a class lasts in all."""
    return sum(i.to_ms - i.from_ms for i in intervals if i.klass is klass)


def due(
    clauses: Clauses, period: Period, kpi: Fraction, *, unbilled_ms: int = 0, judged: bool = True
) -> Settlement:
    """Fee, credit and bonus of a period.

    The fee of a part of a month is its share of the month (K9). The credit is
    ``min(cap_pct, whole steps below target * credit_pct_per_step)`` of that fee (K4), the bonus the
    same above the target. All arithmetic is exact; amounts are rounded half up to the cent.

    Args:
        clauses: The contract's numbers.
        period: The period.
        kpi: What was reached, 0 to 1.
        unbilled_ms: How much of the period the contract was suspended.
        judged: False while the baseline is taken: no credit, no bonus.
    """
    share = Fraction(period.to_ms - period.from_ms - unbilled_ms, period.month_ms)
    fee = cents(exact(clauses.fee_eur) * share)
    if not judged:
        return Settlement(float(fee), 0.0)
    away = exact(clauses.target) - kpi
    steps = floor(abs(away) / exact(clauses.step))
    below, above = (steps, 0) if away > 0 else (0, steps)
    credit_pct = min(exact(clauses.cap_pct), below * exact(clauses.credit_pct_per_step))
    bonus_pct = min(exact(clauses.bonus_cap_pct), above * exact(clauses.bonus_pct_per_step))
    return Settlement(
        float(fee), float(cents(fee * credit_pct / 100)), float(cents(fee * bonus_pct / 100))
    )


def exact(value: float) -> Fraction:
    """The decimal number that was written: 0.1 is a tenth."""
    return Fraction(str(value))


def cents(eur: Fraction) -> Fraction:
    """Euros rounded to the cent, half up."""
    return Fraction(floor(eur * 100 + Fraction(1, 2)), 100)


def euros(value: float) -> Fraction:
    """An amount in whole cents, exactly."""
    return cents(exact(value))
