"""What insight needs from its adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reference_impl.kernel.ports import ThingRef
from reference_impl.kernel.rows import Rows
from reference_impl.kernel.store import UnitOfWork


class JumpSink(Protocol):
    """Is told at each evaluation whether its readings tell of what cannot be."""

    def jump(
        self, uow: UnitOfWork, ref: ThingRef, signal: str, at_ms: int, *, active: bool
    ) -> None:
        """A signal jumps (O14), or does not any more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightRows:
    """The tables of this context."""

    conditions: Rows
    revisions: Rows
    states: Rows
    history: Rows
    replaced: Rows
    recomputations: Rows
    models: Rows
    flags: Rows
    marks: Rows
