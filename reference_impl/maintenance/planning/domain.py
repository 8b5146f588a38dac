"""Jobs, those who do them, and what a day of theirs looks like. Pure; all times int ms.

A route is a sequence of jobs of one technician. Its times follow from it: each job begins as early
as the way, the shift with its breaks, the job's window and the way home allow; what does not fit
into a shift is done in the next one, from home.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reference_impl.maintenance.calendars import Span
from reference_impl.maintenance.travel import ROADS, Place, Roads, Shift

NEVER = 2**62
"""Later than anything."""
BUNDLE_VISIT_MS = 30 * 86_400_000
BUNDLE_LEFT_MS = 60 * 86_400_000
"""6.4: if a visit is planned within 30 d, pull forward what lasts less than 60 d and costs less
than the visit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A visit that is to be made.

    ``respond_ms`` and ``restore_ms`` are when somebody must be there, and be done; missing one is a
    breach. ``window`` was agreed on: the work lies in it or is not done. ``only`` are those who may
    do it, None: whoever has the skills; ``begin_ms`` is a beginning that nobody may move.
    """

    id: str
    place: Place
    work_ms: int
    ready_ms: int = 0
    skills: frozenset[str] = frozenset()
    respond_ms: int | None = None
    restore_ms: int | None = None
    window: Span | None = None
    only: frozenset[str] | None = None
    begin_ms: int | None = None
    weight: int = 1
    """What a breach of it counts for: more hurry, more weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Somebody who can be sent: from ``now_ms`` on, where he is then, with his shifts ahead."""

    id: str
    home: Place
    shifts: tuple[Shift, ...]
    skills: frozenset[str] = frozenset()
    at: Place | None = None
    """Where he is when the first shift begins; None: at home."""
    free_ms: int = 0
    """When he is done with what he does now."""

    def able(self, job: Job) -> bool:
        """Whether he knows the work and may do it."""
        return job.skills <= self.skills and (job.only is None or self.id in job.only)


class Cost(NamedTuple):
    """What a plan is judged by, most important first; adds up over technicians."""

    breaches: int = 0
    """Weights of the jobs that are late, or of those not done that will be."""
    undone: int = 0
    late_ms: int = 0
    travel_ms: int = 0
    sum_ms: int = 0
    """Sum of the ends: sooner is better, if all else is equal."""

    def plus(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(*(one + two for one, two in zip(self, other, strict=True)))


class Stop(NamedTuple):
    """One job of a route with its times."""

    job: str
    shift: int
    leave_ms: int
    arrive_ms: int
    begin_ms: int
    end_ms: int
    travel_ms: int


class Head(NamedTuple):
    """How far a route has come: where its technician is, in which shift, when."""

    place: Place
    shift: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What times depend on: roads, and the ways that were looked up."""

    roads: Roads = ROADS
    known: dict[tuple[str, str], int] = field(default_factory=dict)

    def way_ms(self, begin: Place, end: Place) -> int:
        """How long the way from one place to another takes."""
        key = (begin.id, end.id)
        if key not in self.known:
            self.known[key] = self.roads.duration_ms(begin, end)
        return self.known[key]

    def know(self, places: Sequence[Place]) -> None:
        """Look up all ways between places at once."""
        ways = self.roads.durations_ms(self.roads.distances_m(places)).tolist()
        for begin, row in zip(places, ways, strict=True):
            self.known.update({(begin.id, b.id): ms for b, ms in zip(places, row, strict=True)})


def start_of(worker: Worker) -> Head:
    """Where a technician's route begins."""
    return Head(worker.at or worker.home, 0, worker.free_ms)


def after(ground: Ground, worker: Worker, head: Head, job: Job) -> tuple[Head, Stop] | None:
    """What comes of appending a job: the head after it, and its stop; None: it fits no shift."""
    for number in range(head.shift, len(worker.shifts)):
        begin = head if number == head.shift else Head(worker.home, number, 0)
        stop = _in_shift(ground, worker, begin, job)
        if stop is not None:
            return Head(job.place, number, stop.end_ms), stop
    return None


