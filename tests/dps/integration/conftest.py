"""The rig of the platform's tests, and a receiver of webhooks that does as it is told."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location(
    "platform_conftest", Path(__file__).parents[1] / "platform/conftest.py"
)
_platform = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_platform)
kit, new_store = _platform.kit, _platform.new_store


class Receiver:
    """An HTTP server on loopback. ``status`` is what it answers; ``heard`` what it was sent."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 204
        self.refuse: set[str] = set()
        """Subjects that are answered with 503."""
        self.location = ""
        self.answer = None
        """Decides on an answer's status instead, 0: none, if somebody does."""
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    def open(self) -> Receiver:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                if len(body) < length:  # who sent it was killed in the middle
                    self.close_connection = True
                    return
                receiver.heard.append((self.path, dict(self.headers.items()), body))
                if receiver.answer is None:
                    refused = json.loads(body).get("subject") in receiver.refuse
                    status = 503 if refused else receiver.status
                else:
                    status = receiver.answer(self, body)
                if not status:
                    self.close_connection = True
                    return
                self.send_response(status)
                if receiver.location:
                    self.send_header("location", receiver.location)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hear"

    def events(self) -> list[tuple[str, str]]:
        return [(e["type"], e["subject"]) for _, _, body in self.heard for e in [json.loads(body)]]

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _, headers, _ in self.heard]


def _module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def yards():
    """The yard of maintenance: a DPS with mixers of two customers."""
    return _module("yards", Path(__file__).parents[1] / "maintenance/conftest.py")


@pytest.fixture(scope="session")
def desks():
    """The desk of money: a DPS with things that are paid for."""
    return _module("desks", Path(__file__).parents[1] / "money/conftest.py")


@pytest.fixture(scope="session")
def billing(desks):
    """The machine of invoices, and what it is given."""
    made = _module("billing", Path(__file__).parents[1] / "money/test_money_machine.py")
    made.money = desks
    return made


@pytest.fixture(scope="session")
def clockwork():
    """The desk of outcomes: a DPS with things under contracts."""
    return _module("clockwork", Path(__file__).parents[1] / "outcomes/conftest.py")


@pytest.fixture(scope="session")
def new_linked():
    """Opens another such system; it closes with the context."""

    @contextmanager
    def make():
        one = Receiver().open()
        try:
            yield _module("standins", Path(__file__).with_name("standins.py")).Linked(one)
        finally:
            one.close()

    return make


@pytest.fixture
def linked(receiver):
    """A system of field service or customer management, with a socket of its own."""
    return _module("standins", Path(__file__).with_name("standins.py")).Linked(receiver)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver().open()
    yield one
    one.close()
