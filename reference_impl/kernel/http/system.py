"""The calls that belong to no context: clock, feed, info, health, snapshot."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import Field

from reference_impl.kernel import audit
from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.feed import Feed
from reference_impl.kernel.http.app import NAME, VERSION
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.errors import ErrorBody
from reference_impl.kernel.http.express import JSON, Lane
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.store import Store
from reference_impl.kernel.timekeeping import Timekeeper


class ClockCall(Body):
    """Move time to ``now_ms`` once the delivered messages are stored."""

    now_ms: Annotated[int, Field(ge=0)]
    delivered: Annotated[dict[str, Annotated[int, Field(ge=0)]], Field(default_factory=dict)]
    wait_s: Annotated[float, Field(ge=0.0, le=600.0)] = 10.0


class _ClockCall(msgspec.Struct, forbid_unknown_fields=True):
    """The same as :class:`ClockCall`, for the short way."""

    now_ms: Annotated[int, msgspec.Meta(ge=0)]
    delivered: dict[str, Annotated[int, msgspec.Meta(ge=0)]] = {}
    wait_s: Annotated[float, msgspec.Meta(ge=0.0, le=600.0)] = 10.0


class ClockView(Body):
    """What happened by then."""

    now_ms: int
    commands: list[str]
    next_due_ms: int | None
    feed_cursor: str
    ingested: int


class ShortBody(ErrorBody):
    """A clock call that could not be served: what is missing per site, if that is the reason."""

    short: dict[str, int] | None = None


class CloudEventView(Body):
    """A CloudEvent 1.0."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    at_ms: int
    data: dict[str, Any]


class FeedPage(Body):
    """Events after a cursor, oldest first; ``cursor`` asks for what comes behind them."""

    events: list[CloudEventView]
    cursor: str


class Info(Body):
    """What this DPS is and can."""

    name: str
    version: str
    level: str
    broker: str
    clock: str
    ready: bool
    auth: str


class SnapshotCall(Body):
    """Where to write the copy of the store: the path of a file in an existing folder."""

    path: Annotated[str, Field(min_length=1)]


class SnapshotView(Body):
    """The copy that was written."""

    path: str
    bytes: int


class Health(Body):
    """``ok`` while the store answers."""

    status: str
    now_ms: int


class AuditRow(Body):
    """A write: who (a user, ``key:<id>`` or the operator) called what, and what was answered."""

    number: int
    at_ms: int
    user: str
    role: str
    party: str
    tenant: str
    method: str
    path: str
    status: int


class AuditPage(Body):
    """Writes, oldest first; ``next`` is what to give as ``after`` for those behind."""

    items: list[AuditRow]
    next: int | None


def _has_folder(path: Path) -> bool:
    return path.parent.is_dir()


_clock_call = msgspec.json.Decoder(_ClockCall)
_FEED_QUERY = re.compile(rb"(?:after=(\d{1,15})&)?limit=([1-9]\d{0,3})")
"""How the rig asks for a page; whoever asks otherwise goes the long way."""


def lanes(store: Store, timekeeper: Timekeeper) -> dict[tuple[str, str], Lane]:
    """The short ways of clock and feed."""

    async def moved(call: _ClockCall) -> bytes:
        answer = await timekeeper.call(call.now_ms, call.delivered, call.wait_s)
        return msgspec.json.encode(answer)

    def clock(query: bytes, body: bytes) -> Awaitable[bytes] | None:
        try:
            return None if query else moved(_clock_call.decode(body))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    async def page(after: int, limit: int) -> bytes:
        return _page(store, after, limit)

    def feed(query: bytes, _body: bytes) -> Awaitable[bytes] | None:
        asked = _FEED_QUERY.fullmatch(query)
        return page(int(asked[1] or 0), int(asked[2])) if asked else None

    return {
        ("POST", "/v1/clock"): Lane("clock:write", clock),
        ("GET", "/v1/feed"): Lane("feed:read", feed),
    }


def _page(store: Store, after: int, limit: int) -> bytes:
    with store.read() as conn:
        events, cursor = Feed.page(conn, after, limit)
    return msgspec.json.encode({"events": events, "cursor": str(cursor)})


def router(
    *,
    store: Store,
    timekeeper: Timekeeper,
    broker: str,
    ready: Callable[[], bool],
    auth: Literal["open", "key"],
) -> APIRouter:
    """The routes of this module."""
    api = new_router()

    @api.post(
        "/clock",
        response_model=ClockView,
        responses={409: {"model": ShortBody, "description": "Short, in the past, or live"}},
        tags=["time"],
        dependencies=[needs("clock:write")],
    )
    async def move_clock(call: ClockCall) -> Response:
        """Move simulated time; the same ``now_ms`` again gets the same answer."""
        answer = await timekeeper.call(call.now_ms, call.delivered, call.wait_s)
        return Response(msgspec.json.encode(answer), media_type=JSON)

    @api.get("/feed", response_model=FeedPage, tags=["feed"], dependencies=[needs("feed:read")])
    async def read_feed(
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> Response:
        """Events after a cursor that the caller may see, oldest first."""
        return Response(_page(store, after, limit), media_type=JSON)

    @api.get("/info", tags=["system"])
    async def info() -> Info:
        """What this DPS is and can; ``ready`` once it has subscribed."""
        return Info(
            name=NAME,
            version=VERSION,
            level="L2",
            broker=broker,
            clock="live" if timekeeper.live else "driven",
            ready=ready(),
            auth=auth,
        )

    @api.get("/health", tags=["system"])
    async def health() -> Health:
        """Whether the store answers."""
        with store.read() as conn:
            conn.exec_driver_sql("SELECT 1")
        return Health(status="ok", now_ms=timekeeper.now_ms())

    _copies(api, store)
    return api


def _copies(api: APIRouter, store: Store) -> None:
    """What is kept for those who come later: the audit log, and copies of the store."""

    @api.get(
        "/audit", response_model=AuditPage, tags=["system"], dependencies=[needs("audit:read")]
    )
    async def read_audit(
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        user: str | None = None,
        from_ms: Annotated[int, Query(ge=0, le=2**53)] = 0,
        to_ms: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    ) -> Response:
        """Who wrote what when, of the parties that the caller sees; kept for 400 days."""
        with store.read() as conn:
            page = audit.page(
                conn, after=after, limit=limit, user=user, from_ms=from_ms, to_ms=to_ms
            )
        return Response(msgspec.json.encode(page), media_type="application/json")

    @api.post("/snapshot", tags=["system"], dependencies=[needs("snapshot:write")])
    async def snapshot(call: SnapshotCall) -> SnapshotView:
        """Copy the store into a file, at rest between clock calls."""
        path = Path(call.path)
        if not _has_folder(path):
            raise Invalid(
                "no such folder",
                [Problem(where="path", what=str(path), allowed="a file in an existing folder")],
            )
        async with store.writing:
            copied = store.backup(path)
        return SnapshotView(path=str(path), bytes=copied)
