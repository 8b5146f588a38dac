"""``twinrig report``: any report of an earlier run, made anew from its events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from harness.events import EventHandler

Format = Literal["html", "markdown", "junit", "jsonl", "console"]


def report(
    run: Annotated[Path, typer.Argument(help="A run's folder, such as runs/<name>-7-1.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where to write; else into the folder (report.html, ...)."),
    ] = None,
    kind: Annotated[Format, typer.Option("--format", help="Which report.")] = "html",
) -> None:
    """Write a report of an earlier run again."""
    from dataclasses import replace  # noqa: PLC0415

    from harness.cli.folders import finished_events  # noqa: PLC0415
    from harness.events import RunStarted  # noqa: PLC0415

    events = finished_events(run)
    place = None if kind == "console" else out or run / NAMES[kind]
    handler = _handler(kind, place)
    for event in events:
        # The folder may have been moved since; its packs are looked up beside the events.
        moved = replace(event, run_dir=run) if isinstance(event, RunStarted) else event
        handler.on_event(moved)
    if place is not None:
        typer.echo(f"report: {place}")


NAMES = {
    "html": "report.html", "markdown": "report.md", "junit": "report.xml", "jsonl": "again.jsonl",
}  # fmt: skip


def _handler(kind: Format, place: Path | None) -> EventHandler:
    from harness.report.console import ConsoleReport, make_console  # noqa: PLC0415
    from harness.report.html import HtmlReport  # noqa: PLC0415
    from harness.report.jsonl import JsonLinesReport  # noqa: PLC0415
    from harness.report.junit import JunitReport  # noqa: PLC0415
    from harness.report.markdown import MarkdownReport  # noqa: PLC0415

    if place is None:
        return ConsoleReport(make_console())
    if kind == "markdown":
        return MarkdownReport(place)
    if kind == "junit":
        return JunitReport(place)
    return JsonLinesReport(place) if kind == "jsonl" else HtmlReport(place)
