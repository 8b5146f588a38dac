"""Parameters, matrices and includes: what a file leaves open, and what others fill in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.engine.runner import load_all
from harness.errors import InvalidScenario
from harness.scenario import build as b
from harness.scenario.loader import Choice
from harness.scenario.schema import Scenario

OPEN = """schema: 1
title: Open
run: {start: 2026-01-05T00:00:00Z, until: $(length), sync: 12h}
fleets: [{product: pump, sites: $(sites), devices_per_site: 1, report_every: 6h}]
story: it takes $(length) at $(sites) sites, and costs $$(nothing)
field: {service: $(service)}
parameters:
  length: {type: duration, default: 2d, min: 1d, max: 9d}
  sites: {type: integer, default: 1, min: 1, max: 3}
  service: {type: boolean, default: true}
"""
MATRIX = """matrix:
  axes: {length: [1d, 2d], sites: [1, 2]}
  leave_out: [{length: 2d, sites: 2}]
"""
BASE = """run: {start: 2026-01-05T00:00:00Z, until: 10d, sync: 6h}
fleets: [{product: pump}]
service: {rules: [standard], policy: {mode: auto, max_open_orders: 5}}
always: [no_dead_letters]
timeline: [{at: 1d, dps: restart}]
"""


def test_parameters_stand_for_values_of_every_type(read: Callable[..., Scenario]) -> None:
    scenario = read(OPEN)
    assert (scenario.run.until, scenario.fleets[0].sites) == (2 * 86_400_000, 1)
    assert scenario.story == "it takes 2d at 1 sites, and costs $(nothing)"
    assert scenario.field.service is True
    other = read(OPEN, sets={"length": "9d", "sites": "3", "service": "false"})
    assert (other.run.until, other.fleets[0].sites) == (9 * 86_400_000, 3)
    assert other.field.service is False


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ({"length": "20d"}, "s.yaml:8:3: --set length=20d: '20d' is out of range; allowed: "),
        ({"sites": "two"}, "s.yaml:9:3: --set sites=two: 'two' is no integer"),
        ({"sites": "nan"}, "s.yaml:9:3: --set sites=nan: 'nan' is no integer"),
        ({"service": "maybe"}, "s.yaml:10:3: --set service=maybe: 'maybe' is neither true nor"),
        ({"lenght": "2d"}, "--set lenght=2d: unknown parameter 'lenght'; did you mean 'length'?"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(
    read: Callable[..., Scenario], sets: dict[str, str], said: str
) -> None:
    with pytest.raises(InvalidScenario) as caught:
        read(OPEN, sets=sets)
    assert said in str(caught.value)


def test_a_matrix_makes_variants_with_names_seeds_and_replay_words(tmp_path: Path) -> None:
    file = tmp_path / "open.yaml"
    file.write_text(OPEN + MATRIX, "utf-8")
    variants = load_all(file)
    names = ["length=1d,sites=1", "length=1d,sites=2", "length=2d,sites=1"]
    assert [(one.name, one.seed_offset) for one in variants] == list(
        zip(names, range(3), strict=True)
    )
    assert [one.scenario.fleets[0].sites for one in variants] == [1, 2, 1]
    assert len({one.scenario.name for one in variants}) == 3
    assert variants[1].scenario.words == ("--variant", names[1])
    [one] = load_all(file, Choice(variant=names[2]))
    assert one.scenario == variants[2].scenario
    assert names == [name for name, _ in b.variants(length=["1d", "2d"], sites=[1, 2])][:3]
    file.write_text(OPEN + MATRIX + "  seeds: same\n", "utf-8")
    assert {one.seed_offset for one in load_all(file)} == {0}
    with pytest.raises(InvalidScenario, match="unknown variant 'length=3d'"):
        load_all(file, Choice(variant="length=3d"))
    with pytest.raises(InvalidScenario, match="the matrix sets it"):
        load_all(file, Choice({"length": "1d"}))


def test_the_command_runs_every_variant_and_gives_one_verdict(tmp_path: Path) -> None:
    file = tmp_path / "open.yaml"
    file.write_text(
        OPEN + MATRIX + "eventually: [{check: part_fitted, device: pump-02-1, times: 0}]\n"
    )
    call = ["run", str(file), "--seed", "5", "--link", "memory", "--json"]
    answer = CliRunner().invoke(app, [*call, "--report-dir", str(tmp_path / "runs")])
    assert answer.exit_code == 2  # two variants have no second station
    file.write_text(OPEN + MATRIX + "eventually: [nothing_lost]\n", "utf-8")
    answer = CliRunner().invoke(app, [*call, "--report-dir", str(tmp_path / "runs")])
    told = json.loads(answer.stdout)
    assert (answer.exit_code, told["verdict"]) == (0, "passed")
    assert [run["seed"] for run in told["runs"]] == [5, 6, 7]
    again = told["runs"][1]["replay"].split()[1:]
    alone = CliRunner().invoke(app, [*again, "--json", "--report-dir", str(tmp_path / "again")])
    assert json.loads(alone.stdout)["trace_hash"] == told["runs"][1]["trace_hash"]


def test_includes_merge_by_their_rules_and_keep_their_places(
    read: Callable[..., Scenario], tmp_path: Path
) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "base.yaml").write_text(BASE, "utf-8")
    (tmp_path / "parts" / "more.yaml").write_text(
        "field: {country: IT}\nrun: {sync: 1h}\n", "utf-8"
    )
    main = """title: Includes
