"""A better plan by PyVRP (hybrid iterated local search), begun at nearest neighbour and 2-opt.

It stops after a number of steps, never by the clock, and its seed is a function of the problem, so
that the same morning has the same plan wherever it is computed.
"""

from __future__ import annotations

import importlib.util
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from reference_impl.kernel.errors import Invalid
from reference_impl.kernel.errors import Problem as Wrong
from reference_impl.kernel.ids import digest
from reference_impl.maintenance.collection.domain import (
    DEPOT,
    DISPOSAL,
    FIRST_STOP,
    MISSED_MILS,
    Plan,
    Problem,
    Trips,
    Whole,
    faults,
    mils,
    served,
)

if TYPE_CHECKING:
    import pyvrp

EXTRA = "routes"
LIBRARY = "pyvrp"
HOME = 2
"""Place of the solver's matrices, behind depot and disposal: unloaded a last time, and home."""
RELOADS_MAX = 4
"""Times a truck unloads in mid-shift."""
STEPS = 1_000
"""Steps of the search."""


def installed() -> bool:
    """Whether the library is there."""
    return importlib.util.find_spec(LIBRARY) is not None


def must_be_installed() -> None:
    """Raise Invalid, saying what to install, unless the library is there."""
    if not installed():
        what = f"routes are planned by the package {LIBRARY}, which is not installed"
        allowed = f"pip install 'twinrig[{EXTRA}]'"
        raise Invalid(
            "routes cannot be planned here", [Wrong(where="", what=what, allowed=allowed)]
        )


def seed_of(problem: Problem) -> int:
    """A seed that is a function of the morning."""
    said = [asdict(truck) for truck in problem.trucks], [asdict(stop) for stop in problem.stops]
    return int(digest(*said, problem.distance_m.tolist(), problem.unload_s)[:7], 16)


def planned(problem: Problem, own: Plan, *, steps: int = STEPS) -> Plan:
    """The better one of the solver's plan and of ``own``: nearest neighbour + 2-opt."""
    if not problem.stops or not installed():
        return own
    better = _solved(problem, own, steps)
    if faults(problem, better) or mils(problem, better) >= mils(problem, own):
        return own
    return better


def _solved(problem: Problem, own: Plan, steps: int) -> Plan:
    # The library takes 0.2 s to load, and most services plan no routes.
    import pyvrp  # noqa: PLC0415
    from pyvrp.stop import MaxIterations  # noqa: PLC0415

    data = _data(problem, frozenset(served(own)))
    routes = [
        pyvrp.Route(data, _visits(trips), which) for which, trips in enumerate(own.routes) if trips
    ]
    result = pyvrp.solve(
        data,
        MaxIterations(steps),
        seed=seed_of(problem),
        collect_stats=False,
        initial_solution=pyvrp.Solution(data, routes),
    )
    found: list[Trips] = [()] * len(problem.trucks)
    for route in result.best.routes():
        found[route.vehicle_type()] = _trips(route)
    return Plan(tuple(found))


def _data(problem: Problem, placed: frozenset[int]) -> pyvrp.ProblemData:
    """The morning as the solver takes it.

    A stop that must be served and that the own plan could not place is one with a prize beyond all
    else: there would be no solution if all the fleet cannot do it.
    """
    import pyvrp  # noqa: PLC0415

    clients = []
    for number, stop in enumerate(problem.stops):
        required = stop.must and number in placed
        prize = 0 if required else MISSED_MILS if stop.must else stop.prize_mils
        clients.append(
            pyvrp.Client(
                location=HOME + 1 + number, pickup=list(stop.load), required=required, prize=prize,
                service_duration=stop.service_s, tw_early=stop.early_s, tw_late=stop.late_s,
            )
        )  # fmt: skip
    depots = [
        pyvrp.Depot(location=DEPOT),
        pyvrp.Depot(location=DISPOSAL, service_duration=problem.unload_s),
        pyvrp.Depot(location=HOME),
    ]
    vehicles = [
        pyvrp.VehicleType(
            num_available=1, capacity=list(truck.capacity), start_depot=DEPOT, end_depot=HOME,
            tw_early=truck.from_s, tw_late=truck.to_s, unit_distance_cost=truck.mils_m,
            unit_duration_cost=truck.mils_s, reload_depots=[DISPOSAL], max_reloads=RELOADS_MAX,
        )
        for truck in problem.trucks
    ]  # fmt: skip
    places = [pyvrp.Location(0, 0) for _ in range(HOME + 1 + len(problem.stops))]
    far = _with_home(problem.distance_m, 0)
    long = _with_home(problem.duration_s, problem.unload_s)
    return pyvrp.ProblemData(places, clients, depots, vehicles, [far], [long])


def _with_home(matrix: Whole, unload: int) -> Whole:
    """The matrix with a place for "unloaded, and home" behind depot and disposal."""
    out = np.insert(np.insert(matrix, HOME, 0, axis=0), HOME, 0, axis=1)
    out[:, HOME] = out[:, DISPOSAL] + unload + int(matrix[DISPOSAL, DEPOT])
    out[HOME, HOME] = 0
    return out


def _visits(trips: Trips) -> list[pyvrp.Activity]:
    """A route as the solver writes it: an unloading between two trips."""
    import pyvrp  # noqa: PLC0415

    found = []
    for number, trip in enumerate(trips):
        if number:
            found.append(pyvrp.Activity(pyvrp.ActivityType.DEPOT, DISPOSAL))
        found += [pyvrp.Activity(pyvrp.ActivityType.CLIENT, stop) for stop in trip]
    return found


def _trips(route: pyvrp.Route) -> Trips:
    """A route as trips."""
    trips: list[list[int]] = [[]]
    for activity in route:
        if activity.is_client():
            trips[-1].append(activity.idx)
        elif trips[-1]:
            trips.append([])
    return tuple(tuple(trip) for trip in trips if trip)


assert FIRST_STOP == HOME, "the solver's places stand one behind ours"
