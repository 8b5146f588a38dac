"""Contracts through the API: life, months, exclusions, disputes, swaps, money."""

from __future__ import annotations

import pytest

from reference_impl.kernel.access import Group
from reference_impl.published import OrderChanged, WorkOrderChanged

H, DAY = 3_600_000, 86_400_000


def lengths(shown):
    found = {}
    for each in shown:
        found[each["class"]] = found.get(each["class"], 0) + each["to_ms"] - each["from_ms"]
    return found


@pytest.mark.feature("AS2", "K6", "K8", "K12", "ST6", "AS1")
def test_a_month_can_be_looked_into_from_the_figure_to_each_stretch_and_its_evidence(
    desk, clockwork
):
    ms, minutes = clockwork.ms, clockwork.M
    desk.sign(exclusions=["mains"], planned_allowance_s=4 * 3600.0)
    stop, outage = (ms(2026, 1, 5), ms(2026, 1, 5, 12)), (ms(2026, 1, 7), ms(2026, 1, 7, 6))
    drift = (ms(2026, 1, 20), ms(2026, 1, 20, 10))
    desk.month("mix-1", down=[stop, outage])
    desk.until(drift[0] + 6 * H)
    desk.flag("mix-1", drift[0])
    desk.until(drift[1])
    desk.flag("mix-1", drift[0], kind="data.cleared")
    desk.window("mix-1", ms(2026, 1, 9), ms(2026, 1, 9, 3))
    desk.exclude(thing="mix-1", from_ms=outage[0], to_ms=outage[1])
    desk.until(ms(2026, 2, 3) - 1)
    assert desk.items("/v1/outcomes") == []
    desk.until(ms(2026, 2, 3))

    (told,) = desk.items("/v1/outcomes?contract=c-1")
    shown = desk.get("/v1/outcomes/c-1/2026-01")
    counted = 31 * DAY - 3 * H - 6 * H
    down = 12 * H - 30 * minutes  # the last good report vouches for an hour, the others came before
    assert (told["state"], told["planned_ms"], told["excluded_ms"]) == ("PROVISIONAL", 3 * H, 6 * H)
    assert (told["down_ms"], told["unknown_ms"]) == (down, 10 * H)
    assert told["availability"] == pytest.approx(1 - (down + 10 * H) / counted, abs=1e-9)
    assert (told["counted_ms"], told["charged_ms"]) == (counted, down + 10 * H)
    assert (told["fee_eur"], told["credit_eur"]) == (1000.0, 50.0)  # 2.92 points short of one step
    sums = lengths(shown["intervals"]["mix-1"])
    assert sums == {
        "UP": told["up_ms"], "DOWN": down, "PLANNED": 3 * H, "EXCLUDED": 6 * H,
        "UNKNOWN": 10 * H,
    }  # fmt: skip
    out = [x for x in shown["intervals"]["mix-1"] if x["class"] in ("PLANNED", "EXCLUDED")]
    assert [(x["reason"], x["evidence"]) for x in out] == [
        ("mains", "a letter"), ("agreed_window", "work order wo-1"),
    ]  # fmt: skip
    assert out[0]["rule"].endswith("approved by plant")
    (unknown,) = [x for x in shown["intervals"]["mix-1"] if x["class"] == "UNKNOWN"]
    assert (unknown["reason"], unknown["evidence"]) == ("flag:jump", "data flag mix-1/able")


