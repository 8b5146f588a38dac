"""Every check sees good and bad."""

from __future__ import annotations

import pytest

from broker.wire.messages import Telemetry
from harness.checks.base import Brief, Ending, catalog
from harness.events import FeedSeen, TruthHappened, TruthSampled
from harness.scenario.schema import Contract
from harness.sut.port import Stored

H = 3_600_000
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MONTH = 31 * 24 * H
D = "dev-01-1"
NEED = {"need_key": f"{D}/hub/1", "thing": D, "part": "hub"}


def feed(at_h: float, kind: str, subject: str, **data) -> FeedSeen:
    at_ms = START + int(at_h * H)
    return FeedSeen(at_ms=at_ms, kind=kind, subject=subject, data=data, event_id=f"{kind}{at_ms}")


def truth(at_h: float, kind: str, **data) -> TruthHappened:
    return TruthHappened(at_ms=START + int(at_h * H), kind=kind, subject=D, data=data)


def ending(**values) -> Ending:
    return Ending(**{"at_ms": START + 100 * H, "ledger": {}, **values})


ORDERED = [
    feed(1, "order.placed", "o1", **NEED),
    feed(2, "order.confirmed", "o1", **NEED),
    feed(3, "order.shipped", "o1", **NEED),
    feed(4, "order.delivered", "o1", **NEED),
]
FITTED = [truth(9, "part.fitted", part="hub"), feed(9, "part.fitted", D, cycle=2)]
AGAIN = feed(9, "order.placed", "o2", **NEED)
ALERT = [feed(1, "alert.raised", "a", thing=D, rule="r1")]
DOWN_10H = [truth(10, "device.down"), truth(20, "device.up")]
BELIEF = {"position": "hub", "wear_pct": 30.0}
HALF_WORN = TruthSampled(at_ms=START, device=D, component="hub", damage=0.5)

CASES = [
    ("one_order_per_need", {}, ORDERED, True),
    ("one_order_per_need", {}, [*ORDERED, feed(5, "order.placed", "o2", **NEED)], False),
    (
        "one_order_per_need",
        {},
        [
            ORDERED[0],
            feed(2, "order.rejected", "o1", **NEED),
            feed(9, "order.placed", "o2", **NEED),
        ],
        True,
    ),
    ("one_work_order_per_need", {}, [feed(1, "work_order.requested", "w1", **NEED)], True),
    (
        "one_work_order_per_need",
        {},
        [feed(i, "work_order.requested", f"w{i}", **NEED) for i in (1, 2)],
        False,
    ),
    ("order_follows_states", {}, ORDERED, True),
    ("order_follows_states", {}, [ORDERED[0], ORDERED[2]], False),
    ("order_follows_states", {}, [*ORDERED, feed(5, "order.cancelled", "o1", **NEED)], False),
    ("order_follows_states", {}, [feed(1, "work_order.closed", "w1", **NEED)], False),
    ("order_delivered", {"device": D}, ORDERED, True),
    ("order_delivered", {"device": D}, ORDERED[:3], False),
    ("order_delivered", {"device": D, "within": "3h"}, ORDERED, False),
    ("order_delivered", {"device": D, "times": 0}, ORDERED, False),
    ("part_fitted", {"device": D}, FITTED, True),
    ("part_fitted", {"device": D}, FITTED[:1], False),
    ("part_fitted", {"device": D}, FITTED[1:], False),
    (
        "alert_raised",
        {"device": D, "rule": "r1"},
        [feed(1, "alert.raised", "a", thing=D, rule="r1")],
        True,
    ),
    (
        "alert_raised",
        {"device": D, "rule": "r2"},
        [feed(1, "alert.raised", "a", thing=D, rule="r1")],
        False,
    ),
    ("no_orders", {"device": "dev-01-2"}, ORDERED, True),
    ("no_orders", {"device": ["dev-01-2", D]}, ORDERED, False),
    ("no_orders", {}, ORDERED, False),
    (
        "availability_at_least",
        {"share": 0.95},
        DOWN_10H,
        True,
    ),
    (
        "availability_at_least",
        {"share": 0.96},
        DOWN_10H,
        False,
    ),
    ("availability_at_least", {"share": 0.91, "device": D}, [truth(90, "device.down")], False),
    ("no_dead_letters", {}, ORDERED, True),
    ("no_dead_letters", {}, [feed(1, "message.dead", "s", topic="t", reason="no JSON")], False),
    (
        "wear_estimate_within",
        {"device": D, "points": 25},
        [HALF_WORN, feed(1, "condition.evaluated", D, **BELIEF)],
        True,
    ),
    (
        "wear_estimate_within",
        {"device": D, "points": 15},
        [HALF_WORN, feed(1, "condition.evaluated", D, **BELIEF)],
        False,
    ),
]


