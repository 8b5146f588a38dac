"""``twinrig report``: the HTML page of an earlier run, made anew from its events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.errors import ScenarioError


def report(
    run: Annotated[Path, typer.Argument(help="A run's folder, such as runs/<name>-7-1.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to write; else report.html in the folder.")
    ] = None,
) -> None:
    """Write an earlier run's HTML report again."""
    from harness.report.html import HtmlReport  # noqa: PLC0415
    from harness.report.jsonl import read_events  # noqa: PLC0415

    events = run / "events.jsonl"
    if not events.is_file():
        raise ScenarioError(f"{run} holds no events.jsonl; name the folder of a finished run")
    page = HtmlReport(out or run / "report.html")
    try:
        for event in read_events(events):
            page.on_event(event)
    except ValueError as error:
        raise ScenarioError(str(error)) from error
    if page.path is None or not page.path.is_file():
        raise ScenarioError(f"{events} breaks off before the run's end; run the scenario again")
    typer.echo(f"report: {page.path}")
