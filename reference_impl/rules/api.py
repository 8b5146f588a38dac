"""HTTP face of rules: packs and alerts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from reference_impl.kernel import access
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.rules.service import Rules

Answer = dict[str, Any]
_PACK = Body(description="A rule pack; with dry_run also {pack: ..., tests: [...]}")


def router(service: Rules, clock: Clock, store: Store) -> APIRouter:
    """All routes of this context."""
    routes = APIRouter(prefix="/v1", tags=["rules"])

    @routes.post("/rule-packs", dependencies=[needs("rule-packs:write")])
    async def post_pack(body: Annotated[dict[str, Any], _PACK], dry_run: bool = False) -> Answer:
        """Install a rule pack, or only check it and run its tests.

        A dry run answers ``{"ok", "problems", "tests"}``; an installation with problems is refused.
        """
        if dry_run:
            whole = set(body) <= {"pack", "tests"} and isinstance(body.get("pack"), dict)
            pack = body["pack"] if whole else body
            with store.read() as conn:
                return service.dry_run(conn, pack, body.get("tests") if whole else None)
        with store.begin() as uow:
            return service.install(uow, body, at_ms=clock.now_ms())

    @routes.get("/rule-packs", dependencies=[needs("rule-packs:read")])
    async def get_packs() -> Answer:
        """All versions of all packs."""
        with store.read() as conn:
            return {"items": service.listed(conn, "packs")}

    @routes.get("/alerts", dependencies=[needs("alerts:read")])
    async def get_alerts(thing: str | None = None, state: str | None = None) -> Answer:
        """All alerts (of a thing, in a state)."""
        asked = {"thing": thing, "state": state}
        only = {name: value for name, value in asked.items() if value is not None}
        with store.read() as conn:
            rows = service.listed(conn, "alerts", **only)
        return {"items": access.seen_of_things(rows, at="raised_ms")}

    return routes
