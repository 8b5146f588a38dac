"""HTTP face of contracts: their life, amendments, places, exclusions and margin."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter

from reference_impl.kernel import access
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.outcomes.contracts import bodies as b
from reference_impl.outcomes.contracts.agreement import ContractStep
from reference_impl.outcomes.contracts.domain import month_of
from reference_impl.outcomes.contracts.exclusions import Decision
from reference_impl.outcomes.contracts.service import Outcomes

Answer = dict[str, Any]
READ, WRITE = needs("contracts:read"), needs("contracts:write")
ONE = "/contracts/{contract_id}"


def router(service: Outcomes, clock: Clock, store: Store) -> APIRouter:
    """Routes of contracts and of what is agreed about them."""
    routes = new_router("contracts")
    _contracts(routes, service, clock, store)
    _changes(routes, service, clock, store)
    _exclusions(routes, service, clock, store)
    return routes


def _must_see(service: Outcomes, conn: sa.Connection, contract_id: str) -> Answer:
    """The contract, if the caller sees it. Raises Unknown otherwise."""
    row = service.writing.get(conn, contract_id)
    access.must_see(row["customer"], what=f"contract {contract_id!r}")
    return row


def _contracts(routes: APIRouter, service: Outcomes, clock: Clock, store: Store) -> None:
    life = service.life

    def writes(conn: sa.Connection, contract_id: str, customer: str) -> None:
        access.must_see(customer, what=f"customer {customer!r}")
        if any(row["id"] == contract_id for row in service.contracts(conn)):
            _must_see(service, conn, contract_id)

    @routes.put(ONE, dependencies=[WRITE])
    async def put_contract(contract_id: str, body: b.ContractBody) -> Answer:
        """Sign or amend a contract in one go."""
        with store.begin() as uow:
            writes(uow.conn, contract_id, body.customer)
            return service.put(uow, {"id": contract_id, **body.model_dump(exclude_unset=True)})

    @routes.put(f"{ONE}/draft", dependencies=[WRITE])
    async def put_draft(contract_id: str, body: b.DraftBody) -> Answer:
        """Write a draft, or another text of one."""
        with store.begin() as uow:
            writes(uow.conn, contract_id, body.customer)
            return life.draft(uow, {"id": contract_id, **_given(body)})

    @routes.get("/contracts", dependencies=[READ])
    async def get_contracts() -> Answer:
        """All contracts."""
        with store.read() as conn:
            return {"items": access.seen(service.contracts(conn))}

    @routes.get(ONE, dependencies=[READ])
    async def get_contract(contract_id: str) -> Answer:
        """A contract with its versions, its history and its places."""
        with store.read() as conn:
            _must_see(service, conn, contract_id)
            return life.whole(conn, contract_id)

    @routes.get(f"{ONE}/margin", dependencies=[needs("outcomes:write")])
    async def get_margin(contract_id: str) -> Answer:
        """What is left of the fees for the provider (AS6)."""
        with store.read() as conn:
            _must_see(service, conn, contract_id)
            return service.margins.of(conn, contract_id)

    def step(name: ContractStep) -> None:
        async def take(contract_id: str, body: b.StepBody) -> Answer:
            with store.begin() as uow:
                _must_see(service, uow.conn, contract_id)
                return life.step(
                    uow, contract_id, name, by=body.by, reason=body.reason, at_ms=clock.now_ms()
                )

        take.__name__, take.__doc__ = f"{name.value}_contract", f"Take the step {name.value!r}."
        permission = needs("disputes:write") if name is ContractStep.SIGN else WRITE
        routes.post(f"{ONE}/{name.value}", dependencies=[permission])(take)

    for name in (
        ContractStep.OFFER, ContractStep.REVISE, ContractStep.SIGN, ContractStep.SUSPEND,
        ContractStep.RESUME, ContractStep.TERMINATE,
    ):  # fmt: skip
        step(name)


def _changes(routes: APIRouter, service: Outcomes, clock: Clock, store: Store) -> None:
    life, changes = service.life, service.amendments

    @routes.put("/contract-tiers/{tier}", dependencies=[WRITE])
    async def put_tier(tier: str, body: b.TierBody) -> Answer:
        """Offer a tier."""
        with store.begin() as uow:
            return life.put_tier(
                uow, {"id": tier, "title": body.title, "terms": _given(body.terms)}
            )

    @routes.get("/contract-tiers", dependencies=[READ])
    async def get_tiers() -> Answer:
        """All tiers."""
        with store.read() as conn:
            return {"items": life.tiers(conn)}

    @routes.post(f"{ONE}/amendments", dependencies=[WRITE])
    async def amend(contract_id: str, body: b.AmendmentBody) -> Answer:
        """Agree on other terms from the begin of a month on."""
        with store.begin() as uow:
            _must_see(service, uow.conn, contract_id)
            return changes.amend(
                uow, contract_id, changes=_given(body.terms), from_ms=month_of(body.from_period),
                by=body.by, at_ms=clock.now_ms(),
            )  # fmt: skip

    @routes.post(f"{ONE}/transfer", dependencies=[WRITE])
    async def transfer(contract_id: str, body: b.TransferBody) -> Answer:
        """The contract goes to another customer from the begin of a month on (AS9)."""
        with store.begin() as uow:
            _must_see(service, uow.conn, contract_id)
            access.must_see(body.customer, what=f"customer {body.customer!r}")
            return changes.amend(
                uow, contract_id, changes={}, from_ms=month_of(body.from_period), by=body.by,
                customer=body.customer, at_ms=clock.now_ms(),
            )  # fmt: skip

    @routes.post(f"{ONE}/swaps", dependencies=[WRITE])
    async def swap(contract_id: str, body: b.SwapBody) -> Answer:
        """Another thing stands in a place of the contract from now on (AS7, K11)."""
        with store.begin() as uow:
            _must_see(service, uow.conn, contract_id)
            return service.amendments.swap(
                uow, contract_id, at_ms=clock.now_ms(), **body.model_dump()
            )


def _exclusions(routes: APIRouter, service: Outcomes, clock: Clock, store: Store) -> None:
    exclusions = service.exclusions

    @routes.post(f"{ONE}/exclusions", dependencies=[WRITE])
    async def ask(contract_id: str, body: b.ExclusionBody) -> Answer:
        """Ask that a stretch of time shall not count."""
        with store.begin() as uow:
            contract = _must_see(service, uow.conn, contract_id)
            terms = service.periods.terms(uow.conn, contract)
            return exclusions.ask(
                uow, contract, agreed=terms.exclusions, things=terms.things,
                said=body.model_dump(), at_ms=clock.now_ms(),
            )  # fmt: skip

    @routes.get("/exclusions", dependencies=[READ])
    async def get_exclusions(contract: str | None = None) -> Answer:
        """Exclusions that were asked for."""
        only = {} if contract is None else {"contract": contract}
        with store.read() as conn:
            return {"items": access.seen(exclusions.listed(conn, **only))}

    def decision(name: Decision) -> None:
        async def decide(exclusion: str, body: b.DecisionBody) -> Answer:
            with store.begin() as uow:
                row = exclusions.get(uow.conn, exclusion)
                access.must_see(row["customer"], what=f"exclusion {exclusion!r}")
                return exclusions.decide(
                    uow, exclusion, name, by=body.by, side=body.side, at_ms=clock.now_ms()
                )

        decide.__name__ = f"{name.value}_exclusion"
        decide.__doc__ = f"{name.value.title()} an exclusion; not by who benefits (K8)."
        path = f"/exclusions/{{exclusion}}/{name.value}"
        routes.post(path, dependencies=[needs("disputes:write")])(decide)

    for name in Decision:
        decision(name)


def _given(body: b._Body) -> Answer:
    """What was said, as plain data; what was left out, or is null, is not there."""
    said = body.model_dump(exclude_unset=True)
    return {name: value for name, value in said.items() if value is not None}
