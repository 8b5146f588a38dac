"""Reading scenarios from text, and running short ones over the memory link."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.checks.base import arguments
from harness.engine.runner import RunOptions, run_scenario
from harness.events import Event, FaultApplied, RunResult
from harness.scenario.loader import Choice, parse
from harness.scenario.products import installed
from harness.scenario.schema import Scenario

HEAD = """schema: 1
title: A short story
run: {start: 2026-01-05T00:00:00Z, until: 10d, sync: 6h}
fleets: [{product: pump, sites: 1, devices_per_site: 2, report_every: 1h}]
"""
DAY_MS = 86_400_000


class Notes:
    """A handler that keeps what the timeline did, in days since the start."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    def steps(self, start_ms: int) -> list[tuple[float, str, str, bool]]:
        """Day, kind, target, whether it ended."""
        return [
            ((e.at_ms - start_ms) / DAY_MS, e.kind, e.target, e.ended)
            for e in self.events
            if isinstance(e, FaultApplied)
        ]


@pytest.fixture(scope="session")
def read() -> Callable[..., Scenario]:
    """A scenario of some text."""

    def of(text: str, file: Path | str = "s.yaml", **choice: Any) -> Scenario:
        return parse(
            text, str(file), products=installed(), checks=arguments(), choice=Choice(**choice)
        )

    return of


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., tuple[RunResult, Notes]]:
    """Run a scenario over the memory link unless told otherwise."""

    def run(scenario: Scenario, *, seed: int = 7, **options: Any) -> tuple[RunResult, Notes]:
        notes = Notes()
        chosen = RunOptions(**{"link": "memory", "runs_dir": tmp_path / "runs", **options})
        return run_scenario(scenario, seed=seed, options=chosen, handlers=[notes]), notes

    return run
