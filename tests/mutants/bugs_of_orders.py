"""Bugs of purchasing, planted in the reference DPS."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

from planting import HOUR_MS, Told, mutant, wrap

from reference_impl.maintenance.service import Maintenance
from reference_impl.orders import advising, drafts, policies
from reference_impl.orders import domain as buying
from reference_impl.orders.advising import Advising
from reference_impl.orders.breaker import Breakers
from reference_impl.orders.compliance import Compliance
from reference_impl.orders.needs import Needs
from reference_impl.orders.service import Orders
from reference_impl.orders.steps import Steps
from reference_impl.published import DataFlagged, OrderChanged, PartFitted, ReplacementAdvised
from reference_impl.rules import reacting
from reference_impl.rules.reacting import Reacting
from reference_impl.rules.service import Rules

# Orders --------------------------------------------------------------------------------------


@mutant
def orders_twice(mp):
    def place(original, self, uow, rec, attempt, **more):
        original(self, uow, rec, attempt, **more)
        original(self, uow, rec, attempt + 1, **more)

    wrap(mp, Orders, "_place", place)


@mutant
def recommends_twice(mp):
    def issue(original, self, uow, rec, policy, at_ms):
        told = Told(uow)
        original(self, told, rec, policy, at_ms)
        uow.publish(told.events[0])

    wrap(mp, Orders, "_issue", issue)


@mutant
def takes_delivery_for_fitting(mp):
    def step(original, self, uow, order_id, step, **more):
        row = original(self, uow, order_id, step, **more)
        if row["state"] == buying.Order.DELIVERED:
            _, position, cycle = row["need_key"].split("/")
            data = {"position": position, "cycle": int(cycle) + 1}
            at_ms = more["at_ms"]
            self.endings.on_fitted(
                uow, PartFitted(at_ms=at_ms, kind="part.fitted", subject=row["thing"], data=data)
            )
        return row

    wrap(mp, Orders, "step_order", step)
    mp.setattr(Maintenance, "on_order", lambda *_: None)


@mutant
def reopens_at_once(mp):
    mp.setattr(buying, "REOPEN_AFTER_MS", HOUR_MS)


@mutant
def never_reopens(mp):
    mp.setattr(Orders, "_reopen", lambda *_: None)


@mutant
def takes_any_part(mp):
    wrap(mp, Reacting, "_advise", lambda original, uow, reaction, **more: original(
        uow, replace(reaction, part="bearing-set"), **more))  # fmt: skip
    mp.setattr("reference_impl.orders.catalogue.Catalogue.misfit", lambda *_, **__: "")


@mutant
def adds_up_wrong(mp):
    cent = Decimal("0.01")
    wrap(mp, buying, "total_eur", lambda original, *a, **named: original(*a, **named) + cent)


@mutant
def ignores_the_policy(mp):
    mp.setattr(policies, "breaches", lambda *_, **__: [])


@mutant
def mixes_up_things(mp):
    def advise(original, self, uow, event):
        other = {"pump-01-1": "pump-01-2", "pump-01-2": "pump-01-1"}
        original(self, uow, replace(event, thing=other[event.thing]))

    wrap(mp, Orders, "advise", advise)


@mutant
def writes_a_thing_that_is_none(mp):
    def place(original, self, uow, rec, attempt, **more):
        original(self, uow, {**rec, "thing": rec["thing"] + "0"}, attempt, **more)

    wrap(mp, Orders, "_place", place)


@mutant
def orders_a_minute_later(mp):
    def place(original, self, uow, rec, attempt, *, by, at_ms):
        original(self, uow, rec, attempt, by=by, at_ms=at_ms + 60_000)

    wrap(mp, Orders, "_place", place)


@mutant
def forgets_to_order(mp):
    mp.setattr(Orders, "_place", lambda *_, **__: None)


@mutant
def gives_no_reasons(mp):
    mp.setattr(reacting, "shown", lambda _: {})


@mutant
def never_advises(mp):
    mp.setattr(Orders, "advise", lambda *_: None)


@mutant
def orders_for_no_reason(mp):
    def evaluate(original, self, uow, pack, *more):
        original(self, uow, pack, *more)
        at_ms = more[0]
        for part, position in self._parts.places(uow.conn, pack.model):  # a breaker stops it soon
            for ref in self._directory.things(uow.conn, pack.model):
                uow.publish(
                    ReplacementAdvised(
                        at_ms=at_ms, seen_from_ms=at_ms, thing=ref.thing, part=part,
                        position=position, quantity=1, rule="none", pack=pack.pack,
                        pack_version=pack.version, why="", values={"none": 0.0},
                    )
                )  # fmt: skip

    def put(original, self, uow, customer, policy):
        return original(self, uow, customer, policies.Policy(mode=policies.Mode.AUTO))

    wrap(mp, Rules, "evaluate", evaluate)
    wrap(mp, Orders, "put_policy", put)


@mutant
def ships_unconfirmed(mp):
    def tell(original, uow, row, what, at_ms, *more):
        if what == "confirmed":
            original(uow, row, "shipped", at_ms)
        original(uow, row, what, at_ms, *more)

    wrap(mp, Steps, "tell_order", tell)


@mutant
def tells_of_deliveries_late(mp):
    def tell(original, uow, row, what, at_ms, *more):
        original(uow, row, what, at_ms + (HOUR_MS if what == "delivered" else 0), *more)

    wrap(mp, Steps, "tell_order", tell)


@mutant
def forgets_deliveries(mp):
    def tell(original, uow, row, what, at_ms, *more):
        if what != "delivered":
            original(uow, row, what, at_ms, *more)

    wrap(mp, Steps, "tell_order", tell)


# Offers, contracts, shelves, partners, compliance ----------------------------------------------


@mutant
def ships_what_nobody_accepted(mp):
    table = {state: dict(steps) for state, steps in buying.ORDERS.items()}
    table[buying.Order.PENDING_ACCEPTANCE][buying.OrderStep.SHIP] = buying.Order.SHIPPED
    mp.setattr(buying, "ORDERS", table)

    def step(original, self, uow, order_id, step, **more):
        row = original(self, uow, order_id, step, **more)
        if step is buying.OrderStep.OFFER:
            return original(self, uow, order_id, buying.OrderStep.SHIP, **more)
        return row

    wrap(mp, Orders, "step_order", step)


@mutant
def lets_the_buyer_pay_what_a_contract_covers(mp):
    mp.setattr(drafts.Line, "unit_eur", property(lambda line: line.list_eur))


@mutant
def serves_and_orders(mp):
    def serve(original, self, uow, rec, at_ms):
        if original(self, uow, rec, at_ms):
            row = {**rec, "state": "ORDERED"}
            uow.publish(
                OrderChanged(
                    at_ms=at_ms,
                    kind="order.placed",
                    subject="ord-x",
                    data={
                        name: row[name]
                        for name in ("need_key", "thing", "site", "customer", "part")
                    }
                    | {"quantity": 1, "unit_price_eur": 0.0, "total_eur": 0.0, "by": "policy:auto"},
                )
            )
            return True
        return False

    wrap(mp, Advising, "serve", serve)


@mutant
def keeps_the_risk_to_itself(mp):
    wrap(mp, advising.f, "choose", lambda original, *a, **named: replace(
        original(*a, **named), risk=""))  # fmt: skip


@mutant
def has_no_breaker(mp):
    mp.setattr(Breakers, "judge", lambda *_, **__: "")


@mutant
def believes_every_reading(mp):
    def advise(original, self, uow, event):
        said = {"signal": "seal_leak", "flag": "jump", "positions": [event.position]}
        uow.publish(
            DataFlagged(
                at_ms=event.at_ms, kind="data.flagged", subject=event.thing,
                data={**said, "since_ms": event.at_ms, "evidence": {}},
            )
        )  # fmt: skip
        original(self, uow, event)

    mp.setattr(Needs, "doubt", lambda *_: "")
    wrap(mp, Orders, "advise", advise)


@mutant
def replenishes_twice(mp):
    def tell(original, uow, row, what, at_ms, *more):
        original(uow, row, what, at_ms, *more)
        if row["model"] == "M3" and what == "placed":
            original(uow, {**row, "id": row["id"] + "-again"}, what, at_ms, *more)

    wrap(mp, Steps, "tell_order", tell)


def classed(change):
    """Publish compliance events as ``change`` makes them."""

    def decide(original, self, uow, rec_id, final, at_ms, **more):
        told = Told(uow)
        quiet = SimpleNamespace(conn=uow.conn, timers_version=0, publish=told.events.append)
        quiet.__dict__.update({name: getattr(uow, name) for name in ("after_commit", "at_end")})
        original(self, quiet, rec_id, final, at_ms, **more)
        for event in told.events:
            for one in change(event):
                uow.publish(one)

    return decide


def _with(event, **data):
    return replace(event, data={**event.data, **data})


@mutant
def classes_twice(mp):
    wrap(mp, Compliance, "decide", classed(lambda event: [event, event]))


@mutant
def classes_everything_alike(mp):
    alike = classed(lambda event: [_with(event, **{"class": "DISCARDED"})])
    wrap(mp, Compliance, "decide", alike)


@mutant
def gives_up_before_it_is_due(mp):
    wrap(mp, Compliance, "decide", classed(lambda event: [_with(event, **{"class": "EXPIRED"})]))


@mutant
def takes_back_what_stands(mp):
    wrap(mp, Compliance, "decide", classed(lambda event: [_with(event, **{"class": "WITHDRAWN"})]))


@mutant
def counts_for_somebody_else(mp):
    wrap(mp, Compliance, "decide", classed(lambda event: [_with(event, customer="customer-99")]))


@mutant
def orders_nothing_for_a_need(mp):
    def tell(original, uow, row, what, at_ms, *more):
        if what == "placed":
            row = {**row, "quantity": 0, "total_eur": Decimal(0)}
        original(uow, row, what, at_ms, *more)

    wrap(mp, Steps, "tell_order", tell)


@mutant
def discards_without_a_reason(mp):
    def discard(original, self, uow, rec_id, **more):
        return original(self, uow, rec_id, **{**more, "reason": ""})

    wrap(mp, Orders, "discard", discard)
