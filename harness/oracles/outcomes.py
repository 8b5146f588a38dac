"""What a period of any outcome contract comes to, computed again from wire, feed and contract.

Own code for the clauses of docs/reference/dps-contract.md: classes by what vouches for an instant,
flags of the data, exclusions that were approved, suspensions, k of n, rectification, credit, bonus
and gain share. It asks at every instant at which anything can change, by the definitions.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from itertools import chain, pairwise
from math import inf
from typing import Any, NamedTuple

from harness.oracles.availability import DAY_MS, Clause, parse_clause

UP, DEGRADED, DOWN, UNKNOWN, EXCLUDED = "up", "degraded", "down", "unknown", "excluded"
MISSED = frozenset({DEGRADED, DOWN, UNKNOWN})
CLAUSES = ("up_when", "degraded_when", "counts_when")
DEFAULTS: Mapping[str, Any] = {
    "step": 0.001, "credit_pct_per_step": 2.0, "cap_pct": 20.0, "unknown_after_s": 900.0,
    "grace_s": 0.0, "degraded_when": "", "degraded_weight": 0.5, "counts_when": "",
    "rectify_s": 0.0, "groups": [], "bonus_pct_per_step": 0.0, "bonus_cap_pct": 0.0,
    "baseline_days": 0, "gain": None,
}  # fmt: skip
BASELINE_DAYS_MIN, COMPLETE_SHARE = 7, 0.95


class Stretch(NamedTuple):
    """``[from_ms, to_ms)`` of a thing; None: of all."""

    thing: str | None
    from_ms: float
    to_ms: float


@dataclass(slots=True)
class Readings:
    """What one thing said: the values of its signals by time; what came first counts."""

    times: list[int] = field(default_factory=list)
    values: dict[int, dict[str, float]] = field(default_factory=dict)

    def add(self, at_ms: int, signals: Mapping[str, float]) -> None:
        """Take a report; the same instant again changes nothing."""
        if at_ms in self.values:
            return
        self.values[at_ms] = dict(signals)
        if not self.times or self.times[-1] < at_ms:
            self.times.append(at_ms)
        else:
            insort(self.times, at_ms)


@dataclass(slots=True)
class Terms:
    """A contract document as it was installed, with what happened to it since."""

    said: Mapping[str, Any]
    flags: list[tuple[str, Stretch]] = field(default_factory=list)
    """By signal."""
    excluded: list[Stretch] = field(default_factory=list)
    suspended: list[Stretch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.said = {**DEFAULTS, **self.said}

    def clauses(self) -> dict[str, list[Clause]]:
        """The clauses that the contract has, each ``signal > number``, or some joined by ``&&``."""
        return {
            name: [parse_clause(one) for one in self.said[name].split("&&")]
            for name in CLAUSES
            if self.said[name]
        }


class Period(NamedTuple):
    """A measuring period, and the month that its fee is a share of."""

    from_ms: int
    to_ms: int

    @property
    def month_ms(self) -> int:
        """Length of its UTC month."""
        begin = datetime.fromtimestamp(self.from_ms / 1000, UTC)
        return monthrange(begin.year, begin.month)[1] * DAY_MS


def month_from(at_ms: int) -> Period:
    """The period that begins at a time and lasts to the end of its UTC month."""
    begin = datetime.fromtimestamp(at_ms / 1000, UTC)
    first_ms = int(datetime(begin.year, begin.month, 1, tzinfo=UTC).timestamp()) * 1000
    return Period(at_ms, first_ms + Period(at_ms, at_ms).month_ms)


class _Thing:
    """Answers what a thing is at an instant."""

    def __init__(self, terms: Terms, thing: str, readings: Readings) -> None:
        clauses = terms.clauses()
        self._hold_ms = round(1000 * terms.said["unknown_after_s"])
        signals = {clause.signal for clause in chain(*clauses.values())}
        self._times: dict[str, list[int]] = {UP: [], EXCLUDED: [], DEGRADED: [], DOWN: []}
        for at_ms in readings.times:
            values = readings.values[at_ms]
            if signals <= values.keys():
                self._times[_said(clauses, values)].append(at_ms)
        mine = (None, thing)
        self._doubted = [s for name, s in terms.flags if s.thing == thing and name in signals]
        self._out = [s for s in terms.excluded if s.thing in mine]
        self._pauses = terms.suspended

    def edges(self) -> Iterator[float]:
        """Instants at which the answer can change."""
        for times in self._times.values():
            for at_ms in times:
                yield at_ms
                yield at_ms + self._hold_ms
        for stretch in (*self._doubted, *self._out, *self._pauses):
            yield stretch.from_ms
            yield stretch.to_ms

    def at(self, at_ms: float) -> str:
        """The class of the instant."""
        if _within(self._pauses, at_ms) or _within(self._out, at_ms):
            return EXCLUDED
        if _within(self._doubted, at_ms):
            return UNKNOWN
        for klass, times in self._times.items():
            if bisect_right(times, at_ms) > bisect_right(times, at_ms - self._hold_ms):
                return klass
        return UNKNOWN


def _said(clauses: Mapping[str, Sequence[Clause]], values: Mapping[str, float]) -> str:
    def holds(name: str) -> bool:
        wanted = clauses.get(name, ())
        return bool(wanted) and all(clause.holds(values[clause.signal]) for clause in wanted)

    if "counts_when" in clauses and not holds("counts_when"):
        return EXCLUDED
    if holds("up_when"):
        return UP
    return DEGRADED if holds("degraded_when") else DOWN


def _within(stretches: Sequence[Stretch], at_ms: float) -> bool:
    return any(s.from_ms <= at_ms < s.to_ms for s in stretches)


def _of_group(found: Sequence[str], k: int) -> str:
    """K of n: taken out if fewer than k are left, else by how many are up."""
    if len(found) - found.count(EXCLUDED) < k:
        return EXCLUDED
    if found.count(UP) >= k:
        return UP
    if found.count(UP) + found.count(DEGRADED) >= k:
        return DEGRADED
    return UNKNOWN if sum(found.count(x) for x in (UP, DEGRADED, UNKNOWN)) >= k else DOWN


Pieces = list[tuple[float, float, str]]


def classified(
    terms: Terms, readings: Mapping[str, Readings], period: Period, *, start_ms: int, end_ms: int
) -> dict[str, Pieces]:
    """Each unit's classes, also for the rectification period around the measured one."""
    reach_ms = round(1000 * terms.said["rectify_s"])
    begin_ms = max(start_ms, period.from_ms - reach_ms)
    until_ms = min(end_ms, period.to_ms + reach_ms)
    things = {
        name: _Thing(terms, name, readings.get(name, Readings())) for name in terms.said["things"]
    }
    units: dict[str, tuple[Sequence[str], int]] = {
        group["id"]: (group["things"], group["k"]) for group in terms.said["groups"]
    }
    taken = {name for members, _ in units.values() for name in members}
    units |= {name: ((name,), 1) for name in things if name not in taken}
    out: dict[str, Pieces] = {}
    for unit, (members, k) in units.items():
        edges = {at for name in members for at in things[name].edges()}
        inside = sorted({at for at in edges if begin_ms < at < until_ms})
        stops = [begin_ms, *inside, until_ms]
        # the period's own ends, too, so that what lies outside can be left out
        for at in (period.from_ms, period.to_ms):
            place = bisect_left(stops, at)
            if begin_ms < at < until_ms and stops[place] != at:
                stops.insert(place, at)
        out[unit] = [
            (a, b, _of_group([things[name].at(a) for name in members], k))
            for a, b in pairwise(stops)
        ]
    return out


