"""The hand on a paced run over HTTP, on loopback: look, pause, go on, step, speed, jump, stop.

A thread of its own answers; ``Control`` is safe from there, and the run's hash does not change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from harness.errors import InvalidRun
from harness.events import Event, StepDone
from harness.scenario.units import parse_duration, show_instant
from harness.world.control import Control

HOST = "127.0.0.1"
BODY_BYTES_MAX = 10_000
WHAT = "POST /pause, /resume, /step, /stop, /speed {speed: 7200}, /jump {by: 1d}; GET / looks"


class Refused(Exception):  # noqa: N818
    """What is asked for makes no sense."""


class Hand:
    """What each request does. Listens to the run, to know the time.

    Args:
        control: Of the run.
        start_ms: Where it begins; requests may come before it does.
        until_ms: Where it ends.
    """

    def __init__(self, control: Control, *, start_ms: int, until_ms: int) -> None:
        self._control = control
        self._now_ms, self._until_ms = start_ms, until_ms
        self.verbs: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "/pause": lambda _: control.pause(),
            "/resume": lambda _: control.resume(),
            "/step": self._step,
            "/stop": lambda _: control.stop(),
            "/speed": self._speed,
            "/jump": self._jump,
        }

    def on_event(self, event: Event) -> None:
        """Take note of the time."""
        if isinstance(event, StepDone):
            self._now_ms = event.now_ms

    def state(self) -> dict[str, Any]:
        """How things stand."""
        control = self._control
        return {
            "now": show_instant(self._now_ms), "now_ms": self._now_ms, "until_ms": self._until_ms,
            "speed": control.speed, "paused": control.paused, "stopped": control.stopped,
        }  # fmt: skip

    def _step(self, _: Mapping[str, Any]) -> None:
        self._control.pause()
        self._control.step()

    def _speed(self, said: Mapping[str, Any]) -> None:
        speed = said.get("speed")
        if isinstance(speed, bool) or not isinstance(speed, int | float) or not speed > 0:
            raise Refused(f"speed is {speed!r}; allowed: simulated seconds per second, above 0")
        self._control.set_speed(float(speed))

    def _jump(self, said: Mapping[str, Any]) -> None:
        try:
            self._control.jump(self._now_ms + parse_duration(said.get("by", "")))
        except (TypeError, ValueError) as error:
            raise Refused(f"by: {error}; allowed: a length of time such as 1d") from error


def _answers(hand: Hand) -> type[BaseHTTPRequestHandler]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/"
            self._say(HTTPStatus.OK if known else HTTPStatus.NOT_FOUND)

        def do_POST(self) -> None:
            if self.headers.get("Origin") is not None:
                return self._say(HTTPStatus.FORBIDDEN, "pages of a browser have no hand here")
            verb = hand.verbs.get(self.path)
            if verb is None:
                return self._say(HTTPStatus.NOT_FOUND)
            try:
                verb(self._body())
            except Refused as why:
                return self._say(HTTPStatus.UNPROCESSABLE_ENTITY, str(why))
            return self._say(HTTPStatus.OK)

        def _body(self) -> Mapping[str, Any]:
            size = self.headers.get("Content-Length", "0")
            if not size.isdigit() or int(size) > BODY_BYTES_MAX:
                raise Refused("the body is too long")
            data = self.rfile.read(int(size))
            try:
                said = msgspec.json.decode(data) if data else {}
            except msgspec.DecodeError as error:
                raise Refused(f"the body is no JSON: {error}") from error
            if not isinstance(said, dict):
                raise Refused("the body must be an object")
            return said

        def _say(self, status: HTTPStatus, error: str = WHAT) -> None:
            told = hand.state() if status == HTTPStatus.OK else {"error": error}
            body = msgspec.json.encode(told)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The story belongs to the terminal."""

    return Answers


@contextmanager
def listening(hand: Hand, port: int) -> Iterator[str]:
    """Answer on a port of this machine (0: a free one) while this is open; gives the address.

    Raises:
        InvalidRun: If the port is taken.
    """
    try:
        server = ThreadingHTTPServer((HOST, port), _answers(hand))
    except OSError as error:
        raise InvalidRun(f"--control-port {port}: {error.strerror}") from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
