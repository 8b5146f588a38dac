"""HTTP face of orders: parts, policies, recommendations, orders."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from reference_impl.kernel import access
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.orders import domain as d
from reference_impl.orders.service import Orders

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
Text = Annotated[str, Field(min_length=1)]
Answer = dict[str, Any]


class LeadTime(BaseModel):
    """Order to delivery, hours: half arrive within ``p50``, nine of ten within ``p90``."""

    model_config = _STRICT
    p50: float = Field(ge=0)
    p90: float = Field(ge=0)


class PartBody(BaseModel):
    """A part of the catalogue."""

    model_config = _STRICT
    title: Text
    price_eur: float = Field(ge=0)
    supplier: Text
    lead_time_h: LeadTime
    models: list[Text] = []


class PolicyBody(BaseModel):
    """How a customer buys; a limit that is absent or null does not limit."""

    model_config = _STRICT
    mode: Literal["auto", "approval", "off"]
    max_unit_price_eur: float | None = Field(default=None, ge=0)
    max_open_orders: int | None = Field(default=None, ge=0)
    monthly_budget_eur: float | None = Field(default=None, ge=0)


class StepBody(BaseModel):
    """Who takes the step."""

    model_config = _STRICT
    by: Text


class ReasonBody(StepBody):
    """Who takes the step, and why."""

    reason: Text


def router(service: Orders, clock: Clock, store: Store) -> APIRouter:
    """All routes of this context."""
    routes = APIRouter(prefix="/v1", tags=["orders"])
    _catalogue(routes, service, store)
    _recommendations(routes, service, clock, store)
    _orders(routes, service, clock, store)
    return routes


def _catalogue(routes: APIRouter, service: Orders, store: Store) -> None:
    @routes.put("/parts/{sku}", dependencies=[needs("parts:write")])
    async def put_part(sku: str, body: PartBody) -> Answer:
        """Add or replace a part."""
        with store.begin() as uow:
            return service.catalogue.put(uow, sku, body.model_dump())

    @routes.get("/parts", dependencies=[needs("parts:read")])
    async def get_parts() -> Answer:
        """The catalogue."""
        with store.read() as conn:
            return {"items": service.listed(conn, "parts")}

    @routes.put("/policies/{customer}", dependencies=[needs("policies:write")])
    async def put_policy(customer: str, body: PolicyBody) -> Answer:
        """Set how a customer buys."""
        policy = d.Policy(**{**body.model_dump(), "mode": d.Mode(body.mode)})
        access.must_see(customer, what=f"customer {customer!r}")
        with store.begin() as uow:
            return service.put_policy(uow, customer, policy)

    @routes.get("/policies", dependencies=[needs("policies:read")])
    async def get_policies() -> Answer:
        """All purchase policies."""
        with store.read() as conn:
            return {"items": access.seen(service.listed(conn, "policies"))}


def _recommendations(routes: APIRouter, service: Orders, clock: Clock, store: Store) -> None:
    def must_see(conn: sa.Connection, rec_id: str) -> None:
        for row in service.listed(conn, "recommendations", id=rec_id):
            what = f"recommendation {rec_id!r}"
            access.must_see_thing(row["thing"], what=what, at_ms=row["issued_ms"])

    @routes.get("/recommendations", dependencies=[needs("recommendations:read")])
    async def get_recommendations(thing: str | None = None) -> Answer:
        """All recommendations (of a thing)."""
        only = {} if thing is None else {"thing": thing}
        with store.read() as conn:
            rows = service.listed(conn, "recommendations", **only)
        return {"items": access.seen_of_things(rows, at="issued_ms")}

    @routes.get("/refused-advice", dependencies=[needs("recommendations:read")])
    async def get_refused() -> Answer:
        """What rules recommended and nobody was asked about, and why: once per need and part."""
        with store.read() as conn:
            rows = service.listed(conn, "refused")
        things = [{"thing": row["need_key"].partition("/")[0], **row} for row in rows]
        kept = access.seen_of_things(things, at="at_ms")
        return {"items": [{name: row[name] for name in row if name != "thing"} for row in kept]}

    @routes.post("/recommendations/{rec_id}/approve", dependencies=[needs("recommendations:write")])
    async def approve(rec_id: str, body: StepBody) -> Answer:
        """Order what is recommended."""
        with store.begin() as uow:
            must_see(uow.conn, rec_id)
            return service.approve(uow, rec_id, by=body.by, at_ms=clock.now_ms())

    @routes.post("/recommendations/{rec_id}/discard", dependencies=[needs("recommendations:write")])
    async def discard(rec_id: str, body: ReasonBody) -> Answer:
        """Decide against it."""
        with store.begin() as uow:
            must_see(uow.conn, rec_id)
            return service.discard(
                uow, rec_id, by=body.by, reason=body.reason, at_ms=clock.now_ms()
            )

    @routes.get("/needs", dependencies=[needs("needs:read")])
    async def get_needs(thing: str | None = None) -> Answer:
        """All needs (of a thing)."""
        only = {} if thing is None else {"thing": thing}
        with store.read() as conn:
            rows = service.listed(conn, "needs", **only)
        return {"items": access.seen_of_things(rows, at="changed_ms")}


def _orders(routes: APIRouter, service: Orders, clock: Clock, store: Store) -> None:
    @routes.get("/orders", dependencies=[needs("orders:read")])
    async def get_orders(thing: str | None = None, customer: str | None = None) -> Answer:
        """All orders (of a thing, of a customer)."""
        asked = {"thing": thing, "customer": customer}
        only = {name: value for name, value in asked.items() if value is not None}
        with store.read() as conn:
            return {"items": access.seen(service.listed(conn, "orders", **only))}

    def step(order_id: str, taken: d.OrderStep, by: str, reason: str = "") -> Answer:
        with store.begin() as uow:
            for row in service.listed(uow.conn, "orders", id=order_id):
                access.must_see(row["customer"], what=f"order {order_id!r}")
            return service.step_order(
                uow, order_id, taken, by=by, at_ms=clock.now_ms(), reason=reason
            )

    @routes.post("/orders/{order_id}/confirm", dependencies=[needs("orders:approve")])
    async def confirm(order_id: str, body: StepBody) -> Answer:
        """The supplier accepts the order."""
        return step(order_id, d.OrderStep.CONFIRM, body.by)

    @routes.post("/orders/{order_id}/reject", dependencies=[needs("orders:approve")])
    async def reject(order_id: str, body: ReasonBody) -> Answer:
        """The supplier refuses the order."""
        return step(order_id, d.OrderStep.REJECT, body.by, body.reason)

    @routes.post("/orders/{order_id}/ship", dependencies=[needs("orders:approve")])
    async def ship(order_id: str, body: StepBody) -> Answer:
        """The goods leave the supplier."""
        return step(order_id, d.OrderStep.SHIP, body.by)

    @routes.post("/orders/{order_id}/deliver", dependencies=[needs("orders:approve")])
    async def deliver(order_id: str, body: StepBody) -> Answer:
        """The goods have arrived."""
        return step(order_id, d.OrderStep.DELIVER, body.by)

    @routes.post("/orders/{order_id}/cancel", dependencies=[needs("orders:write")])
    async def cancel(order_id: str, body: ReasonBody) -> Answer:
        """The buyer withdraws, before shipping."""
        return step(order_id, d.OrderStep.CANCEL, body.by, body.reason)
