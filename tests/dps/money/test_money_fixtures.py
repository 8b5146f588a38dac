"""Ways to pay, from what devices send to the invoice: the fixtures of the pricing models."""

from __future__ import annotations

from decimal import Decimal

import pytest

from reference_impl.published import CommandAcknowledged


def lines(invoice, kind=None):
    """``what -> (quantity, amount)`` of an invoice's lines (of a kind)."""
    return {
        line["key"].partition("2026-")[2] or line["key"]: (line["quantity"], line["amount_eur"])
        for line in invoice["lines"]
        if kind in (None, line["kind"])
    }


def daily(money, first_ms, values, signal="hours"):
    return [(first_ms + n * money.DAY, {signal: value}) for n, value in enumerate(values)]


def usage(signal, unit, **more):
    return {"signal": signal, "unit": unit, **more}


@pytest.mark.feature("PM4", "AS5")
def test_power_by_the_hour_with_tiers_a_minimum_and_everything_that_happens_to_a_counter(
    desk, money
):
    """H22: a fixed rate per hour; the counter goes round at 1000, messages come twice."""
    hour = usage("hours", "h", rollover=1000.0, tiers=[
        {"upto": 100, "unit_price": 12.345}, {"upto": None, "unit_price": 10.0}])  # fmt: skip
    desk.price("p", thing="gen-1", model="usage", terms={"meters": [hour]})
    desk.price("q", thing="gen-2", model="usage",
               terms={"meters": [usage("hours", "h", unit_price=12.345)],
                      "minimum_eur": 500.0})  # fmt: skip
    wheel = [(900.5 + 5.0 * n) % 1000 for n in range(32)]
    desk.send("gen-1", *daily(money, money.START, wheel), again=True)
    desk.send("gen-2", *daily(money, money.START, [7.0] * 32))
    (invoice,) = desk.sent(2026, 1)
    assert lines(invoice) == {
        "01/hours/0": ("100", 1234.5), "01/hours/1": ("55", 550.0), "01/minimum": ("1", 500.0),
    }  # fmt: skip
    (first,) = [line for line in invoice["lines"] if line["key"].endswith("hours/0")]
    assert first["evidence"]["rollovers"] == 1
    assert first["evidence"]["first"] == {"at_ms": money.START, "value": 900.5}


@pytest.mark.feature("AS10", "AS5")
def test_kilowatt_hours_that_are_fed_back_are_credited_on_the_same_invoice(desk, money):
    """S1.26: a rate per kWh, the surplus sold back."""
    meters = [
        usage("kwh_in", "kWh", unit_price=0.3127),
        usage("kwh_out", "kWh", unit_price=0.0811, sells=True),
    ]
    desk.price("solar", thing="gen-1", model="usage", terms={"meters": meters})
    for n in range(32):
        at_ms = money.START + n * money.DAY
        desk.send("gen-1", (at_ms, {"kwh_in": round(10.1 * n, 1), "kwh_out": round(25.3 * n, 1)}))
    (invoice,) = desk.sent(2026, 1)
    taken, given = Decimal("10.1") * 31, Decimal("25.3") * 31
    assert lines(invoice) == {
        "01/kwh_in/0": ("313.1", float(round(taken * Decimal("0.3127"), 2))),
        "01/kwh_out/0": ("-784.3", -float(round(given * Decimal("0.0811"), 2))),
    }  # fmt: skip
    assert invoice["total_eur"] == pytest.approx(97.91 - 63.61)


@pytest.mark.deep
@pytest.mark.feature("PM5", "AS5")
def test_trains_are_paid_by_reliability_a_month_at_a_time(desk, money):
    """S1.62: an availability contract is measured, closed and invoiced without a hand."""
    desk.put("/v1/contracts/trains", {
        "customer": "alpha", "things": ["gen-1", "gen-2"], "fee_eur": 31_000.0, "target": 0.99,
        "up_when": "hours >= 0.0", "unknown_after_s": 86_400.0, "grace_s": 172_800.0,
        "start_ms": money.START, "step": 0.01, "credit_pct_per_step": 1.0,
    })  # fmt: skip
    desk.price("p", model="outcome", terms={"contract": "trains"})
    desk.send("gen-1", *daily(money, money.START, [1.0] * 31))
    desk.send("gen-2", *daily(money, money.START, [1.0] * 21))
    (invoice,) = desk.sent(2026, 1)
    (told,) = desk.items("/v1/outcomes?contract=trains")
    found = {line["what"]: line["amount_eur"] for line in invoice["lines"]}
    assert told["credit_eur"] > 0
    assert found == {"fee": told["fee_eur"], "credit": -told["credit_eur"]}
    assert invoice["lines"][0]["of"] == "trains/2026-01", "and there the drill-down goes on"