def charged(pieces: Pieces, rectify_ms: int) -> list[bool]:
    """For each piece whether it is charged: not where its failure was mended in time."""
    found = [False] * len(pieces)
    failure: list[int] = []
    for place in range(len(pieces) + 1):
        if place < len(pieces) and pieces[place][2] != UP:
            failure.append(place)
            continue
        missed = [n for n in failure if pieces[n][2] in MISSED]
        if sum(pieces[n][1] - pieces[n][0] for n in missed) > rectify_ms:
            for n in missed:
                found[n] = True
        failure = []
    return found


def _exact(number: float) -> Fraction:
    return Fraction(str(number))


def _cents(amount: Fraction) -> Fraction:
    return Fraction(int(amount * 100 + Fraction(1, 2)), 100)


def settled(
    terms: Terms, units: Mapping[str, Pieces], period: Period, *, judged: bool
) -> dict[str, float]:
    """Times, availability, fee, credit and bonus of a period."""
    said = terms.said
    sums = dict.fromkeys((UP, DEGRADED, DOWN, UNKNOWN, EXCLUDED), 0)
    missed = Fraction(0)
    for pieces in units.values():
        marks = charged(pieces, round(1000 * said["rectify_s"]))
        for (a, b, klass), counts in zip(pieces, marks, strict=True):
            if period.from_ms <= a < period.to_ms:
                sums[klass] += int(b - a)
                weight = _exact(said["degraded_weight"]) if klass == DEGRADED else Fraction(1)
                missed += weight * int(b - a) if counts else 0
    total = sum(sums.values())
    counted = total - sums[EXCLUDED]
    kpi = 1 - missed / counted if counted else Fraction(1)
    paused = sum(
        max(0.0, min(s.to_ms, period.to_ms) - max(s.from_ms, period.from_ms))
        for s in terms.suspended
    )
    share = Fraction(int(period.to_ms - period.from_ms - paused), period.month_ms)
    fee = _cents(_exact(said["fee_eur"]) * share)
    found = {f"{klass}_ms": float(ms) for klass, ms in sums.items()}
    credit, bonus = _credit_and_bonus(said, kpi) if judged else (Fraction(0), Fraction(0))
    return found | {
        "total_ms": float(total), "availability": float(kpi), "fee_eur": float(fee),
        "credit_eur": float(_cents(fee * credit / 100)),
        "bonus_eur": float(_cents(fee * bonus / 100)),
    }  # fmt: skip


