"""HTTP face of rules: packs, alerts and what people do with them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import Field

from reference_impl.kernel.access import current, must_see_thing, seen_of_things
from reference_impl.kernel.http.bodies import Body as Strict
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Connection, Store
from reference_impl.rules.domain import Phase, Step
from reference_impl.rules.service import Rules

Answer = dict[str, Any]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Long = Annotated[str, Field(max_length=10_000)]
Limit = Annotated[int, Query(ge=1, le=10_000)]
LIMIT = 10_000
_PACK = Body(description="A rule pack; with dry_run also {pack: ..., tests: [...]}")
_HAND = {
    "take-over": Step.TAKE_OVER,
    "hand-back": Step.HAND_BACK,
    "shelve": Step.SHELVE,
    "unshelve": Step.UNSHELVE,
}


class StepCall(Strict):
    """Who takes the step, and why (to shelve needs a reason and ``until_ms``)."""

    by: Text
    reason: Long = ""
    until_ms: int | None = None


class RemedyCall(Strict):
    """What a remedy did; ``remedy`` is its place in the alert's list."""

    by: Text
    remedy: int
    outcome: Text
    note: Long = ""


def router(service: Rules, clock: Clock, store: Store) -> APIRouter:
    """All routes of packs and alerts."""
    routes = new_router("rules")
    _packs(routes, service, clock, store)
    _alerts(routes, service, clock, store)

    def _seen(conn: Connection, ident: str) -> Row:
        alert = service.alerts.get(conn, ident)
        must_see_thing(alert["thing"], what=f"alert {ident!r}", at_ms=alert["started_ms"])
        return alert

    @routes.get("/alerts/{alert_id}", dependencies=[needs("alerts:read")])
    async def get_alert(alert_id: str) -> Answer:
        """One alert with its steps and the remedies that were tried."""
        with store.read() as conn:
            return service.alerts.details(conn, _seen(conn, alert_id))

    @routes.post("/alerts/{alert_id}/clear", dependencies=[needs("alerts:write")])
    async def post_clear(alert_id: str, body: StepCall) -> Answer:
        """Say that it is over. If the condition still holds, a new alert follows."""
        with store.begin() as uow:
            _seen(uow.conn, alert_id)
            return service.clear_by_hand(
                uow, alert_id, by=body.by, reason=body.reason, at_ms=clock.now_ms()
            )

    @routes.post("/alerts/{alert_id}/remedies", dependencies=[needs("alerts:write")])
    async def post_remedy(alert_id: str, body: RemedyCall) -> Answer:
        """Note what a remedy did: fixed, helped, no_effect or not_possible."""
        with store.begin() as uow:
            alert = _seen(uow.conn, alert_id)
            return service.alerts.tried(
                uow, alert, remedy=body.remedy, outcome=body.outcome, by=body.by, note=body.note,
                at_ms=clock.now_ms(),
            )  # fmt: skip

    @routes.post("/alerts/{alert_id}/{step}", dependencies=[needs("alerts:write")])
    async def post_step(
        alert_id: str,
        step: Literal["take-over", "hand-back", "shelve", "unshelve"],
        body: StepCall,
    ) -> Answer:
        """Take it over, hand it back, shelve it for a time, or take it off the shelf."""
        with store.begin() as uow:
            alert = _seen(uow.conn, alert_id)
            return service.alerts.by_hand(
                uow, alert, _HAND[step], by=body.by, reason=body.reason,
                until_ms=body.until_ms, at_ms=clock.now_ms(),
            )  # fmt: skip

    return routes


def _packs(routes: APIRouter, service: Rules, clock: Clock, store: Store) -> None:
    @routes.post("/rule-packs", dependencies=[needs("rule-packs:write")])
    async def post_pack(body: Annotated[dict[str, Any], _PACK], dry_run: bool = False) -> Answer:
        """Install a rule pack, or only check it and run its tests.

        A dry run answers ``{"ok", "problems", "warnings", "tests"}``; an installation with problems
        is refused.
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


def _alerts(routes: APIRouter, service: Rules, clock: Clock, store: Store) -> None:
    del clock

    @routes.get("/alerts", dependencies=[needs("alerts:read")])
    async def get_alerts(
        thing: str | None = None,
        state: str | None = None,
        after: str = "",
        limit: Limit = LIMIT,
    ) -> Answer:
        """Alerts (of a thing, in a state; ``open`` is any that is not over), by id.

        HISTORICAL ones are shown to users on request only; ``next`` goes on behind the last one.
        """
        asked = {} if thing is None else {"thing": thing}
        with store.read() as conn:
            if state == "open":
                found = service.open_alerts(conn, thing)
            else:
                only = asked if state is None else {**asked, "state": state}
                found = service.listed(conn, "alerts", **only)
        if state is None and current().things is not None:
            found = [row for row in found if row["state"] != Phase.HISTORICAL]
        return page(seen_of_things(found, at="started_ms"), after=after, limit=limit)


def page(rows: list[Row], *, after: str, limit: int) -> Answer:
    """Rows by id, behind one of them."""
    behind = [row for row in rows if row["id"] > after] if after else rows
    more = len(behind) > limit
    return {"items": behind[:limit], "next": behind[limit - 1]["id"] if more else None}
