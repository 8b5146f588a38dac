"""Orders from placing to delivery: offers, backorders, shipments, losses, returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reference_impl.kernel.errors import DpsError, Invalid, Problem
from reference_impl.kernel.machines import after
from reference_impl.kernel.money import plain, wire
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders.drafts import sums
from reference_impl.orders.parties import Model
from reference_impl.orders.ports import OrderRows
from reference_impl.orders.shipments import Shipments
from reference_impl.orders.steps import Steps
from reference_impl.orders.stock import Stock
from reference_impl.orders.supplies import Supplies, Terms

OFFER_ENDS = "orders/offer-ends"
BY_SERVICE = "service"
Follow = Callable[[UnitOfWork, Row, d.OrderStep, int], None]
Judge = Callable[[UnitOfWork, Row, Decimal, int, int], list[str]]


class TooEarly(DpsError):  # noqa: N818
    """The buyer may still take the order back (SP12)."""

    code = "too_early"


class TooLate(DpsError):  # noqa: N818
    """The time for it is over."""

    code = "too_late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a step says beside who takes it and why."""

    unit_price_eur: Decimal | None = None
    quantity: int | None = None
    line: int = 1
    eta_ms: int | None = None


NONE = Details()


class Sales:
    """Takes the steps of orders, and of what partners order themselves.

    ``follow`` lets needs and recommendations follow a step; ``judge`` says why a purchase may not
    be made without asking. Both are set by the service that puts all together.
    """

    def __init__(
        self, *, rows: OrderRows, steps: Steps, scheduler: Scheduler, stock: Stock,
        supplies: Supplies,
    ) -> None:  # fmt: skip
        self._rows, self._steps, self._scheduler = rows, steps, scheduler
        self.stock, self._supplies = stock, supplies
        self._shipments = Shipments(rows=rows, stock=stock)
        self.follow: Follow = lambda *_: None
        self.judge: Judge = lambda *_: ["nobody judges"]

    def subscribe(self) -> None:
        """Let offers end."""
        self._scheduler.on_timer(OFFER_ENDS, self._offer_ends)

    def place(self, uow: UnitOfWork, order: Row, *, at_ms: int) -> None:
        """Put an order down that is not in a cart, and tell of it."""
        self._steps.put_down(uow, order)
        self._steps.write_history(uow, order, d.OrderStep.CHECKOUT, at_ms)
        self._steps.tell_order(uow, order, "placed", at_ms)

    def step(
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
        """Move one order one step, with all that hangs on it.

        Raises:
            Unknown: If there is no such order.
            IllegalStep: If its state forbids the step.
            Invalid: If what the step says cannot be.
            DpsError: If the time forbids it, or the goods are not there.
        """
        row = self._steps.order(uow.conn, order_id)
        after(d.ORDERS, subject=order_id, state=d.Order(row["state"]), step=step)
        _check_time(row, step, at_ms, window_ms=self._window_ms(uow, row))
        values = self._values(uow, row, step, details, at_ms)
        self._steps.move_order(uow, row, step, by=by, reason=reason, at_ms=at_ms, **values)
        self._goods(uow, row, step, details, at_ms)
        more = {} if row["offer"] is None else {"offer": row["offer"], "policy": row["policy"]}
        self._steps.tell_order(uow, row, d.PAST[step], at_ms, more)
        self.follow(uow, row, step, at_ms)
        if step is d.OrderStep.OFFER and row["policy"] == "auto":
            return self.step(uow, order_id, d.OrderStep.ACCEPT, by="policy:auto", at_ms=at_ms)
        return row

    def _window_ms(self, uow: UnitOfWork, row: Row) -> int:
        policy = self._rows.policies.get(uow.conn, row["customer"])
        auto = row["by"].startswith("policy") or row["policy"] == "auto"
        return policy["cancel_window_ms"] if auto and policy is not None else 0

    def _values(
        self, uow: UnitOfWork, row: Row, step: d.OrderStep, details: Details, at_ms: int
    ) -> Row:
        """Columns that a step changes."""
        values: Row = {}
        if step is d.OrderStep.OFFER:
            offer = self._offer(uow, row, details)
            line = row["lines"][details.line - 1]
            price, quantity = _of_offer(line, details)
            reasons = self.judge(uow, row, price, quantity, at_ms)
            values |= {"offer": offer, "policy": "approval" if reasons else "auto"}
        elif step is d.OrderStep.ACCEPT:
            values |= self._accepted(uow, row)
        elif step is d.OrderStep.BACKORDER:
            if details.eta_ms is None or details.eta_ms <= at_ms:
                problem = Problem(where="eta_ms", what=f"{details.eta_ms}", allowed="a later time")
                raise Invalid("a backorder names when the rest will come", [problem])
            values |= {"backorder": True, "eta_ms": details.eta_ms}
        elif step in (d.OrderStep.DELIVER, d.OrderStep.RECEIVE_REPLACEMENT):
            values |= {"delivered_ms": at_ms, "backorder": False}
        elif step is d.OrderStep.SHIP:
            values |= {"backorder": False}
        if step is not d.OrderStep.OFFER and row["offer"] is not None:
            values["offer"] = None
        if details.eta_ms is not None:
            values["eta_ms"] = details.eta_ms
        return values

    def _offer(self, uow: UnitOfWork, row: Row, details: Details) -> Mapping[str, Any]:
        if not 1 <= details.line <= len(row["lines"]):
            problem = Problem(where="line", what=f"{details.line}", allowed="a line of the order")
            raise Invalid("the offer is refused", [problem])
        line = row["lines"][details.line - 1]
        price, quantity = _of_offer(line, details)
        if (price, quantity) == (line["unit_price_eur"], line["quantity"]):
            problem = Problem(where="body", what="nothing is changed", allowed="confirm instead")
            raise Invalid("the offer is refused", [problem])
        if line["contract"] and details.unit_price_eur is not None:
            problem = Problem(where="unit_price_eur", what="a contract pays", allowed="quantity")
            raise Invalid("the offer is refused", [problem])
        offer: Row = {"line": details.line, "unit_price_eur": wire(price), "quantity": quantity}
        changed = [dict(one) for one in row["lines"]]
        changed[details.line - 1] |= {"unit_price_eur": price, "quantity": quantity}
        offer["total_eur"] = wire(sums(changed, self._terms(uow, row)).total_eur)
        return offer

    def _accepted(self, uow: UnitOfWork, row: Row) -> Row:
        """The offer becomes the order: its line, its totals."""
        offer, number = row["offer"], row["offer"]["line"] - 1
        line = row["lines"][number]
        line |= {
            "unit_price_eur": Decimal(str(offer["unit_price_eur"])),
            "quantity": offer["quantity"],
        }
        self._steps.put_line(uow, line)
        added = sums(row["lines"], self._terms(uow, row))
        first = row["lines"][0]
        return {
            "quantity": first["quantity"],
            "unit_price_eur": first["unit_price_eur"],
            "total_eur": added.total_eur,
            "discount_eur": added.discount_eur,
            "tax_eur": added.tax_eur,
            "cost_eur": added.cost_eur,
        }

    def _terms(self, uow: UnitOfWork, row: Row) -> Terms:
        if row["model"] == Model.M3:
            return Terms()
        return self._supplies.of(uow.conn, row["buyer"])

    def _goods(
        self, uow: UnitOfWork, row: Row, step: d.OrderStep, details: Details, at_ms: int
    ) -> None:
        """What a step does to timers, shelves and parcels."""
        if step is d.OrderStep.OFFER:
            set_timer(uow, OFFER_ENDS, row["id"], at_ms + d.OFFER_FOR_MS)
        elif d.Order(row["state"]) is not d.Order.PENDING_ACCEPTANCE:
            cancel_timer(uow, OFFER_ENDS, row["id"])
        if step in (d.OrderStep.CONFIRM, d.OrderStep.ACCEPT):
            self.promise(uow, row, at_ms)
        elif step in (d.OrderStep.CANCEL, d.OrderStep.REFUSE, d.OrderStep.EXPIRE):
            self._shipments.release(uow, row)
        elif step is d.OrderStep.TAKE_BACK:
            for line in row["lines"]:
                self.stock.bring(uow, row["provider"], line["part"], line["quantity"])
        else:
            self._shipments.take(uow, row, step, quantity=details.quantity, at_ms=at_ms)

    def promise(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        """Put the goods aside; what is not there is a backorder, with the date of the restock."""
        for line in row["lines"]:
            shelf = self.stock.shelf(uow.conn, row["provider"], line["part"])
            missing = line["quantity"] - line["reserved"] - line["shipped"]
            if shelf is None or missing <= 0:
                continue
            if self.stock.reserve(uow, row["provider"], line["part"], missing):
                line["reserved"] += missing
                self._steps.put_line(uow, line)
            elif not row["backorder"]:
                eta_ms = shelf.restock_ms if (shelf.restock_ms or 0) > at_ms else row["eta_ms"]
                values = {"backorder": True, "eta_ms": eta_ms}
                self._rows.orders.swap(uow, row["id"], expected=row["state"], values=values)
                row.update(values)

    def put_aside(self, uow: UnitOfWork, party: str, at_ms: int) -> None:
        """Goods came in: promise them to the orders that wait for them, oldest first."""
        waiting = [
            row
            for row in self._steps.orders(uow.conn, provider=party)
            if row["backorder"] and d.Order(row["state"]) in d.OPEN_ORDERS
        ]
        for row in sorted(waiting, key=lambda one: (one["placed_ms"], one["id"])):
            self.promise(uow, row, at_ms)
            if all(line["reserved"] + line["shipped"] >= line["quantity"] for line in row["lines"]):
                values = {"backorder": False}
                self._rows.orders.swap(uow, row["id"], expected=row["state"], values=values)

    def _offer_ends(self, uow: UnitOfWork, timer: Timer) -> None:
        reason = "the offer was not accepted in time"
        self.step(
            uow, timer.subject, d.OrderStep.EXPIRE, by=BY_SERVICE, at_ms=timer.due_ms, reason=reason
        )

    def shipments(self, uow: UnitOfWork, order_id: str) -> list[Row]:
        """The parcels of an order."""
        return [plain(row) for row in self._rows.shipments.items(uow.conn, order=order_id)]


def _of_offer(line: Row, details: Details) -> tuple[Decimal, int]:
    """Price and quantity that an offer comes to; what it does not say stays."""
    price = line["unit_price_eur"] if details.unit_price_eur is None else details.unit_price_eur
    return price, line["quantity"] if details.quantity is None else details.quantity


def _check_time(row: Row, step: d.OrderStep, at_ms: int, *, window_ms: int) -> None:
    """Some steps have their time."""
    ships = step in (d.OrderStep.SHIP, d.OrderStep.SHIP_PART)
    if ships and window_ms and at_ms < row["placed_ms"] + window_ms:
        until = f"until {row['placed_ms'] + window_ms} ms"
        problem = Problem(where=row["id"], what=f"the buyer may take it back {until}")
        raise TooEarly("the order cannot be shipped yet", [problem])
    returns = step is d.OrderStep.REQUEST_RETURN
    if returns and at_ms > (row["delivered_ms"] or 0) + d.RETURN_FOR_MS:
        raise TooLate("the order can no longer be returned", [])
