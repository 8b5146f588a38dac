"""The words of rule packs, each by unit tests as data, the way a pack's author writes them."""

from __future__ import annotations

from typing import Any

import pytest

from reference_impl.rules import packs, unit_tests

KNOWN = {
    "machine": packs.Known(
        signals=("level_m", "run", "current_a", "co2_ppm", "fill_pct", "charge_a", "door"),
        conditions=("seal_wear",),
        parts=("seal-kit",),
        places=(("seal-kit", "seal"),),
        constants=("nominal_a",),
    )
}


def pack(*rules: dict[str, Any], every: str = "10m") -> dict[str, Any]:
    shared = {"severity": "minor", "then": [{"alert": {}}], "why": "because"}
    return {
        "pack": "p",
        "version": "1",
        "model": "machine",
        "owner": "service",
        "every": every,
        "stale_after": "30m",
        "rules": [{"id": f"r{number}", **shared, **rule} for number, rule in enumerate(rules)],
    }


def firing(body: dict[str, Any], case: dict[str, Any], *expect: tuple[str, list[str]]) -> None:
    """Run one case; every instant must have just these rules firing."""
    read, problems = packs.read(body, KNOWN)
    assert read is not None, problems
    wanted = [{"at": at, "firing": rules} for at, rules in expect]
    whole = {"name": "case", "every": "10m", **case, "expect": wanted}
    cases, problems = unit_tests.read([whole], read, {}, {"nominal_a": 10.0})
    assert not problems, problems
    result = unit_tests.run(read, cases[0])
    assert result["passed"], result


def problems_of(*rules: dict[str, Any]) -> dict[str, str]:
    read, problems = packs.read(pack(*rules), KNOWN)
    assert read is None
    return {p.where: f"{p.what} | {p.allowed}" for p in problems}


def level(**more: Any) -> dict[str, Any]:
    return {"signal": "level_m", **more}


@pytest.mark.feature("A5")
def test_a_clear_condition_of_its_own_makes_a_deadband() -> None:
    rule = {
        "let": {"m": level(take="last")},
        "when": "m > 2.0",
        "clear_when": "m < 1.0",
        "clear_for": "20m",
    }
    inside = "2.5 1.5 2.5 1.5x6 0.5x3 1.5x3"
    firing(
        pack(rule),
        {"signals": {"level_m": inside}},
        ("10m", ["r0"]),
        ("90m", ["r0"]),  # up and down within the band: nothing happens
        ("110m", ["r0"]),  # below it, for ten minutes only
        ("120m", []),
        ("150m", []),
    )


def test_the_last_readings_are_counted_not_timed() -> None:
    rule = {"let": {"lowest": level(take="min", last=3)}, "when": "lowest > 2.0"}
    # the third report comes late: what counts is that there were three
    firing(
        pack(rule),
        {"signals": {"level_m": "3.0x2 _x2 3.0 1.0 3.0x3"}},
        ("20m", []),
        ("40m", []),
        ("50m", ["r0"]),
        ("60m", []),
        ("80m", []),
        ("90m", ["r0"]),
    )


def test_cycles_are_runs_of_reports_and_count_when_they_are_over() -> None:
    current = {
        "signal": "current_a",
        "take": "min",
        "last": 2,
        "of": {"cycles": {"signal": "run", "above": 0.5}, "each": "max"},
    }
    rule = {
        "let": {"amp": current, "nominal": {"model": "nominal_a"}},
        "when": "amp > 1.3 * nominal",
    }
    firing(
        pack(rule),
        {
            "signals": {
                "run": "0 1x2 0x2 1x2 0 1x2 0",
                "current_a": "0 12 14 0x2 14 12 0 11x2 0",
            }
        },
        ("60m", []),  # one cycle is over
        ("70m", []),
        ("80m", ["r0"]),  # two, each above 13 A somewhere
        ("100m", ["r0"]),
        ("110m", []),  # the third stayed below
    )


@pytest.mark.parametrize("zone", ["UTC", "Europe/Rome"])
def test_nights_are_those_of_the_place(zone: str) -> None:
    night = {
        "signal": "co2_ppm",
        "take": "max",
        "last": 2,
        "within": "10d",
        "of": {"daily": "22:00-06:00", "each": "min"},
    }
    rule = {"let": {"lowest": night}, "when": "lowest < 350.0"}
    # from 20:00 local on, hourly: two nights, of which the first dips between 22 and 6
    case = {
        "every": "1h",
        "zone": zone,
        "from": "2026-03-27 20:00",
        "signals": {"co2_ppm": "800x5 300 800x18 800x5 340 800x20"},
    }
    firing(pack(rule, every="1h"), case, ("12h", []), ("33h", []), ("34h", ["r0"]))


