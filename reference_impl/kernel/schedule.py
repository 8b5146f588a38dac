"""What happens by itself: one-shot timers (durable) and periodic evaluations.

Both are fired by :meth:`Scheduler.advance` in one order: by time, then periodic before
one-shot, then rank or kind, then subject. Nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.cached import Cached
from reference_impl.kernel.prepared import Prepared
from reference_impl.kernel.store import Text, UnitOfWork, metadata
from reference_impl.kernel.upsert import upsert

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
_all_periodics = Prepared(sa.select(periodics))
_first_timer = Prepared(
    sa.select(timers.c.kind, timers.c.subject, timers.c.due_ms, timers.c.args)
    .order_by(timers.c.due_ms, timers.c.kind, timers.c.subject)
    .limit(1)
)
_add_timer = Prepared(timers.insert(), "kind", "subject", "due_ms", "args")
_drop_timer = Prepared(
    timers.delete().where(
        timers.c.kind == sa.bindparam("of"), timers.c.subject == sa.bindparam("about")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A one-shot timer that has come due."""

    kind: str
    subject: str
    due_ms: int
    args: Mapping[str, Any]


TimerHandler = Callable[[UnitOfWork, Timer], None]
PeriodicHandler = Callable[[UnitOfWork, int], None]
AheadHandler = Callable[[UnitOfWork, int, int], None]


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
    row = {"kind": kind, "subject": subject, "due_ms": due_ms, "args": dict(args or {})}
    _add_timer.run(uow.conn, row)


def cancel_timer(uow: UnitOfWork, kind: str, subject: str) -> None:
    """Forget the timer ``(kind, subject)``, if it is set."""
    uow.timers_version += 1
    _drop_timer.run(uow.conn, {"of": kind, "about": subject})


class Scheduler:
    """Knows who handles which timer kind, and which evaluations repeat."""

    def __init__(self) -> None:
        self._handlers: dict[str, TimerHandler] = {}
        self._periodics: dict[str, _Periodic] = {}
        self._ahead: list[AheadHandler] = []
        self._last_ms: Cached[str, int] = Cached(_read_periodics)
        self.calls = 0
        """How many times time was moved, since this process started."""
        self.to_ms = -1
        """Where it goes (or last went): until then no reading comes in."""
        self._move: tuple[dict[str, int], int, int] | None = None
        """While time moves: when each evaluation was last, and from and to when time goes."""
        self._first: tuple[int, Timer | None] | None = None
        """The timer that is next in the state of the table that the number names."""

    def on_timer(self, kind: str, handler: TimerHandler) -> None:
        """Call ``handler(uow, timer)`` when a timer of this kind comes due."""
        self._handlers[kind] = handler

    def every(self, name: str, every_ms: int, handler: PeriodicHandler, *, rank: int) -> None:
        """Call ``handler(uow, at_ms)`` at each multiple of ``every_ms`` of simulated time.

        ``rank`` orders evaluations of one instant: conditions (10) before rules (20).
        Registering the name again replaces interval and handler.
        """
        self._periodics[name] = _Periodic(name, every_ms, rank, handler)

    def ahead(self, handler: AheadHandler) -> None:
        """Call ``handler(uow, from_ms, to_ms)`` before anything of a move of time is fired.

        For what depends on readings alone: they are all in by then.
        """
        self._ahead.append(handler)

    def drop(self, name: str) -> None:
        """Stop a periodic evaluation."""
        self._periodics.pop(name, None)

    def advance(self, uow: UnitOfWork, *, from_ms: int, to_ms: int) -> int | None:
        """Fire all that is due in ``(from_ms, to_ms]``, oldest first, inside ``uow``.

        Returns:
            When the next one-shot timer is due; periodic evaluations do not count.
        """
        self.calls, self.to_ms = self.calls + 1, to_ms
        for handler in self._ahead:
            handler(uow, from_ms, to_ms)
        last = self._last_ms.of(uow)
        self._move = last, from_ms, to_ms
        moved = set[str]()
        while True:
            due = self._next_periodic(last, from_ms, to_ms)
            timer = self._next_timer(uow)
            fires = timer is not None and timer.due_ms <= to_ms
            if due is not None and (timer is None or not fires or due[0] <= timer.due_ms):
                at_ms, periodic = due
                last[periodic.name] = at_ms
                moved.add(periodic.name)
                periodic.handler(uow, at_ms)
            elif timer is not None and fires:
                cancel_timer(uow, timer.kind, timer.subject)
                self._handlers[timer.kind](uow, timer)
            else:
                break
        upsert(uow.conn, periodics, [(name, last[name]) for name in sorted(moved)])
        return None if timer is None else timer.due_ms

    def quiet_until_ms(self, uow: UnitOfWork, *, but: str) -> int:
        """Before when nothing fires but timers of the kind ``but``; asked by their handler.

        It may then do at once what would fire one by one until then.
        """
        assert self._move is not None, "asked by a handler, while time moves"
        last, from_ms, to_ms = self._move
        ends = [to_ms + 1]
        periodic = self._next_periodic(last, from_ms, to_ms)
        if periodic is not None:
            ends.append(periodic[0])
        others = sa.select(sa.func.min(timers.c.due_ms)).where(timers.c.kind != but)
        other_ms = uow.conn.execute(others).scalar_one()
        if other_ms is not None:
            ends.append(other_ms)
        return min(ends)

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

    def _next_timer(self, uow: UnitOfWork) -> Timer | None:
        if self._first is None or self._first[0] != uow.timers_version:
            found = _first_timer.rows(uow.conn)
            first = None
            if found:
                kind, subject, due_ms, args = found[0]
                first = Timer(kind=kind, subject=subject, due_ms=due_ms, args=args)
            self._first = (uow.timers_version, first)
        return self._first[1]


def _read_periodics(conn: sa.Connection) -> dict[str, int]:
    return dict(_all_periodics.rows(conn))
