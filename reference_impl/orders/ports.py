"""What orders needs from its adapters, and what it reads of other contexts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from reference_impl.kernel.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRows:
    """The tables of this context."""

    parts: Rows
    categories: Rows
    model_parts: Rows
    references: Rows
    sub_models: Rows
    prices: Rows
    supply: Rows
    coverage: Rows
    stock: Rows
    policies: Rows
    cycles: Rows
    needs: Rows
    recommendations: Rows
    orders: Rows
    lines: Rows
    steps: Rows
    shipments: Rows
    refused: Rows
    released: Rows
    flagged: Rows
    breakers: Rows
    compliance: Rows


class Visits(Protocol):
    """What maintenance has planned."""

    def next_visit_ms(self, conn: sa.Connection, thing: str, *, after_ms: int) -> int | None:
        """When somebody is next planned to come to a thing; None: nobody is."""
        ...


class Told(Protocol):
    """What was told of parts that nobody needs yet."""

    def __call__(self, conn: sa.Connection, thing: str, position: str) -> Mapping[str, Any]:
        """The data of the newest evaluation of a position's condition; empty: there is none."""
        ...


class NoVisits:
    """Nothing is planned."""

    def next_visit_ms(self, conn: sa.Connection, thing: str, *, after_ms: int) -> int | None:
        """See Visits."""
        del conn, thing, after_ms
        return None
