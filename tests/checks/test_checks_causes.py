"""From a decision back to the truth, and from the truth to where things got stuck."""

from __future__ import annotations

import pytest

from harness.engine.causes import chain, explain, whereabouts
from harness.engine.checking import causes_of
from harness.engine.history import History
from harness.engine.lines import around

D = "dev-01-1"
NEED = {"need_key": f"{D}/hub/1", "thing": D, "part": "hub-set"}
ADVICE = {
    **NEED, "position": "hub", "rule": "worn", "pack": "p", "pack_version": "1.1.0",
    "values": {"wear_pct": 41.5}, "why": "two fifths are gone",
}  # fmt: skip
EVIDENCE = {"signal": "vib_mm_s", "level": 2.5, "baseline": 1.0}


def events(make):
    f = make.feed
    return [
        make.fault(1, "hub_wear", D), make.truth(1, "damage.onset", component="hub", life=1),
        make.sample(6, 0.12), make.sample(12, 0.44), make.sample(12, 0.0, "cap"),
        f(12, "condition.evaluated", D, position="hub", wear_pct=41.5, algorithm="rise/1",
          evidence=EVIDENCE),
        f(13, "alert.raised", "a", thing=D, rule="worn", pack="p", values={"wear_pct": 41.5}),
        f(13, "recommendation.issued", "r", **ADVICE),
        f(13, "recommendation.approved", "r", **NEED),
        f(13, "order.placed", "o", **NEED), make.deed(20, "order.deliver", "o"),
        f(20, "order.delivered", "o", **NEED),
        f(20, "work_order.requested", "w", order="o", **NEED),
        make.deed(30, "work_order.complete", "w", refused="not now"),
        make.sample(31, 0.9),
    ]  # fmt: skip


@pytest.fixture
def history(make) -> History:
    return History(events(make))


def test_a_work_order_goes_back_to_rule_version_readings_and_true_damage(history) -> None:
    links = explain(history, "w")

    assert [link.what for link in links] == [
        "work order", "order", "deed", "order", "recommendation", "recommendation", "rule",
        "alert", "belief", "readings", "truth", "truth", "fault",
    ]  # fmt: skip
    text = {link.what: link.text for link in links}
    assert text["rule"] == "worn of p 1.1.0 (wear_pct 41.5); two fifths are gone"
    assert text["readings"] == "rise/1 (signal vib_mm_s, level 2.5, baseline 1)"
    assert text["fault"].startswith(f"hub_wear on {D}")
    assert any(link.text == f"{D}: hub is damaged by 44 %" for link in links), "not what came later"
    assert explain(history, "nobody") == []


def test_a_credit_goes_back_to_the_hours_in_which_something_stood_still(make) -> None:
    history = History([make.truth(3, "device.down", component="hub"), make.truth(9, "device.up")])
    things = {D: {"down_ms": 6 * 3_600_000, "unknown_ms": 0}, "dev-01-2": {"down_ms": 0}}
    closed = make.feed(90, "outcome.period_closed", "c/2026-01", things=things, credit_eur=3.5)

    assert [link.text for link in chain(history, closed)][1:] == [
        f"{D}: down 6.0 h, unknown 0.0 h",
        f"{D}: device.down (component hub)",
        f"{D}: device.up",
    ]


def test_what_did_not_happen_shows_how_far_it_got(make, history) -> None:
    end_ms = events(make)[-1].at_ms
    links = whereabouts(history, D, end_ms)

    assert [link.what for link in links[-3:]] == ["delivery", "work order", "visit"]
    assert links[-1].text == f"none for {D} by then"
    assert whereabouts(history, "dev-01-2", end_ms)[-1].what == "alert"


def test_a_failed_check_begins_at_what_violated_it(make, history, judged) -> None:
    wrong = judged("never", {"never": 'kind == "order.delivered"'}, events(make))
    missing = judged("part_fitted", {"device": D}, events(make))

    assert causes_of(wrong, history, wrong.at_ms)[0].text.startswith("order.delivered o")
    assert causes_of(missing, history, missing.at_ms)[-1].text == f"none for {D} by then"
    assert len(around(history.told, wrong.at_ms)) == 10, "all but evaluations and samples"
