"""Answers to writes: one at a time, and the same answer for the same ``Idempotency-Key``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reference_impl.kernel import audit
from reference_impl.kernel.access import Group, current
from reference_impl.kernel.crashpoints import crash_point
from reference_impl.kernel.http.errors import refusal
from reference_impl.kernel.idempotency import Answer, KeyReused, keep, recall
from reference_impl.kernel.ids import digest, payload_digest
from reference_impl.kernel.store import Store, UnitOfWork

HEADER = "idempotency-key"
_WRITES = frozenset({"POST", "PUT", "DELETE", "PATCH"})


class _RollBackError(Exception):
    """The step was refused: nothing of it is kept, and no answer for its key."""


class IdempotentWrites:
    """ASGI middleware. A write with a key runs in one transaction with its kept answer.

    Each write that was answered with yes stands in the audit log, in the same transaction.
    ``apart`` are paths that take their own turn (the clock call waits for other writers), and are
    noted by whoever serves them, if at all; ``now_ms`` is the time of the DPS.
    """

    def __init__(
        self,
        app: ASGIApp,
        store: Store,
        apart: frozenset[str],
        after: Callable[[], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._after, self._now_ms = after, now_ms
        self._app = app
        self._store = store
        self._apart = apart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if (
            scope["type"] != "http"
            or scope["method"] not in _WRITES
            or scope["path"] in self._apart
            or not scope["path"].startswith("/v1/")
        ):
            await self._app(scope, receive, send)
            return
        body = await whole_body(receive)
        if body is None:
            return
        key = _key_of(scope)
        async with self._store.writing:
            if key is None:
                answered = await self._plain(scope, body)
            else:
                answered = await self._keyed(scope, body, key)
        self._after()
        for message in answered:
            await send(message)

    async def _plain(self, scope: Scope, body: bytes) -> list[Message]:
        answered: list[Message] = []
        try:
            with self._store.joinable() as uow:
                await self._app(scope, given(body), _into(answered))
                status = answered[0]["status"]
                _refuse_to_keep(status)
                self._note(uow, scope, status)
                crash_point("before_write")
            crash_point("after_write")
        except _RollBackError:
            pass
        return answered

    def _note(self, uow: UnitOfWork, scope: Scope, status: int) -> None:
        if b"dry_run=true" not in scope.get("query_string", b""):
            audit.note(
                uow,
                at_ms=self._now_ms(),
                method=scope["method"],
                path=scope["path"],
                status=status,
            )

    async def _keyed(self, scope: Scope, body: bytes, key: str) -> list[Message]:
        query = scope.get("query_string", b"").decode("latin-1")
        request = digest(scope["method"], scope["path"], query, payload_digest(body))
        answered: list[Message] = []
        try:
            with self._store.joinable() as uow:
                kept = recall(uow.conn, key, request)
                if kept is not None:
                    return _messages(kept)
                await self._app(scope, given(body), _into(answered))
                answer = _answer(answered)
                _refuse_to_keep(answer.status)
                self._note(uow, scope, answer.status)
                keep(uow, key, request, answer)
                crash_point("before_write")
            crash_point("after_write")
        except _RollBackError:
            return answered
        except KeyReused as error:
            refused = refusal(error)
            return _messages(Answer(status=refused.status_code, body=bytes(refused.body)))
        return answered


def _key_of(scope: Scope) -> str | None:
    """The key as the caller's own: nobody gets another's answer by guessing."""
    key = Headers(scope=scope).get(HEADER)
    who = current()
    return key if key is None or who.group is Group.OPERATOR else f"{who.user}:{key}"


def _refuse_to_keep(status: int) -> None:
    if status >= 400:
        raise _RollBackError


async def whole_body(receive: Receive) -> bytes | None:
    """The body of a request; None: the caller went away."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def given(body: bytes) -> Receive:
    """A body that was read already, for who reads it next."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def _into(messages: list[Message]) -> Send:
    async def send(message: Message) -> None:
        messages.append(message)

    return send


def _answer(messages: list[Message]) -> Answer:
    body = b"".join(m.get("body", b"") for m in messages if m["type"] == "http.response.body")
    return Answer(status=messages[0]["status"], body=body)


def _messages(answer: Answer) -> list[Message]:
    headers: list[Any] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    return [
        {"type": "http.response.start", "status": answer.status, "headers": headers},
        {"type": "http.response.body", "body": answer.body},
    ]