@pytest.mark.parametrize(
    ("take", "series", "bound", "holds"),
    [
        ("median", "1 9 9 9 1 9", 8.9, True),
        ("p10", "1 9 9 9 9 9", 4.9, True),
        ("p90", "1 1 1 1 1 9", 5.1, False),
        ("delta", "1 9 9 9 9 4", 2.9, True),
        ("spread", "4x6", 0.0, False),
        ("fall", "9 2 3 3 3 8", 6.9, True),
        ("rise", "9 2 3 3 3 8", 5.9, True),
        ("jump", "1 2 3 4 5 9", 3.9, True),
        ("starts", "1 0 1 0 1 1", 1.9, True),
        ("slope_per_h", "1 2 3 4 5 6", 5.99, True),
        ("slope_per_h", "1 2 3 4 5 6", 6.01, False),
        ("first", "7 1 1 1 1 1", 6.9, True),
    ],
)
def test_each_way_of_taking_a_window(take: str, series: str, bound: float, holds: bool) -> None:
    rule = {"let": {"x": level(take=take, over="1h")}, "when": f"x > {bound}"}
    case = {"signals": {"level_m": series}}
    firing(pack(rule), case, ("60m", ["r0"] if holds else []))


@pytest.mark.feature("A6")
def test_silence_is_read_off_the_age_of_data_that_other_rules_do_not_go_by() -> None:
    silent = {
        "let": {"quiet_s": {"report": "age_s"}},
        "when": "quiet_s > 899.0",
        "steps": [
            {"severity": "minor"},
            {"severity": "major", "when": "quiet_s > 7199.0"},
        ],
    }
    high = {"let": {"m": level(take="last")}, "when": "m > 2.0"}
    firing(
        pack(silent, high),
        {"signals": {"level_m": "3.0 _x20 1.0"}},
        ("10m", ["r1"]),
        ("20m", ["r1"]),
        ("30m", ["r0.minor", "r1"]),
        ("100m", ["r0.minor", "r1"]),  # the level is UNKNOWN: it neither clears nor fires
        ("130m", ["r0.major", "r1"]),
        ("210m", ["r0.major", "r1"]),
        ("220m", []),
    )


def test_a_window_of_a_time_ago_is_a_baseline() -> None:
    rule = {
        "let": {
            "now": level(take="median", over="1h"),
            "before": level(take="median", over="5h", ago="1h"),
        },
        "when": "now > 1.25 * before",
        "for": "20m",
    }
    case = {"signals": {"level_m": "2.0x24 2.4x12 2.6x12"}}
    firing(pack(rule), case, ("5h", []), ("6h", []), ("7h", ["r0"]))


def test_a_thing_is_compared_with_its_neighbours_not_with_itself() -> None:
    mine = {"signal": "charge_a", "take": "mean", "over": "1h"}
    rule = {
        "let": {
            "mine": mine,
            "theirs": {**mine, "peers": {"take": "median", "among": "site", "at_least": 2}},
        },
        "when": "mine < 0.7 * theirs",
    }
    weak = {"signals": {"charge_a": "1.0x12"}}
    two = [{"charge_a": "2.0x12"}, {"charge_a": "1.5x6 1.0x6"}]
    firing(pack(rule), {**weak, "peers": two}, ("1h", ["r0"]), ("2h", ["r0"]))
    firing(pack(rule), {**weak, "peers": two[1:]}, ("1h", []))  # one neighbour is too few


def test_the_clock_is_that_of_the_place() -> None:
    working = {"clock": "within", "hours": "08:00-18:00", "days": ["mon", "tue"]}
    rules = [
        {"let": {"work": working}, "when": "work > 0.5"},
        {"let": {"h": {"clock": "hour"}, "d": {"clock": "weekday"}}, "when": "h < 6.0 && d > 6.0"},
        {"let": {"m": {"clock": "month"}}, "when": "m > 11.0 || m < 3.0"},
    ]
    # Sunday 2026-03-01, 05:00 in Rome
    case = {"zone": "Europe/Rome", "from": "2026-03-01 05:00", "signals": {}}
    firing(
        pack(*rules),
        case,
        ("0s", ["r1"]),
        ("1h", []),
        ("27h", ["r0"]),  # Monday 08:00
        ("37h", []),  # 18:00
    )
    firing(pack(rules[2]), {**case, "from": "2026-02-28 23:50"}, ("0s", ["r0"]), ("10m", []))


def test_readings_may_be_limited_to_those_of_a_state() -> None:
    at_rest = {
        "signal": "current_a",
        "take": "max",
        "over": "1h",
        "where": {"signal": "run", "below": 0.5},
    }
    rule = {"let": {"idle_a": at_rest}, "when": "idle_a > 1.0"}
    run = "1x3 0x3 1 0"
    firing(
        pack(rule),
        {"signals": {"run": run, "current_a": "9x3 0x3 9 2"}},
        ("70m", []),
        ("80m", ["r0"]),
    )