def _credit_and_bonus(said: Mapping[str, Any], kpi: Fraction) -> tuple[Fraction, Fraction]:
    """Percent of the fee."""
    short = _exact(said["target"]) - kpi
    steps = abs(short) // _exact(said["step"])
    if short > 0:
        return min(_exact(said["cap_pct"]), steps * _exact(said["credit_pct_per_step"])), short * 0
    most = _exact(said["bonus_cap_pct"])
    return short * 0, min(most, steps * _exact(said["bonus_pct_per_step"]))


# Gain share --------------------------------------------------------------------------------------


def _day_of(meter: Mapping[str, Any], readings: Mapping[str, Readings], day_ms: int,
            hold_ms: int) -> tuple[float, bool]:  # fmt: skip
    total, complete = 0.0, True
    for thing in meter["things"]:
        known = readings.get(thing, Readings())
        last_ms = day_ms + DAY_MS - (0 if meter["take"] == "use" else 1)
        rows = [
            (at, known.values[at][meter["signal"]])
            for at in known.times[
                bisect_left(known.times, day_ms) : bisect_right(known.times, last_ms)
            ]
            if meter["signal"] in known.values[at]
        ]
        if not rows:
            complete = False
            continue
        vouched = hold_ms + sum(min(b[0] - a[0], hold_ms) for a, b in pairwise(rows))
        complete = complete and vouched >= COMPLETE_SHARE * DAY_MS
        if meter["take"] == "mean":
            total += sum(value for _, value in rows) / len(rows)
        else:
            for (_, a), (_, b) in pairwise(rows):
                total += b - a if b >= a else b
    return total, complete


def days_of(
    terms: Terms, readings: Mapping[str, Readings], from_ms: int, to_ms: int
) -> list[tuple[float, float, bool]]:
    """Used, demand and completeness of each whole UTC day."""
    gain, hold_ms = terms.said["gain"], round(1000 * terms.said["unknown_after_s"])
    out = []
    day_ms = -(-from_ms // DAY_MS) * DAY_MS
    while day_ms + DAY_MS <= to_ms:
        used, whole = _day_of(gain["used"], readings, day_ms, hold_ms)
        demand, known = _day_of(gain["demand"], readings, day_ms, hold_ms)
        out.append((used, demand, whole and known))
        day_ms += DAY_MS
    return out


def fitted(days: Sequence[tuple[float, float, bool]]) -> tuple[float, float] | None:
    """Base and slope of the least squares line through the complete days, by normal equations."""
    points = [(x, y) for y, x, complete in days if complete]
    if len(points) < BASELINE_DAYS_MIN:
        return None
    n, sx, sy = len(points), sum(x for x, _ in points), sum(y for _, y in points)
    spread = n * sum(x * x for x, _ in points) - sx * sx
    slope = (n * sum(x * y for x, y in points) - sx * sy) / spread if spread > 0 else 0.0
    slope = max(0.0, slope)
    return (sy - slope * sx) / n, slope


def gained(
    terms: Terms, line: tuple[float, float], days: Sequence[tuple[float, float, bool]]
) -> float:
    """Euros of the gain share, before rounding."""
    gain = terms.said["gain"]
    base, slope = line
    saved = sum(
        base + slope * demand - used if complete else base - gain["limit_per_day"]
        for used, demand, complete in days
    )
    return float(gain["share"] * max(0.0, saved) * gain["eur_per_unit"])


FOREVER = inf