include: [parts/base.yaml, parts/more.yaml]
run: {until: 20d}
service: {policy: {mode: "off"}}
timeline: null
always+: [nothing_lost]
"""
    scenario = read(main, tmp_path / "main.yaml")
    assert (scenario.run.until, scenario.run.sync) == (20 * 86_400_000, 3_600_000)
    assert (scenario.service.policy.mode, scenario.service.policy.max_open_orders) == ("off", 5)
    assert [(ref.check, ref.where.rpartition("/")[2]) for ref in scenario.always] == [
        ("no_dead_letters", "base.yaml:4:10"), ("nothing_lost", "main.yaml:6:11"),
    ]  # fmt: skip
    assert scenario.timeline == ()
    assert scenario.field.country == "IT"
    (tmp_path / "parts" / "base.yaml").write_text(BASE.replace("6h", "6 ours"), "utf-8")
    (tmp_path / "parts" / "more.yaml").write_text("field: {country: XX}\n", "utf-8")
    with pytest.raises(InvalidScenario) as caught:
        read(main, tmp_path / "main.yaml")
    said = [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]
    assert said[0].startswith("parts/base.yaml:1:54: unknown unit 'ours'")
    assert said[1].startswith("parts/more.yaml:1:18: unknown country 'XX'")


def test_a_matrix_chooses_what_is_included_which_may_offer_more_parameters_than_are_used(
    tmp_path: Path,
) -> None:
    for name, site in (("wet", "pump-01-1"), ("dry", "pump-02-1")):
        mine = f"who: {{type: text, default: {site}}}, other: {{type: text, default: x}}"
        (tmp_path / f"{name}.yaml").write_text(
            f"parameters: {{{mine}}}\n"
            + BASE.replace("{product: pump}", "{product: pump, sites: 2}")
        )
    main = tmp_path / "main.yaml"
    main.write_text(
        "title: Of $(kind)\ninclude: $(kind).yaml\n"
        "parameters: {kind: {type: text, default: wet}}\n"
        "matrix: {axes: {kind: [wet, dry]}}\n"
        "always+: [{check: no_orders, device: $(who)}]\n"
    )
    found = [(one.name, one.scenario.always[-1].args["device"]) for one in load_all(main)]
    assert found == [("kind=wet", "pump-01-1"), ("kind=dry", "pump-02-1")]
    main.write_text(main.read_text().replace("matrix: {axes: {kind: [wet, dry]}}\n", ""))
    [one] = load_all(main, Choice({"kind": "dry", "who": "pump-01-1"}))
    assert (one.scenario.title, one.scenario.always[-1].args["device"]) == ("Of dry", "pump-01-1")


def test_rule_packs_are_looked_for_beside_the_file_that_names_them(
    read: Callable[..., Scenario], tmp_path: Path
) -> None:
    (tmp_path / "parts").mkdir()
    base = BASE.replace("[standard]", "[./mine.yaml]")
    (tmp_path / "parts" / "base.yaml").write_text(base, "utf-8")
    with pytest.raises(InvalidScenario, match=r"no rule pack at .*parts/mine\.yaml"):
        read("title: x\ninclude: parts/base.yaml\n", tmp_path / "main.yaml")
