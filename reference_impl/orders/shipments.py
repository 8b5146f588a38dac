"""Parcels of an order: each was sent, and arrived or was lost."""

from __future__ import annotations

from enum import StrEnum

from reference_impl.kernel.errors import IllegalStep, Invalid, Problem
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders.ports import OrderRows
from reference_impl.orders.stock import Stock


class Parcel(StrEnum):
    """Where a parcel is."""

    SENT = "SENT"
    DELIVERED = "DELIVERED"
    LOST = "LOST"


class Kind(StrEnum):
    """What a parcel is for."""

    GOODS = "goods"
    AGAIN = "again"
    REPLACEMENT = "replacement"


class Shipments:
    """Keeps the parcels, and takes what is in them off the provider's shelf."""

    def __init__(self, *, rows: OrderRows, stock: Stock) -> None:
        self._rows, self._stock = rows, stock

    def take(
        self, uow: UnitOfWork, row: Row, step: d.OrderStep, *, quantity: int | None, at_ms: int
    ) -> None:
        """What a step of an order does to its parcels; most do nothing.

        Raises:
            Invalid: If a part of the order is all of it, or more than there is.
            OutOfStock: If the provider's shelf does not hold it.
            IllegalStep: If no parcel could be what has arrived.
        """
        if step is d.OrderStep.SHIP_PART:
            self._send_part(uow, row, quantity, at_ms)
        elif step is d.OrderStep.SHIP:
            rest = sum(self._send_line(uow, row, line, None) for line in row["lines"])
            self._send(uow, row, Kind.GOODS, rest, at_ms)
        elif step is d.OrderStep.RESHIP:
            lost = self._of(uow, row, Parcel.LOST)[-1]
            self._send(uow, row, Kind.AGAIN, lost["quantity"], at_ms)
        elif step is d.OrderStep.REPLACE:
            self._send(uow, row, Kind.REPLACEMENT, row["quantity"], at_ms)
        elif step is d.OrderStep.LOSE:
            self._end(uow, self._of(uow, row, Parcel.SENT)[-1], Parcel.LOST, at_ms)
        elif step is d.OrderStep.RECEIVE_PART:
            sent = self._of(uow, row, Parcel.SENT)
            # the last parcel of an order that is shipped whole makes it delivered
            if len(sent) <= (row["state"] == d.Order.SHIPPED):
                raise IllegalStep(row["id"], row["state"], step, [])
            self._end(uow, sent[0], Parcel.DELIVERED, at_ms)
        elif step in (d.OrderStep.DELIVER, d.OrderStep.RECEIVE_REPLACEMENT):
            for parcel in self._of(uow, row, Parcel.SENT):
                self._end(uow, parcel, Parcel.DELIVERED, at_ms)

    def release(self, uow: UnitOfWork, row: Row) -> None:
        """The order is off: nothing is put aside for it any more."""
        for line in row["lines"]:
            self._stock.release(uow, row["provider"], line["part"], line["reserved"])
            line["reserved"] = 0
            self._rows.lines.put(uow, line)

    def _send_part(self, uow: UnitOfWork, row: Row, quantity: int | None, at_ms: int) -> None:
        line = next((one for one in row["lines"] if one["shipped"] < one["quantity"]), None)
        left = 0 if line is None else line["quantity"] - line["shipped"]
        several = sum(one["quantity"] - one["shipped"] for one in row["lines"])
        if line is None or quantity is None or not 0 <= quantity <= left or quantity == several:
            allowed = f"0 (a set that is not complete) to {min(left, several - 1)}"
            problem = Problem(where="quantity", what=f"{quantity}", allowed=allowed)
            raise Invalid("that is no part of the order", [problem])
        self._send_line(uow, row, line, quantity)
        self._send(uow, row, Kind.GOODS, quantity, at_ms)

    def _send_line(self, uow: UnitOfWork, row: Row, line: Row, quantity: int | None) -> int:
        left: int = line["quantity"] - line["shipped"]
        sent = left if quantity is None else quantity
        promised = min(line["reserved"], sent)
        self._stock.take(uow, row["provider"], line["part"], sent, promised=promised)
        line["shipped"] += sent
        line["reserved"] -= promised
        self._rows.lines.put(uow, line)
        return sent

    def _send(self, uow: UnitOfWork, row: Row, kind: Kind, quantity: int, at_ms: int) -> None:
        number = len(self._rows.shipments.items(uow.conn, order=row["id"])) + 1
        self._rows.shipments.insert(
            uow,
            {
                "order": row["id"],
                "number": number,
                "state": Parcel.SENT.value,
                "kind": kind.value,
                "quantity": quantity,
                "sent_ms": at_ms,
                "ended_ms": None,
            },
        )

    def _of(self, uow: UnitOfWork, row: Row, state: Parcel) -> list[Row]:
        return self._rows.shipments.items(uow.conn, order=row["id"], state=state.value)

    def _end(self, uow: UnitOfWork, parcel: Row, state: Parcel, at_ms: int) -> None:
        self._rows.shipments.put(uow, {**parcel, "state": state.value, "ended_ms": at_ms})
