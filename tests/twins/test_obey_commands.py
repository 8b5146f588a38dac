"""What a device does with commands, settings, licences and interlocks."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from typing import Any

import pytest

from twins.core import declared, unlock
from twins.core.commands import CORE
from twins.core.errors import InvalidProduct
from twins.core.manifest import Param
from twins.core.obedience import Obedience
from twins.core.spec import LICENCE_KEY
from twins.core.unlock import Licence, sign

HOUR = 3_600_000


@pytest.fixture
def mill(mills: Any) -> Any:
    return mills().start()


def licence(mill: Any, *, device: str = "mill-1", feature: str = "turbo", number: int = 1) -> str:
    return sign(LICENCE_KEY, Licence(device, feature, mill.now_ms + HOUR, number))


def settings(ack: Any) -> tuple[dict[str, float], int]:
    assert ack.status == "done", ack.detail
    said = json.loads(ack.detail)
    return said["settings"], said["version"]


def test_a_command_gets_its_arguments_with_defaults_and_every_problem_is_told_at_once(
    mill: Any,
) -> None:
    ack = mill.tell("turbo", speed=95, turns=2.5, mode="wild", force=1)
    assert ack.status == "refused"
    for problem in (
        "turbo: unknown argument 'force'; there are: mode, speed, turns",
        "turbo: speed must be a number from 10 to 90 rpm, not 95",
        "turbo: turns must be a whole number of at least 1, not 2.5",
        "turbo: mode must be one of soft, hard, not 'wild'",
        "turbo needs firmware 1.1.0, this device runs 1.0.0",
        "feature 'turbo' is locked; send unlock_feature with a licence token",
    ):
        assert problem in ack.detail
    assert "turbo: speed is missing; it must be a number" in mill.tell("turbo").detail
    assert mill.twin.told == []
    assert mill.tell("turbo2").detail.startswith("unknown command 'turbo2' (did you mean 'turbo'?)")

    mill.tell("update_firmware", version="1.1.0")
    mill.run(HOUR)
    mill.tell("unlock_feature", token=licence(mill))
    assert mill.tell("turbo", speed=20).status == "done"
    assert mill.twin.told[-1] == (0, "turbo", {"speed": 20, "turns": 3, "mode": "soft"})


@pytest.mark.parametrize("value", [True, "2", float("nan"), float("inf"), None])
def test_what_is_no_number_is_no_setting(mill: Any, value: object) -> None:
    ack = mill.tell("set_settings", high=value)
    assert ack.status == "refused"
    assert ack.detail.startswith("high must be a number from 1 to 5 m, not ")


def test_settings_are_changed_all_together_or_not_at_all(mill: Any) -> None:
    assert settings(mill.tell("get_settings")) == (
        {"high": 3.0, "low": 1.0, "rated": 7.5, "boost": 0.0},
        0,
    )
    assert settings(mill.tell("set_settings", high=4, low=2.5)) == ({"high": 4.0, "low": 2.5}, 1)
    assert mill.twin.levels.tolist() == [[4.0, 2.5], [3.0, 1.0]]
    ack = mill.tell("set_settings", low=2.0, high=9.0, rated=1.0, boost=1, hihg=2.0)
    for problem in (
        "high must be a number from 1 to 5 m, not 9.0",
        "rated can only be read",
        "feature 'turbo' is locked",
        "there is no setting 'hihg' (did you mean 'high'?); there are: boost, high, low, rated",
    ):
        assert problem in ack.detail
    crossed = mill.tell("set_settings", low=3.0, high=3.1)
    assert crossed.detail == "low 3 m must be 0.2 m below high 3.1 m"
    assert settings(mill.tell("get_settings", name="low")) == ({"low": 2.5}, 1)
    assert mill.twin.levels.tolist() == [[4.0, 2.5], [3.0, 1.0]]
    assert "no setting is given" in mill.tell("set_settings").detail


def test_a_change_may_be_tied_to_the_version_of_settings_that_was_read(mill: Any) -> None:
    assert mill.tell("set_settings", low=2.0, if_version=0).status == "done"
    stale = mill.tell("set_settings", low=1.5, if_version=0)
    assert stale.detail == "the settings are at version 1, not 0; read them again"
    assert mill.tell("set_settings", low=1.5).status == "done"  # else the last one wins


def test_settings_survive_a_reboot_and_a_snapshot(mill: Any) -> None:
    mill.tell("set_settings", high=4.0)
    assert mill.tell("reboot").status == "done"
    mill.run(HOUR)
    assert [boot for _, _, boot in mill.born] == [2]
    for each in (mill, mill.again()):
        values, version = settings(each.tell("get_settings"))
        assert (values["high"], version) == (4.0, 1)
        assert each.tell("set_settings", low=3.9).status == "refused"


def test_a_licence_opens_its_feature_on_its_device_until_it_ends(mill: Any) -> None:
    mill.tell("unlock_feature", token=licence(mill))
    assert mill.tell("set_settings", boost=2).status == "done"
    assert mill.tell("set_settings", "mill-2", boost=2).status == "refused"
    restored = mill.again()
    for each in (mill, restored):
        each.run(HOUR - 1)
        assert each.tell("set_settings", boost=1).status == "done"
        each.run(1)
        assert "the licence ended at" in each.tell("set_settings", boost=2).detail
        ended = [t.data for t in each.truths if t.kind == "feature.locked"]
        assert ended == [{"feature": "turbo"}]
        assert each.twin.told[-1] == (0, "turbo", False)


def test_a_licence_that_comes_with_the_device_needs_no_token(mill: Any) -> None:
    now_ms = mill.now_ms
    assert mill.fleet.obedience.licences.unlocked(0, "basic", now_ms)
    assert not mill.fleet.obedience.licences.unlocked(0, "turbo", now_ms)


def test_tokens_of_others_replayed_changed_or_signed_by_others_are_refused(mill: Any) -> None:
    def why(token: str) -> str:
        ack = mill.tell("unlock_feature", token=token)
        assert ack.status == "refused"
        return str(ack.detail)

    good = licence(mill, number=5)
    assert "is for 'mill-2', this device is 'mill-1'" in why(licence(mill, device="mill-2"))
    assert "no feature 'wings'; there are: basic, turbo" in why(licence(mill, feature="wings"))
    later = good.replace(str(mill.now_ms + HOUR), str(mill.now_ms + 9 * HOUR))
    foreign = sign("somebody", Licence("mill-1", "turbo", mill.now_ms + HOUR, 9))
    for token in (later, foreign, good[:-1], good + "0", "", "v1.a.b.c.d.e", "é" * 9, "v1.²"):
        assert "not signed by the vendor" in why(token)
    ended = sign(LICENCE_KEY, Licence("mill-1", "turbo", mill.now_ms, 6))
    assert "the licence ended" in why(ended)
    assert mill.tell("unlock_feature", token=good).status == "done"
    assert "number 5 was used already; the next one must be above 5" in why(good)
    assert "must be above 5" in why(licence(mill, number=4))
    assert mill.tell("unlock_feature", token=ended).status == "done"  # the right is taken back
    assert mill.tell("set_settings", boost=2).status == "refused"


def test_every_single_changed_character_of_a_token_is_noticed() -> None:
    token = sign("k", Licence("mill-1", "turbo", 1_700_000_000_000, 12))
    assert unlock.read("k", token) == Licence("mill-1", "turbo", 1_700_000_000_000, 12)
    for place, sign_there in enumerate(token):
        for other in {"0", "1", "a", "."} - {sign_there}:
            assert unlock.read("k", token[:place] + other + token[place + 1 :]) is None


def test_no_command_overrides_an_interlock_and_its_edges_are_truths(mill: Any) -> None:
    mill.twin.guard_open[0] = True
    mill.run(600_000)
    assert mill.tell("start").detail == "blocked by the interlock 'guard_open' (Guard open)"
    assert mill.tell("reboot").status == "refused"
    assert mill.tell("start", "mill-2").status == "done"
    assert "no update while guard_open" in mill.tell("update_firmware", version="1.1.0").detail
    mill.run(2 * 600_000)  # said once
    mill.twin.guard_open[0] = False
    mill.run(600_000)
    assert mill.tell("start").status == "done"
    edges = [(t.kind, t.subject, t.data, t.at_ms - mill.now_ms) for t in mill.truths]
    assert edges == [
        ("interlock.tripped", "mill-1", {"interlock": "guard_open"}, -3 * 600_000),
        ("interlock.cleared", "mill-1", {"interlock": "guard_open"}, 0),
    ]


def test_states_decide_what_may_be_done_now(mill: Any) -> None:
    assert mill.tell("rest").detail == "only while 'busy' (Somebody works at it)"
    mill.twin.busy[0] = True
    assert mill.tell("rest").status == "done"
    assert "not while 'busy' (Somebody works at it)" in mill.tell("turbo", speed=20).detail
    assert [t.kind for t in mill.truths] == []  # a state is no interlock


def test_a_declaration_that_names_what_is_not_there_is_its_authors_mistake() -> None:
    bad = declared.read(
        tomllib.loads("""
        id = "x"
        model = "x-1"
        [commands.reboot]
        title = "mine"
        [commands.go]
        title = "Go"
        feature = "wings"
        not_while = ["asleep"]
        args.speed.kind = "wish"
        [settings.level]
        unit = "m"
        min = 0
        max = 1
        default = 2
        title = ""
        [settings.other]
        unit = "m"
        min = 0
        max = 1
        param = "nothing"
        title = ""
        [safety.fire]
        title = "Fire"
        blocks = ["fly"]
        [images."one"]
        size_bytes = 1
        fault = "haunted"
        """)
    )
    param = Param(unit="1", default=0.0, min=0.0, max=1.0)
    assert declared.problems(bad, {"rated": param}, CORE) == [
        "command 'reboot' is one that every device has; choose another name",
        "command go names state 'asleep'; there are: fire",
        "command go names feature 'wings'; there are: none",
        "command go: speed is of kind 'wish'; there are: flag, number, text, whole",
        "setting level: default 2 is outside its own range",
        "setting other names parameter 'nothing'; there are: rated",
        (
            "state fire names command 'fly'; there are: get_settings, go, reboot, set_settings, "
            "unlock_feature, update_firmware"
        ),
        "image 'one': a version is three numbers, as 1.2.0",
        "image one names fault 'haunted'; there are: boot_loop, corrupt, self_test",
    ]


def test_a_product_that_declares_settings_without_taking_them_is_incomplete(mill: Any) -> None:
    class Deaf:
        """Neither takes settings nor tells states."""

    with pytest.raises(InvalidProduct, match=r"settings, but its twin has no configure.*states"):
        Obedience(
            key="k",
            rank=1,
            manifest=dataclasses.replace(mill.fleet.manifest),
            build=mill.fleet.build,
            twin=Deaf(),  # type: ignore[arg-type]
            pending=mill.pending,
            ledger=mill.ledger,
            wire=mill.fleet.wire,
        )
