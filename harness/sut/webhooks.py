"""A door for a DPS that tells what it decides by calling a URL: CloudEvents by POST."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

import h11
import msgspec

from harness.errors import InvalidRun
from harness.events import FeedSeen

PATH = "/webhooks"
BODY_BYTES_MAX = 1 << 20
_READ_BYTES = 1 << 16


class Webhooks:
    """Listens on loopback; keeps what was posted until it is taken.

    Args:
        port: Where to listen; 0 for a free one.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._events: list[FeedSeen] = []
        self._known: set[str] = set()
        self.refused: list[str] = []
        """Why calls were answered with 400, one text each."""

    @property
    def url(self) -> str:
        """Where to post, once it is open."""
        return f"http://127.0.0.1:{self._port}{PATH}"

    async def open(self) -> None:
        """Listen.

        Raises:
            InvalidRun: If the port is taken.
        """
        try:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        except OSError as error:
            raise InvalidRun(f"webhooks cannot listen on port {self._port}: {error}") from error
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Hear nothing more; safe to call twice."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def take(self) -> list[FeedSeen]:
        """What was posted since the last time, each event once."""
        taken, self._events = self._events, []
        return taken

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = h11.Connection(h11.SERVER)
        try:
            while await self._answer_one(talk, reader, writer):
                talk.start_next_cycle()
        except (h11.ProtocolError, OSError):
            pass  # not HTTP, or gone: nothing was told
        finally:
            writer.close()

    async def _answer_one(
        self, talk: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Read a request and answer it; false if there is no other to come."""
        request: h11.Request | None = None
        body = b""
        while True:
            event = talk.next_event()
            if event is h11.NEED_DATA:
                talk.receive_data(await reader.read(_READ_BYTES))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > BODY_BYTES_MAX:
                    return False
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return False
        assert request is not None, "a message ends after it began"
        status, said = self._take_in(request.method.decode(), request.target.decode(), body)
        headers = [("content-type", "application/json"), ("content-length", str(len(said)))]
        writer.write(talk.send(h11.Response(status_code=status, headers=headers)) or b"")
        writer.write(talk.send(h11.Data(data=said)) or b"")
        writer.write(talk.send(h11.EndOfMessage()) or b"")
        await writer.drain()
        return talk.our_state is h11.DONE and talk.their_state is h11.DONE

    def _take_in(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        if target.partition("?")[0] != PATH:
            return HTTPStatus.NOT_FOUND, _error(f"post to {PATH}")
        if method != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED, _error("POST is allowed")
        try:
            data = msgspec.json.decode(body)
            for item in data if isinstance(data, list) else [data]:
                event = event_of(item)
                if event.event_id not in self._known:  # a webhook is tried again until it is heard
                    self._known.add(event.event_id)
                    self._events.append(event)
        except (msgspec.DecodeError, ValueError) as error:
            self.refused.append(str(error))
            return HTTPStatus.BAD_REQUEST, _error(str(error))
        return HTTPStatus.ACCEPTED, b"{}"


def event_of(item: object) -> FeedSeen:
    """An event of a feed or a webhook.

    Raises:
        ValueError: Naming what it lacks.
    """
    if not isinstance(item, Mapping):
        text = "an event is a JSON object (CloudEvents 1.0, structured mode)"
        raise ValueError(text)  # noqa: TRY004 - what was posted is wrong, not how we are called
    missing = [name for name in ("id", "type", "subject") if not isinstance(item.get(name), str)]
    data = item.get("data") or {}
    if not isinstance(data, Mapping):
        missing.append("data (an object)")
    at_ms = _at_ms(item)
    if at_ms is None:
        missing.append("at_ms (or time, RFC 3339)")
    if missing or at_ms is None:
        raise ValueError(f"the event lacks {', '.join(missing)}")
    return FeedSeen(
        at_ms=at_ms, kind=item["type"], subject=item["subject"], data=data, event_id=item["id"]
    )


def _at_ms(item: Mapping[str, Any]) -> int | None:
    at_ms, time = item.get("at_ms"), item.get("time")
    if isinstance(at_ms, int):
        return at_ms
    try:
        return round(datetime.fromisoformat(str(time)).timestamp() * 1000)
    except ValueError:
        return None


def _error(text: str) -> bytes:
    return msgspec.json.encode({"error": {"code": "not_taken", "title": text, "problems": []}})