def test_a_rule_may_look_at_how_another_one_stands_and_how_often_it_fired() -> None:
    high = {"let": {"m": level(take="last")}, "when": "m > 2.0"}
    often = {
        "let": {"n": {"state_of": "r0", "field": "fired", "over": "2h"}},
        "when": "n > 2.0",
    }
    long = {"let": {"h": {"state_of": "r0", "field": "active_h"}}, "when": "h >= 0.5"}
    firing(
        pack(high, often, long),
        {"signals": {"level_m": "3 1 3 1 3x6 1x12"}},
        ("50m", ["r0"]),
        ("60m", ["r0", "r1"]),  # seen at the evaluation after
        ("80m", ["r0", "r1", "r2"]),
        ("3h", []),
    )


@pytest.mark.feature("A12")
def test_a_cause_hides_its_symptoms_and_a_higher_rule_replaces_the_lower() -> None:
    symptom = {
        "let": {"m": level(take="last")},
        "when": "m > 2.0",
        "for": "20m",
        "suppressed_by": ["r1"],
    }
    cause = {"let": {"d": {"signal": "door", "take": "last"}}, "when": "d > 0.5"}
    higher = {"let": {"m": level(take="last")}, "when": "m > 4.0", "supersedes": ["r0"]}
    body = pack(symptom, cause, higher)
    read, _ = packs.read(body, KNOWN)
    assert read is not None
    assert [rule.id for rule in read.rules] == ["r1", "r2", "r0"], "causes are evaluated first"
    firing(
        body,
        {"signals": {"level_m": "3x10 5 3x5", "door": "0x4 1x3 0x9"}},
        ("20m", []),
        ("30m", ["r0"]),
        ("50m", ["r1"]),  # what was active is superseded by its cause
        ("70m", ["r1"]),
        ("80m", []),
        ("100m", ["r0"]),  # anew, after its own wait
        ("110m", ["r2"]),
        ("120m", []),
        ("140m", ["r0"]),
    )


def test_every_mistake_in_the_new_words_is_told_at_its_place() -> None:
    told = problems_of(
        {
            "let": {
                "a": level(take="median", last=2.5),
                "b": level(take="average", over="1h"),
                "c": level(take="max", over="1h", where={"signal": "run"}),
                "d": level(take="max", over="1h", of={"each": "max", "daily": "25:00-06:00"}),
                "e": level(take="max", over="1h", of={"each": "max"}),
                "f": level(take="max", over="1h", peers={"among": "street"}),
                "g": level(take="max", over="300d", ago="200d"),
                "h": {"model": "nominal_b"},
                "i": {"clock": "within", "hours": "8-18", "days": ["monday"]},
                "j": {"state_of": "r9"},
                "k": {"report": "count"},
            },
            "when": "a+b+c+d+e+f+g+h+i+j+k > 0.0",
            "clear_when": "z < 1.0",
            "keep_for": "1h",
            "clear_for": "1h",
            "supersedes": ["r7"],
            "suppressed_by": [{"rule": "r1", "scope": "town"}],
            "expected_per_year": -1,
            "remedies": [""],
            "topic": "weather",
            "then": [
                {"alert": {"notify": ["fax"], "delay": "soon", "at_night": "no"}},
                {"action": {"topic": "none", "due": "7d", "done_when": "z > 1.0"}},
                {"callback": {}},
            ],
        },
        {"let": {"m": level(take="last")}, "when": "m > 2.0", "suppressed_by": ["r2"]},
        {"let": {"m": level(take="last")}, "when": "m > 3.0", "suppressed_by": ["r1"]},
        {
            "let": {"m": level(take="last")},
            "when": "m > 1.0",
            "steps": [{"severity": "major"}, {"severity": "minor", "colour": "red"}],
        },
    )
    at = "rules[0]."
    assert set(told) == {
        *(f"{at}let.{place}" for place in ("a.last", "b.take", "c.where", "d.of.daily", "e.of")),
        *(f"{at}let.{place}" for place in ("f.peers.among", "g.over", "h.model", "i.hours")),
        *(f"{at}let.{place}" for place in ("i.days[0]", "j.state_of", "k.report")),
        *(f"{at}{key}" for key in ("clear_when", "keep_for", "supersedes[0]", "topic")),
        *(f"{at}{key}" for key in ("suppressed_by[0].scope", "expected_per_year", "remedies[0]")),
        f"{at}then[0].alert.notify[0]",
        f"{at}then[0].alert.delay",
        f"{at}then[0].alert.at_night",
        f"{at}then[1].action.title",
        f"{at}then[1].action.topic",
        f"{at}then[1].action.done_when",
        f"{at}then[2].callback.name",
        "rules",
        "rules[3].steps[1].severity",
        "rules[3].steps[1].colour",
    }
    assert "r1 < r2 < r1" in told["rules"]
    assert "did you mean 'nominal_a'" in told[f"{at}let.h.model"]
