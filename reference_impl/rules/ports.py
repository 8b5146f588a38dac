"""What rules needs from its adapters and reads from other contexts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from reference_impl.kernel.ports import Window
from reference_impl.kernel.rows import Rows
from reference_impl.kernel.store import UnitOfWork

FiredAfter = Callable[[sa.Connection, str, str, int], Sequence[Any]]
"""Firings (``thing``, ``fired_ms``) of a pack's rule after a time, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRows:
    """The tables of this context."""

    packs: Rows
    instances: Rows
    firings: Rows
    alerts: Rows
    fired_after: FiredAfter


class ConditionsView(Protocol):
    """Conditions of models, and their newest evaluations."""

    @property
    def changes(self) -> int:
        """How often anything that :meth:`columns` tells may have changed."""
        ...

    def positions(self, conn: sa.Connection, model: str) -> Mapping[str, str]:
        """The position of each condition of a model, by condition id."""
        ...

    def columns(self, uow: UnitOfWork, things: Sequence[str], condition: str, field: str) -> Window:
        """One number per thing and until when it speaks (-1: never evaluated).

        ``field`` is ``wear_pct`` or ``runout_p10_ms``, ``runout_p50_ms``, ``runout_p90_ms``;
        a run-out that is not in sight is infinite, what was never evaluated is NaN.
        """
        ...


class PartsView(Protocol):
    """The catalogue."""

    @property
    def changes(self) -> int:
        """How often anything that :meth:`part_fields` tells may have changed."""
        ...

    def skus(self, conn: sa.Connection) -> Sequence[str]:
        """All skus."""
        ...

    def places(self, conn: sa.Connection, model: str) -> Sequence[tuple[str, str]]:
        """``(part, position)`` of all parts of a model."""
        ...

    def part_fields(self, uow: UnitOfWork, sku: str) -> Mapping[str, float]:
        """What may be read of a part; empty if there is none."""
        ...
