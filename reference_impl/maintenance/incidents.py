"""Incidents and their time limits: begun, held, resumed, stopped, run out (W2, W3, W7, W8).

An incident is a fault with all visits for it, and the ticket that told of it. Each of its limits is
due when so much time has counted since t0 (the fault's beginning, or its report), by the hours of
its service level, without its pauses. What the level said at t0 holds to the end.

A limit that is not stopped before its due time is breached: once, and for good. The timer of the
next one due is durable (kernel/schedule), so that nobody needs to look, and a restart misses none;
limits that run out while nothing else happens are taken together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.errors import Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance.calendars import due
from reference_impl.maintenance.ports import MaintenanceRows
from reference_impl.maintenance.service_levels import Limit, calendar_of, limit_ms
from reference_impl.published import SlaChanged

NEXT = "maintenance/sla"
"""The timer of the limit that is due next, whichever it is."""
DONE, CALLED_OFF = "restored", "cancelled"
"""How an incident ends."""
RESTORED = "restored"
"""Reason of the pause between a restoration that was verified and the same fault again."""
_TERMS = ("time_zone", "hours", "holidays", "priorities", "pause_reasons", "begins", "tier")


class Run(StrEnum):
    """Whether time counts, of an incident and of each of its limits."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


class Move(StrEnum):
    """What changes that."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    REOPEN = "reopen"


RUNS: Mapping[Run, Mapping[Move, Run]] = {
    Run.RUNNING: {Move.PAUSE: Run.PAUSED, Move.STOP: Run.STOPPED},
    Run.PAUSED: {Move.RESUME: Run.RUNNING, Move.STOP: Run.STOPPED},
    Run.STOPPED: {Move.REOPEN: Run.RUNNING},
}
assert RUNS.keys() == set(Run), "every state needs a row"


class Incidents:
    """The clocks of incidents; what happens to work orders and tickets moves them."""

    def __init__(self, *, rows: MaintenanceRows, scheduler: Scheduler) -> None:
        self._rows, self._scheduler = rows, scheduler

    def subscribe(self) -> None:
        """Listen for the next limit that runs out."""
        self._scheduler.on_timer(NEXT, self._run_out)

    def get(self, conn: sa.Connection, incident: str) -> Row | None:
        """An incident, or None: nothing is promised."""
        return self._rows.incidents.get(conn, incident)

    def must(self, conn: sa.Connection, incident: str) -> Row:
        """An incident. Raises Unknown."""
        row = self.get(conn, incident)
        if row is None:
            what = [Problem(where="incident", what=incident)]
            raise Unknown(f"there is no incident {incident!r}", what)
        return row

    def listed(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Incidents, by id."""
        return self._rows.incidents.items(conn, **equals)

    def clocks(self, conn: sa.Connection, incident: str) -> dict[str, Row]:
        """The limits of an incident, by name."""
        found = {row["what"]: row for row in self._rows.clocks.items(conn, incident=incident)}
        return {limit: found[limit] for limit in Limit}

    def breached(self, conn: sa.Connection) -> frozenset[str]:
        """Incidents of which a limit ran out."""
        return self._rows.clocks.breached(conn)

    def begin(
        self, uow: UnitOfWork, subject: Mapping[str, Any], level: Row, *, t0_ms: int, at_ms: int
    ) -> None:
        """Start the clocks of an incident.

        Args:
            uow: The unit of work.
            subject: ``id``, ``thing``, ``site``, ``customer`` and ``priority`` of the incident.
            level: The service level that its thing has.
            t0_ms: From when on time counts.
            at_ms: When that was found.
        """
        terms = {name: level[name] for name in _TERMS}
        row = {
            **{name: subject[name] for name in ("id", "thing", "site", "customer", "priority")},
            "level": level["id"], "tier": level["tier"], "terms": terms, "state": Run.RUNNING.value,
            "t0_ms": min(t0_ms, at_ms), "reported_ms": at_ms, "pauses": [], "held_by": "",
            "held_for": "", "held_ms": None, "outcome": "", "visits": 0, "changed_ms": at_ms,
        }  # fmt: skip
        empty = {"stopped_ms": None, "breached_ms": None, "due_ms": None, "fires_ms": None}
        clocks = {
            what.value: {
                "incident": row["id"], "what": what.value, "state": Run.RUNNING.value,
                "limit_ms": limit_ms(terms, row["priority"], what) or 0, **empty,
            }
            for what in Limit
        }  # fmt: skip
        _compute(row, clocks, at_ms)
        calendar = {name: terms[name] for name in ("time_zone", "hours", "holidays")}
        more = {"calendar": calendar, "pause_reasons": terms["pause_reasons"]}
        _tell(uow, row, "started", at_ms, clocks=clocks, **more)
        self._late(uow, row, clocks, at_ms)
        self._save(uow, row, clocks, at_ms)

    def stop(
        self, uow: UnitOfWork, incident: str, limits: Sequence[Limit], *, at_ms: int, outcome: str
    ) -> None:
        """What was promised has happened: its clock stops, kept if it was not due yet.

        With the last one the incident is over, with ``outcome``.
        """
        row, clocks = self.must(uow.conn, incident), self.clocks(uow.conn, incident)
        if Limit.RESTORE in limits and row["state"] == Run.PAUSED.value:
            self._close_pause(row, clocks, at_ms)
        for what in limits:
            clock = clocks[what]
            if clock["state"] == Run.STOPPED.value:
                continue
            clock["due_ms"] = _due_ms(row, clock, at_ms)
            self._late(uow, row, {what: clock}, at_ms)
            _move(row, clock, Move.STOP)
            clock |= {"stopped_ms": at_ms, "fires_ms": None}
            kept = clock["breached_ms"] is None
            promised = {"due_ms": clock["due_ms"], "kept": kept} if clock["limit_ms"] else {}
            _tell(uow, row, "stopped", at_ms, what=what.value, outcome=outcome, **promised)
        if all(clock["state"] == Run.STOPPED.value for clock in clocks.values()):
            row |= {"state": Run.STOPPED.value, "outcome": outcome}
        self._save(uow, row, clocks, at_ms)

    def pause(
        self, uow: UnitOfWork, incident: str, *, source: str, reason: str, at_ms: int
    ) -> None:
        """Work stands still; clocks do too if the level permits the reason (W3)."""
        row, clocks = self.must(uow.conn, incident), self.clocks(uow.conn, incident)
        if row["state"] != Run.RUNNING.value or reason not in row["terms"]["pause_reasons"]:
            return
        row |= {"held_by": source, "held_for": reason, "held_ms": at_ms}
        row["state"] = after(RUNS, subject=incident, state=Run.RUNNING, step=Move.PAUSE).value
        for clock in clocks.values():
            if clock["state"] == Run.RUNNING.value:
                _move(row, clock, Move.PAUSE)
                clock["fires_ms"] = None
        _tell(uow, row, "paused", at_ms, reason=reason)
        self._save(uow, row, clocks, at_ms)

    def resume(self, uow: UnitOfWork, incident: str, *, source: str, at_ms: int) -> None:
        """Work goes on, and the clocks with it if it was this that held them."""
        row, clocks = self.must(uow.conn, incident), self.clocks(uow.conn, incident)
        if row["state"] != Run.PAUSED.value or row["held_by"] != source:
            return
        self._close_pause(row, clocks, at_ms)
        _tell(uow, row, "resumed", at_ms, clocks=clocks, reason="held no longer")
        self._save(uow, row, clocks, at_ms)

    def reopen(
        self, uow: UnitOfWork, incident: str, *, at_ms: int, worked_meanwhile: bool, reason: str
    ) -> None:
        """The restoration did not hold: it is due again, as one incident.

        Time during which the machine really worked does not count; all the rest does.
        """
        row, clocks = self.must(uow.conn, incident), self.clocks(uow.conn, incident)
        clock = clocks[Limit.RESTORE]
        if clock["state"] != Run.STOPPED.value:
            return
        if worked_meanwhile and clock["stopped_ms"] < at_ms:
            pause = {"from_ms": clock["stopped_ms"], "to_ms": at_ms, "reason": RESTORED}
            row["pauses"] = [*row["pauses"], pause]
        again = [clock]
        if row["outcome"] == CALLED_OFF:  # nobody came: that is due again as well
            last_ms = clock["stopped_ms"]
            again = [one for one in clocks.values() if one["stopped_ms"] == last_ms]
        for one in again:
            one["stopped_ms"] = None
            _move(row, one, Move.REOPEN)
        row |= {"state": Run.RUNNING.value, "outcome": ""}
        _compute(row, clocks, at_ms)
        _tell(uow, row, "resumed", at_ms, clocks=clocks, reason=reason)
        self._late(uow, row, clocks, at_ms)
        self._save(uow, row, clocks, at_ms)

    def change(
        self,
        uow: UnitOfWork,
        incident: str,
        *,
        at_ms: int,
        priority: str | None = None,
        t0_ms: int | None = None,
    ) -> None:
        """Another priority, or an earlier beginning: all is due anew, computed from t0 (W7)."""
        row, clocks = self.must(uow.conn, incident), self.clocks(uow.conn, incident)
        earlier_ms = row["t0_ms"] if t0_ms is None else min(t0_ms, row["t0_ms"])
        now = priority or row["priority"]
        if (now, earlier_ms) == (row["priority"], row["t0_ms"]):
            return
        row |= {"priority": now, "t0_ms": earlier_ms}
        for what, clock in clocks.items():
            if clock["breached_ms"] is None and clock["state"] != Run.STOPPED.value:
                clock["limit_ms"] = limit_ms(row["terms"], now, what) or 0
        _compute(row, clocks, at_ms)
        _tell(uow, row, "changed", at_ms, clocks=clocks)
        self._late(uow, row, clocks, at_ms)
        self._save(uow, row, clocks, at_ms)

    def visited(self, uow: UnitOfWork, incident: str, *, at_ms: int) -> None:
        """Somebody has come, for the first time or again."""
        row = self.must(uow.conn, incident)
        row |= {"visits": row["visits"] + 1, "changed_ms": at_ms}
        self._rows.incidents.put(uow, row)

    @staticmethod
    def _close_pause(row: Row, clocks: Mapping[str, Row], at_ms: int) -> None:
        row["pauses"] = [*row["pauses"], _pause(row, at_ms)]
        row["state"] = after(RUNS, subject=row["id"], state=Run.PAUSED, step=Move.RESUME).value
        row |= {"held_by": "", "held_for": "", "held_ms": None}
        for clock in clocks.values():
            if clock["state"] == Run.PAUSED.value:
                _move(row, clock, Move.RESUME)
        _compute(row, clocks, at_ms)

    def _late(self, uow: UnitOfWork, row: Row, clocks: Mapping[str, Row], at_ms: int) -> None:
        """Note what was due already when that was found: t0, or its priority, came to be known."""
        for clock in clocks.values():
            due_ms, running = clock["due_ms"], clock["state"] != Run.STOPPED.value
            if running and clock["breached_ms"] is None and due_ms is not None and due_ms <= at_ms:
                _breach(uow, row, clock, at_ms)

    def _run_out(self, uow: UnitOfWork, timer: Timer) -> None:
        """Breach what is due, and whatever else is before anything else happens (W8)."""
        quiet_ms = self._scheduler.quiet_until_ms(uow, but=NEXT)
        clocks = self._rows.clocks.due_before(uow.conn, max(timer.due_ms + 1, quiet_ms))
        for clock, incident in clocks:
            _breach(uow, incident, clock, clock["due_ms"])
        self._rows.clocks.put(uow, *(clock for clock, _ in clocks))
        self._arm(uow)

    def _save(self, uow: UnitOfWork, row: Row, clocks: Mapping[str, Row], at_ms: int) -> None:
        row["changed_ms"] = at_ms
        self._rows.incidents.put(uow, row)
        self._rows.clocks.put(uow, *clocks.values())
        self._arm(uow)

    def _arm(self, uow: UnitOfWork) -> None:
        first_ms = self._rows.clocks.first_ms(uow.conn)
        if first_ms is None:
            cancel_timer(uow, NEXT, "")
        else:
            set_timer(uow, NEXT, "", first_ms)


