"""From a cart to an order: every line takes its need, whoever else wanted it (O1)."""

from __future__ import annotations

from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import cancel_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders.advising import WAKE
from reference_impl.orders.carts import Carts
from reference_impl.orders.chain import Chain
from reference_impl.orders.compliance import Compliance
from reference_impl.orders.needs import Needs
from reference_impl.orders.steps import Steps
from reference_impl.orders.supplies import Supplies


class Checkout:
    """Places carts."""

    def __init__(
        self, *, steps: Steps, directory: Directory, needs: Needs, carts: Carts,
        supplies: Supplies, compliance: Compliance, chain: Chain,
    ) -> None:  # fmt: skip
        self._steps, self._directory, self._needs = steps, directory, needs
        self._carts, self._supplies = carts, supplies
        self._compliance, self._chain = compliance, chain

    def place(self, uow: UnitOfWork, buyer: str, *, by: str, at_ms: int) -> Row:
        """Order what is in a buyer's cart: every line takes its need, recommended or not (O1, SP4).

        Raises:
            DpsError: If the cart is empty, or a need has an order already.
        """
        row = self._carts.price(uow, buyer, at_ms)
        terms = self._supplies.of(uow.conn, row["buyer"])
        for line in row["lines"]:
            self._buy(uow, row, line, by=by, at_ms=at_ms)
        step = d.OrderStep.CHECKOUT
        self._steps.move_order(uow, row, step, by=by, reason="", at_ms=at_ms, placed_ms=at_ms)
        self._steps.tell_order(uow, row, "placed", at_ms, {"channel": "cart"})
        self._chain.replenish(uow, row, terms, at_ms)
        return row

    def _buy(self, uow: UnitOfWork, row: Row, line: Row, *, by: str, at_ms: int) -> None:
        ref = self._directory.thing(uow.conn, line["thing"])
        assert ref is not None, "the cart has looked it up"
        need = self._needs.get_or_begin(
            uow, ref, position=line["position"], part=line["part"], at_ms=at_ms
        )
        rec_id = d.recommendation_id(need["thing"], need["position"], need["cycle"], need["owner"])
        attempts = need["attempts"] + 1
        asked = need["state"] in (d.Need.RECOMMENDED, d.Need.SNOOZED)
        step = d.NeedStep.ORDER if asked else d.NeedStep.BUY
        if asked:
            rec = self._steps.move_rec(
                uow, rec_id, d.AdviceStep.APPROVE, by=by, reason="", at_ms=at_ms
            )
            cancel_timer(uow, WAKE, rec_id)
            self._steps.tell(uow, rec, "approved", by=by, at_ms=at_ms)
        self._steps.move_need(uow, need, step, at_ms=at_ms, attempts=attempts)
        self._compliance.ordered(uow, rec_id, {**line, "supplier": row["supplier"]}, at_ms)
