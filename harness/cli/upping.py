"""What ``twinrig up`` does: a live run without end, with the addresses a developer needs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console

from harness.demo.stories import STORY
from harness.engine import runner
from harness.events import Event, RunStarted
from harness.report.console import make_console, say, tell
from harness.report.story import Storyteller
from harness.scenario.products import installed
from harness.scenario.resolve import places
from harness.scenario.schema import Scenario
from harness.world.control import Control

FOREVER_MS = 100 * 365 * 86_400_000
SHOWN_DEVICES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class UpWish:
    """The options of ``twinrig up``, as given."""

    scenario: Path | None
    seed: int
    speed: float
    broker: str
    broker_port: int | None
    sut: str | None
    quiet: bool


class UpReport:
    """Prints the addresses when everything is up, then the story."""

    def __init__(
        self, console: Console, *, devices: tuple[str, ...], speed: float, quiet: bool
    ) -> None:
        self._console, self._devices, self._speed, self._quiet = console, devices, speed, quiet
        self._story = Storyteller()

    def on_event(self, event: Event) -> None:
        """Tell it, if it is news."""
        if isinstance(event, RunStarted):
            self._addresses(event)
            return
        line = None if self._quiet else self._story.tell(event)
        if line is not None:
            tell(self._console, line)

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
    devices = tuple(places(scenario, installed()))
    control = Control(speed=wish.speed)
    options = runner.RunOptions(
        link="mqtt", broker=wish.broker, broker_port=wish.broker_port, store="file", sut=wish.sut,
        clients="per-device", mode="live", speed=wish.speed, control=control, web=True,
    )  # fmt: skip
    console = make_console()
    report = UpReport(console, devices=devices, speed=wish.speed, quiet=wish.quiet)
    with _stopping(control):
        result = runner.run_scenario(scenario, seed=wish.seed, options=options, handlers=[report])
    say(console, f"stopped in order; what happened is in {result.run_dir}")
    return 0 if not result.error else result.exit_code


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
