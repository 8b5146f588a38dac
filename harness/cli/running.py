"""Runs scenario files one after the other with the reports that a person asked for."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rich.console import Console

from harness.cli import families, output
from harness.errors import HarnessError, OurBug
from harness.events import Event, EventHandler, RunResult, RunStarted
from harness.report.console import ConsoleReport, say
from harness.report.html import HtmlReport
from harness.report.jsonl import JsonLinesReport

if TYPE_CHECKING:
    from harness.report.junit import JunitReport

Runner = Callable[[Path, Sequence[EventHandler]], RunResult]
"""Runs one scenario file and tells the handlers; how, is the caller's choice."""


class Job(NamedTuple):
    """One run of a file; a file with a matrix has several."""

    seed: int
    run: Runner
    variant: str = ""
    """Which of a matrix; empty for a file without one."""


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


class Ended(NamedTuple):
    """What a run came to: its object for ``--json``, and its result if it has one."""

    told: dict[str, Any]
    result: RunResult | None = None
    page: Path | None = None


def run_files(
    files: Sequence[Path], *, runner: Runner, seed: int, console: Console,
    quiet: bool = False, junit: Path | None = None, jobs_of: JobsOf | None = None,
) -> Outcome:  # fmt: skip
    """Run every file, also after a red one, and report each; variants of a matrix are a family.

    Ctrl-C and a polite kill end the run under way, with its broker and its DPS, and no other
    follows.

    Raises:
        OurBug: Passed on, because it needs a traceback; other errors become outcomes.
    """
    outcome = Outcome()
    junit_report = _junit(junit)
    with _kills_interrupt() as killed_by:
        for file in files:
            jobs, before = _jobs(file, jobs_of, Job(seed, runner)), len(outcome.runs)
            try:
                if len(jobs) > 1:
                    _family(file, jobs, outcome, console=console, quiet=quiet, junit=junit_report)
                    continue
                page = HtmlReport()
                story = ConsoleReport(console, quiet=quiet, files=_place(page))
                ended = _run_one(file, jobs[0], story, page, console=console, junit=junit_report)
                outcome.runs.append(ended.told)
            except KeyboardInterrupt as error:
                number = killed_by[-1] if killed_by else signal.SIGINT
                stopped = HarnessError(f"stopped by {signal.Signals(number).name}")
                stopped.__cause__ = error
                job = jobs[min(len(outcome.runs) - before, len(jobs) - 1)]
                outcome.runs.append(
                    output.error_object(str(file), job.seed, stopped, SIGNALLED + number)
                )
                break
    if len(files) > 1 and len(outcome.runs) > 1:
        _say_all(console, outcome)
    return outcome


def _jobs(file: Path, jobs_of: JobsOf | None, plain: Job) -> Sequence[Job]:
    """Every run that a file asks for; of a file that is wrong, one that says so."""
    if jobs_of is None:
        return [plain]
    try:
        return jobs_of(file)
    except OurBug:
        raise
    except HarnessError as error:
        return [Job(plain.seed, _raiser(error))]


def _place(page: HtmlReport) -> Callable[[], dict[str, Any]]:
    return lambda: {"report": page.path}


def _family(
    file: Path, jobs: Sequence[Job], outcome: Outcome, *, console: Console, quiet: bool,
    junit: JunitReport | None,
) -> None:  # fmt: skip
    """Run all variants and judge them together, as many as there are when it is broken off."""
    members: list[families.Member] = []
    if not quiet:
        say(console, f"{file}: {len(jobs)} variants", "bold")
    try:
        for place, job in enumerate(jobs, 1):
            line = families.VariantLine(console, job.variant, f"{place}/{len(jobs)}", quiet=quiet)
            ended = _run_one(file, job, line, HtmlReport(), console=console, junit=None)
            if ended.result is None:
                outcome.runs.append({**ended.told, "variant": job.variant})
                if junit is not None:
                    junit.add_broken_off(f"{file} [{job.variant}]", ended.told["error"])
            else:
                members.append(families.Member(job.variant, ended.result, ended.page))
    finally:
        members = families.judged(members)
        for variant, result, report in members:
            outcome.runs.append({**output.run_object(result, report), "variant": variant})
            if junit is not None:
                junit.add_run(result, variant=variant)
        if members:
            families.show(console, members, missing=len(jobs) - len(members), quiet=quiet)


def _junit(path: Path | None) -> JunitReport | None:
    if path is None:
        return None
    from harness.report.junit import JunitReport  # noqa: PLC0415 - XML only if asked for

    return JunitReport(path)


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


class _Teller(EventHandler, Protocol):
    """Who tells a run in the terminal."""

    def close(self) -> None: ...


def _run_one(
    file: Path, job: Job, story: _Teller, page: HtmlReport, *, console: Console,
    junit: JunitReport | None,
) -> Ended:  # fmt: skip
    lines, beginning = JsonLinesReport(), _Beginning()
    handlers: list[EventHandler] = [beginning, lines, page]
    handlers += [junit] if junit else []
    try:
        result = job.run(file, [*handlers, story])
    except OurBug:
        raise
    except KeyboardInterrupt:
        story.close()
        say(console, "stopped before its end; nothing is left running", "bold red")
        _say_replay(console, beginning.started, file, job.seed)
        raise
    except HarnessError as error:
        story.close()
        say(console, f"error: {error}", "bold red")
        _say_replay(console, beginning.started, file, job.seed)
        if junit is not None:
            junit.add_broken_off(str(file), str(error))
        return Ended(output.error_object(str(file), job.seed, error, error.exit_code))
    finally:
        story.close()
        lines.close()
    return Ended(output.run_object(result, page.path), result, page.path)


def _say_replay(console: Console, started: RunStarted | None, file: Path, seed: int) -> None:
    if started is not None:
        say(console, f"replay: {started.replay or f'twinrig run {file} --seed {seed}'}")
