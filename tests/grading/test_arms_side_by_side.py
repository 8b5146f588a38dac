"""Ways to look after the same machines: the same worlds, judged in euros, and honest about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import InvalidRun, ScenarioError
from harness.grading.way_runs import arm_name, run_ways, way_jobs
from harness.grading.ways import KINDS, TOTAL, Untouched, WayRun, compare_ways
from harness.report import ways as report

HOME = Path(__file__).resolve().parents[2] / "scenarios" / "arms"
PUMPS = HOME / "pumps.yaml"
FIGURES = dict.fromkeys(
    (*KINDS, TOTAL, "fee", "credit", "failures", "downtime_h", "planned_rounds", "tours",
     "stops", "day_visits", "night_calls", "orders"), 0.0,
)  # fmt: skip
ONSET = (1_000, "damage.onset", "m-1", "shaft")


def run(arm: str, seed: int, total: float, *, moments=(ONSET,), until_ms=2_000) -> WayRun:
    nature = {"site-1": Untouched(until_ms=until_ms, moments=tuple(moments))}
    return WayRun(arm=arm, seed=seed, figures={**FIGURES, TOTAL: total, "parts": total},
                  failed={"shaft": seed}, nature=nature, trace_hash="")  # fmt: skip


def shown(runs: list[WayRun]) -> report.Shown:
    return report.Shown(ways=compare_ways(runs), scenario=PUMPS, title="T", story="", length_ms=1,
                        replay="twinrig arms x")  # fmt: skip


def test_an_arm_that_loses_is_said_to_lose_and_chance_is_not_called_a_gain() -> None:
    totals = {"first": (100.0, 120.0, 90.0), "cheap": (50.0, 69.0, 41.0),
              "dear": (150.0, 171.0, 139.0), "alike": (80.0, 150.0, 85.0)}  # fmt: skip
    runs = [run(arm, seed, eur) for arm, row in totals.items() for seed, eur in enumerate(row, 1)]
    ways = compare_ways(runs).ways
    said = {way.arm: report.verdict(way, ways[0]) for way in ways[1:]}
    assert said["cheap"][1] == "good"
    assert said["cheap"][0].startswith("saves 50 EUR a run against first")
    assert said["dear"][1] == "bad"
    assert said["dear"][0].endswith(": it loses")
    assert said["alike"] == ("cannot be told from first: +2 EUR a run (95 %: -62 to +65 EUR)", "")
    one = compare_ways([run("a", 1, 10.0), run("b", 1, 5.0)]).ways
    assert "one seed says nothing of chance" in report.verdict(one[1], one[0])[0]


def test_arms_whose_worlds_differ_before_anybody_did_anything_are_refused() -> None:
    later = (1_500, "component.failed", "m-1", "shaft")
    mine = run("a", 1, 1.0, moments=(ONSET, later))
    assert compare_ways([mine, run("b", 1, 1.0, until_ms=1_200)]).shared == 1
    assert compare_ways([mine, replace(mine, arm="b")]).shared == 2
    with pytest.raises(InvalidRun, match=r"a and b are not the same world.*m-1 \(shaft\) at 1500"):
        compare_ways([mine, run("b", 1, 1.0)])


def test_files_without_arms_of_one_world_are_refused_with_the_reason(tmp_path: Path) -> None:
    text = PUMPS.read_text("utf-8").replace("parts/", f"{HOME}/parts/")
    story = tmp_path / "story.yaml"

    def refused(this: str, by: str) -> str:
        story.write_text(text.replace(this, by), "utf-8")
        with pytest.raises(ScenarioError) as error:
            way_jobs(story, [1])
        return str(error.value)

    assert "write seeds: same" in refused("seeds: same", "seeds: own")
    begin, end = text.index("matrix:"), text.index("include:")
    assert "no arms to compare" in refused(text[begin:end], "")
    faulted = "\ntimeline: [{at: 1d, fault: $(arm), device: pump-01-1}]\ninclude:"
    broken = text.replace(
        "reactive, calendar, condition-based, machine-customer, outcome-managed",
        "bearing_wear, seal_leak",
    ).replace("machine-customer,", "seal_leak,")
    broken = broken.replace(f", {HOME}/parts/$(arm).yaml", "").replace("\ninclude:", faulted)
    story.write_text(broken, "utf-8")
    with pytest.raises(ScenarioError, match="seal_leak has another fault in the timeline than"):
        way_jobs(story, [1])
    with pytest.raises(ScenarioError, match="no arm 'none'; there are: reactive, calendar"):
        way_jobs(PUMPS, [1], base="none")
    assert arm_name("arm=reactive,size=3") == "reactive,3"


def test_the_page_and_the_table_name_every_arm_and_need_no_script() -> None:
    told = shown([run(arm, 1, eur) for arm, eur in (("by-hand", 9.0), ("alone <i>", 5.0))])
    page, table = report.page(told), report.markdown(told)
    assert "by hand" in page
    assert "alone &lt;i&gt;" in page
    assert "<script" not in page
    assert "| in all, EUR | 9 | 5 (-4) |" in table
    assert report.as_data(told)["arms"]["by-hand"]["figures"]["total"]["mean"] == 9.0


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.feature("AN5")
def test_five_arms_meet_the_same_wear_and_the_bill_of_each_adds_up() -> None:
    jobs = way_jobs(PUMPS, [3], sets={"stations": "1", "length": "150d"})
    ways = run_ways(jobs, processes=1, done=lambda _done, _of: None)
    by_arm = {way.arm: {k: c.candidate for k, c in way.cells.items()} for way in ways.ways}
    assert list(by_arm) == ["reactive", "calendar", "condition-based", "machine-customer",
                            "outcome-managed"]  # fmt: skip
    assert ways.shared > 0
    for arm, figures in by_arm.items():
        assert sum(figures[kind] for kind in KINDS) == pytest.approx(figures[TOTAL]), arm
    assert by_arm["reactive"]["orders"] == by_arm["calendar"]["orders"] == 0
    assert by_arm["calendar"]["planned_rounds"] > 0
    assert by_arm["machine-customer"]["orders"] > 0
    assert by_arm["outcome-managed"]["fee"] > 0
    assert by_arm["machine-customer"]["fee"] == 0


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.feature("AN5")
def test_ways_to_collect_are_billed_by_tours_and_what_runs_over() -> None:
    jobs = way_jobs(HOME / "bins.yaml", [1], sets={"length": "8d"})
    ways = run_ways(jobs, processes=1, done=lambda _done, _of: None)
    by_arm = {way.arm: {k: c.candidate or 0.0 for k, c in way.cells.items()} for way in ways.ways}
    for arm, figures in by_arm.items():
        assert sum(figures[kind] for kind in KINDS) == pytest.approx(figures[TOTAL]), arm
        assert figures["tours"] > 0, arm
        assert figures["collection"] > 0.45 * figures["stops"] > 0, "a bag for each stop"
        assert figures["other"] == 0, arm
    assert by_arm["calendar"]["stops"] == 10 * by_arm["calendar"]["tours"], "all, full or not"
    assert by_arm["reactive"]["stops"] < by_arm["calendar"]["stops"]
    assert by_arm["reactive"]["spills"] > by_arm["outcome-managed"]["spills"]
