"""HTTP face of service levels, time limits, technicians and planned work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import Field

from reference_impl.kernel import access
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Store
from reference_impl.maintenance import domain as d
from reference_impl.maintenance.incidents import Incidents, Run
from reference_impl.maintenance.planned import Planned, PlannedWork
from reference_impl.maintenance.service_levels import Begins, Limit, Priority, ServiceLevels, Tier
from reference_impl.maintenance.technicians import OWNER, Technicians
from reference_impl.maintenance.verification import Verification

Name = Annotated[str, Field(min_length=1, max_length=200)]
Minutes = Annotated[int, Field(ge=1, le=43_200)]
Severity = Literal["failure", "major", "minor", "operation", "maintenance"]
Pair = Annotated[list[Annotated[str, Field(max_length=5)]], Field(max_length=2)]
Day = Annotated[str, Field(max_length=10)]
Answer = dict[str, Any]
Page = Annotated[int, Query(ge=1, le=1000)]


class CoversBody(Body):
    """Who has the level: the closest counts, things before contracts before customers."""

    customers: list[Name] = Field(default_factory=list)
    contracts: list[Name] = Field(default_factory=list)
    things: list[Name] = Field(default_factory=list)


class LevelBody(Body):
    """A service level. Limits are minutes of its hours; without ``hours`` time always counts."""

    title: Annotated[str, Field(max_length=200)] = ""
    party: Name = OWNER
    tier: Tier = Tier.STANDARD
    begins: Begins = Begins.REPORT
    time_zone: Name = "UTC"
    hours: dict[str, list[Pair]] | None = None
    holidays: list[Day] = Field(default_factory=list)
    priorities: Annotated[dict[Priority, dict[Limit, Minutes]], Field(min_length=1)]
    priority_of: dict[Severity, Priority] = Field(default_factory=dict)
    pause_reasons: list[d.Hold] = Field(default_factory=list)
    opens_for: list[Severity] = Field(default_factory=list)
    covers: CoversBody


class TechnicianBody(Body):
    """Somebody who can be sent."""

    name: Name
    party: Name = OWNER
    skills: list[Name] = Field(default_factory=list)


class VerificationBody(Body):
    """Minutes by position; ``machine`` is the window of all positions that are not named."""

    minutes: Annotated[dict[Name, Minutes], Field(min_length=1)]


class ByBody(Body):
    """Who takes the step."""

    by: Name


class ProposeBody(ByBody):
    """A window for planned work."""

    title: Name
    from_ms: Annotated[int, Field(ge=0, le=2**53)]
    to_ms: Annotated[int, Field(ge=0, le=2**53)]
    contract: Annotated[str, Field(max_length=200)] = ""


class RescheduleBody(ByBody):
    """Another window, and who could not keep the first."""

    side: Literal["customer", "provider"]
    reason: Name
    from_ms: Annotated[int, Field(ge=0, le=2**53)]
    to_ms: Annotated[int, Field(ge=0, le=2**53)]


def router(
    *,
    levels: ServiceLevels,
    incidents: Incidents,
    technicians: Technicians,
    planned: PlannedWork,
    verification: Verification,
    clock: Clock,
    store: Store,
) -> APIRouter:
    """The routes of promises and of who keeps them."""
    api = new_router("maintenance")
    _add_levels(api, levels, store)
    _add_verification(api, verification, store)
    _add_sla(api, incidents, store)
    _add_technicians(api, technicians, store)
    _add_planned(api, planned, clock, store)
    _add_planned_steps(api, planned, clock, store)
    return api


def sla_of(incidents: Incidents, conn: sa.Connection, incident: Row) -> Answer:
    """An incident with its limits, as it is shown."""
    limits = {
        what: {name: clock[name] for name in ("limit_ms", "due_ms", "stopped_ms", "breached_ms")}
        | {"state": clock["state"]}
        for what, clock in incidents.clocks(conn, incident["id"]).items()
        if clock["limit_ms"]
    }
    hidden = ("terms", "held_by")
    shown = {name: value for name, value in incident.items() if name not in hidden}
    counted = [p for p in incident["pauses"] if p["reason"] != "restored"]
    paused_ms = sum(pause["to_ms"] - pause["from_ms"] for pause in counted)
    return {**shown, "limits": limits, "paused_ms": paused_ms}


def _page(rows: list[Row], limit: int, after: str | None) -> tuple[list[Row], str | None]:
    left = [row for row in rows if after is None or row["id"] > after]
    page = left[:limit]
    return page, page[-1]["id"] if len(left) > limit else None


def _add_levels(api: APIRouter, levels: ServiceLevels, store: Store) -> None:
    @api.put("/service-levels/{level}", dependencies=[needs("service-levels:write")])
    async def put_service_level(level: str, body: LevelBody) -> Answer:
        """Install or amend a service level; incidents that run keep their terms."""
        with store.begin() as uow:
            known = {row["id"]: row for row in levels.listed(uow.conn)}.get(level)
            for party in (body.party, body.party if known is None else known["party"]):
                access.must_see_party(party, what=f"party {party!r}")
            return levels.put(uow, level, body.model_dump(mode="json"))

    @api.get("/service-levels", dependencies=[needs("service-levels:read")])
    async def get_service_levels() -> Answer:
        """All service levels."""
        with store.read() as conn:
            return {"items": access.seen_of_parties(levels.listed(conn))}

    @api.get("/service-levels/{level}", dependencies=[needs("service-levels:read")])
    async def get_service_level(level: str) -> Answer:
        """One service level."""
        with store.read() as conn:
            row = levels.get(conn, level)
        access.must_see_party(row["party"], what=f"service level {level!r}")
        return row


def _add_verification(api: APIRouter, verification: Verification, store: Store) -> None:
    @api.put("/models/{model}/verification", dependencies=[needs("service-levels:write")])
    async def put_verification(model: str, body: VerificationBody) -> Answer:
        """Say how long telemetry has to look well after a visit, by position."""
        with store.begin() as uow:
            return verification.put(uow, model, body.minutes)

    @api.get("/models/{model}/verification", dependencies=[needs("service-levels:read")])
    async def get_verification(model: str) -> Answer:
        """How long telemetry has to look well after a visit; two hours where nobody says."""
        with store.read() as conn:
            return verification.get(conn, model)


def _add_sla(api: APIRouter, incidents: Incidents, store: Store) -> None:
    @api.get("/sla", dependencies=[needs("sla:read")])
    async def get_sla(
        thing: str | None = None,
        state: Run | None = None,
        breached: bool | None = None,
        limit: Page = 100,
        after: str | None = None,
    ) -> Answer:
        """Incidents with their limits: what was promised, what is due, what was kept."""
        said: Mapping[str, Any] = {"thing": thing, "state": state}
        equals = {name: value for name, value in said.items() if value is not None}
        with store.read() as conn:
            rows = incidents.listed(conn, **equals)
            seen = access.seen_of_things(rows, at="reported_ms")
            if breached is not None:
                late = incidents.breached(conn)
                seen = [row for row in seen if (row["id"] in late) == breached]
            page, more = _page(seen, limit, after)
            return {"items": [sla_of(incidents, conn, row) for row in page], "next": more}

    @api.get("/sla/{incident}", dependencies=[needs("sla:read")])
    async def get_incident(incident: str) -> Answer:
        """One incident with its limits."""
        with store.read() as conn:
            row = incidents.must(conn, incident)
            what = f"incident {incident!r}"
            access.must_see_thing(row["thing"], what=what, at_ms=row["reported_ms"])
            return sla_of(incidents, conn, row)


def _add_technicians(api: APIRouter, technicians: Technicians, store: Store) -> None:
    @api.put("/technicians/{technician}", dependencies=[needs("planning:write")])
    async def put_technician(technician: str, body: TechnicianBody) -> Answer:
        """Enter somebody who can be sent, of one's own party."""
        with store.begin() as uow:
            return technicians.put(uow, technician, **body.model_dump())

    @api.get("/technicians", dependencies=[needs("planning:read")])
    async def get_technicians(limit: Page = 100, after: str | None = None) -> Answer:
        """Who can be sent, with what they are planned for."""
        with store.read() as conn:
            page, more = _page(technicians.listed(conn), limit, after)
            items = []
            for row in page:
                slots = access.seen_of_things(technicians.slots(conn, row["id"]), at="requested_ms")
                shown = [
                    {"work_order": one["id"], "from_ms": one["start_ms"], "to_ms": one["end_ms"]}
                    for one in slots
                ]
                items.append({**row, "slots": shown})
            return {"items": items, "next": more}


