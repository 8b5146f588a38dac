from __future__ import annotations

from pathlib import Path

import pytest

from harness.checks.base import arguments
from harness.errors import InvalidScenario
from harness.scenario.loader import load, parse
from harness.scenario.products import installed
from harness.scenario.resolve import world_spec
from harness.scenario.schema import Scenario

HEAD = """title: x
run: {start: 2026-01-05T00:00:00Z, until: 10d}
fleets: [{product: pump, sites: 1, devices_per_site: 2}]
"""


def told(text: str) -> list[str]:
    with pytest.raises(InvalidScenario) as caught:
        parse(text, "s.yaml", products=installed(), checks=arguments())
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def good(text: str) -> Scenario:
    return parse(text, "s.yaml", products=installed(), checks=arguments())


def test_a_good_scenario_is_read_with_units_and_places_of_its_checks() -> None:
    scenario = good(
        HEAD
        + """timeline:
  - {at: 4d, fault: bearing_wear, device: pump-01-1, params: {onset: 30m, pf_interval: 28d}}
  - {at: 36h, link: outage, site: station-01, for: 90m}
always:
  - nothing_lost
"""
    )
    assert scenario.run.until_ms - scenario.run.start == 10 * 86_400_000
    assert scenario.timeline[1].for_ == 5_400_000
    assert scenario.always[0].where == "s.yaml:8:5"


