"""The promises of ``twinrig rules compare``: same is zero, change is seen, gates shut."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import ScenarioError
from harness.grading import arms
from harness.grading.compare import Pair, compare
from harness.grading.limits import figures, limit
from harness.grading.packs import pack_set

SHAKES = "pump-duplex-7k5/shakes"


def test_a_pack_compared_with_itself_gives_zero_everywhere(played) -> None:
    base, again = played("base", "base", "baseline"), played("base", "base", "candidate")
    found = compare([Pair("story", 7, base, again)])

    assert base is not again
    assert base.rules[SHAKES].firings >= 1, "a comparison of nothing would be zero too"
    assert base.trace_hash == again.trace_hash
    assert found.same
    assert not found.newly_missed
    assert not found.newly_caught
    assert all(value == 0 for name, value in figures(found).items() if not name.endswith(
        ("_base", "_candidate")))  # fmt: skip


def test_a_limit_lowered_by_a_fifth_changes_firings_lead_time_and_cost(played) -> None:
    base, low = played("base", "base", "baseline"), played("base", "low")
    found = compare([Pair("story", 7, base, low)])
    row = next(row for row in found.rules if row.rule == SHAKES)

    assert not found.same
    assert low.rules[SHAKES].firings > base.rules[SHAKES].firings
    lead = row.cells["lead_time_h"].difference
    assert lead is not None
    assert lead.mean > 0
    assert found.whole.cells["cost_eur"].changed
    assert not found.newly_missed


def test_a_rule_removed_is_told_with_every_failure_that_it_caught(played) -> None:
    base, gone = played("base", "base", "baseline"), played("base", "gone")
    found = compare([Pair("story", 7, base, gone)])

    assert base.failures.keys() == gone.failures.keys() == {("pump-01-1", "bearing", 1)}
    [missed] = found.newly_missed
    assert (missed.device, missed.component, missed.rules) == ("pump-01-1", "bearing", (SHAKES,))
    assert missed.happened
    assert 0 < missed.lead_h < 14 * 24
    assert limit("missed > 0", figures(found)).broken(figures(found))
    back = compare([Pair("story", 7, gone, base)])
    assert not back.newly_missed
    assert len(back.newly_caught) == 1


def test_the_command_exits_1_names_the_failure_and_writes_every_format(
    folder: Path, tmp_path: Path, played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worlds are those that the other tests have run already."""
    monkeypatch.setattr(arms, "play", lambda job: played(
        "base", "base" if job.arm == "baseline" else "gone", job.arm))  # fmt: skip
    told = CliRunner().invoke(app, [
        "rules", "compare", str(folder / "base.yaml"), str(folder / "gone.yaml"),
        str(folder / "story.yaml"), "--seeds", "1", "--first-seed", "7", "--jobs", "1",
        "--fail-on", "missed > 0", "--markdown", str(tmp_path / "c.md"),
        "--junit", str(tmp_path / "c.xml"), "--json",
    ])  # fmt: skip

    assert told.exit_code == 1, told.output
    data = json.loads(told.stdout)
    assert data["broken"] == ["missed > 0"]
    assert [lost["device"] for lost in data["newly_missed"]] == ["pump-01-1"]
    assert data["rules"][SHAKES]["caught"] == {
        "base": 1.0, "candidate": 0.0, "difference": -1.0, "low": None, "high": None,
    }  # fmt: skip
    assert "newly missed" in (tmp_path / "c.md").read_text("utf-8")
    assert "pump-01-1 bearing" in (tmp_path / "c.md").read_text("utf-8")
    suites = ET.parse(tmp_path / "c.xml").getroot()
    assert int(suites.attrib["failures"]) == 2


def test_each_variant_of_a_matrix_is_a_scenario_of_its_own(folder: Path, tmp_path: Path) -> None:
    text = (folder / "story.yaml").read_text()
    matrix = "parameters: {late: {type: duration, default: 1d}}\nmatrix: {axes: {late: [1d, 2d]}}\n"
    (tmp_path / "story.yaml").write_text(text.replace("onset: 0h", "onset: $(late)") + matrix)
    packs = pack_set(folder / "base.yaml")
    jobs = arms.jobs(packs, packs, [tmp_path / "story.yaml"], [7, 8], link="mqtt")

    assert [(job.variant, job.seed) for job in jobs[::2]] == [
        ("late=1d", 7), ("late=1d", 8), ("late=2d", 7), ("late=2d", 8),
    ]  # fmt: skip
    assert jobs[-1].told.endswith("story.yaml [late=2d]")
    assert {job.link for job in jobs} == {"mqtt"}


@pytest.mark.deep
def test_two_processes_come_to_the_figures_of_one(folder: Path, rules) -> None:
    both = pack_set(rules["base"]), pack_set(rules["low"])
    jobs = arms.jobs(*both, [folder / "story.yaml"], [7, 8])
    one = arms.run_pairs(jobs, processes=1, done=lambda _done, _of: None)
    two = arms.run_pairs(jobs, processes=2, done=lambda _done, _of: None)
    assert one == two


def test_what_cannot_be_compared_is_refused_before_a_world_runs(folder: Path, tmp_path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("pack: x\nversion: '1'\nmodel: no-such-model\nrules: []\n", "utf-8")
    with pytest.raises(ScenarioError, match="the pack is for no-such-model"):
        arms.jobs(pack_set(other), pack_set(other), [folder / "story.yaml"], [1])
    twice = tmp_path / "twice"
    twice.mkdir()
    for name in ("a", "b"):
        (twice / f"{name}.yaml").write_text((folder / "base.yaml").read_text("utf-8"), "utf-8")
    with pytest.raises(ScenarioError, match="both for model"):
        pack_set(twice)
    told = CliRunner().invoke(app, [
        "rules", "compare", str(folder / "base.yaml"), str(folder / "low.yaml"),
        str(folder / "story.yaml"), "--fail-on", "mised > 0",
    ])  # fmt: skip
    assert isinstance(told.exception, ScenarioError)
    assert "unknown name mised" in str(told.exception)
    assert "allowed" in str(told.exception)


def test_a_world_that_is_refused_says_which(folder: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text((folder / "base.yaml").read_text("utf-8").replace("level_m > 2.4", "levl > 1"))
    jobs = arms.jobs(pack_set(folder / "base.yaml"), pack_set(wrong), [folder / "story.yaml"], [7])
    with pytest.raises(ScenarioError, match="seed 7, candidate: the DPS refuses rule pack"):
        arms.run_pairs(jobs[1:2] * 2, processes=1, done=lambda _done, _of: None)
