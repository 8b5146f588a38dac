"""HTTP face of outcomes: contracts, closed periods, and what they add up from."""

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
from reference_impl.outcomes.service import Outcomes

Text = Annotated[str, Field(min_length=1)]
Answer = dict[str, Any]


class ContractBody(BaseModel):
    """An availability contract."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    customer: Text
    things: list[Text] = Field(min_length=1)
    fee_eur: float = Field(ge=0, description="Euros per calendar month")
    target: float = Field(gt=0, le=1)
    step: float = Field(default=0.001, gt=0, le=1)
    credit_pct_per_step: float = Field(default=2.0, ge=0, le=100)
    cap_pct: float = Field(default=20.0, ge=0, le=100)
    up_when: Text = Field(description="CEL over the signals of the things")
    unknown_after_s: float = Field(default=900.0, gt=0)
    grace_s: float = Field(default=0.0, ge=0)
    start_ms: int = Field(ge=0)


def router(service: Outcomes, clock: Clock, store: Store) -> APIRouter:
    """All routes of this context."""
    routes = new_router("outcomes")

    def must_see(conn: sa.Connection, contract_id: str) -> None:
        for row in service.contracts(conn):
            if row["id"] == contract_id:
                access.must_see(row["customer"], what=f"contract {contract_id!r}")

    @routes.put("/contracts/{contract_id}", dependencies=[needs("contracts:write")])
    async def put_contract(contract_id: str, body: ContractBody) -> Answer:
        """Sign or amend a contract."""
        access.must_see(body.customer, what=f"customer {body.customer!r}")
        with store.begin() as uow:
            must_see(uow.conn, contract_id)
            return service.put(uow, {"id": contract_id, **body.model_dump()})

    @routes.get("/contracts", dependencies=[needs("contracts:read")])
    async def get_contracts() -> Answer:
        """All contracts."""
        with store.read() as conn:
            return {"items": access.seen(service.contracts(conn))}

    @routes.get("/outcomes", dependencies=[needs("outcomes:read")])
    async def get_outcomes(contract: str | None = None) -> Answer:
        """All closed periods (of a contract)."""
        only = {} if contract is None else {"contract": contract}
        with store.read() as conn:
            whose = {row["id"]: row["customer"] for row in service.contracts(conn)}
            rows = service.outcomes(conn, **only)
        return {"items": [row for row in rows if access.current().sees(whose[row["contract"]])]}

    @routes.get("/outcomes/{contract_id}/{period}", dependencies=[needs("outcomes:read")])
    async def get_outcome(contract_id: str, period: str) -> Answer:
        """One period with its intervals per thing; an open one up to now."""
        with store.read() as conn:
            must_see(conn, contract_id)
            return service.drill_down(conn, contract_id, period, now_ms=clock.now_ms())

    return routes
