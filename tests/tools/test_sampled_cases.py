"""Families of like deep cases run a fixed share of theirs, and all of them when that is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = """
import pytest


@pytest.mark.deep
@pytest.mark.sampled(3)
@pytest.mark.parametrize("n", range(7))
def test_family(n):
    pass


@pytest.mark.deep
@pytest.mark.parametrize("n", range(2))
def test_single(n):
    pass


@pytest.mark.sampled(3)
@pytest.mark.parametrize("n", range(4))
def test_quick(n):
    pass
"""
SHARE = {"test_family[0]", "test_family[3]", "test_family[6]", "test_single[0]", "test_single[1]"}


@pytest.fixture
def collected(tmp_path):
    """Which cases of a small folder, with our conftest, pytest would run."""
    root = Path(__file__).parents[2]
    shutil.copy(root / "tests/conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  deep:\n  sampled(n):\n")
    (tmp_path / "test_cases.py").write_text(CASES)
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}

    def run(*words):
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True
        )
        return {line.split("::")[1] for line in done.stdout.splitlines() if "::" in line}

    return run


@pytest.mark.parametrize("seed", [1, 2])
def test_every_third_case_runs_whatever_the_order(collected, seed):
    assert collected("-m", "deep", f"--randomly-seed={seed}") == SHARE


def test_all_run_with_whole_and_one_that_is_named_always_runs(collected):
    families = {f"test_family[{n}]" for n in range(7)}
    assert collected("-m", "deep", "--whole") == families | {"test_single[0]", "test_single[1]"}
    assert collected("test_cases.py::test_family[1]") == {"test_family[1]"}


def test_what_is_not_deep_is_never_left_out(collected):
    assert collected("-m", "not deep") == {f"test_quick[{n}]" for n in range(4)}
