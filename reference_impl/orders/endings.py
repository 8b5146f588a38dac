"""How needs end: a part was fitted, or the thing left its owner or service (O3, O8)."""

from __future__ import annotations

from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import cancel_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders.advising import BY_SERVICE, REOPEN, WAKE
from reference_impl.orders.compliance import Compliance, Follow
from reference_impl.orders.needs import Needs
from reference_impl.orders.owners import Owners
from reference_impl.orders.parties import Model
from reference_impl.orders.ports import OrderRows
from reference_impl.orders.sales import Sales
from reference_impl.orders.steps import Steps
from reference_impl.published import PartFitted, ThingReleased


class Endings:
    """Closes what is open for a need."""

    def __init__(
        self, *, rows: OrderRows, steps: Steps, needs: Needs, sales: Sales,
        compliance: Compliance, owners: Owners,
    ) -> None:  # fmt: skip
        self._rows, self._steps, self._needs = rows, steps, needs
        self._sales, self._compliance, self._owners = sales, compliance, owners

    def on_fitted(self, uow: UnitOfWork, event: PartFitted) -> None:
        """A part was fitted: only this ends a need and starts the next cycle (O3).

        An order of the need that has not left the supplier is cancelled.
        """
        thing, position = event.subject, str(event.data["position"])
        cycle, _ = self._needs.cycle(uow, thing, position)
        need = self._rows.needs.get(uow.conn, d.need_key(thing, position, cycle))
        if need is not None:
            self._fulfil(uow, need, event.at_ms)
        self._needs.begin_cycle(
            uow, thing, position, cycle=int(event.data["cycle"]), at_ms=event.at_ms
        )

    def _fulfil(self, uow: UnitOfWork, need: Row, at_ms: int) -> None:
        ours = need["state"] == d.Need.DELIVERED
        step = d.NeedStep.FIT if ours else d.NeedStep.FIT_ELSEWHERE
        if step in d.NEEDS[d.Need(need["state"])]:
            self._steps.move_need(uow, need, step, at_ms=at_ms)
        rec_id = d.recommendation_id(need["thing"], need["position"], need["cycle"], need["owner"])
        rec = self._rows.recommendations.get(uow.conn, rec_id)
        self._compliance.replaced(
            uow,
            rec_id,
            wear_pct=need["outlook"].get("wear_pct"),
            failed="failed_ms" in need["outlook"],
            off_platform=not ours,
            at_ms=at_ms,
        )
        if rec is not None and d.RECOMMENDATIONS[d.Advice(rec["state"])]:
            how, reason = d.AdviceStep.FULFIL, "part fitted"
            rec = self._steps.move_rec(uow, rec_id, how, by=BY_SERVICE, reason=reason, at_ms=at_ms)
            cancel_timer(uow, REOPEN, rec_id)
            cancel_timer(uow, WAKE, rec_id)
            self._steps.tell(uow, rec, "fulfilled", by=BY_SERVICE, at_ms=at_ms)
        self._call_off(uow, need, "a part was fitted without it", at_ms)

    def _call_off(self, uow: UnitOfWork, need: Row, reason: str, at_ms: int) -> None:
        """Cancel what has not left the provider; of an order of several lines only if all may."""
        for line in self._rows.lines.items(uow.conn, need_key=need["need_key"]):
            order = self._steps.order(uow.conn, line["order"])
            if order["model"] == Model.M3 or len(order["lines"]) > 1:
                continue
            if d.OrderStep.CANCEL in d.ORDERS[d.Order(order["state"])]:
                cancel = d.OrderStep.CANCEL
                self._sales.step(
                    uow, order["id"], cancel, by=BY_SERVICE, reason=reason, at_ms=at_ms
                )

    def on_released(self, uow: UnitOfWork, event: ThingReleased) -> None:
        """A thing changes hands or leaves service (O8).

        What has not been shipped is cancelled, and its recommendations are withdrawn.
        """
        self._owners.release(uow, event)
        for need in self._rows.needs.items(uow.conn, thing=event.thing):
            if d.NeedStep.WITHDRAW not in d.NEEDS[d.Need(need["state"])]:
                continue
            step = d.NeedStep.WITHDRAW
            self._steps.move_need(uow, need, step, at_ms=event.at_ms)
            self._withdraw(uow, need, event)
            self._call_off(uow, need, event.reason, event.at_ms)

    def _withdraw(self, uow: UnitOfWork, need: Row, event: ThingReleased) -> None:
        rec_id = d.recommendation_id(need["thing"], need["position"], need["cycle"], need["owner"])
        rec = self._rows.recommendations.get(uow.conn, rec_id)
        if rec is None or d.AdviceStep.WITHDRAW not in d.RECOMMENDATIONS[d.Advice(rec["state"])]:
            return
        how, at_ms = d.AdviceStep.WITHDRAW, event.at_ms
        rec = self._steps.move_rec(
            uow, rec_id, how, by=BY_SERVICE, reason=event.reason, at_ms=at_ms
        )
        cancel_timer(uow, REOPEN, rec_id)
        cancel_timer(uow, WAKE, rec_id)
        self._steps.tell(uow, rec, "withdrawn", by=BY_SERVICE, at_ms=at_ms)
        self._compliance.decide(uow, rec_id, Follow.WITHDRAWN, at_ms, reason=event.reason)
