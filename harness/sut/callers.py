"""Two ways to make an HTTP call: over a socket, or straight into an ASGI application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import unquote

from harness.errors import SutError

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 30.0
"""Longest wait for an answer; a clock call's own ``wait_s`` comes on top."""
KEY = "Idempotency-Key"
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""What may be said twice (RFC 9110, 9.2.2); anything that carries a key may, too."""


class Answer(NamedTuple):
    """Status and body of a response."""

    status: int
    body: bytes


class NoAnswer(Exception):  # noqa: N818
    """The other side is not there, or went away before it answered."""


class Caller(Protocol):
    """Makes calls of one service."""

    async def call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """Call ``path`` (with its query). Raises NoAnswer."""
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...


def bearer(key: str | None) -> dict[str, str]:
    """The header line that says who calls; none without a key."""
    return {} if key is None else {"authorization": f"Bearer {key}"}


class HttpCaller:
    """Over a socket, by httpx, with connections kept alive."""

    def __init__(self, url: str, *, key: str | None = None) -> None:
        import httpx  # noqa: PLC0415 - a tenth of a second, if used

        self.url, self._broken = url, httpx.HTTPError
        self._given_up = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=TIMEOUT_S,
            trust_env=False,
            headers=bearer(key),
            verify=not url.startswith("http://"),  # to load the authorities takes 0.04 s
        )

    async def call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """See Caller.

        A kept connection may be given up by the other side in the very moment in which it is used
        again; what may be said twice is then said once more.
        """
        try:
            response = await self._request(method, path, body, headers)
        except self._broken as error:
            raise NoAnswer(f"{method} {self.url}{path}: {error or type(error).__name__}") from error
        return Answer(response.status_code, response.content)

    async def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        try:
            return await self._client.request(method, path, content=body, headers=headers)
        except self._given_up:
            if method not in _REPEATABLE and KEY not in headers:
                raise
            return await self._client.request(method, path, content=body, headers=headers)

    async def close(self) -> None:
        """See Caller."""
        await self._client.aclose()


class AsgiCaller:
    """Into an application in this process: a quarter of what httpx's ASGI transport costs."""

    def __init__(
        self,
        app: Any,  # noqa: ANN401 - an ASGI application is any callable
        *,
        key: str | None = None,
    ) -> None:
        self._app = app
        lines = {"host": "in-process", **bearer(key)}
        self._lines = [(name.encode(), value.encode()) for name, value in lines.items()]

    async def call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """See Caller.

        Raises:
            SutError: If the application raises; over a socket that would be a status 500.
        """
        bare, _, query = path.partition("?")
        lines = [*self._lines]
        lines += [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(bare),
            "raw_path": bare.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": lines,
            "client": ("127.0.0.1", 0),
            "server": ("in-process", 80),
        }
        status, chunks = 500, []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                chunks.append(message.get("body", b""))

        try:
            await self._app(scope, receive, send)
        except Exception as error:
            raise SutError(f"{method} {path}: the DPS fails with {error!r}") from error
        return Answer(status, b"".join(chunks))

    async def close(self) -> None:
        """See Caller; nothing to free."""
