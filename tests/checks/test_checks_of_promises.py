"""Checkers that know contracts, rollouts and plans: their arithmetic, and their finer cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engine import agreed
from harness.oracles.brief import Amendment
from harness.oracles.contract_invariants import up_together
from harness.oracles.update_invariants import in_window
from harness.scenario import build as b
from harness.scenario.entries import Setup

H = 3_600_000
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z, a Thursday
D, OTHER = "dev-01-1", "dev-01-2"


@given(rows=st.lists(st.lists(st.booleans(), min_size=12, max_size=12), min_size=1, max_size=5),
       data=st.data())  # fmt: skip
def test_k_things_are_together_up_within_the_bounds_that_each_one_s_time_gives(rows, data) -> None:
    k = data.draw(st.integers(1, len(rows)))
    together = sum(sum(column) >= k for column in zip(*rows, strict=True))
    low, high = up_together(sorted(map(sum, rows)), k, 12)
    assert low <= together <= high


def test_the_bounds_of_a_group_are_as_narrow_as_they_can_be() -> None:
    assert up_together([60, 90], 2, 100) == (50, 60)
    assert up_together([60, 90], 1, 100) == (75, 100)
    assert up_together([100, 100, 100], 2, 100) == (100, 100)
    assert up_together([0, 0, 90], 2, 100) == (0, 0)


@pytest.mark.parametrize(
    ("hours", "days", "at_h", "zone", "inside"),
    [
        ("09:00-15:00", None, 9, "UTC", True),
        ("09:00-15:00", None, 15, "UTC", False),
        ("09:00-15:00", None, 8, "Europe/Rome", True),
        ("22:00-05:00", None, 23, "UTC", True),
        ("22:00-05:00", ["thu"], 28, "UTC", True),
        ("22:00-05:00", ["fri"], 28, "UTC", False),
        ("22:00-05:00", None, 5, "UTC", False),
        ("09:00-15:00", ["fri"], 10, "UTC", False),
        ("00:00-00:00", None, 13, "UTC", True),
    ],
)
def test_a_window_is_of_its_days_and_place_and_may_cross_midnight(
    hours, days, at_h, zone, inside
) -> None:
    window = {"hours": hours} if days is None else {"hours": hours, "days": days}
    assert in_window(window, START + at_h * H, zone) is inside


def test_a_device_of_other_hardware_is_never_asked(make, brief, judged_by) -> None:
    told = {"rollout": "roll", "thing": D, "version": "2.0.0"}
    asked = [make.feed(9, "firmware.initiated", f"roll/{D}", **told)]
    packages = {"pack": {"models": ["mixer"], "hardware": ["B"]}}
    for revision, passes in (("A", False), ("B", True)):
        knows = replace(brief, packages=packages, hardware={D: revision})
        assert judged_by(knows, "FW3", asked).passed is passes
    assert "hardware ''" in judged_by(replace(brief, packages=packages), "FW3", asked).seen


def test_no_more_are_asked_in_a_minute_than_agreed_even_if_all_are_done(
    make, brief, judged_by
) -> None:
    def asked(second: float, thing: str):
        told = {"rollout": "roll", "thing": thing}
        begun = make.feed(9 + second / 3600, "firmware.initiated", f"roll/{thing}", **told)
        over = make.feed(9 + second / 3600, "firmware.updated", f"roll/{thing}", **told)
        return [begun, over]

    slow = replace(brief, rollouts={"roll": {"package": "pack", "per_minute": 1}})
    assert "within a minute" in judged_by(slow, "FW10", [*asked(0, D), *asked(59, OTHER)]).seen
    assert judged_by(slow, "FW10", [*asked(0, D), *asked(60, OTHER)]).passed


def test_a_contract_that_ends_in_mid_month_asks_for_the_days_until_then(make, judged) -> None:
    _, (closed, _) = make.agreed()["K5"]
    ended = make.feed(240, "contract.terminated", "k-1")
    ten_days = {**closed.data, "total_ms": 240 * H, "fee_eur": 58.06}
    short = make.feed(745, "outcome.period_closed", "k-1/2026-01", **ten_days)

    assert judged("invariants", {"only": "K9"}, [ended, short]).passed
    assert "lasts" in judged("invariants", {"only": "K9"}, [short]).seen
    assert "lasts" in judged("invariants", {"only": "K9"}, [ended, closed]).seen
    whole = make.feed(745, "outcome.period_closed", "k-1/2026-01", **{**ten_days, "fee_eur": 180.0})
    assert "0.3226 of a month" in judged("invariants", {"only": "K9"}, [ended, whole]).seen


def test_a_contract_whose_terms_have_changed_is_not_judged_by_the_old_ones(make, judged) -> None:
    log, _ = make.agreed()["K7"]
    other = make.feed(2, "contract.amended", "k-1", changes=["target"])
    owner = make.feed(2, "contract.amended", "k-1", changes=["customer"])

    assert judged("invariants", {"only": "K7"}, [other, *log]).passed
    assert not judged("invariants", {"only": "K7"}, [owner, *log]).passed


def test_what_a_call_amends_counts_from_its_month_on(make, brief, judged_by) -> None:
    """Time that was degraded counts half in January, and whole from February on."""
    _, (january,) = make.agreed()["K7"]
    slow = {"up_ms": 734 * H, "degraded_ms": 10 * H, "unknown_ms": 0, "availability": 1 - 5 / 744}
    whole = {"up_ms": 662 * H, "degraded_ms": 10 * H, "total_ms": 672 * H}
    times = january.data | slow
    closed = make.feed(745, "outcome.period_closed", "k-1/2026-01", **times)
    amended = make.feed(
        2, "contract.amended", "k-1", changes=["degraded_weight"], from_ms=START + 744 * H
    )
    dearer = Amendment(START + 744 * H, {"degraded_weight": 1.0})
    knows = replace(brief, amendments={"k-1": [dearer]})

    def february(share: float):
        told = {**times, **whole, "period": "2026-02", "availability": share}
        return make.feed(1417, "outcome.period_closed", "k-1/2026-02", **told)

    kept, forgot = february(1 - 10 / 672), february(1 - 5 / 672)
    assert judged_by(knows, "K7", [amended, closed, kept]).passed
    assert "k-1/2026-02" in judged_by(knows, "K7", [amended, closed, forgot]).seen
    assert judged_by(knows, "K7", [closed, forgot]).passed, "nothing was amended"
    early = make.feed(745, "outcome.period_closed", "k-1/2026-01", **{**times, "availability": 1.0})
    assert "k-1/2026-01" in judged_by(knows, "K7", [amended, early]).seen
    twice = replace(brief, amendments={"k-1": [dearer, dearer]})
    assert judged_by(twice, "K7", [amended, closed, forgot]).passed, "nobody knows which"


def told_by(*made: tuple[str, str, dict[str, Any]]) -> b.Scenario:
    calls = [{"method": method, "path": path, "body": body} for method, path, body in made]
    entry = Setup.model_validate({"at": "0h", "service": {"calls": calls}})
    return b.Scenario(title="T", run=b.run("2026-01-01T00:00:00Z", "1d"), fleets=(b.fleet("pump"),),
                      timeline=(entry,))  # fmt: skip


def test_terms_are_those_of_the_call_and_beneath_them_those_of_its_tier() -> None:
    said = {"things": [D], "fee_eur": 1.0, "tier": "gold"}
    gold = ("PUT", "/v1/contract-tiers/gold", {"title": "Gold", "terms": {"fee_eur": 9.0, "k": 2}})
    mine = ("PUT", "/v1/contracts/k-1", said)

    assert agreed.contracts(told_by(gold, mine), []) == {"k-1": {**said, "k": 2}}
    assert agreed.contracts(told_by(gold, gold, mine), []) == {}, "a tier that changes"
    assert agreed.contracts(told_by(mine), []) == {}, "a tier of somebody else"
    assert agreed.contracts(told_by(gold, mine, mine), []) == {}, "agreed on twice"
    every = ("PUT", "/v1/contracts/k-2", {"things": [{"every": "pump"}]})
    assert agreed.contracts(told_by(every), []) == {}


def test_amendments_begin_with_their_month() -> None:
    body = {"by": "desk", "from_period": "2026-02", "terms": {"fee_eur": 2.0}}
    made = told_by(("POST", "/v1/contracts/k-1/amendments", body))

    assert agreed.amendments(made) == {"k-1": (Amendment(START + 744 * H, {"fee_eur": 2.0}),)}


def test_two_flags_over_one_another_doubt_each_hour_once(make, judged) -> None:
    _, (flagged, cleared, kept) = make.agreed()["K12"]
    drift = {"signal": "run", "flag": "drift"}
    second = make.feed(8, "data.flagged", D, since_ms=START + 6 * H, **drift)
    gone = make.feed(12, "data.cleared", D, **drift)
    other = make.feed(8, "data.flagged", D, since_ms=START, signal="colour", flag="frozen")

    told = [flagged, second, other, gone, cleared, kept]
    assert judged("invariants", {"only": "K12"}, told).passed
    longer = make.feed(20, "data.cleared", D, signal="run", flag="frozen")
    assert not judged("invariants", {"only": "K12"}, [flagged, longer, kept]).passed


def test_a_line_stands_on_one_invoice(make, judged) -> None:
    _, (first,) = make.agreed()["K6"]
    again = make.feed(760, "invoice.drafted", "inv-2", **first.data)

    assert (
        "stands on inv-2, and on inv" in judged("invariants", {"only": "K6"}, [first, again]).seen
    )


def test_a_durable_command_may_be_answered_late(make, judged) -> None:
    (asked, late), _ = make.rolled()["R2"]
    asked.data["durable"] = True

    assert judged("invariants", {"only": "R2"}, [asked, late]).passed


def test_an_old_confirmation_that_comes_late_changes_nothing(make, judged) -> None:
    def confirmed(at_h: float, level_m: float, applied_m: float):
        told = {"thing": D, "name": "set_settings", "args": {"level_m": level_m}}
        return make.feed(at_h, "command.confirmed", "c", **told, applied={"level_m": applied_m})

    newer = confirmed(3, 2.0, 2.0)
    assert judged("invariants", {"only": "R4"}, [newer, confirmed(2, 1.0, 2.0)]).passed
    assert not judged("invariants", {"only": "R4"}, [newer, confirmed(2, 1.0, 1.0)]).passed


def test_a_look_is_judged_by_what_was_told_until_then_and_by_nothing_later(make, judged) -> None:
    _, (begun, seen, unpaid, after) = make.subscribed()["SU1"]

    assert judged("invariants", {"only": "SU1"}, [seen, begun, after, unpaid]).passed
    assert "its plans say nothing" in judged("invariants", {"only": "SU1"}, [seen, unpaid]).seen


def test_what_a_plan_by_thing_gives_is_of_no_other_thing(make, judged) -> None:
    (begun, _, look), _ = make.subscribed()["SU6"]
    look.data["answer"]["features"] = ["charts"]

    assert "which is of dev-01-1" in judged("invariants", {"only": "SU6"}, [begun, look]).seen
