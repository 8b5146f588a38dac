"""Collections and their mornings: every day a plan, from the plan routes for crews to drive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.ports import Directory, TelemetryView, ThingRef
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance.collection import clocks, needs, solver
from reference_impl.maintenance.collection import domain as d
from reference_impl.maintenance.collection.heuristic import nearest_neighbour
from reference_impl.maintenance.collection.ports import CollectionRows, Fills, OpenAlerts
from reference_impl.maintenance.collection.states import Route, StopState
from reference_impl.maintenance.travel import Place, Roads
from reference_impl.published import CollectionChanged

MORNING = "maintenance/collection-morning"
"""The timer of a collection's next plan."""
BY_SERVICE = "service"


class Collections:
    """Use cases of planning."""

    def __init__(
        self,
        *,
        rows: CollectionRows,
        scheduler: Scheduler,
        directory: Directory,
        telemetry: TelemetryView,
        alerts: OpenAlerts,
        fills: Fills,
    ) -> None:
        self.rows, self._scheduler = rows, scheduler
        self._directory, self.telemetry, self._alerts = directory, telemetry, alerts
        self._fills = fills

    def subscribe(self) -> None:
        """Wait for mornings."""
        self._scheduler.on_timer(MORNING, self._morning)

    def listed(self, conn: sa.Connection) -> list[Row]:
        """All collections, by id."""
        return self.rows.collections.items(conn)

    def get(self, conn: sa.Connection, name: str) -> Row:
        """One collection. Raises Unknown."""
        row = self.rows.collections.get(conn, name)
        if row is None:
            what = [Problem(where="collection", what=name)]
            raise Unknown(f"there is no collection {name!r}", what)
        return row

    def put(self, uow: UnitOfWork, name: str, body: Mapping[str, Any], *, at_ms: int) -> Row:
        """Set a collection up, or change what holds from its next morning on.

        Raises:
            Invalid: If it names things or models that are not there, an unknown time zone, or the
                package that plans routes is not installed.
        """
        solver.must_be_installed()
        self._check(uow.conn, body)
        known = self.rows.collections.get(uow.conn, name)
        row = {
            "id": name, "party": body["party"], "title": body["title"], "body": dict(body),
            "since_ms": at_ms if known is None else known["since_ms"], "changed_ms": at_ms,
        }  # fmt: skip
        self.rows.collections.put(uow, row)
        set_timer(uow, MORNING, name, self._next_ms(body, at_ms))
        return row

    def _check(self, conn: sa.Connection, body: Mapping[str, Any]) -> None:
        problems = []
        if not _is_zone(body["time_zone"]):
            what = f"{body['time_zone']!r} is no time zone"
            problems.append(Problem(where="time_zone", what=what, allowed="such as Europe/Berlin"))
        for number, thing in enumerate(body["things"]):
            if self._directory.thing(conn, thing) is None:
                what = f"there is no thing {thing!r}"
                problems.append(Problem(where=f"things.{number}", what=what, allowed="a thing"))
        for number, model in enumerate(body["models"]):
            signals = self._directory.signals(conn, model)
            if body["fill_signal"] not in signals:
                what = f"{model!r} has no signal {body['fill_signal']!r}"
                allowed = ", ".join(signals) or "a model that is installed"
                problems.append(Problem(where=f"models.{number}", what=what, allowed=allowed))
        if problems:
            raise Invalid("the collection is refused", problems)

    def things(self, conn: sa.Connection, body: Mapping[str, Any]) -> dict[str, ThingRef]:
        """The containers of a collection, by id."""
        found = [self._directory.thing(conn, thing) for thing in body["things"]]
        for model in body["models"]:
            found += self._directory.things(conn, model)
        return {ref.thing: ref for ref in sorted(filter(None, found), key=lambda ref: ref.thing)}

    @staticmethod
    def _next_ms(body: Mapping[str, Any], at_ms: int) -> int:
        return clocks.next_ms(
            at_ms, zone=body["time_zone"], at_s=clocks.seconds(body["plan_at"]), days=body["days"]
        )

    def _morning(self, uow: UnitOfWork, timer: Timer) -> None:
        row = self.get(uow.conn, timer.subject)
        self.plan(uow, row, at_ms=timer.due_ms)
        set_timer(uow, MORNING, row["id"], self._next_ms(row["body"], timer.due_ms))

    def plan(self, uow: UnitOfWork, collection: Row, *, at_ms: int) -> Row:
        """Plan the day; planned again, it is the same plan as before."""
        body = collection["body"]
        day = clocks.local_day(at_ms, body["time_zone"])
        ident = f"{collection['id']}-{day.isoformat()}"
        known = self.rows.plans.get(uow.conn, ident)
        if known is not None:
            return known
        things = self.things(uow.conn, body)
        wanted, left = self._wanted(uow.conn, collection, list(things), at_ms)
        places = {want.thing: place for want, place in wanted}
        problem = problem_of(body, [want for want, _ in wanted], list(places.values()))
        own = nearest_neighbour(problem)
        plan = solver.planned(problem, own, steps=body["steps"])
        there = set(d.served(plan))
        for number, (want, _) in enumerate(wanted):
            if number not in there:
                reason = "no truck has time or room" if want.must else "not worth the way"
                left.append({"thing": want.thing, "must": want.must, "reason": reason})
        row = {
            "id": ident, "collection": collection["id"], "party": collection["party"],
            "day": day.isoformat(), "planned_ms": at_ms, "wanted": len(wanted),
            "must": sum(want.must for want, _ in wanted), "stops": len(there),
            "cost_eur": _eur(problem, plan), "left_out": left,
            "baseline_eur": _eur(problem, own),
            "solver": solver.LIBRARY if plan != own else "nearest neighbour and 2-opt",
        }  # fmt: skip
        self.rows.plans.insert(uow, row)
        begin_ms = clocks.begin_ms(day, body["time_zone"])
        for which, trips in enumerate(plan.routes):
            if trips:
                self._route(uow, row, which, trips, (problem, wanted, things, begin_ms))
        self._tell_plan(uow, row)
        return row

    def _wanted(
        self, conn: sa.Connection, collection: Row, things: list[str], at_ms: int
    ) -> tuple[list[tuple[needs.Want, Place]], list[dict[str, Any]]]:
        """Who is worth a stop and where they stand; and who cannot be found."""
        body = collection["body"]
        if not things:
            return [], []
        alerts: dict[str, frozenset[str]] = {}
        for alert in self._alerts(conn):
            alerts[alert["thing"]] = alerts.get(alert["thing"], frozenset()) | {alert["rule"]}
        told: dict[str, frozenset[str]] = {}
        for one in self.rows.reports.items(conn, closed_ms=None):
            told[one["thing"]] = told.get(one["thing"], frozenset()) | {one["about"]}
        care = {
            row["thing"]: row for row in self.rows.care.items(conn, collection=collection["id"])
        }
        fresh = {"cleaned_ms": collection["since_ms"], "used": 0.0}
        horizon_h = (self._next_ms(body, at_ms) - at_ms) / needs.H_MS
        horizon_h += clocks.seconds(body["trucks"][0]["shift_to"]) / 3600.0
        horizon_h -= clocks.seconds(body["plan_at"]) / 3600.0
        found = needs.wants(
            body,
            needs.look(
                conn, self._fills, self.telemetry, body, things, at_ms=at_ms, horizon_h=horizon_h
            ),
            alerts=alerts,
            reported=told,
            care={thing: care.get(thing, fresh) for thing in things},
            at_ms=at_ms,
        )
        places = needs.places_of(self.telemetry, body, things, at_ms)
        nowhere = [
            {"thing": want.thing, "must": want.must, "reason": "nobody knows where it stands"}
            for want in found
            if want.thing not in places
        ]
        return [(want, places[want.thing]) for want in found if want.thing in places], nowhere

    def _route(
        self, uow: UnitOfWork, plan: Row, which: int, trips: d.Trips,
        about: tuple[d.Problem, Sequence[tuple[needs.Want, Place]], Mapping[str, ThingRef], int],
    ) -> None:  # fmt: skip
        problem, wanted, things, begin_ms = about
        truck = problem.trucks[which]
        driven = d.drive(problem, truck, trips)
        row = new_route(plan, truck.id, number=1)
        row |= {
            "distance_m": driven.distance_m,
            "cost_eur": round(driven.mils(truck) / d.MILS_PER_EUR, 2),
            "depart_ms": begin_ms + driven.start_s * 1000, "end_ms": begin_ms + driven.end_s * 1000,
        }  # fmt: skip
        numbers = [(n, trip) for trip, stops in enumerate(trips) for n in stops]
        stops = [
            new_stop(
                row, order, things[wanted[n][0].thing], wanted[n], problem.stops[n].load,
                due_ms=begin_ms + at_s * 1000, trip=trip,
            )
            for order, ((n, trip), at_s) in enumerate(zip(numbers, driven.arrivals_s, strict=True))
        ]  # fmt: skip
        self.rows.routes.insert(uow, row)
        self.rows.stops.insert(uow, *stops)
        tell_route(
            uow, row, "planned", plan["planned_ms"], stops=[shown_stop(one) for one in stops]
        )

    @staticmethod
    def _tell_plan(uow: UnitOfWork, row: Row) -> None:
        missed = [one["thing"] for one in row["left_out"] if one["must"]]
        names = ("collection", "day", "wanted", "must", "stops", "cost_eur", "baseline_eur")
        data: dict[str, Any] = {name: row[name] for name in names} | {"missed": missed}
        uow.publish(
            CollectionChanged(
                at_ms=row["planned_ms"], kind="collection.planned", subject=row["id"], data=data
            )
        )


