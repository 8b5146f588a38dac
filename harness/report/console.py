"""The story in the terminal, live, and the verdict at its end.

Works on a full terminal (colours, a progress line that stays at the bottom), on a dumb one and
into a pipe (plain lines, a progress line for each tenth of the run).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from harness.events import (
    CheckDecided,
    Event,
    RunFinished,
    RunResult,
    RunStarted,
    StepDone,
)
from harness.report.story import STORY, TOLD_TIMES, Line, Storyteller
from harness.report.words import count, euros, long_stamp, number, plain, span

PIPE_WIDTH = 100
"""Columns of tables where nobody can say how wide the paper is."""
STYLES = {"truth": "magenta", "service": "cyan", "people": "green", "rig": "yellow"}
TONES = {"plain": "", "good": "green", "warn": "yellow", "bad": "bold red"}
SUBJECT_COLUMNS = 12
NARROWEST_COLUMNS = 24
"""Below that, text beside its date and subject would be a tower of single words."""
TRACE_COLUMNS = 140
"""Characters of a trace line on the console; reports have all of them."""


def make_console(*, stderr: bool = False) -> Console:
    """A console for this process's output; tables get a fixed width in a pipe."""
    console = Console(stderr=stderr, highlight=False, markup=False)
    if console.is_terminal:
        return console
    return Console(stderr=stderr, highlight=False, markup=False, width=PIPE_WIDTH)


def say(console: Console, text: str, style: str = "") -> None:
    """Print one line as it is: no markup read, no line broken."""
    console.print(Text(text, style=style), soft_wrap=True)


