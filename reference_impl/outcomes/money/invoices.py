"""Invoices: drafted when a month is closed, issued, paid, or cancelled by a credit note (CC15).

A month is closed three days after its end, for all customers in one transaction, in order of
provider and customer, so that numbers have no gaps and depend on content alone. What becomes known
later is corrected on the next invoice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import chain, groupby
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.money import total, wire
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.money.billing import OPEN, BillingRows, plain_number
from reference_impl.outcomes.money.rating import LineKind, Month
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.outcomes.selling.charges import Charge, Charges, Payment, PaymentReused
from reference_impl.published import InvoiceChanged

DAY_MS = 86_400_000
PAY_WITHIN_MS = 30 * DAY_MS
"""Terms of payment (estimate; the usual ones among firms)."""
MAIN = "main"
"""What stands for the main organisation where an id names the provider."""
_SHOWN = ("customer", "provider", "month", "number", "kind", "state", "credits", "by", "reason")
_SETTLED = frozenset({Charge.SETTLED.value, Charge.REFUNDED.value})
"""States of a charge whose payment has its own way: the invoice shows it as paid."""


Stands = Callable[[UnitOfWork, str, str, int], None]
"""Told that a period (``contract/period``) stands on an invoice, at a time."""
OF_PERIODS = (LineKind.FEE, LineKind.CREDIT, LineKind.BONUS)


class Invoice(StrEnum):
    """Where an invoice stands."""

    DRAFT = "DRAFT"
    ISSUED = "ISSUED"
    PAID = "PAID"
    CANCELLED = "CANCELLED"


class Step(StrEnum):
    """What moves it."""

    ISSUE = "issue"
    PAY = "pay"
    CANCEL = "cancel"


INVOICES: Mapping[Invoice, Mapping[Step, Invoice]] = {
    Invoice.DRAFT: {Step.ISSUE: Invoice.ISSUED},
    Invoice.ISSUED: {Step.PAY: Invoice.PAID, Step.CANCEL: Invoice.CANCELLED},
    Invoice.PAID: {},
    Invoice.CANCELLED: {},
}
assert INVOICES.keys() == set(Invoice), "every state needs a row, final ones an empty one"
PAST = {Step.ISSUE: "issued", Step.PAY: "paid", Step.CANCEL: "cancelled"}
"""The feed's word for each step."""


