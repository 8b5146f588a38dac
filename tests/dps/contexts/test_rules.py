"""Rule packs: checked, installed, evaluated; alerts and advice."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from reference_impl.kernel.errors import Invalid
from reference_impl.published import CommandWanted, PartFitted, ReplacementAdvised

M, H = 60_000, 3_600_000
VIB = {
    "id": "zone-c",
    "let": {"vib_mm_s": {"signal": "vibration_mm_s", "take": "mean", "over": "10m"}},
    "when": "vib_mm_s > 1.8",
    "for": "20m",
    "keep_for": "30m",
    "severity": "minor",
    "then": [{"alert": {}}],
    "why": "ISO 20816-3 zone C",
}
ORDER_POINT = {
    "id": "order-point",
    "let": {
        "runout_h": {"condition": "bearing_wear", "field": "runout_p10_h"},
        "lead_h": {"part": "bearing-set", "field": "lead_time_p90_h"},
    },
    "when": "runout_h <= lead_h + 336.0",
    "severity": "operation",
    "then": [{"recommend": {"part": "bearing-set", "position": "bearing", "quantity": 1}}],
    "why": "order point",
}
PACK = {
    "pack": "standard",
    "version": "1.0.0",
    "model": "pump-duplex-7k5",
    "owner": "service",
    "every": "10m",
    "stale_after": "30m",
    "rules": [VIB],
}


def pack(*rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return copy.deepcopy({**PACK, "rules": list(rules or (VIB,)), **changes})


def feed_vibration(rig: Any, *values: float | None) -> None:
    """One reading each 10 minutes from 10 minutes on; None is a missing one."""
    for number, value in enumerate(values, start=1):
        if value is not None:
            rig.telemetry.add("pump-01", "vibration_mm_s", number * 10 * M, value)


def test_every_mistake_of_a_pack_is_told_at_once_with_its_place(rig: Any) -> None:
    rig.install("pump-01")
    bad = pack(
        {
            **VIB,
            "let": {
                "vib": {"signal": "vibraton_mm_s", "take": "medium", "over": "10 minutes"},
                "idle": {"signal": "power_kw", "take": "max", "over": "1h"},
            },
            "when": "vib >> 1.8",
            "for": "soon",
            "severity": "terrible",
            "colour": "red",
        },
        {**VIB, "when": "vib_mm_s"},
        {**VIB, "when": "vib_mm_s + 1 > 2.0 "},
        {**VIB, "id": "other", "let": {**VIB["let"], "spare": VIB["let"]["vib_mm_s"]}},
        {
            **ORDER_POINT,
            "let": {"u": {"condition": "bearing_ware", "field": "wear"}, "p": {"part": "belt"}},
            "when": "u > p && q > 1.0",
            "then": [
                {"recommend": {"part": "bearing-set", "position": "shaft"}},
                {"email": {}},
                {"command": {"name": "stop", "args": {"x": [1]}, "expires": "-1h"}},
            ],
        },
        {**VIB, "id": "other"},
        evry="10m",
        stale_after="0s",
    )
    with pytest.raises(Invalid) as refused:
        rig.do(rig.rules.install, bad, at_ms=0)

    places = [p.where for p in refused.value.problems]
    told = {p.where: f"{p.what} | {p.allowed}" for p in refused.value.problems}
    assert set(places) == {
        "stale_after",
        "evry",
        "rules[0].let.vib.signal",
        "rules[0].let.vib.take",
        "rules[0].let.vib.over",
        "rules[0].when",
        "rules[0].for",
        "rules[0].severity",
        "rules[0].colour",
        "rules[1].when",
        "rules[2].when",
        "rules[3].let.spare",
        "rules[4].let.u.condition",
        "rules[4].let.u.field",
        "rules[4].let.p.part",
        "rules[4].let.p.field",
        "rules[4].when",
        "rules[4].then[0].recommend.position",
        "rules[4].then[1]",
        "rules[4].then[2].command.args.x",
        "rules[4].then[2].command.expires",
        "rules[1].id",
        "rules[2].id",
        "rules[5].id",
    }
    assert "did you mean 'vibration_mm_s'?" in told["rules[0].let.vib.signal"]
    assert "line 1 column 6" in told["rules[0].when"]
    assert "not a boolean" in told["rules[1].when"]
    assert "float + int" in told["rules[2].when"]
    assert told["rules[3].let.spare"].startswith("is declared but not used")
    assert told["rules[4].when"] == "'q' is not a variable here | p, u"
    assert "is the id of rules[3], too" in told["rules[5].id"]
    assert "did you mean 'every'?" in told["evry"]


def test_a_model_or_a_type_that_is_wrong_is_told_without_a_crash(rig: Any) -> None:
    rig.install("pump-01")
    for body in ([], {"rules": "x"}, pack(model="none"), pack({"id": 3, "let": 5, "then": {}})):
        answer = rig.do(lambda uow, body=body: rig.rules.dry_run(uow.conn, body, None))
        assert answer["ok"] is False
        assert answer["problems"]


def test_an_alert_is_raised_after_for_and_cleared_after_keep_for(rig: Any) -> None:
    rig.install("pump-01")
    rig.do(rig.rules.install, pack(), at_ms=0)
    feed_vibration(rig, 1.0, 2.0, 2.0, 2.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0)

    rig.advance(2 * H)

    assert [(e.kind, e.at_ms // M) for e in rig.feed] == [
        ("alert.raised", 40),  # held since 20, for 20 minutes
        ("alert.cleared", 110),  # false at 50 and 60, true at 70, false since 80
    ]
    alert_id = "alt-pump-01-standard-zone-c-1200000"
    assert [e.subject for e in rig.feed] == [alert_id, alert_id]
    assert rig.feed[0].data == {
        "thing": "pump-01",
        "rule": "zone-c",
        "pack": "standard",
        "severity": "minor",
        "why": "ISO 20816-3 zone C",
        "values": {"vib_mm_s": 2.0},
    }
    assert [(a["state"], a["started_ms"] // M) for a in rig.rows(rig.rules, "alerts")] == [
        ("CLEARED", 20)
    ]
    assert rig.rows(rig.rules, "instances") == []


def test_a_flap_before_the_end_of_for_starts_the_wait_anew(rig: Any) -> None:
    rig.install("pump-01")
    rig.do(rig.rules.install, pack(), at_ms=0)
    feed_vibration(rig, 2.0, 2.0, 1.0, 2.0, 2.0, 1.0)

    rig.advance(1 * H)

    assert rig.feed == []


def test_stale_data_neither_fires_nor_clears_and_the_waits_stand_still(rig: Any) -> None:
    """A6: offline is a state, not a measurement."""
    rig.install("pump-01")
    slow = {**VIB, "for": "30m"}
    rig.do(rig.rules.install, pack(slow), at_ms=0)
    # true at 10 and 20; silence makes it unknown from 30 to 130; true at 140, 150, ...
    feed_vibration(rig, 2.0, 2.0, *[None] * 11, 2.0, 2.0, 2.0)
    rig.advance(140 * M)
    assert rig.feed == []  # 10 minutes up to 20, and 10 up to 140: not 30 yet
    rig.advance(150 * M)
    assert [(e.kind, e.at_ms // M) for e in rig.feed] == [("alert.raised", 150)]

    rig.advance(48 * H)
    assert rig.kinds() == ["alert.raised"]  # two days of silence clear nothing

    rig.telemetry.add("pump-01", "vibration_mm_s", 48 * H + 10 * M, 1.0)
    rig.telemetry.add("pump-01", "vibration_mm_s", 48 * H + 20 * M, 1.0)
    rig.advance(48 * H + 3 * H)
    # keep_for wants 30 minutes of known calm; two readings give 10 and then it is silent again
    assert rig.kinds() == ["alert.raised"]


def test_state_survives_a_restart_and_a_rolled_back_evaluation(
    rig: Any, make_rig: Callable[[], Any]
) -> None:
    rig.install("pump-01")
    rig.do(rig.rules.install, pack(), at_ms=0)
    feed_vibration(rig, 2.0, 2.0, 2.0)
    rig.advance(10 * M)

    def crash(uow: Any) -> None:
        rig.scheduler.advance(uow, from_ms=10 * M, to_ms=30 * M)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rig.do(crash)
    rig.feed.clear()

    again = type(rig)(rig)  # the same store, all services new
    again.now_ms = 10 * M
    again.advance(30 * M)

    assert [(e.kind, e.at_ms // M) for e in again.feed] == [("alert.raised", 30)]


def test_a_pack_version_is_never_rewritten_and_a_new_one_takes_over(rig: Any) -> None:
    rig.install("pump-01")
    rig.do(rig.rules.install, pack(), at_ms=0)
    rig.do(rig.rules.install, pack(), at_ms=5)
    with pytest.raises(Invalid) as refused:
        rig.do(rig.rules.install, pack({**VIB, "for": "0s"}), at_ms=6)
    assert refused.value.problems[0].where == "version"
    feed_vibration(rig, 2.0, 2.0, 2.0, 2.0)
    rig.advance(30 * M)

    rig.do(rig.rules.install, pack({**VIB, "id": "new"}, version="2.0.0"), at_ms=30 * M)
    rig.advance(40 * M)

    assert [(e.kind, e.at_ms // M) for e in rig.feed] == [
        ("alert.raised", 30),
        ("alert.cleared", 30),
    ]
    versions = {r["version"]: r["active"] for r in rig.rows(rig.rules, "packs")}
    assert versions == {"1.0.0": False, "2.0.0": True}


def test_a_command_is_wanted_once_per_firing_and_advice_at_each_evaluation(rig: Any) -> None:
    rig.install("pump-01", mode="off")
    wanted: list[Any] = []
    for kind in (CommandWanted, ReplacementAdvised):
        rig.bus.subscribe(kind, lambda _uow, event: wanted.append(event))
    reactions = [
        {"command": {"name": "stop", "args": {"hard": True}, "expires": "2h"}},
        {"recommend": {"part": "bearing-set", "position": "bearing", "quantity": 1}},
    ]
    rule = {**VIB, "for": "0s", "keep_for": "0s", "then": reactions}
    rig.do(rig.rules.install, pack(rule), at_ms=0)
    feed_vibration(rig, 2.0, 2.0, 1.0, 2.0)

    rig.advance(40 * M)

    assert [(type(e).__name__, e.at_ms // M) for e in wanted] == [
        ("CommandWanted", 10),
        ("ReplacementAdvised", 10),
        ("ReplacementAdvised", 20),
        ("CommandWanted", 40),
        ("ReplacementAdvised", 40),
    ]
    first, second = (e for e in wanted if isinstance(e, CommandWanted))
    assert first.command_id != second.command_id
    assert (first.expires_ms, first.args) == (10 * M + 2 * H, {"hard": True})


def test_a_fitted_part_ends_what_a_rule_concluded_from_the_old_ones_wear(rig: Any) -> None:
    rig.install("pump-01")
    wear = {
        **ORDER_POINT,
        "let": {"wear": {"condition": "bearing_wear", "field": "wear_pct"}},
        "when": "wear > 50.0",
        "then": [{"alert": {}}],
    }
    rig.do(rig.rules.install, pack(wear, {**VIB, "for": "0s"}), at_ms=0)
    two_days = range(10 * M, 48 * H, 10 * M)
    rig.telemetry.add("pump-01", "vibration_mm_s", list(two_days), [1.0] * len(two_days))
    later = range(48 * H, 78 * H, 10 * M)
    rig.telemetry.add("pump-01", "vibration_mm_s", list(later), [4.0] * len(later))
    rig.advance(73 * H)
    assert sorted(e.data["rule"] for e in rig.feed if e.kind == "alert.raised") == [
        "order-point",
        "zone-c",
    ]

    data = {"position": "bearing", "part": "bearing-set", "serial": "s", "cycle": 2}
    event = PartFitted(at_ms=73 * H, kind="part.fitted", subject="pump-01", data=data)
    rig.do(lambda uow: uow.publish(event))
    rig.advance(74 * H)

    cleared = [e.data["rule"] for e in rig.feed if e.kind == "alert.cleared"]
    assert cleared == ["order-point"]  # the vibration alert clears by telemetry only (W9)


CASE = {
    "name": "three quarters of an hour of vibration",
    "every": "10m",
    "signals": {"vibration_mm_s": "1.0x3 2.0x5 _x2 1.0x9"},
    "expect": [
        {"at": "50m", "firing": []},
        {"at": "60m", "firing": ["zone-c"]},
        {"at": "130m", "firing": ["zone-c"]},
        {"at": "140m", "firing": []},
    ],
}
ORDER_CASE = {
    "name": "the order point is lead time and two weeks",
    "every": "6h",
    "conditions": {"bearing_wear.runout_p10_h": "inf 577 576 _"},
    "expect": [
        {"at": "12h", "firing": []},
        {"at": "18h", "firing": ["order-point"]},
        {"at": "26h", "firing": ["order-point"]},
    ],
}


def test_a_packs_tests_run_as_data_and_a_failing_one_shows_what_was_seen(rig: Any) -> None:
    rig.install("pump-01")
    wrong = {**CASE, "name": "wrong", "expect": [{"at": "40m", "firing": ["zone-c"]}]}
    body, tests = pack(VIB, {**ORDER_POINT, "stale_after": "6h"}), [CASE, ORDER_CASE, wrong]

    answer = rig.do(lambda uow: rig.rules.dry_run(uow.conn, body, tests))

    assert answer["problems"] == []
    assert [t["passed"] for t in answer["tests"]] == [True, True, False]
    assert answer["tests"][2] == {
        "name": "wrong",
        "passed": False,
        "expected": ["zone-c"],
        "seen": [],
        "at": "40m",
    }
    assert answer["ok"] is False
    assert rig.rows(rig.rules, "packs") == []


def test_every_mistake_of_a_test_file_is_told_at_once(rig: Any) -> None:
    rig.install("pump-01")
    bad = {
        "name": "",
        "every": "10",
        "signals": {"vibration_mm_s": "1.0y3", "power_kw": "1.0"},
        "conditions": {"bearing_wear.wear": "1"},
        "expect": [{"at": "1h", "firing": ["zone-d"]}, {"firing": []}],
        "expected": [],
    }
    answer = rig.do(lambda uow: rig.rules.dry_run(uow.conn, pack(), [bad]))

    assert sorted({p["where"] for p in answer["problems"]}) == [
        "tests[0].conditions.bearing_wear.wear",
        "tests[0].every",
        "tests[0].expect[0].firing[0]",
        "tests[0].expect[1].at",
        "tests[0].expected",
        "tests[0].name",
        "tests[0].signals.power_kw",
        "tests[0].signals.vibration_mm_s",
    ]


def test_service_and_unit_tests_fire_at_the_same_instants(rig: Any) -> None:
    """One engine: what a test proves is what happens."""
    rig.install("pump-01")
    rig.do(rig.rules.install, pack(), at_ms=0)
    samples = [1.0] * 3 + [2.0] * 5 + [None] * 2 + [1.0] * 9
    for number, value in enumerate(samples):
        if value is not None:
            rig.telemetry.add("pump-01", "vibration_mm_s", (number + 1) * 10 * M, value)
    rig.advance(3 * H)

    assert [(e.kind, e.at_ms // M) for e in rig.feed] == [
        ("alert.raised", 60),
        ("alert.cleared", 140),
    ]
