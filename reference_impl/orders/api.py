"""HTTP face of orders: policies, needs, recommendations, compliance, breakers; the rest beside."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Annotated, Any

from fastapi import APIRouter, Path

from reference_impl.kernel.access import (
    Group,
    current,
    must_see,
    must_see_thing,
    seen,
    seen_of_things,
)
from reference_impl.kernel.errors import Unknown
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.money import plain
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Store
from reference_impl.orders import api_catalogue, api_orders
from reference_impl.orders import bodies as b
from reference_impl.orders import compliance as c
from reference_impl.orders.breaker import Setting
from reference_impl.orders.forecasts import HOUR_MS
from reference_impl.orders.limits import CallLimit
from reference_impl.orders.pages import After, Limit, page
from reference_impl.orders.policies import Mode, Policy
from reference_impl.orders.service import Orders

Answer = dict[str, Any]
Id = Annotated[str, Path(max_length=200)]
READ, WRITE = needs("recommendations:read"), needs("recommendations:write")


def router(
    service: Orders, clock: Clock, store: Store, *, wall_s: Callable[[], float] = time.monotonic
) -> APIRouter:
    """All routes of this context. ``wall_s`` is for the limit of calls."""
    routes = new_router("orders")
    api_catalogue.add_routes(routes, service, store, service.directory)
    _policies(routes, service, store)
    _recommendations(routes, service, clock, store)
    _needs(routes, service, store)
    _compliance(routes, service, clock, store)
    _breakers(routes, service, clock, store)
    api_orders.add_routes(
        routes, service, clock, store, directory=service.directory, limit=CallLimit(wall_s)
    )
    return routes


def _policies(routes: APIRouter, service: Orders, store: Store) -> None:
    @routes.put("/policies/{customer}", dependencies=[needs("policies:write")])
    async def put_policy(customer: Id, body: b.PolicyBody) -> Answer:
        """Set how a customer buys."""
        must_see(customer, what=f"customer {customer!r}")
        said = body.model_dump(exclude={"mode", "blackout", "allowed_parts", "cancel_window_h"})
        parts = body.allowed_parts
        policy = Policy(
            mode=Mode(body.mode),
            allowed_parts=None if parts is None else tuple(parts),
            blackout=tuple((span.from_ms, span.to_ms) for span in body.blackout),
            cancel_window_ms=round(body.cancel_window_h * HOUR_MS),
            **said,
        )
        with store.begin() as uow:
            return dict(plain(service.put_policy(uow, customer, policy)))

    @routes.get("/policies", dependencies=[needs("policies:read")])
    async def get_policies(limit: Limit = None, after: After = None) -> Answer:
        """Purchase policies."""
        with store.read() as conn:
            rows = seen(service.listed(conn, "policies"))
        return page(rows, limit, after, key="customer")


def _recommendations(routes: APIRouter, service: Orders, clock: Clock, store: Store) -> None:
    def one(rec_id: str) -> Row:
        with store.read() as conn:
            rows = service.listed(conn, "recommendations", id=rec_id)
        if not rows:
            raise Unknown(f"there is no recommendation {rec_id!r}")
        what = f"recommendation {rec_id!r}"
        must_see_thing(rows[0]["thing"], what=what, at_ms=rows[0]["issued_ms"])
        return rows[0]

    @routes.get("/recommendations", dependencies=[READ])
    async def get_recommendations(
        thing: str | None = None, state: str | None = None, limit: Limit = None, after: After = None
    ) -> Answer:
        """Recommendations (of a thing, in a state)."""
        asked = {"thing": thing, "state": state}
        only = {name: value for name, value in asked.items() if value is not None}
        with store.read() as conn:
            rows = seen_of_things(service.listed(conn, "recommendations", **only), at="issued_ms")
            hidden = service.supplies.partners(conn)
        return page([_shown(row, hidden) for row in rows], limit, after)

    @routes.get("/recommendations/{rec_id}", dependencies=[READ])
    async def get_recommendation(rec_id: Id) -> Answer:
        """One recommendation, with how it was followed."""
        row = one(rec_id)
        with store.read() as conn:
            followed = service.listed(conn, "compliance", id=rec_id)
            hidden = service.supplies.partners(conn)
        return {**_shown(row, hidden), "compliance": followed[0] if followed else None}

    @routes.post("/recommendations/{rec_id}/see", dependencies=[READ])
    async def see(rec_id: Id, body: b.StepBody) -> Answer:
        """Somebody has looked at it."""
        del body
        row = one(rec_id)
        with store.begin() as uow:
            service.advising.see(uow, rec_id, at_ms=clock.now_ms())
        return {"id": row["id"], "state": row["state"]}

    @routes.post("/recommendations/{rec_id}/approve", dependencies=[WRITE])
    async def approve(rec_id: Id, body: b.StepBody) -> Answer:
        """Order what is recommended."""
        one(rec_id)
        with store.begin() as uow:
            return dict(plain(service.approve(uow, rec_id, by=body.by, at_ms=clock.now_ms())))

    @routes.post("/recommendations/{rec_id}/discard", dependencies=[WRITE])
    async def discard(rec_id: Id, body: b.ReasonBody) -> Answer:
        """Decide against it; the reason is needed (C6)."""
        one(rec_id)
        with store.begin() as uow:
            row = service.discard(uow, rec_id, by=body.by, reason=body.reason, at_ms=clock.now_ms())
            return dict(plain(row))

    @routes.post("/recommendations/{rec_id}/snooze", dependencies=[WRITE])
    async def snooze(rec_id: Id, body: b.SnoozeBody) -> Answer:
        """Put it off."""
        one(rec_id)
        with store.begin() as uow:
            row = service.advising.snooze(
                uow, rec_id, by=body.by, reason=body.reason, until_ms=body.until_ms,
                at_ms=clock.now_ms(),
            )  # fmt: skip
            return dict(plain(row))


def _shown(row: Row, partners: Collection[str]) -> Answer:
    """A recommendation; the main organisation does not see a partner's price (M2)."""
    hidden = current().group is Group.ORGANISATION and row["supplier"] in partners
    return {n: v for n, v in row.items() if not (hidden and n == "unit_price_eur")}


