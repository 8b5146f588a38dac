"""Seventeen collections a week against five (H12): the bill must be whole (H15)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[2] / "scenarios/bins/seventeen_to_five.py"


@pytest.fixture(scope="module")
def story():
    spec = importlib.util.spec_from_file_location("seventeen_to_five", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def arms(story, **other):
    after = {"bags": 150.0, "cleaning": 17.0, "repairs": 700.0, "subscription": 230.0,
             "trucks": 3000.0}  # fmt: skip
    before = after | {"repairs": 0.0, "subscription": 0.0, "trucks": 9000.0}
    return story.Arm(70, "passed", before, 17.0), story.Arm(71, "passed", after | other, 4.7)


@pytest.mark.parametrize("kind", ["bags", "cleaning", "repairs", "subscription"])
def test_a_kind_of_cost_that_is_left_out_fails_the_comparison(story, kind):
    assert story.wrong(*arms(story)) == []
    assert story.wrong(*arms(story, **{kind: 0.0})) == [f"{kind} is left out of the cost"]


def test_a_number_of_collections_outside_its_band_fails_it(story):
    before, after = arms(story)
    assert "| collections of each | 17.00 | 4.70 |" in story.report(before, after)
    assert "Stops saved: 72.0 %" in story.report(before, after)
    many = after._replace(collections=6.5)
    (said,) = story.wrong(before, many)
    assert said == "after: 6.50 collections a week, not 4.0 to 6.0"


@pytest.mark.deep
def test_seventeen_collections_become_five_on_the_same_waste(story, tmp_path):
    before, after = (story.arm(name, 7, tmp_path, {}) for name in story.WHOLE)
    assert story.wrong(before, after) == []
    saved = 1.0 - after.collections * after.points / (before.collections * before.points)
    assert 0.65 < saved < 0.77, "70.2 % by H12"
