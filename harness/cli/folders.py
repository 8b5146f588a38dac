"""The folder of a run, read back."""

from __future__ import annotations

from pathlib import Path

from harness.engine import folder as run_folder
from harness.errors import ScenarioError
from harness.events import CheckDecided, Event, RunFinished, RunResult
from harness.report.html import HtmlReport
from harness.report.jsonl import JsonLinesReport, read_events

EVENTS = "events.jsonl"


def read_run(folder: Path) -> list[Event]:
    """All events of a run, finished or not.

    Raises:
        ScenarioError: If the folder holds none, or they cannot be read.
    """
    file = folder / EVENTS
    if not file.is_file():
        raise ScenarioError(f"{folder} holds no {EVENTS}; name the folder of a finished run")
    try:
        return list(read_events(file))
    except ValueError as error:
        raise ScenarioError(str(error)) from error


def finished_events(folder: Path) -> list[Event]:
    """All events of a run that came to its end. Raises as :func:`read_run`, and if it did not."""
    events = read_run(folder)
    if not events or not isinstance(events[-1], RunFinished):
        raise ScenarioError(
            f"{folder / EVENTS} breaks off before the run's end; run the scenario again"
        )
    return events


def settle(result: RunResult) -> None:
    """Write into the folder of a run what its checks came to among the others of its family."""
    told = finished_events(result.run_dir)
    happened = [event for event in told if not isinstance(event, CheckDecided | RunFinished)]
    lines, page = JsonLinesReport(), HtmlReport()
    for event in (*happened, *result.checks, RunFinished(result=result)):
        lines.on_event(event)
        page.on_event(event)
    run_folder.write_result(result)
