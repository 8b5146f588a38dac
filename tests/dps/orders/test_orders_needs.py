"""Needs and recommendations: rules, policies, owners, mass events, doubt, compliance."""

from __future__ import annotations

import time

import pytest

H = 3_600_000
DAY = 24 * H


def by(shop, when, **more):
    shop.put("/v1/part-references/mixer-1/seal", {"order_when": when, "visit_h": 100, **more})


@pytest.mark.deep
@pytest.mark.feature("SP9")
def test_each_recommendation_rule_fires_at_its_own_instant(shop):
    """Lead time 48 h + handling 24 h + visit 100 h: the order point lies at 172 h."""
    shop.policy("alpha", "approval")
    fired = {}
    for when, thing in (("lead_time", "mix-1"), ("threshold", "mix-2"), ("tolerance", "mix-3")):
        by(shop, when)
        for step in range(60):
            left_h = 300.0 - 6.0 * step
            if thing == "mix-3":
                shop.policy("beta", "approval")
            shop.wear(thing, wear=100.0 + (step - 30), left_h=max(left_h, 1.0))
            if thing in {r["thing"] for r in shop.items("/v1/recommendations")}:
                fired[when] = (left_h, 70.0 + step)
                break
            shop.wait(0.01)
    assert fired["lead_time"] == (168.0, 92.0)
    assert fired["threshold"][1] == 100.0
    assert fired["tolerance"][1] == 120.0


@pytest.mark.deep
@pytest.mark.feature("O2", "SP9")
def test_falling_due_and_overdue_and_flapping_are_one_need(shop):
    shop.policy("alpha", "approval")
    states = []
    for wear in (99.0, 100.0, 99.0, 101.0, 119.0, 120.0, 100.0):
        shop.wear(wear=wear)
        shop.wait(1)
        needs = [n for n in shop.items("/v1/needs") if n["thing"] == "mix-1"]
        states.append(needs[0]["state"] if needs else "none")
        assert len(needs) <= 1
    assert states == ["none", "DUE", "DUE", "DUE", "DUE", "OVERDUE", "OVERDUE"]
    for _ in range(3):
        shop.advise()
    assert len(shop.items("/v1/recommendations")) == 1


@pytest.mark.deep
@pytest.mark.feature("SP11", "AN5", "O11", "O15")
def test_a_recommendation_says_what_from_whom_how_urgent_and_why(shop):
    part = {"title": "Seal", "price_eur": 100, "supplier": "acme",
            "lead_time_h": {"p50": 24, "p90": 48},
            "sources": [
                {"supplier": "cheap", "price_eur": 80, "lead_time_h": {"p50": 90, "p90": 200}},
                {"supplier": "jet", "price_eur": 180, "express": True,
                 "lead_time_h": {"p50": 4, "p90": 8}},
            ]}  # fmt: skip
    shop.put("/v1/parts/seal-kit", part)
    shop.policy("alpha", "approval")
    for thing, left_h in (("mix-1", 300), ("mix-2", 20)):
        shop.wear(thing, wear=100, left_h=left_h)
        shop.advise(thing, quantity=2)
    shop.policy("beta", "approval")
    shop.wear("mix-3", wear=125, left_h=2)
    shop.advise("mix-3")

    recs = {r["thing"]: r for r in shop.items("/v1/recommendations")}
    chosen = {thing: (r["supplier"], r["urgency"], bool(r["risk"])) for thing, r in recs.items()}
    assert chosen == {
        "mix-1": ("cheap", "normal", False),
        "mix-2": ("jet", "normal", False),
        "mix-3": ("jet", "high", True),
    }
    rec = recs["mix-1"]
    assert (rec["quantity"], rec["eta_ms"] - rec["issued_ms"]) == (2, 200 * H)
    assert (rec["rule"], rec["pack_version"], rec["why"]) == ("order-point", "1", "lead time")
    assert rec["forecast"]["runout_p50_ms"] == shop.now + 360 * H
    assert rec["standstill_avoided_h"] == 360.0


@pytest.mark.deep
@pytest.mark.feature("SP12", "O7")
def test_outside_a_limit_of_the_policy_a_person_is_asked_with_the_reason(shop):
    limits = [
        ({"allowed_parts": ["blade"]}, "not among those"),
        ({"max_unit_price_eur": 99.99}, "unit price"),
        ({"monthly_budget_eur": 99.99}, "budget"),
        ({"max_open_orders": 0}, "orders are open"),
        ({"blackout": [{"from_ms": 0, "to_ms": shop.now + 90 * DAY}]}, "at this time"),
        ({"paused": True}, "paused"),
        ({"approver": "the boss"}, "the boss must agree"),
    ]
    for cycle, (limit, words) in enumerate(limits, 1):
        shop.policy(**limit)
        shop.advise()
        rec = shop.get(f"/v1/recommendations/rec-mix-1-seal-{cycle}")
        assert (rec["policy"], rec["state"]) == ("approval", "ISSUED")
        assert words in rec["reason"]
        if "approver" in limit:
            shop.post(f"/v1/recommendations/{rec['id']}/approve", 403)
            shop.post(f"/v1/recommendations/{rec['id']}/approve", by="the boss")
        else:
            assert shop.items("/v1/orders") == []
        shop.fit()
        shop.wait(25)


