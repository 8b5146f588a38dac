"""Serves the demo page: one process, one presenter, this machine only."""

from __future__ import annotations

import socket
from pathlib import Path

import typer
from nicegui import app, ui

from harness.demo import page
from harness.demo.session import DemoSession
from harness.demo.stories import STORY
from harness.engine import runner
from harness.errors import InvalidRun

HOST = "127.0.0.1"


def serve(*, scenario: Path | None, seed: int, port: int | None, browser: bool) -> None:
    """Play ``scenario`` on a page until the process is stopped.

    Raises:
        ScenarioError: If the scenario is wrong.
        InvalidRun: If the port is taken.
    """
    chosen = _port(port)
    session = DemoSession(runner.load(scenario or STORY), seed=seed, runs_dir=Path("runs"))
    page.build(session)
    app.on_startup(session.start)
    app.on_shutdown(session.stop)
    typer.echo(f"demo: http://{HOST}:{chosen} (Ctrl-C ends it)")
    ui.run(
        host=HOST, port=chosen, show=browser, reload=False, title="Twinrig demo",
        show_welcome_message=False, uvicorn_logging_level="warning",
    )  # fmt: skip


def _port(wanted: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except OSError as error:
            text = f"port {wanted} is taken: {error.strerror}; choose another with --port"
            raise InvalidRun(text) from error
        return int(probe.getsockname()[1])
