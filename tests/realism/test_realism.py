"""The realism list: our telemetry, measured as real telemetry was, lies in the list's bands.

Each check prints its figures and bands; ``-rP`` shows them, and so does ``twinrig twins realism``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli import twins_realism
from twins.core.realism import Figure, Histories
from twins.history import Owned, Recorded, collect, judge, listed
from twins.history.checklist import OWN_FROM

CHECKS = collect()
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "realism.md"


def case(owned: Owned) -> object:
    marks = [pytest.mark.xdist_group(f"realism-{owned.owner}")]
    if owned.check.deep:
        marks += [pytest.mark.deep, pytest.mark.timeout(3600)]
    return pytest.param(owned, id=f"{owned.check.number:02}-{owned.owner}", marks=marks)


@pytest.fixture(scope="module")
def histories() -> Iterator[Histories]:
    """Histories shared by all checks that run here: a year of a fleet is made once."""
    return Recorded()


@pytest.mark.parametrize("owned", [case(owned) for owned in CHECKS])
def test_our_telemetry_lies_in_the_band_of_real_telemetry(
    owned: Owned, histories: Histories
) -> None:
    verdict = judge(owned, histories)
    told = [twins_realism.shown(figure) for figure in verdict.figures]
    print(f"{owned.check.number} {owned.check.title}: {owned.check.expected}", *told, sep="\n  ")
    outside = [twins_realism.shown(figure) for figure in verdict.figures if not figure.ok]

    assert verdict.error == ""
    assert told
    assert outside == []


def test_the_list_has_all_54_numbers_and_each_check_answers_one() -> None:
    assert list(listed()) == list(range(1, 55))
    numbers = {owned.check.number for owned in CHECKS}
    assert {number for number in numbers if number < OWN_FROM} <= set(listed())
    twice = Counter((owned.check.number, owned.owner) for owned in CHECKS)
    assert [key for key, count in twice.items() if count > 1] == []


def test_a_figure_without_a_band_or_a_value_is_no_proof() -> None:
    assert not Figure(name="none", value=float("nan"), low=0.0, high=1.0).ok
    assert Figure(name="edge", value=1.0, low=0.0, high=1.0).ok
    assert not Figure(name="beyond", value=1.001, low=0.0, high=1.0).ok


def test_the_document_lists_every_number_with_the_band_of_the_list() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    begin, end = text.index(twins_realism.BEGIN), text.index(twins_realism.END)
    rows = re.findall(
        r"^\| (\d+) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \| (.*?) ?\|$", text, re.MULTILINE
    )
    shown = {int(number): (title, expected, real) for number, title, expected, real, _, _ in rows}
    entries = listed().values()

    assert begin < end
    assert shown == {
        entry.number: tuple(
            cell.replace("|", "/") for cell in (entry.title, entry.expected, entry.real)
        )
        for entry in entries
    }
