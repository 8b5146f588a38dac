"""HTTP face of insight: conditions, their history and revisions, and what people ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from reference_impl.insight.algorithms import ALGORITHMS
from reference_impl.insight.describing import Kpi
from reference_impl.insight.whole import Whole
from reference_impl.insight.zones import By
from reference_impl.kernel import access
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store

Answer = dict[str, Any]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Ms = Annotated[int, Field(ge=0, le=2**53)]
From = Annotated[int, Query(ge=0, le=2**53)]
Limit = Annotated[int, Query(ge=1, le=1000)]
AT_MAX_DAYS = 400


class RevisionBody(Body):
    """A revision to install beside the active one; ``id`` is the condition's."""

    id: Text
    position: Text
    algorithm: Text
    version: Text = "1"
    every_s: Annotated[int, Field(gt=0)] = 86_400
    daily_at: str | None = None
    daily_max_pct: Annotated[float, Field(ge=0)] = 0.0
    revision: str | None = None
    params: dict[str, Any]


class StepBody(Body):
    """Who takes the step, and why."""

    model: Text
    by: Text
    why: Text


class AskedBody(Body):
    """Who asks why, and over which days (as `GET` does)."""

    by: Text
    days: Annotated[int, Field(ge=5, le=AT_MAX_DAYS)] = 28
    recent: Annotated[int, Field(ge=1, le=30)] = 2


class RecomputeBody(StepBody):
    """What is to be computed anew."""

    from_ms: Ms
    to_ms: Ms


def router(whole: Whole, clock: Clock, store: Store) -> APIRouter:
    """All routes of this context."""
    routes = new_router("insight")
    service = whole.insight

    @routes.get("/conditions", dependencies=[needs("conditions:read")])
    async def get_conditions(thing: str | None = None) -> Answer:
        """The newest evaluation of each condition (of a thing)."""
        with store.read() as conn:
            rows = service.conditions_of(conn, thing)
        return {"items": access.seen_of_things(rows, at="evaluated_ms")}

    @routes.get("/conditions/history", dependencies=[needs("conditions:read")])
    async def get_history(thing: str, condition: str, replaced: bool = False) -> Answer:
        """All evaluations of one condition of one thing, oldest first.

        ``condition`` is ``id@revision`` for a shadow. ``replaced``: what recomputations replaced.
        """
        with store.read() as conn:
            what = "replaced" if replaced else "history"
            rows = service.listed(conn, what, thing=thing, condition=condition)
        return {"items": access.seen_of_things(rows, at="at_ms")}

    @routes.get("/algorithms", dependencies=[needs("conditions:read")])
    async def get_algorithms() -> Answer:
        """The algorithms by name and version, with the parameters that each takes."""
        return {"items": [algorithm.shown() for algorithm in ALGORITHMS.values()]}

    @routes.get("/data-flags", dependencies=[needs("conditions:read")])
    async def get_flags(
        thing: str | None = None, limit: Limit = 100, after: str | None = None
    ) -> Answer:
        """Signals that are not to be believed; ``until_ms`` null: now."""
        with store.read() as conn:
            rows = whole.quality.listed(conn, thing)
        named = [
            {"id": f"{r['thing']}/{r['signal']}/{r['flag']}/{r['since_ms']}", **r} for r in rows
        ]
        return _page(access.seen_of_things(named, at="since_ms"), limit, after)

    _add_revisions(routes, whole, clock, store)
    _add_views(routes, whole, store)
    _add_judgements(routes, whole, clock, store)
    return routes


def _page(rows: Sequence[Mapping[str, Any]], limit: int, after: str | None) -> Answer:
    ordered = sorted(rows, key=lambda row: row["id"])
    left = [row for row in ordered if after is None or row["id"] > after]
    following = left[limit - 1]["id"] if len(left) > limit else None
    return {"items": left[:limit], "next": following}


def _add_revisions(routes: APIRouter, whole: Whole, clock: Clock, store: Store) -> None:
    revising = whole.revising

    @routes.get("/conditions/{name}/revisions", dependencies=[needs("models:read")])
    async def list_revisions(name: str, model: str) -> Answer:
        """All revisions of a condition, with every step that was taken."""
        with store.read() as conn:
            return {"items": revising.listed(conn, model, name)}

    @routes.post("/models/{model}/revisions", dependencies=[needs("models:write")])
    async def add_revision(model: str, body: RevisionBody) -> Answer:
        """Install a revision beside the active one, as a shadow."""
        with store.begin() as uow:
            given = body.model_dump(exclude_none=True)
            by = access.current().user
            return revising.add(uow, model, given, at_ms=clock.now_ms(), by=by)

    @routes.post(
        "/conditions/{name}/revisions/{revision}/activate", dependencies=[needs("models:write")]
    )
    async def activate_revision(name: str, revision: str, body: StepBody) -> Answer:
        """Make a shadow the active revision; also how one rolls back."""
        with store.begin() as uow:
            return revising.switch(
                uow, body.model, name, revision, at_ms=clock.now_ms(), by=body.by, why=body.why
            )

    @routes.post(
        "/conditions/{name}/revisions/{revision}/withdraw", dependencies=[needs("models:write")]
    )
    async def withdraw_revision(name: str, revision: str, body: StepBody) -> Answer:
        """Stop computing a shadow; what it computed stays."""
        with store.begin() as uow:
            return revising.withdraw(
                uow, body.model, name, revision, at_ms=clock.now_ms(), by=body.by, why=body.why
            )

    @routes.get("/conditions/{name}/comparison", dependencies=[needs("conditions:read")])
    async def compare_revisions(name: str, model: str) -> Answer:
        """What each shadow says beside the active revision, by thing."""
        with store.read() as conn:
            rows = revising.compared(conn, model, name)
        shown = access.seen(rows)
        return {"items": [{k: v for k, v in row.items() if k != "customer"} for row in shown]}

    @routes.post("/conditions/{name}/recompute", dependencies=[needs("models:write")])
    async def recompute(name: str, body: RecomputeBody) -> Answer:
        """Rewrite the history of the present cycles with the active revision."""
        with store.begin() as uow:
            return revising.recompute(
                uow, body.model, name, from_ms=body.from_ms, to_ms=body.to_ms,
                at_ms=clock.now_ms(), by=body.by, why=body.why,
            )  # fmt: skip

    @routes.get("/recomputations", dependencies=[needs("models:read")])
    async def list_recomputations(limit: Limit = 100, after: str | None = None) -> Answer:
        """Recomputations that were ordered: by whom, why, and how much they replaced."""
        with store.read() as conn:
            return _page(whole.insight.listed(conn, "recomputations"), limit, after)


