"""What some days of a collection came to, beside fixed rounds through everything."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.rows import Row
from reference_impl.maintenance.collection import domain as d
from reference_impl.maintenance.collection import needs
from reference_impl.maintenance.collection.heuristic import nearest_neighbour
from reference_impl.maintenance.collection.service import Collections, problem_of
from reference_impl.maintenance.collection.states import StopState

WEEK_MS = 7 * 86_400_000


def summary(
    conn: sa.Connection, planning: Collections, collection: Row, *, from_ms: int, to_ms: int,
    rounds_per_week: float, at_ms: int,
) -> dict[str, Any]:  # fmt: skip
    """Plans of ``[from_ms, to_ms)``, their stops and costs; a fixed round costs what it would."""
    rows, name = planning.rows, collection["id"]
    plans = [row for row in rows.plans.items(conn, collection=name)
             if from_ms <= row["planned_ms"] < to_ms]  # fmt: skip
    ids = {row["id"] for row in plans}
    routes = [row for row in rows.routes.items(conn, collection=name) if row["plan"] in ids]
    stops = [stop for route in routes for stop in rows.stops.items(conn, route=route["id"])]
    served = [stop for stop in stops if stop["state"] == StopState.SERVED.value]
    things = list(planning.things(conn, collection["body"]))
    weeks = max(to_ms - from_ms, 1) / WEEK_MS
    fixed_eur = None
    if rounds_per_week > 0.0:
        fixed_eur = round(
            weeks * rounds_per_week * _round_eur(planning, collection, things, at_ms), 2
        )
    return {
        "collection": name, "from_ms": from_ms, "to_ms": to_ms, "plans": len(plans),
        "routes": len(routes), "stops": len(stops), "served": len(served),
        "must": sum(stop["must"] for stop in stops),
        "cleaned": sum("clean" in stop["tasks"] for stop in served),
        "distance_m": sum(route["distance_m"] for route in routes),
        "cost_eur": round(sum(route["cost_eur"] for route in routes), 2),
        "baseline_eur": round(sum(plan["baseline_eur"] for plan in plans), 2),
        "fixed_eur": fixed_eur,
        "served_per_week": round(len(served) / weeks / max(len(things), 1), 3),
    }  # fmt: skip


def _round_eur(planning: Collections, collection: Row, things: list[str], at_ms: int) -> float:
    """What one round through everything that can be found costs, half full as they come."""
    body = {**collection["body"], "cleaning": None, "windows": {}}
    places = needs.places_of(planning.telemetry, body, things, at_ms)
    wanted = [needs.Want(thing, True, (), 0.0, 0.5, 0.0, ("empty",)) for thing in places]
    problem = problem_of(body, wanted, list(places.values()))
    plan = nearest_neighbour(problem)
    day = zip(problem.trucks, plan.routes, strict=True)
    return sum(d.drive(problem, truck, trips).mils(truck) for truck, trips in day) / d.MILS_PER_EUR
