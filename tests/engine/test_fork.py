"""Snapshot, fork, compare: the past is common, the rest is the change's doing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.folders import read_run
from harness.cli.forking import ForkWish, read_changes, saved_at
from harness.cli.main import app
from harness.engine import recipe, snapshot
from harness.errors import InvalidRun, ScenarioError
from harness.events import FaultApplied, FeedSeen, TelemetrySeen
from harness.grading.difference import Traced, first_difference, past, traced

DAY = 86_400_000


def result(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text())


def test_the_branches_share_their_past_with_the_run_to_the_event(forked) -> None:
    meta = snapshot.read_meta(forked.run / snapshot.FOLDER / "6d")
    assert meta is not None
    assert meta.at_ms == recipe.read(forked.run).scenario.run.start + 6 * DAY
    pasts = [traced(past(read_run(folder), meta.at_ms)) for folder in forked[:3]]
    assert len(pasts[0]) > 100
    assert pasts[0] == pasts[1] == pasts[2]
    assert f"common past {meta.past_hash[:16]}" in forked.told


def test_a_snapshot_that_was_asked_for_lies_in_the_runs_folder_and_is_taken_up(forked) -> None:
    made = recipe.read(forked.run)
    place = saved_at(made, 12 * DAY)
    assert place == forked.run / snapshot.FOLDER / "half-way"
    meta = snapshot.read_meta(place)
    assert meta is not None
    assert meta.at_ms == made.scenario.run.start + 12 * DAY
    assert saved_at(made, 11 * DAY) is None
    wrong = CliRunner().invoke(app, ["run", str(forked.run / "story.yaml"), "--seed", "7",
                                     "--save-at", "2d=../x", "--json"])  # fmt: skip
    assert wrong.exit_code == 2
    assert "allowed in a name" in json.loads(wrong.stdout)["error"]


def test_the_unchanged_branch_ends_with_the_hash_of_the_run_and_the_changed_one_does_not(
    forked,
) -> None:
    run, unchanged, changed = (result(folder) for folder in forked[:3])
    assert unchanged["trace_hash"] == run["trace_hash"]
    assert unchanged["ledger"] == run["ledger"]
    assert changed["trace_hash"] != run["trace_hash"]
    assert (run["orders"], changed["orders"]) == (1, 0)
    assert run["costs_eur"]["total"] != changed["costs_eur"]["total"]


def test_the_table_puts_orders_downtime_and_cost_side_by_side(forked) -> None:
    rows = {" ".join(line.split()[:-3]): line.split()[-3:] for line in forked.told.splitlines()}
    assert rows["all orders"] == ["1", "0", "-1"]
    text = (forked.run.parents[1] / "fork.md").read_text()
    assert "| all | orders | 1 | 0 | -1 |" in text
    assert "|  | downtime h | " in text
    assert "|  | total |" in text


def test_the_story_of_a_branch_is_whole(forked) -> None:
    """Its events begin with the common past, so that reports and explanations have it all."""
    events = read_run(forked.changed)
    readings = [e.at_ms for e in events if isinstance(e, TelemetrySeen)]
    assert min(readings) < recipe.read(forked.run).scenario.run.start + DAY
    replaced = [e for e in events if isinstance(e, FaultApplied) and e.by == "fork"]
    assert [(e.kind, e.target) for e in replaced] == [("rules.replaced", "pump-duplex-7k5")]
    assert not [e for e in events if isinstance(e, FeedSeen) and e.kind == "order.placed"]
    assert (forked.changed / "report.html").is_file()
    assert json.loads((forked.changed / "fork.json").read_text())["branch"] == "changed"


def test_compare_says_where_runs_part_and_shuts_the_gate_only_then(forked, tmp_path) -> None:
    call = CliRunner().invoke
    same = call(app, ["compare", str(forked.run), str(forked.unchanged), "--expect-same"])
    assert same.exit_code == 0, same.output
    assert "the same happened in both" in same.output
    apart = call(app, ["compare", str(forked.run), str(forked.changed), "--expect-same",
                       "--markdown", str(tmp_path / "c.md")])  # fmt: skip
    assert apart.exit_code == 1
    assert "story-7-1: (nothing)" in apart.output
    assert "story-7-3: 2026-01-16T00:00:00Z fault     rules.replaced" in apart.output
    assert "| orders | 1 | 0 | -1 |" in (tmp_path / "c.md").read_text()
    only = call(app, ["compare", str(forked.run), str(forked.changed)])
    assert only.exit_code == 0, "without --expect-same it only tells"


def test_a_past_that_does_not_come_again_is_refused(forked, tmp_path: Path) -> None:
    """As after a new version, or a run that a hand changed while it went on."""
    other = tmp_path / "story-7-1"
    shutil.copytree(forked.run, other)
    shutil.rmtree(other / snapshot.FOLDER)
    lines = (other / "events.jsonl").read_text().splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if '"TelemetrySeen"' in line)
    lines[place] = lines[place].replace('"starts":', '"starts_":')
    (other / "events.jsonl").write_text("".join(lines))
    told = CliRunner().invoke(app, ["fork", str(other), "--at", "12h", "--price", "bearing-set=1"])
    assert isinstance(told.exception, InvalidRun)
    assert "does not come again" in str(told.exception)
    assert not list(tmp_path.glob("story-7-1/snapshots/*"))


def test_every_mistake_of_a_fork_is_told_at_once(forked) -> None:
    call = CliRunner().invoke
    told = call(app, ["fork", str(forked.run), "--at", "6d", "--price", "bearing-st=1",
                      "--fault", "bearing_wear:device=pump-09-9",
                      "--fault", "no_such:device=pump-01-1",
                      "--set", "policy.mod=off"])  # fmt: skip
    text = str(told.exception)
    assert isinstance(told.exception, ScenarioError)
    for part in ("unknown part 'bearing-st'", "unknown device 'pump-09-9'", "fault 'no_such'",
                 "unknown key of the policy: mod; allowed: mode"):  # fmt: skip
        assert part in text
    none = call(app, ["fork", str(forked.run), "--at", "6d"])
    assert "nothing is changed" in str(none.exception)
    late = call(app, ["fork", str(forked.run), "--at", "24d", "--price", "bearing-set=1"])
    assert "allowed: above 0 and below 24d" in str(late.exception)
    wrong = call(app, ["fork", str(forked.run.parent), "--at", "6d", "--price", "bearing-set=1"])
    assert "name the folder of a run" in str(wrong.exception)


def test_words_become_changes() -> None:
    def wish(**words) -> ForkWish:
        empty = {"rules": (), "prices": (), "faults": (), "settings": ()}
        return ForkWish(run=Path("r"), at="6d", runs_dir=None, markdown=None, jobs=1,
                        **{**empty, **words})  # fmt: skip

    found = read_changes(
        wish(prices=("a=2.5",), settings=("policy.mode=off", "service.policy.max_open_orders=3"),
             faults=("bearing_wear:device=p-1,onset=0h,pf_interval=28d",)), 6 * DAY,
    )  # fmt: skip
    assert found.prices_eur == {"a": 2.5}
    assert found.policy == {"mode": "off", "max_open_orders": 3}
    assert found.faults[0].device == "p-1"
    assert found.faults[0].params == {"onset": "0h", "pf_interval": "28d"}
    with pytest.raises(ScenarioError) as told:
        read_changes(wish(prices=("a",), settings=("mode=off",), faults=("clog",)), 6 * DAY)
    assert str(told.value).count("allowed:") == 3


def test_the_first_difference_is_the_earliest_event_that_is_not_in_both() -> None:
    def seen(at_ms: int, device: str, value: float) -> TelemetrySeen:
        return TelemetrySeen(at_ms=at_ms, device=device, signals={"x": value})

    base = traced([seen(1, "a", 1.0), seen(2, "a", 1.0), seen(3, "a", 1.0)])
    assert first_difference(base, list(base)) is None
    other = traced([seen(1, "a", 1.0), seen(3, "a", 9.0), seen(2, "a", 1.0)])
    found = first_difference(base, other)
    assert found is not None
    assert found.at_ms == 3
    assert '"x":1' in found.one
    assert '"x":9' in found.other
    more = traced([seen(1, "a", 1.0), seen(2, "a", 1.0), seen(2, "b", 1.0), seen(3, "a", 1.0)])
    lacking = first_difference(base, more)
    assert lacking is not None
    assert (lacking.one, lacking.at_ms) == ("", 2)
    assert first_difference(more, base) is not None
    longer = first_difference(base, base[:2])
    assert longer is not None
    assert longer.other == ""


@pytest.mark.deep
def test_branches_through_a_broker_end_with_the_hashes_of_those_in_memory(
    forked, tmp_path: Path
) -> None:
    pack = forked.run.parents[1] / "silent.yaml"
    call = ["fork", str(forked.run), "--at", "6d", "--rules", str(pack), "--jobs", "1"]
    answer = CliRunner().invoke(
        app, [*call, "--link", "mqtt", "--broker", "rumqttd", "--report-dir", str(tmp_path)]
    )
    assert answer.exit_code == 0, answer.output
    real = [result(folder) for folder in sorted(tmp_path.glob("story-7-*"))]
    assert [one["broker"] for one in real] == ["rumqttd", "rumqttd"]
    hashes = [result(folder)["trace_hash"] for folder in (forked.unchanged, forked.changed)]
    assert [one["trace_hash"] for one in real] == hashes


def test_of_an_event_that_differs_only_what_differs_is_told() -> None:
    def at(text: str) -> list[Traced]:
        return [Traced(5, "TelemetrySeen", "dev-1", f"00:00 message   dev-1 {text}")]

    parted = first_difference(at('{"a":1,"b":2,"c":3}'), at('{"a":1,"b":7,"c":3,"d":4}'))
    assert parted is not None
    assert parted.one == '00:00 message   dev-1 {"b":2} (and 2 equal values)'
    assert parted.other == '00:00 message   dev-1 {"b":7,"d":4} (and 2 equal values)'
