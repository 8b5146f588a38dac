"""HTTP face of planning: settings, places, shifts, plans, confirmed visits, load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import Field

from reference_impl.kernel import access
from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Store
from reference_impl.maintenance import domain as m
from reference_impl.maintenance.planning.load import DAY_MS, load_of
from reference_impl.maintenance.planning.settings import DEFAULTS
from reference_impl.maintenance.planning.whole import Planning
from reference_impl.maintenance.service_levels import Priority

Name = Annotated[str, Field(min_length=1, max_length=200)]
Degrees = Annotated[float, Field(ge=-180, le=180)]
Stamp = Annotated[int, Field(ge=0, le=2**53)]
Minutes = Annotated[int, Field(ge=1, le=43_200)]
Pair = Annotated[list[Annotated[str, Field(max_length=5)]], Field(max_length=2)]
Day = Annotated[str, Field(max_length=10)]
Page = Annotated[int, Query(ge=1, le=1000)]
Moment = Annotated[int | None, Query(ge=0, le=2**53)]
Answer = dict[str, Any]
READ, WRITE = needs("planning:read"), needs("planning:write")


class SettingsBody(Body):
    """How planning is done. ``enabled``: daily and when something urgent comes, by itself."""

    enabled: bool = False
    time_zone: Name = "UTC"
    daily_at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "06:00"
    horizon_days: Annotated[int, Field(ge=1, le=60)] = 7
    urgent: list[Priority] = Field(default_factory=lambda: [Priority.P1, Priority.P2])
    at_risk: Priority | None = None
    notice_min: Annotated[int, Field(ge=0, le=43_200)] = 0
    work_min: Minutes = 150
    work_min_of: dict[m.Kind, Minutes] = Field(default_factory=dict)
    bundle_work_min: Minutes = 60
    visit_eur: Annotated[float, Field(ge=0, le=100_000)] = 280.0
    detour: Annotated[float, Field(ge=1, le=3)] = DEFAULTS["detour"]
    speed_kmh: Annotated[float, Field(ge=1, le=200)] = DEFAULTS["speed_kmh"]


class PlaceBody(Body):
    """Where a site is (WGS 84)."""

    latitude_deg: Degrees
    longitude_deg: Degrees


class ShiftBody(PlaceBody):
    """When a technician works, where he starts, and whose shelf is in his van.

    Gaps of less than three hours between the hours of a day are breaks.
    """

    time_zone: Name = "UTC"
    hours: Annotated[dict[str, list[Pair]], Field(min_length=1)]
    holidays: list[Day] = Field(default_factory=list)
    away: list[Annotated[list[Stamp], Field(min_length=2, max_length=2)]] = Field(
        default_factory=list
    )
    stock: Annotated[str, Field(max_length=200)] = ""


class ByBody(Body):
    """Who does it."""

    by: Name


def router(planning: Planning, clock: Clock, store: Store) -> APIRouter:
    """The routes of planning."""
    api = new_router("maintenance")
    _add_settings(api, planning, clock, store)
    _add_people(api, planning, store)
    _add_plans(api, planning, clock, store)
    _add_visits(api, planning, clock, store)
    _add_load(api, planning, clock, store)
    return api


def _page(rows: list[Row], name: str, limit: int, after: str | None) -> Answer:
    left = [row for row in rows if after is None or row[name] > after]
    page = left[:limit]
    return {"items": page, "next": page[-1][name] if len(left) > limit else None}


def _add_settings(api: APIRouter, planning: Planning, clock: Clock, store: Store) -> None:
    @api.get("/planning/settings", dependencies=[READ])
    async def get_planning_settings() -> Answer:
        """How planning is done."""
        with store.read() as conn:
            return planning.told.settings(conn)

    @api.put("/planning/settings", dependencies=[needs("service-levels:write")])
    async def put_planning_settings(body: SettingsBody) -> Answer:
        """Say how planning is done; if by itself, from the next daily plan on."""
        with store.begin() as uow:
            said = body.model_dump(mode="json")
            return planning.planner.set_settings(uow, said, at_ms=clock.now_ms())

    @api.put("/planning/places/{site}", dependencies=[WRITE])
    async def put_place(site: str, body: PlaceBody) -> Answer:
        """Say where a site is, so that ways to it can be counted."""
        with store.begin() as uow:
            planning.must_see_site(uow.conn, site)
            return planning.told.put_place(uow, site, **body.model_dump())

    @api.get("/planning/places", dependencies=[READ])
    async def get_places(limit: Page = 100, after: str | None = None) -> Answer:
        """Where sites are."""
        with store.read() as conn:
            seen = planning.sites(conn)
            rows = [row for row in planning.rows.places.items(conn) if row["site"] in seen]
        return _page(rows, "site", limit, after)


def _add_people(api: APIRouter, planning: Planning, store: Store) -> None:
    @api.put("/planning/shifts/{technician}", dependencies=[WRITE])
    async def put_shift(technician: str, body: ShiftBody) -> Answer:
        """Say when a technician of one's own party works, and where he starts."""
        with store.begin() as uow:
            return planning.told.put_shift(uow, technician, body.model_dump())

    @api.get("/planning/shifts", dependencies=[READ])
    async def get_shifts(limit: Page = 100, after: str | None = None) -> Answer:
        """When technicians work."""
        with store.read() as conn:
            rows = planning.told.shifts(conn)
        return _page(rows, "technician", limit, after)


