"""Invoices: what they are of, that they are exact, numbered, and never charge twice."""

from __future__ import annotations

import csv
import io
import json

import pytest

from reference_impl.outcomes.money.invoices import INVOICES, Invoice


def amounts(invoice):
    return {line["key"]: line["amount_eur"] for line in invoice["lines"]}


def test_the_table_of_invoices_ends_where_it_is_paid_or_cancelled():
    assert {s for s, t in INVOICES.items() if not t} == {Invoice.PAID, Invoice.CANCELLED}


@pytest.mark.feature("PM2")
def test_a_delivered_order_and_a_closed_visit_are_charged_once_and_a_return_is_corrected(
    desk, money
):
    desk.price("p", model="transaction", terms={"visit_eur": 180.0})
    desk.until(money.START + money.DAY)
    for _ in range(2):
        desk.deliver("ord-1", discount_eur=5.0, tax_eur=3.8)
        desk.visit("wo-1")
    desk.deliver("ord-3", thing="gen-3")
    (invoice,) = desk.sent(2026, 1)
    assert amounts(invoice) == {
        "order:ord-1/1": 25.0, "order:ord-1/discount": -5.0, "order:ord-1/tax": 3.8,
        "visit:wo-1": 180.0,
    }  # fmt: skip
    assert (invoice["customer"], invoice["total_eur"], invoice["state"]) == (
        "alpha", 203.8, "ISSUED",
    )  # fmt: skip
    desk.deliver("ord-1", kind="order.returned")
    desk.deliver("ord-2")
    (later,) = desk.sent(2026, 2)
    assert later["total_eur"] == 1.2, "25.00 less 23.80"
    assert {line["corrects"] for line in later["lines"]} == {
        "", "order:ord-1/1", "order:ord-1/discount", "order:ord-1/tax",
    }  # fmt: skip


@pytest.mark.feature("PM1")
def test_what_is_free_is_never_invoiced(desk, money):
    desk.price("p", model="free")
    desk.price("q", customer="beta", model="transaction", terms={"visit_eur": 1.0})
    desk.put("/v1/plans/basic", {"title": "Basic", "price_eur": 30.0, "features": ["charts"]})
    desk.until(money.START + 20 * money.DAY)
    for thing, customer in (("gen-1", "alpha"), ("gen-3", "beta")):
        desk.deliver(f"ord-{thing}", thing=thing)
        desk.visit(f"wo-{thing}", thing=thing)
        desk.post("/v1/subscriptions", customer=customer, plan="basic", thing=thing)
    (invoice,) = desk.sent(2026, 1)
    assert (invoice["customer"], invoice["total_eur"]) == ("beta", 56.0)
    assert desk.items("/v1/billables?customer=alpha") == []


@pytest.mark.feature("PM5", "AS5")
def test_a_period_is_invoiced_with_credit_and_bonus_and_what_is_final_later_corrects_it(
    desk, money
):
    desk.price("p", model="outcome", terms={"contract": "c-1"})
    desk.until(money.ms(2026, 2, 1) + money.H)
    desk.period("c-1", "2026-01", fee_eur=1800.0, credit_eur=36.0, availability=0.9941)
    desk.period("c-2", "2026-01", fee_eur=99.0)
    (invoice,) = desk.sent(2026, 1)
    assert amounts(invoice) == {
        "outcome:c-1/2026-01/fee": 1800.0, "outcome:c-1/2026-01/credit": -36.0,
    }  # fmt: skip
    assert {line["of"] for line in invoice["lines"]} == {"c-1/2026-01"}
    assert invoice["lines"][0]["evidence"] == {"availability": 0.9941}
    final = {"fee_eur": 1800.0, "credit_eur": 18.0, "bonus_eur": 7.5}
    desk.period("c-1", "2026-01", kind="outcome.period_final", **final)
    again = desk.get(f"/v1/invoices/{invoice['id']}")
    assert again == invoice, "what went out stays as it is"
    (later,) = desk.sent(2026, 2)
    assert amounts(later) == {
        "outcome:c-1/2026-01/credit": 18.0, "outcome:c-1/2026-01/bonus": 7.5,
    }  # fmt: skip


