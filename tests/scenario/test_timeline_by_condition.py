"""When entries of a timeline are due: times, conditions, repetition, one after another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

import pytest

from harness.scenario.conditions import FEED_KINDS, TRUTH_KINDS, Ref, read_condition
from harness.scenario.products import installed
from harness.scenario.schema import Scenario
from harness.world.timeline import Timeline

HEAD = """schema: 1
title: A short story
run: {start: 2026-01-05T00:00:00Z, until: 10d, sync: 6h}
fleets: [{product: pump, sites: 1, devices_per_site: 2, report_every: 1h}]
"""
HOUR_MS = 3_600_000
DAMAGE = Ref("truth", "pump-01-1", "bearing", "damage")
STEP = "away: crew, for: 1h"
Told = list[tuple[float, int, bool]]


def told(scenario: Scenario, values: Callable[[float], Mapping[Ref, float]]) -> Told:
    """Hour, place in the file, whether it ended, of all that takes effect."""
    timeline, start_ms = Timeline(scenario, installed()), scenario.run.start
    state, now_ms, found = timeline.begin(), start_ms, []
    while now_ms < scenario.run.until_ms:
        state = json.loads(json.dumps(state))  # what a snapshot would do to it
        if timeline.looks(state, now_ms):
            timeline.look(state, now_ms, values((now_ms - start_ms) / HOUR_MS))
        found += [
            ((m.at_ms - start_ms) / HOUR_MS, m.entry, m.ended) for m in timeline.take(state, now_ms)
        ]
        next_ms = timeline.next_ms(state)
        now_ms = scenario.run.until_ms if next_ms is None else next_ms
    return found


def wearing(hour: float) -> Mapping[Ref, float]:
    """Damage grows by one percent an hour; a new part every hundred hours."""
    return {DAMAGE: hour % 100 / 100}


CASES: list[tuple[str, Told]] = [
    ("{at: 5h, %s}", [(5, 0, False), (6, 0, True)]),
    (
        "{at: {first: 5h, every: 4d, times: 2}, %s}",
        [(5, 0, False), (6, 0, True), (101, 0, False), (102, 0, True)],
    ),
    ("{when: truth(pump-01-1).bearing.damage > 0.5, %s}", [(54, 0, False), (55, 0, True)]),
    (
        "{when: {holds: truth(pump-01-1).bearing.damage > 0.5, for: 10h}, %s}",
        [(66, 0, False), (67, 0, True)],
    ),
    (
        "{when: {holds: truth(pump-01-1).bearing.damage > 0.5, repeat: every, times: 2}, %s}",
        [(54, 0, False), (55, 0, True), (156, 0, False), (157, 0, True)],
    ),
    (
        "{at: {first: 2h, after: blow}, %s}\n  - {name: blow, at: 30h, away: supplier, for: 9d}",
        [(30, 1, False), (32, 0, False), (33, 0, True)],
    ),
    (
        (
            "{when: {holds: truth(pump-01-1).bearing.damage < 0.5, after: blow}, %s}\n"
            "  - {name: blow, at: 60h, away: supplier, for: 9d}"
        ),
        [(60, 1, False), (102, 0, False), (103, 0, True)],
    ),
    ("{when: elapsed_h >= 239.0, %s}", []),
]


@pytest.mark.parametrize(("entry", "expected"), CASES, ids=lambda case: str(case)[:60])
def test_an_entry_is_due_when_its_time_or_its_condition_has_come(
    read: Callable[..., Scenario], entry: str, expected: Told
) -> None:
    scenario = read(f"{HEAD}timeline:\n  - {entry % STEP}\n")
    assert told(scenario, wearing) == expected


def test_conditions_are_looked_at_as_often_as_the_scenario_says(
    read: Callable[..., Scenario],
) -> None:
    text = HEAD.replace("sync: 6h", "sync: 6h, look: 1h")
    entry = f"{{when: truth(pump-01-1).bearing.damage > 0.5, {STEP}}}"
    assert told(read(f"{text}timeline:\n  - {entry}\n"), wearing)[0] == (51, 0, False)


def test_a_condition_that_needs_what_is_not_known_yet_does_not_hold() -> None:
    condition = read_condition(
        "signal(pump-01-1).vibration_mm_s < 4.0 || elapsed_h > 9.0"
    ).condition
    assert condition is not None
    assert not condition.holds({}, elapsed_h=1.0)
    assert condition.holds({}, elapsed_h=10.0)
    assert condition.holds({Ref("signal", "pump-01-1", "vibration_mm_s"): 3.0}, elapsed_h=1.0)


def test_names_with_hyphens_are_no_subtraction_and_columns_stay_right() -> None:
    good = read_condition("truth(pump-01-1).bearing.damage > truth('pump-01-2').bearing.damage")
    assert good.condition is not None
    assert sorted(good.condition.names.values()) == [DAMAGE, DAMAGE._replace(about="pump-01-2")]
    [problem] = read_condition("truth(pump-01-1).bearing.damage > > 1.0").problems
    assert "line 1 column 35" in problem


def test_the_kinds_of_events_are_those_of_the_contract(request: pytest.FixtureRequest) -> None:
    contract = (request.config.rootpath / "docs/reference/dps-contract.md").read_text("utf-8")
    feed = contract.partition("## Feed")[2].partition("\n## ")[0]
    for kind in FEED_KINDS:
        what, _, step = kind.partition(".")
        assert f"`{kind}`" in feed or (f"`.{step}`" in feed and f"`{what}." in feed), kind


def test_the_kinds_of_truth_are_those_that_the_world_tells(request: pytest.FixtureRequest) -> None:
    folder = request.config.rootpath / "twins"
    texts = [file.read_text("utf-8") for file in folder.rglob("*.py") if "tests" not in file.parts]
    written = {kind for text in texts for kind in re.findall(r'"([a-z_]+\.[a-z_]+)"', text)}
    ends = {end for text in texts for end in re.findall(r'_end\(\s*now_ms, device, "(\w+)"', text)}
    assert set(TRUTH_KINDS) <= written | {f"firmware.{end}" for end in ends}
    said = {kind for text in texts for kind in re.findall(r'tell\(\s*[^"()]*"([a-z_.]+)"', text)}
    assert said <= set(TRUTH_KINDS)
