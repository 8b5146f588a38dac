"""Nearest neighbour, then 2-opt: the plan that any better one has to beat.

What must be served comes first; what need not be is put where it pays, dearest first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from reference_impl.maintenance.collection.domain import (
    DEPOT,
    DISPOSAL,
    FIRST_STOP,
    Plan,
    Problem,
    Trips,
    Truck,
    Whole,
    drive,
)

PASSES_MAX = 40
"""Sweeps of 2-opt; it stops at the first that finds nothing."""
PLACES_TRIED = 4
"""How many of the cheapest places a stop is tried in."""


def nearest_neighbour(problem: Problem) -> Plan:
    """Routes by nearest neighbour, 2-opt in each trip, and what pays put in between."""
    left = {number for number, stop in enumerate(problem.stops) if stop.must}
    routes: list[Trips] = []
    for truck in problem.trucks:
        trips = _nearest(problem, truck, left)
        left -= {number for trip in trips for number in trip}
        routes.append(_shorter(problem, truck, trips))
    routes = _put_in(problem, routes, sorted(left))
    optional = [number for number, stop in enumerate(problem.stops) if not stop.must]
    routes = _put_in(
        problem, routes, sorted(optional, key=lambda n: (-problem.stops[n].prize_mils, n))
    )
    day = zip(problem.trucks, routes, strict=True)
    return Plan(tuple(_shorter(problem, truck, trips) for truck, trips in day))


def _nearest(problem: Problem, truck: Truck, left: set[int]) -> Trips:
    """From where the truck is to what is nearest and can still be taken, until nothing can."""
    trips: list[tuple[int, ...]] = []
    trip: list[int] = []
    load, now_s, here = (0, 0), truck.from_s, DEPOT
    free = np.array(sorted(left), dtype=np.int64)
    while free.size:
        found = _next(problem, truck, free, (now_s, here, load))
        if found is None and trip:  # full: unload, and see whether there is time for more
            now_s += int(problem.duration_s[here, DISPOSAL]) + problem.unload_s
            trips.append(tuple(trip))
            trip, load, here = [], (0, 0), DISPOSAL
            continue
        if found is None:
            break
        number, begin_s = found
        stop = problem.stops[number]
        trip.append(number)
        load = load[0] + stop.load[0], load[1] + stop.load[1]
        now_s, here = begin_s + stop.service_s, FIRST_STOP + number
        free = free[free != number]
    return tuple([*trips, tuple(trip)] if trip else trips)


def _next(
    problem: Problem, truck: Truck, free: Whole, at: tuple[int, int, tuple[int, int]]
) -> tuple[int, int] | None:
    """The nearest stop that fits, and when it begins."""
    now_s, here, load = at
    long = problem.duration_s
    for place in np.argsort(long[here, FIRST_STOP + free], kind="stable"):
        number = int(free[place])
        stop, there = problem.stops[number], FIRST_STOP + number
        begin_s = max(now_s + int(long[here, there]), stop.early_s)
        home_s = begin_s + stop.service_s + int(long[there, DISPOSAL]) + problem.unload_s
        home_s += int(long[DISPOSAL, DEPOT])
        full = any(a + b > c for a, b, c in zip(load, stop.load, truck.capacity, strict=True))
        if not full and begin_s <= stop.late_s and home_s <= truck.to_s:
            return number, begin_s
    return None


Places = Sequence[int] | Whole


def _price(problem: Problem, truck: Truck) -> Callable[[Places, Places], Whole]:
    """What ways between places cost the truck, in mils."""

    def price(here: Places, there: Places) -> Whole:
        far, long = problem.distance_m[here, there], problem.duration_s[here, there]
        return np.asarray(far * truck.mils_m + long * truck.mils_s, dtype=np.int64)

    return price


def _ring(trips: Trips, number: int) -> list[int]:
    """The places of a trip, from where it begins to where it unloads."""
    begin = DISPOSAL if number else DEPOT
    return [begin, *(FIRST_STOP + stop for stop in trips[number]), DISPOSAL]


def _shorter(problem: Problem, truck: Truck, trips: Trips) -> Trips:
    """2-opt in every trip; a turn that breaks a window is taken back."""
    for number in range(len(trips)):
        for _ in range(PASSES_MAX):
            turned = _turned(problem, truck, trips, number)
            if turned == trips:
                break
            trips = turned
    return trips


def _turned(problem: Problem, truck: Truck, trips: Trips, number: int) -> Trips:
    """One sweep of 2-opt through a trip."""
    price = _price(problem, truck)
    ring = _ring(trips, number)
    for begin in range(1, len(ring) - 2):
        ends = np.arange(begin + 1, len(ring) - 1)
        here = np.array(ring)
        firsts = np.full(ends.size, here[begin - 1])
        was = price([here[begin - 1]], [here[begin]]) + price(here[ends], here[ends + 1])
        now = price(firsts, here[ends]) + price(np.full(ends.size, here[begin]), here[ends + 1])
        best = int((was - now).argmax())
        if was[best] <= now[best]:
            continue
        end = int(ends[best])
        fresh = ring[:begin] + ring[begin : end + 1][::-1] + ring[end + 1 :]
        trip = tuple(place - FIRST_STOP for place in fresh[1:-1])
        wanted = (*trips[:number], trip, *trips[number + 1 :])
        if not drive(problem, truck, wanted).wrong:
            trips, ring = wanted, fresh
    return trips


def _put_in(problem: Problem, routes: list[Trips], numbers: Sequence[int]) -> list[Trips]:
    """Put each stop where it costs least, if that is less than leaving it and can be driven."""
    for number in numbers:
        stop = problem.stops[number]
        for more, which, trips in _places(problem, routes, number):
            if not stop.must and more >= stop.prize_mils:
                break
            if not drive(problem, problem.trucks[which], trips).wrong:
                routes[which] = trips
                break
    return routes


def _places(problem: Problem, routes: Sequence[Trips], number: int) -> list[tuple[int, int, Trips]]:
    """The cheapest places for a stop: mils more, which truck, its trips with the stop."""
    stop, there = problem.stops[number], FIRST_STOP + number
    found: list[tuple[int, int, Trips]] = []
    for which, truck in enumerate(problem.trucks):
        price, trips = _price(problem, truck), routes[which] or ((),)
        out = 0 if routes[which] else _empty_mils(problem, truck)
        work = stop.service_s * truck.mils_s + out
        ways: list[tuple[int, int, int]] = []
        for trip in range(len(trips)):
            ring = np.array(_ring(trips, trip))
            here, after = ring[:-1], ring[1:]
            new = np.full(here.size, there)
            more = price(here, new) + price(new, after) - price(here, after) + work
            best = np.argsort(more, kind="stable")[:PLACES_TRIED]
            ways += [(int(more[place]), trip, int(place)) for place in best]
        for more_mils, trip, place in sorted(ways)[:PLACES_TRIED]:
            longer = (*trips[trip][:place], number, *trips[trip][place:])
            found.append((more_mils, which, (*trips[:trip], longer, *trips[trip + 1 :])))
    return sorted(found, key=lambda one: one[:2])


def _empty_mils(problem: Problem, truck: Truck) -> int:
    """What it costs that a truck goes out at all, beside the way to its first stop."""
    far, long = problem.distance_m, problem.duration_s
    way_m = int(far[DEPOT, DISPOSAL] + far[DISPOSAL, DEPOT])
    way_s = int(long[DEPOT, DISPOSAL] + long[DISPOSAL, DEPOT]) + problem.unload_s
    return way_m * truck.mils_m + way_s * truck.mils_s
