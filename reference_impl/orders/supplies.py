"""How each customer is supplied and at which terms (M1, M2, chain), and what contracts cover."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa

from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.money import ZERO
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders.parties import MAIN, Model, Supply
from reference_impl.orders.ports import OrderRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Who sells to a customer. Discount and tax are percents of the goods, of two places."""

    supply: Supply = Supply.M1
    partner: str = ""
    discount_pct: Decimal = ZERO
    tax_pct: Decimal = ZERO
    batch_ms: int = 0
    """Chain: so long the partner collects before it orders itself."""

    @property
    def model(self) -> Model:
        """The model of the customer's own orders."""
        return Model.M1 if self.supply is Supply.M1 else Model.M2

    @property
    def provider(self) -> str:
        """Who sells."""
        return MAIN if self.supply is Supply.M1 else self.partner


class Supplies:
    """Terms by customer, and parts that contracts cover."""

    def __init__(self, *, rows: OrderRows) -> None:
        self._rows = rows

    def put(self, uow: UnitOfWork, customer: str, terms: Terms) -> Row:
        """Set how a customer is supplied from now on. Raises Invalid if a partner is missing."""
        if (terms.supply is Supply.M1) == bool(terms.partner):
            allowed = "a partner with M2 and chain, none with M1"
            what = Problem(where="partner", what=f"{terms.partner!r}", allowed=allowed)
            raise Invalid(f"the supply of {customer!r} is refused", [what])
        row = {
            "customer": customer,
            "model": terms.supply.value,
            "partner": terms.partner,
            "discount_pct": terms.discount_pct,
            "tax_pct": terms.tax_pct,
            "batch_ms": terms.batch_ms,
        }
        self._rows.supply.put(uow, row)
        return row

    def of(self, conn: sa.Connection, customer: str) -> Terms:
        """How a customer is supplied; by the main organisation if nothing was said."""
        row = self._rows.supply.get(conn, customer)
        if row is None:
            return Terms()
        return Terms(
            supply=Supply(row["model"]),
            partner=row["partner"],
            discount_pct=row["discount_pct"],
            tax_pct=row["tax_pct"],
            batch_ms=row["batch_ms"],
        )

    def partners(self, conn: sa.Connection) -> set[str]:
        """Who sells beside the main organisation."""
        return {row["partner"] for row in self._rows.supply.items(conn)} - {""}

    def cover(
        self,
        uow: UnitOfWork,
        contract: str,
        *,
        things: list[str],
        parts: list[str],
        from_ms: int,
        to_ms: int | None,
    ) -> Row:
        """Let a contract pay for parts of things (O9); what it paid for before is forgotten."""
        for row in self._rows.coverage.items(uow.conn, contract=contract):
            self._rows.coverage.delete(uow, row["thing"], row["part"])
        when = {"contract": contract, "from_ms": from_ms, "to_ms": to_ms}
        things, parts = list(dict.fromkeys(things)), list(dict.fromkeys(parts))
        rows = [{"thing": thing, "part": part, **when} for thing in things for part in parts]
        self._rows.coverage.put(uow, *rows)
        return {**when, "things": things, "parts": parts}

    def covered(self, conn: sa.Connection, *, thing: str, part: str, at_ms: int) -> str:
        """The contract that pays for a part of a thing at a time; empty: none does."""
        row = self._rows.coverage.get(conn, thing, part)
        if row is None or at_ms < row["from_ms"]:
            return ""
        if row["to_ms"] is not None and at_ms >= row["to_ms"]:
            return ""
        return str(row["contract"])
