"""Each numbered invariant by hand: the shortest log that breaks it, and one that does not."""

from __future__ import annotations

import re

import pytest

from harness.checks.invariants import numbers
from harness.oracles.invariants import REGISTRY

H = 3_600_000
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z, where the logs of ``make`` begin

D = "dev-01-1"
NEED = {"need_key": f"{D}/hub/1", "thing": D, "part": "hub-set", "position": "hub", "cycle": 1}
ORDER = {**NEED, "quantity": 1, "unit_price_eur": 300.0, "total_eur": 300.0, "by": "policy:auto"}
ADVICE = {
    **NEED, "unit_price_eur": 300.0, "rule": "worn", "pack": "p", "pack_version": "1",
    "values": {"wear_pct": 90.0},
}  # fmt: skip
ALERT = {"thing": D, "rule": "wet", "pack": "p", "values": {"w": 1.0}}

TOLD = {**ADVICE, "customer": "north", "due_ms": START + 50 * H}
BAND = {"thing": D, "rule": "band", "pack": "p", "values": {"m": 1.5}}


def story(make):
    """Everything that a healthy service tells from advice to the next cycle."""
    f = make.feed
    return [
        f(1, "recommendation.issued", "r", **ADVICE), f(1, "recommendation.approved", "r", **NEED),
        f(1, "order.placed", "o", **ORDER), f(2, "order.confirmed", "o", **ORDER),
        f(3, "order.shipped", "o", **ORDER), f(4, "order.delivered", "o", **ORDER),
        f(4, "work_order.requested", "w", **NEED), f(5, "work_order.planned", "w", **NEED),
        f(6, "work_order.departed", "w", **NEED), f(7, "work_order.arrived", "w", **NEED),
        make.truth(8, "part.fitted", component="hub"), f(8, "work_order.completed", "w", **NEED),
        f(8, "part.fitted", D, position="hub", serial="s2", cycle=2),
        f(10, "work_order.verified", "w", **NEED), f(10, "work_order.closed", "w", **NEED),
    ]  # fmt: skip


def broken(make):
    f, good = make.feed, story(make)
    lost = [
        *good[:3],
        f(2, "order.rejected", "o", **ORDER, reason="sold out"),
    ]
    alerts = [f(1, "alert.raised", "a", **ALERT), f(2, "alert.cleared", "a", **ALERT)]
    order2 = {**ORDER, "need_key": f"{D}/hub/2", "cycle": 2}
    away = [make.fault(1, "outage", "site-01"), f(5, "alert.raised", "a", **ALERT)]
    return {
        "S1": [good[0], f(9, "recommendation.issued", "r", **ADVICE)],
        "O1": [*good[:3], f(2, "order.placed", "o2", **ORDER)],
        "O2": [good[0], f(2, "recommendation.issued", "r2", **ADVICE)],
        "O3": [*good[:6], f(5, "order.placed", "o2", **order2)],
        "O4": [*lost, f(5, "recommendation.issued", "r", **ADVICE)],
        "O5": [f(1, "recommendation.issued", "r", **{**ADVICE, "part": "cap"})],
        "O6": [*good[:2], f(1, "order.placed", "o", **{**ORDER, "total_eur": 299.99})],
        "O7": [f(1, "order.placed", "o", **{**ORDER, "unit_price_eur": 401.0})],
        "O8": [f(1, "order.placed", "o", **{**ORDER, "thing": "dev-07-1"})],
        "O12": [f(1, "recommendation.approved", "r", **NEED)],
        "O15": [f(1, "recommendation.issued", "r", **{**ADVICE, "pack_version": ""})],
        "A1": [alerts[0], f(2, "alert.raised", "b", **ALERT)],
        "A2": [alerts[0], f(0.5, "alert.cleared", "a", **ALERT)],
        "A3": [*alerts, f(3, "alert.cleared", "a", **ALERT)],
        "A4": [*alerts, f(3, "alert.raised", "a", **ALERT)],
        "A5": [f(1, "alert.raised", "a", **BAND), f(2, "alert.cleared", "a", **BAND)],
        "A6": [*away, make.step(6), make.step(8)],
        "A8": [alerts[0], f(1, "alert.raised", "b", **ALERT)],
        "A12": [alerts[0], f(3, "alert.raised", "b", **{**ALERT, "rule": "damp"})],
        "W1": [good[6], f(5, "work_order.requested", "w2", **NEED)],
        "W4": [*good[6:10], make.sample(7, 0.95), f(8, "work_order.completed", "w", **NEED),
               f(10, "work_order.verified", "w", **NEED)],
        **{ident: log for ident, (log, _) in bought(make).items()},
        **{ident: log for ident, (log, _) in classed(make).items()},
        **{ident: log for ident, (log, _) in promised(make).items()},
        **{ident: log for ident, (log, _) in remote(make).items()},
        **{ident: log for ident, (log, _) in make.sent().items()},
        **{ident: log for ident, (log, _) in make.updated().items()},
        **{ident: log for ident, (log, _) in make.subscribed().items()},
        **{ident: log for ident, (log, _) in make.agreed().items()},
        **{ident: log for ident, (log, _) in make.rolled().items()},
        **{ident: log for ident, (log, _) in make.measured().items()},
        "W5": [good[12], f(9, "part.fitted", "dev-01-2", position="hub", serial="s2", cycle=2)],
        "W9": [alerts[0], good[12], f(8, "alert.cleared", "a", **{**ALERT, "values": {}})],
    }  # fmt: skip


