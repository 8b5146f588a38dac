"""Runs scenario files one after the other with the reports that a person asked for."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from rich.console import Console

from harness.cli import output
from harness.errors import HarnessError, OurBug
from harness.events import Event, EventHandler, RunResult, RunStarted
from harness.report.console import ConsoleReport, say
from harness.report.html import HtmlReport
from harness.report.jsonl import JsonLinesReport
from harness.report.junit import Case, JunitReport, Suite

Runner = Callable[[Path, Sequence[EventHandler]], RunResult]
"""Runs one scenario file and tells the handlers; how, is the caller's choice."""


class Job(NamedTuple):
    """One run of a file; a file with a matrix has several."""

    seed: int
    run: Runner


JobsOf = Callable[[Path], Sequence[Job]]
"""The runs that a file asks for; may raise a HarnessError about it."""
SIGNALLED = 128
"""What shells add to the number of the signal that ended a program."""


@dataclass(slots=True)
class Outcome:
    """What a call came to: the objects for ``--json`` and the exit code for the shell."""

    runs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """The worst of all runs."""
        return max((run["exit_code"] for run in self.runs), default=0)


class _Beginning:
    """Remembers that a run began, for the words when it breaks off."""

    hears = (RunStarted,)

    def __init__(self) -> None:
        self.started: RunStarted | None = None

    def on_event(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self.started = event


def run_files(
    files: Sequence[Path], *, runner: Runner, seed: int, console: Console,
    quiet: bool = False, junit: Path | None = None, jobs_of: JobsOf | None = None,
) -> Outcome:  # fmt: skip
    """Run every file, also after a red one, and report each.

    Ctrl-C and a polite kill end the run under way, with its broker and its DPS, and no other
    follows.

    Raises:
        OurBug: Passed on, because it needs a traceback; other errors become outcomes.
    """
    outcome = Outcome()
    junit_report = JunitReport(junit) if junit else None
    with _kills_interrupt() as killed_by:
        for file, job in _jobs(files, jobs_of or (lambda _file: [Job(seed, runner)]), seed):
            try:
                run = _run_one(
                    file, job.run, job.seed, console=console, quiet=quiet, junit=junit_report
                )
            except KeyboardInterrupt as error:
                number = killed_by[-1] if killed_by else signal.SIGINT
                stopped = HarnessError(f"stopped by {signal.Signals(number).name}")
                stopped.__cause__ = error
                outcome.runs.append(
                    output.error_object(str(file), job.seed, stopped, SIGNALLED + number)
                )
                break
            outcome.runs.append(run)
    if len(outcome.runs) > 1:
        _say_all(console, outcome)
    return outcome


def _jobs(files: Sequence[Path], jobs_of: JobsOf, seed: int) -> Iterator[tuple[Path, Job]]:
    """Every run that was asked for; of a file that is wrong, one that says so."""
    for file in files:
        try:
            jobs = jobs_of(file)
        except OurBug:
            raise
        except HarnessError as error:
            jobs = [Job(seed, _raiser(error))]
        for job in jobs:
            yield file, job


def _raiser(error: HarnessError) -> Runner:
    def run(_file: Path, _handlers: Sequence[EventHandler]) -> RunResult:
        raise error

    return run


def _say_all(console: Console, outcome: Outcome) -> None:
    """The verdict over all runs, and which are red."""
    red = [run for run in outcome.runs if run["exit_code"]]
    passed = len(outcome.runs) - len(red)
    tone = "bold red" if red else "bold green"
    say(console, f"{passed} of {len(outcome.runs)} runs passed", tone)
    for run in red:
        say(console, f"  {run['verdict']}: {run.get('title') or run['scenario']}", "red")


@contextmanager
def _kills_interrupt() -> Iterator[list[int]]:
    """Let SIGTERM do what Ctrl-C does; gives the list of those that came."""
    came: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield came
    finally:
        signal.signal(signal.SIGTERM, before)


def _run_one(
    file: Path, runner: Runner, seed: int, *, console: Console, quiet: bool,
    junit: JunitReport | None,
) -> dict[str, Any]:  # fmt: skip
    page, lines, beginning = HtmlReport(), JsonLinesReport(), _Beginning()
    story = ConsoleReport(console, quiet=quiet, files=lambda: {"report": page.path})
    handlers: list[EventHandler] = [beginning, lines, page]
    handlers += [junit] if junit else []
    try:
        result = runner(file, [*handlers, story])
    except OurBug:
        raise
    except KeyboardInterrupt:
        story.close()
        say(console, "stopped before its end; nothing is left running", "bold red")
        _say_replay(console, beginning.started, file, seed)
        raise
    except HarnessError as error:
        story.close()
        say(console, f"error: {error}", "bold red")
        _say_replay(console, beginning.started, file, seed)
        if junit is not None:
            case = Case(name="the run ends in order", group=str(file), error=str(error))
            junit.add(Suite(name=str(file), cases=(case,)))
        return output.error_object(str(file), seed, error, error.exit_code)
    finally:
        story.close()
        lines.close()
    return output.run_object(result, page.path)


def _say_replay(console: Console, started: RunStarted | None, file: Path, seed: int) -> None:
    if started is not None:
        say(console, f"replay: {started.replay or f'twinrig run {file} --seed {seed}'}")
