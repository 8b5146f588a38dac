"""HTTP face of outcomes: contracts, closed periods, and what they add up from."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

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
    fee_eur: float = Field(ge=0, description="per calendar month")
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
    routes = APIRouter(prefix="/v1", tags=["outcomes"])

    @routes.put("/contracts/{contract_id}")
    async def put_contract(contract_id: str, body: ContractBody) -> Answer:
        """Sign or amend a contract."""
        with store.begin() as uow:
            return service.put(uow, {"id": contract_id, **body.model_dump()})

    @routes.get("/contracts")
    async def get_contracts() -> Answer:
        """All contracts."""
        with store.read() as conn:
            return {"items": service.contracts(conn)}

    @routes.get("/outcomes")
    async def get_outcomes(contract: str | None = None) -> Answer:
        """All closed periods (of a contract)."""
        only = {} if contract is None else {"contract": contract}
        with store.read() as conn:
            return {"items": service.outcomes(conn, **only)}

    @routes.get("/outcomes/{contract_id}/{period}")
    async def get_outcome(contract_id: str, period: str) -> Answer:
        """One period with its intervals per thing; an open one up to now."""
        with store.read() as conn:
            return service.drill_down(conn, contract_id, period, now_ms=clock.now_ms())

    return routes
