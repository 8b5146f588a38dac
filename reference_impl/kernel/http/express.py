"""A short way for the few calls that come with every step: the clock and the feed.

FastAPI resolves dependencies, parses, validates and looks for its route: 0.5 ms of CPU a call. The
short way takes a request that is exactly as the contract writes it, by a caller who may make it.
Everything else goes the long way, which says what is wrong; errors are answered alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from reference_impl.kernel.access import current
from reference_impl.kernel.errors import DpsError
from reference_impl.kernel.http.errors import refusal
from reference_impl.kernel.http.middleware import given, whole_body

JSON = "application/json"
_TYPE = (b"content-type", JSON.encode())


@dataclass(frozen=True, slots=True)
class Lane:
    """One call that has a short way."""

    permission: str
    """What the caller needs; who lacks it goes the long way."""
    answer: Callable[[bytes, bytes], Awaitable[bytes] | None]
    """Of query and body, makes what gives the JSON of the answer; None: take the long way."""


class Express:
    """ASGI middleware, behind the one that says who calls.

    ``lanes`` are by method and path.
    """

    def __init__(self, app: ASGIApp, lanes: Mapping[tuple[str, str], Lane]) -> None:
        self._app, self._lanes = app, lanes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        lane = None
        if scope["type"] == "http":
            lane = self._lanes.get((scope["method"], scope["path"]))
        if lane is None or not current().may(lane.permission):
            await self._app(scope, receive, send)
            return
        body = b""
        if scope["method"] != "GET":
            read = await whole_body(receive)
            if read is None:
                return
            body, receive = read, given(read)
        exact = not body or _TYPE in scope["headers"]
        answer = lane.answer(scope.get("query_string", b""), body) if exact else None
        if answer is None:
            await self._app(scope, receive, send)
            return
        try:
            response = Response(await answer, media_type=JSON)
        except DpsError as error:
            response = refusal(error)
        await response(scope, receive, send)
