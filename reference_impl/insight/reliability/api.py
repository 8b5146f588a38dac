"""HTTP face of the feedback of the field to design."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from reference_impl.insight.reliability.service import CALENDAR, Reliability
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store

Answer = dict[str, Any]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class ReviewBody(Body):
    """Who asks what the field tells, by which clock."""

    by: Text
    clock: Text = CALENDAR


def router(reliability: Reliability, clock: Clock, store: Store) -> APIRouter:
    """All routes."""
    routes = new_router("insight")

    @routes.get("/models/{model}/reliability", dependencies=[needs("reliability:read")])
    async def get_reliability(model: str, clock_signal: str = CALENDAR) -> Answer:
        """How parts of a model end: the Pareto, and how long each revision lives.

        ``clock_signal``: `calendar`, or a counter of hours among the signals.
        """
        with store.read() as conn:
            return reliability.of(conn, model, at_ms=clock.now_ms(), clock=clock_signal)

    @routes.post("/models/{model}/reliability/reviews", dependencies=[needs("reliability:write")])
    async def post_review(model: str, body: ReviewBody) -> Answer:
        """Tell it in the feed, too."""
        with store.begin() as uow:
            return reliability.review(
                uow, model, by=body.by, at_ms=clock.now_ms(), clock=body.clock
            )

    return routes
