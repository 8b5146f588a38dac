"""Invoices under any sequence of calls: lines add up, nothing twice, nothing left out, no gap."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

picks = st.integers(0, 9)
months = st.sampled_from(["2026-01", "2026-02", "2026-03"])
cents = st.integers(0, 30_000).map(lambda n: n / 100)
SHARES = {"main": 33.3, "dealer": 66.7}


def exact(number):
    return Decimal(str(number))


class Billing(RuleBasedStateMachine):
    """Random deliveries, returns, visits, periods, readings, payments, credit notes and time.

    ``cost`` is what each key costs as it is known now: a model of its own, without invoices.
    """

    def __init__(self, desk, money):
        super().__init__()
        self.MONTH = 31 * money.DAY
        self.desk, self.money = desk, money
        self.cost, self.waived, self.sent, self.paying = {}, set(), {}, True
        self.shown, self.late = [(money.START, 0.0)], []
        desk.price("a", model="ecosystem", shares=SHARES, provider="dealer",
                   terms={"visit_eur": 90.0})  # fmt: skip
        desk.price("o", customer="beta", model="outcome")
        desk.price("u", customer="beta", thing="gen-3", service="hours", model="usage", terms={
            "meters": [{"signal": "hours", "unit": "h", "unit_price": 1.0, "rollover": 100.0}],
        })  # fmt: skip
        desk.send("gen-3", (money.START, {"hours": 0.0}))

    @rule(n=picks, price=cents, times=st.integers(1, 2))
    def deliver(self, n, price, times):
        order = f"ord-{n}"
        if f"order:{order}/1" in self.cost:
            return
        for _ in range(times):
            self.desk.deliver(order, unit_price_eur=price)
        self.cost[f"order:{order}/1"] = 2 * exact(price) if self.paying else Decimal(0)

    @rule(n=picks)
    def take_back(self, n):
        self.desk.deliver(f"ord-{n}", kind="order.returned")
        if f"order:ord-{n}/1" in self.cost:
            self.cost[f"order:ord-{n}/1"] = Decimal(0)

    @rule(n=picks)
    def visit(self, n):
        self.desk.visit(f"wo-{n}")
        self.cost.setdefault(f"visit:wo-{n}", Decimal(90 if self.paying else 0))

    @rule(month=months, fee=cents, credit=cents, final=st.booleans())
    def measure(self, month, fee, credit, final):
        kind = "outcome.period_final" if final else "outcome.period_closed"
        self.desk.period("c", month, customer="beta", kind=kind, fee_eur=fee, credit_eur=credit)
        self.cost |= {
            f"outcome:c/{month}/fee": exact(fee), f"outcome:c/{month}/credit": -exact(credit),
        }  # fmt: skip

    @rule(use=st.integers(0, 24), days=st.integers(1, 20), on_time=st.booleans())
    def count(self, use, days, on_time):
        """The register goes on; what it said is sent now or much later, never more than a month."""
        newest = max(self.shown[-1][0], self.desk.now - self.MONTH)
        at_ms = newest + days * self.money.DAY
        if at_ms > self.desk.now:
            return
        self.shown.append((at_ms, self.shown[-1][1] + use))
        self.late.append((at_ms, {"hours": self.shown[-1][1] % 100.0}))
        if on_time or len(self.late) > 1:
            self.post_late()

    def post_late(self):
        self.desk.send("gen-3", *self.late)
        self.late = []

    @rule(days=st.sampled_from([1, 9, 31]))
    def wait(self, days):
        if self.late and self.desk.now + days * self.money.DAY > self.late[0][0] + self.MONTH:
            self.post_late()
        self.desk.until(self.desk.now + days * self.money.DAY)

    @rule(pick=picks, step=st.sampled_from(["issue", "pay", "pay", "cancel", "again"]))
    def act(self, pick, step):
        rows = self.desk.items("/v1/invoices")
        if not rows:
            return
        row = rows[pick % len(rows)]
        body, path = {"by": "f"}, step
        if step == "pay":
            path = "payments"
            body |= {"payment": f"pay-{row['id']}", "amount_eur": max(0.0, row["open_eur"])}
        if step in ("cancel", "again"):
            path = "cancel"
            body |= {"reason": "so", "again": step == "again"}
        answer = self.desk.ask("POST", f"/v1/invoices/{row['id']}/{path}", body)
        assert answer.status_code in (200, 409, 422), answer.text
        if step == "cancel" and answer.status_code == 200:
            self.waived |= {line["key"] for line in answer.json()["lines"]}

    @rule(party=st.sampled_from(sorted(SHARES)))
    def pay_out(self, party):
        answer = self.desk.ask("POST", f"/v1/settlements/{party}/payouts", {"by": "f"})
        assert answer.status_code in (200, 409)

    @precondition(lambda self: self.paying)
    @rule()
    def migrate(self):
        body = {"by": "s", "to": "b", "model": "free", "at_ms": self.desk.now + 1}
        if self.desk.ask("POST", "/v1/pricings/a/migrate", body).status_code == 200:
            self.paying = False
            self.desk.until(self.desk.now + 1)

    def booked(self):
        """``key -> sum`` of all lines, on invoices or open, and what each invoice says."""
        found = {}
        ids = [row["id"] for row in self.desk.items("/v1/invoices")]
        whole = [self.desk.get(f"/v1/invoices/{one}") for one in ids]
        lines = [line for invoice in whole for line in invoice["lines"]]
        for line in [*lines, *self.desk.items("/v1/billables")]:
            found[line["key"]] = found.get(line["key"], Decimal(0)) + exact(line["amount_eur"])
        return found, whole

    @invariant()
    def everything_is_charged_once_and_every_invoice_adds_up(self):
        found, whole = self.booked()
        for key, cost in self.cost.items():
            if key not in self.waived:
                assert found.pop(key, Decimal(0)) == cost, key
        assert {key for key in found if not key.startswith("use:")} <= self.waived
        numbers = {}
        for invoice in whole:
            lines = sum((exact(line["amount_eur"]) for line in invoice["lines"]), Decimal(0))
            assert lines == exact(invoice["total_eur"]), "K6"
            said = (invoice["total_eur"], [line["id"] for line in invoice["lines"]])
            assert self.sent.setdefault(invoice["id"], said) == said, "what went out stays"
            series, _, number = invoice["number"].rpartition("-")
            numbers.setdefault(series, []).append(int(number))
        for series, used in numbers.items():
            assert sorted(used) == list(range(1, len(used) + 1)), series

    @invariant()
    def parties_get_what_was_invoiced_and_no_more(self):
        rows = [row for row in self.desk.items("/v1/invoices") if row["state"] != "DRAFT"]
        accounts = self.desk.items("/v1/settlements")
        total = sum((exact(row["total_eur"]) for row in rows), Decimal(0))
        assert sum((exact(one["invoiced_eur"]) for one in accounts), Decimal(0)) == total
        paid = [row for row in rows if (row["state"], row["kind"]) == ("PAID", "invoice")]
        got = sum((exact(one["paid_eur"]) for one in accounts), Decimal(0))
        assert got == sum((exact(row["total_eur"]) for row in paid), Decimal(0))

    def teardown(self):
        try:
            self.nothing_that_was_used_is_left_out()
        finally:
            self.desk.close()

    def nothing_that_was_used_is_left_out(self):
        """When all readings are in and two more months closed, they cost what was used."""
        if self.late:
            self.post_late()
        self.desk.until(self.desk.now + 70 * self.money.DAY)
        if any(key.startswith("use:") for key in self.waived):
            return
        found, _ = self.booked()
        used = [cost for key, cost in found.items() if key.startswith("use:")]
        assert sum(used, Decimal(0)) == exact(self.shown[-1][1]), "no gap, no overlap"


def run(money, examples, steps):
    run_state_machine_as_test(
        lambda: Billing(money.Desk(), money),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck), phases=(Phase.generate,),
        ),
    )  # fmt: skip


@pytest.mark.feature("CC15", "PM2", "PM5", "PM6", "CC19")
def test_whatever_happens_invoices_charge_what_it_costs_once(money):
    run(money, 2, 10)


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.feature("CC15", "PM2", "PM4", "PM5", "PM6", "CC19")
def test_whatever_happens_for_long_invoices_charge_what_it_costs_once(money):
    run(money, 12, 25)
