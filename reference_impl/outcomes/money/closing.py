"""What is charged as it happens, and the months that are closed one after the other.

Whoever has a pricing is invoiced; nobody else is. Orders, visits, charges and measured periods are
booked by the events that tell of them, by the pricing that was in force then; use and recurring
fees when their month is closed.
"""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.money import euros
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.contracts.periods import PeriodState
from reference_impl.outcomes.money import rating as r
from reference_impl.outcomes.money.billing import BillingRows, Book
from reference_impl.outcomes.money.invoices import DAY_MS, Invoices
from reference_impl.outcomes.money.metering import Metering
from reference_impl.outcomes.money.pricings import in_force, overlap
from reference_impl.outcomes.money.settlement import Settlement
from reference_impl.outcomes.money.terms import terms_of
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.published import (
    ChargeChanged,
    OrderChanged,
    PeriodClosed,
    PricingChanged,
    WorkOrderChanged,
)

CLOSE, ISSUE = "outcomes/invoice", "outcomes/issue"
CLOSE_AFTER_MS = 3 * DAY_MS
"""A month is closed so long after its end: periods of contracts, with 48 h for late data, are in
(estimate)."""
ISSUE_AFTER_MS = 2 * DAY_MS
"""A draft may be looked at for so long before it goes out by itself (estimate)."""
LOOKED_AT_AGAIN = 2
"""So many months before the one that is closed are metered again, for late data (estimate)."""
CORRECTED = "outcome.period_corrected"
BILLED = ("outcome.period_closed", "outcome.period_final", CORRECTED)
"""What is told of a period that may be billed; the first only if nobody may object."""
DONE = (PeriodState.FINAL.value, PeriodState.INVOICED.value)
MODELS_OF_ORDERS = (r.PricingModel.TRANSACTION, r.PricingModel.ECOSYSTEM)


