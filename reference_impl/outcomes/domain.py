"""What a contract promises, how a period is measured, and what a shortfall costs.

**The clause on telemetry.** A report that says the thing is up vouches for the ``unknown_after_s``
that follow it, whatever comes after. Time that no such report vouches for is not available: DOWN
for as long after a report that says so, UNKNOWN elsewhere. Both lower the availability. So every
report can only add available time, and sending less never helps (invariant K7); the price is that
a stop is counted up to ``unknown_after_s`` after the last good report. A report counts only if it
carries every signal of the clause.
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


class Klass(StrEnum):
    """What an interval of a thing counts as."""

    UP = "UP"
    DOWN = "DOWN"
    UNKNOWN = "UNKNOWN"


class Interval(NamedTuple):
    """``[from_ms, to_ms)`` of one class."""

    from_ms: int
    to_ms: int
    klass: Klass


class Period(NamedTuple):
    """A UTC calendar month, or the part of it from the contract's start (K9)."""

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


class Settlement(NamedTuple):
    """Euros of one period, to the cent."""

    fee_eur: float
    credit_eur: float


def period_at(at_ms: int) -> Period:
    """The period that contains ``at_ms`` and begins there: to the end of its UTC month."""
    day = datetime.fromtimestamp(at_ms // 1000, tz=UTC)
    first = datetime(day.year, day.month, 1, tzinfo=UTC)
    after = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
    first_ms, to_ms = round(first.timestamp() * 1000), round(after.timestamp() * 1000)
    return Period(f"{day.year}-{day.month:02d}", at_ms, to_ms, to_ms - first_ms)


def reports(columns: Sequence[tuple[Times, Floats]]) -> tuple[Times, Floats]:
    """The reports that carry all signals: times ``(k,)`` and values ``(k, signals)``."""
    times = columns[0][0]
    for other, _ in columns[1:]:
        times = np.intersect1d(times, other)
    times = np.unique(times)
    # of two readings of one instant the later stored one counts
    rows = [values[np.searchsorted(at, times, side="right") - 1] for at, values in columns]
    return times, np.stack(rows, axis=1) if times.size else np.empty((0, len(columns)))


def classify(at_ms: Times, up: Flags, *, from_ms: int, to_ms: int, hold_ms: int) -> list[Interval]:
    """Partition a period into UP, DOWN and UNKNOWN (K1), by the clause above.

    Args:
        at_ms: Times of the reports, ascending, shape ``(k,)``; also those shortly before.
        up: Whether each says the thing is up, shape ``(k,)``.
        from_ms: Begin of the period.
        to_ms: Its end, not included.
        hold_ms: ``unknown_after_s`` in ms.

    Returns:
        Intervals without gap or overlap from ``from_ms`` to ``to_ms``; neighbours differ in class.
    """
    up_spans, down_spans = _vouched(at_ms[up], hold_ms), _vouched(at_ms[~up], hold_ms)
    edges = np.concatenate([*up_spans, *down_spans, [from_ms, to_ms]])
    edges = np.unique(np.clip(edges, from_ms, to_ms)).astype(np.int64)
    starts = edges[:-1]
    is_up, is_down = _covered(starts, up_spans), _covered(starts, down_spans)
    intervals: list[Interval] = []
    for index, start_ms in enumerate(starts.tolist()):
        klass = Klass.UP if is_up[index] else Klass.DOWN if is_down[index] else Klass.UNKNOWN
        end_ms = int(edges[index + 1])
        if intervals and intervals[-1].klass is klass:
            intervals[-1] = intervals[-1]._replace(to_ms=end_ms)
        else:
            intervals.append(Interval(start_ms, end_ms, klass))
    return intervals


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


def settle(clauses: Clauses, period: Period, *, up_ms: int, measured_ms: int) -> Settlement:
    """Fee and credit of a period.

    The fee of a part of a month is its share of the month (K9). The credit is
    ``min(cap_pct, whole steps below target * credit_pct_per_step)`` of that fee (K4). All
    arithmetic is exact; amounts are rounded half up to the cent.

    Args:
        clauses: The contract's numbers.
        period: The period.
        up_ms: Available time of all things together.
        measured_ms: Length of the period times the number of things.
    """
    share = Fraction(period.to_ms - period.from_ms, period.month_ms)
    fee = _cents(_exact(clauses.fee_eur) * share)
    shortfall = _exact(clauses.target) - Fraction(up_ms, measured_ms)
    steps = max(0, floor(shortfall / _exact(clauses.step)))
    pct = min(_exact(clauses.cap_pct), steps * _exact(clauses.credit_pct_per_step))
    return Settlement(float(fee), float(_cents(fee * pct / 100)))


def _exact(value: float) -> Fraction:
    """The decimal number that was written: 0.1 is a tenth."""
    return Fraction(str(value))


def _cents(eur: Fraction) -> Fraction:
    return Fraction(floor(eur * 100 + Fraction(1, 2)), 100)