@pytest.mark.deep
@pytest.mark.feature("AS5")
def test_what_was_unlocked_and_what_was_shared_stands_on_the_invoice_to_the_minute(desk, money):
    """S1.35, S1.2: pay to unlock; a rental by the minute."""
    desk.price("p", model="transaction")
    desk.put("/v1/models/gen/features/boost", {"price_eur": 499.0})
    desk.put("/v1/tariffs/town", {"title": "T", "start_eur": 1.0, "per_minute_eur": 0.31})
    desk.until(money.START + money.DAY)
    desk.done("POST", "/v1/things/gen-1/unlocks", {"by": "ann", "feature": "boost"})
    rental = desk.done("POST", "/v1/things/gen-2/rentals", {"user": "ann", "tariff": "town"})
    desk.done("POST", f"/v1/rentals/{rental['id']}/take", {})
    desk.until(desk.now + 29 * 60_000 + 1)
    desk.done("POST", f"/v1/rentals/{rental['id']}/give-back", {})
    (invoice,) = desk.sent(2026, 1)
    found = {line["what"]: line["amount_eur"] for line in invoice["lines"]}
    assert found == {"feature boost of gen-1": 499.0, "30 min of gen-2": 10.3}
    desk.post(f"/v1/invoices/{invoice['id']}/payments", payment="p-1", amount_eur=509.3)
    (unlock,) = desk.get("/v1/things/gen-1/unlocks")
    assert unlock["state"] == "UNLOCKED", "paid with the invoice"


@pytest.mark.feature("DS14")
def test_a_feature_whose_licence_the_device_refuses_is_refunded_once_and_not_invoiced(desk, money):
    desk.price("p", model="transaction")
    desk.put("/v1/models/gen/features/boost", {"price_eur": 499.0})
    desk.until(money.START + money.DAY)
    made = desk.done("POST", "/v1/things/gen-1/unlocks", {"by": "ann", "feature": "boost"})
    charge = f"/v1/charges/chg-{made['id']}-1/payments"
    assert desk.feed("command.requested") == [], "nothing goes out before a payment"
    desk.done("POST", charge, {"payment": "pay-1", "step": "settle"})
    for _ in range(2):
        for sent in desk.feed("command.requested"):
            no = CommandAcknowledged(at_ms=desk.now, command_id=sent["subject"], thing="gen-1",
                                     status="refused", detail="unsigned")  # fmt: skip
            desk.tell(no)
    (unlock,) = desk.get("/v1/things/gen-1/unlocks")
    assert (unlock["state"], len(desk.feed("charge.refunded"))) == ("REVOKED", 1)
    assert desk.sent(2026, 1) == []
    again = desk.done("POST", "/v1/things/gen-1/unlocks", {"by": "ann", "feature": "boost"})
    assert again["id"] != made["id"], "it may be ordered anew"


@pytest.mark.feature("PM3")
def test_fees_per_thing_and_per_user_are_summed_prorated_and_never_charged_twice(desk, money):
    for n in range(3):
        body = {"name": "N", "role": "purchaser", "party": "alpha", "password": "correct horse"}
        desk.put(f"/v1/users/u-{n}", body)
    fees = [
        {"what": "connection", "per": "thing", "unit_price_eur": 10.0},
        {"what": "seat", "per": "user", "unit_price_eur": 7.0},
        {"what": "package", "per": "month", "unit_price_eur": 100.0},
    ]
    half = money.START + 31 * money.DAY // 2
    desk.price("p", model="subscription", terms={"fees": fees}, from_ms=half)
    (invoice,) = desk.sent(2026, 1)
    found = {line["what"]: (line["quantity"], line["amount_eur"]) for line in invoice["lines"]}
    assert found == {"connection": ("2", 10.0), "seat": ("3", 10.5), "package": ("1", 50.0)}
    assert {line["evidence"]["share"] for line in invoice["lines"]} == {"0.5"}
    (later,) = desk.sent(2026, 2)
    assert later["total_eur"] == 141.0
    assert {line["key"][-9:-2] for line in later["lines"]} == {"2026-02"}, "no month twice"


