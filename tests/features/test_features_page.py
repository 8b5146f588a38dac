"""docs/features.md says what the marks say, and nothing is open that is not admitted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMITS = ROOT / "docs/known-limits.md"


def test_the_page_names_every_row_and_exactly_the_tests_that_say_they_assert_it(
    request: pytest.FixtureRequest, feature_list: Any
) -> None:
    """Held to all files that this session collected whole; `make test` collects every one."""
    stash = request.config.stash
    files: set[str] = stash[feature_list.FILES]
    told = dict(feature_list.read_page(feature_list.PAGE.read_text()))
    assert list(told) == list(feature_list.features.allowed())
    wrong = []
    for row, ids in told.items():
        there = {i for i in stash[feature_list.COLLECTED].get(row, set()) if _file(i) in files}
        said = {i for i in ids if _file(i) in files}
        wrong += [f"{row}: {i} asserts it, the page does not say so" for i in sorted(there - said)]
        wrong += [
            f"{row}: {i} is on the page and asserts no such row" for i in sorted(said - there)
        ]
        wrong += [f"{row}: no file {i}" for i in sorted(ids) if not (ROOT / _file(i)).is_file()]
    assert wrong == [], "run: make features\n" + "\n".join(wrong)


def _file(ident: str) -> str:
    return ident.partition("::")[0]


def test_a_row_that_nothing_asserts_stands_in_the_known_limits_with_its_reason(
    feature_list: Any,
) -> None:
    told = dict(feature_list.read_page(feature_list.PAGE.read_text()))
    _, _, part = LIMITS.read_text().partition("\n## Rows that nothing asserts\n")
    admitted = [
        row
        for line in part.partition("\n## ")[0].splitlines()
        if (match := re.match(r"- ((?:[A-Z]+\d+(?:, )?)+): \S", line))
        for row in match[1].split(", ")
    ]
    assert sorted(admitted) == sorted(row for row, ids in told.items() if not ids)


def test_every_asserted_row_can_be_switched_off(feature_list: Any) -> None:
    """tests/features/test_features_off.py then shows that its tests notice."""
    told = dict(feature_list.read_page(feature_list.PAGE.read_text()))
    switches = feature_list.switches()
    asserted = {row for row in feature_list.features.rows() if told[row]}
    assert sorted(asserted - set(switches)) == [], "no tests/features/off_*.py switches these off"
    assert sorted(set(switches) - set(feature_list.features.allowed())) == []


def test_outcomes_of_a_run_are_noted_by_row_and_worst_phase_and_make_the_page(
    tmp_path: Path, feature_list: Any
) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text().replace(
        "Path(__file__).parent", f"Path({str(ROOT)!r})"
    ))  # fmt: skip
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  feature(*rows): rows\n")
    (tmp_path / "test_some.py").write_text(
        "import pytest\n"
        "@pytest.fixture\ndef breaks_afterwards():\n    yield\n    assert False\n"
        "@pytest.mark.feature('SP9')\n@pytest.mark.parametrize('n', [1, 2])\n"
        "def test_a(n): assert n == 1\n"
        "@pytest.mark.feature('SP9', 'O13')\ndef test_b(): pass\n"
        "@pytest.mark.feature('SP8')\ndef test_c(breaks_afterwards): pass\n"
        "@pytest.mark.feature('SP7')\ndef test_d(): pytest.skip('not here')\n"
    )
    file = tmp_path / "features.json"
    file.write_text(
        json.dumps({"SP9": {"test_some.py::test_b": "failed", "test_x.py::y": "passed"}})
    )
    _pytest(tmp_path, f"--features-file={file}")
    noted = feature_list.read_results(file)
    assert noted == {
        "SP8": {"test_some.py::test_c": "failed"},
        "SP9": {
            "test_some.py::test_a[1]": "passed",
            "test_some.py::test_a[2]": "failed",
            "test_some.py::test_b": "passed",
            "test_x.py::y": "passed",
        },
        "O13": {"test_some.py::test_b": "passed"},
    }
    ids = {"SP9": {"test_some.py::test_a", "test_some.py::test_b"}, "O13": {"test_some.py::test_b"}}
    page = feature_list.page(ids, noted)
    assert {row: found for row, found in feature_list.read_page(page) if found} == ids
    assert "| `test_some.py::test_b` | passed (1 of 1) |" in page
    assert "| **failed**: `test_some.py::test_a` |" in page


def test_a_mark_of_no_row_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text().replace(
        "Path(__file__).parent", f"Path({str(ROOT)!r})"
    ))  # fmt: skip
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  feature(*rows): rows\n")
    (tmp_path / "test_some.py").write_text(
        "import pytest\n@pytest.mark.feature('SP99')\ndef test_a(): pass\n"
    )
    said = _pytest(tmp_path, expect=4)
    assert "test_some.py::test_a: no such row of the feature list: SP99" in said


def _pytest(folder: Path, *options: str, expect: int = 1) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    run = subprocess.run(
        [*command, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == expect, run.stdout + run.stderr
    return run.stdout + run.stderr
