"""The folder of a run: ``runs/<name>-<seed>-<n>/`` with scenario, trace and result."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from harness.events import RunResult
from harness.scenario.schema import Scenario

NUMBERS_MAX = 100_000


def make(runs_dir: Path, scenario: Scenario, seed: int) -> Path:
    """Make the next free folder, and copy the scenario's file into it."""
    runs_dir.mkdir(parents=True, exist_ok=True)
    for number in range(1, NUMBERS_MAX):
        folder = runs_dir / f"{scenario.name}-{seed}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        if scenario.path is not None:
            shutil.copyfile(scenario.path, folder / scenario.path.name)
        return folder
    raise AssertionError(f"{runs_dir} holds {NUMBERS_MAX} runs of one scenario and seed")


def write_result(result: RunResult) -> None:
    """Write what a run came to into its folder, as JSON for other programs."""
    data = msgspec.json.encode(result, enc_hook=str)
    (result.run_dir / "result.json").write_bytes(msgspec.json.format(data, indent=2))
