"""HTTP face of insight: the conditions of things, and their history."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from reference_impl.insight.service import Insight
from reference_impl.kernel import access
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store

Answer = dict[str, Any]


def router(service: Insight, _clock: Clock, store: Store) -> APIRouter:
    """All routes of this context."""
    routes = APIRouter(prefix="/v1", tags=["insight"])

    @routes.get("/conditions", dependencies=[needs("conditions:read")])
    async def get_conditions(thing: str | None = None) -> Answer:
        """The newest evaluation of each condition (of a thing)."""
        with store.read() as conn:
            rows = service.conditions_of(conn, thing)
        return {"items": access.seen_of_things(rows, at="evaluated_ms")}

    @routes.get("/conditions/history", dependencies=[needs("conditions:read")])
    async def get_history(thing: str, condition: str) -> Answer:
        """All evaluations of one condition of one thing, oldest first."""
        with store.read() as conn:
            rows = service.listed(conn, "history", thing=thing, condition=condition)
        return {"items": access.seen_of_things(rows, at="at_ms")}

    return routes
