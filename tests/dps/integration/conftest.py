"""The rig of the platform's tests, and a receiver of webhooks that does as it is told."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
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
                subject = json.loads(body).get("subject")
                self.send_response(503 if subject in receiver.refuse else receiver.status)
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


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver().open()
    yield one
    one.close()
