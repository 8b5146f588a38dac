"""HTTP face of maintenance: work orders and the register."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from reference_impl.kernel import access
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.maintenance import domain as d
from reference_impl.maintenance.desk import MAIN, Desk
from reference_impl.maintenance.incidents import Incidents
from reference_impl.maintenance.service import Maintenance
from reference_impl.maintenance.service_levels import Priority
from reference_impl.maintenance.sla_api import sla_of

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
Text = Annotated[str, Field(min_length=1)]
Long = Annotated[str, Field(max_length=10_000)]
Stamp = Annotated[int, Field(ge=0, le=2**53)]
Answer = dict[str, Any]
READ, WRITE = needs("work-orders:read"), needs("work-orders:write")


class StepBody(BaseModel):
    """Who takes the step."""

    model_config = _STRICT
    by: Text


class PartLine(Body):
    """A part and how many of it."""

    part: Text
    quantity: Annotated[int, Field(ge=1, le=1000)] = 1


class ReportBody(StepBody):
    """Something is wrong with a machine; ``begun_ms``: since when, if somebody knows."""

    title: Text
    position: Annotated[str, Field(pattern=r"^[^/\s]{1,100}$")] = d.WHOLE
    part: Annotated[str, Field(max_length=200)] = ""
    alert: str | None = None
    ticket: str | None = None
    begun_ms: Stamp | None = None
    priority: Priority | None = None


class TriageBody(StepBody):
    """How much hurry, what it takes, which parts; without ``parts`` diagnosis says them."""

    priority: Priority = Priority.P3
    skills: list[Text] = []
    parts: list[PartLine] | None = None
    part: Annotated[str, Field(max_length=200)] = ""


class PlanBody(StepBody):
    """When which crew will come; a technician who is named must know the work and be free."""

    start_ms: int = Field(ge=0, le=2**53)
    crew: Text
    technician: str = ""
    end_ms: Stamp | None = None
    stock: Text = MAIN


class CompleteBody(StepBody):
    """What was fitted, measured and used; without a serial no part was fitted."""

    serial: Text | None = None
    readings: dict[str, float] = {}
    parts: list[PartLine] = []
    cause: Long = ""
    remedy: Long = ""
    note: Long = ""


class ReasonBody(StepBody):
    """Who takes the step, and why; a duplicate names the order that stays."""

    reason: Text
    duplicate_of: str = ""


class HoldBody(StepBody):
    """Why work stands still."""

    reason: d.Hold


class PriorityBody(StepBody):
    """How much hurry there is."""

    priority: Priority


class NoteBody(StepBody):
    """Something to be said; ``internal`` is not shown to the customer."""

    text: Annotated[str, Field(min_length=1, max_length=10_000)]
    internal: bool = False


class WorkDesk:
    """What the routes of work orders share."""

    def __init__(
        self, service: Maintenance, desk: Desk, incidents: Incidents, clock: Clock, store: Store
    ) -> None:
        self.service, self.desk, self.incidents = service, desk, incidents
        self.clock, self.store = clock, store

    def must_see(self, conn: sa.Connection, wo_id: str) -> None:
        """Raise Unknown unless there is such an order and the caller sees its thing."""
        row = self.service.must(conn, wo_id)
        what = f"work order {wo_id!r}"
        access.must_see_thing(row["thing"], what=what, at_ms=row["requested_ms"])

    def step(self, wo_id: str, taken: d.Step, by: str, **more: object) -> Answer:
        """Take a step now."""
        with self.store.begin() as uow:
            self.must_see(uow.conn, wo_id)
            at_ms = self.clock.now_ms()
            return self.service.step(uow, wo_id, taken, by=by, at_ms=at_ms, **more)

    def detail(self, conn: sa.Connection, wo_id: str) -> Answer:
        """An order with what was said that is for the caller, and its time limits."""
        row = self.service.must(conn, wo_id)
        internal = access.current().group is not access.Group.CUSTOMER
        incident = self.incidents.get(conn, row["incident"]) if row["incident"] else None
        return {
            **row,
            "notes": self.desk.notes(conn, wo_id, internal=internal),
            "sla": None if incident is None else sla_of(self.incidents, conn, incident),
        }


def router(
    service: Maintenance, desk: Desk, incidents: Incidents, clock: Clock, store: Store
) -> APIRouter:
    """All routes of this context."""
    routes = new_router("maintenance")
    shared = WorkDesk(service, desk, incidents, clock, store)
    _add_lists(routes, shared)
    _add_desk(routes, shared)
    _add_visits(routes, shared)
    _add_site_work(routes, shared)
    return routes


def _add_lists(routes: APIRouter, shared: WorkDesk) -> None:
    service, store = shared.service, shared.store

    @routes.get("/work-orders", dependencies=[READ])
    async def get_work_orders(thing: str | None = None) -> Answer:
        """All work orders (of a thing)."""
        only = {} if thing is None else {"thing": thing}
        with store.read() as conn:
            rows = service.listed(conn, "work_orders", **only)
        return {"items": access.seen_of_things(rows, at="requested_ms")}

    @routes.get("/work-orders/{wo_id}", dependencies=[READ])
    async def get_work_order(wo_id: str) -> Answer:
        """One work order, with notes and time limits."""
        with store.read() as conn:
            shared.must_see(conn, wo_id)
            return shared.detail(conn, wo_id)

    @routes.get("/register", dependencies=[needs("register:read")])
    async def get_register(thing: str | None = None) -> Answer:
        """What was fitted where (on a thing)."""
        only = {} if thing is None else {"thing": thing}
        with store.read() as conn:
            rows = service.listed(conn, "register", **only)
        return {"items": access.seen_of_things(rows, at="fitted_ms")}


def _add_desk(routes: APIRouter, shared: WorkDesk) -> None:
    desk, clock, store = shared.desk, shared.clock, shared.store

    @routes.post("/things/{thing}/work-orders", dependencies=[WRITE])
    async def report_fault(thing: str, body: ReportBody) -> Answer:
        """Something is wrong: a corrective order, or the one that is open for it already."""
        asked = body.model_dump(exclude={"priority"})
        source = "ticket" if body.ticket else "alert" if body.alert else "customer"
        priority = "" if body.priority is None else body.priority.value
        with store.begin() as uow:
            access.must_see_thing(thing)
            at_ms = clock.now_ms()
            row = desk.report(uow, thing, source=source, priority=priority, at_ms=at_ms, **asked)
            return shared.detail(uow.conn, row["id"])

    @routes.post("/work-orders/{wo_id}/triage", dependencies=[WRITE])
    async def triage(wo_id: str, body: TriageBody) -> Answer:
        """The service desk has looked at it."""
        parts = None if body.parts is None else [line.model_dump() for line in body.parts]
        with store.begin() as uow:
            shared.must_see(uow.conn, wo_id)
            return desk.triage(
                uow, wo_id, by=body.by, at_ms=clock.now_ms(), priority=body.priority,
                skills=body.skills, parts=parts, part=body.part,
            )  # fmt: skip

    @routes.post("/work-orders/{wo_id}/priority", dependencies=[WRITE])
    async def set_priority(wo_id: str, body: PriorityBody) -> Answer:
        """More hurry, or less: time limits are computed anew from the beginning."""
        with store.begin() as uow:
            shared.must_see(uow.conn, wo_id)
            desk.set_priority(uow, wo_id, body.priority, by=body.by, at_ms=clock.now_ms())
            return shared.detail(uow.conn, wo_id)

    @routes.post("/work-orders/{wo_id}/notes", dependencies=[WRITE])
    async def add_work_order_note(wo_id: str, body: NoteBody) -> Answer:
        """Say something."""
        with store.begin() as uow:
            shared.must_see(uow.conn, wo_id)
            desk.note(uow, wo_id, at_ms=clock.now_ms(), **body.model_dump())
            return shared.detail(uow.conn, wo_id)

    @routes.post("/work-orders/{wo_id}/plan", dependencies=[WRITE])
    async def plan(wo_id: str, body: PlanBody) -> Answer:
        """A crew has a slot."""
        with store.begin() as uow:
            shared.must_see(uow.conn, wo_id)
            return desk.plan(uow, wo_id, at_ms=clock.now_ms(), **body.model_dump())

    @routes.post("/work-orders/{wo_id}/cancel", dependencies=[WRITE])
    async def cancel(wo_id: str, body: ReasonBody) -> Answer:
        """The visit will not take place."""
        with store.begin() as uow:
            shared.must_see(uow.conn, wo_id)
            return desk.cancel(uow, wo_id, at_ms=clock.now_ms(), **body.model_dump())


def _add_visits(routes: APIRouter, shared: WorkDesk) -> None:
    step = shared.step

    @routes.post("/work-orders/{wo_id}/dispatch", dependencies=[WRITE])
    async def dispatch(wo_id: str, body: StepBody) -> Answer:
        """The technician is told to go."""
        return step(wo_id, d.Step.DISPATCH, body.by)

    @routes.post("/work-orders/{wo_id}/accept", dependencies=[WRITE])
    async def accept(wo_id: str, body: StepBody) -> Answer:
        """The technician will go."""
        return step(wo_id, d.Step.ACCEPT, body.by)

    @routes.post("/work-orders/{wo_id}/depart", dependencies=[WRITE])
    async def depart(wo_id: str, body: StepBody) -> Answer:
        """The crew is on its way."""
        return step(wo_id, d.Step.DEPART, body.by)

    @routes.post("/work-orders/{wo_id}/arrive", dependencies=[WRITE])
    async def arrive(wo_id: str, body: StepBody) -> Answer:
        """The crew is on site."""
        return step(wo_id, d.Step.ARRIVE, body.by)


def _add_site_work(routes: APIRouter, shared: WorkDesk) -> None:
    service, clock, store, step = shared.service, shared.clock, shared.store, shared.step

    @routes.post("/work-orders/{wo_id}/remote", dependencies=[WRITE])
    async def remote_work(wo_id: str, body: StepBody) -> Answer:
        """The control room tries to mend it from afar before anybody is sent."""
        return step(wo_id, d.Step.REMOTE, body.by)

    @routes.post("/work-orders/{wo_id}/begin", dependencies=[WRITE])
    async def begin_work(wo_id: str, body: StepBody) -> Answer:
        """The work begins."""
        return step(wo_id, d.Step.BEGIN, body.by)

    @routes.post("/work-orders/{wo_id}/hold", dependencies=[WRITE])
    async def hold_work(wo_id: str, body: HoldBody) -> Answer:
        """The work stands still; time limits too, if the service level permits the reason."""
        return step(wo_id, d.Step.HOLD, body.by, reason=body.reason.value)

    @routes.post("/work-orders/{wo_id}/resume", dependencies=[WRITE])
    async def resume_work(wo_id: str, body: StepBody) -> Answer:
        """The work goes on."""
        return step(wo_id, d.Step.RESUME, body.by, reason="")

    @routes.post("/work-orders/{wo_id}/complete", dependencies=[WRITE])
    async def complete(wo_id: str, body: CompleteBody) -> Answer:
        """The work is done, the part is fitted."""
        said = body.model_dump(exclude={"parts", "by"})
        used = [line.model_dump() for line in body.parts]
        with store.begin() as uow:
            shared.must_see(uow.conn, wo_id)
            service.complete(uow, wo_id, by=body.by, used=used, at_ms=clock.now_ms(), **said)
            return service.must(uow.conn, wo_id)