def _add_plans(api: APIRouter, planning: Planning, clock: Clock, store: Store) -> None:
    @api.post("/planning/runs", dependencies=[WRITE])
    async def make_plans(body: ByBody) -> Answer:
        """Plan all that waits and may be moved, now; says what nobody comes for, and why."""
        with store.begin() as uow:
            return planning.planner.run(uow, at_ms=clock.now_ms(), by=body.by, cause="asked")

    @api.get("/planning/days", dependencies=[READ])
    async def get_plans(
        technician: str | None = None,
        day: str | None = None,
        limit: Page = 100,
        after: str | None = None,
    ) -> Answer:
        """Daily plans (of a technician, of a day): stops with their reasons."""
        said: Mapping[str, Any] = {"technician": technician, "day": day}
        equals = {name: value for name, value in said.items() if value is not None}
        with store.read() as conn:
            rows = planning.planner.plans(conn, **equals)
        return _page(rows, "id", limit, after)


def _add_visits(api: APIRouter, planning: Planning, clock: Clock, store: Store) -> None:
    def must_see(conn: sa.Connection, wo_id: str) -> None:
        row = planning.orders.must(conn, wo_id)
        what = f"work order {wo_id!r}"
        access.must_see_thing(row["thing"], what=what, at_ms=row["requested_ms"])

    @api.post("/work-orders/{wo_id}/confirm", dependencies=[needs("work-orders:write")])
    async def confirm_visit(wo_id: str, body: ByBody) -> Answer:
        """The customer knows when somebody comes: plans leave that as it is."""
        with store.begin() as uow:
            must_see(uow.conn, wo_id)
            return planning.planner.confirm(uow, wo_id, by=body.by, at_ms=clock.now_ms())

    @api.get("/work-orders/{wo_id}/visit", dependencies=[needs("work-orders:read")])
    async def get_visit(wo_id: str) -> Answer:
        """Who comes when, why him and why then."""
        with store.read() as conn:
            must_see(conn, wo_id)
            return planning.planner.visit(conn, wo_id)


def _add_load(api: APIRouter, planning: Planning, clock: Clock, store: Store) -> None:
    @api.get("/planning/load", dependencies=[READ])
    async def get_load(from_ms: Moment = None, to_ms: Moment = None) -> Answer:
        """Alerts per technician and day, against the benchmark; of the last day if not said."""
        end_ms = clock.now_ms() if to_ms is None else to_ms
        begin_ms = end_ms - DAY_MS if from_ms is None else from_ms
        if end_ms <= begin_ms:
            what = f"{end_ms} is not after the beginning"
            problem = Problem(where="to_ms", what=what, allowed=f"> {begin_ms}")
            raise Invalid("the time is empty", [problem])
        with store.read() as conn:
            things = planning.things(conn)
            alerts = access.seen_of_things(planning.alerts(conn), at="started_ms")
            people = planning.technicians.listed(conn)
        return load_of(
            alerts, technicians=len(people), things=len(things), from_ms=begin_ms, to_ms=end_ms
        )
