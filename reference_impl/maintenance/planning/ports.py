"""What planning asks of others; bootstrap fills it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from reference_impl.kernel.rows import Row, Rows
from reference_impl.maintenance.planning.domain import Soon


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningRows:
    """The tables of planning."""

    settings: Rows
    places: Rows
    shifts: Rows
    visits: Rows
    plans: Rows
    at_risk: Rows


class Free(Protocol):
    """Parts on shelves that are promised to nobody."""

    def __call__(self, conn: sa.Connection, party: str, sku: str) -> int | None:
        """How many; None: this party keeps no shelf for the part."""
        ...


class Wearing(Protocol):
    """Parts of a machine with what is left of their lives."""

    def __call__(self, conn: sa.Connection, thing: str, at_ms: int) -> Sequence[Soon]:
        """Those whose run-out is known and that nobody has ordered or asked for yet."""
        ...


class Due(Protocol):
    """When a machine must work again although no limit of its own says so."""

    def __call__(self, conn: sa.Connection, thing: str) -> int | None:
        """The moment, ms; None: nothing is at stake."""
        ...


class Responsible(Protocol):
    """Who answers for a customer's machines."""

    def __call__(self, conn: sa.Connection, customer: str) -> str:
        """The party: a partner that serves the customer, else the organisation."""
        ...


class AlertsRaised(Protocol):
    """Alerts that were raised."""

    def __call__(self, conn: sa.Connection) -> list[Row]:
        """All (``thing``, ``severity``, ``started_ms``, ``cleared_ms``)."""
        ...