def _in_shift(ground: Ground, worker: Worker, head: Head, job: Job) -> Stop | None:
    """The stop that a job is in the shift of a head; None: it does not fit."""
    shift = worker.shifts[head.shift]
    way_ms = ground.way_ms(head.place, job.place)
    drive = shift.finish(max(head.at_ms, shift.from_ms), way_ms)
    if drive is None:
        return None
    leave_ms, arrive_ms = drive
    earliest_ms = max(arrive_ms, job.ready_ms, 0 if job.window is None else job.window[0])
    if job.begin_ms is not None:
        if arrive_ms > job.begin_ms:
            return None
        earliest_ms = job.begin_ms
    work = shift.finish(earliest_ms, job.work_ms)
    if work is None or (job.begin_ms is not None and work[0] != job.begin_ms):
        return None
    begin_ms, end_ms = work
    if job.window is not None and end_ms > job.window[1]:
        return None
    back = shift.finish(end_ms, ground.way_ms(job.place, worker.home))
    if back is None:
        return None
    waits_ms = max(begin_ms - arrive_ms, 0)
    if waits_ms:  # rather wait at home, or where he is, than at a closed door
        later = _leave_later(shift, leave_ms, way_ms, begin_ms)
        leave_ms, arrive_ms = later, begin_ms if later != leave_ms else arrive_ms
    return Stop(job.id, head.shift, leave_ms, arrive_ms, begin_ms, end_ms, way_ms)


def _leave_later(shift: Shift, leave_ms: int, way_ms: int, begin_ms: int) -> int:
    """The latest departure of the span in which the work begins that arrives just in time."""
    for from_ms, to_ms in shift.spans:
        if from_ms <= begin_ms < to_ms and begin_ms - way_ms >= max(from_ms, leave_ms):
            return begin_ms - way_ms
    return leave_ms


def cost_of(job: Job, stop: Stop) -> Cost:
    """What a stop costs, without the way home."""
    late = [
        actual - due
        for actual, due in ((stop.arrive_ms, job.respond_ms), (stop.end_ms, job.restore_ms))
        if due is not None and actual > due
    ]
    breaches = job.weight if late else 0
    return Cost(breaches, 0, sum(late), stop.travel_ms, stop.end_ms)


def undone(job: Job, until_ms: int) -> Cost:
    """What it costs not to do a job before ``until_ms``; a time that stands is a promise too."""
    dues = [due for due in (job.respond_ms, job.restore_ms) if due is not None]
    late = [until_ms - due for due in dues if due < until_ms]
    missed = bool(late) or job.begin_ms is not None
    return Cost(job.weight if missed else 0, job.weight, sum(late), 0, until_ms)


def home_ms(ground: Ground, worker: Worker, before: Head, after_: Head | None) -> int:
    """The way home that a route takes between two stops, or at its end: once per shift."""
    if before.place == worker.home or (after_ is not None and after_.shift == before.shift):
        return 0
    return ground.way_ms(before.place, worker.home)


def walk(ground: Ground, worker: Worker, jobs: Sequence[Job]) -> Iterator[tuple[Job, Stop]] | None:
    """The stops of a route; None: it cannot be made."""
    head, stops = start_of(worker), []
    for job in jobs:
        found = after(ground, worker, head, job)
        if found is None:
            return None
        head, stop = found
        stops.append((job, stop))
    return iter(stops)


def route_cost(ground: Ground, worker: Worker, jobs: Sequence[Job]) -> Cost | None:
    """What a route costs with all ways home; None: it cannot be made."""
    head, total = start_of(worker), Cost()
    for job in jobs:
        found = after(ground, worker, head, job)
        if found is None:
            return None
        total = total.plus(cost_of(job, found[1]))
        total = total.plus(Cost(travel_ms=home_ms(ground, worker, head, found[0])))
        head = found[0]
    return total.plus(Cost(travel_ms=home_ms(ground, worker, head, None)))


class Soon(NamedTuple):
    """A part that will be due: where, what lasts how long, what it costs."""

    thing: str
    position: str
    part: str
    quantity: int
    left_ms: float
    value_eur: float


def pulled_forward(
    soon: Sequence[Soon], *, visit_ms: int, at_ms: int, visit_eur: float
) -> list[Soon]:
    """What a visit takes along (6.4): due in less than 60 d, cheaper than another visit."""
    if not 0 <= visit_ms - at_ms <= BUNDLE_VISIT_MS:
        return []
    near = [one for one in soon if one.left_ms < BUNDLE_LEFT_MS and one.value_eur < visit_eur]
    return sorted(near, key=lambda one: (one.left_ms, one.thing, one.position))
