"""From advice to a delivered part: one need, one recommendation, at most one open order.

Every step is a compare-and-set on the row's state inside the caller's unit of work, and its event
leaves in the same transaction: a crash at any point leaves exactly one order (invariant O12).
"""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.cached import Cached
from reference_impl.kernel.money import plain
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders.advising import BY_SERVICE, REOPEN, WAKE, Advising
from reference_impl.orders.carts import Carts
from reference_impl.orders.catalogue import Catalogue
from reference_impl.orders.chain import Chain
from reference_impl.orders.checkout import Checkout
from reference_impl.orders.compliance import Compliance
from reference_impl.orders.drafts import Line, order_row
from reference_impl.orders.endings import Endings
from reference_impl.orders.needs import Needs
from reference_impl.orders.owners import Owners
from reference_impl.orders.parties import Model
from reference_impl.orders.policies import Mode, Policy, policy_of, row_of
from reference_impl.orders.ports import NoVisits, OrderRows, Told, Visits
from reference_impl.orders.sales import NONE, Details, Sales
from reference_impl.orders.steps import Steps
from reference_impl.orders.stock import Stock
from reference_impl.orders.supplies import Supplies
from reference_impl.published import (
    AlertChanged,
    ConditionEvaluated,
    DataFlagged,
    ModelInstalled,
    PartFitted,
    ReplacementAdvised,
    ThingActivated,
    ThingReleased,
)

BY_POLICY = "policy:auto"