class ConsoleReport:
    """Tells one run.

    Args:
        console: Where to write.
        quiet: Only the verdict.
        files: Asked at the end which files were written, as title and path.
    """

    def __init__(
        self,
        console: Console,
        *,
        quiet: bool = False,
        files: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self.console = console
        self.quiet = quiet
        self._files = files
        self._story = Storyteller()
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._started: RunStarted | None = None
        self._tenth = 0
        self.hears = (RunStarted, StepDone, RunFinished, *(() if quiet else STORY))

    def on_event(self, event: Event) -> None:
        """Tell it, if it is news."""
        if isinstance(event, RunStarted):
            self._begin(event)
        elif isinstance(event, StepDone):
            self._advance(event)
        elif isinstance(event, RunFinished):
            self.close()
            if self._story.untold and not self.quiet:
                often = f"told {TOLD_TIMES} times already"
                many = count(self._story.untold, "line")
                say(self.console, f"{many} left out, {often}; events.jsonl has all", "dim")
            self._verdict(event.result)
        elif not self.quiet:
            line = self._story.tell(event)
            if line is not None:
                tell(self.console, line)

    def close(self) -> None:
        """Take the progress line away; safe to call twice."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _begin(self, event: RunStarted) -> None:
        self._started = event
        if self.quiet:
            return
        out = self.console
        out.print(Text(event.title, style="bold"))
        if event.story:
            out.print(Text(" ".join(event.story.split()), style="dim"))
        inside = event.broker in ("", "none", event.link)
        through = event.link if inside else f"{event.link} ({event.broker})"
        days = span(event.until_ms - event.start_ms)
        fleet = f"{count(event.devices, 'device')} on {count(event.sites, 'site')}"
        say(out, f"{fleet} · {days} · {event.mode} · link {through} · seed {event.seed}")
        for note in event.notes:
            say(out, f"note: {note}", "yellow")
        out.print()
        if out.is_terminal and not out.is_dumb_terminal:
            self._progress = Progress(
                TextColumn("{task.fields[date]}"), BarColumn(bar_width=30),
                TextColumn("{task.percentage:>3.0f} %  {task.fields[rate]}"),
                console=out, transient=True,
            )  # fmt: skip
            self._task = self._progress.add_task(
                "", total=event.until_ms - event.start_ms,
                date=long_stamp(event.start_ms), rate="",
            )  # fmt: skip
            self._progress.start()

    def _advance(self, event: StepDone) -> None:
        started = self._started
        if self.quiet or started is None:
            return
        gone_ms = event.now_ms - started.start_ms
        rate = _rate(gone_ms / 1000, event.published, event.wall_s)
        if self._progress is not None:
            self._progress.update(
                self._task, completed=gone_ms, date=long_stamp(event.now_ms), rate=rate
            )
            return
        total_ms = max(1, started.until_ms - started.start_ms)
        tenth = 10 * gone_ms // total_ms
        if tenth > self._tenth:
            self._tenth = tenth
            date = long_stamp(event.now_ms)
            say(self.console, f"... {date}  {10 * tenth} %  {rate}", "dim")

    def _verdict(self, result: RunResult) -> None:
        out = self.console
        out.print()
        if result.checks:
            out.print(_checks_table(result))
        tell_failures(out, result)
        if result.costs_eur and not self.quiet:
            out.print()
            out.print(_costs_table(result))
        if not self.quiet:
            _facts(out, result)
        if result.error:
            say(out, f"error: {result.error}", "bold red")
        passed = result.verdict == "passed"
        good = sum(check.passed for check in result.checks)
        words = f"{result.verdict.upper()}: {result.title}"
        counted = f" ({good} of {len(result.checks)} checks hold)" if result.checks else ""
        say(out, words + counted, "bold green" if passed else "bold red")
        for title, path in self._files().items():
            say(out, f"{title}: {path}")
        say(out, f"replay: {result.replay}")


def tell(console: Console, line: Line) -> None:
    """Print a line of the story in colours: who speaks, and how bad it is."""
    head = Text(f"{str(line)[:12]}  ", style="dim")
    head.append(line.subject.ljust(SUBJECT_COLUMNS), style=STYLES[line.who])
    head.append("  ")
    _hang(console, head, Text(line.text, style=TONES[line.tone]))


def _hang(console: Console, head: Text, body: Text) -> None:
    """Print ``body`` beside ``head``; on a terminal it is broken between words and stays there.

    A pipe gets one line: what reads there counts lines, and does its own wrapping.
    """
    room = console.width - head.cell_len
    if not console.is_terminal or room < NARROWEST_COLUMNS:
        console.print(head + body, soft_wrap=True)
        return
    rest = Text(" " * head.cell_len)
    parts = [
        (rest if number else head) + part for number, part in enumerate(body.wrap(console, room))
    ]
    console.print(Text("\n").join(parts), soft_wrap=True)


def _rate(simulated_s: float, published: int, wall_s: float) -> str:
    if wall_s <= 0:
        return ""
    return f"{number(round(simulated_s / wall_s))} x real time, {published / wall_s:,.0f} msg/s"


def _checks_table(result: RunResult) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    table.add_column("check", overflow="fold")
    table.add_column("phase")
    for check in result.checks:
        mark = Text("ok", style="green") if check.passed else Text("FAIL", style="bold red")
        table.add_row(mark, Text(check.title), check.phase)
    return table


def tell_failures(
    out: Console, result: RunResult, told: set[tuple[str, ...]] | None = None
) -> None:
    """Each check that does not hold, with trace and causes.

    Args:
        out: Where to.
        result: Of the run.
        told: Traces and causes that stand above already; takes those that are told now.
    """
    told = set() if told is None else told
    for check in result.failed_checks:
        _explain(out, check, told)
        told.update((check.around, check.causes))


def _explain(out: Console, check: CheckDecided, told: set[tuple[str, ...]]) -> None:
    out.print()
    say(out, f"FAIL  {check.title}", "bold red")
    for name, text in (("where", check.where), ("expected", check.expected), ("seen", check.seen)):
        if text:
            _hang(out, Text(f"  {name:<9}"), Text(text))
    if check.around in told and check.around:
        say(out, "  trace around it: the same as above", "dim")
    elif check.around:
        most = min(TRACE_COLUMNS, out.width - 8) if out.is_terminal else TRACE_COLUMNS
        say(out, "  trace around it (in full in the report):")
        for line in check.around:
            say(out, f"    {_shortened(line, most)}", "dim")
    _causes(out, check, told)


def _causes(out: Console, check: CheckDecided, told: set[tuple[str, ...]]) -> None:
    """Why: from what violated it back to the truth, and the command that shows it again."""
    if check.causes in told and check.causes:
        say(out, "  causes: the same as above", "dim")
    elif check.causes:
        say(out, "  causes:")
        most = min(TRACE_COLUMNS, out.width - 8) if out.is_terminal else TRACE_COLUMNS
        for line in check.causes:
            say(out, f"    {_shortened(line, most)}", "dim")
    if check.replay:
        say(out, f"  replay    {check.replay}")


def _shortened(line: str, most: int) -> str:
    return line if len(line) <= most else f"{line[:most]} ..."


def _costs_table(result: RunResult) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("costs")
    table.add_column("", justify="right")
    for name, amount_eur in result.costs_eur.items():
        style = "bold" if name == "total" else ""
        table.add_row(Text(plain(name), style=style), Text(euros(amount_eur), style=style))
    return table


def _facts(out: Console, result: RunResult) -> None:
    out.print()
    speed = _rate(result.simulated_s, result.published, result.wall_s)
    days = span(1000 * result.simulated_s)
    say(out, f"{days} in {result.wall_s:.1f} s{': ' + speed if speed else ''}")
    lost = result.ledger.get("lost", 0)
    say(
        out,
        f"{number(result.published)} messages published, {number(result.ingested)} ingested, "
        f"{number(lost)} lost; {count(result.orders, 'order')}, "
        f"{count(result.work_orders, 'work order')}",
    )
    say(out, f"trace hash {result.trace_hash}")
