from __future__ import annotations

import pytest

from harness.scenario import build as b
from harness.world.control import Control


def test_a_hand_can_break_something_while_the_world_is_paced(story, play) -> None:
    """Very fast pace: what matters here is that the fault reaches truth and trace."""
    control = Control(speed=1e9)
    control.inject("bearing_wear", "pump-01-2", {"onset": 0.0, "pf_interval": 24.0})
    short = story(run=b.run("2026-01-05T00:00:00Z", "2d", sync="6h"), timeline=(), eventually=())
    _, notes = play(short, mode="paced", control=control)

    faults = [e for e in notes.events if type(e).__name__ == "FaultApplied"]
    assert [(e.kind, e.target) for e in faults] == [("bearing_wear", "pump-01-2")]
    assert any(getattr(e, "kind", "") == "component.failed" for e in notes.events)


def test_pace_does_not_change_what_happens(story, play) -> None:
    short = story(run=b.run("2026-01-05T00:00:00Z", "2d", sync="6h"), timeline=(), eventually=())
    fast, _ = play(short)
    paced, _ = play(short, mode="paced", speed=1e9)
    assert paced.trace_hash == fast.trace_hash


def test_a_paused_world_takes_single_steps_and_stops_when_told(story, play) -> None:
    control = Control(speed=1e9, paused=True)
    control.step()
    control.step()

    class StopAfterTwo:
        steps = 0

        def on_event(self, event) -> None:
            if type(event).__name__ == "StepDone":
                self.steps += 1
                if self.steps == 2:
                    control.stop()

    from pathlib import Path
    from tempfile import TemporaryDirectory

    from harness.engine.runner import RunOptions, run_scenario

    counter = StopAfterTwo()
    short = story(run=b.run("2026-01-05T00:00:00Z", "2d", sync="6h"), timeline=(), eventually=())
    with TemporaryDirectory() as folder:
        options = RunOptions(link="memory", mode="paced", control=control, runs_dir=Path(folder))
        result = run_scenario(short, seed=1, options=options, handlers=[counter])
    assert counter.steps == 2
    assert result.simulated_s == 2 * 6 * 3600


def test_a_speed_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Control().set_speed(0)