def _needs(routes: APIRouter, service: Orders, store: Store) -> None:
    @routes.get("/needs", dependencies=[needs("needs:read")])
    async def get_needs(
        thing: str | None = None, state: str | None = None, limit: Limit = None, after: After = None
    ) -> Answer:
        """Needs (of a thing, in a state), with the newest forecast of each."""
        asked = {"thing": thing, "state": state}
        only = {name: value for name, value in asked.items() if value is not None}
        with store.read() as conn:
            rows = seen_of_things(service.listed(conn, "needs", **only), at="changed_ms")
        return page(rows, limit, after, key="need_key")

    @routes.get("/refused-advice", dependencies=[needs("recommendations:read")])
    async def get_refused() -> Answer:
        """What rules recommended and nobody was asked about, and why: once per need and part."""
        with store.read() as conn:
            rows = [_with_thing(row) for row in service.listed(conn, "refused")]
        kept = seen_of_things(rows, at="at_ms")
        return {"items": [{n: v for n, v in row.items() if n != "thing"} for row in kept]}


def _with_thing(row: Row) -> Row:
    return {"thing": str(row["need_key"]).partition("/")[0], **row}


def _compliance(routes: APIRouter, service: Orders, clock: Clock, store: Store) -> None:
    @routes.get("/compliance", dependencies=[READ])
    async def get_compliance(
        partner: str | None = None, customer: str | None = None,
        limit: Limit = None, after: After = None,
    ) -> Answer:  # fmt: skip
        """How each recommendation was followed."""
        return page(_followed(service, store, partner, customer), limit, after)

    @routes.get("/compliance/kpis", dependencies=[READ])
    async def get_kpis(partner: str | None = None, customer: str | None = None) -> Answer:
        """The figures of it; of a partner only over the customers it serves (C7)."""
        rows = _followed(service, store, partner, customer)
        with store.read() as conn:
            parts = service.listed(conn, "parts")
        used_up = {row["sku"]: row["price_eur"] for row in parts if row["kind"] == "consumable"}
        return {
            **c.kpis(rows, now_ms=clock.now_ms()),
            "consumables": c.consumables([r for r in rows if r["part"] in used_up], used_up),
        }


def _followed(
    service: Orders, store: Store, partner: str | None, customer: str | None
) -> list[Row]:
    asked = {"partner": partner, "customer": customer}
    only = {name: value for name, value in asked.items() if value is not None}
    with store.read() as conn:
        rows = [_with_thing(row) for row in service.listed(conn, "compliance", **only)]
    return seen_of_things(rows, at="issued_ms")


def _breakers(routes: APIRouter, service: Orders, clock: Clock, store: Store) -> None:
    @routes.get("/breakers", dependencies=[READ])
    async def get_breakers() -> Answer:
        """Circuit breakers that were set or have tripped."""
        with store.read() as conn:
            return {"items": service.listed(conn, "breakers"), "next": None}

    @routes.put("/breakers/{model}", dependencies=[needs("parts:write")])
    async def put_breaker(model: Id, body: b.BreakerBody) -> Answer:
        """Set a model's circuit breaker."""
        with store.begin() as uow:
            return service.advising.breakers.set(uow, model, Setting(**body.model_dump()))

    def close(model: str, body: b.ReasonBody, *, release: bool) -> Answer:
        with store.begin() as uow:
            (row,) = service.close_breaker(
                uow, model, release=release, by=body.by, reason=body.reason, at_ms=clock.now_ms()
            )
        return row

    @routes.post("/breakers/{model}/release", dependencies=[needs("parts:write")])
    async def release(model: Id, body: b.ReasonBody) -> Answer:
        """Let everything go out that is held for a model."""
        return close(model, body, release=True)

    @routes.post("/breakers/{model}/discard", dependencies=[needs("parts:write")])
    async def discard_held(model: Id, body: b.ReasonBody) -> Answer:
        """Discard everything that is held for a model."""
        return close(model, body, release=False)
