"""HTTP of remote resolution: fixes, and what became of them."""

from __future__ import annotations

from fastapi import APIRouter

from reference_impl.kernel import access
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Store
from reference_impl.remote import firmware_bodies as b
from reference_impl.remote.resolving import Resolving


def router(service: Resolving, clock: Clock, store: Store) -> APIRouter:
    """The routes of remote resolution."""
    api = new_router("remote")

    @api.put("/remote-fixes/{ident}", dependencies=[needs("rule-packs:write")])
    async def put_fix(ident: str, body: b.FixBody) -> b.FixView:
        """Install a remedy that is tried when a rule raises its alert, before anybody goes."""
        plan = body.model_dump(mode="json")
        with store.begin() as uow:
            return _fix(service.put(uow, ident, plan, at_ms=clock.now_ms()))

    @api.get("/remote-fixes", dependencies=[needs("rule-packs:read")])
    async def fixes() -> b.FixList:
        """All fixes, by id."""
        with store.read() as conn:
            return b.FixList(items=[_fix(row) for row in service.fixes(conn)])

    @api.get("/remote-attempts", dependencies=[needs("commands:read")])
    async def attempts(thing: str | None = None) -> b.AttemptList:
        """Faults that were to be resolved from afar (of a thing), oldest first."""
        if thing is not None:
            access.must_see_thing(thing)
        with store.read() as conn:
            rows = service.attempts(conn, thing)
        return b.AttemptList(items=[b.AttemptView(**row) for row in rows])

    @api.get("/remote-attempts/figures", dependencies=[needs("commands:read")])
    async def figures() -> b.FixFigures:
        """How many visits were avoided."""
        with store.read() as conn:
            return b.FixFigures(**service.figures(conn))

    return api


def _fix(row: Row) -> b.FixView:
    return b.FixView(id=row["id"], changed_ms=row["changed_ms"], **row["plan"])
