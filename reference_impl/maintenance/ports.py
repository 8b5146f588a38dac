"""What maintenance needs from its adapters and reads from other contexts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from reference_impl.kernel.rows import Row, Rows
from reference_impl.kernel.store import UnitOfWork


class ClockRows(Protocol):
    """Time limits by incident and name, also by when they run out."""

    def items(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """See Rows."""
        ...

    def put(self, uow: UnitOfWork, *rows: Row) -> None:
        """See Rows."""
        ...

    def breached(self, conn: sa.Connection) -> frozenset[str]:
        """Incidents of which one ran out."""
        ...

    def first_ms(self, conn: sa.Connection) -> int | None:
        """When the next one runs out; None: none does."""
        ...

    def due_before(self, conn: sa.Connection, before_ms: int) -> list[tuple[Row, Row]]:
        """Those that run out before ``before_ms``, by time, each with what is told of the fault."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceRows:
    """The tables of this context."""

    work_orders: Rows
    register: Rows
    tickets: Rows
    ticket_notes: Rows
    work_order_notes: Rows
    service_levels: Rows
    incidents: Rows
    clocks: ClockRows
    technicians: Rows
    planned_work: Rows
    verification: Rows


class Alerts(Protocol):
    """What maintenance reads of alerts."""

    def __call__(self, conn: sa.Connection, alert: str) -> Row | None:
        """The alert (``thing``, ``rule``, ``state``, ``started_ms``, ``cleared_ms``), or None."""
        ...


class Shelves(Protocol):
    """Parts on shelves. A party without a shelf for a part is not asked: nothing happens."""

    def reserve(self, uow: UnitOfWork, party: str, sku: str, quantity: int) -> bool:
        """Promise so many; False if they are not there."""
        ...

    def release(self, uow: UnitOfWork, party: str, sku: str, quantity: int) -> None:
        """Promise so many no longer."""
        ...

    def take(
        self, uow: UnitOfWork, party: str, sku: str, quantity: int, *, promised: int = 0
    ) -> None:
        """Take parts off a shelf. Raises an error of the domain if they are not there."""
        ...


class PartsList(Protocol):
    """What a fault is likely to need."""

    def __call__(
        self, conn: sa.Connection, thing: str, position: str, at_ms: int
    ) -> list[dict[str, Any]]:
        """Parts (``part``, ``quantity``) of the position, or of the likeliest cause's."""
        ...


class ContractsOf(Protocol):
    """Which contracts a thing is under."""

    def __call__(self, conn: sa.Connection, thing: str) -> Sequence[str]:
        """Their ids."""
        ...


class LevelsView(Protocol):
    """What a position's signal says of its health."""

    def level(
        self, *, model: str, thing: str, position: str, after_ms: int, to_ms: int
    ) -> tuple[float, float] | None:
        """The level of a position's signal in ``(after_ms, to_ms]``, and its limit.

        NaN where there are too few readings; None where the position has no condition.
        """
        ...
