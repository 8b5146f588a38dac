"""HTTP face of outcomes: measured periods, what they add up from, disputes and corrections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter

from reference_impl.kernel import access
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.outcomes.contracts import bodies as b
from reference_impl.outcomes.contracts import contract_api
from reference_impl.outcomes.contracts.service import Outcomes

Answer = dict[str, Any]
MustSee = Callable[[sa.Connection, str, str], None]
READ, WRITE = needs("outcomes:read"), needs("outcomes:write")
PERIOD = "/outcomes/{contract_id}/{period}"


def routers(service: Outcomes, clock: Clock, store: Store) -> list[APIRouter]:
    """All routes of contracts and outcomes."""
    return [contract_api.router(service, clock, store), router(service, clock, store)]


def router(service: Outcomes, clock: Clock, store: Store) -> APIRouter:
    """Routes of measured periods."""
    routes = new_router("outcomes")
    periods = service.periods

    def must_see(conn: sa.Connection, contract_id: str, period: str) -> None:
        """A closed period stays that of who was the customer then; an open one is of who is."""
        contract = next((c for c in service.contracts(conn) if c["id"] == contract_id), None)
        closed = service.outcomes(conn, contract=contract_id, period=period)
        if closed:
            access.must_see(closed[0]["customer"], what=f"period {period!r}")
        elif contract is not None:
            access.must_see(contract["customer"], what=f"contract {contract_id!r}")

    @routes.get("/outcomes", dependencies=[READ])
    async def get_outcomes(contract: str | None = None) -> Answer:
        """All closed periods (of a contract)."""
        only = {} if contract is None else {"contract": contract}
        with store.read() as conn:
            return {"items": access.seen(service.outcomes(conn, **only))}

    @routes.get(PERIOD, dependencies=[READ])
    async def get_outcome(contract_id: str, period: str) -> Answer:
        """One period with its intervals per thing; an open one up to now."""
        with store.read() as conn:
            must_see(conn, contract_id, period)
            return service.drill_down(conn, contract_id, period, now_ms=clock.now_ms())

    @routes.get(f"{PERIOD}/inputs", dependencies=[READ])
    async def get_inputs(contract_id: str, period: str) -> Answer:
        """What the result of a closed period was computed from (K5)."""
        with store.read() as conn:
            must_see(conn, contract_id, period)
            return {"frozen": periods.get(conn, contract_id, period)["frozen"]}

    @routes.get(f"{PERIOD}/recomputed", dependencies=[READ])
    async def get_recomputed(contract_id: str, period: str) -> Answer:
        """The result had again from the frozen inputs, and whether it is the same."""
        with store.read() as conn:
            must_see(conn, contract_id, period)
            return periods.recomputed(conn, contract_id, period)

    _objections(routes, service, clock, store, must_see)
    return routes


def _objections(
    routes: APIRouter, service: Outcomes, clock: Clock, store: Store, must_see: MustSee
) -> None:
    periods = service.periods

    @routes.post(f"{PERIOD}/disputes", dependencies=[needs("disputes:write")])
    async def dispute(contract_id: str, period: str, body: b.DisputeBody) -> Answer:
        """Object to a result that is not final."""
        with store.begin() as uow:
            must_see(uow.conn, contract_id, period)
            row = periods.dispute(
                uow, contract_id, period, by=body.by, reason=body.reason, at_ms=clock.now_ms()
            )
            return _brief(row)

    @routes.post(f"{PERIOD}/adjust", dependencies=[WRITE])
    async def adjust(contract_id: str, period: str, body: b.AdjustBody) -> Answer:
        """Decide on a dispute."""
        with store.begin() as uow:
            must_see(uow.conn, contract_id, period)
            row = periods.adjust(
                uow, contract_id, period, by=body.by, side=body.side, reason=body.reason,
                corrections=_said(body), at_ms=clock.now_ms(),
            )  # fmt: skip
            return _brief(row)

    @routes.post(f"{PERIOD}/corrections", dependencies=[WRITE])
    async def correct(contract_id: str, period: str, body: b.CorrectBody) -> Answer:
        """Correct a final period by a new document (K3)."""
        with store.begin() as uow:
            must_see(uow.conn, contract_id, period)
            return periods.correct(
                uow, contract_id, period, by=body.by, side=body.side, asked_by=body.asked_by,
                reason=body.reason, corrections=_said(body), at_ms=clock.now_ms(),
            )  # fmt: skip


def _said(body: b.AdjustBody) -> list[Answer]:
    return [one.model_dump(mode="json", by_alias=True) for one in body.corrections]


def _brief(row: Answer) -> Answer:
    named = {name: row[name] for name in ("contract", "period", "customer", "state")}
    return {**named, **row["result"]}