def test_a_fleet_may_have_faults_that_nobody_injects() -> None:
    text = HEAD.replace("devices_per_site: 2}", "devices_per_site: 2, random_faults: 1.5}")
    assert world_spec(good(text), installed(), seed=7).fleets[0].random_faults == 1.5
    assert world_spec(good(HEAD), installed(), seed=7).fleets[0].random_faults == 0.0
    assert any("greater than or equal to 0" in line for line in told(text.replace("1.5", "-1")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + "stroy: x\n", "s.yaml:4:1: unknown key 'stroy'; did you mean 'story'? allowed: "),
        (HEAD + "title: y\n", "s.yaml:4:1: key 'title' stands twice; the first is in line 1"),
        (
            HEAD + "timeline: [{at: 4x, dps: kill}]\n",
            "s.yaml:4:17: unknown unit 'x' in '4x'; units are ms, s, m, h, d",
        ),
        (
            HEAD + "timeline: [{at: 4, dps: kill}]\n",
            "s.yaml:4:17: 4 lacks a unit; units are ms, s, m, h, d",
        ),
        (
            HEAD + "timeline: [{at: 11d, dps: kill}]\n",
            "s.yaml:4:17: timeline entry 1 lies at or after the end of the run",
        ),
        (
            HEAD + "timeline: [{at: 1d, fault: bearing_waer, device: pump-01-1}]\n",
            "s.yaml:4:28: unknown fault of pump 'bearing_waer'; did you mean 'bearing_wear'?",
        ),
        (
            HEAD + "timeline: [{at: 1d, fault: bearing_wear, device: pump-01-3}]\n",
            "s.yaml:4:50: unknown device 'pump-01-3'; did you mean 'pump-01-2'?",
        ),
        (
            HEAD + "timeline: [{at: 1d, fault: bearing_wear, device: pump-01-1,"
            " params: {pf_interval: 3kg}}]\n",
            "s.yaml:4:83: wrong unit 'kg' in '3kg'; it is in h, allowed: ms, s, m, h, d",
        ),
        (
            HEAD + "timeline: [{at: 1d, link: outage, for: 1h}]\n",
            "s.yaml:4:12: an outage needs the site or the device that is cut off",
        ),
        (
            HEAD + "timeline: [{at: 1d, flt: bearing_wear}]\n",
            "s.yaml:4:12: a timeline entry needs one of the keys fault, link, dps, set, away",
        ),
        (
            HEAD + "eventually: [order_deliverd]\n",
            "s.yaml:4:14: unknown check 'order_deliverd'; did you mean 'order_delivered'?",
        ),
        (
            HEAD + "eventually: [order_delivered]\n",
            "s.yaml:4:14: order_delivered needs the argument 'device'",
        ),
        (
            HEAD + "eventually: [{check: part_fitted, device: pump-01-1, tims: 2}]\n",
            "s.yaml:4:54: unknown argument of part_fitted 'tims'; did you mean 'times'?",
        ),
        (
            HEAD.replace("pump,", "pmup,"),
            "s.yaml:3:20: unknown product 'pmup'; did you mean 'pump'?",
        ),
        (
            HEAD.replace("10d", "0d"),
            "s.yaml:2:43: until must lie after start: this is a scenario that cannot end",
        ),
        (
            HEAD.replace("10d", "10d, sync: 0s"),
            "s.yaml:2:54: sync must be longer than 0: this is a scenario that cannot end",
        ),
        (
            HEAD.replace("10d", "900000d, sync: 1s"),
            "s.yaml:2:43: until / sync is 77760000000 steps, more than 20000000",
        ),
        (
            HEAD + "service: {rules: [standrd]}\n",
            "s.yaml:4:19: unknown rule pack of pump 'standrd'; did you mean 'standard'?",
        ),
        (
            HEAD + "service: {contract: {fee_eur: 1, target: 0.9, up_when: availabel > 0.5}}\n",
            "s.yaml:4:56: unknown signal of pump 'availabel'; did you mean 'available'?",
        ),
        (
            HEAD + "field: {crew: {shift_start: 7h}}\n",
            "s.yaml:4:16: unknown parameter of crew 'shift_start'; did you mean 'shift_start_h'?",
        ),
        ("a: [", "s.yaml:1:5: this is not YAML: "),
        ("", "s.yaml:1:1: the file is empty"),
        ("a: &x [*x]\n", "s.yaml:"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_allowed(text: str, expected: str) -> None:
    lines = told(text)
    assert any(line.startswith(expected) for line in lines), lines


def test_all_mistakes_of_a_file_are_told_at_once_in_its_order() -> None:
    lines = told(
        """title: x
run: {start: 2026-01-05, until: 10d, mode: vritual}
fleets: [{product: pump, sits: 1}]
service: {policy: {mode: autoo}}
seed: 3
"""
    )
    places = [line.split(": ")[0] for line in lines]
    assert places == ["s.yaml:2:14", "s.yaml:2:44", "s.yaml:3:26", "s.yaml:4:26", "s.yaml:5:1"]


def test_mistakes_of_shape_hide_no_mistakes_of_names() -> None:
    """Whoever mends a unit must not learn of the unknown device only at the next try."""
    text = """\
schema: 1
title: bad
run: {start: 2026-01-05T00:00:00Z, until: 5 fortnights, sinc: 1h}
fleets: [{product: pump, params: {well_area_m2: wide}}, {product: pmup, sites: 0}]
timeline:
  - {at: 1d, link: outage, for: 3 eons, site: station-99}
  - {at: 9d}
always: [one_order_per_nead, {chek: x}]
service: {contract: {fee_eur: much, target: 0.9, up_when: availabel > 0.5}}
"""
    said = told(text)

    for place, what in {
        "3:43": "unknown unit 'fortnights'",
        "3:57": "unknown key 'sinc'",
        "4:49": "not a number: 'wide'; it is in m2",
        "4:67": "unknown product 'pmup'; did you mean 'pump'?",
        "4:80": "input should be greater than or equal to 1, not 0",
        "6:33": "unknown unit 'eons'",
        "7:5": "a timeline entry needs one of the keys fault, link, dps, set, away",
        "8:10": "unknown check 'one_order_per_nead'",
        "8:31": "unknown key 'chek'",
        "9:31": "input should be a valid number",
        "9:59": "unknown signal of pump 'availabel'",
    }.items():
        assert any(f":{place}: {what}" in line for line in said), (place, what, said)
    assert not any("unknown site" in line for line in said), "the fleets are not known"


def test_a_wrong_link_or_rate_of_a_fleet_hides_no_wrong_fault() -> None:
    text = """\
schema: 1
title: bad
run: {start: 2026-01-05T00:00:00Z, until: 5d, sync: 1h}
fleets: [{product: pump, devices_per_site: 2, link: celular, random_faults: -1}]
timeline:
  - {at: 1d, fault: baering_wear, device: pump-01-1}
  - {at: 1d, fault: sensor_stuck, device: pump-01-1, params: {signal: vibraton_mm_s}}
  - {at: 1d, fault: sensor_stuk, device: pump-01-9}
"""
    said = told(text)

    for place, what in {
        "4:53": "'celular' is not one of",
        "4:77": "input should be greater than or equal to 0, not -1",
        "6:21": "unknown fault of pump 'baering_wear'; did you mean 'bearing_wear'?",
        "7:71": "unknown signal of pump 'vibraton_mm_s'; did you mean 'vibration_mm_s'?",
        "8:21": "unknown fault 'sensor_stuk'; did you mean 'sensor_stuck'?",
        "8:42": "unknown device 'pump-01-9'; did you mean 'pump-01-2'?",
    }.items():
        assert any(f":{place}: {what}" in line for line in said), (place, what, said)


def test_a_file_that_is_not_there_is_said_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidScenario, match=r"none\.yaml:1:1: cannot be read: No such file"):
        load(tmp_path / "none.yaml", products=installed(), checks=arguments())


def test_every_scenario_that_ships_is_valid() -> None:
    every = sorted((Path(__file__).parents[2] / "scenarios").rglob("*.yaml"))
    beside = ("parts", "packs")
    files = [f for f in every if f.parent.name not in beside and ".bad" not in f.suffixes]
    assert files
    for file in files:
        load(file, products=installed(), checks=arguments())