def bought(make):
    """O9 to O16 beside those above: a log that breaks it, and its nearest that does not."""
    f = make.feed
    issued = f(3, "recommendation.issued", "r", **ADVICE)
    covered = {**ORDER, "contract": "c-1", "unit_price_eur": 0.0, "total_eur": 0.0}
    served = [issued, f(4, "recommendation.served", "r", **NEED)]
    worn_out = f(2, "condition.evaluated", D, position="hub", runout_p10_ms=START + 50 * H)
    late = {**ADVICE, "eta_ms": START + 60 * H}
    flagged = f(1, "data.flagged", D, signal="level", positions=["hub"])
    lines = {"lines": [{"need_key": NEED["need_key"], "quantity": 1, "unit_price_eur": 300.0}]}
    stocked = {"thing": D, "part": "hub-set", "total_eur": 300.0, **lines}
    first, second = (f(t, "replenishment.placed", f"p{t}", **stocked) for t in (4, 6))

    def many(*hours: float):
        return [
            f(t, "recommendation.issued", f"r{n}", **{**ADVICE, "need_key": f"{D}/hub-{n}/1"})
            for n, t in enumerate(hours)
        ]

    return {
        "O9": (
            [f(1, "order.placed", "o", **covered)],
            [f(1, "order.placed", "o", **covered, channel="portal", cost_eur=300.0)],
        ),
        "O10": ([*served, f(5, "order.placed", "o", **ORDER, channel="portal")], served),
        "O11": (
            [worn_out, f(3, "recommendation.issued", "r", **late)],
            [worn_out, f(3, "recommendation.issued", "r", **late, risk="comes after run-out")],
        ),
        "O13": (many(1, 2, 3, 4, 5, 6), many(1, 2, 3, 4, 5, 25.5)),
        "O14": ([flagged, issued], [flagged, f(2, "data.cleared", D, signal="level"), issued]),
        "O16": (
            [first, second],
            [first, f(5, "replenishment.rejected", "p4", **stocked, reason="sold out"), second],
        ),
    }


def classed(make):
    """C1 to C7: a log that breaks it, and its nearest that does not."""
    f = make.feed
    issued = f(1, "recommendation.issued", "r", **TOLD)
    dropped = [issued, f(2, "recommendation.discarded", "r", **NEED, reason="sold")]
    taken = [issued, f(2, "recommendation.withdrawn", "r", **NEED)]

    def as_(given: str, at_h: float = 3, customer: str = "north"):
        return f(at_h, "compliance.classed", "r", customer=customer, **{"class": given})

    bought_before = f(1, "order.placed", "o", **ORDER, channel="portal")
    empty = {**ORDER, "quantity": 0, "total_eur": 0.0, "channel": "portal"}
    silent = f(2, "recommendation.discarded", "r", **NEED)
    return {
        "C1": ([*dropped, as_("SHELVED")], [*dropped, as_("DISCARDED")]),
        "C2": ([*dropped, as_("ORDERED_AS_RECOMMENDED")], [*dropped, as_("DISCARDED")]),
        "C3": ([issued, as_("EXPIRED", 49)], [issued, as_("EXPIRED", 50)]),
        "C4": ([*taken, as_("DISCARDED")], [*taken, as_("WITHDRAWN")]),
        "C5": ([f(1, "order.placed", "o", **empty)], [bought_before]),
        "C6": ([issued, silent, as_("DISCARDED")], [*dropped, as_("DISCARDED")]),
        "C7": ([*dropped, as_("DISCARDED", 3, "south")], [*dropped, as_("DISCARDED")]),
    }