@pytest.mark.deep
@pytest.mark.feature("SP12")
def test_within_the_cancel_window_an_order_can_be_taken_back_and_is_not_shipped(shop):
    shop.policy(cancel_window_h=24)
    shop.advise()
    shop.advise("mix-2")
    for thing in ("mix-1", "mix-2"):
        shop.step(f"ord-{thing}-seal-1-1", "confirm")
    shop.wait(23)
    shop.step("ord-mix-1-seal-1-1", "ship", 409)
    shop.step("ord-mix-2-seal-1-1", "cancel", reason="thought better of it")
    shop.wait(1)
    shop.step("ord-mix-1-seal-1-1", "ship")


@pytest.mark.feature("O8")
def test_a_thing_that_is_sold_loses_what_is_not_shipped_and_its_new_owner_is_asked_anew(shop):
    shop.policy()
    shop.policy("beta", "approval")
    shop.advise()
    shop.step("ord-mix-1-seal-1-1", "confirm")
    shop.advise(position="blade", part="blade")
    for step in ("confirm", "ship"):
        shop.step("ord-mix-1-blade-1-1", step)
    shop.release()
    states = {o["id"]: o["state"] for o in shop.items("/v1/orders")}
    assert states == {"ord-mix-1-seal-1-1": "CANCELLED", "ord-mix-1-blade-1-1": "SHIPPED"}
    assert len(shop.feed("recommendation.withdrawn")) == 2
    shop.advise()
    assert len(shop.feed("recommendation.issued")) == 2
    shop.wait(30)
    assert len(shop.feed("recommendation.issued")) == 2
    shop.put("/v1/things/mix-1", {"model": "mixer-1", "site": "site-b"})
    shop.activate(customer="beta")
    shop.advise()
    (new,) = [r for r in shop.items("/v1/recommendations") if r["id"].endswith("-owner2")]
    assert new["state"] == "ISSUED"


@pytest.mark.feature("O13")
def test_a_mass_event_is_held_in_sight_until_a_person_decides(open_shop):
    things = {f"mix-{n}": "site-a" for n in range(1, 10)}
    shop = open_shop(things=things)
    shop.policy()
    for thing in things:
        shop.advise(thing)
    states = [r["state"] for r in shop.items("/v1/recommendations")]
    assert (states.count("ORDERED"), states.count("HELD")) == (5, 4)
    assert len(shop.items("/v1/orders")) == 5
    (breaker,) = shop.items("/v1/breakers")
    assert "9 are normal" not in breaker["reason"]
    assert "6 recommendations of this model in a day" in breaker["reason"]
    shop.post("/v1/recommendations/rec-mix-9-seal-1/approve", 409)
    shop.post("/v1/recommendations/rec-mix-9-seal-1/discard", reason="sensor is broken")
    shop.post("/v1/breakers/mixer-1/release", reason="it was a real storm")
    assert len(shop.items("/v1/orders")) == 8
    shop.post("/v1/breakers/mixer-1/release", 409, reason="again")
    assert shop.get("/v1/compliance/kpis")["classes"]["WITHDRAWN"] == 1


@pytest.mark.deep
@pytest.mark.feature("O14")
def test_what_rests_on_flagged_readings_buys_nothing_until_they_are_cleared(shop):
    shop.policy()
    shop.flag()
    shop.advise()
    assert shop.items("/v1/orders") == []
    assert "flagged (jump)" in shop.items("/v1/refused-advice")[0]["reason"]
    shop.flag(kind="data.cleared")
    shop.advise()
    assert len(shop.items("/v1/orders")) == 1