@pytest.mark.feature("K8")
@pytest.mark.deep
def test_who_benefits_from_an_exclusion_does_not_approve_it(desk, clockwork):
    desk.sign(exclusions=["mains"])
    span = {"from_ms": clockwork.ms(2026, 1, 2), "to_ms": clockwork.ms(2026, 1, 3)}
    asked = {"thing": "mix-1", "reason": "mains", "evidence": "a letter", **span}
    path = "/v1/contracts/c-1/exclusions"
    desk.post(path, 422, **{**asked, "reason": "rain"})
    desk.post(path, 422, **{**asked, "evidence": ""})
    desk.post(path, 422, **{**asked, "thing": "mix-9"})
    one = desk.post(path, by="provider", **asked)["id"]
    approve = f"/v1/exclusions/{one}/approve"
    assert desk.post(approve, 403, by="provider")["error"]["problems"][0]["where"] == "by"
    for group in (Group.ORGANISATION, Group.PARTNER):
        with desk.acting_as(group, "maker"):
            desk.post(approve, 403, by="somebody else", side="auditor")
    with desk.acting_as(Group.CUSTOMER, "beta"):
        desk.post(approve, 404, by="a neighbour")
    with desk.acting_as(Group.CUSTOMER, "alpha"):
        assert desk.post(approve, by="plant")["state"] == "APPROVED"
    desk.post(approve, 409, by="plant")
    assert [e["data"]["state"] for e in desk.feed("exclusion.asked", "exclusion.approved")] == [
        "ASKED", "APPROVED",
    ]  # fmt: skip


@pytest.mark.feature("K3", "K5", "AS1")
def test_a_dispute_is_decided_on_frozen_inputs_and_a_final_period_is_corrected_by_a_document(
    desk, clockwork
):
    ms = clockwork.ms
    desk.sign()
    desk.month("mix-1", down=[(ms(2026, 1, 5), ms(2026, 1, 5, 10))])
    desk.until(ms(2026, 2, 3))
    path = "/v1/outcomes/c-1/2026-01"
    first = desk.get(path)["result"]
    frozen = desk.get(f"{path}/inputs")["frozen"]
    desk.report("mix-1", [ms(2026, 1, 5, 1) + 1], able=1.0)  # too late: inputs are frozen
    desk.until(ms(2026, 2, 4))
    assert desk.get(f"{path}/recomputed") == {
        "contract": "c-1", "period": "2026-01", "result": first, "same": True,
    }  # fmt: skip

    assert desk.post(f"{path}/disputes", by="plant", reason="it stood")["state"] == "DISPUTED"
    desk.until(ms(2026, 2, 20))
    assert desk.get(path)["state"] == "DISPUTED"  # nothing is final while it is disputed
    stood = {"thing": "mix-1", "from_ms": ms(2026, 1, 6), "to_ms": ms(2026, 1, 6, 12)}
    stood |= {"class": "DOWN", "reason": "shift book", "evidence": "page 7"}
    up = {**stood, "class": "UP", "from_ms": ms(2026, 1, 5), "to_ms": ms(2026, 1, 5, 10)}
    desk.post(f"{path}/adjust", 403, by="plant", reason="no", corrections=[up])
    adjusted = desk.post(f"{path}/adjust", by="manager", reason="so", corrections=[stood])
    assert adjusted["down_ms"] == first["down_ms"] + 12 * H
    assert desk.get(f"{path}/inputs")["frozen"]["reports"] == frozen["reports"]
    desk.post(f"{path}/corrections", 409, by="m", asked_by="p", reason="r", corrections=[stood])
    desk.until(ms(2026, 2, 26))

    (final,) = desk.feed("outcome.period_final")
    whole = desk.get(path)
    assert (whole["state"], final["data"]["credit_eur"]) == ("FINAL", adjusted["credit_eur"])
    late = {**stood, "from_ms": ms(2026, 1, 7), "to_ms": ms(2026, 1, 8)}
    document = desk.post(
        f"{path}/corrections", by="manager", asked_by="plant", reason="late", corrections=[late]
    )
    again = desk.get(path)
    assert {**again, "documents": 0} == {**whole, "documents": 0}
    assert [one["kind"] for one in again["documents"]] == ["dispute", "adjustment", "correction"]
    assert document["data"]["change"]["credit_eur"] == 200.0  # four steps of 5 % more
    (told,) = desk.feed("outcome.period_corrected")
    assert told["data"]["credit_eur"] == 200.0
    desk.post(f"{path}/disputes", 409, by="plant", reason="again")