def problem_of(
    body: Mapping[str, Any], wanted: Sequence[needs.Want], places: Sequence[Place]
) -> d.Problem:
    """The morning in whole numbers."""
    depot = Place(id="depot", **body["depot"])
    disposal = Place(id="disposal", **(body["disposal"] or body["depot"]))
    roads = Roads(speed_kmh=body["speed_kmh"])
    far = roads.distances_m([depot, disposal, *places])
    clean_s = (body["cleaning"] or {}).get("clean_s", 0)
    stops = []
    for want in wanted:
        early, late = body["windows"].get(want.thing, ("00:00", "24:00"))
        litres = round(body["holds_l"] * want.level)
        stops.append(
            d.Stop(
                thing=want.thing, load=(litres, round(litres * body["kg_per_l"])), must=want.must,
                service_s=body["service_s"] + (clean_s if "clean" in want.tasks else 0),
                prize_mils=0 if want.must else round(want.worth_eur * d.MILS_PER_EUR),
                early_s=clocks.seconds(early), late_s=clocks.seconds(late),
            )
        )  # fmt: skip
    trucks = tuple(
        d.Truck(
            id=truck["id"], capacity=(truck["capacity_l"], truck["capacity_kg"]),
            from_s=clocks.seconds(truck["shift_from"]), to_s=clocks.seconds(truck["shift_to"]),
            mils_s=round(body["truck_eur_h"] * d.MILS_PER_EUR / 3600.0),
            mils_m=round(body["truck_eur_km"] * d.MILS_PER_EUR / 1000.0),
        )
        for truck in body["trucks"]
    )  # fmt: skip
    return d.Problem(
        trucks=trucks, stops=tuple(stops), distance_m=far,
        duration_s=roads.durations_ms(far) // 1000, unload_s=body["unload_s"],
    )  # fmt: skip