@pytest.mark.parametrize(("name", "args", "events", "passes"), CASES)
def test_a_check_tells_good_from_bad(name: str, args: dict, events: list, passes: bool) -> None:
    known = catalog()[name]
    brief = Brief(start_ms=START, until_ms=START + 100 * H, devices={D: "s", "dev-01-2": "s"})
    check = known(known.Arguments.model_validate(args), brief)
    for event in events:
        check.on_event(event)
    decision = check.decide(ending())

    assert decision.passed is passes, decision
    if not passes:
        assert decision.expected
        assert decision.seen
        assert decision.at_ms is not None


def test_what_is_lost_or_made_up_is_told_by_device_and_number() -> None:
    check = catalog()["nothing_lost"](None, None)
    good = check.decide(ending(ledger={"produced": 9, "lost": 0, "unexpected": 0}))
    lost = check.decide(
        ending(ledger={"produced": 9, "lost": 2, "unexpected": 0}, lost=["dev boot 1: 4-5"])
    )
    extra = check.decide(ending(ledger={"produced": 9, "lost": 0, "unexpected": 1}))

    assert good.passed
    assert not lost.passed
    assert "dev boot 1: 4-5" in lost.seen
    assert not extra.passed


def test_a_dead_letter_that_the_feed_hides_is_found_in_the_store() -> None:
    check = catalog()["no_dead_letters"](None, None)
    assert not check.decide(ending(stored=Stored(dead=1))).passed


OUTCOME = {
    "contract": "c",
    "period": "2026-01",
    "up_ms": MONTH - 24 * H,
    "down_ms": 24 * H,
    "unknown_ms": 0,
    "total_ms": MONTH,
    "fee_eur": 100.0,
    "credit_eur": 6.0,
}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({}, ""),
        ({"credit_eur": 6.01}, "credit_eur 6.01, not 6.0"),
        ({"up_ms": MONTH - 23 * H}, "up_ms"),
        ({"fee_eur": 99.0}, "fee_eur"),
        ({"period": "2026-02"}, "2026-02 was closed"),
        (None, "the DPS did not close 2026-01"),
    ],
)
def test_an_outcome_that_is_off_by_a_cent_is_found(wrong: dict | None, text: str) -> None:
    """24 of 744 hours down: 96.774 %, three whole steps of 1 % below 100 %, 2 % credit each."""
    contract = Contract(
        fee_eur=100.0,
        target=1.0,
        step=0.01,
        credit_pct_per_step=2.0,
        unknown_after_s=3600,
        up_when="able > 0.5",
    )
    brief = Brief(start_ms=START, until_ms=START + MONTH + H, devices={D: "s"}, contract=contract)
    check = catalog()["outcome_equals_oracle"](None, brief)
    samples = [
        Telemetry(
            device=D,
            boot=1,
            seq=i + 1,
            at_ms=START + i * H // 2,
            # the last up reading, at 9 h, vouches until 10 h: down from 10 h to 34 h
            signals={"able": 0.0 if 19 <= i < 68 else 1.0},
        )
        for i in range(2 * 744)
    ]
    check.on_messages([("s", sample) for sample in samples], START + MONTH)
    if wrong is not None:
        check.on_event(feed(744, "outcome.period_closed", "c/2026-01", **{**OUTCOME, **wrong}))
    decision = check.decide(ending(at_ms=START + MONTH + H))

    assert decision.passed is (text == ""), decision
    assert text in decision.seen
