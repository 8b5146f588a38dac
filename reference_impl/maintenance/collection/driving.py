"""Routes on the road: begun, served, done; urgent containers are taken along in the same shift.

Collaborative mode (row CC25): while a container waits for its truck, people are told of the nearest
one that has room (rule B3 of domain 6.3: steer to the neighbour, redistribute).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.cached import Cached
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance.collection import clocks, needs
from reference_impl.maintenance.collection.ports import Requests
from reference_impl.maintenance.collection.service import (
    Collections,
    new_route,
    new_stop,
    shown_stop,
    tell_route,
)
from reference_impl.maintenance.collection.states import (
    OPEN_ROUTES,
    PAST,
    ROUTES,
    STOPS,
    Route,
    RouteStep,
    StopState,
    StopStep,
)
from reference_impl.maintenance.travel import Place, Roads, great_circles_m
from reference_impl.published import AlertChanged, CollectionChanged


class Bound(NamedTuple):
    """What an alert asks for: which rules of a collection make a stop urgent."""

    collection: str
    rules: frozenset[str]
    things: frozenset[str]
    models: frozenset[str]


class Driving:
    """Use cases of a day."""

    def __init__(self, *, planning: Collections, requests: Requests) -> None:
        self._planning, self._rows, self._requests = planning, planning.rows, requests
        self._bound: Cached[str, Bound] = Cached(self._bounds)

    def subscribe(self, bus: Bus) -> None:
        """Listen for what becomes urgent."""
        bus.subscribe(AlertChanged, self.on_alert)

    def changed(self, uow: UnitOfWork) -> None:
        """A collection was set up: look again which alerts matter."""
        bound = self._bound.of(uow)
        bound.clear()
        bound.update(self._bounds(uow.conn))

    def _bounds(self, conn: sa.Connection) -> dict[str, Bound]:
        return {
            row["id"]: Bound(
                row["id"], frozenset(row["body"]["must_rules"]), frozenset(row["body"]["things"]),
                frozenset(row["body"]["models"]),
            )
            for row in self._planning.listed(conn)
        }  # fmt: skip

    def route(self, conn: sa.Connection, ident: str) -> Row:
        """One route. Raises Unknown."""
        row = self._rows.routes.get(conn, ident)
        if row is None:
            raise Unknown(f"there is no route {ident!r}", [Problem(where="route", what=ident)])
        return row

    def stops(self, conn: sa.Connection, route: str) -> list[Row]:
        """The stops of a route, in order."""
        return self._rows.stops.items(conn, route=route)

    def step(self, uow: UnitOfWork, ident: str, step: RouteStep, *, by: str, at_ms: int) -> Row:
        """Begin a route, or call it off. Raises Unknown, IllegalStep."""
        row = self._move(uow, self.route(uow.conn, ident), step, by=by, at_ms=at_ms)
        if step is RouteStep.CANCEL:
            for stop in self.stops(uow.conn, ident):
                if stop["state"] == StopState.PLANNED.value:
                    self._stop(uow, stop, StopStep.SKIP, at_ms=at_ms, reason="route called off")
        tell_route(uow, row, PAST[step], at_ms)
        return row

    def finish(
        self, uow: UnitOfWork, ident: str, *, by: str, done: Sequence[Mapping[str, Any]],
        skipped: Sequence[Mapping[str, Any]], distance_m: int | None, at_ms: int,
    ) -> Row:  # fmt: skip
        """The crew is home: what it served and when, what it did not and why.

        What it says nothing of was not served.

        Raises:
            Invalid: If it tells of what is no stop of the route that is still to be served.
        """
        row = self.route(uow.conn, ident)
        stops = {stop["thing"]: stop for stop in self.stops(uow.conn, ident)
                 if stop["state"] == StopState.PLANNED.value}  # fmt: skip
        told = [*((f"served.{n}", one) for n, one in enumerate(done)),
                *((f"skipped.{n}", one) for n, one in enumerate(skipped))]  # fmt: skip
        problems = [
            Problem(where=where, what=f"{one['thing']!r} is no open stop", allowed=", ".join(stops))
            for where, one in told
            if one["thing"] not in stops
        ]
        if problems:
            raise Invalid("the report is refused", problems)
        row = self._move(uow, row, RouteStep.FINISH, by=by, at_ms=at_ms, ended_ms=at_ms,
                         **({} if distance_m is None else {"distance_m": distance_m}))  # fmt: skip
        for one in done:
            self._serve(uow, stops.pop(one["thing"]), one, by=by, at_ms=at_ms)
        reasons = {one["thing"]: one["reason"] for one in skipped}
        for thing, stop in stops.items():
            self._stop(
                uow, stop, StopStep.SKIP, at_ms=at_ms, reason=reasons.get(thing, "not reached")
            )
        tell_route(uow, row, PAST[RouteStep.FINISH], at_ms, served=len(done), skipped=len(stops))
        return row

    def serve(
        self, uow: UnitOfWork, ident: str, thing: str, step: StopStep, *, by: str, reason: str,
        at_ms: int,
    ) -> Row:  # fmt: skip
        """A crew tells of one stop while it is on its way. Raises Unknown, IllegalStep."""
        for stop in self.stops(uow.conn, ident):
            if stop["thing"] == thing:
                if step is StopStep.SERVE:
                    return self._serve(uow, stop, {"tasks": None}, by=by, at_ms=at_ms)
                return self._stop(uow, stop, step, at_ms=at_ms, reason=reason)
        what = [Problem(where="thing", what=f"{thing!r} is no stop of {ident!r}")]
        raise Unknown(f"{ident!r} does not stop at {thing!r}", what)

    def _move(
        self, uow: UnitOfWork, row: Row, step: RouteStep, *, by: str, at_ms: int, **more: object
    ) -> Row:
        target = after(ROUTES, subject=row["id"], state=Route(row["state"]), step=step)
        begun = {"begun_ms": at_ms} if step is RouteStep.BEGIN else {}
        row = {**row, **more, **begun, "state": target.value, "by": by, "changed_ms": at_ms}
        self._rows.routes.put(uow, row)
        return row

    def _serve(
        self, uow: UnitOfWork, stop: Row, said: Mapping[str, Any], *, by: str, at_ms: int
    ) -> Row:
        served_ms = min(said.get("at_ms") or at_ms, at_ms)
        tasks = stop["tasks"] if said.get("tasks") is None else said["tasks"]
        stop = {**stop, "tasks": list(tasks)}
        stop = self._stop(uow, stop, StopStep.SERVE, at_ms=at_ms, served_ms=served_ms)
        thing = stop["thing"]
        if "clean" in tasks:
            body = self._planning.get(uow.conn, stop["collection"])["body"]
            signal = (body["cleaning"] or {}).get("use_signal", "")
            used = float(needs.newest(self._planning.telemetry, signal, [thing], at_ms)[0])
            self._rows.care.put(uow, {
                "collection": stop["collection"], "thing": thing, "cleaned_ms": served_ms,
                "used": used if isfinite(used) else 0.0,
            })  # fmt: skip
        settles = {needs.OVERFLOW} if "empty" in tasks else set[str]()
        settles |= {needs.DIRTY} if "clean" in tasks else set()
        for report in self._rows.reports.items(uow.conn, thing=thing, closed_ms=None):
            if report["about"] not in settles:
                continue
            self._rows.reports.put(uow, {**report, "closed_ms": at_ms})
            self._requests.close(uow, report["ticket"], by=by, at_ms=at_ms)
        self._steer_back(uow, thing, at_ms)
        return stop

    def _stop(
        self, uow: UnitOfWork, stop: Row, step: StopStep, *, at_ms: int, reason: str = "",
        served_ms: int | None = None,
    ) -> Row:  # fmt: skip
        target = after(STOPS, subject=stop["id"], state=StopState(stop["state"]), step=step)
        stop = {**stop, "state": target.value, "reason": reason, "served_ms": served_ms}
        self._rows.stops.put(uow, stop)
        names = ("route", "collection", "thing", "customer", "must", "tasks", "litres", "reason")
        data: dict[str, Any] = {name: stop[name] for name in names}
        if served_ms is not None:
            data["served_ms"] = served_ms
        uow.publish(
            CollectionChanged(
                at_ms=at_ms, kind=f"stop.{target.value.lower()}", subject=stop["id"], data=data
            )
        )
        return stop

    def on_alert(self, uow: UnitOfWork, event: AlertChanged) -> None:
        """Something has become urgent, or is so no longer."""
        bounds = self._bound.of(uow)
        if not bounds or event.kind not in ("alert.raised", "alert.cleared"):
            return
        thing = str(event.data["thing"])
        for bound in bounds.values():
            if event.data["rule"] not in bound.rules:
                continue
            collection = self._planning.get(uow.conn, bound.collection)
            if thing not in self._planning.things(uow.conn, collection["body"]):
                continue
            if event.kind == "alert.cleared":
                self._steer_back(uow, thing, event.at_ms)
            else:
                self._urgent(uow, collection, thing, str(event.data["rule"]), event.at_ms)

    def take_along(self, uow: UnitOfWork, thing: str, why: str, at_ms: int) -> None:
        """Something of a collection must be served in this shift."""
        for collection in self._planning.listed(uow.conn):
            if thing in self._planning.things(uow.conn, collection["body"]):
                self._urgent(uow, collection, thing, why, at_ms)

    def _urgent(self, uow: UnitOfWork, collection: Row, thing: str, why: str, at_ms: int) -> None:
        body = collection["body"]
        places = needs.places_of(
            self._planning.telemetry, body, list(self._planning.things(uow.conn, body)), at_ms
        )
        if thing in places:
            self._same_shift(uow, collection, places[thing], why, at_ms)
            self._steer(uow, collection, thing, places, at_ms)

    def _same_shift(
        self, uow: UnitOfWork, collection: Row, place: Place, why: str, at_ms: int
    ) -> None:
        """Let the truck take it along that has the time and passes nearest."""
        body = collection["body"]
        day = clocks.local_day(at_ms, body["time_zone"])
        plan = self._rows.plans.get(uow.conn, f"{collection['id']}-{day.isoformat()}")
        if plan is None:
            return
        begin_ms = clocks.begin_ms(day, body["time_zone"])
        routes = self._rows.routes.items(uow.conn, plan=plan["id"])
        depot = Place(id="depot", **body["depot"])
        ways: list[tuple[int, str, Row | None, int, dict[str, Any]]] = []
        for truck in body["trucks"]:
            mine = [one for one in routes if one["truck"] == truck["id"]]
            to_ms = begin_ms + clocks.seconds(truck["shift_to"]) * 1000
            from_ms = begin_ms + clocks.seconds(truck["shift_from"]) * 1000
            active = next((one for one in mine if one["state"] in OPEN_ROUTES), None)
            near, stops = [depot], [] if active is None else self.stops(uow.conn, active["id"])
            if any(s["thing"] == place.id and s["state"] == StopState.PLANNED.value for s in stops):
                return
            near += [
                Place(
                    id=s["thing"],
                    latitude_deg=s["latitude_deg"],
                    longitude_deg=s["longitude_deg"],
                )
                for s in stops
                if s["due_ms"] >= at_ms
            ]
            roads = Roads(speed_kmh=body["speed_kmh"])
            far = roads.distances_m([place, *near])[:1, 1:]
            more_ms = 2 * int(roads.durations_ms(far).min()) + body["service_s"] * 1000
            if active is None:
                more_ms += body["unload_s"] * 1000
            free_ms = max(at_ms, from_ms) if active is None else max(active["end_ms"], at_ms)
            if at_ms < to_ms and free_ms + more_ms <= to_ms:
                ways.append((more_ms, truck["id"], active, free_ms + more_ms, truck))
        if ways:
            best = min(ways, key=lambda way: way[:2])
            self._add(uow, (collection, plan), best[1:4], place, why=why, at_ms=at_ms)

    def _add(
        self, uow: UnitOfWork, of: tuple[Row, Row], way: tuple[str, Row | None, int],
        place: Place, *, why: str, at_ms: int,
    ) -> None:  # fmt: skip
        """Put the stop at the end of the truck's route, or send the truck out once more."""
        (collection, plan), (truck, route, end_ms) = of, way
        body = collection["body"]
        ref = self._planning.things(uow.conn, body)[place.id]
        want = needs.Want(place.id, True, (why,), 0.0, 1.0, 1.0, ("empty",))
        litres = round(body["holds_l"])
        load = litres, round(litres * body["kg_per_l"])
        fresh = route is None
        if route is None:
            number = 1 + len(self._rows.routes.items(uow.conn, plan=plan["id"], truck=truck))
            route = new_route(plan, truck, number=number) | {"depart_ms": at_ms}
        route = {**route, "end_ms": end_ms, "changed_ms": at_ms}
        order = len(self.stops(uow.conn, route["id"]))
        stop = new_stop(route, order, ref, (want, place), load, due_ms=end_ms, trip=0)
        self._rows.routes.put(uow, route)
        self._rows.stops.insert(uow, stop)
        what = "planned" if fresh else "extended"
        tell_route(uow, route, what, at_ms, stops=[shown_stop(stop)])

    def _steer(
        self, uow: UnitOfWork, collection: Row, thing: str, places: Mapping[str, Place], at_ms: int
    ) -> None:
        """Tell people of the nearest container with room, if one is near enough."""
        body = collection["body"]
        if body["neighbour_m"] <= 0 or self._rows.steers.get(uow.conn, thing) is not None:
            return
        others = [name for name in places if name != thing]
        taken = {row["neighbour"] for row in self._rows.steers.items(uow.conn)}
        full = {row["thing"] for row in self._rows.steers.items(uow.conn)}
        far = great_circles_m([places[thing], *(places[name] for name in others)])[0, 1:]
        near = [
            others[n] for n in np.argsort(far, kind="stable").tolist()
            if far[n] <= body["neighbour_m"] and others[n] not in taken | full
        ]  # fmt: skip
        if not near:
            return
        level = needs.newest(
            self._planning.telemetry, body["fill_signal"], near, at_ms, over_ms=needs.HEARD_MS
        )
        room = 1.0 - level / body["full_at"]
        fit = [name for name, free in zip(near, room.tolist(), strict=True)
               if free >= body["neighbour_room"]]  # fmt: skip
        if not fit:
            return
        row = {"thing": thing, "neighbour": fit[0], "collection": collection["id"],
               "since_ms": at_ms}  # fmt: skip
        self._rows.steers.put(uow, row)
        _tell_steer(uow, row, "steered", at_ms, metres=round(float(far[others.index(fit[0])])))

    def _steer_back(self, uow: UnitOfWork, thing: str, at_ms: int) -> None:
        row = self._rows.steers.get(uow.conn, thing)
        if row is not None:
            self._rows.steers.delete(uow, thing)
            _tell_steer(uow, row, "steered_back", at_ms)


def _tell_steer(uow: UnitOfWork, row: Row, what: str, at_ms: int, **more: object) -> None:
    data: dict[str, Any] = {name: row[name] for name in ("thing", "neighbour", "collection")}
    kind = f"collection.{what}"
    uow.publish(CollectionChanged(at_ms=at_ms, kind=kind, subject=row["thing"], data=data | more))
