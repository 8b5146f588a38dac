"""HTTP face of maintenance: work orders and the register."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from reference_impl.kernel import access
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.maintenance import domain as d
from reference_impl.maintenance.service import Maintenance

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
Text = Annotated[str, Field(min_length=1)]
Answer = dict[str, Any]


class StepBody(BaseModel):
    """Who takes the step."""

    model_config = _STRICT
    by: Text


class PlanBody(StepBody):
    """When which crew will come."""

    start_ms: int = Field(ge=0)
    crew: Text


class CompleteBody(StepBody):
    """What was fitted, and what the technician measured."""

    serial: Text
    readings: dict[str, float] = {}


class ReasonBody(StepBody):
    """Who takes the step, and why."""

    reason: Text


def router(service: Maintenance, clock: Clock, store: Store) -> APIRouter:
    """All routes of this context."""
    routes = new_router("maintenance")

    def must_see(conn: sa.Connection, wo_id: str) -> None:
        for row in service.listed(conn, "work_orders", id=wo_id):
            what = f"work order {wo_id!r}"
            access.must_see_thing(row["thing"], what=what, at_ms=row["requested_ms"])

    def step(wo_id: str, taken: d.Step, by: str, **more: object) -> Answer:
        with store.begin() as uow:
            must_see(uow.conn, wo_id)
            return service.step(uow, wo_id, taken, by=by, at_ms=clock.now_ms(), **more)

    @routes.get("/work-orders", dependencies=[needs("work-orders:read")])
    async def get_work_orders(thing: str | None = None) -> Answer:
        """All work orders (of a thing)."""
        only = {} if thing is None else {"thing": thing}
        with store.read() as conn:
            rows = service.listed(conn, "work_orders", **only)
        return {"items": access.seen_of_things(rows, at="requested_ms")}

    @routes.get("/register", dependencies=[needs("register:read")])
    async def get_register(thing: str | None = None) -> Answer:
        """What was fitted where (on a thing)."""
        only = {} if thing is None else {"thing": thing}
        with store.read() as conn:
            rows = service.listed(conn, "register", **only)
        return {"items": access.seen_of_things(rows, at="fitted_ms")}

    @routes.post("/work-orders/{wo_id}/plan", dependencies=[needs("work-orders:write")])
    async def plan(wo_id: str, body: PlanBody) -> Answer:
        """A crew has a slot."""
        return step(wo_id, d.Step.PLAN, body.by, start_ms=body.start_ms, crew=body.crew)

    @routes.post("/work-orders/{wo_id}/depart", dependencies=[needs("work-orders:write")])
    async def depart(wo_id: str, body: StepBody) -> Answer:
        """The crew is on its way."""
        return step(wo_id, d.Step.DEPART, body.by)

    @routes.post("/work-orders/{wo_id}/arrive", dependencies=[needs("work-orders:write")])
    async def arrive(wo_id: str, body: StepBody) -> Answer:
        """The crew is on site."""
        return step(wo_id, d.Step.ARRIVE, body.by)

    @routes.post("/work-orders/{wo_id}/complete", dependencies=[needs("work-orders:write")])
    async def complete(wo_id: str, body: CompleteBody) -> Answer:
        """The part is fitted."""
        with store.begin() as uow:
            must_see(uow.conn, wo_id)
            return service.complete(
                uow,
                wo_id,
                by=body.by,
                serial=body.serial,
                readings=body.readings,
                at_ms=clock.now_ms(),
            )

    @routes.post("/work-orders/{wo_id}/cancel", dependencies=[needs("work-orders:write")])
    async def cancel(wo_id: str, body: ReasonBody) -> Answer:
        """The visit will not take place."""
        return step(wo_id, d.Step.CANCEL, body.by, reason=body.reason)

    return routes
