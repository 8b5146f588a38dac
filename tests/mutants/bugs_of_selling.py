"""Bugs of selling plans, and of what design is told, planted in the reference DPS."""

from __future__ import annotations

from planting import HOUR_MS, mutant, wrap

from reference_impl.insight.reliability.service import Reliability
from reference_impl.outcomes.selling import charges, plans, subscriptions
from reference_impl.outcomes.selling.charges import Charges
from reference_impl.outcomes.selling.subscriptions import Subscriptions
from reference_impl.published import CommandWanted


@mutant
def tells_design_of_one_end_too_many(mp):
    def of(original, self, *args, **named):
        found = original(self, *args, **named)
        modes = [{**mode, "ends": mode["ends"] + 1} for mode in found["modes"]]
        return {**found, "modes": modes}

    wrap(mp, Reliability, "of", of)


@mutant
def subscribes_twice(mp):
    def begin(original, self, uow, **named):
        original(self, uow, **named)
        return original(self, uow, **named)

    wrap(mp, Subscriptions, "_check_free", lambda *_: None)
    wrap(mp, Subscriptions, "begin", begin)


@mutant
def upgrades_before_it_is_paid(mp):
    def change(original, self, uow, subscription, *, plan, by, at_ms):
        row = original(self, uow, subscription, plan=plan, by=by, at_ms=at_ms)
        row |= {"plan": plan}
        self._rows.subscriptions.put(uow, row)
        subscriptions._tell(uow, row, "changed", at_ms)
        return row

    wrap(mp, Subscriptions, "change", change)


@mutant
def takes_a_payment_twice(mp):
    def take(original, self, uow, charge, step, *, payment, at_ms):
        known = self._rows.payments.get(uow.conn, payment)
        row = original(self, uow, charge, step, payment=payment, at_ms=at_ms)
        if known is not None:
            charges._tell(uow, row, charges.PAST[step], at_ms)
        return row

    wrap(mp, Charges, "take", take)


@mutant
def forgets_on_which_day_it_began(mp):
    """The next period is counted from a short month's last day."""

    def span(original, self, uow, row, number):
        again = {**row, "anchor_ms": row["to_ms"]} if number else row
        return original(self, uow, again, 0)

    wrap(mp, Subscriptions, "_span", span)


@mutant
def gives_a_second_trial(mp):
    def first_state(original, plan, *, tried):
        return original(plan, tried=False)

    wrap(mp, plans, "first_state", first_state)


@mutant
def gives_what_is_not_paid(mp):
    mp.setattr(plans, "ENTITLED", plans.ENTITLED | {plans.Subscription.SUSPENDED})


@mutant
def stops_the_machine_of_who_does_not_pay(mp):
    def step(original, self, uow, row, taken, by, at_ms):
        found = original(self, uow, row, taken, by, at_ms)
        if taken is plans.Step.SUSPEND:
            uow.publish(CommandWanted(
                at_ms=at_ms, command_id=f"cmd-{row['id']}-stop", thing=row["thing"], name="stop",
                args={}, expires_ms=at_ms + HOUR_MS, by="billing",
            ))  # fmt: skip
        return found

    wrap(mp, Subscriptions, "_step", step)


@mutant
def knows_no_flat_plan(mp):
    wrap(mp, plans.Held, "covers", lambda original, self, thing, customer:
         self.thing is not None and original(self, thing, customer))  # fmt: skip


@mutant
def forgets_what_was_before(mp):
    wrap(mp, Subscriptions, "steps", lambda original, *args: original(*args)[-1:])


@mutant
def withholds_safety_alerts(mp):
    mp.setattr(plans, "safety_alerts", lambda held, *, thing, customer: all(
        one.state in plans.ENTITLED for one in held if one.covers(thing, customer)
    ))  # fmt: skip