@pytest.mark.feature("K9")
def test_a_contract_is_drafted_offered_signed_suspended_and_terminated_and_pays_for_its_time(
    desk, clockwork
):
    ms = clockwork.ms
    desk.put(
        "/v1/contract-tiers/gold",
        {"title": "Gold", "terms": {"fee_eur": 310.0, "target": 0.9, "up_when": "able > 0.5"}},
    )
    draft = {"customer": "alpha", "things": ["mix-1"], "start_ms": ms(2026, 1, 11), "by": "sales"}
    draft |= {"objection_s": 0.0, "unknown_after_s": 3600.0}
    refused = desk.put("/v1/contracts/c-1/draft", draft, 422)
    assert [one["where"] for one in refused["error"]["problems"]] == [
        "fee_eur",
        "target",
        "up_when",
    ]
    desk.put("/v1/contracts/c-1/draft", {**draft, "tier": "gold"})
    for step, status in (("sign", 409), ("offer", 200), ("offer", 409), ("sign", 200)):
        desk.post(f"/v1/contracts/c-1/{step}", status)
    desk.put("/v1/contracts/c-1", clockwork.TERMS, 409)
    desk.month("mix-1")
    desk.month("mix-1", month=2)
    desk.until(ms(2026, 1, 12))
    assert desk.get("/v1/contracts/c-1")["state"] == "ACTIVE"
    desk.until(ms(2026, 1, 21))
    desk.post("/v1/contracts/c-1/suspend", reason="the plant is rebuilt")
    desk.until(ms(2026, 1, 26))
    desk.post("/v1/contracts/c-1/resume")
    desk.until(ms(2026, 2, 15))
    desk.post("/v1/contracts/c-1/terminate", reason="sold")
    desk.until(ms(2026, 4, 1))

    january, february = desk.items("/v1/outcomes")
    assert (january["fee_eur"], january["excluded_ms"]) == (160.0, 5 * DAY)  # 21 - 5 of 31 days
    assert january["availability"] == february["availability"] == 1.0
    assert february["fee_eur"] == 155.0  # 14 of 28 days
    assert february["total_ms"] == 14 * DAY
    whole = desk.get("/v1/contracts/c-1")
    assert [one["step"] for one in whole["steps"]] == [
        "offer", "sign", "activate", "suspend", "resume", "terminate",
    ]  # fmt: skip
    assert whole["end_ms"] == ms(2026, 2, 15)
    finals = desk.feed("outcome.period_final")
    assert [e["data"]["fee_eur"] for e in finals] == [160.0, 155.0]


@pytest.mark.feature("AS9")
@pytest.mark.deep
def test_an_amendment_counts_from_a_period_on_and_a_transfer_leaves_the_past_to_whose_it_was(
    desk, clockwork
):
    ms = clockwork.ms
    desk.sign(grace_s=0.0, owner="provider")
    for month in (1, 2, 3):
        desk.month("mix-1", month=month)
    desk.until(ms(2026, 1, 20))
    path = "/v1/contracts/c-1"
    body = {"from_period": "2026-02", "terms": {"fee_eur": 2000.0}}
    assert desk.post(f"{path}/amendments", **body)["number"] == 2
    desk.post(f"{path}/amendments", 422, **{**body, "from_period": "2026-01"})
    desk.post(f"{path}/amendments", 422, **{**body, "terms": {"up_when": "nothing > 0.5"}})
    desk.post(f"{path}/transfer", from_period="2026-03", customer="beta")
    assert desk.get(path)["fee_eur"] == 1000.0
    desk.until(ms(2026, 4, 7))

    assert [(o["fee_eur"], o["customer"]) for o in desk.items("/v1/outcomes")] == [
        (1000.0, "alpha"), (2000.0, "alpha"), (2000.0, "beta"),
    ]  # fmt: skip
    assert desk.get(path)["customer"] == "beta"
    with desk.acting_as(Group.CUSTOMER, "alpha"):
        assert [o["period"] for o in desk.items("/v1/outcomes")] == ["2026-01", "2026-02"]
        desk.get("/v1/outcomes/c-1/2026-02")
        desk.get("/v1/outcomes/c-1/2026-03", 404)
        desk.get(path, 404)
    (told,) = desk.feed("contract.transferred")
    assert (told["data"]["before"], told["data"]["customer"]) == ("alpha", "beta")


