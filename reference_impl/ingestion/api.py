"""HTTP of ingestion: what is stored, what was put aside, telemetry of a thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel

from reference_impl.ingestion.domain import IngestionStore
from reference_impl.ingestion.service import Ingestion
from reference_impl.kernel import access
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.store import Store

FOREVER_MS = 2**62


class Stored(BaseModel):
    """Numbers of stored messages by device and boot, as ranges with both ends included."""

    devices: dict[str, dict[str, list[tuple[int, int]]]]
    dead: int
    total: int


class DeadLetter(BaseModel):
    """A message that was put aside; ``payload`` is its beginning as text."""

    topic: str
    digest: str
    site: str
    reason: str
    payload: str
    received_ms: int | None


class DeadLetters(BaseModel):
    """A list of dead letters."""

    items: list[DeadLetter]


class Undated(BaseModel):
    """A reading whose time cannot be true; nothing is decided by it."""

    id: str
    said_ms: int
    received_ms: int | None
    signals: dict[str, float]


class UndatedReadings(BaseModel):
    """A list of readings of no known time."""

    items: list[Undated]
    next: str | None


class Series(BaseModel):
    """Readings of one signal, oldest first."""

    at_ms: list[int]
    values: list[float]


def router(
    service: Ingestion,
    store: Store,
    *,
    rows: IngestionStore,
    telemetry: TelemetryView,
    directory: Directory,
    must_be_for: Callable[[sa.Connection, str, str, str], None],
) -> APIRouter:
    """The routes of ingestion; ``must_be_for`` checks thing, signal and purpose of a reading."""
    api = new_router("ingestion")

    @api.get("/ingestion/stored", dependencies=[needs("ingestion:read")])
    async def stored() -> Stored:
        """What is stored, so that a load test can count loss by itself."""
        with store.read() as conn:
            whole = service.stored(conn)
        seen = {d: b for d, b in whole["devices"].items() if access.seen_from_ms(d) is not None}
        return Stored(**{**whole, "devices": seen})

    @api.get("/ingestion/dead-letters", dependencies=[needs("ingestion:read")])
    async def dead_letters(
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> DeadLetters:
        """Messages that were put aside, with the reason."""
        with store.read() as conn:
            found = rows.dead_letters(conn, limit)
            sites = {ref.site: ref.customer for ref in directory.things(conn)}
        found = access.seen({**row, "customer": sites.get(row["site"], "")} for row in found)
        return DeadLetters(items=[DeadLetter(**_readable(row)) for row in found])

    @api.get("/things/{thing}/telemetry", dependencies=[needs("telemetry:read")])
    async def telemetry_of(
        thing: str,
        signal: str,
        *,
        from_ms: Annotated[int, Query(ge=0)] = 0,
        to_ms: Annotated[int, Query(ge=0)] = FOREVER_MS,
        limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
        purpose: str = "service",
    ) -> Series:
        """The newest ``limit`` readings with ``from_ms <= at_ms <= to_ms``, oldest first.

        Who owns the thing sees what it said since then. Other purposes than the service need the
        owner's consent, and a metric that is collected for them.
        """
        access.must_see_thing(thing)
        from_ms = max(from_ms, access.seen_from_ms(thing) or 0)
        with store.read() as conn:
            ref = directory.thing(conn, thing)
            if ref is None:
                raise Unknown(f"there is no thing {thing!r}", [Problem(where="thing", what=thing)])
            signals = directory.signals(conn, ref.model)
        if signal not in signals:
            allowed = ", ".join(signals)
            raise Invalid(
                f"{ref.model} has no signal {signal!r}",
                [Problem(where="signal", what=signal, allowed=allowed)],
            )
        with store.read() as conn:
            must_be_for(conn, thing, signal, purpose)
        times, values = telemetry.series(thing, signal, after_ms=from_ms - 1, to_ms=to_ms)
        return Series(at_ms=times[-limit:].tolist(), values=values[-limit:].tolist())

    _undated(api, store, rows, directory)
    return api


def _undated(api: APIRouter, store: Store, rows: IngestionStore, directory: Directory) -> None:
    @api.get("/things/{thing}/telemetry/undated", dependencies=[needs("telemetry:read")])
    async def undated(
        thing: str,
        *,
        after: Annotated[str, Query(pattern=r"^(\d{1,18}-\d{1,18})?$")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> UndatedReadings:
        """What the thing said at a time that cannot be true, by boot and number.

        Its clock was in a wrong year. Who owns the thing sees what was received since then.
        """
        access.must_see_thing(thing)
        from_ms = access.seen_from_ms(thing) or 0
        behind = tuple(map(int, after.split("-"))) if after else (-1, -1)
        with store.read() as conn:
            if directory.thing(conn, thing) is None:
                raise Unknown(f"there is no thing {thing!r}", [Problem(where="thing", what=thing)])
            found = rows.undated_of(conn, thing, after=behind, from_ms=from_ms, limit=limit + 1)
        items = [Undated(**{**row, "id": f"{row['boot']}-{row['seq']}"}) for row in found[:limit]]
        return UndatedReadings(items=items, next=items[-1].id if len(found) > limit else None)


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    payload = row["payload"].decode("utf-8", errors="replace")
    return {**{n: v for n, v in row.items() if n != "customer"}, "payload": payload}
