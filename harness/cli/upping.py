"""What ``twinrig up`` does: a live run without end, with the addresses a developer needs."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console

from harness.demo.stories import STORY
from harness.engine import runner
from harness.engine.backfill import Backfill
from harness.errors import ScenarioError
from harness.events import Event, RunStarted, StepDone
from harness.report.console import make_console, say, tell
from harness.report.story import Storyteller
from harness.report.words import long_stamp
from harness.scenario.products import installed
from harness.scenario.resolve import places
from harness.scenario.schema import Scenario
from harness.scenario.units import parse_duration
from harness.world.control import Control

UP_SPEED = 60.0
AFTER_HISTORY = 1.0
"""Simulated seconds per second, if nobody says otherwise."""
MINUTE_MS = 60_000
TENTHS = 10
FOREVER_MS = 100 * 365 * 86_400_000
SHOWN_DEVICES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class UpWish:
    """The options of ``twinrig up``, as given."""

    scenario: Path | None
    seed: int
    speed: float | None
    backfill: str | None
    broker: str
    broker_port: int | None
    sut: str | None
    quiet: bool


class UpReport:
    """Prints the addresses when everything is up, then the story."""

    def __init__(
        self,
        console: Console,
        *,
        devices: tuple[str, ...],
        speed: float,
        quiet: bool,
        history: tuple[int, int] = (0, 0),
    ) -> None:
        self._console, self._devices, self._speed, self._quiet = console, devices, speed, quiet
        self._story = Storyteller()
        self._from_ms, self._live_ms = history
        self._tenth = 0

    def on_event(self, event: Event) -> None:
        """Tell it, if it is news."""
        if isinstance(event, RunStarted):
            self._addresses(event)
            return
        if isinstance(event, StepDone) and self._tenth < TENTHS and self._live_ms:
            self._filled(event.now_ms)
        line = self._story.tell(event)
        if line is not None and line.at_ms >= self._live_ms and not self._quiet:
            tell(self._console, line)

    def _filled(self, now_ms: int) -> None:
        tenth = TENTHS * (now_ms - self._from_ms) // (self._live_ms - self._from_ms)
        if tenth <= self._tenth:
            return
        self._tenth = min(tenth, TENTHS)
        done = f"history up to {long_stamp(now_ms)} ({10 * self._tenth} %)"
        say(self._console, done if self._tenth < TENTHS else f"{done}; live from here")

    def _addresses(self, started: RunStarted) -> None:
        out, names = self._console, ", ".join(self._devices[:SHOWN_DEVICES])
        more = len(self._devices) - SHOWN_DEVICES
        say(out, f"broker   {started.broker_url}  ({started.broker})", "bold")
        say(out, f"DPS      {started.dps_url}", "bold")
        if started.portal_url:
            say(out, f"portal   {started.portal_url}", "bold")
        say(out, f"devices  {names}{f' and {more} more' if more > 0 else ''}")
        say(out, f"time     one second is {self._speed:g} simulated seconds; Ctrl-C ends it")
        for note in started.notes:
            say(out, f"note     {note}", "yellow")
        say(out, "")


def run(wish: UpWish) -> int:
    """Live until Ctrl-C, then end in order; returns the exit code.

    Raises:
        HarnessError: If the scenario is wrong, or broker or DPS do not come up.
    """
    scenario = endless(runner.load(wish.scenario or STORY))
    filled, history = None, (0, 0)
    speed = wish.speed or (UP_SPEED if wish.backfill is None else AFTER_HISTORY)
    if wish.backfill is not None:
        span_ms, now_ms = _span(wish.backfill), _wall_ms() // MINUTE_MS * MINUTE_MS
        scenario = _started(scenario, now_ms - span_ms)
        filled, history = Backfill(span_ms, _wall_ms), (now_ms - span_ms, now_ms)
    devices = tuple(places(scenario, installed()))
    control = Control(speed=speed)
    options = runner.RunOptions(
        link="mqtt", broker=wish.broker, broker_port=wish.broker_port, store="file", sut=wish.sut,
        clients="per-device", mode="live", speed=speed, control=control, web=True,
        backfill=filled,
    )  # fmt: skip
    console = make_console()
    report = UpReport(console, devices=devices, speed=speed, quiet=wish.quiet, history=history)
    with _stopping(control):
        result = runner.run_scenario(scenario, seed=wish.seed, options=options, handlers=[report])
    say(console, f"stopped in order; what happened is in {result.run_dir}")
    return 0 if not result.error else result.exit_code


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _span(text: str) -> int:
    try:
        span_ms = parse_duration(text)
    except ValueError as error:
        raise ScenarioError(f"--backfill {text!r}: {error}; allowed: such as 90d") from error
    if span_ms <= 0:
        raise ScenarioError(f"--backfill {text!r}: allowed: longer than 0, such as 90d")
    return span_ms


def _started(scenario: Scenario, start_ms: int) -> Scenario:
    """The same scenario, begun at another time."""
    moved = scenario.model_copy(update={"run": scenario.run.model_copy(update={"start": start_ms})})
    return moved.located(scenario.path) if scenario.path else moved


def endless(scenario: Scenario) -> Scenario:
    """The same scenario without an end to reach and without checks to pass."""
    run_on = scenario.run.model_copy(update={"until": FOREVER_MS})
    return scenario.model_copy(update={"run": run_on, "always": (), "eventually": ()})


@contextmanager
def _stopping(control: Control) -> Iterator[None]:
    """Ctrl-C and a polite kill end the run after its step instead of tearing it down."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        control.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
