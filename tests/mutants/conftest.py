"""The reference DPS with one bug planted each, and a short story in which bugs must show.

A mutant is a small patch of the DPS in this process, never of its log. Each is named after what it
does wrong.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.engine.runner import RunOptions, run_scenario
from harness.events import RunResult
from harness.scenario import build as b

HERE = Path(__file__).parent


def _beside(name: str) -> Any:
    """A module of this folder; it is on nobody's path."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = _beside("planting").MUTANTS
_beside("bugs_of_orders")
_beside("bugs_of_the_rest")
_beside("bugs_of_promises")
_beside("bugs_of_planning")
_beside("bugs_of_remote_control")
_beside("bugs_of_selling")
_beside("stories_of_field_work")
_beside("stories_of_selling")
_beside("stories_of_remote_control")
_beside("stories_of_contracts")
_beside("bugs_of_the_platform")
_beside("bugs_of_contracts")

# Stories -------------------------------------------------------------------------------------

WORN = "pump-01-1"
QUICK = {
    "supplier": {
        "lead_factor": 0.02, "confirm_p50_h": 0.5, "confirm_p90_h": 1.0,
        "transport_p50_h": 1.0, "transport_p90_h": 2.0,
    },
    "crew": {
        "notice_h": 1.0, "plan_p50_h": 0.5, "plan_p90_h": 1.0,
        "work_p50_h": 0.5, "work_p90_h": 1.0,
    },
}  # fmt: skip
"""People who get things done within two workdays."""


def _tale(**changes: Any) -> b.Scenario:
    told: dict[str, Any] = {
        "title": "A seal wears out",
        "run": b.run("2026-01-28T00:00:00Z", "97h", sync="2h"),
        "fleets": (b.fleet("pump", sites=1, devices_per_site=2, report_every="30m"),),
        "field": b.People(**QUICK),
        "service": b.Service(
            rules=("tests/mutants/rules.yaml",),
            contract=b.Contract(fee_eur=180.0, target=0.997, unknown_after_s=2700),
        ),
        "timeline": (b.fault("seal_leak", WORN, at="0h", onset="0h", pf_interval="30h"),),
    }
    return b.Scenario(**{**told, **changes})


@pytest.fixture(scope="session")
def tale() -> Callable[..., b.Scenario]:
    """One site, two devices; a seal wears in 30 h and is replaced; the month ends on day 4."""
    return _tale


@pytest.fixture(scope="session")
def mutants() -> dict[str, Callable[[pytest.MonkeyPatch], None]]:
    """Every planted bug by its name."""
    return MUTANTS


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunResult]:
    """Run a story with a mutant (or none) over the memory link."""
    root = Path(__file__).resolve().parents[2]

    def run(story: b.Scenario | Path, name: str = "", **more: Any) -> RunResult:
        monkeypatch.chdir(root)
        with monkeypatch.context() as mp:
            if name:
                MUTANTS[name](mp)
            options = RunOptions(link="memory", runs_dir=tmp_path / "runs", **more)
            return run_scenario(story, seed=7, options=options)

    return run
