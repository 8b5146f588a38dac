"""HTTP face of collection: set up, plans, routes that crews drive, citizens' reports."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from reference_impl.kernel import access
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Connection, Store
from reference_impl.maintenance.collection.reports import About
from reference_impl.maintenance.collection.states import Route, RouteStep, StopStep
from reference_impl.maintenance.collection.summary import summary
from reference_impl.maintenance.collection.whole import Rounds
from reference_impl.maintenance.collection.writing import CollectionBody

Name = Annotated[str, Field(min_length=1, max_length=200)]
Long = Annotated[str, Field(max_length=10_000)]
Stamp = Annotated[int, Field(ge=0, le=2**53)]
Answer = dict[str, Any]
Page = Annotated[int, Query(ge=1, le=1000)]
READ, DRIVE = needs("collection-routes:read"), needs("collection-routes:write")


class ByBody(Body):
    """Who takes the step."""

    by: Name


class ServedBody(Body):
    """A stop that was made; ``tasks``: what was done, if not all that was planned."""

    thing: Name
    at_ms: Stamp | None = None
    tasks: list[Literal["empty", "clean"]] | None = None


class SkippedBody(Body):
    """A stop that was not made, and why."""

    thing: Name
    reason: Name


class FinishBody(ByBody):
    """What a crew hands in when it is home."""

    served: list[ServedBody] = Field(default_factory=list)
    skipped: list[SkippedBody] = Field(default_factory=list)
    distance_m: Annotated[int, Field(ge=0, le=10**8)] | None = None


class SkipBody(ByBody):
    """Why a stop is not made."""

    reason: Name


class ReportBody(ByBody):
    """What a citizen sees."""

    about: About
    text: Long = ""


def router(rounds: Rounds, clock: Clock, store: Store) -> APIRouter:
    """The routes of collection."""
    api = new_router("maintenance")
    _add_collections(api, rounds, clock, store)
    _add_plans(api, rounds, clock, store)
    _add_routes(api, rounds, store)
    _add_road(api, rounds, clock, store)
    _add_stops(api, rounds, clock, store)
    _add_reports(api, rounds, clock, store)
    return api


def _page(rows: list[Row], limit: int, after: str | None) -> Answer:
    left = [row for row in rows if after is None or row["id"] > after]
    page = left[:limit]
    return {"items": page, "next": page[-1]["id"] if len(left) > limit else None}


def _collection(rounds: Rounds, conn: Connection, name: str) -> Row:
    row = rounds.planning.get(conn, name)
    access.must_see_party(row["party"], what=f"collection {name!r}")
    return row


def _route(rounds: Rounds, conn: Connection, ident: str) -> Row:
    row = rounds.driving.route(conn, ident)
    access.must_see_party(row["party"], what=f"route {ident!r}")
    return row


def _detail(rounds: Rounds, conn: Connection, row: Row) -> Answer:
    return {**row, "stops": rounds.driving.stops(conn, row["id"])}


def _add_collections(api: APIRouter, rounds: Rounds, clock: Clock, store: Store) -> None:
    @api.put("/collections/{collection}", dependencies=[needs("collections:write")])
    async def put_collection(collection: Name, body: CollectionBody) -> Answer:
        """Set a collection up, or change it from its next morning on."""
        said = body.model_dump(mode="json")
        with store.begin() as uow:
            known = {row["id"]: row for row in rounds.planning.listed(uow.conn)}.get(collection)
            for party in (body.party, body.party if known is None else known["party"]):
                access.must_see_party(party, what=f"party {party!r}")
            for thing in body.things:
                access.must_see_thing(thing)
            row = rounds.planning.put(uow, collection, said, at_ms=clock.now_ms())
            rounds.driving.changed(uow)
            return row

    @api.get("/collections", dependencies=[needs("collections:read")])
    async def get_collections(limit: Page = 100, after: str | None = None) -> Answer:
        """What is collected, from where, by which trucks."""
        with store.read() as conn:
            return _page(access.seen_of_parties(rounds.planning.listed(conn)), limit, after)

    @api.get("/collections/{collection}", dependencies=[needs("collections:read")])
    async def get_collection(collection: str) -> Answer:
        """One collection."""
        with store.read() as conn:
            return _collection(rounds, conn, collection)


def _add_plans(api: APIRouter, rounds: Rounds, clock: Clock, store: Store) -> None:
    @api.post("/collections/{collection}/plan", dependencies=[needs("collections:write")])
    async def plan_collection(collection: str, body: ByBody) -> Answer:
        """Plan this day now; a day that is planned stays as it is."""
        del body
        with store.begin() as uow:
            row = _collection(rounds, uow.conn, collection)
            return rounds.planning.plan(uow, row, at_ms=clock.now_ms())

    @api.get("/collection-plans", dependencies=[needs("collections:read")])
    async def get_collection_plans(
        collection: str | None = None, limit: Page = 100, after: str | None = None
    ) -> Answer:
        """Days that were planned: what was wanted, what is left out and why, what it costs."""
        equals = {} if collection is None else {"collection": collection}
        with store.read() as conn:
            rows = access.seen_of_parties(rounds.planning.rows.plans.items(conn, **equals))
            return _page(rows, limit, after)

    @api.get("/collections/{collection}/summary", dependencies=[needs("collections:read")])
    async def get_collection_summary(
        collection: str, from_ms: Stamp, to_ms: Stamp,
        rounds_per_week: Annotated[float, Query(ge=0, le=21)] = 0.0,
    ) -> Answer:  # fmt: skip
        """What some days came to, beside so many fixed rounds a week through everything."""
        with store.read() as conn:
            row = _collection(rounds, conn, collection)
            return summary(
                conn, rounds.planning, row, from_ms=from_ms, to_ms=to_ms,
                rounds_per_week=rounds_per_week, at_ms=clock.now_ms(),
            )  # fmt: skip


def _add_routes(api: APIRouter, rounds: Rounds, store: Store) -> None:
    @api.get("/collection-routes", dependencies=[READ])
    async def get_collection_routes(
        collection: str | None = None,
        day: str | None = None,
        state: Route | None = None,
        limit: Page = 100,
        after: str | None = None,
    ) -> Answer:
        """Routes (of a collection, of a day, in a state)."""
        said = {"collection": collection, "day": day, "state": state}
        equals = {name: value for name, value in said.items() if value is not None}
        with store.read() as conn:
            rows = access.seen_of_parties(rounds.planning.rows.routes.items(conn, **equals))
            return _page(rows, limit, after)

    @api.get("/collection-routes/{route}", dependencies=[READ])
    async def get_collection_route(route: str) -> Answer:
        """One route with its stops, in the order in which they are driven to."""
        with store.read() as conn:
            return _detail(rounds, conn, _route(rounds, conn, route))

    @api.get("/collection-stops", dependencies=[needs("collection-stops:read")])
    async def get_collection_stops(
        thing: str | None = None, limit: Page = 100, after: str | None = None
    ) -> Answer:
        """Stops at things that the caller sees, planned and made."""
        equals = {} if thing is None else {"thing": thing}
        with store.read() as conn:
            rows = rounds.planning.rows.stops.items(conn, **equals)
            seen = access.seen_of_things(rows, at="planned_ms")
            return _page(sorted(seen, key=lambda row: row["id"]), limit, after)


def _add_road(api: APIRouter, rounds: Rounds, clock: Clock, store: Store) -> None:
    driving = rounds.driving

    def take(route: str, step: RouteStep, by: str) -> Answer:
        with store.begin() as uow:
            _route(rounds, uow.conn, route)
            row = driving.step(uow, route, step, by=by, at_ms=clock.now_ms())
            return _detail(rounds, uow.conn, row)

    @api.post("/collection-routes/{route}/begin", dependencies=[DRIVE])
    async def begin_collection_route(route: str, body: ByBody) -> Answer:
        """The truck leaves."""
        return take(route, RouteStep.BEGIN, body.by)

    @api.post("/collection-routes/{route}/cancel", dependencies=[DRIVE])
    async def cancel_collection_route(route: str, body: ByBody) -> Answer:
        """The truck stays."""
        return take(route, RouteStep.CANCEL, body.by)

    @api.post("/collection-routes/{route}/finish", dependencies=[DRIVE])
    async def finish_collection_route(route: str, body: FinishBody) -> Answer:
        """The truck is home: what was served, what was not."""
        said = body.model_dump(mode="json")
        with store.begin() as uow:
            _route(rounds, uow.conn, route)
            row = driving.finish(
                uow, route, by=body.by, done=said["served"], skipped=said["skipped"],
                distance_m=body.distance_m, at_ms=clock.now_ms(),
            )  # fmt: skip
            return _detail(rounds, uow.conn, row)


def _add_stops(api: APIRouter, rounds: Rounds, clock: Clock, store: Store) -> None:
    def take(route: str, thing: str, step: StopStep, by: str, reason: str) -> Answer:
        with store.begin() as uow:
            _route(rounds, uow.conn, route)
            return rounds.driving.serve(
                uow, route, thing, step, by=by, reason=reason, at_ms=clock.now_ms()
            )

    @api.post("/collection-routes/{route}/stops/{thing}/serve", dependencies=[DRIVE])
    async def serve_collection_stop(route: str, thing: str, body: ByBody) -> Answer:
        """All that was planned at a stop is done."""
        return take(route, thing, StopStep.SERVE, body.by, "")

    @api.post("/collection-routes/{route}/stops/{thing}/skip", dependencies=[DRIVE])
    async def skip_collection_stop(route: str, thing: str, body: SkipBody) -> Answer:
        """A stop is not made."""
        return take(route, thing, StopStep.SKIP, body.by, body.reason)


def _add_reports(api: APIRouter, rounds: Rounds, clock: Clock, store: Store) -> None:
    @api.post("/things/{thing}/citizen-reports", dependencies=[needs("tickets:write")])
    async def report_as_citizen(thing: str, body: ReportBody) -> Answer:
        """A citizen tells of a container; the same again joins the first report."""
        with store.begin() as uow:
            access.must_see_thing(thing)
            return rounds.reports.tell(uow, thing, at_ms=clock.now_ms(), **body.model_dump())

    @api.get("/citizen-reports", dependencies=[needs("tickets:read")])
    async def get_citizen_reports(
        thing: str | None = None, limit: Page = 100, after: str | None = None
    ) -> Answer:
        """What citizens told of things that the caller sees."""
        equals = {} if thing is None else {"thing": thing}
        with store.read() as conn:
            rows = rounds.reports.listed(conn, **equals)
            return _page(access.seen_of_things(rows, at="reported_ms"), limit, after)
