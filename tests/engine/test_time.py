"""Time as a hand moves it: jumps, keys; and history that goes live without a seam."""

from __future__ import annotations

import os
import pty
import threading
from pathlib import Path
from typing import Any

import pytest

from harness.cli.keys import Keys, listening
from harness.engine.backfill import CAUGHT_UP_MS, Backfill
from harness.engine.runner import RunOptions, run_scenario
from harness.errors import InvalidRun
from harness.events import Event, FeedSeen, RunResult, StepDone
from harness.scenario import build as b
from harness.world.control import Control

DAY = 86_400_000


class Notes:
    """Keeps what the DPS told, and where the run stood."""

    def __init__(self) -> None:
        self.feed: list[tuple[int, str, str]] = []
        self.stands: list[int] = []

    def on_event(self, event: Event) -> None:
        if isinstance(event, FeedSeen):
            self.feed.append((event.at_ms, event.kind, event.subject))
        elif isinstance(event, StepDone):
            self.stands.append(event.now_ms)


def story(days: int, **changes: Any) -> b.Scenario:
    told: dict[str, Any] = {
        "title": "A short story",
        "run": b.run("2026-01-05T00:00:00Z", f"{days}d", sync="6h"),
        "fleets": (b.fleet("pump", sites=1, devices_per_site=1, report_every="1h"),),
        "timeline": (b.fault("bearing_wear", "pump-01-1", at="1d", onset="0h", pf_interval="8d"),),
    }
    return b.Scenario(**{**told, **changes})


def play(scenario: b.Scenario, folder: Path, **options: Any) -> tuple[RunResult, Notes]:
    notes = Notes()
    chosen = RunOptions(**{"link": "memory", "runs_dir": folder, **options})
    return run_scenario(scenario, seed=7, options=chosen, handlers=[notes]), notes


def test_history_goes_live_without_a_seam(tmp_path: Path) -> None:
    """Ten days in lock-step, two live: the same boots, no number missing, nothing told twice."""
    scenario = story(12, eventually=(b.check("nothing_lost"),))
    seam_ms = scenario.run.start + 10 * DAY
    asked: list[int] = []

    def now_ms() -> int:
        """Real time has moved on by six hours after the first stretch."""
        asked.append(1)
        return seam_ms + (0 if len(asked) > 1 else DAY // 4)

    result, notes = play(
        scenario, tmp_path, mode="live", speed=1e6, store="file",
        backfill=Backfill(10 * DAY, now_ms),
    )  # fmt: skip
    whole, plain = play(scenario, tmp_path)

    assert result.verdict == "passed", (result.error, result.checks)
    assert len(asked) == 2, "it made up for what the history took"
    assert result.mode == "live"
    counts = {key: result.ledger[key] for key in ("lost", "duplicated", "reordered", "unexpected")}
    assert counts == dict.fromkeys(counts, 0)
    assert result.ledger["stored"] == result.ledger["produced"] == whole.ledger["produced"]
    past = [row for row in plain.feed if row[0] <= seam_ms]
    assert len(past) > 5
    assert [row for row in notes.feed if row[0] <= seam_ms] == past
    assert len(notes.feed) == len(set(notes.feed)), "nothing is told twice"
    assert notes.stands == sorted(set(notes.stands))
    assert notes.stands[-1] == scenario.run.until_ms


def test_history_that_cannot_go_live_is_refused(tmp_path: Path) -> None:
    fill = Backfill(DAY, lambda: 0)
    for options, why in (
        ({"mode": "virtual"}, "before a live run"),
        ({"mode": "live"}, "store has to be a file"),
        ({"mode": "live", "link": "mqtt", "sut": "http://127.0.0.1:1"}, "for the reference DPS"),
    ):
        with pytest.raises(InvalidRun, match=why):
            play(story(2), tmp_path, backfill=fill, **options)


def test_a_world_that_is_slower_than_real_time_says_so(tmp_path: Path) -> None:
    scenario = story(2, timeline=())
    late = iter(range(1, 1000))
    fill = Backfill(DAY, lambda: scenario.run.start + DAY + next(late) * 2 * CAUGHT_UP_MS)
    result, _ = play(scenario, tmp_path, mode="live", store="file", backfill=fill)
    assert result.exit_code == InvalidRun.exit_code
    assert "catch up" in result.error


def test_a_jump_ends_the_waiting_and_changes_nothing_that_happens(tmp_path: Path) -> None:
    """At real time, and paused: without the jump the run would take days."""
    scenario = story(3)
    fast, _ = play(scenario, tmp_path)
    control = Control(speed=1.0, paused=True)
    control.jump(scenario.run.until_ms)
    paced, _ = play(scenario, tmp_path, mode="paced", control=control)
    assert paced.trace_hash == fast.trace_hash


class Hand(Control):
    """Ends the run as soon as the pacer holds it: only then it asks for a step."""

    def take_step(self) -> bool:
        self.stop()
        return False


def test_a_jump_holds_where_it_ends(tmp_path: Path) -> None:
    scenario = story(3, timeline=())
    hand = Hand(speed=1.0, paused=True)
    hand.jump(scenario.run.start + DAY)
    _, notes = play(scenario, tmp_path, mode="paced", control=hand)
    assert notes.stands[-1] == scenario.run.start + DAY


def test_each_key_does_what_the_help_says() -> None:
    control, said = Control(speed=100.0), []
    keys = Keys(control, said.append)
    keys.on_event(StepDone(now_ms=5 * DAY, published=0, ingested=0, wall_s=0.0))

    keys.press(" ")
    assert control.paused
    keys.press(" ")
    assert not control.paused
    keys.press("s")
    assert control.paused
    assert control.take_step()
    keys.press("+")
    assert control.speed == 200
    keys.press("-")
    keys.press("-")
    assert control.speed == 50
    keys.press("j")
    assert control.jump_to_ms == 6 * DAY
    keys.press("w")
    assert control.jump_to_ms == 12 * DAY
    keys.press("x")
    assert not control.stopped
    keys.press("q")
    assert control.stopped
    assert said[0] == "paused"


def test_keys_are_read_from_a_terminal_and_it_is_left_as_it_was(tmp_path: Path) -> None:
    import termios

    ours, theirs = pty.openpty()
    heard = threading.Event()
    control = Control(speed=100.0)
    before = termios.tcgetattr(theirs)
    with os.fdopen(theirs, "r") as terminal:
        with listening(Keys(control, lambda _text: heard.set()), terminal) as reads:
            assert reads
            os.write(ours, b"+")
            assert heard.wait(10)
        assert control.speed == 200
        assert termios.tcgetattr(terminal.fileno()) == before
    os.close(ours)
    with (tmp_path / "no-terminal").open("w+") as file, listening(Keys(control, print), file) as no:
        assert not no
