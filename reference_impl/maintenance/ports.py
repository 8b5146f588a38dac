"""What maintenance needs from its adapters and reads from other contexts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reference_impl.kernel.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceRows:
    """The tables of this context."""

    work_orders: Rows
    register: Rows
    tickets: Rows
    ticket_notes: Rows


class LevelsView(Protocol):
    """What a position's signal says of its health."""

    def level(
        self, *, model: str, thing: str, position: str, after_ms: int, to_ms: int
    ) -> tuple[float, float] | None:
        """The level of a position's signal in ``(after_ms, to_ms]``, and its limit.

        NaN where there are too few readings; None where the position has no condition.
        """
        ...
