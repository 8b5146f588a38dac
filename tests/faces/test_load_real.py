"""`twinrig load` for real, small: its JSON, its exit codes; the accounting has tests of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SMALL = ("--users", "2", "--rate", "20", "--duration", "1", "--json", "-")


def load(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-m", "twinrig", "load", *arguments],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "asked"), [((), 20), (("--sut", "none", "--shape", "ramp"), 15)]
)
def test_a_small_load_is_stored_whole_and_stdout_is_one_json_object(tmp_path, arguments, asked):
    """With the reference DPS and even load; with a bare broker and load in steps."""
    done = load(tmp_path, *SMALL, *arguments)

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["verdict"], said["exit_code"]) == ("passed", 0)
    assert (said["lost"], said["doubled"]) == (0, 0)
    assert said["asked"] == said["sent"] == said["acknowledged"] == said["stored"] == asked
    assert said["run"]["sut"].startswith("http://127.0.0.1:" if not arguments else "none")
    assert list(tmp_path.iterdir()) == []


def test_the_exit_code_of_the_load_process_is_ours(tmp_path):
    """A target off this machine is refused there, in words, before anything is sent."""
    done = load(tmp_path, *SMALL, "--target", "mqtt://203.0.113.9:1883", "--sut", "none")

    assert done.returncode == 2
    assert "203.0.113.9" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_dps_without_its_broker_makes_the_load_run_invalid(tmp_path):
    done = load(tmp_path, *SMALL, "--sut", "http://127.0.0.1:9")

    assert done.returncode == 6
    assert "needs --target" in done.stderr
