"""The book of what is to be invoiced: each thing that is charged, once, and what corrects it.

A group of lines (an order, a month of a meter) is booked as it stands now. Booking it again with
other lines, or with none, changes what is still open and adds corrections to what was invoiced
already: an invoice that went out is never changed (K3), and what all invoices say of a key together
is what it costs. Nothing is charged twice, whatever comes twice (CC15, SU4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.money import ZERO, total
from reference_impl.kernel.rows import Row, Rows
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.money.rating import Line

OPEN = ""
"""No invoice yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingRows:
    """The tables of money that is invoiced."""

    pricings: Rows
    billables: Rows
    invoices: Rows
    billing_months: Rows
    payouts: Rows


class Book:
    """Keeps what is to be invoiced."""

    def __init__(self, rows: BillingRows) -> None:
        self._rows = rows

    def book(
        self, uow: UnitOfWork, group: str, lines: Sequence[Line], pricing: Row | None, *, at_ms: int
    ) -> None:
        """Say what a group comes to; the same again changes nothing.

        Args:
            uow: The unit of work.
            group: What is charged together; the lines' keys belong to it alone.
            lines: All its lines; none: it costs nothing (any more).
            pricing: Whose it is, and by which terms; None: those of what was booked before.
            at_ms: When this became known.
        """
        before: dict[str, list[Row]] = {}
        for row in self._rows.billables.items(uow.conn, group=group):
            before.setdefault(row["key"], []).append(row)
        for line in lines:
            earlier = before.pop(line.key, [])
            if earlier:
                self._rebook(uow, earlier, line, at_ms)
            elif pricing is not None and (line.amount or line.evidence.get("gaps")):
                self._rows.billables.insert(uow, _row(group, line, pricing, at_ms))
        for earlier in before.values():
            self._rebook(uow, earlier, None, at_ms)

    def _rebook(
        self, uow: UnitOfWork, earlier: Sequence[Row], line: Line | None, at_ms: int
    ) -> None:
        """Bring what was booked of a key to what it is now."""
        if any(row["waived"] for row in earlier):
            return
        invoiced = [row for row in earlier if row["invoice"] != OPEN]
        for row in earlier:
            if row["invoice"] == OPEN:
                self._rows.billables.delete(uow, row["id"])
        like = earlier[0]
        if not invoiced:
            if line is not None and (line.amount or line.evidence.get("gaps")):
                self._rows.billables.insert(uow, _row(like["group"], line, like, at_ms))
            return
        amount = (ZERO if line is None else line.amount) - total(r["amount_eur"] for r in invoiced)
        if not amount:
            return
        quantity = Decimal(0) if line is None else line.quantity
        quantity -= sum((Decimal(row["quantity"]) for row in invoiced), Decimal(0))
        price = Decimal(like["unit_price"]) if line is None else line.unit_price
        if not quantity:
            quantity, price = Decimal(1), amount
        self._rows.billables.insert(
            uow,
            {
                **like,
                "id": f"{like['key']}#{len(invoiced) + 1}",
                "quantity": plain_number(quantity),
                "unit_price": plain_number(price),
                "amount_eur": amount,
                "at_ms": at_ms,
                "corrects": invoiced[-1]["id"],
                "invoice": OPEN,
                "evidence": dict(like["evidence"] if line is None else line.evidence),
            },
        )

    def open_items(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """What no invoice has yet, by id."""
        return self._rows.billables.items(conn, invoice=OPEN, **equals)

    def of_group(self, conn: sa.Connection, group: str) -> list[Row]:
        """What was booked of a group."""
        return self._rows.billables.items(conn, group=group)


def _row(group: str, line: Line, whose: Mapping[str, Any], at_ms: int) -> Row:
    pricing = whose["pricing"] if "pricing" in whose else whose["id"]
    return {
        "id": line.key,
        "key": line.key,
        "group": group,
        "customer": whose["customer"],
        "provider": whose["provider"],
        "pricing": pricing,
        "kind": line.kind.value,
        "of": line.of,
        "what": line.what,
        "thing": line.thing,
        "quantity": plain_number(line.quantity),
        "unit": line.unit,
        "unit_price": plain_number(line.unit_price),
        "amount_eur": line.amount,
        "from_ms": line.from_ms,
        "to_ms": line.to_ms,
        "at_ms": at_ms,
        "corrects": "",
        "invoice": OPEN,
        "waived": False,
        "evidence": dict(line.evidence),
    }


def plain_number(value: Decimal) -> str:
    """A decimal without exponent and needless zeros: 120, 0.25."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
