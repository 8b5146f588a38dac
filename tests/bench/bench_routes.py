"""Routes for a morning of a city: 700 containers and 6 trucks, by CPU time of one core.

Two fifths must be served, the others have a prize; a tenth has a window. Measured is all of it:
distances, nearest neighbour + 2-opt, and the solver that begins there. Beside it stands nearest
neighbour + 2-opt alone, in time and in euros.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

CONTAINERS, TRUCKS = 700, 6
GOAL_S = 10.0


def morning(count: int = CONTAINERS, trucks: int = TRUCKS) -> Any:
    """The problem; containers stand about 2 km around the middle of a town."""
    from reference_impl.maintenance.collection import domain as d
    from reference_impl.maintenance.travel import Place, Roads

    rng = np.random.default_rng(7)
    points = [(0.0, 0.0), (0.03, 0.04), *rng.normal(0.0, 0.018, (count, 2)).tolist()]
    places = [
        Place(id=str(n), latitude_deg=53.0 + a, longitude_deg=10.0 + b)
        for n, (a, b) in enumerate(points)
    ]
    roads = Roads(speed_kmh=25.0)
    far = roads.distances_m(places)
    stops = []
    for number in range(count):
        litres, must = int(rng.integers(150, 570)), bool(rng.random() < 0.4)
        early, late = (6, 10) if rng.random() < 0.1 else (0, 24)
        stops.append(
            d.Stop(
                thing=f"c-{number}", load=(litres, litres // 10), service_s=180, must=must,
                prize_mils=0 if must else int(rng.integers(1, 20)) * d.MILS_PER_EUR,
                early_s=early * 3600, late_s=late * 3600,
            )
        )  # fmt: skip
    crews = tuple(
        d.Truck(id=f"truck-{n}", capacity=(40_000, 5_000), from_s=6 * 3600, to_s=14 * 3600,
                mils_s=2556, mils_m=0)
        for n in range(trucks)
    )  # fmt: skip
    return d.Problem(
        trucks=crews, stops=tuple(stops), distance_m=far,
        duration_s=roads.durations_ms(far) // 1000, unload_s=1200,
    )  # fmt: skip


def route_rows(row: Any) -> list[dict[str, Any]]:
    """Lines of the benchmark's table."""
    from reference_impl.maintenance.collection import domain as d
    from reference_impl.maintenance.collection import heuristic, solver

    solver.planned(small := morning(12, 1), heuristic.nearest_neighbour(small), steps=5)
    begun_s = time.process_time()
    problem = morning()
    own = heuristic.nearest_neighbour(problem)
    own_s = time.process_time() - begun_s
    plan = solver.planned(problem, own)
    took_s = time.process_time() - begun_s
    assert not d.faults(problem, plan), d.faults(problem, plan)
    there = set(d.served(plan))
    missed = [n for n, stop in enumerate(problem.stops) if stop.must and n not in there]
    assert not missed, missed
    eur, own_eur = (d.mils(problem, one) / d.MILS_PER_EUR for one in (plan, own))
    assert eur <= own_eur
    beside = "nearest neighbour + 2-opt"
    return [
        row(f"routes: {CONTAINERS} containers, {TRUCKS} trucks (CPU)", took_s, "s", GOAL_S,
            beside, own_s),
        row("what the day costs, prizes left behind included", round(eur, 2), "EUR", None,
            beside, round(own_eur, 2)),
        row("stops made", len(there), "stops", None, beside, len(d.served(own))),
    ]  # fmt: skip
