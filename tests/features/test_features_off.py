"""A test that asserts a row fails when the row's behaviour is switched off.

For each row with a switch (``OFF`` in ``off_*.py``) the tests that carry its mark run in a process
of their own in which the switch was thrown before anything was imported.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
NONE_COLLECTED, SOME_FAILED = 5, 1


def rows_by_file() -> dict[str, list[str]]:
    """The rows that each file can switch off."""
    found = {}
    for path in sorted(HERE.glob("off_*.py")):
        spec = importlib.util.spec_from_file_location(f"{path.stem}_rows", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[path.stem] = list(module.OFF)
    return found


BY_FILE = rows_by_file()
ROWS = sorted({row for rows in BY_FILE.values() for row in rows})
SAMPLES = [rows[0] for rows in BY_FILE.values() if rows]


def run_those_of(row: str, page: dict[str, set[str]], folder: Path, *more: str) -> Any:
    """Run what asserts a row: without the long ones, unless there are no others."""
    files = sorted({ident.partition("::")[0] for ident in page[row]})
    assert files, f"{row} can be switched off, and nothing asserts it"
    command = [
        sys.executable, "-m", "pytest", *files, "--feature", row, *more, "-x", "-q",
        "-p", "no:randomly", "-p", "no:cacheprovider", "--tb=line",
        f"--features-file={folder / 'features.json'}",
    ]  # fmt: skip
    for few in (["-m", "not deep"], []):
        run = subprocess.run(
            [*command, *few], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if run.returncode != NONE_COLLECTED:
            break
    return run


@pytest.fixture
def page(feature_list: Any) -> dict[str, set[str]]:
    return dict(feature_list.read_page(feature_list.PAGE.read_text()))


@pytest.mark.deep
@pytest.mark.sampled(6)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("row", ROWS)
def test_what_asserts_a_row_fails_when_the_row_is_switched_off(
    row: str, page: dict[str, set[str]], tmp_path: Path
) -> None:
    run = run_those_of(row, page, tmp_path, "--feature-off", row)
    assert run.returncode == SOME_FAILED, run.stdout[-3000:] + run.stderr[-3000:]


@pytest.mark.deep
@pytest.mark.sampled(4)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("row", SAMPLES)
def test_the_same_run_passes_while_the_row_is_on(
    row: str, page: dict[str, set[str]], tmp_path: Path
) -> None:
    run = run_those_of(row, page, tmp_path)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
