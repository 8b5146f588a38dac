"""What collection asks of the rest of the DPS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from reference_impl.kernel.ports import Floats
from reference_impl.kernel.rows import Row, Rows
from reference_impl.kernel.store import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRows:
    """The tables."""

    collections: Rows
    plans: Rows
    routes: Rows
    stops: Rows
    care: Rows
    steers: Rows
    reports: Rows


class OpenAlerts(Protocol):
    """Alerts whose condition holds."""

    def __call__(self, conn: sa.Connection) -> list[Row]:
        """All of them (``thing``, ``rule``)."""
        ...


class Fills(Protocol):
    """How full things are, and how likely to be full soon: insight's forecast."""

    def __call__(
        self, conn: sa.Connection, things: Sequence[str], signal: str, *, full: float,
        at_ms: int, heard_ms: int, within_h: float,
    ) -> tuple[Floats, Floats]:  # fmt: skip
        """Shares of full now, and chances to be full in so many hours, ``(things,)`` each.

        NaN of whom nobody heard for ``heard_ms``; a chance also where there is too little history.
        """
        ...


class Requests(Protocol):
    """Support requests, whose time limits somebody watches."""

    def open(self, uow: UnitOfWork, thing: str, *, by: str, title: str, text: str, urgent: bool,
             at_ms: int) -> str:  # fmt: skip
        """Open one; returns its id."""
        ...

    def note(self, uow: UnitOfWork, ticket: str, *, by: str, text: str, at_ms: int) -> None:
        """Somebody says it again."""
        ...

    def close(self, uow: UnitOfWork, ticket: str, *, by: str, at_ms: int) -> None:
        """It is settled, if it is not yet."""
        ...