def promised(make):
    """W2, W3, W7, W8: a log that breaks it, and its nearest that does not.

    Four hours of days from eight to four are promised at midnight: due at noon.
    """
    f = make.feed
    days = {day: [["08:00", "16:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    terms = {"t0_ms": START, "pause_reasons": ["customer_access"],
             "calendar": {"time_zone": "UTC", "hours": days, "holidays": []}}  # fmt: skip

    def limits(hours: float, due_h: float):
        return {"limits": {"restore": {"limit_ms": int(hours * H), "due_ms": START + due_h * H}}}

    begun = f(1, "sla.started", "i", **terms, **limits(4, 12))
    done = f(11.5, "sla.stopped", "i", what="restore", outcome="restored")
    held = f(9, "sla.paused", "i", reason="customer_access")
    on = {"reason": "held no longer"}
    return {
        "W2": ([f(1, "sla.started", "i", **terms, **limits(4, 4))], [begun, done]),
        "W3": (
            [begun, f(9, "sla.paused", "i", reason="provider_part")],
            [begun, held, f(10, "sla.resumed", "i", **on, **limits(4, 13)), done],
        ),
        "W7": (
            [begun, f(9, "sla.changed", "i", **limits(3, 12))],
            [begun, f(9, "sla.changed", "i", **limits(3.75, 11.75)), done],
        ),
        "W8": ([begun], [begun, f(12, "sla.breached", "i", what="restore")]),
    }


def test_a_limit_that_ran_out_is_told_once_and_at_its_time(make, judged) -> None:
    _, (begun, breached) = promised(make)["W8"]
    late = make.feed(13, "sla.breached", "i", what="restore")
    stopped = make.feed(13, "sla.stopped", "i", what="restore", outcome="restored")

    assert "twice" in judged("invariants", {"only": "W8"}, [begun, breached, late]).seen
    assert "wrong time" in judged("invariants", {"only": "W8"}, [begun, late]).seen
    assert "before it stopped" in judged("invariants", {"only": "W8"}, [begun, stopped]).seen


def test_a_pause_that_came_back_with_too_much_time_is_found(make, judged) -> None:
    log = list(promised(make)["W3"][1])
    far = {"restore": {"limit_ms": 4 * H, "due_ms": START + 14 * H}}
    log[2] = make.feed(10, "sla.resumed", "i", reason="held no longer", limits=far)

    assert "+60 min" in judged("invariants", {"only": "W3"}, log).seen


def remote(make):
    """FW and R: a log that breaks it, and its nearest that does not."""
    f = make.feed
    device = {"thing": D, "rollout": "u", "group": 1, "version": "2.0.0"}
    other = {**device, "thing": "dev-01-2"}
    begun = f(2, "firmware.initiated", f"u/{D}", **device)
    group = {"rollout": "u", "group": 1, "size": 2, "error_share": 0.4, "success_share": 1.0}
    failed = [
        f(1, "firmware.group_started", "u", **group), begun,
        f(3, "firmware.rolled_back", f"u/{D}", **device),
    ]  # fmt: skip
    born = f(3, "device.born", D, firmware="2.0.0")
    updated = f(4, "firmware.updated", f"u/{D}", **device)
    ask = f(1, "command.requested", "c", thing=D, name="reverse", args={})
    done = f(2, "command.confirmed", "c", thing=D, name="reverse", args={})
    again = {"thing": D, "name": "set_settings", "args": {"level_m": 1.0}}
    return {
        "FW2": ([begun, updated], [begun, born, updated]),
        "FW4": (
            [begun, f(3, "firmware.initiated", f"v/{D}", **{**device, "rollout": "v"})],
            [begun, born, updated,
             f(5, "firmware.initiated", f"v/{D}", **{**device, "rollout": "v"})],
        ),
        "FW7": (
            [*failed, f(4, "firmware.initiated", "u/dev-01-2", **other)],
            [*failed, f(4, "firmware.skipped", "u/dev-01-2", **other)],
        ),
        "R1": ([ask, done, done], [ask, done]),
        "R3": (
            [ask, f(2, "command.retried", "c", thing=D, name="reverse", args={}, attempt=2)],
            [f(1, "command.requested", "c", **again), f(2, "command.retried", "c", **again)],
        ),
    }  # fmt: skip


def test_going_down_asks_for_no_payment(make, judged) -> None:
    down = {"customer": "cust", "thing": D, "plan": "pro", "next_plan": "basic", "state": "ACTIVE"}
    asked = make.feed(2, "subscription.change_asked", "s-1", **down)
    bill = make.feed(2, "charge.asked", "c-1", subject="s-1", customer="cust", amount_eur=1.0)
    assert "goes down" in judged("invariants", {"only": "SU3"}, [asked, bill]).seen
    assert judged("invariants", {"only": "SU3"}, [asked]).passed


def numbers_of(text: str) -> set[str]:
    return set(re.findall(r"\b((?:FW|SU|[OCAWKSR])\d+): ", text))


def test_a_healthy_story_breaks_no_invariant(make, judged) -> None:
    alerts = [
        make.feed(1, "alert.raised", "a", **ALERT),
        make.feed(9, "alert.cleared", "a", **ALERT),
    ]
    back = [make.fault(1, "outage", "site-01"), make.step(4),
            make.feed(5, "alert.raised", "b", **{**ALERT, "rule": "other"}), make.step(6),
            make.fault(6, "outage", "site-01", ended=True)]  # fmt: skip
    decision = judged("invariants", {}, sorted([*story(make), *alerts], key=lambda e: e.at_ms))

    assert decision.passed, decision.seen
    assert judged("invariants", {}, back).passed


@pytest.mark.parametrize("ident", numbers())
def test_the_shortest_log_that_breaks_an_invariant_is_found(ident: str, make, judged) -> None:
    events = broken(make)[ident]
    decision = judged("invariants", {}, events)

    assert ident in numbers_of(decision.seen), decision
    assert judged("invariants", {"without": [*numbers_of(decision.seen)]}, events).passed
    only = judged("invariants", {"only": ident}, events)
    assert not only.passed
    assert only.expected == f"{ident}: {REGISTRY[ident].sentence()}"


def kept(make):
    """By number: a log that breaks it, and its nearest that does not."""
    logs = {**bought(make), **classed(make), **promised(make), **remote(make), **make.measured()}
    return logs | make.sent() | make.updated() | make.subscribed() | make.agreed() | make.rolled()


OTHERWISE = [*(f"O{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 12, 15)), "S1", "W1", "W4", "W5", "W9",
             *(f"A{n}" for n in (1, 2, 3, 4, 5, 6, 8, 12))]  # fmt: skip
"""What is let pass is the healthy story above, or a test below."""


@pytest.mark.parametrize("ident", [ident for ident in numbers() if ident not in OTHERWISE])
def test_the_nearest_log_that_keeps_an_invariant_is_let_pass(ident: str, make, judged) -> None:
    log, good = kept(make)[ident]

    assert log != good
    decision = judged("invariants", {}, good)
    assert decision.passed, decision.seen


def test_a_recommendation_that_is_due_must_have_one_class_and_keep_it(make, judged) -> None:
    _, kept = classed(make)["C1"]

    assert "has no class" in judged("invariants", {"only": "C1"}, kept[:-1]).seen
    again = judged("invariants", {"only": "C1"}, [*kept, kept[-1]])
    assert "was DISCARDED, and now is DISCARDED" in again.seen
    unknown = judged("invariants", {"only": "C1"}, kept[-1:])
    assert "was never recommended" in unknown.seen


def test_what_a_contract_covers_is_free_and_its_cost_is_booked(make, judged) -> None:
    advice = {**ADVICE, "contract": "c-1"}
    dear = make.feed(1, "recommendation.issued", "r", **advice)

    assert "the buyer pays" in judged("invariants", {"only": "O9"}, [dear]).seen
    log, _ = bought(make)["O9"]
    assert "no cost is booked to c-1" in judged("invariants", {"only": "O9"}, log).seen


def test_what_a_person_released_from_a_mass_event_may_go_out(make, judged) -> None:
    many, _ = bought(make)["O13"]
    held = make.feed(5.2, "breaker.tripped", "b")
    released = make.feed(5.5, "breaker.released", "b")

    assert not judged("invariants", {"only": "O13"}, [*many[:5], held, many[5]]).passed
    assert judged("invariants", {"only": "O13"}, [*many[:5], held, released, many[5]]).passed


def test_an_order_that_was_lost_must_be_open_again_after_a_day(make, judged) -> None:
    lost = broken(make)["O4"][:-1]
    again = make.feed(26.5, "recommendation.issued", "r", **ADVICE)
    done = make.feed(9, "recommendation.discarded", "r", **NEED)

    assert "was not re-opened" in judged("invariants", {"only": "O4"}, lost).seen
    assert judged("invariants", {"only": "O4"}, [*lost, again]).passed
    assert judged("invariants", {"only": "O4"}, [*lost, done]).passed


def test_notices_come_in_pairs_and_end_with_what_began(make, judged) -> None:
    def told(hour: float, what: str, channel: str = "web"):
        data = {"alert": "a", "what": what, "contact": "anna", "channel": channel}
        return make.feed(hour, "notice.written", f"n-{what}-{channel}", **data)

    good = [told(1, "raised"), told(2, "reminder"), told(2.5, "reminder"), told(3, "cleared")]
    assert judged("invariants", {"only": "A3"}, good).passed
    assert "told twice" in judged("invariants", {"only": "A3"}, [*good, told(4, "raised")]).seen
    late = judged("invariants", {"only": "A3"}, [*good, told(4, "cleared", "sms")])
    assert "was not told of the begin" in late.seen


def test_what_ends_by_other_than_the_condition_is_no_doubt(make, judged) -> None:
    begun = make.feed(1, "alert.raised", "a", **BAND)
    by_hand = make.feed(2, "alert.cleared", "a", **BAND, state="CLEARED", by="anna")
    below = make.feed(2, "alert.cleared", "a", **{**BAND, "values": {"m": 0.5}})
    for ended in (by_hand, below):
        assert judged("invariants", {"only": "A5"}, [begun, ended]).passed


def test_a_device_that_came_back_within_the_step_has_told(make, judged) -> None:
    away = broken(make)["A6"][:2]
    back = make.fault(6, "outage", "site-01", ended=True)

    assert judged("invariants", {"only": "A6"}, [*away, make.step(6), back, make.step(8)]).passed


def test_the_budget_of_a_month_counts_what_was_not_lost(make, judged) -> None:
    orders = [
        make.feed(t, "order.placed", f"o{t}", **{**ORDER, "need_key": f"{D}/hub/{t}"})
        for t in (1, 2, 3)
    ]
    lost = make.feed(1.5, "order.cancelled", "o1", **{**ORDER, "need_key": f"{D}/hub/1"})

    assert "orders are open" in judged("invariants", {"only": "O7"}, orders).seen
    assert judged("invariants", {"only": "O7"}, [orders[0], lost, *orders[1:]]).passed


def test_who_is_sent_knows_the_work_and_planned_downtime_was_agreed_on(make, judged) -> None:
    first, (*_, there, agreed, done) = make.sent()["W6"][0][2], make.sent()["W10"][1]
    first.data["skills"] = ["electric", "height"]

    assert "lacks height" in judged("invariants", {"only": "W6"}, [first]).seen
    assert "no window was agreed on" in judged("invariants", {"only": "W10"}, [there, done]).seen
    late = make.feed(6, "work_order.arrived", "w", thing="dev-01-1")
    seen = judged("invariants", {"only": "W10"}, [agreed, late, done]).seen
    assert "while nobody was there" in seen
