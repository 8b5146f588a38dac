"""A short story with the whole loop in it, and ways to run it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.engine.runner import RunOptions, run_scenario
from harness.events import Event, FeedSeen, RunResult
from harness.scenario import build as b

WORN = "pump-01-1"


class Notes:
    """A handler that keeps everything."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    def decisions(self) -> list[tuple[str, str]]:
        """What was decided for whom, without times: orders and visits in their order."""
        return [
            (e.kind, e.subject)
            for e in self.events
            if isinstance(e, FeedSeen) and e.kind.split(".")[0] in ("order", "work_order", "part")
        ]


@pytest.fixture(scope="session")
def story() -> Callable[..., b.Scenario]:
    """One station; a bearing wears in 18 days and fails before the part comes; 31 days in all."""

    def tell(**changes: Any) -> b.Scenario:
        told: dict[str, Any] = {
            "title": "A short story",
            "run": b.run("2026-01-05T00:00:00Z", "31d", sync="4h"),
            "fleets": (b.fleet("pump", sites=1, devices_per_site=2, report_every="30m"),),
            "service": b.Service(
                contract=b.Contract(fee_eur=180.0, target=0.997, unknown_after_s=2700)
            ),
            "timeline": (b.fault("bearing_wear", WORN, at="4d", onset="0h", pf_interval="18d"),),
            "always": (b.check("one_order_per_need"), b.check("one_work_order_per_need")),
            "eventually": (b.check("order_delivered", device=WORN), b.check("nothing_lost")),
        }
        return b.Scenario(**{**told, **changes})

    return tell


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., tuple[RunResult, Notes]]:
    """Run a scenario over the memory link (unless told otherwise)."""

    def run(scenario: b.Scenario, *, seed: int = 7, **options: Any) -> tuple[RunResult, Notes]:
        notes = Notes()
        chosen = RunOptions(**{"link": "memory", "runs_dir": tmp_path / "runs", **options})
        result = run_scenario(scenario, seed=seed, options=chosen, handlers=[notes])
        return result, notes

    return run


@pytest.fixture(scope="session")
def undisturbed(story, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, Notes]:
    """The short story as it is, once for all tests that compare with it."""
    notes = Notes()
    options = RunOptions(link="memory", runs_dir=tmp_path_factory.mktemp("undisturbed"))
    return run_scenario(story(), seed=7, options=options, handlers=[notes]), notes
