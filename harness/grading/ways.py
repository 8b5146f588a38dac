"""Ways to look after the same machines, side by side: what each costs, and what each lets happen.

The **arms** are the variants of one scenario file whose matrix has ``seeds: same``: each is a real
configuration of people, service and contract (domain reference 6.5), and each meets the same wear,
faults, weather and partners. The first arm is what the others are compared with.

The money, by kind, is what the world itself booked and what its downtime costs. What the two sides
pay each other (fee, credits) is told beside it: it is no cost of the whole, but who bears it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.errors import InvalidRun
from harness.events import TruthHappened
from harness.grading.compare import Cell
from harness.grading.lives import downtime_h
from harness.grading.record import Record
from harness.grading.stats import paired

ENERGY, SERVICE, PARTS, ROUNDS = "energy", "service", "parts", "rounds"
DAY, NIGHT = "visits", "night_visits"
COLLECTION, SPILLS, DOWNTIME, OTHER = "collection", "spills", "downtime", "other"
KINDS = (ENERGY, SERVICE, PARTS, ROUNDS, COLLECTION, DAY, NIGHT, SPILLS, DOWNTIME, OTHER)
"""Kinds of money that a way to look after machines costs, in the order of reports."""
LINES: Mapping[str, str] = {
    "energy": ENERGY, "subscription": SERVICE, "parts": PARTS, "freight": PARTS,
    "upkeep": ROUNDS, "visits": DAY, "travel": DAY, "overtime": DAY, "trucks": COLLECTION,
    "bags": COLLECTION, "cleaning": COLLECTION, "spills": SPILLS, "downtime": DOWNTIME,
}  # fmt: skip
"""Lines of the world's bill by kind; others (storage) are :data:`OTHER`."""
TOTAL, FEE, CREDIT = "total", "fee", "credit"
TRANSFERS = (FEE, CREDIT)
"""What the customer pays the provider, and the provider the customer."""
HAPPENED = (
    "failures", "downtime_h", "planned_rounds", "tours", "stops", "day_visits", "night_calls",
    "orders",
)  # fmt: skip
"""What is counted beside the money."""
FIGURES = (TOTAL, *KINDS, *TRANSFERS, *HAPPENED)
NATURE = frozenset({
    "damage.onset", "component.failed", "fault.begun", "fault.ended", "device.down",
    "interlock.tripped", "interlock.cleared",
})  # fmt: skip
"""Truths that come by themselves; any other about a device of a site is somebody's doing."""
NO_TOUCH = frozenset({"cost.booked", "part.ordered_elsewhere"})
"""Truths about a device that change nothing of it."""

TOUR = "tour.begun"
Moment = tuple[int, str, str, str]
"""When, what, to which device, and which component or fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Untouched:
    """What happened by itself at a site, and until when nobody had done anything there."""

    until_ms: int
    moments: tuple[Moment, ...]

    def before(self, at_ms: int) -> tuple[Moment, ...]:
        """What had happened before an instant."""
        return tuple(moment for moment in self.moments if moment[0] < at_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class WayRun:
    """What one arm came to with one seed; ``figures`` are named as in :data:`FIGURES`."""

    arm: str
    seed: int
    figures: Mapping[str, float]
    failed: Mapping[str, int]
    """Failures by component."""
    nature: Mapping[str, Untouched]
    """By site."""
    trace_hash: str
    failed_checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One arm over all seeds: each figure, in the first arm and here, with the difference."""

    arm: str
    cells: Mapping[str, Cell]
    failed: Mapping[str, float]
    """Mean failures per run by component."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """All arms side by side."""

    ways: tuple[Way, ...]
    seeds: tuple[int, ...]
    runs: tuple[WayRun, ...]
    shared: int
    """Moments before anybody's doing that are the same in every arm, over all seeds."""

    @property
    def base(self) -> Way:
        """The arm that the others are compared with."""
        return self.ways[0]