@pytest.mark.feature("CC19")
def test_a_thing_moves_from_transaction_to_subscription_to_usage_without_gap_or_overlap(
    desk, money
):
    """Orders before the change are charged, later ones not; fees and hours begin where it is."""
    first, second = money.START + 10 * money.DAY, money.START + 20 * money.DAY + 1
    desk.price("a", thing="gen-1", model="transaction")
    fees = {"fees": [{"what": "all in", "unit_price_eur": 310.0}]}
    body = {"by": "sales", "to": "b", "model": "subscription", "terms": fees, "at_ms": first}
    assert desk.done("POST", "/v1/pricings/a/migrate", body)["follows"] == "a"
    for day in (9, 10, 21):
        desk.deliver(f"ord-{day}", at_ms=money.START + day * money.DAY)
    hours = {"meters": [usage("hours", "h", unit_price=1.0)]}
    body = {"by": "sales", "to": "c", "model": "usage", "terms": hours, "at_ms": second}
    desk.done("POST", "/v1/pricings/b/migrate", body)
    desk.send("gen-1", *daily(money, money.START, [4.0 * n for n in range(32)]))
    (invoice,) = desk.sent(2026, 1)
    found = {line["kind"]: (line["of"], line["amount_eur"]) for line in invoice["lines"]}
    assert found == {
        "order": ("ord-9", 25.0), "recurring": ("b/2026-01", 100.0), "usage": ("gen-1/hours", 44.0),
    }  # fmt: skip
    spans = [(p["from_ms"], p["to_ms"]) for p in desk.items("/v1/pricings")]
    assert spans == [(money.START, first), (first, second), (second, None)]
    late = {"by": "sales", "to": "d", "model": "free", "at_ms": second + 1}
    refused = desk.done("POST", "/v1/pricings/c/migrate", late, 422)
    assert "invoiced" in refused["error"]["problems"][0]["what"]


@pytest.mark.feature("PM4")
def test_data_that_come_late_correct_the_next_invoice_and_gaps_are_told(desk, money):
    meter = usage("hours", "h", unit_price=2.0, max_gap="36h")
    desk.price("p", thing="gen-1", model="usage", terms={"meters": [meter]})
    desk.send("gen-1", *daily(money, money.START, [5.0 * n for n in range(20)]))
    (invoice,) = desk.sent(2026, 1)
    (line,) = invoice["lines"]
    assert (line["quantity"], line["amount_eur"]) == ("95", 190.0)
    gap = {"from_ms": money.START + 19 * money.DAY, "to_ms": money.ms(2026, 2, 1)}
    assert line["evidence"]["gaps"] == [gap]
    assert line["evidence"]["missing_ms"] == 12 * money.DAY
    late = money.START + 20 * money.DAY
    desk.send("gen-1", *daily(money, late, [5.0 * n for n in range(20, 60)]))
    (later,) = desk.sent(2026, 2)
    assert {n["corrects"]: (n["quantity"], n["amount_eur"]) for n in later["lines"]} == {
        "": ("140", 280.0), line["id"]: ("60", 120.0),
    }  # fmt: skip
    shown = desk.items(f"/v1/pricings/p/usage?from_ms={money.START}&to_ms={money.ms(2026, 3, 1)}")
    assert [one["quantity"] for one in shown] == ["295"], "as the invoices say together"


@pytest.mark.feature("PM6")
def test_partners_share_to_the_cent_and_get_their_part_once_it_is_paid(desk, money):
    shares = {"main": 33.3, "dealer": 33.3, "platform": 33.4}
    desk.price("p", model="ecosystem", shares=shares, provider="dealer")
    desk.price("q", customer="beta", model="transaction", provider="cleaner")
    wrong = desk.price("r", customer="beta", thing="gen-3", model="ecosystem", status=422,
                       shares={"main": 60.0, "dealer": 39.9})  # fmt: skip
    assert "99.9 %" in wrong["error"]["problems"][0]["what"]
    desk.until(money.START + money.DAY)
    desk.deliver("ord-1", unit_price_eur=0.05)
    desk.deliver("ord-3", thing="gen-3")
    invoices = {invoice["provider"]: invoice for invoice in desk.sent(2026, 1)}
    assert set(invoices) == {"dealer", "cleaner"}
    accounts = {one["party"]: one for one in desk.items("/v1/settlements?month=2026-01")}
    assert {party: one["invoiced_eur"] for party, one in accounts.items()} == {
        "cleaner": 25.0, "dealer": 0.03, "main": 0.03, "platform": 0.04,
    }  # fmt: skip
    desk.post("/v1/settlements/dealer/payouts", 409)
    path = f"/v1/invoices/{invoices['dealer']['id']}/payments"
    desk.post(path, payment="pay-1", amount_eur=0.1)
    assert desk.post("/v1/settlements/dealer/payouts")["amount_eur"] == 0.03
    desk.post("/v1/settlements/dealer/payouts", 409)
    whole = desk.get("/v1/settlements/dealer")
    assert (whole["paid_out_eur"], whole["payable_eur"]) == (0.03, 0.0)
    assert [part["part_eur"] for part in whole["parts"]] == [0.03]
    who = money.caller(money.Group.PARTNER, "settlements:read", parties=["partner:dealer"])
    with desk.acting_as(who):
        assert [one["party"] for one in desk.items("/v1/settlements")] == ["dealer"]
        desk.get("/v1/settlements/cleaner", 404)