def _add_views(routes: APIRouter, whole: Whole, store: Store) -> None:
    views = whole.views

    @routes.get("/things/{thing}/data", dependencies=[needs("telemetry:read")])
    async def get_data(thing: str, signals: str, from_ms: From, to_ms: From) -> Answer:
        """Readings of signals (``a,b``) as they came; gaps are named, nothing is filled in."""
        with store.read() as conn:
            return views.data(conn, thing, signals.split(","), from_ms, to_ms)

    @routes.get("/things/{thing}/aggregates", dependencies=[needs("telemetry:read")])
    async def get_aggregates(
        thing: str, *, signal: str, from_ms: From, to_ms: From, kpi: Kpi = Kpi.MEAN, by: By = By.DAY
    ) -> Answer:
        """Readings by hour, day or month of the location's calendar."""
        with store.read() as conn:
            return views.aggregates(
                conn, thing, signal, kpi=kpi, by=by, from_ms=from_ms, to_ms=to_ms
            )

    @routes.get("/things/{thing}/comparison", dependencies=[needs("telemetry:read")])
    async def get_comparison(
        thing: str, signal: str, at_ms: From, kpi: Kpi = Kpi.MEAN, by: By = By.DAY
    ) -> Answer:
        """The period up to ``at_ms`` against as long of the one before."""
        with store.read() as conn:
            return views.comparison(conn, thing, signal, kpi=kpi, by=by, at_ms=at_ms)

    @routes.get("/things/{thing}/benchmark", dependencies=[needs("telemetry:read")])
    async def get_benchmark(
        thing: str, signal: str, from_ms: From, to_ms: From, kpi: Kpi = Kpi.MEAN
    ) -> Answer:
        """Where a thing stands among all of its model in the same time."""
        with store.read() as conn:
            return views.benchmark(conn, thing, signal, kpi=kpi, from_ms=from_ms, to_ms=to_ms)

    @routes.get("/things/{thing}/sessions", dependencies=[needs("telemetry:read")])
    async def get_sessions(
        thing: str, from_ms: From, to_ms: From, kind: str | None = None
    ) -> Answer:
        """Work sessions that began in a time."""
        with store.read() as conn:
            views.thing(conn, thing)
            return {"items": views.sessions(conn, thing, kind, from_ms, to_ms)}


def _add_judgements(routes: APIRouter, whole: Whole, clock: Clock, store: Store) -> None:
    views = whole.views

    @routes.get("/things/{thing}/wear", dependencies=[needs("conditions:read")])
    async def get_wear(thing: str) -> Answer:
        """Wear status of each position with its band: good, due, overdue, unknown."""
        with store.read() as conn:
            return {"items": views.wear(conn, thing)}

    @routes.get("/things/{thing}/forecasts", dependencies=[needs("conditions:read")])
    async def get_forecasts(thing: str) -> Answer:
        """When it will be full, flat or due, each with an interval of 80 %."""
        with store.read() as conn:
            return {"items": views.forecasts(conn, thing, clock.now_ms())}

    @routes.get("/things/{thing}/diagnosis", dependencies=[needs("conditions:read")])
    async def get_diagnosis(
        thing: str,
        at_ms: Annotated[int | None, Query(ge=0, le=2**53)] = None,
        days: Annotated[int, Query(ge=5, le=AT_MAX_DAYS)] = 28,
        recent: Annotated[int, Query(ge=1, le=30)] = 2,
    ) -> Answer:
        """Connectivity, events, data against the past and peers, causes by likelihood.

        The last ``recent`` of ``days`` days are compared with those before.
        """
        now_ms = clock.now_ms() if at_ms is None else at_ms
        with store.read() as conn:
            return views.diagnosis(conn, thing, at_ms=now_ms, days=days, recent=recent)

    @routes.post("/things/{thing}/diagnoses", dependencies=[needs("diagnostics:write")])
    async def note_diagnosis(thing: str, body: AskedBody) -> Answer:
        """Ask why, and put the answer on record: the first cause is told in the feed."""
        now_ms = clock.now_ms()
        with store.begin() as uow:
            return views.noted(
                uow, thing, at_ms=now_ms, days=body.days, recent=body.recent, by=body.by
            )