def _pause(row: Row, at_ms: int) -> Row:
    return {"from_ms": row["held_ms"], "to_ms": at_ms, "reason": row["held_for"]}


def _move(row: Row, clock: Row, move: Move) -> None:
    name = f"{clock['what']} of {row['id']}"
    clock["state"] = after(RUNS, subject=name, state=Run(clock["state"]), step=move).value


def _due_ms(row: Row, clock: Row, at_ms: int) -> int | None:
    """When a limit is due; None: it is not promised. A breached one stays due when it was.

    While the incident is held it would be due then if work went on at ``at_ms``.
    """
    if not clock["limit_ms"]:
        return None
    if clock["breached_ms"] is not None:
        return int(clock["breached_ms"])
    held = [] if row["held_ms"] is None else [_pause(row, at_ms)]
    spans = [(pause["from_ms"], pause["to_ms"]) for pause in (*row["pauses"], *held)]
    return due(calendar_of(row["terms"]), row["t0_ms"], clock["limit_ms"], spans)


def _compute(row: Row, clocks: Mapping[str, Row], at_ms: int) -> None:
    """Work out anew when each limit that is not stopped is due, and fires."""
    for clock in clocks.values():
        if clock["state"] != Run.STOPPED.value:
            clock["due_ms"] = _due_ms(row, clock, at_ms)
            fires = clock["state"] == Run.RUNNING.value and clock["breached_ms"] is None
            clock["fires_ms"] = clock["due_ms"] if fires else None


def _breach(uow: UnitOfWork, row: Row, clock: Row, at_ms: int) -> None:
    clock |= {"breached_ms": clock["due_ms"], "fires_ms": None}
    _tell(uow, row, "breached", at_ms, what=clock["what"], due_ms=clock["due_ms"])


def _tell(
    uow: UnitOfWork,
    row: Row,
    kind: str,
    at_ms: int,
    *,
    clocks: Mapping[str, Row] | None = None,
    **more: object,
) -> None:
    names = ("thing", "customer", "level", "tier", "priority", "t0_ms")
    data: dict[str, Any] = {name: row[name] for name in names} | more
    if clocks is not None:
        data["limits"] = {
            what: {"limit_ms": clock["limit_ms"], "due_ms": clock["due_ms"]}
            for what, clock in clocks.items()
            if clock["limit_ms"] and clock["state"] != Run.STOPPED.value
        }
    uow.publish(SlaChanged(at_ms=at_ms, kind=f"sla.{kind}", subject=row["id"], data=data))
