"""HTTP face of secondary use of data."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field

from reference_impl.ecosystem.domain import Taken
from reference_impl.ecosystem.service import SecondaryUses
from reference_impl.kernel import access
from reference_impl.kernel.errors import Unknown
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store

Text = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[str, Path(min_length=1, max_length=200)]
Hours = Annotated[float, Field(gt=0.0, le=8760.0, allow_inf_nan=False)]
Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[str, Query(max_length=500)]
Answer = dict[str, Any]
LOOK, SET = needs("secondary-uses:read"), needs("secondary-uses:write")


class SecondaryUseBody(Body):
    """What a Data Recipient reads of an owner's things, and what work follows from it."""

    by: Text
    recipient: Text
    owner: Text
    things: Annotated[list[Text], Field(min_length=1, max_length=1000)]
    signal: Text
    take: Taken = Taken.MEAN
    over_h: Hours = 24.0
    above: Annotated[float, Field(allow_inf_nan=False)]
    every_h: Hours = 24.0
    thing: Text
    title: Text
    within_h: Hours = 24.0
    agreed: bool = False


def router(uses: SecondaryUses, clock: Clock, store: Store) -> APIRouter:
    """The routes of this module."""
    api = new_router("ecosystem")

    @api.put("/secondary-uses/{use}", dependencies=[SET])
    async def put_secondary_use(use: Name, body: SecondaryUseBody) -> Answer:
        """Set up what an owner's data are to do for another service; nothing flows by that."""
        access.must_see_party(_party(body.recipient), what=f"recipient {body.recipient!r}")
        access.must_see_thing(body.thing)
        with store.begin() as uow:
            known = next(iter(uses.listed(uow.conn, id=use)), None)
            if known is not None and not _is_of(known):
                raise Unknown(f"there is no secondary use {use!r}")
            return uses.put(uow, use, body.model_dump(mode="json"), at_ms=clock.now_ms())

    @api.delete("/secondary-uses/{use}", dependencies=[SET])
    async def end_secondary_use(use: Name) -> Answer:
        """Look no more."""
        with store.begin() as uow:
            if not _is_of(uses.get(uow.conn, use)):
                raise Unknown(f"there is no secondary use {use!r}")
            return uses.end(uow, use, by=access.current().user, at_ms=clock.now_ms())

    @api.get("/secondary-uses", dependencies=[LOOK])
    async def list_secondary_uses(limit: Limit = 1000, after: After = "") -> Answer:
        """Those of the caller's own, and those that read the caller's data."""
        with store.read() as conn:
            rows = [row for row in uses.listed(conn) if _seen(row) and row["id"] > after]
        return _page(rows, limit)

    @api.get("/secondary-uses/{use}/looks", dependencies=[LOOK])
    async def list_looks(use: Name, limit: Limit = 1000, after: After = "") -> Answer:
        """What was read: by whom, from when to when, what it came to, what was ordered."""
        with store.read() as conn:
            if not _seen(uses.get(conn, use)):
                raise Unknown(f"there is no secondary use {use!r}")
            rows = [row for row in uses.looks(conn, use) if row["id"] > after]
        return _page(rows, limit)

    return api


def _party(recipient: str) -> str:
    return f"{access.Group.RECIPIENT.value}:{recipient}"


def _is_of(row: Answer) -> bool:
    """Whether the caller acts for the recipient."""
    parties = access.current().parties
    return parties is None or _party(row["recipient"]) in parties


def _seen(row: Answer) -> bool:
    return _is_of(row) or access.current().sees(row["owner"])


def _page(rows: list[Answer], limit: int) -> Answer:
    shown = rows[:limit]
    return {"items": shown, "next": shown[-1]["id"] if len(shown) < len(rows) else None}