@pytest.mark.feature("CC15")
def test_number_and_amount_are_the_same_everywhere_and_nothing_makes_a_second_invoice(desk, money):
    for customer, thing in (("beta", "gen-3"), ("alpha", "gen-1")):
        desk.price(f"p-{customer}", customer=customer, model="transaction")
        desk.until(desk.now + money.H)
        desk.deliver(f"ord-{thing}", thing=thing)
    desk.sent(2026, 1)
    desk.until(desk.now)
    shown = {row["number"]: row["total_eur"] for row in desk.items("/v1/invoices")}
    assert list(shown) == ["main-2026-000001", "main-2026-000002"]
    told = {e["data"]["number"]: e["data"]["total_eur"] for e in desk.feed("invoice.issued")}
    whole = desk.get("/v1/invoice-export?month=2026-01&form=json")
    exported = {i["number"]: i["total_eur"] for i in json.loads(whole["text"])["invoices"]}
    flat = desk.get("/v1/invoice-export?month=2026-01&form=csv")
    by_line = {}
    for row in csv.DictReader(io.StringIO(flat["text"])):
        by_line[row["number"]] = by_line.get(row["number"], 0.0) + float(row["amount_eur"])
    assert shown == told == exported == by_line
    first = desk.items("/v1/invoices?customer=alpha")[0]
    paid = {"by": "bank", "payment": "pay-1", "amount_eur": first["open_eur"]}
    for _ in range(2):
        answer = desk.done("POST", f"/v1/invoices/{first['id']}/payments", paid)
        assert (answer["state"], answer["open_eur"]) == ("PAID", 0.0)
    assert len(desk.feed("invoice.paid")) == 1
    desk.done("POST", f"/v1/invoices/{first['id']}/payments", paid | {"payment": "pay-2"}, 409)
    other = desk.items("/v1/invoices?customer=beta")[0]["id"]
    reused = desk.done("POST", f"/v1/invoices/{other}/payments", paid, 409)
    assert reused["error"]["code"] == "payment_reused"
    wrong = desk.post(f"/v1/invoices/{other}/payments", 422, payment="pay-3", amount_eur=1.0)
    assert wrong["error"]["problems"][0]["where"] == "amount_eur"


@pytest.mark.deep
@pytest.mark.feature("CC15")
def test_a_credit_note_takes_an_invoice_back_and_its_lines_come_again_or_never(desk, money):
    desk.price("a", model="transaction")
    desk.price("b", customer="beta", model="transaction")
    desk.until(money.START + money.DAY)
    desk.deliver("ord-1")
    desk.deliver("ord-3", thing="gen-3")
    alpha, beta = desk.sent(2026, 1)
    note = desk.post(f"/v1/invoices/{alpha['id']}/cancel", reason="wrong address", again=True)
    assert (note["number"], note["total_eur"], note["credits"]) == (
        "main-CN-2026-000001", -25.0, alpha["id"],
    )  # fmt: skip
    desk.post(f"/v1/invoices/{beta['id']}/cancel", reason="goodwill")
    desk.post(f"/v1/invoices/{beta['id']}/cancel", 409, reason="goodwill")
    (later,) = desk.sent(2026, 2)
    assert (later["customer"], later["total_eur"]) == ("alpha", 25.0)
    desk.deliver("ord-3", thing="gen-3", kind="order.returned")
    assert desk.sent(2026, 3) == [], "what was waived is not corrected"


@pytest.mark.deep
@pytest.mark.feature("CC15", "SU4")
def test_an_invoice_carries_subscriptions_and_what_was_paid_by_itself_is_not_paid_again(
    desk, money
):
    desk.price("p", model="transaction")
    desk.put("/v1/plans/basic", {"title": "Basic", "price_eur": 30.0, "features": ["charts"]})
    desk.until(money.START + 20 * money.DAY)
    for thing in ("gen-1", "gen-2"):
        desk.post("/v1/subscriptions", customer="alpha", plan="basic", thing=thing)
    one, _ = desk.items("/v1/charges")
    paid = {"payment": "pay-1", "step": "settle"}
    desk.done("POST", f"/v1/charges/{one['id']}/payments", paid)
    desk.until(money.ms(2026, 2, 1) + money.CLOSE)
    (draft,) = desk.items("/v1/invoices?state=DRAFT")
    assert (draft["total_eur"], draft["settled_eur"], draft["open_eur"]) == (60.0, 30.0, 30.0)
    desk.post(f"/v1/invoices/{draft['id']}/issue")
    assert desk.get("/v1/things/gen-2/features")["features"] == [], "not before it is paid"
    desk.post(f"/v1/invoices/{draft['id']}/payments", payment="pay-2", amount_eur=30.0)
    states = {charge["id"]: charge["state"] for charge in desk.items("/v1/charges")}
    assert states["chg-sub-gen-2-basic-1-1"] == "SETTLED"
    assert desk.get("/v1/things/gen-2/features")["features"] == ["charts"]


@pytest.mark.feature("CC15")
def test_a_customer_sees_its_own_invoices_only(desk, money):
    for customer in ("alpha", "beta"):
        desk.price(f"p-{customer}", customer=customer, model="transaction")
    desk.until(money.START + money.DAY)
    desk.deliver("ord-1")
    desk.deliver("ord-3", thing="gen-3")
    alpha, beta = desk.sent(2026, 1)
    who = money.caller(money.Group.CUSTOMER, "invoices:read", customers=["alpha"])
    with desk.acting_as(who):
        assert [row["id"] for row in desk.items("/v1/invoices")] == [alpha["id"]]
        desk.get(f"/v1/invoices/{beta['id']}", 404)
        desk.post(f"/v1/invoices/{alpha['id']}/cancel", 403, reason="mine")
        assert beta["number"] not in desk.get("/v1/invoice-export?month=2026-01")["text"]
