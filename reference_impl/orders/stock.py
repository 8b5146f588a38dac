"""Parts on shelves: of partners and other sellers, and of customers who keep their own (SP16)."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from reference_impl.kernel.errors import DpsError, Invalid, Problem
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders.ports import OrderRows


class OutOfStock(DpsError):  # noqa: N818
    """The shelf does not hold what is promised."""

    code = "out_of_stock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Parts of one kind at one party. What is free (available to promise) is never negative."""

    on_hand: int
    reserved: int
    restock_ms: int | None = None

    def __post_init__(self) -> None:
        assert 0 <= self.reserved <= self.on_hand, "more promised than there is"

    @property
    def free(self) -> int:
        """Available to promise."""
        return self.on_hand - self.reserved

    def reserve(self, quantity: int) -> Shelf | None:
        """With so many promised; None: there are not enough."""
        if quantity > self.free:
            return None
        return Shelf(
            on_hand=self.on_hand,
            reserved=self.reserved + quantity,
            restock_ms=self.restock_ms,
        )

    def release(self, quantity: int) -> Shelf:
        """With so many promised no longer."""
        return Shelf(
            on_hand=self.on_hand,
            reserved=self.reserved - quantity,
            restock_ms=self.restock_ms,
        )

    def take(self, quantity: int, *, promised: int) -> Shelf | None:
        """Without ``quantity``, of which ``promised`` were; None: there are not enough."""
        if quantity - promised > self.free:
            return None
        return Shelf(
            on_hand=self.on_hand - quantity,
            reserved=self.reserved - promised,
            restock_ms=self.restock_ms,
        )


class Stock:
    """Shelves by party and sku. Who has no shelf for a part is not asked: it is made to order."""

    def __init__(self, *, rows: OrderRows) -> None:
        self._rows = rows

    def shelf(self, conn: sa.Connection, party: str, sku: str) -> Shelf | None:
        """A shelf; None: this party keeps no stock of the part."""
        row = self._rows.stock.get(conn, party, sku)
        if row is None:
            return None
        return Shelf(on_hand=row["on_hand"], reserved=row["reserved"], restock_ms=row["restock_ms"])

    def count(
        self, uow: UnitOfWork, party: str, sku: str, *, on_hand: int, restock_ms: int | None
    ) -> Row:
        """Set what a count found. Raises Invalid if less is there than is promised."""
        before = self.shelf(uow.conn, party, sku)
        reserved = 0 if before is None else before.reserved
        if on_hand < reserved:
            problem = Problem(
                where="on_hand", what=f"{on_hand}", allowed=f"at least {reserved}, as promised"
            )
            raise Invalid(f"the stock of {sku!r} at {party!r} is refused", [problem])
        shelf = Shelf(on_hand=on_hand, reserved=reserved, restock_ms=restock_ms)
        return self._put(uow, party, sku, shelf)

    def reserve(self, uow: UnitOfWork, party: str, sku: str, quantity: int) -> bool:
        """Promise so many; False if they are not there. Nothing happens without a shelf."""
        shelf = self.shelf(uow.conn, party, sku)
        after = None if shelf is None else shelf.reserve(quantity)
        if after is not None:
            self._put(uow, party, sku, after)
        return after is not None

    def release(self, uow: UnitOfWork, party: str, sku: str, quantity: int) -> None:
        """Promise so many no longer."""
        shelf = self.shelf(uow.conn, party, sku)
        if shelf is not None and quantity:
            self._put(uow, party, sku, shelf.release(quantity))

    def take(
        self, uow: UnitOfWork, party: str, sku: str, quantity: int, *, promised: int = 0
    ) -> None:
        """Take parts off a shelf, if there is one. Raises OutOfStock if they are not there."""
        shelf = self.shelf(uow.conn, party, sku)
        if shelf is None:
            return
        after = shelf.take(quantity, promised=promised)
        if after is None:
            what = f"{shelf.free + promised} of {quantity} {sku} at {party}"
            raise OutOfStock("the parts are not there", [Problem(where="stock", what=what)])
        self._put(uow, party, sku, after)

    def bring(self, uow: UnitOfWork, party: str, sku: str, quantity: int) -> None:
        """Put parts on a shelf, if there is one."""
        shelf = self.shelf(uow.conn, party, sku)
        if shelf is not None:
            self._put(
                uow,
                party,
                sku,
                Shelf(on_hand=shelf.on_hand + quantity, reserved=shelf.reserved),
            )

    def _put(self, uow: UnitOfWork, party: str, sku: str, shelf: Shelf) -> Row:
        row = {
            "party": party,
            "sku": sku,
            "on_hand": shelf.on_hand,
            "reserved": shelf.reserved,
            "restock_ms": shelf.restock_ms,
        }
        self._rows.stock.put(uow, row)
        return {**row, "free": shelf.free}
