"""docs/features.md says what the marks say, and nothing is open that is not admitted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


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
    admitted = feature_list.admitted(feature_list.LIMITS.read_text())
    assert sorted(admitted) == sorted(row for row, ids in told.items() if not ids)
    assert feature_list.NO_REASON not in admitted.values()


def test_writing_the_open_rows_keeps_reasons_and_the_rest_of_the_document(
    feature_list: Any,
) -> None:
    limits = "# L\n- a\n\n## Rows that nothing asserts\nX\n- O1, O2: why not.\n\n## More\n- b\n"
    made = feature_list.admitting(limits, {"O2", "SP9"})
    assert feature_list.admitted(made) == {"O2": "why not.", "SP9": feature_list.NO_REASON}
    assert made.startswith("# L\n- a\n\n## Rows")
    assert made.endswith("\n\n## More\n- b\n")
    none = feature_list.admitting(limits, set())
    assert "## Rows that nothing asserts\nNone: " in none
    assert feature_list.admitting(none, {"O2"}).count("each with its reason") == 1


def test_every_asserted_row_can_be_switched_off(feature_list: Any) -> None:
    """tests/features/test_features_off.py then shows that its tests notice."""
    told = dict(feature_list.read_page(feature_list.PAGE.read_text()))
    switches = feature_list.switches()
    asserted = {row for row in feature_list.features.rows() if told[row]}
    assert sorted(asserted - set(switches)) == [], "no tests/features/off_*.py switches these off"
    assert sorted(set(switches) - set(feature_list.features.allowed())) == []


INVENTORY = {"S0": 6, "S1": 62, "S2": 13, "S3": 3, "S4": 6}
"""How many claims each of the five documents makes, in the inventory of them."""


def test_every_claim_of_the_documents_leads_to_rows_tests_later_work_or_a_reason(
    feature_list: Any,
) -> None:
    claims = feature_list.seeds()
    wanted = [f"{doc}.{n}" for doc, count in INVENTORY.items() for n in range(1, count + 1)]
    assert list(claims) == wanted
    allowed = set(feature_list.features.allowed())
    wrong = []
    for ident, claim in claims.items():
        wrong += [f"{ident}: unknown key {key}" for key in set(claim) - KEYS]
        wrong += [f"{ident}: no row {row}" for row in claim.get("rows", []) if row not in allowed]
        wrong += [f"{ident}: no file {by}" for by in claim.get("by", []) if not _there(by)]
        if not set(claim) - {"says"}:
            wrong.append(f"{ident}: leads nowhere")
    assert wrong == []


KEYS = {"says", "rows", "by", "later", "not"}


def _there(name: str) -> bool:
    return (ROOT / name).is_file()


def test_the_page_of_the_documents_says_what_their_list_and_the_marks_say(
    request: pytest.FixtureRequest, feature_list: Any
) -> None:
    """The marks as docs/features.md has them, which another test holds to the tests."""
    told = dict(feature_list.read_page(feature_list.PAGE.read_text()))
    made = feature_list.seeds_page(feature_list.seeds(), told)
    assert feature_list.SEEDS_PAGE.read_text() == made, "run: make features"


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