class Kind(StrEnum):
    """A credit note takes an invoice back."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class Invoices:
    """Use cases of invoices."""

    def __init__(
        self, *, rows: BillingRows, selling: OutcomeRows, charges: Charges, stands: Stands
    ) -> None:
        self._rows, self._selling = rows, selling
        self._charges, self._stands = charges, stands

    # Reading ---------------------------------------------------------------------------------

    def listed(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Invoices and credit notes, by id, with what of them is paid."""
        paid = self._settled_by_invoice(conn)
        return [self._with_due(row, paid) for row in self._rows.invoices.items(conn, **equals)]

    def get(self, conn: sa.Connection, invoice: str) -> Row:
        """One with its lines. Raises Unknown if there is none."""
        row = self._rows.invoices.get(conn, invoice)
        if row is None:
            problem = Problem(where="invoice", what=invoice)
            raise Unknown(f"there is no invoice {invoice!r}", [problem])
        lines = self.lines(conn, invoice)
        settled = total(line["amount_eur"] for line in lines if self._settled(conn, line))
        return {**self._with_due(row, {invoice: settled}), "lines": lines}

    def lines(self, conn: sa.Connection, invoice: str) -> list[Row]:
        """The lines of an invoice, by id."""
        return self._rows.billables.items(conn, invoice=invoice)

    def _with_due(self, row: Row, settled: Mapping[str, Decimal]) -> Row:
        paid = settled.get(row["id"], Decimal("0.00"))
        over = Invoice(row["state"]) in (Invoice.PAID, Invoice.CANCELLED)
        due = Decimal("0.00") if over else row["total_eur"] - paid
        return {**row, "settled_eur": paid, "open_eur": due}

    def _settled_by_invoice(self, conn: sa.Connection) -> dict[str, Decimal]:
        done = {row["id"] for row in self._selling.charges.items(conn) if row["state"] in _SETTLED}
        found: dict[str, Decimal] = {}
        for line in self._rows.billables.items(conn, kind=LineKind.CHARGE.value) if done else ():
            if line["of"] in done:
                before = found.get(line["invoice"], Decimal("0.00"))
                found[line["invoice"]] = before + line["amount_eur"]
        return found

    def _settled(self, conn: sa.Connection, line: Row) -> bool:
        if line["kind"] != LineKind.CHARGE:
            return False
        charge = self._selling.charges.get(conn, line["of"])
        return charge is not None and charge["state"] in _SETTLED

    # Drafts ----------------------------------------------------------------------------------

    def draft(self, uow: UnitOfWork, month: Month, *, at_ms: int) -> list[Row]:
        """Draft an invoice for each customer of each provider with open lines of up to a month."""
        items = self._rows.billables.items(uow.conn, invoice=OPEN)
        items = [row for row in items if row["from_ms"] < month.to_ms]
        items.sort(key=lambda row: (row["provider"], row["customer"], row["id"]))
        drafted, of_draft = [], dict[str, list[Row]]()
        for provider, of_provider in groupby(items, key=lambda row: str(row["provider"])):
            number = self._numbered(uow.conn, provider, Kind.INVOICE, month.label[:4])
            for _, lines in groupby(of_provider, key=lambda row: str(row["customer"])):
                number += 1
                these = list(lines)
                row = _drafted(month, number, these, at_ms)
                drafted.append(row)
                of_draft[row["id"]] = [{**line, "invoice": row["id"]} for line in these]
        self._rows.invoices.insert(uow, *drafted)
        self._rows.billables.put(uow, *chain.from_iterable(of_draft.values()))
        for row in drafted:
            _tell(uow, row, "drafted", at_ms, of_draft[row["id"]])
        return drafted

    def _numbered(self, conn: sa.Connection, provider: str, kind: Kind, year: str) -> int:
        """How many numbers a provider's year has used."""
        rows = self._rows.invoices.items(conn, provider=provider, kind=kind.value)
        return sum(row["month"].startswith(year) for row in rows)

    # Steps -----------------------------------------------------------------------------------

    def issue_all(self, uow: UnitOfWork, month: str, *, at_ms: int) -> None:
        """Issue the drafts of a month."""
        for row in self._rows.invoices.items(
            uow.conn, month=month, state=Invoice.DRAFT.value, kind=Kind.INVOICE.value
        ):
            self.issue(uow, row["id"], by="time", at_ms=at_ms)

    def issue(self, uow: UnitOfWork, invoice: str, *, by: str, at_ms: int) -> Row:
        """Send it out; if nothing is left to pay, it is paid.

        Raises:
            Unknown: If there is no such invoice.
            IllegalStep: If it is no draft.
        """
        row = self.get(uow.conn, invoice)
        more = {"issued_ms": at_ms, "due_ms": at_ms + PAY_WITHIN_MS}
        row = self._step(uow, row, Step.ISSUE, by, at_ms, **more)
        for of in sorted({line["of"] for line in row["lines"] if line["kind"] in OF_PERIODS}):
            self._stands(uow, of, invoice, at_ms)
        return self._if_settled(uow, row, at_ms)

    def pay(
        self, uow: UnitOfWork, invoice: str, *, payment: str, amount: Decimal, by: str, at_ms: int
    ) -> Row:
        """Take a payment; the same payment again changes nothing (SU4).

        What it pays for is settled with it: a subscription that waits for its charge goes on.

        Raises:
            Unknown: If there is no such invoice.
            PaymentReused: If the payment was for something else.
            IllegalStep: If the invoice's state forbids it.
            Invalid: If the amount is not what is open.
        """
        row = self.get(uow.conn, invoice)
        known = self._selling.payments.get(uow.conn, payment)
        if known is not None:
            if known["charge"] != invoice:
                problem = Problem(where="payment", what=f"it is for {known['charge']}",
                                  allowed="an id for each payment")  # fmt: skip
                raise PaymentReused(f"payment {payment!r} is known for something else", [problem])
            return row
        after(INVOICES, subject=invoice, state=Invoice(row["state"]), step=Step.PAY)
        if amount != row["open_eur"]:
            problem = Problem(where="amount_eur", what=f"is {wire(amount)}",
                              allowed=f"{wire(row['open_eur'])}, what is open")  # fmt: skip
            raise Invalid(f"{invoice!r} is paid whole", [problem])
        paid = {"id": payment, "charge": invoice, "step": Step.PAY.value, "at_ms": at_ms}
        self._selling.payments.insert(uow, paid)
        row = self._step(uow, row, Step.PAY, by, at_ms)
        for line in row["lines"]:
            charge = self._selling.charges.get(uow.conn, line["of"])
            is_open = charge is not None and charge["state"] == Charge.OPEN.value
            if line["kind"] == LineKind.CHARGE and is_open and charge is not None:
                self._charges.move(uow, charge, Payment.SETTLE, at_ms=at_ms)
        return self.get(uow.conn, invoice)

    def cancel(
        self, uow: UnitOfWork, invoice: str, *, again: bool, reason: str, by: str, at_ms: int
    ) -> Row:
        """Take an invoice back by a credit note over the same lines; gives the credit note.

        Args:
            uow: The unit of work.
            invoice: Its id.
            again: Whether its lines come again on the next invoice; otherwise they are waived.
            reason: Why.
            by: Who does it.
            at_ms: When.

        Raises:
            Unknown: If there is no such invoice.
            IllegalStep: If it is not ISSUED, or a credit note.
        """
        row = self.get(uow.conn, invoice)
        row = self._step(uow, row, Step.CANCEL, by, at_ms, reason=reason)
        number = 1 + self._numbered(
            uow.conn, row["provider"], Kind.CREDIT_NOTE, row["month"][:4]
        )  # fmt: skip
        note = {name: row[name] for name in ("customer", "provider", "month", "from_ms", "to_ms")}
        note |= {
            "id": f"cn-{invoice}", "kind": Kind.CREDIT_NOTE.value, "state": Invoice.PAID.value,
            "number": f"{row['provider'] or MAIN}-CN-{row['month'][:4]}-{number:06d}",
            "total_eur": -row["total_eur"], "credits": invoice, "drafted_ms": at_ms,
            "issued_ms": at_ms, "due_ms": at_ms, "changed_ms": at_ms, "by": by, "reason": reason,
        }  # fmt: skip
        self._rows.invoices.insert(uow, note)
        for line in row["lines"]:
            self._rows.billables.insert(uow, _taken_back(line, note["id"], at_ms, not again))
            if again:
                anew = {"id": f"{line['id']}+", "invoice": OPEN, "at_ms": at_ms}
                self._rows.billables.insert(uow, {**line, **anew})
        _tell(uow, note, "credited", at_ms)
        return self.get(uow.conn, note["id"])

    def settled(self, uow: UnitOfWork, charge: str, *, at_ms: int) -> None:
        """A charge was paid by itself: what was issued with it may be paid with that."""
        for line in self._rows.billables.items(uow.conn, of=charge, kind=LineKind.CHARGE.value):
            if line["invoice"] != OPEN:
                self._if_settled(uow, self.get(uow.conn, line["invoice"]), at_ms)

    def _if_settled(self, uow: UnitOfWork, row: Row, at_ms: int) -> Row:
        if row["state"] != Invoice.ISSUED or row["open_eur"]:
            return row
        return self._step(uow, row, Step.PAY, "settled before", at_ms)

    def _step(
        self, uow: UnitOfWork, row: Row, step: Step, by: str, at_ms: int, **more: object
    ) -> Row:
        state = Invoice(row["state"])
        target = after(INVOICES, subject=row["id"], state=state, step=step)
        values: Row = {"state": target.value, "by": by, "changed_ms": at_ms, **more}
        swapped = self._rows.invoices.swap(uow, row["id"], expected=state, values=values)
        assert swapped, "it was read in this transaction"
        if target in (Invoice.PAID, Invoice.CANCELLED):
            values["open_eur"] = Decimal("0.00")
        row = {**row, **values}
        _tell(uow, row, PAST[step], at_ms)
        return row


