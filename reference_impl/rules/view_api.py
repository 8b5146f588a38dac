"""HTTP face of the view models: what the pages of portal and control room are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from reference_impl.kernel.access import must_see
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.rules.api import Answer
from reference_impl.rules.supervision import supervise
from reference_impl.rules.views import Filters, Views


class MachinesAsked(BaseModel):
    """Which machines; what is left out fits anything."""

    model_config = ConfigDict(extra="forbid")
    search: str = ""
    connection: Literal["online", "offline"] | None = None
    operating: Literal["working", "standby", "error"] | None = None
    failures: bool | None = None
    contract: bool | None = None
    customer: str | None = None
    site: str | None = None
    model: str | None = None
    after: str = ""
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


def router(views: Views, clock: Clock, store: Store) -> APIRouter:
    """All routes of this module."""
    routes = new_router("views")

    @routes.get("/views/portal/overview", dependencies=[needs("alerts:read")])
    async def get_overview(customer: str | None = None) -> Answer:
        """Active alerts and machines of a customer (of all that the caller sees)."""
        if customer is not None:
            must_see(customer, what=f"customer {customer!r}")
        with store.read() as conn:
            return views.overview(conn, customer=customer, at_ms=clock.now_ms())

    @routes.get("/views/control-room/overview", dependencies=[needs("diagnostics:read")])
    async def get_control_room() -> Answer:
        """Active alerts with duration and takeover, and a marker for each machine."""
        with store.read() as conn:
            return views.control_room(conn, at_ms=clock.now_ms())

    @routes.get("/views/machines", dependencies=[needs("things:read")])
    async def get_machines(asked: Annotated[MachinesAsked, Query()]) -> Answer:
        """Machines that fit every filter, by id; ``next`` goes on behind the last one."""
        given = asked.model_dump()
        after, limit = given.pop("after"), given.pop("limit")
        filters = Filters(**given)
        with store.read() as conn:
            return views.machines(conn, filters, at_ms=clock.now_ms(), after=after, limit=limit)

    @routes.get("/views/customers", dependencies=[needs("diagnostics:read")])
    async def get_customers(search: str = "") -> Answer:
        """Customers with how their machines are."""
        with store.read() as conn:
            return {"items": views.customers(conn, search=search, at_ms=clock.now_ms())}

    @routes.get("/views/actions", dependencies=[needs("actions:read")])
    async def get_workload() -> Answer:
        """Actions that are to be done, most urgent first."""
        with store.read() as conn:
            return {"items": views.workload(conn, at_ms=clock.now_ms())}

    @routes.get("/rules/supervision", dependencies=[needs("rule-packs:read")])
    async def get_supervision(from_ms: int, to_ms: int | None = None) -> Answer:
        """Which rules fire more than expected, chatter, or stand for days."""
        until_ms = clock.now_ms() if to_ms is None else to_ms
        with store.read() as conn:
            return supervise(
                views.rules, conn, things=views.things(conn), from_ms=from_ms, to_ms=until_ms
            )

    return routes
