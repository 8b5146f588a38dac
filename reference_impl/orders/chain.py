"""M2 and M3 back to back: a customer's order with its partner, and the partner's own (O16).

What a partner does not hold it orders from the main organisation: one line per need, in batches if
it wants. The customer's order waits for it, and shows when it comes.
"""

from __future__ import annotations

from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders.catalogue import Catalogue
from reference_impl.orders.drafts import Line, line_rows, order_row, sums
from reference_impl.orders.parties import MAIN, Model, Supply
from reference_impl.orders.ports import OrderRows
from reference_impl.orders.sales import Sales
from reference_impl.orders.steps import Steps
from reference_impl.orders.supplies import Terms

BATCH_ENDS = "orders/batch-ends"
_DEAD = frozenset({*d.LOST_ORDERS, d.Order.ABANDONED})


class Chain:
    """Lets a partner order what its customers ordered from it."""

    def __init__(
        self, *, rows: OrderRows, steps: Steps, scheduler: Scheduler, catalogue: Catalogue,
        sales: Sales,
    ) -> None:  # fmt: skip
        self._rows, self._steps, self._scheduler = rows, steps, scheduler
        self._catalogue, self._sales = catalogue, sales

    def subscribe(self) -> None:
        """Let batches end."""
        self._scheduler.on_timer(BATCH_ENDS, self._batch_ends)

    def replenish(self, uow: UnitOfWork, order: Row, terms: Terms, at_ms: int) -> None:
        """Order what the partner does not hold: at most one line per need."""
        if terms.supply is not Supply.CHAIN:
            return
        for line in order["lines"]:
            shelf = self._sales.stock.shelf(uow.conn, terms.partner, line["part"])
            if shelf is not None and shelf.free >= line["quantity"]:
                continue
            if not self._relink(uow, order, line):
                self._add(uow, order, line, terms, at_ms)

    def _relink(self, uow: UnitOfWork, order: Row, line: Row) -> bool:
        """The need has a line that was ordered for an order since lost: it serves this one."""
        for one in self._rows.lines.items(uow.conn, need_key=line["need_key"]):
            other = self._rows.orders.get(uow.conn, one["order"])
            if other is None or other["model"] != Model.M3 or other["state"] in _DEAD:
                continue
            self._steps.put_line(uow, {**one, "for_order": order["id"]})
            self._set_eta(uow, order["id"], other["eta_ms"])
            return True
        return False

    def _add(self, uow: UnitOfWork, order: Row, line: Row, terms: Terms, at_ms: int) -> None:
        partner = terms.partner
        new = Line(
            list_eur=self._catalogue.price_eur(uow.conn, Model.M3, MAIN, line["part"]),
            **{n: line[n] for n in ("need_key", "thing", "customer", "part", "position")},
            site=order["site"],
            quantity=line["quantity"],
            for_order=order["id"],
        )
        part = self._catalogue.must(uow.conn, line["part"])
        open_ones = self._steps.orders(uow.conn, buyer=partner, state=d.Order.CART.value)
        lead_ms = round(part["lead_time_p90_h"] * d.HOUR_MS)
        if not open_ones:
            number = 1 + len(self._rows.orders.items(uow.conn, buyer=partner))
            batch = order_row(
                d.replenishment_id(partner, number),
                [new],
                state=d.Order.CART,
                model=Model.M3,
                buyer=partner,
                provider=MAIN,
                supplier=part["supplier"],
                terms=Terms(),
                by=f"partner:{partner}",
                at_ms=at_ms,
            )
            batch["eta_ms"] = at_ms + terms.batch_ms + lead_ms
            self._steps.put_down(uow, batch)
            if terms.batch_ms:
                set_timer(uow, BATCH_ENDS, batch["id"], at_ms + terms.batch_ms)
        else:
            batch = open_ones[0]
            (row,) = line_rows(batch["id"], [new])
            number = max(one["line"] for one in batch["lines"]) + 1
            self._steps.put_line(uow, {**row, "line": number})
            eta_ms = max(batch["eta_ms"] or 0, at_ms + terms.batch_ms + lead_ms)
            self._renew(uow, batch["id"], eta_ms)
        self._set_eta(uow, order["id"], self._steps.order(uow.conn, batch["id"])["eta_ms"])
        if not terms.batch_ms:
            self._place(uow, batch["id"], at_ms)

    def _renew(self, uow: UnitOfWork, batch_id: str, eta_ms: int | None) -> None:
        """Totals follow the lines as long as a batch is open."""
        batch = self._steps.order(uow.conn, batch_id)
        added, first = sums(batch["lines"], Terms()), batch["lines"][0]
        names = ("need_key", "thing", "customer", "part", "quantity", "unit_price_eur")
        values = {name: first[name] for name in names}
        values |= {"total_eur": added.total_eur, "eta_ms": eta_ms}
        self._rows.orders.swap(uow, batch_id, expected=batch["state"], values=values)

    def _place(self, uow: UnitOfWork, batch_id: str, at_ms: int) -> None:
        batch, step = self._steps.order(uow.conn, batch_id), d.OrderStep.CHECKOUT
        self._steps.move_order(
            uow, batch, step, by=batch["by"], reason="", at_ms=at_ms, placed_ms=at_ms
        )
        self._steps.tell_order(uow, batch, "placed", at_ms)

    def _batch_ends(self, uow: UnitOfWork, timer: Timer) -> None:
        batch = self._rows.orders.get(uow.conn, timer.subject)
        if batch is not None and batch["state"] == d.Order.CART:
            self._place(uow, timer.subject, timer.due_ms)

    def arrived(self, uow: UnitOfWork, row: Row, step: d.OrderStep, at_ms: int) -> None:
        """The customers' orders follow the partner's: when it comes, and that it came."""
        for line in row["lines"]:
            self._set_eta(uow, line["for_order"], row["eta_ms"])
            if step is d.OrderStep.DELIVER:
                self._sales.stock.bring(uow, row["buyer"], line["part"], line["quantity"])
        if step is d.OrderStep.DELIVER:
            self._sales.put_aside(uow, row["buyer"], at_ms)

    def called_off(self, uow: UnitOfWork, order: Row, at_ms: int) -> None:
        """A customer's order is lost: what the partner has not ordered yet it need not order."""
        for line in self._rows.lines.items(uow.conn, for_order=order["id"]):
            batch = self._steps.order(uow.conn, line["order"])
            if batch["state"] != d.Order.CART:
                continue
            if len(batch["lines"]) > 1:
                self._rows.lines.delete(uow, batch["id"], line["line"])
                self._renew(uow, batch["id"], batch["eta_ms"])
                continue
            step, reason = d.OrderStep.ABANDON, "nobody wants it any more"
            self._steps.move_order(uow, batch, step, by=batch["by"], reason=reason, at_ms=at_ms)

    def _set_eta(self, uow: UnitOfWork, order_id: str, eta_ms: int | None) -> None:
        row = self._rows.orders.get(uow.conn, order_id)
        if row is not None and row["state"] in d.OPEN_ORDERS and eta_ms is not None:
            values: Row = {"eta_ms": eta_ms}
            self._rows.orders.swap(uow, order_id, expected=row["state"], values=values)
