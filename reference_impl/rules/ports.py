"""What rules needs from its adapters and reads from other contexts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from reference_impl.kernel.ports import Window
from reference_impl.kernel.rows import Row, Rows
from reference_impl.kernel.store import UnitOfWork


class Look(Protocol):
    """Questions that go beyond rows whose columns equal something."""

    def open_alerts(self, conn: sa.Connection, *, thing: str | None = None) -> list[Row]:
        """Alerts that are ACTIVE, TAKEN_OVER or SHELVED, by id."""
        ...

    def ended_before(self, conn: sa.Connection, at_ms: int) -> list[str]:
        """Ids of alerts that are CLEARED or SUPERSEDED since before ``at_ms``."""
        ...

    def notices_due(self, conn: sa.Connection, at_ms: int, *, limit: int) -> list[Row]:
        """Notices that wait to be sent and may go out by ``at_ms``, oldest first."""
        ...

    def runs_after(self, conn: sa.Connection, automation: str, subject: str, after_ms: int) -> int:
        """How often an automation ran on a subject after a time."""
        ...

    def firings(self, conn: sa.Connection, after_ms: int, to_ms: int) -> Sequence[Any]:
        """Firings of all rules in a time: ``pack``, ``rule``, ``thing``, ``fired_ms`` and
        ``ended_ms``.
        """  # noqa: D205 - one sentence
        ...


class Offers(Protocol):
    """What customers are offered."""

    def alerting_off(self, conn: sa.Connection) -> Collection[str]:
        """Customers for whom alerts are switched off (A10)."""
        ...


class Readers(Protocol):
    """Who may read what, of the users that the registry knows."""

    def sees_alerts(self, conn: sa.Connection, user: str, thing: str, at_ms: int) -> bool:
        """Whether a user may read the alerts of a thing that began at a time."""
        ...


FiredAfter = Callable[[sa.Connection, str, str, int], Sequence[tuple[str, int]]]
"""Firings (thing, when) of a pack's rule after a time, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRows:
    """The tables of this context."""

    packs: Rows
    instances: Rows
    firings: Rows
    alerts: Rows
    alert_steps: Rows
    remedies: Rows
    actions: Rows
    contacts: Rows
    notices: Rows
    automations: Rows
    automation_runs: Rows
    fired_after: FiredAfter
    look: Look


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
