"""The forms in which a scenario file writes checks, and what is said about wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.engine.checking import wanted_checks
from harness.engine.runner import load
from harness.errors import InvalidScenario

HEAD = """\
schema: 1
title: Forms of checks
run: {start: 2026-01-05T00:00:00Z, until: 5d}
fleets: [{product: pump, sites: 1}]
"""
GOOD = """\
always:
  - one_order_per_need
  - truth(pump-01-1).bearing.damage < 0.9
  - {check: no_orders, device: pump-01-2}
eventually:
  - signal(pump-01-1).level_m < 3.0
checks:
  - never: kind == "order.rejected"
  - {within: 2h, after: kind == "alert.raised", comes: kind == "order.placed", same: thing}
  - always: nothing_lost
  - eventually: {check: part_fitted, device: pump-01-1}
  - {equals_oracle: orders}
"""
BAD = """\
always:
  - truth(pump-01-9).bearing.damage < 0.5
  - one_order_per_neeed
checks:
  - never: kind == "order.place"
  - {within: 2h, after: 'kind == "alert.raised"'}
  - {often: 3}
  - {never: 'signal(pump-01-1).level_mm > 3.0', form: 2d}
  - always: {check: no_orders, device: pump-07-1}
"""


def read(tmp_path: Path, text: str):
    path = tmp_path / "forms.yaml"
    path.write_text(HEAD + text)
    return load(path)


def test_every_form_of_a_check_is_read_with_its_phase_and_place(tmp_path: Path) -> None:
    refs = wanted_checks(read(tmp_path, GOOD))

    assert [(phase, ref.check) for phase, ref in refs] == [
        ("always", "one_order_per_need"), ("always", "always"), ("always", "no_orders"),
        ("eventually", "eventually"), ("never", "never"), ("within", "within"),
        ("always", "nothing_lost"), ("eventually", "part_fitted"),
        ("equals_oracle", "equals_oracle"), ("always", "invariants"),
    ]  # fmt: skip
    assert [ref.where.rsplit("forms.yaml:")[-1] for _, ref in refs[:2]] == ["6:5", "7:5"]
    named = read(tmp_path, GOOD + "  - {check: invariants, without: [O4]}\n")
    assert [ref.args for _, ref in wanted_checks(named) if ref.check == "invariants"] == [
        {"without": ["O4"]}
    ]


def test_all_mistakes_of_checks_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    with pytest.raises(InvalidScenario) as caught:
        read(tmp_path, BAD)

    said = {(p.spot.line, p.spot.column): p.text for p in caught.value.problems}
    expected = {
        (6, 5): "unknown device 'pump-01-9'; did you mean",
        (7, 5): "unknown check 'one_order_per_neeed'; did you mean 'one_order_per_need'",
        (9, 12): "unknown kind of event 'order.place'; did you mean 'order.placed'",
        (10, 5): "within needs the argument 'comes'",
        (11, 6): "unknown key 'often'; allowed: check with the arguments of that check, or a kind",
        (12, 13): "unknown signal of pump 'level_mm'; did you mean 'level_m'",
        (12, 49): "unknown argument of never 'form'; did you mean 'from'",
        (13, 5): "unknown device 'pump-07-1'",
    }
    for place, text in expected.items():
        assert text in said[place], (place, said[place])