@pytest.mark.feature("K11", "AS7")
@pytest.mark.deep
def test_a_thing_at_the_end_of_its_life_is_swapped_and_its_place_keeps_its_figure(desk, clockwork):
    ms = clockwork.ms
    desk.sign(replace_after_days=9, owner="provider")
    at = range(ms(2026, 1, 1), ms(2026, 1, 11), H // 2)
    desk.report("mix-1", at, able=[float(not ms(2026, 1, 5) <= t < ms(2026, 1, 6)) for t in at])
    desk.until(ms(2026, 1, 11))
    (due,) = desk.feed("contract.replacement_due")
    assert (due["data"]["place"], due["data"]["thing"]) == ("mix-1", "mix-1")
    path = "/v1/contracts/c-1/swaps"
    desk.post(path, 422, place="mix-2", thing="mix-9")
    desk.post(path, 422, place="mix-1", thing="mix-1")
    desk.post(path, place="mix-1", thing="mix-2", reason="its life is over")
    desk.report("mix-1", range(ms(2026, 1, 11), ms(2026, 1, 20), H // 2), able=0.0)  # on a bench
    desk.report("mix-2", range(ms(2026, 1, 11), ms(2026, 2, 1), H // 2), able=1.0)
    desk.until(ms(2026, 2, 3))

    (told,) = desk.items("/v1/outcomes")
    assert told["things"]["mix-1"]["down_ms"] == DAY - H // 2
    assert told["up_ms"] == 30 * DAY + H // 2
    assert [(p["place"], p["thing"]) for p in desk.get("/v1/contracts/c-1")["places"]] == [
        ("mix-1", "mix-1"), ("mix-1", "mix-2"),
    ]  # fmt: skip


@pytest.mark.feature("AS4")
@pytest.mark.deep
def test_a_breach_that_is_coming_is_told_once_while_it_can_be_avoided(desk, clockwork):
    ms = clockwork.ms
    desk.sign(warn_every_s=6 * 3600.0)
    # 7.44 h of the month may fail: an hour on each of the first days projects four times as much
    desk.month("mix-1", down=[(ms(2026, 1, d, 3), ms(2026, 1, d, 4, 30)) for d in (2, 4, 5)])
    desk.until(ms(2026, 1, 31))
    (told,) = desk.feed("outcome.at_risk")
    data = told["data"]
    assert told["subject"] == "c-1/2026-01"
    assert data["projected"] < 0.99 <= 1 - (7.44 * 3600 - data["left_s"]) / (31 * 86400)
    assert 0 < data["left_s"] < 7.44 * 3600
    assert (data["worst"], data["credit_eur"] >= 0.0) == ("mix-1", True)


@pytest.mark.feature("AS4")
@pytest.mark.deep
def test_nothing_is_told_where_all_is_well_or_nothing_can_be_saved(desk, clockwork):
    ms = clockwork.ms
    desk.sign("well", things=["mix-1"], warn_every_s=6 * 3600.0)
    desk.sign("lost", things=["mix-2"], warn_every_s=12 * 3600.0)
    desk.month("mix-1")
    desk.month("mix-2", down=[(ms(2026, 1, 1), ms(2026, 1, 3))])
    desk.until(ms(2026, 1, 31))
    assert desk.feed("outcome.at_risk") == []


@pytest.mark.feature("K4")
@pytest.mark.deep
def test_nothing_is_credited_while_the_baseline_is_taken_and_savings_are_shared_after_it(
    desk, clockwork
):
    """Use is 10 + 2 per head and day; after the baseline the provider brings it to 8 + 1.5."""
    ms = clockwork.ms
    meter = {"signal": "energy", "take": "use", "things": ["mix-1"]}
    demand = {"signal": "people", "take": "mean", "things": ["mix-1"]}
    desk.sign(
        grace_s=0.0, baseline_days=30, start_ms=ms(2026, 1, 1),
        gain={"used": meter, "demand": demand, "share": 0.5, "eur_per_unit": 0.4,
              "limit_per_day": 200.0, "shortfall_share": 1.0},
    )  # fmt: skip
    at = list(range(ms(2026, 1, 1), ms(2026, 4, 1) + 1, H))
    energy, heads, sum_ = [], [], 0.0
    for t in at:
        day = (t - ms(2026, 1, 1)) // DAY
        head = 20.0 + (day % 7)
        heads.append(head)
        energy.append(sum_)
        sum_ += (10.0 + 2.0 * head if t < ms(2026, 2, 1) else 8.0 + 1.5 * head) / 24
    broken = [float(not ms(2026, 1, 5) <= t < ms(2026, 1, 20)) for t in at]
    silent = (ms(2026, 3, 10), ms(2026, 3, 11))
    rows = [
        row for row in zip(at, energy, heads, broken, strict=True)
        if not silent[0] < row[0] < silent[1]
    ]  # fmt: skip
    times, energy, heads, broken = zip(*rows, strict=True)
    desk.report("mix-1", times, able=broken, energy=energy, people=heads)
    desk.until(ms(2026, 4, 1) + 6 * DAY)

    january, february, march = desk.items("/v1/outcomes")
    assert (january["baselining"], january["credit_eur"]) == (True, 0.0)
    assert january["availability"] < 0.6
    contract = desk.get("/v1/contracts/c-1")
    line = contract["baseline"]
    assert (line["base"], line["per_demand"]) == pytest.approx((10.0, 2.0), rel=0.02)
    assert (line["days"], contract["active_ms"]) == (31, ms(2026, 2, 1))
    saved = sum(2.0 + 0.5 * (20 + (day % 7)) for day in range(31, 59))
    assert february["gain_eur"] == pytest.approx(0.5 * 0.4 * saved, rel=0.02)
    assert february["complete_days"] == 28
    # a silent day counts as the most that can be used: it costs, and never pays
    assert march["complete_days"] == 30
    assert march["gain_eur"] < 0.5 * 0.4 * (saved / 28 * 30)


@pytest.mark.feature("AS6")
@pytest.mark.deep
def test_what_is_left_of_a_contract_is_its_fees_less_parts_visits_and_credits(desk, clockwork):
    ms = clockwork.ms
    desk.sign(costs={"visit_eur": 280.0, "night_visit_eur": 560.0}, bonus_pct_per_step=1.0,
              bonus_cap_pct=0.5, target=0.9)  # fmt: skip
    desk.month("mix-1")
    margins = desk.dps.contexts.outcomes.margins
    for number, hour in enumerate((10, 23)):  # told to it alone: nobody else knows of them
        event = WorkOrderChanged(
            at_ms=ms(2026, 1, 5, hour), kind="work_order.arrived", subject=f"wo-{number}",
            data={"thing": "mix-1"},
        )  # fmt: skip
        with desk.dps.store.begin() as uow:
            margins.on_work(uow, event)
    for number, contract in enumerate(("c-1", "", "c-9")):
        event = OrderChanged(
            at_ms=ms(2026, 1, 6), kind="order.delivered", subject=f"ord-{number}",
            data={"thing": "mix-1", "contract": contract, "cost_eur": 99.5},
        )  # fmt: skip
        with desk.dps.store.begin() as uow:
            margins.on_order(uow, event)
    desk.until(ms(2026, 2, 8))
    found = desk.get("/v1/contracts/c-1/margin")
    assert (found["fee_eur"], found["bonus_eur"], found["credit_eur"]) == (1000.0, 5.0, 0.0)
    assert (found["parts_eur"], found["labour_eur"]) == (99.5, 840.0)
    assert found["margin_eur"] == 65.5
    assert [one["kind"] for one in found["costs"]] == ["parts", "labour", "labour"]


@pytest.mark.deep
def test_a_contract_that_renews_is_followed_by_one_like_it(desk, clockwork):
    ms = clockwork.ms
    desk.sign(end_ms=ms(2026, 2, 1), renews=True, grace_s=0.0)
    desk.month("mix-1")
    desk.until(ms(2026, 2, 8))
    states = {row["id"]: row["state"] for row in desk.items("/v1/contracts")}
    assert states == {"c-1": "RENEWED", "c-1-r2": "ACTIVE"}
    desk.until(ms(2026, 3, 2))
    assert {o["contract"]: o["period"] for o in desk.items("/v1/outcomes")} == {
        "c-1": "2026-01", "c-1-r2": "2026-02",
    }  # fmt: skip
