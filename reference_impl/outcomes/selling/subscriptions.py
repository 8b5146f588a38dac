"""Subscriptions to plans and add-ons: begun, paid, renewed, changed, cancelled (DS10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import DpsError, IllegalStep, Invalid, Problem, Unknown
from reference_impl.kernel.feed import steps_of
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.outcomes.selling import plans as p
from reference_impl.outcomes.selling.charges import Charges, Payment
from reference_impl.published import ChargeChanged, SubscriptionChanged, ThingReleased

PERIOD_END, UNPAID = "subscriptions/period-end", "subscriptions/unpaid"
_SHOWN = ("customer", "thing", "plan", "next_plan", "state", "from_ms", "to_ms", "by")
S = p.Subscription
Groups = Callable[[sa.Connection, str], frozenset[str]]
"""What a subscriber is: a customer, a partner, both."""


class AlreadySubscribed(DpsError):  # noqa: N818 - it names what happened
    """The thing has a plan already; plans are exclusive."""

    code = "already_subscribed"


class Subscriptions:
    """Use cases of plans and subscriptions."""

    def __init__(
        self,
        *,
        rows: OutcomeRows,
        scheduler: Scheduler,
        directory: Directory,
        charges: Charges,
        groups: Groups,
    ) -> None:
        self._rows, self._scheduler, self._groups = rows, scheduler, groups
        self._directory, self._charges = directory, charges

    def subscribe(self, bus: Bus) -> None:
        """Listen for payments, and for the ends of periods and of patience."""
        bus.subscribe(ChargeChanged, self._on_charge)
        bus.subscribe(ThingReleased, self._on_released)
        self._scheduler.on_timer(PERIOD_END, self._on_period_end)
        self._scheduler.on_timer(UNPAID, self._on_unpaid)

    # Plans -----------------------------------------------------------------------------------

    def put_plan(self, uow: UnitOfWork, plan: Mapping[str, Any]) -> Row:
        """Offer a plan or add-on, or change one; a running period keeps its price."""
        row = dict(plan)
        self._rows.plans.put(uow, row)
        return row

    def plan(self, conn: sa.Connection, plan: str) -> Row:
        """One plan. Raises Unknown if there is none."""
        row = self._rows.plans.get(conn, plan)
        if row is None:
            raise Unknown(f"there is no plan {plan!r}", [Problem(where="plan", what=plan)])
        return row

    def listed(self, conn: sa.Connection, what: str, **equals: object) -> list[Row]:
        """Rows of ``plans`` or ``subscriptions``."""
        rows: list[Row] = getattr(self._rows, what).items(conn, **equals)
        return rows

    def get(self, conn: sa.Connection, subscription: str) -> Row:
        """One subscription. Raises Unknown if there is none."""
        row = self._rows.subscriptions.get(conn, subscription)
        if row is None:
            raise Unknown(f"there is no subscription {subscription!r}")
        return row

    @staticmethod
    def steps(conn: sa.Connection, subscription: str) -> list[Row]:
        """What happened to a subscription, oldest first (SU7)."""
        return [
            {"at_ms": one["at_ms"], "kind": one["kind"], "state": one["data"]["state"],
             "by": one["data"]["by"]}
            for one in steps_of(conn, [subscription])
        ]  # fmt: skip

    def features(self, conn: sa.Connection, thing: str) -> tuple[frozenset[str], bool]:
        """What a thing may use, and whether its owner is told of safety alerts (SU1, SU8).

        Raises Unknown if there is no such thing.
        """
        ref = self._directory.thing(conn, thing)
        if ref is None:
            raise Unknown(f"there is no thing {thing!r}", [Problem(where="thing", what=thing)])
        held = self._held(conn, ref.customer, p.OF_CUSTOMERS)
        told = p.safety_alerts(held, thing=thing, customer=ref.customer)
        return p.entitled(held, thing=thing, customer=ref.customer), told

    def tools(self, conn: sa.Connection, partner: str) -> frozenset[str]:
        """What a partner may use of the plans for partners (FS13)."""
        held = self._held(conn, partner, p.OF_PARTNERS)
        return p.entitled(held, thing="", customer=partner)

    def _held(self, conn: sa.Connection, subscriber: str, group: str) -> list[p.Held]:
        plans = {row["id"]: row for row in self._rows.plans.items(conn, group=group)}
        return [
            p.Held(
                customer=row["customer"],
                thing=row["thing"],
                state=S(row["state"]),
                features=frozenset(plans[row["plan"]]["features"]),
                safety_alerts=p.SafetyAlerts(plans[row["plan"]]["safety_alerts"]),
            )
            for row in self._rows.subscriptions.items(conn, customer=subscriber)
            if row["plan"] in plans
        ]

    # Begin, change, cancel -------------------------------------------------------------------

    def begin(
        self, uow: UnitOfWork, *, customer: str, plan: str, thing: str | None, by: str, at_ms: int
    ) -> Row:
        """Subscribe a customer, or one of its things, to a plan.

        Raises:
            Unknown: If there is no such plan.
            Invalid: If the plan is by thing and none of the customer's is named, or the opposite.
            AlreadySubscribed: If there is a live subscription that excludes it (SU2).
        """
        offer = self.plan(uow.conn, plan)
        self._check_group(uow.conn, offer, customer)
        self._check_thing(uow.conn, offer, customer, thing)
        self._check_free(uow.conn, offer, customer, thing)
        # a thing's history is its own, whoever owned it: a trial comes once (SU10)
        whose = {"customer": customer, "thing": None} if thing is None else {"thing": thing}
        earlier = self._rows.subscriptions.items(uow.conn, **whose)
        attempt = 1 + sum(row["plan"] == plan for row in earlier)
        tried = any(row["plan"] == plan and row["had_trial"] for row in earlier)
        state = p.first_state(offer, tried=tried)
        row: Row = {
            "id": p.subscription_id(customer, plan, thing, attempt),
            "customer": customer,
            "thing": thing,
            "plan": plan,
            "next_plan": None,
            "state": state.value,
            "had_trial": state is S.TRIAL,
            "anchor_ms": None,
            "number": 0,
            "from_ms": at_ms,
            "to_ms": None,
            "by": by,
            "changed_ms": at_ms,
        }
        if state is S.TRIAL:
            row["to_ms"] = at_ms + offer["trial_days"] * p.DAY_MS
            set_timer(uow, PERIOD_END, row["id"], row["to_ms"])
        self._rows.subscriptions.insert(uow, row)
        _tell(uow, row, "begun", at_ms)
        if state is S.PENDING:
            self._ask(uow, row, at_ms)
        return row

    def _check_group(self, conn: sa.Connection, offer: Row, subscriber: str) -> None:
        """Partners take the plans for partners, customers those for customers (FS13)."""
        groups = self._groups(conn, subscriber)
        if offer["group"] not in groups:
            allowed = f"a plan for a {' or '.join(sorted(groups))}" if groups else "a customer"
            problem = Problem(where="plan", what=f"is for a {offer['group']}", allowed=allowed)
            raise Invalid("the subscription is refused", [problem])

    def _check_free(
        self, conn: sa.Connection, offer: Row, customer: str, thing: str | None
    ) -> None:
        """One plan a thing, many add-ons (SU2); a flat plan is one of every thing."""
        for row in self._rows.subscriptions.items(conn, customer=customer):
            if S(row["state"]) not in p.LIVE:
                continue
            other = self.plan(conn, row["plan"])
            plans = p.Kind.ADDON not in (other["kind"], offer["kind"])
            meets = row["thing"] == thing or None in (row["thing"], thing)
            same = row["plan"] == offer["id"] and row["thing"] == thing
            if same or (plans and meets and other["group"] == offer["group"]):
                what = f"{row['id']} is {row['state']}"
                problem = Problem(where="plan", what=what, allowed="a change of it")
                raise AlreadySubscribed(f"{thing or customer} has {row['plan']!r}", [problem])

    def _check_thing(
        self, conn: sa.Connection, offer: Row, customer: str, thing: str | None
    ) -> None:
        by_thing = offer["activation"] == p.Activation.BY_THING
        problem = None
        if by_thing and thing is None:
            problem = Problem(where="thing", what="is missing", allowed="a thing of the customer")
        elif thing is not None and not by_thing:
            problem = Problem(where="thing", what=f"is {thing!r}", allowed="none: the plan is flat")
        elif thing is not None:
            ref = self._directory.thing(conn, thing)
            if ref is None or ref.customer != customer:
                what = f"{thing!r} is no thing of {customer!r}"
                problem = Problem(where="thing", what=what, allowed="a thing of the customer")
        if problem is not None:
            raise Invalid("the subscription is refused", [problem])

    def change(self, uow: UnitOfWork, subscription: str, *, plan: str, by: str, at_ms: int) -> Row:
        """Take another plan: a dearer one once the difference is settled, else next period.

        Raises:
            Unknown: If there is no such subscription or plan.
            IllegalStep: If the subscription is not ACTIVE.
            Invalid: If the other plan is not of the same kind and activation.
        """
        row = self.get(uow.conn, subscription)
        if S(row["state"]) is not S.ACTIVE:
            raise IllegalStep(subscription, row["state"], "change", [])
        old, new = self.plan(uow.conn, row["plan"]), self.plan(uow.conn, plan)
        alike = ("kind", "activation", "months")
        if plan == row["plan"] or any(old[name] != new[name] for name in alike):
            what = f"{plan!r} does not replace {row['plan']!r}"
            allowed = "another plan of the same kind, activation and period"
            problem = Problem(where="plan", what=what, allowed=allowed)
            raise Invalid("the change is refused", [problem])
        self._void_upgrades(uow, subscription, at_ms)
        row |= {"next_plan": plan, "by": by, "changed_ms": at_ms}
        self._rows.subscriptions.put(uow, row)
        _tell(uow, row, "change_asked", at_ms)
        if new["price_eur"] > old["price_eur"]:
            span = p.Span(row["from_ms"], row["to_ms"])
            amount = p.delta(old["price_eur"], new["price_eur"], span, at_ms)
            self._charges.ask(
                uow, subject=subscription, customer=row["customer"], amount=amount,
                what=f"upgrade to {plan}", at_ms=at_ms,
            )  # fmt: skip
        return row

    def cancel(self, uow: UnitOfWork, subscription: str, *, by: str, at_ms: int) -> Row:
        """End it: what is paid stays valid to the end of its period."""
        row = self._step(uow, self.get(uow.conn, subscription), p.Step.CANCEL, by, at_ms)
        if S(row["state"]) is S.CANCELLED:
            self._forget(uow, row, at_ms)
        return row

    def keep(self, uow: UnitOfWork, subscription: str, *, by: str, at_ms: int) -> Row:
        """Take a cancellation back before the period ends."""
        return self._step(uow, self.get(uow.conn, subscription), p.Step.KEEP, by, at_ms)

    # What happens by payments and by time ----------------------------------------------------

    def _ask(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        plan = self.plan(uow.conn, row["plan"])
        self._charges.ask(
            uow, subject=row["id"], customer=row["customer"], amount=plan["price_eur"],
            what=f"period {row['number'] + 1} of {row['plan']}", at_ms=at_ms,
        )  # fmt: skip
        wait_ms = p.GRACE_MS if S(row["state"]) is S.ACTIVE else p.LAPSE_MS
        set_timer(uow, UNPAID, row["id"], at_ms + wait_ms)

    def _on_charge(self, uow: UnitOfWork, event: ChargeChanged) -> None:
        row = self._rows.subscriptions.get(uow.conn, event.data["subject"])
        if row is None or event.kind != "charge.settled":
            return
        if event.data["what"].startswith("upgrade"):
            row |= {"plan": row["next_plan"], "next_plan": None, "changed_ms": event.at_ms}
            self._rows.subscriptions.put(uow, row)
            _tell(uow, row, "changed", event.at_ms)
            return
        cancel_timer(uow, UNPAID, row["id"])
        if S(row["state"]) in {S.PENDING, S.SUSPENDED}:
            over = row["anchor_ms"] is None or event.at_ms >= row["to_ms"]
            row = self._step(uow, row, p.Step.SETTLE, "payment", event.at_ms)
            if over:  # nothing is running: the period that was paid begins now
                self._span(uow, row | {"anchor_ms": event.at_ms}, 0)

    def _span(self, uow: UnitOfWork, row: Row, number: int) -> Row:
        months = self.plan(uow.conn, row["plan"])["months"]
        span = p.period(row["anchor_ms"], number, months)
        row |= {"number": number, "from_ms": span.from_ms, "to_ms": span.to_ms}
        self._rows.subscriptions.put(uow, row)
        set_timer(uow, PERIOD_END, row["id"], span.to_ms)
        return row

    def _on_period_end(self, uow: UnitOfWork, timer: Timer) -> None:
        row, at_ms = self.get(uow.conn, timer.subject), timer.due_ms
        state = S(row["state"])
        if state is S.TRIAL:
            self._ask(uow, self._step(uow, row, p.Step.ASK, "time", at_ms), at_ms)
        elif state is S.CANCEL_AT_PERIOD_END:
            self._forget(uow, self._step(uow, row, p.Step.END, "time", at_ms), at_ms)
        elif state is S.ACTIVE:
            unpaid = self._void_upgrades(uow, row["id"], at_ms)
            if row["next_plan"] is not None:  # an upgrade that was not paid for does not happen
                row |= {"plan": row["plan"] if unpaid else row["next_plan"], "next_plan": None}
            row = self._step(uow, row, p.Step.RENEW, "time", at_ms)
            self._ask(uow, self._span(uow, row, row["number"] + 1), at_ms)

    def _on_unpaid(self, uow: UnitOfWork, timer: Timer) -> None:
        row, at_ms = self.get(uow.conn, timer.subject), timer.due_ms
        state = S(row["state"])
        if state is S.ACTIVE:
            self._step(uow, row, p.Step.SUSPEND, "time", at_ms)
            set_timer(uow, UNPAID, row["id"], at_ms + p.LAPSE_MS)
        elif state in {S.PENDING, S.SUSPENDED}:
            self._forget(uow, self._step(uow, row, p.Step.END, "time", at_ms), at_ms)

    def _void_upgrades(self, uow: UnitOfWork, subscription: str, at_ms: int) -> bool:
        """Ask no longer for upgrades that are not paid; say whether there was one."""
        charges = self._charges.open_of(uow.conn, subscription)
        upgrades = [charge for charge in charges if charge["what"].startswith("upgrade")]
        for charge in upgrades:
            self._charges.move(uow, charge, Payment.VOID, at_ms=at_ms)
        return bool(upgrades)

    def _on_released(self, uow: UnitOfWork, event: ThingReleased) -> None:
        """Who no longer owns a thing no longer pays for it."""
        for row in self._rows.subscriptions.items(uow.conn, thing=event.thing):
            if S(row["state"]) in p.LIVE - {S.CANCEL_AT_PERIOD_END}:
                self._step(uow, row, p.Step.CANCEL, "release", event.at_ms)
            if S(row["state"]) is S.CANCEL_AT_PERIOD_END:
                self._step(uow, row, p.Step.END, "release", event.at_ms)
            self._forget(uow, row, event.at_ms)

    def _forget(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        """What has ended waits for nothing more, and asks for nothing more."""
        cancel_timer(uow, PERIOD_END, row["id"])
        cancel_timer(uow, UNPAID, row["id"])
        for charge in self._charges.open_of(uow.conn, row["id"]):
            self._charges.move(uow, charge, Payment.VOID, at_ms=at_ms)

    def _step(self, uow: UnitOfWork, row: Row, step: p.Step, by: str, at_ms: int) -> Row:
        state = S(row["state"])
        target = after(p.SUBSCRIPTIONS, subject=row["id"], state=state, step=step)
        row |= {"state": target.value, "by": by, "changed_ms": at_ms}
        self._rows.subscriptions.put(uow, row)
        _tell(uow, row, p.PAST[step], at_ms)
        return row


def _tell(uow: UnitOfWork, row: Row, what: str, at_ms: int) -> None:
    data = {name: row[name] for name in _SHOWN}
    kind = f"subscription.{what}"
    uow.publish(SubscriptionChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=data))
