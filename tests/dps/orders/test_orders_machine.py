"""O1 to O16 and C1 to C7 under any sequence of calls: a stateful machine against the HTTP API."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

OPEN = {"PENDING_APPROVAL", "PENDING_ACCEPTANCE", "PENDING_SHIPPING", "PARTIALLY_SHIPPED",
        "SHIPPED", "LOST"}  # fmt: skip
STEPS = {
    "confirm": {}, "ship": {}, "deliver": {}, "accept": {}, "reship": {}, "replace": {},
    "receive-part": {}, "receive-replacement": {}, "take-back": {},
    "offer": {"unit_price_eur": 111.1, "quantity": 2}, "ship-part": {"quantity": 0},
    "backorder": {"eta_ms": 2**45}, "reject": {}, "cancel": {}, "refuse": {}, "lose": {},
    "request-return": {}, "refuse-return": {},
}  # fmt: skip
THINGS = ("mix-1", "mix-2", "mix-3")
FINAL = ("ORDERED_AS_RECOMMENDED", "ORDERED_MODIFIED", "REPLACED_WITHOUT_ORDER", "DISCARDED",
         "SNOOZED", "EXPIRED", "WITHDRAWN")  # fmt: skip
picks = st.integers(0, 7)
things = st.sampled_from(THINGS)


class Buying(RuleBasedStateMachine):
    """Random advice, people, parcels, time, policies, owners and doubts."""

    def __init__(self, shop):
        super().__init__()
        self.shop, self.terms, self.classes = shop, {}, {}
        self.doubted, self.gone = set(), set()

    @initialize(model=st.sampled_from(["M1", "M2", "chain"]), held=st.integers(0, 2))
    def begin(self, model, held):
        if model != "M1":
            for customer in ("alpha", "beta"):
                body = {"model": model, "partner": "dealer", "tax_pct": 19}
                self.shop.put(f"/v1/supply/{customer}", body)
            self.shop.put("/v1/stock/dealer/seal-kit", {"on_hand": held})
        self.shop.put("/v1/coverage/c-1", {"things": ["mix-3"], "parts": ["seal-kit"]})
        self.shop.put("/v1/stock/beta/seal-kit", {"on_hand": held})

    def any_of(self, path, pick):
        items = self.shop.items(path)
        return items[pick % len(items)] if items else None

    def may(self, path, **body):
        """Call it; the state may refuse it, and then nothing has changed."""
        answer = self.shop.ask("POST", path, {"by": "somebody", "reason": "so", **body})
        if answer.status_code == 422 and "reason" in answer.text:
            answer = self.shop.ask("POST", path, {"by": "somebody", **body})
        assert answer.status_code in (200, 404, 409, 422), answer.text

    @rule(thing=things, times=st.integers(1, 2))
    def advise(self, thing, times):
        before = len(self.shop.items("/v1/recommendations"))
        for _ in range(times):
            self.shop.advise(thing)
        if thing in self.doubted | self.gone:
            assert len(self.shop.items("/v1/recommendations")) == before

    @rule(thing=things, wear=st.sampled_from([50.0, 100.0, 130.0]), left=st.integers(1, 500))
    def evaluate(self, thing, wear, left):
        self.shop.wear(thing, wear=wear, left_h=left)

    @rule(pick=picks, verb=st.sampled_from(["approve", "discard", "see"]))
    def decide(self, pick, verb):
        if rec := self.any_of("/v1/recommendations", pick):
            self.may(f"/v1/recommendations/{rec['id']}/{verb}")

    @rule(pick=picks, hours=st.integers(1, 500))
    def snooze(self, pick, hours):
        if rec := self.any_of("/v1/recommendations", pick):
            until_ms = self.shop.now + hours * 3_600_000
            self.may(f"/v1/recommendations/{rec['id']}/snooze", until_ms=until_ms)

    @rule(pick=picks, steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4))
    def step(self, pick, steps):
        if order := self.any_of("/v1/orders", pick):
            for one in steps:
                self.may(f"/v1/orders/{order['id']}/{one}", **STEPS[one])

    @rule(pick=picks)
    def serve(self, pick):
        if order := self.any_of("/v1/orders", pick):
            for one in ("confirm", "ship", "deliver"):
                self.may(f"/v1/orders/{order['id']}/{one}")

    @rule(thing=things, part=st.sampled_from(["seal-kit", "blade", "foreign"]), out=st.booleans())
    def shopping(self, thing, part, out):
        self.may("/v1/carts/lines", thing=thing, part=part)
        if out:
            self.may("/v1/carts/alpha/checkout")

    @rule(thing=things)
    def fit(self, thing):
        self.shop.fit(thing)

    @rule(hours=st.sampled_from([1, 25, 400]))
    def wait(self, hours):
        self.shop.wait(hours)

    @rule(
        customer=st.sampled_from(["alpha", "beta"]),
        mode=st.sampled_from(["auto", "approval", "off"]),
        limit=st.sampled_from([{}, {"max_open_orders": 1}, {"max_unit_price_eur": 105},
                               {"paused": True}]),
    )  # fmt: skip
    def change_policy(self, customer, mode, limit):
        self.shop.policy(customer, mode, **limit)

    @rule(thing=things, on=st.booleans())
    def doubt(self, thing, on):
        self.shop.flag(thing, kind="data.flagged" if on else "data.cleared")
        (self.doubted.add if on else self.doubted.discard)(thing)

    @rule(thing=things)
    def release(self, thing):
        self.shop.release(thing)
        self.gone.add(thing)
        for order in self.shop.items(f"/v1/orders?thing={thing}"):
            single = len(order["lines"]) == 1 and order["model"] != "M3"
            unshipped = order["state"] in ("PENDING_APPROVAL", "PENDING_SHIPPING")
            assert not (single and unshipped), "O8"

    @rule(thing=things)
    def activate(self, thing):
        self.shop.activate(thing, {"mix-3": "beta"}.get(thing, "alpha"))
        self.gone.discard(thing)

    @invariant()
    def orders_are_sound(self):
        orders = self.shop.items("/v1/orders")
        for model in ("customers", "partners"):
            mine = [o for o in orders if (o["model"] == "M3") == (model == "partners")]
            lines = [line["need_key"] for o in mine if o["state"] in OPEN for line in o["lines"]]
            assert len(lines) == len(set(lines)), "O1, O16, C5"
        for order in orders:
            goods = sum(round(100 * n["unit_price_eur"]) * n["quantity"] for n in order["lines"])
            cents = {n: round(100 * order[f"{n}_eur"]) for n in ("discount", "tax", "total")}
            assert goods - cents["discount"] + cents["tax"] == cents["total"], "O6"
            terms = [order["total_eur"], *((n["part"], n["quantity"]) for n in order["lines"])]
            if order["state"] not in ("PENDING_APPROVAL", "PENDING_ACCEPTANCE"):
                assert self.terms.setdefault(order["id"], terms) == terms, "O6"
            if order["contract"] and order["model"] != "M3":
                assert order["unit_price_eur"] == 0.0, "O9"
            assert all(n["part"] != "foreign" for n in order["lines"]), "O5"

    @invariant()
    def needs_agree_with_orders(self):
        orders = [o for o in self.shop.items("/v1/orders") if o["model"] != "M3"]
        for need in self.shop.items("/v1/needs"):
            mine = [o["state"] for o in orders
                    if any(n["need_key"] == need["need_key"] for n in o["lines"])]  # fmt: skip
            cycle = self.shop.cycles.get((need["thing"], need["position"]), 1)
            ended = need["state"] in ("FULFILLED", "FULFILLED_ELSEWHERE")
            assert ended == (need["cycle"] < cycle), "O3"
            if need["state"] == "ORDERED":
                assert set(mine) & OPEN, "O12"

    @invariant()
    def shelves_are_never_below_nothing(self):
        assert all(row["free"] >= 0 <= row["reserved"] for row in self.shop.items("/v1/stock"))

    @invariant()
    def every_recommendation_has_one_class_in_the_end(self):
        rows = self.shop.items("/v1/compliance")
        for row in rows:
            if row["class"]:
                assert row["class"] in FINAL
                assert self.classes.setdefault(row["id"], row["class"]) == row["class"], "C1"
            elif row["due_ms"] < self.shop.now:
                raise AssertionError(f"C3: {row['id']} was due")
        kpis = self.shop.get("/v1/compliance/kpis")
        assert sum(kpis["classes"].values()) + kpis["open"] == kpis["total"] == len(rows), "C2"
        judged = [r for r in rows if r["due_ms"] <= self.shop.now and r["class"] != "WITHDRAWN"]
        assert kpis["judged"] == len(judged), "C3, C4"

    def teardown(self):
        self.shop.close()


NUMBERS = [f"O{n}" for n in range(1, 17)] + [f"C{n}" for n in range(1, 8)]


def run(make, examples, steps):
    run_state_machine_as_test(
        lambda: Buying(make()),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


@pytest.mark.feature(*NUMBERS)
def test_any_sequence_of_calls_keeps_the_invariants_of_buying(clockwork):
    run(clockwork.Shop, 2, 10)


@pytest.mark.deep
@pytest.mark.timeout(1200)
def test_any_long_sequence_of_calls_keeps_the_invariants_of_buying(clockwork):
    run(clockwork.Shop, 60, 40)


@pytest.mark.deep
@pytest.mark.postgres
@pytest.mark.timeout(1200)
def test_any_sequence_of_calls_keeps_the_invariants_of_buying_on_postgresql(
    clockwork, new_database
):
    run(lambda: clockwork.Shop(new_database()), 8, 20)