def new_route(plan: Mapping[str, Any], truck: str, *, number: int) -> Row:
    """A route before it has stops; a truck's second one of a day has number 2."""
    again = f"-{number}" if number > 1 else ""
    return {
        "id": f"route-{plan['id']}-{truck}{again}", "collection": plan["collection"],
        "party": plan["party"], "plan": plan["id"], "day": plan["day"], "truck": truck,
        "state": Route.PLANNED.value, "by": BY_SERVICE, "depart_ms": 0, "end_ms": 0,
        "distance_m": 0, "cost_eur": 0.0, "begun_ms": None, "ended_ms": None,
        "changed_ms": plan["planned_ms"],
    }  # fmt: skip


def new_stop(
    route: Mapping[str, Any], order: int, ref: ThingRef, wanted: tuple[needs.Want, Place],
    load: tuple[int, int], *, due_ms: int, trip: int,
) -> Row:  # fmt: skip
    """A stop of a route."""
    want, place = wanted
    return {
        "route": route["id"], "number": order, "id": f"{route['id']}/{order}",
        "collection": route["collection"], "party": route["party"], "thing": ref.thing,
        "customer": ref.customer, "state": StopState.PLANNED.value, "trip": trip,
        "must": want.must, "why": list(want.why), "tasks": list(want.tasks),
        "latitude_deg": place.latitude_deg, "longitude_deg": place.longitude_deg,
        "litres": load[0], "kg": load[1], "due_ms": due_ms,
        "planned_ms": route["changed_ms"], "served_ms": None, "reason": "",
    }  # fmt: skip


def shown_stop(stop: Mapping[str, Any]) -> dict[str, Any]:
    """A stop as the feed tells crews of it."""
    names = ("thing", "due_ms", "trip", "must", "why", "tasks", "litres", "latitude_deg",
             "longitude_deg")  # fmt: skip
    return {name: stop[name] for name in names}


def tell_route(uow: UnitOfWork, row: Row, what: str, at_ms: int, **more: object) -> None:
    """Say in the feed what became of a route."""
    names = ("collection", "plan", "truck", "state", "depart_ms", "end_ms", "by")
    data: dict[str, Any] = {name: row[name] for name in names} | more
    uow.publish(CollectionChanged(at_ms=at_ms, kind=f"route.{what}", subject=row["id"], data=data))


def _eur(problem: d.Problem, plan: d.Plan) -> float:
    """What driving costs, to the cent; what is left out costs nothing here."""
    day = zip(problem.trucks, plan.routes, strict=True)
    driven = sum(d.drive(problem, truck, trips).mils(truck) for truck, trips in day)
    return round(driven / d.MILS_PER_EUR, 2)


def _is_zone(name: str) -> bool:
    try:
        clocks.local_day(0, name)
    except (KeyError, ValueError, OSError):
        return False
    return True
