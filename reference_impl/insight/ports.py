"""What insight needs from its adapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

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


class Controls(Protocol):
    """What can be changed on machines from afar, and what they say that they have."""

    def settings(self, conn: sa.Connection, model: str) -> Mapping[str, Mapping[str, Any]]:
        """The parameters of a model by name, each with ``min``, ``max`` and ``unit``."""
        ...

    def reported(self, conn: sa.Connection, thing: str, name: str) -> float | None:
        """What a thing last said that a parameter is; None if it never did."""
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
    advice_plans: Rows
    advices: Rows
    advice_consents: Rows