@pytest.mark.feature("SP13", "C1", "C2", "C3", "C4", "C6")
def test_every_recommendation_gets_one_class_and_the_figures_are_those_of_their_definitions(shop):
    shop.policy("alpha", "approval")
    shop.policy("beta", "approval")
    shop.advise("mix-1")
    shop.post("/v1/recommendations/rec-mix-1-seal-1/see")
    shop.advise("mix-1", part="blade", position="blade", quantity=2)
    shop.advise("mix-2")
    shop.advise("mix-2", part="blade", position="blade", quantity=2)
    shop.advise("mix-3")
    shop.wait(24)
    shop.post("/v1/recommendations/rec-mix-1-seal-1/approve")
    shop.post("/v1/carts/lines", thing="mix-1", part="blade", quantity=3)
    shop.post("/v1/carts/alpha/checkout")
    shop.post("/v1/recommendations/rec-mix-2-seal-1/discard", 422)
    shop.post("/v1/recommendations/rec-mix-2-seal-1/discard", reason="no budget")
    shop.wear("mix-3", wear=95.0, left_h=10)
    shop.fit("mix-3")
    early = shop.get("/v1/compliance/kpis")
    assert (early["judged"], early["compliance_rate"]) == (0, None)
    shop.wait(14 * 24)

    kpis = shop.get("/v1/compliance/kpis")
    assert kpis["classes"] == {
        "ORDERED_AS_RECOMMENDED": 1, "ORDERED_MODIFIED": 1, "REPLACED_WITHOUT_ORDER": 1,
        "DISCARDED": 1, "SNOOZED": 0, "EXPIRED": 1, "WITHDRAWN": 0,
    }  # fmt: skip
    assert (kpis["total"], kpis["judged"], kpis["open"]) == (5, 5, 0)
    assert (kpis["compliance_rate"], kpis["strict_rate"]) == (0.4, 0.2)
    assert kpis["median_delay_days"] == 1.0
    assert kpis["wear_at_replacement_mean_pct"] == 95.0
    assert (kpis["premature_share"], kpis["off_platform_share"]) == (0.0, 1.0)
    assert kpis["discard_reasons"] == {"no budget": 1}
    classed = [e["data"]["class"] for e in shop.feed("compliance.classed")]
    assert len(classed) == 5


@pytest.mark.deep
@pytest.mark.feature("SP13")
def test_what_is_put_off_comes_again_and_counts_as_put_off_only_if_it_is_then(shop):
    shop.policy("alpha", "approval")
    for thing in ("mix-1", "mix-2"):
        shop.advise(thing)
    snooze = "/v1/recommendations/rec-{}-seal-1/snooze"
    shop.post(snooze.format("mix-1"), 422, reason="later", until_ms=shop.now)
    shop.post(snooze.format("mix-1"), reason="later", until_ms=shop.now + 2 * DAY)
    shop.post(snooze.format("mix-2"), reason="later", until_ms=shop.now + 20 * DAY)
    shop.wait(49)
    assert len(shop.feed("recommendation.issued")) == 3
    shop.post("/v1/recommendations/rec-mix-1-seal-1/approve")
    shop.wait(14 * 24)
    classes = {e["subject"]: e["data"]["class"] for e in shop.feed("compliance.classed")}
    assert classes == {
        "rec-mix-1-seal-1": "ORDERED_AS_RECOMMENDED", "rec-mix-2-seal-1": "SNOOZED",
    }  # fmt: skip


@pytest.mark.deep
@pytest.mark.feature("SP15")
def test_consumables_that_ran_out_and_what_was_thrown_away_too_early_are_counted(shop):
    part = {"title": "Oil", "price_eur": 40, "supplier": "acme", "kind": "consumable",
            "lead_time_h": {"p50": 1, "p90": 2}}  # fmt: skip
    shop.put("/v1/parts/seal-kit", part)
    shop.policy()
    for cycle, wear in enumerate((100.0, 75.0, 90.0, 104.0), 1):
        shop.advise()
        for step in ("confirm", "ship", "deliver"):
            shop.step(f"ord-mix-1-seal-{cycle}-1", step)
        shop.wear(wear=wear, left_h=5)
        shop.fit()
        shop.wait(1)
    found = shop.get("/v1/compliance/kpis")["consumables"]
    assert found == {"cycles": 4, "stock_out_rate": 0.5, "early_waste_eur": 14.0}


@pytest.mark.deep
def test_a_thousand_open_needs_are_forecast_anew_within_a_second(open_shop):
    things = {f"mix-{n}": "site-a" for n in range(1000)}
    shop = open_shop(things=things)
    by(shop, "lead_time")
    shop.put("/v1/breakers/mixer-1", {"factor": 5, "normal_per_day": 1000})
    shop.policy("alpha", "approval")
    for thing in things:
        shop.wear(thing, wear=90.0, left_h=100.0)
    assert len(shop.items("/v1/needs")) == 1000
    evaluations = []
    publish = shop.tell
    shop.tell = evaluations.append
    for thing in things:
        shop.wear(thing, wear=91.0, left_h=99.0)
    shop.tell = publish

    handler, begun = shop.dps.contexts.orders.needs.on_condition, time.process_time()
    with shop.dps.store.begin() as uow:
        for event in evaluations:
            handler(uow, event)
    spent_s = time.process_time() - begun
    assert spent_s <= 1.0, f"{spent_s:.2f} s"
    assert {n["outlook"]["wear_pct"] for n in shop.items("/v1/needs")} == {91.0}
