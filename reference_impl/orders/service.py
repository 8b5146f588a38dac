"""From advice to a delivered part: one need, one recommendation, at most one open order.

Every step is a compare-and-set on the row's state inside the caller's unit of work, and its event
leaves in the same transaction: a crash at any point leaves exactly one order (invariant O12).
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.cached import Cached
from reference_impl.kernel.errors import IllegalStep, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import Directory, ThingRef
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders.catalogue import Catalogue
from reference_impl.orders.ports import OrderRows
from reference_impl.orders.steps import Steps, policy_of
from reference_impl.published import (
    ModelInstalled,
    PartFitted,
    RecommendationChanged,
    ReplacementAdvised,
)

_log = logging.getLogger(__name__)
REOPEN = "orders/reopen"
BY_POLICY = "policy:auto"
BY_SERVICE = "service"


class Orders:
    """Use cases of purchasing."""

    def __init__(self, *, rows: OrderRows, scheduler: Scheduler, directory: Directory) -> None:
        self._rows, self._directory, self._scheduler = rows, directory, scheduler
        self.catalogue = Catalogue(rows=rows)
        self._cycles: Cached[tuple[str, str], Row] = Cached(
            lambda conn: {(r["thing"], r["position"]): r for r in rows.cycles.items(conn)}
        )
        self._steps = Steps(rows=rows)
        self._policies: Cached[str, d.Policy] = Cached(self._load_policies)

    def subscribe(self, bus: Bus) -> None:
        """Listen for advice, fitted parts and installed models."""
        bus.subscribe(ReplacementAdvised, self.advise)
        bus.subscribe(PartFitted, self.on_fitted)
        bus.subscribe(ModelInstalled, self.catalogue.on_model)
        self._scheduler.on_timer(REOPEN, self._reopen)

    # What other contexts read ---------------------------------------------------------------

    def listed(self, conn: sa.Connection, what: str, **equals: object) -> list[Row]:
        """Rows of a table of :class:`OrderRows`, by its name there."""
        rows: list[Row] = getattr(self._rows, what).items(conn, **equals)
        return rows

    # Policies --------------------------------------------------------------------------------

    def put_policy(self, uow: UnitOfWork, customer: str, policy: d.Policy) -> Row:
        """Set how a customer buys, from the next recommendation on. Who has none is asked."""
        row = {
            "customer": customer,
            "mode": policy.mode.value,
            "max_unit_price_eur": policy.max_unit_price_eur,
            "max_open_orders": policy.max_open_orders,
            "monthly_budget_eur": policy.monthly_budget_eur,
        }
        self._rows.policies.put(uow, row)
        self._policies.of(uow)[customer] = policy
        return row

    def _load_policies(self, conn: sa.Connection) -> dict[str, d.Policy]:
        return {row["customer"]: policy_of(row) for row in self._rows.policies.items(conn)}

    # Need and recommendation -----------------------------------------------------------------

    def advise(self, uow: UnitOfWork, event: ReplacementAdvised) -> None:
        """A rule says a part is due: issue a recommendation, unless this need has had one.

        A part that does not fit, and a thing that is not registered, raise nothing; the refusal is
        kept in ``refused_advice``. With policy ``off`` the need stays FORECAST. Advice that rests
        on readings of the part before this one is void.
        """
        cycle, since_ms = self._cycle(uow, event.thing, event.position)
        if event.seen_from_ms < since_ms:
            return
        key = d.need_key(event.thing, event.position, cycle)
        state = self._steps.state(uow, key)
        if state not in (d.Need.LATENT, d.Need.FORECAST):
            return
        thing = self._directory.thing(uow.conn, event.thing)
        if thing is None:
            self._refuse(uow, key, event, "the thing is not registered")
            return
        policy = self._policies.of(uow).get(thing.customer, d.Policy())
        if policy.mode is d.Mode.OFF and state is d.Need.FORECAST:
            return
        misfit = self.catalogue.misfit(
            uow.conn, model=thing.model, part=event.part, position=event.position
        )
        if misfit:
            self._refuse(uow, key, event, misfit)
            return
        need = self._foreseen(uow, key, event, cycle)
        if policy.mode is d.Mode.OFF:
            return
        self._steps.move_need(uow, need, d.NeedStep.RECOMMEND, at_ms=event.at_ms)
        self._issue(uow, self._recommendation(uow, thing, event, key, cycle), policy, event.at_ms)

    def _refuse(self, uow: UnitOfWork, key: str, event: ReplacementAdvised, why: str) -> None:
        if self._rows.refused.get(uow.conn, key, event.part) is None:
            _log.warning("advice of rule %s for %s refused: %s", event.rule, key, why)
            names = ("part", "rule", "pack", "pack_version", "at_ms")
            row = {name: getattr(event, name) for name in names}
            self._rows.refused.insert(uow, {**row, "need_key": key, "reason": why})

    def _foreseen(self, uow: UnitOfWork, key: str, event: ReplacementAdvised, cycle: int) -> Row:
        need = self._rows.needs.get(uow.conn, key)
        if need is None:
            need = {
                "need_key": key,
                "state": d.Need.LATENT.value,
                "thing": event.thing,
                "position": event.position,
                "cycle": cycle,
                "part": event.part,
                "attempts": 0,
                "changed_ms": event.at_ms,
            }
            self._rows.needs.insert(uow, need)
        if need["state"] == d.Need.LATENT:
            self._steps.move_need(uow, need, d.NeedStep.FORESEE, at_ms=event.at_ms)
        return need

    def _recommendation(
        self, uow: UnitOfWork, thing: ThingRef, event: ReplacementAdvised, key: str, cycle: int
    ) -> Row:
        part = self.catalogue.part(uow.conn, event.part)
        assert part is not None, "misfit() has looked it up"
        row = {
            "id": d.recommendation_id(event.thing, event.position, cycle),
            "need_key": key,
            "state": d.Advice.ISSUED.value,
            "thing": event.thing,
            "site": thing.site,
            "customer": thing.customer,
            "part": event.part,
            "position": event.position,
            "cycle": cycle,
            "quantity": event.quantity,
            "unit_price_eur": part["price_eur"],
            "rule": event.rule,
            "pack": event.pack,
            "pack_version": event.pack_version,
            "policy": d.Mode.APPROVAL.value,
            "why": event.why,
            "values": {name: sig9(value) for name, value in event.values.items()},
            "by": "",
            "reason": "",
            "issued_ms": event.at_ms,
            "changed_ms": event.at_ms,
        }
        self._rows.recommendations.insert(uow, row)
        return row

    def _issue(self, uow: UnitOfWork, rec: Row, policy: d.Policy, at_ms: int) -> None:
        """Show the recommendation and, where the policy lets it, order at once (O7)."""
        mine = self._rows.orders.items(uow.conn, customer=rec["customer"])
        reasons = d.breaches(
            policy,
            unit_price_eur=rec["unit_price_eur"],
            quantity=rec["quantity"],
            open_orders=sum(order["state"] in d.OPEN_ORDERS for order in mine),
            spent_eur=sum(
                order["total_eur"]
                for order in mine
                if order["state"] not in d.LOST_ORDERS
                and _month(order["placed_ms"]) == _month(at_ms)
            ),
        )
        auto = policy.mode is d.Mode.AUTO and not reasons
        rec["policy"] = (d.Mode.AUTO if auto else d.Mode.APPROVAL).value
        if policy.mode is d.Mode.AUTO and reasons:
            rec["reason"] = "; ".join(reasons)
        changed = self._rows.recommendations.swap(
            uow,
            rec["id"],
            expected=rec["state"],
            values={"policy": rec["policy"], "reason": rec["reason"]},
        )
        assert changed, "the row was written in this transaction"
        shown = [
            "need_key",
            "thing",
            "site",
            "customer",
            "part",
            "position",
            "cycle",
            "quantity",
            "unit_price_eur",
            "rule",
            "pack",
            "pack_version",
            "policy",
            "why",
            "values",
        ]
        uow.publish(
            RecommendationChanged(
                at_ms=at_ms,
                kind="recommendation.issued",
                subject=rec["id"],
                data={name: rec[name] for name in shown},
            )
        )
        if auto:
            self.approve(uow, rec["id"], by=BY_POLICY, at_ms=at_ms)

    def approve(self, uow: UnitOfWork, rec_id: str, *, by: str, at_ms: int) -> Row:
        """ISSUED to ORDERED: place the order.

        Raises:
            Unknown: If there is no such recommendation.
            IllegalStep: If its state forbids it.
        """
        rec = self._steps.move_rec(uow, rec_id, d.AdviceStep.APPROVE, by=by, reason="", at_ms=at_ms)
        need = self._steps.need(uow, rec["need_key"])
        attempt = need["attempts"] + 1
        self._steps.move_need(uow, need, d.NeedStep.ORDER, at_ms=at_ms, attempts=attempt)
        self._steps.tell(uow, rec, "approved", by=by, at_ms=at_ms)
        self._place(uow, rec, attempt, by=by, at_ms=at_ms)
        return rec

    def discard(self, uow: UnitOfWork, rec_id: str, *, by: str, reason: str, at_ms: int) -> Row:
        """The buyer does not want it; this need raises no other recommendation.

        Raises:
            Unknown: If there is no such recommendation.
            IllegalStep: If its state forbids it.
        """
        rec = self._steps.move_rec(
            uow, rec_id, d.AdviceStep.DISCARD, by=by, reason=reason, at_ms=at_ms
        )
        cancel_timer(uow, REOPEN, rec_id)
        self._steps.move_need(
            uow, self._steps.need(uow, rec["need_key"]), d.NeedStep.DISCARD, at_ms=at_ms
        )
        self._steps.tell(uow, rec, "discarded", by=by, at_ms=at_ms)
        return rec

    # Orders ----------------------------------------------------------------------------------

    def _place(self, uow: UnitOfWork, rec: Row, attempt: int, *, by: str, at_ms: int) -> None:
        part = self.catalogue.part(uow.conn, rec["part"])
        assert part is not None, "parts are never deleted"
        price_eur = rec["unit_price_eur"]  # as recommended: what the buyer agreed to
        row = {
            "id": d.order_id(rec["thing"], rec["position"], rec["cycle"], attempt),
            "state": d.Order.PENDING_APPROVAL.value,
            **{k: rec[k] for k in ("need_key", "thing", "site", "customer", "part", "quantity")},
            "supplier": part["supplier"],
            "unit_price_eur": price_eur,
            "total_eur": d.total_eur(price_eur, rec["quantity"]),
            "by": by,
            "reason": "",
            "placed_ms": at_ms,
            "changed_ms": at_ms,
        }
        self._rows.orders.insert(uow, row)
        self._steps.tell_order(uow, row, "placed", at_ms)

    def step_order(
        self,
        uow: UnitOfWork,
        order_id: str,
        step: d.OrderStep,
        *,
        by: str,
        at_ms: int,
        reason: str = "",
    ) -> Row:
        """Move one order one step; the need and the recommendation follow.

        Raises:
            Unknown: If there is no such order.
            IllegalStep: If its state forbids the step.
        """
        row = self._rows.orders.get(uow.conn, order_id)
        if row is None:
            raise Unknown(f"there is no order {order_id!r}")
        state = d.Order(row["state"])
        target = after(d.ORDERS, subject=order_id, state=state, step=step)
        values: Row = {"state": target.value, "by": by, "reason": reason, "changed_ms": at_ms}
        if not self._rows.orders.swap(uow, order_id, expected=state, values=values):
            raise IllegalStep(order_id, state, step, [])
        row.update(values)
        need = self._steps.need(uow, row["need_key"])
        if need["state"] == d.Need.ORDERED and target is d.Order.DELIVERED:
            self._steps.move_need(uow, need, d.NeedStep.DELIVER, at_ms=at_ms)
        self._steps.tell_order(uow, row, d.PAST[step], at_ms)
        if need["state"] == d.Need.ORDERED and target in d.LOST_ORDERS:
            self._lost(uow, need, row, at_ms)
        return row

    def _lost(self, uow: UnitOfWork, need: Row, order: Row, at_ms: int) -> None:
        """The need is open again after a cool-down, once (O4)."""
        rec_id = d.recommendation_id(need["thing"], need["position"], need["cycle"])
        reason = f"{order['id']} {order['state']} by {order['by']}: {order['reason'] or '-'}"
        self._steps.move_need(uow, need, d.NeedStep.LOSE_ORDER, at_ms=at_ms)
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
        policy = self._policies.of(uow).get(rec["customer"], d.Policy())
        if policy.mode is d.Mode.OFF:
            reason = "the customer's policy is off"
            self.discard(uow, rec["id"], by=BY_SERVICE, reason=reason, at_ms=at_ms)
            return
        step = d.AdviceStep.REOPEN
        rec = self._steps.move_rec(
            uow, rec["id"], step, by=BY_SERVICE, reason=rec["reason"], at_ms=at_ms
        )
        self._issue(uow, rec, policy, at_ms)

    def on_fitted(self, uow: UnitOfWork, event: PartFitted) -> None:
        """A part was fitted: only this ends a need and starts the next cycle (O3).

        An order of the need that has not left the supplier is cancelled.
        """
        thing, position = event.subject, str(event.data["position"])
        cycle, _ = self._cycle(uow, thing, position)
        need = self._rows.needs.get(uow.conn, d.need_key(thing, position, cycle))
        if need is not None:
            self._fulfil(uow, need, event.at_ms)
        new = {"cycle": int(event.data["cycle"]), "since_ms": event.at_ms}
        row = {"thing": thing, "position": position, **new}
        self._rows.cycles.put(uow, row)
        self._cycles.of(uow)[thing, position] = row

    def _cycle(self, uow: UnitOfWork, thing: str, position: str) -> tuple[int, int]:
        """The number of the part's cycle, from 1, and since when it runs; -1: from the start."""
        row = self._cycles.of(uow).get((thing, position))
        return (1, -1) if row is None else (row["cycle"], row["since_ms"])

    def _fulfil(self, uow: UnitOfWork, need: Row, at_ms: int) -> None:
        self._steps.move_need(uow, need, d.NeedStep.FIT, at_ms=at_ms)
        rec_id = d.recommendation_id(need["thing"], need["position"], need["cycle"])
        rec = self._rows.recommendations.get(uow.conn, rec_id)
        if rec is not None and d.RECOMMENDATIONS[d.Advice(rec["state"])]:
            step, reason = d.AdviceStep.FULFIL, "part fitted"
            rec = self._steps.move_rec(uow, rec_id, step, by=BY_SERVICE, reason=reason, at_ms=at_ms)
            cancel_timer(uow, REOPEN, rec_id)
            self._steps.tell(uow, rec, "fulfilled", by=BY_SERVICE, at_ms=at_ms)
        for order in self._rows.orders.items(uow.conn, need_key=need["need_key"]):
            if d.OrderStep.CANCEL in d.ORDERS[d.Order(order["state"])]:
                self.step_order(
                    uow,
                    order["id"],
                    d.OrderStep.CANCEL,
                    by=BY_SERVICE,
                    reason="a part was fitted without it",
                    at_ms=at_ms,
                )


def _month(at_ms: int) -> tuple[int, int]:
    day = datetime.fromtimestamp(at_ms / 1000, tz=UTC)
    return day.year, day.month