def _add_planned(api: APIRouter, planned: PlannedWork, clock: Clock, store: Store) -> None:
    @api.post("/things/{thing}/planned-work", dependencies=[needs("planning:write")])
    async def propose_planned_work(thing: str, body: ProposeBody) -> Answer:
        """Propose a window for planned work to the customer."""
        with store.begin() as uow:
            access.must_see_thing(thing)
            return planned.propose(uow, thing, at_ms=clock.now_ms(), **body.model_dump())

    @api.get("/planned-work", dependencies=[needs("planned-work:read")])
    async def get_planned_work(
        thing: str | None = None,
        state: Planned | None = None,
        limit: Page = 100,
        after: str | None = None,
    ) -> Answer:
        """Planned work (on a thing, in a state)."""
        said: Mapping[str, Any] = {"thing": thing, "state": state}
        equals = {name: value for name, value in said.items() if value is not None}
        with store.read() as conn:
            rows = access.seen_of_things(planned.listed(conn, **equals), at="proposed_ms")
        page, more = _page(rows, limit, after)
        return {"items": page, "next": more}


def _add_planned_steps(api: APIRouter, planned: PlannedWork, clock: Clock, store: Store) -> None:
    def must_see(conn: sa.Connection, work: str) -> None:
        row = planned.get(conn, work)
        what = f"planned work {work!r}"
        access.must_see_thing(row["thing"], what=what, at_ms=row["proposed_ms"])

    @api.post("/planned-work/{work}/agree", dependencies=[needs("planned-work:write")])
    async def agree_planned_work(work: str, body: ByBody) -> Answer:
        """The window suits the customer: a visit is asked for."""
        with store.begin() as uow:
            must_see(uow.conn, work)
            return planned.agree(uow, work, by=body.by, at_ms=clock.now_ms())

    @api.post("/planned-work/{work}/reschedule", dependencies=[needs("planned-work:write")])
    async def reschedule_planned_work(work: str, body: RescheduleBody) -> Answer:
        """Somebody cannot keep the window: another one is proposed, which is answered."""
        with store.begin() as uow:
            must_see(uow.conn, work)
            return planned.reschedule(uow, work, at_ms=clock.now_ms(), **body.model_dump())
