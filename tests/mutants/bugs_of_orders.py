"""Bugs of purchasing, planted in the reference DPS."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from planting import HOUR_MS, Told, mutant, wrap

from reference_impl.maintenance.service import Maintenance
from reference_impl.orders import domain as buying
from reference_impl.orders import policies
from reference_impl.orders.service import Orders
from reference_impl.orders.steps import Steps
from reference_impl.published import PartFitted, ReplacementAdvised
from reference_impl.rules import service as rules
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
    mp.setattr(rules, "shown", lambda _: {})


@mutant
def never_advises(mp):
    mp.setattr(Orders, "advise", lambda *_: None)


@mutant
def orders_for_no_reason(mp):
    def evaluate(original, self, uow, pack, *more):
        original(self, uow, pack, *more)
        at_ms = more[0]
        for ref in self._directory.things(uow.conn, pack.model):
            for part, position in self._parts.places(uow.conn, pack.model):
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
