"""Sets the caller of each request, from the key or session that it brings."""

from __future__ import annotations

from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from reference_impl.kernel.access import NOBODY, Principal, acting_as
from reference_impl.kernel.errors import DpsError
from reference_impl.kernel.http.errors import refusal

PREFIX = "/v1/"
PUBLIC = frozenset({"/v1/info", "/v1/health", "/v1/login", "/v1/callbacks"})
"""What everybody may call, without saying who they are; a callback says it by its signature."""


class Callers(Protocol):
    """Knows who brings which key."""

    def who(self, authorization: bytes, tenant: bytes) -> Principal:
        """The caller with these header lines, each empty if it was not sent.

        Raises:
            Unauthenticated: If nobody is known by them.
            Forbidden: If it is not a caller of this tenant.
            TooMany: If the caller asked too often.
        """
        ...


class Gate:
    """ASGI middleware: every request below ``/v1`` runs as its caller."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        try:
            who = NOBODY if scope["path"] in PUBLIC else self._who(scope)
        except DpsError as error:
            await refusal(error)(scope, receive, send)
            return
        with acting_as(who):
            await self._app(scope, receive, send)

    def _who(self, scope: Scope) -> Principal:
        authorization = tenant = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"x-tenant":
                tenant = value
        return self._callers.who(authorization, tenant)