def judged(
    record: Record, *, arm: str, seed: int, sites: Mapping[str, str], night_eur: float
) -> WayRun:
    """What a run came to.

    Args:
        record: Its events.
        arm: Which arm it was.
        seed: With which seed.
        sites: The site of each device.
        night_eur: What a visit by night costs; others are by day.

    Raises:
        ValueError: If the run has no result.
    """
    result = record.result
    if result is None:
        raise ValueError("a run is judged when it is over; this one has no result")
    booked = [truth for truth in record.truths if truth.kind == "cost.booked"]
    nights = [t for t in booked if t.data["what"] == "visits" and t.data["eur"] == night_eur]
    days = [t for t in booked if t.data["what"] == "visits" and t.data["eur"] != night_eur]
    euros = dict.fromkeys(KINDS, 0.0)
    for line, eur in result.costs_eur.items():
        if line != "total":
            euros[LINES.get(line, OTHER)] += eur
    night = sum(float(truth.data["eur"]) for truth in nights)
    euros[DAY] -= night
    euros[NIGHT] += night
    periods = [event.data for event in record.feed if event.kind == "outcome.period_closed"]
    failed: dict[str, int] = {}
    for truth in record.truths:
        if truth.kind == "component.failed":
            component = str(truth.data["component"])
            failed[component] = failed.get(component, 0) + 1
    happened = {
        "failures": sum(failed.values()),
        "downtime_h": sum(downtime_h(record.truths, record.end_ms).values()),
        "planned_rounds": sum(truth.kind == "upkeep.done" for truth in record.truths),
        **_tours(record.truths), "day_visits": len(days),
        "night_calls": len(nights), "orders": result.orders,
    }  # fmt: skip
    paid = {
        FEE: sum(float(data.get("fee_eur") or 0.0) for data in periods),
        CREDIT: sum(float(data.get("credit_eur") or 0.0) for data in periods),
    }
    figures = {TOTAL: sum(euros.values()), **euros, **paid}
    return WayRun(
        arm=arm, seed=seed, figures={**figures, **{k: float(v) for k, v in happened.items()}},
        failed=failed, nature=_nature(record.truths, sites, record.end_ms),
        trace_hash=result.trace_hash,
        failed_checks=tuple(check.title for check in result.failed_checks),
    )  # fmt: skip


def _tours(truths: Sequence[TruthHappened]) -> dict[str, int]:
    """Tours that ended, and the stops that were made on them."""
    tours = stops = 0
    planned: dict[str, int] = {}
    for truth in truths:
        if truth.kind == TOUR:
            planned[truth.subject] = int(truth.data["stops"])
        elif truth.kind == "tour.ended":
            tours += 1
            left = planned.get(truth.subject, 0) - int(truth.data["skipped"])
            stops += int(truth.data.get("served", left))
    return {"tours": tours, "stops": stops}


def _nature(
    truths: Sequence[TruthHappened], sites: Mapping[str, str], end_ms: int
) -> dict[str, Untouched]:
    """What came by itself at each site, up to the first thing that anybody did there."""
    moments: dict[str, list[Moment]] = {site: [] for site in sites.values()}
    tour_ms = min((truth.at_ms for truth in truths if truth.kind == TOUR), default=end_ms)
    until_ms = dict.fromkeys(moments, tour_ms)  # emptied is touched; truth does not tell of whom
    for truth in truths:
        site = sites.get(truth.subject)
        if site is None or truth.kind in NO_TOUCH:
            continue
        if truth.kind in NATURE:
            what = str(truth.data.get("component") or truth.data.get("fault") or "")
            moments[site].append((truth.at_ms, truth.kind, truth.subject, what))
        else:
            until_ms[site] = min(until_ms.get(site, end_ms), truth.at_ms)
    return {
        site: Untouched(until_ms=until_ms.get(site, end_ms), moments=tuple(sorted(seen)))
        for site, seen in moments.items()
    }


def compare_ways(runs: Sequence[WayRun]) -> Ways:
    """Put the arms side by side, by seed.

    Args:
        runs: Every arm with every seed; the first of them is of the arm to compare with.

    Raises:
        InvalidRun: If the worlds of two arms differ before anybody did anything in either.
    """
    names = tuple(dict.fromkeys(run.arm for run in runs))
    seeds = tuple(dict.fromkeys(run.seed for run in runs))
    found = {(run.arm, run.seed): run for run in runs}
    shared = sum(_shared([found[name, seed] for name in names]) for seed in seeds)
    ways = []
    for name in names:
        pairs = [(found[names[0], seed], found[name, seed]) for seed in seeds]
        cells = {
            figure: _cell([(base.figures[figure], mine.figures[figure]) for base, mine in pairs])
            for figure in FIGURES
        }
        parts = sorted({part for _, mine in pairs for part in mine.failed})
        mean = {part: fmean(mine.failed.get(part, 0) for _, mine in pairs) for part in parts}
        ways.append(Way(arm=name, cells=cells, failed=mean))
    return Ways(ways=tuple(ways), seeds=seeds, runs=tuple(runs), shared=shared)


def _cell(values: Sequence[tuple[float, float]]) -> Cell:
    base, mine = fmean(b for b, _ in values), fmean(m for _, m in values)
    return Cell(base, mine, paired([m - b for b, m in values]))


def _shared(arms: Sequence[WayRun]) -> int:
    """How many moments all arms of a seed have in common, before anybody's doing in any.

    A site is a world of its own: what is done at one changes no other.
    """
    count = 0
    for site, first in arms[0].nature.items():
        until_ms = min(arm.nature[site].until_ms for arm in arms)
        mine = first.before(until_ms)
        for arm in arms[1:]:
            theirs = arm.nature[site].before(until_ms)
            if theirs != mine:
                odd = min(set(mine) ^ set(theirs))
                raise InvalidRun(
                    f"seed {arm.seed}: {arms[0].arm} and {arm.arm} are not the same world: at "
                    f"{site}, before anybody did anything, {odd[1]} of {odd[2]} ({odd[3]}) at "
                    f"{odd[0]} ms is in one only; arms may differ in people, service and contract"
                )
        count += len(mine)
    return count
