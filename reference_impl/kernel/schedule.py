"""What happens by itself: one-shot timers (durable) and periodic evaluations.

Both are fired by :meth:`Scheduler.advance` in one order: by time, then periodic before
one-shot, then rank or kind, then subject. Nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.store import Text, UnitOfWork, metadata

timers = sa.Table(
    "timers",
    metadata,
    sa.Column("kind", Text, primary_key=True),
    sa.Column("subject", Text, primary_key=True),
    sa.Column("due_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("args", sa.JSON, nullable=False),
)
periodics = sa.Table(
    "periodics",
    metadata,
    sa.Column("name", Text, primary_key=True),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
)
_all_periodics = sa.select(periodics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A one-shot timer that has come due."""

    kind: str
    subject: str
    due_ms: int
    args: Mapping[str, Any]


TimerHandler = Callable[[UnitOfWork, Timer], None]
PeriodicHandler = Callable[[UnitOfWork, int], None]


@dataclass(frozen=True, slots=True)
class _Periodic:
    name: str
    every_ms: int
    rank: int
    handler: PeriodicHandler


def set_timer(
    uow: UnitOfWork, kind: str, subject: str, due_ms: int, args: Mapping[str, Any] | None = None
) -> None:
    """Set the timer ``(kind, subject)``; setting it again moves it."""
    cancel_timer(uow, kind, subject)
    uow.conn.execute(
        timers.insert().values(kind=kind, subject=subject, due_ms=due_ms, args=dict(args or {}))
    )


def cancel_timer(uow: UnitOfWork, kind: str, subject: str) -> None:
    """Forget the timer ``(kind, subject)``, if it is set."""
    uow.timers_version += 1
    uow.conn.execute(timers.delete().where(timers.c.kind == kind, timers.c.subject == subject))


class Scheduler:
    """Knows who handles which timer kind, and which evaluations repeat."""

    def __init__(self) -> None:
        self._handlers: dict[str, TimerHandler] = {}
        self._periodics: dict[str, _Periodic] = {}

    def on_timer(self, kind: str, handler: TimerHandler) -> None:
        """Call ``handler(uow, timer)`` when a timer of this kind comes due."""
        self._handlers[kind] = handler

    def every(self, name: str, every_ms: int, handler: PeriodicHandler, *, rank: int) -> None:
        """Call ``handler(uow, at_ms)`` at each multiple of ``every_ms`` of simulated time.

        ``rank`` orders evaluations of one instant: conditions (10) before rules (20).
        Registering the name again replaces interval and handler.
        """
        self._periodics[name] = _Periodic(name, every_ms, rank, handler)

    def drop(self, name: str) -> None:
        """Stop a periodic evaluation."""
        self._periodics.pop(name, None)

    def next_due_ms(self, conn: sa.Connection) -> int | None:
        """The next one-shot timer; periodic evaluations do not count."""
        return conn.execute(sa.select(sa.func.min(timers.c.due_ms))).scalar_one_or_none()

    def advance(self, uow: UnitOfWork, *, from_ms: int, to_ms: int) -> None:
        """Fire all that is due in ``(from_ms, to_ms]``, oldest first, inside ``uow``."""
        last = {row.name: row.last_ms for row in uow.conn.execute(_all_periodics)}
        began, moved = set(last), set[str]()
        timer, version = self._next_timer(uow.conn, to_ms), uow.timers_version
        while True:
            due = self._next_periodic(last, from_ms, to_ms)
            if uow.timers_version != version:
                timer, version = self._next_timer(uow.conn, to_ms), uow.timers_version
            if due is not None and (timer is None or due[0] <= timer.due_ms):
                at_ms, periodic = due
                last[periodic.name] = at_ms
                moved.add(periodic.name)
                periodic.handler(uow, at_ms)
            elif timer is not None:
                cancel_timer(uow, timer.kind, timer.subject)
                self._handlers[timer.kind](uow, timer)
            else:
                break
        for name in sorted(moved):
            statement = (
                periodics.update().where(periodics.c.name == name)
                if name in began
                else periodics.insert()
            )
            uow.conn.execute(statement.values(name=name, last_ms=last[name]))

    def _next_periodic(
        self, last: Mapping[str, int], from_ms: int, to_ms: int
    ) -> tuple[int, _Periodic] | None:
        candidates = []
        for p in self._periodics.values():
            at_ms = (last.get(p.name, from_ms) // p.every_ms + 1) * p.every_ms
            if at_ms <= to_ms:
                candidates.append((at_ms, p.rank, p.name, p))
        if not candidates:
            return None
        at_ms, _, _, periodic = min(candidates, key=lambda c: c[:3])
        return at_ms, periodic

    @staticmethod
    def _next_timer(conn: sa.Connection, to_ms: int) -> Timer | None:
        row = conn.execute(
            sa.select(timers)
            .where(timers.c.due_ms <= to_ms)
            .order_by(timers.c.due_ms, timers.c.kind, timers.c.subject)
            .limit(1)
        ).first()
        if row is None:
            return None
        return Timer(kind=row.kind, subject=row.subject, due_ms=row.due_ms, args=row.args)