def _drafted(month: Month, number: int, lines: Sequence[Row], at_ms: int) -> Row:
    provider, customer = lines[0]["provider"], lines[0]["customer"]
    return {
        "id": f"inv-{provider or MAIN}-{customer}-{month.label}",
        "number": f"{provider or MAIN}-{month.label[:4]}-{number:06d}",
        "kind": Kind.INVOICE.value,
        "customer": customer,
        "provider": provider,
        "month": month.label,
        "from_ms": month.from_ms,
        "to_ms": month.to_ms,
        "state": Invoice.DRAFT.value,
        "total_eur": total(line["amount_eur"] for line in lines),
        "credits": "",
        "drafted_ms": at_ms,
        "issued_ms": None,
        "due_ms": None,
        "changed_ms": at_ms,
        "by": "time",
        "reason": "",
    }


def _taken_back(line: Row, note: str, at_ms: int, waived: bool) -> Row:
    quantity = plain_number(-Decimal(line["quantity"]))
    return {
        **line, "id": f"{line['id']}-", "quantity": quantity, "amount_eur": -line["amount_eur"],
        "corrects": line["id"], "invoice": note, "at_ms": at_ms, "waived": waived,
    }  # fmt: skip


def _tell(uow: UnitOfWork, row: Row, what: str, at_ms: int, lines: Sequence[Row] = ()) -> None:
    data: dict[str, Any] = {name: row[name] for name in _SHOWN if row[name]}
    data["total_eur"] = wire(row["total_eur"])
    if lines:
        data["lines"] = [{"id": one["id"], "kind": one["kind"], "of": one["of"],
                          "amount_eur": wire(one["amount_eur"])} for one in lines]  # fmt: skip
    uow.publish(InvoiceChanged(at_ms=at_ms, kind=f"invoice.{what}", subject=row["id"], data=data))
