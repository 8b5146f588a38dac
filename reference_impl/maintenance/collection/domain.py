"""A morning's collection as a problem, and what a plan of it costs (row CC25, domain 6.3).

Everything is whole numbers, so that a plan is the same on every machine: metres, seconds, litres,
kilograms, and money in mils (1 EUR is 100,000 of them). A truck leaves the depot, takes containers
until it is full, unloads at the disposal, goes on, unloads a last time and drives home.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MILS_PER_EUR = 100_000
DEPOT, DISPOSAL, FIRST_STOP = 0, 1, 2
"""Places of the matrices; stop i has the place ``FIRST_STOP + i``."""
MISSED_MILS = 1_000_000 * MILS_PER_EUR
"""What leaving out a stop that must be served counts: more than any route costs."""
DAY_S = 86_400

Whole = npt.NDArray[np.int64]
Trips = tuple[tuple[int, ...], ...]
"""Stops by number, in order; one tuple from each unloading to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truck:
    """A truck with its crew, and when it may be out (seconds of the local day)."""

    id: str
    capacity: tuple[int, int]
    """Litres as thrown in, and kilograms."""
    from_s: int
    to_s: int
    mils_s: int
    """What a second of its shift costs, crew included."""
    mils_m: int
    """What a metre costs besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A container that may or must be emptied."""

    thing: str
    load: tuple[int, int]
    """Litres as thrown in, and kilograms."""
    service_s: int
    must: bool
    prize_mils: int = 0
    """What it is worth to serve one that need not be."""
    early_s: int = 0
    late_s: int = DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A morning. Matrices have shape ``(2 + stops, 2 + stops)``: depot, disposal, stops."""

    trucks: tuple[Truck, ...]
    stops: tuple[Stop, ...]
    distance_m: Whole = field(repr=False)
    duration_s: Whole = field(repr=False)
    unload_s: int


class Driven(NamedTuple):
    """A truck's day as it will be if nothing happens."""

    wrong: tuple[str, ...]
    """Why it cannot be driven; empty: it can."""
    distance_m: int
    start_s: int
    end_s: int
    arrivals_s: tuple[int, ...]
    """When each stop begins, in order."""

    def mils(self, truck: Truck) -> int:
        """What it costs."""
        return self.distance_m * truck.mils_m + (self.end_s - self.start_s) * truck.mils_s


class Plan(NamedTuple):
    """Trips by truck, in the order of the problem's trucks; a truck without trips stays."""

    routes: tuple[Trips, ...]


def drive(problem: Problem, truck: Truck, trips: Trips) -> Driven:
    """Go through a day, leaving as late as costs nothing.

    The start is moved by the forward time slack (Savelsbergh 1992): the least, over all stops, of
    the waiting up to it plus what its window leaves.
    """
    if not any(trips):
        return Driven((), 0, truck.from_s, truck.from_s, ())
    far, long = problem.distance_m, problem.duration_s
    wrong: list[str] = []
    now_s, here, way_m, waited_s = truck.from_s, DEPOT, 0, 0
    slack_s, arrivals = truck.to_s, []
    waits: list[int] = []
    for trip in trips:
        loads = [sum(problem.stops[n].load[kind] for n in trip) for kind in (0, 1)]
        if loads[0] > truck.capacity[0] or loads[1] > truck.capacity[1]:
            wrong.append(f"{truck.id}: {loads[0]} l and {loads[1]} kg in one trip")
        for number in trip:
            stop, there = problem.stops[number], FIRST_STOP + number
            way_m += int(far[here, there])
            now_s += int(long[here, there])
            wait_s = max(stop.early_s - now_s, 0)
            waited_s, now_s = waited_s + wait_s, now_s + wait_s
            if now_s > stop.late_s:
                wrong.append(f"{truck.id}: {stop.thing} is reached after its window")
            slack_s = min(slack_s, waited_s + stop.late_s - now_s)
            arrivals.append(now_s)
            waits.append(waited_s)
            now_s, here = now_s + stop.service_s, there
        way_m += int(far[here, DISPOSAL])
        now_s, here = now_s + int(long[here, DISPOSAL]) + problem.unload_s, DISPOSAL
    way_m += int(far[DISPOSAL, DEPOT])
    end_s = now_s + int(long[DISPOSAL, DEPOT])
    if end_s > truck.to_s:
        wrong.append(f"{truck.id}: home {end_s - truck.to_s} s after its shift")
    later_s = max(min(slack_s, waited_s), 0)
    shown = tuple(at_s + max(later_s - w, 0) for at_s, w in zip(arrivals, waits, strict=True))
    return Driven(tuple(wrong), way_m, truck.from_s + later_s, end_s, shown)


def served(plan: Plan) -> list[int]:
    """Stops that a plan serves, by number."""
    return [number for trips in plan.routes for trip in trips for number in trip]


def mils(problem: Problem, plan: Plan) -> int:
    """What a plan costs: shifts, metres, and what it leaves."""
    day = zip(problem.trucks, plan.routes, strict=True)
    driven = sum(drive(problem, truck, trips).mils(truck) for truck, trips in day)
    return driven + left_mils(problem, served(plan))


def left_mils(problem: Problem, numbers: Sequence[int]) -> int:
    """What leaving out all but these stops counts."""
    there = set(numbers)
    left = [stop for number, stop in enumerate(problem.stops) if number not in there]
    return sum(MISSED_MILS if stop.must else stop.prize_mils for stop in left)


def faults(problem: Problem, plan: Plan) -> list[str]:
    """Why a plan cannot be driven: load, time, windows, or a stop that is served twice."""
    wrong = [
        text
        for truck, trips in zip(problem.trucks, plan.routes, strict=True)
        for text in drive(problem, truck, trips).wrong
    ]
    seen = set[int]()
    for number in served(plan):
        if number in seen:
            wrong.append(f"{problem.stops[number].thing} is served twice")
        seen.add(number)
    return wrong
