"""Subscriptions and invoices under any sequence of calls, on SQLite and PostgreSQL.

What the API answers is compared with what plans and states say; what the feed tells goes through
the checkers that the harness has for any DPS.
"""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from harness.events import FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.subscription_invariants import (
    OnePlan,
    OneTrial,
    PaidOnce,
    RenewedRightly,
    SettledUpgrade,
)
from reference_impl.outcomes.selling.plans import ENTITLED, LIVE

PLANS = {
    "basic": {"title": "Basic", "price_eur": 30.0, "features": ["charts"]},
    "pro": {"title": "Pro", "price_eur": 90.0, "features": ["charts", "alerts"],
            "safety_alerts": "with_plan"},
    "free": {"title": "Free", "price_eur": 0.0, "features": ["look"]},
    "try": {"title": "Try", "price_eur": 20.0, "features": ["try"], "trial_days": 14},
    "map": {"title": "Map", "price_eur": 5.0, "features": ["map"], "kind": "addon"},
    "fleet": {"title": "Fleet", "price_eur": 0.0, "features": ["fleet"], "kind": "addon",
              "activation": "flat"},
}  # fmt: skip
OWNED = ("gen-1", "gen-2")
CHECKED = (OnePlan, SettledUpgrade, PaidOnce, RenewedRightly, OneTrial)
picks = st.integers(0, 20)


class Subscribing(RuleBasedStateMachine):
    """Random subscriptions, changes, payments, cancellations, resets and time."""

    def __init__(self, desk, day):
        super().__init__()
        self.desk, self.day = desk, day
        for name, plan in PLANS.items():
            desk.put(f"/v1/plans/{name}", plan)
        brief = Brief(start_ms=0, until_ms=2**53, devices={}, plans=PLANS)
        self.checkers = [kind(brief) for kind in CHECKED]
        self.cursor, self.settled, self.steps = 0, Counter(), {}
        for plan, thing in (("basic", "gen-1"), ("try", "gen-2"), ("map", "gen-1")):
            desk.post("/v1/subscriptions", customer="alpha", plan=plan, thing=thing)

    def rows(self):
        return self.desk.items("/v1/subscriptions")

    def some(self, pick):
        rows = self.rows()
        return rows[pick % len(rows)] if rows else None

    @rule(plan=st.sampled_from(sorted(PLANS)), thing=st.sampled_from(OWNED))
    def begin(self, plan, thing):
        flat = PLANS[plan].get("activation") == "flat"
        body = {"by": "ann", "customer": "alpha", "plan": plan, "thing": None if flat else thing}
        answer = self.desk.ask("POST", "/v1/subscriptions", body)
        assert answer.status_code in (200, 409, 422), answer.text

    @rule(pick=picks, step=st.sampled_from(["settle", "settle", "settle", "refund", "void"]))
    def pay(self, pick, step):
        rows = self.desk.items("/v1/charges")
        if rows:
            charge = rows[pick % len(rows)]
            body = {"payment": f"pay-{charge['id']}-{step}", "step": step}
            for _ in range(2):  # payment providers tell twice
                answer = self.desk.ask("POST", f"/v1/charges/{charge['id']}/payments", body)
                assert answer.status_code in (200, 409, 422), answer.text

    @rule(pick=picks, plan=st.sampled_from(["basic", "pro", "free", "map"]))
    def change(self, pick, plan):
        self.act(pick, "change", plan=plan)

    @rule(pick=picks, what=st.sampled_from(["cancel", "keep"]))
    def end(self, pick, what):
        self.act(pick, what)

    def act(self, pick, what, **more):
        row = self.some(pick)
        if row is not None:
            path = f"/v1/subscriptions/{row['id']}/{what}"
            answer = self.desk.ask("POST", path, {"by": "ann", **more})
            assert answer.status_code in (200, 409, 422), answer.text

    @rule(days=st.sampled_from([1, 6, 15, 31]))
    def wait(self, days):
        self.desk.until(self.desk.now + days * self.day)

    @invariant()
    def what_may_be_used_is_what_plans_and_states_say(self):
        rows = self.rows()
        for thing in OWNED:
            mine = [
                row for row in rows
                if row["thing"] in (None, thing) and row["state"] in {s.value for s in ENTITLED}
            ]  # fmt: skip
            wanted = sorted({name for row in mine for name in PLANS[row["plan"]]["features"]})
            assert self.desk.get(f"/v1/things/{thing}/features")["features"] == wanted, "SU1"
            live = [row for row in rows if row["thing"] == thing
                    and row["state"] in {s.value for s in LIVE}
                    and PLANS[row["plan"]].get("kind", "plan") == "plan"]  # fmt: skip
            assert len(live) <= 1, "SU2"

    @invariant()
    def nothing_that_happened_is_forgotten(self):
        for row in self.rows():
            steps = self.desk.get(f"/v1/subscriptions/{row['id']}")["steps"]
            known = self.steps.get(row["id"], [])
            assert steps[: len(known)] == known, "SU7"
            self.steps[row["id"]] = steps

    @invariant()
    def the_checkers_of_the_harness_find_nothing_in_the_feed(self):
        while True:
            page = self.desk.get(f"/v1/feed?after={self.cursor}&limit=1000")
            self.cursor = page["cursor"]
            for e in page["events"]:
                seen = FeedSeen(at_ms=e["at_ms"], kind=e["type"], subject=e["subject"],
                                data=e["data"], event_id=e["id"])  # fmt: skip
                self.settled[e["subject"]] += e["type"] == "charge.settled"
                family = e["type"].partition(".")[0]
                for checker in self.checkers:
                    if family in checker.families:
                        assert checker.take(seen) is None, (checker.ident, e)
            if len(page["events"]) < 1000:
                break
        assert set(self.settled.values()) <= {0, 1}, "SU4"

    def teardown(self):
        self.desk.close()


def run(make, examples, steps):
    run_state_machine_as_test(
        make,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck), phases=(Phase.generate,),
        ),
    )  # fmt: skip


NUMBERS = ("SU1", "SU2", "SU3", "SU4", "SU7", "SU9", "SU10")


@pytest.mark.feature(*NUMBERS)
def test_any_sequence_of_calls_keeps_the_invariants_of_subscriptions(desks):
    run(lambda: Subscribing(desks.Desk(), desks.DAY), 1, 12)


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_any_long_sequence_of_calls_keeps_them(desks):
    run(lambda: Subscribing(desks.Desk(), desks.DAY), 8, 25)


@pytest.mark.deep
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_any_sequence_of_calls_keeps_them_on_postgresql(desks, new_database):
    run(lambda: Subscribing(desks.Desk(new_database()), desks.DAY), 2, 20)


@pytest.mark.deep
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_whatever_happens_on_postgresql_invoices_charge_what_it_costs_once(billing, new_database):
    """The machine of tests/dps/money, on the other kind of store."""
    there = SimpleNamespace(**vars(billing.money))
    there.Desk = lambda: billing.money.Desk(new_database())
    billing.run(there, 2, 15)