class Orders:
    """Use cases of purchasing."""

    def __init__(
        self,
        *,
        rows: OrderRows,
        scheduler: Scheduler,
        directory: Directory,
        visits: Visits | None = None,
        told: Told | None = None,
    ) -> None:
        self._rows, self.directory, self._scheduler = rows, directory, scheduler
        self.catalogue = Catalogue(rows=rows)
        self._steps = Steps(rows=rows)
        self.stock, self.supplies = Stock(rows=rows), Supplies(rows=rows)
        self.compliance = Compliance(rows=rows, scheduler=scheduler)
        self.needs = Needs(
            rows=rows,
            steps=self._steps,
            catalogue=self.catalogue,
            directory=directory,
            visits=NoVisits() if visits is None else visits,
        )
        self.advising = Advising(
            rows=rows, steps=self._steps, scheduler=scheduler, directory=directory,
            catalogue=self.catalogue, needs=self.needs, stock=self.stock, supplies=self.supplies,
            compliance=self.compliance, told=told or (lambda *_: {}),
        )  # fmt: skip
        self.sales = Sales(
            rows=rows,
            steps=self._steps,
            scheduler=scheduler,
            stock=self.stock,
            supplies=self.supplies,
        )
        self.sales.follow, self.sales.judge = self._follow, self._judge_offer
        self.chain = Chain(
            rows=rows,
            steps=self._steps,
            scheduler=scheduler,
            catalogue=self.catalogue,
            sales=self.sales,
        )
        self.owners = Owners(rows=rows, steps=self._steps)
        self.carts = Carts(
            rows=rows, steps=self._steps, catalogue=self.catalogue, directory=directory,
            needs=self.needs, supplies=self.supplies, owners=self.owners,
        )  # fmt: skip
        self.endings = Endings(
            rows=rows, steps=self._steps, needs=self.needs, sales=self.sales,
            compliance=self.compliance, owners=self.owners,
        )  # fmt: skip
        self._checkout = Checkout(
            steps=self._steps, directory=directory, needs=self.needs, carts=self.carts,
            supplies=self.supplies, compliance=self.compliance, chain=self.chain,
        )  # fmt: skip
        self._policies: Cached[str, Policy] = Cached(self._load_policies)

    def subscribe(self, bus: Bus) -> None:
        """Listen for advice, forecasts, flags, fitted parts, models, and who owns what."""
        bus.subscribe(ReplacementAdvised, self.advise)
        bus.subscribe(ConditionEvaluated, self.needs.on_condition)
        bus.subscribe(DataFlagged, self.needs.on_flag)
        bus.subscribe(PartFitted, self.endings.on_fitted)
        bus.subscribe(ModelInstalled, self.catalogue.on_model)
        bus.subscribe(ThingReleased, self.endings.on_released)
        bus.subscribe(ThingActivated, self.owners.on_activated)
        bus.subscribe(AlertChanged, self.owners.on_alert)
        self._scheduler.on_timer(REOPEN, self._reopen)
        self.advising.subscribe()
        self.compliance.subscribe()
        self.sales.subscribe()
        self.chain.subscribe()

    # What other contexts read ---------------------------------------------------------------

    def listed(self, conn: sa.Connection, what: str, **equals: object) -> list[Row]:
        """Rows of a table of :class:`OrderRows`, by its name there, as they go out.

        Orders come with their lines, and are those of customers that were placed.
        """
        if what == "orders":
            return [
                plain(row)
                for row in self.all_orders(conn, **equals)
                if row["model"] != Model.M3
                and row["state"] not in (d.Order.CART, d.Order.ABANDONED)
            ]
        return [plain(row) for row in getattr(self._rows, what).items(conn, **equals)]

    def all_orders(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Orders with their lines; carts and those of partners among them."""
        return self._steps.orders(conn, **equals)

    def order(self, conn: sa.Connection, order_id: str) -> Row:
        """One order with its lines. Raises Unknown if there is none."""
        return self._steps.order(conn, order_id)

    # Policies --------------------------------------------------------------------------------

    def put_policy(self, uow: UnitOfWork, customer: str, policy: Policy) -> Row:
        """Set how a customer buys, from the next recommendation on. Who has none is asked."""
        row = row_of(customer, policy)
        self._rows.policies.put(uow, row)
        self._policies.of(uow)[customer] = policy
        return row

    def policy(self, uow: UnitOfWork, customer: str) -> Policy:
        """How a customer buys."""
        return self._policies.of(uow).get(customer, Policy())

    def _load_policies(self, conn: sa.Connection) -> dict[str, Policy]:
        return {row["customer"]: policy_of(row) for row in self._rows.policies.items(conn)}

    # Need and recommendation -----------------------------------------------------------------

    def advise(self, uow: UnitOfWork, event: ReplacementAdvised) -> None:
        """A rule says a part is due: issue a recommendation, unless this need has had one.

        A part that does not fit, readings that are flagged, and a thing that is not registered or
        not in service raise nothing; the refusal is kept in ``refused_advice``. With policy ``off``
        the need stays FORECAST. Advice that rests on readings of the part before this one is void.
        """
        cycle, since_ms = self.needs.cycle(uow, event.thing, event.position)
        if event.seen_from_ms < since_ms:
            return
        key = d.need_key(event.thing, event.position, cycle)
        state = self._steps.state(uow, key)
        if state not in d.ADVISABLE:
            return
        thing = self.directory.thing(uow.conn, event.thing)
        policy = Policy() if thing is None else self.policy(uow, thing.customer)
        if policy.mode is Mode.OFF and state is not d.Need.LATENT:
            return
        objection = self.advising.objection(uow, thing, event)
        if objection or thing is None:
            self.advising.refuse(uow, key, event, objection)
            return
        need = self.needs.get_or_begin(
            uow, thing, position=event.position, part=event.part, at_ms=event.at_ms
        )
        if need["state"] == d.Need.LATENT:
            self._steps.move_need(uow, need, d.NeedStep.FORESEE, at_ms=event.at_ms)
        if policy.mode is Mode.OFF:
            return
        self._steps.move_need(uow, need, d.NeedStep.RECOMMEND, at_ms=event.at_ms)
        rec = self.advising.recommend(uow, thing, event, need)
        self.advising.first(uow, rec, event.at_ms)
        if rec["state"] == d.Advice.ISSUED:
            self._issue(uow, rec, policy, event.at_ms)

    def _issue(self, uow: UnitOfWork, rec: Row, policy: Policy, at_ms: int) -> None:
        """Show the recommendation; take the part from a shelf, or order it, where that may be."""
        auto = self.advising.judge(uow, rec, policy, at_ms)
        if self.advising.serve(uow, rec, at_ms):
            return
        if auto:
            self.approve(uow, rec["id"], by=BY_POLICY, at_ms=at_ms)

    def approve(self, uow: UnitOfWork, rec_id: str, *, by: str, at_ms: int) -> Row:
        """ISSUED or SNOOZED to ORDERED: place the order.

        Raises:
            Unknown: If there is no such recommendation.
            IllegalStep: If its state forbids it.
            Forbidden: If the policy names somebody else who must agree.
        """
        rec = self._steps.move_rec(uow, rec_id, d.AdviceStep.APPROVE, by=by, reason="", at_ms=at_ms)
        self.advising.check_approver(self.policy(uow, rec["customer"]), by)
        cancel_timer(uow, WAKE, rec_id)
        need = self._steps.need(uow, rec["need_key"])
        attempt = need["attempts"] + 1
        self._steps.move_need(uow, need, d.NeedStep.ORDER, at_ms=at_ms, attempts=attempt)
        self._steps.tell(uow, rec, "approved", by=by, at_ms=at_ms)
        self._place(uow, rec, attempt, by=by, at_ms=at_ms)
        return rec

    def discard(self, uow: UnitOfWork, rec_id: str, *, by: str, reason: str, at_ms: int) -> Row:
        """The buyer does not want it; see :meth:`Advising.discard`."""
        cancel_timer(uow, REOPEN, rec_id)
        return self.advising.discard(uow, rec_id, by=by, reason=reason, at_ms=at_ms)

    def close_breaker(
        self, uow: UnitOfWork, model: str, *, release: bool, by: str, reason: str, at_ms: int
    ) -> list[Row]:
        """A person lets everything go out that is held for a model, or discards it (O13).

        Raises:
            IllegalStep: If the breaker has not tripped.
        """
        what = "release" if release else "discard"
        self.advising.breakers.close(uow, model, what=what, by=by, reason=reason, at_ms=at_ms)
        held = self._rows.recommendations.items(uow.conn, model=model, state=d.Advice.HELD.value)
        for rec in held:
            if not release:
                self.discard(uow, rec["id"], by=by, reason=reason, at_ms=at_ms)
                continue
            step = d.AdviceStep.RELEASE
            freed = self._steps.move_rec(uow, rec["id"], step, by=by, reason=reason, at_ms=at_ms)
            self._issue(uow, freed, self.policy(uow, rec["customer"]), at_ms)
        return self.listed(uow.conn, "breakers", model=model)

    # Orders ----------------------------------------------------------------------------------

    def _place(self, uow: UnitOfWork, rec: Row, attempt: int, *, by: str, at_ms: int) -> None:
        """Order what is recommended, at the price that was: what the buyer agreed to."""
        terms = self.supplies.of(uow.conn, rec["customer"])
        price: Decimal = rec["unit_price_eur"]
        if rec["contract"]:
            price = self.catalogue.price_eur(uow.conn, terms.model, terms.provider, rec["part"])
        line = Line(
            list_eur=price,
            **{n: rec[n] for n in ("need_key", "thing", "site", "customer", "part", "position")},
            quantity=rec["quantity"],
            contract=rec["contract"],
        )
        order = order_row(
            d.order_id(rec["thing"], rec["position"], rec["cycle"], attempt, self._owner(uow, rec)),
            [line],
            state=d.Order.PENDING_APPROVAL,
            model=terms.model,
            buyer=rec["customer"],
            provider=terms.provider,
            supplier=rec["supplier"],
            terms=terms,
            by=by,
            at_ms=at_ms,
        )
        order["eta_ms"] = rec["eta_ms"]
        order["policy"] = rec["policy"]
        self.sales.place(uow, order, at_ms=at_ms)
        self.compliance.ordered(uow, rec["id"], rec, at_ms)
        self.chain.replenish(uow, order, terms, at_ms)

    def _owner(self, uow: UnitOfWork, rec: Row) -> int:
        owner: int = self._steps.need(uow, rec["need_key"])["owner"]
        return owner

    def step_order(
        self,
        uow: UnitOfWork,
        order_id: str,
        step: d.OrderStep,
        *,
        by: str,
        at_ms: int,
        reason: str = "",
        details: Details = NONE,
    ) -> Row:
        """Move one order one step; the needs and the recommendations follow.

        Raises:
            DpsError: As :meth:`Sales.step`.
        """
        return self.sales.step(
            uow, order_id, step, by=by, at_ms=at_ms, reason=reason, details=details
        )

    def checkout(self, uow: UnitOfWork, buyer: str, *, by: str, at_ms: int) -> Row:
        """Order what is in a buyer's cart; see :meth:`Checkout.place`."""
        return self._checkout.place(uow, buyer, by=by, at_ms=at_ms)

    def _judge_offer(
        self, uow: UnitOfWork, row: Row, price: Decimal, quantity: int, at_ms: int
    ) -> list[str]:
        """Why a changed offer is not accepted without asking (O6, O7)."""
        policy = self.policy(uow, row["customer"])
        if row["model"] == Model.M3 or policy.mode is not Mode.AUTO or row["policy"] != "auto":
            return ["a person ordered it"]
        return self.advising.reasons(
            uow,
            policy,
            customer=row["customer"],
            part=row["part"],
            price=price,
            quantity=quantity,
            at_ms=at_ms,
            but=row["id"],
        )

    def _follow(self, uow: UnitOfWork, row: Row, step: d.OrderStep, at_ms: int) -> None:
        """Needs follow the customer's order; a customer's order follows its partner's."""
        target = d.Order(row["state"])
        if row["model"] == Model.M3:
            self.chain.arrived(uow, row, step, at_ms)
            return
        for line in row["lines"]:
            need = self._rows.needs.get(uow.conn, line["need_key"])
            if need is None:
                continue
            if need["state"] == d.Need.ORDERED and step is d.OrderStep.DELIVER:
                self._steps.move_need(uow, need, d.NeedStep.DELIVER, at_ms=at_ms)
            elif need["state"] in (d.Need.ORDERED, d.Need.DELIVERED) and target in d.LOST_ORDERS:
                self._lost(uow, need, row, at_ms)
        if target in d.LOST_ORDERS:
            self.chain.called_off(uow, row, at_ms)

    def _lost(self, uow: UnitOfWork, need: Row, order: Row, at_ms: int) -> None:
        """The need is open again after a cool-down, once (O4)."""
        rec_id = d.recommendation_id(need["thing"], need["position"], need["cycle"], need["owner"])
        reason = f"{order['id']} {order['state']} by {order['by']}: {order['reason'] or '-'}"
        self._steps.move_need(uow, need, d.NeedStep.LOSE_ORDER, at_ms=at_ms)
        rec = self._rows.recommendations.get(uow.conn, rec_id)
        if rec is None or rec["state"] != d.Advice.ORDERED:
            # a purchase that nobody recommended: what was bought of own accord is not asked for
            self._steps.move_need(uow, need, d.NeedStep.DISCARD, at_ms=at_ms)
            return
        step = d.AdviceStep.LOSE_ORDER
        self._steps.move_rec(uow, rec_id, step, by=order["by"], reason=reason, at_ms=at_ms)
        if need["attempts"] >= d.ORDERS_PER_NEED_MAX:
            reason = f"{need['attempts']} orders lost, a person must decide; last: {reason}"
            self.discard(uow, rec_id, by=BY_SERVICE, reason=reason, at_ms=at_ms)
        else:
            set_timer(uow, REOPEN, rec_id, at_ms + d.REOPEN_AFTER_MS)

    def _reopen(self, uow: UnitOfWork, timer: Timer) -> None:
        rec = self._rows.recommendations.get(uow.conn, timer.subject)
        assert rec is not None, "the timer was set with the row"
        at_ms = timer.due_ms
        policy = self.policy(uow, rec["customer"])
        if policy.mode is Mode.OFF:
            reason = "the customer's policy is off"
            self.discard(uow, rec["id"], by=BY_SERVICE, reason=reason, at_ms=at_ms)
            return
        step = d.AdviceStep.REOPEN
        rec = self._steps.move_rec(
            uow, rec["id"], step, by=BY_SERVICE, reason=rec["reason"], at_ms=at_ms
        )
        self._issue(uow, rec, policy, at_ms)