@pytest.mark.feature("PM6")
def test_data_are_sold_and_paid_out_only_with_the_record_of_their_owners_consent(desk, money):
    shares = {"alpha": 70.0, "main": 30.0}
    desk.price("data", customer="city-data", model="ecosystem", shares=shares)
    desk.until(money.START + money.DAY)
    sale = {"pricing": "data", "owner": "alpha", "what": "air quality", "records": 1000,
            "unit_price_eur": 0.05}  # fmt: skip
    refused = desk.done("POST", "/v1/data-sales", sale, 403)
    assert refused["error"]["code"] == "no_consent"
    desk.put("/v1/customers/alpha/consents/monetisation", {"granted": True})
    for _ in range(2):
        desk.done("POST", "/v1/data-sales", sale)
    (invoice,) = desk.sent(2026, 1)
    (line,) = invoice["lines"]
    assert (invoice["customer"], line["amount_eur"]) == ("city-data", 50.0)
    assert line["evidence"]["consent"]["purpose"] == "monetisation"
    desk.put("/v1/customers/alpha/consents/monetisation", {"granted": False})
    desk.done("POST", "/v1/data-sales", sale, 403)
    desk.post(f"/v1/invoices/{invoice['id']}/payments", payment="pay-1", amount_eur=50.0)
    assert desk.post("/v1/settlements/alpha/payouts")["amount_eur"] == 35.0
    assert {part["id"]: part["part_eur"] for part in desk.get("/v1/settlements/main")["parts"]} == {
        line["id"]: 15.0
    }  # fmt: skip


def test_a_pricing_is_refused_with_everything_that_is_wrong_with_it(desk, money):
    meters = [usage("nope", "h", unit_price=-1.0, kind="clock"), usage("hours", "h")]
    said = desk.price("p", thing="gen-3", status=422, model="usage",
                      terms={"meters": meters, "extra": 1}, shares={"x": 50.0})  # fmt: skip
    where = {problem["where"] for problem in said["error"]["problems"]}
    assert where == {
        "terms.meters[0].kind", "terms.meters[0].unit_price", "terms.meters[1].unit_price",
        "terms.extra", "shares", "thing", "terms.meters[0].signal",
    }  # fmt: skip
    desk.price("p", thing="gen-1", model="free")
    again = desk.price("q", thing="gen-1", model="free", status=409)
    assert again["error"]["code"] == "already_priced"
    desk.price("q", thing="gen-1", model="free", service="cleaning")
    desk.price("p", thing="gen-1", model="transaction", status=409)


@pytest.mark.feature("PM5", "AS5")
def test_a_period_is_billed_when_it_is_final_and_then_knows_its_invoice(desk, money):
    """A dispute holds it back; a correction afterwards is a line of its own on the next invoice."""
    desk.put("/v1/contracts/c-1", {
        "customer": "alpha", "things": ["gen-1"], "fee_eur": 310.0, "target": 0.99,
        "up_when": "hours >= 0.0", "unknown_after_s": 86_400.0, "grace_s": 0.0,
        "objection_s": 432_000.0, "start_ms": money.START, "step": 0.01,
        "credit_pct_per_step": 1.0,
    })  # fmt: skip
    desk.price("p", model="outcome")
    desk.send("gen-1", *daily(money, money.START, [1.0] * 80))
    assert desk.sent(2026, 1) == [], "somebody may still object"
    (invoice,) = desk.sent(2026, 2)
    fees = {line["of"]: line["amount_eur"] for line in invoice["lines"] if line["kind"] == "fee"}
    assert fees == {"c-1/2026-01": 310.0}, "February may still be objected to"
    told = {row["period"]: row["state"] for row in desk.items("/v1/outcomes?contract=c-1")}
    assert told["2026-01"] == "INVOICED"
    data = {"number": 2, "fee_eur": 0.0, "credit_eur": 3.1}
    desk.period("c-1", "2026-01", kind="outcome.period_corrected", **data)
    (later,) = desk.sent(2026, 3)
    found = {line["key"]: line["amount_eur"] for line in later["lines"]}
    assert found["outcome:c-1/2026-01#2/credit"] == -3.1