class Closing:
    """Books what happens, and closes months."""

    def __init__(
        self, *, rows: BillingRows, selling: OutcomeRows, book: Book, metering: Metering,
        invoices: Invoices, settlement: Settlement, directory: Directory, scheduler: Scheduler,
    ) -> None:  # fmt: skip
        self._selling, self._settlement = selling, settlement
        self._rows, self._book, self._metering = rows, book, metering
        self._invoices, self._directory, self._scheduler = invoices, directory, scheduler

    def subscribe(self, bus: Bus) -> None:
        """Listen for what costs something, and wait for the ends of months."""
        bus.subscribe(PricingChanged, self._on_pricing)
        bus.subscribe(OrderChanged, self._on_order)
        bus.subscribe(WorkOrderChanged, self._on_visit)
        bus.subscribe(ChargeChanged, self._on_charge)
        bus.subscribe(PeriodClosed, self._on_period)
        self._scheduler.on_timer(CLOSE, self._close)
        self._scheduler.on_timer(ISSUE, self._issue)

    # What happens ----------------------------------------------------------------------------

    def _pricings(self, conn: sa.Connection, customer: str, thing: str, at_ms: int) -> list[Row]:
        rows = self._rows.pricings.items(conn, customer=customer)
        return in_force(rows, thing=thing, at_ms=at_ms)

    def _on_pricing(self, uow: UnitOfWork, event: PricingChanged) -> None:
        """See to it that the month in which a pricing begins will be closed."""
        if event.kind != "pricing.agreed":
            return
        month = r.month_of(event.data["from_ms"])
        waiting = self._rows.billing_months.items(uow.conn, closed_ms=None)
        if not waiting:
            self._await(uow, month)
        elif month.to_ms < waiting[0]["to_ms"]:  # no month was closed: it is not in one that was
            self._rows.billing_months.delete(uow, waiting[0]["month"])
            self._await(uow, month)

    def _await(self, uow: UnitOfWork, month: r.Month) -> None:
        waiting = {"month": month.label, "to_ms": month.to_ms, "closed_ms": None}
        self._rows.billing_months.insert(uow, waiting)
        set_timer(uow, CLOSE, "months", month.to_ms + CLOSE_AFTER_MS, {"month": month.label})

    def _on_order(self, uow: UnitOfWork, event: OrderChanged) -> None:
        group = f"order:{event.subject}"
        if event.kind == "order.returned":
            self._book.book(uow, group, [], None, at_ms=event.at_ms)
        if event.kind != "order.delivered":
            return
        thing = event.data["thing"] or ""
        for pricing in self._pricings(uow.conn, event.data["customer"], thing, event.at_ms):
            if pricing["model"] in MODELS_OF_ORDERS and terms_of(pricing).orders:
                lines = r.of_order(event.subject, event.data, event.at_ms)
                self._book.book(uow, group, lines, pricing, at_ms=event.at_ms)
                return

    def _on_visit(self, uow: UnitOfWork, event: WorkOrderChanged) -> None:
        if event.kind != "work_order.closed":
            return
        ref = self._directory.thing(uow.conn, event.data["thing"])
        group = f"visit:{event.subject}"
        if ref is None or self._book.of_group(uow.conn, group):
            return
        for pricing in self._pricings(uow.conn, ref.customer, ref.thing, event.at_ms):
            price = terms_of(pricing).visit
            if price:
                lines = r.of_visit(event.subject, ref.thing, price, event.at_ms)
                self._book.book(uow, group, lines, pricing, at_ms=event.at_ms)
                return

    def _on_charge(self, uow: UnitOfWork, event: ChargeChanged) -> None:
        group = f"charge:{event.subject}"
        if event.kind in ("charge.voided", "charge.refunded"):
            self._book.book(uow, group, [], None, at_ms=event.at_ms)
        elif event.kind == "charge.settled":
            self._invoices.settled(uow, event.subject, at_ms=event.at_ms)
        elif event.kind == "charge.asked":
            customer = event.data["customer"]
            rows = self._rows.pricings.items(uow.conn, customer=customer)
            now = {"from_ms": event.at_ms, "to_ms": event.at_ms + 1}
            paying = [row for row in rows if row["model"] != r.PricingModel.FREE
                      and overlap(row, now)]  # fmt: skip
            if paying:
                amount = euros(event.data["amount_eur"])
                lines = r.of_charge(event.subject, event.data["what"], amount, event.at_ms)
                whole = min(paying, key=lambda row: (row["thing"], row["id"]))
                self._book.book(uow, group, lines, whole, at_ms=event.at_ms)

    def _on_period(self, uow: UnitOfWork, event: PeriodClosed) -> None:
        """Book a measured period once it is final, and each document that corrects it (K3)."""
        data, of = event.data, event.subject
        if event.kind not in BILLED:
            return
        closed = self._selling.outcomes.get(uow.conn, data["contract"], data["period"])
        if event.kind == BILLED[0] and closed is not None and closed["state"] not in DONE:
            return  # somebody may object: what is final is told later
        month = r.month_named(data["period"][:7])
        whole = closed or {"from_ms": month.from_ms, "to_ms": month.to_ms}
        rows = self._rows.pricings.items(
            uow.conn, customer=event.customer, model=r.PricingModel.OUTCOME.value
        )
        for row in rows:
            promised = terms_of(row).contract
            if promised in ("", data["contract"]) and overlap(row, whole):
                document = f"{of}#{data['number']}" if event.kind == CORRECTED else of
                lines = r.of_period(of, data, (whole["from_ms"], whole["to_ms"]), document)
                self._book.book(uow, f"outcome:{document}", lines, row, at_ms=event.at_ms)
                return

    # Months ----------------------------------------------------------------------------------

    def _close(self, uow: UnitOfWork, timer: Timer) -> None:
        month = r.month_named(timer.args["month"])
        self._meter(uow, month, timer.due_ms)
        done = {"month": month.label, "to_ms": month.to_ms, "closed_ms": timer.due_ms}
        self._rows.billing_months.put(uow, done)
        if self._invoices.draft(uow, month, at_ms=timer.due_ms):
            set_timer(uow, ISSUE, month.label, timer.due_ms + ISSUE_AFTER_MS)
        self._await(uow, month.after())

    def _meter(self, uow: UnitOfWork, month: r.Month, at_ms: int) -> None:
        """Book use and fees of a month, and the use of those before it as it is known now."""
        months = [month]
        for _ in range(LOOKED_AT_AGAIN):
            months.insert(0, months[0].before())
        for pricing in self._rows.pricings.items(uow.conn):
            if pricing["model"] == r.PricingModel.SUBSCRIPTION:
                group = f"fee:{pricing['id']}/{month.label}"
                lines = self._metering.recurring(uow.conn, pricing, month)
                self._book.book(uow, group, lines, pricing, at_ms=at_ms)
            elif pricing["model"] == r.PricingModel.USAGE:
                for each in months:
                    group = f"use:{pricing['id']}/{each.label}"
                    lines = self._metering.usage(pricing, each, now_ms=at_ms)
                    self._book.book(uow, group, lines, pricing, at_ms=at_ms)

    def _issue(self, uow: UnitOfWork, timer: Timer) -> None:
        self._invoices.issue_all(uow, timer.subject, at_ms=timer.due_ms)
        self._settlement.state(uow, timer.subject, at_ms=timer.due_ms)
