"""Planned maintenance: proposed, agreed for a window, done in it, missed, or put off by somebody.

A window that was agreed on has a visit of its own (a work order of kind ``upkeep``). What that
visit takes inside the window, and only that, is planned downtime (W10). A window that passes
without a check-in was missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.ids import digest
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance import domain as d
from reference_impl.maintenance.finishing import BY_SERVICE
from reference_impl.maintenance.ports import MaintenanceRows
from reference_impl.maintenance.service import Maintenance
from reference_impl.published import PlannedWindow, PlannedWorkChanged, WorkOrderChanged

CLOSES = "maintenance/window-closes"
"""The timer of the end of an agreed window."""


class Planned(StrEnum):
    """Where planned work stands."""

    PROPOSED = "PROPOSED"
    AGREED = "AGREED"
    DONE = "DONE"
    MISSED = "MISSED"
    RESCHEDULED = "RESCHEDULED"


class PlannedStep(StrEnum):
    """What moves it."""

    AGREE = "agree"
    FINISH = "finish"
    MISS = "miss"
    RESCHEDULE = "reschedule"


PLANNED: Mapping[Planned, Mapping[PlannedStep, Planned]] = {
    Planned.PROPOSED: {
        PlannedStep.AGREE: Planned.AGREED,
        PlannedStep.RESCHEDULE: Planned.RESCHEDULED,
    },
    Planned.AGREED: {
        PlannedStep.FINISH: Planned.DONE,
        PlannedStep.MISS: Planned.MISSED,
        PlannedStep.RESCHEDULE: Planned.RESCHEDULED,
    },
    Planned.DONE: {},
    Planned.MISSED: {},
    Planned.RESCHEDULED: {},
}
assert PLANNED.keys() == set(Planned), "every state needs a row, final ones an empty one"
PAST = {
    PlannedStep.AGREE: "agreed",
    PlannedStep.FINISH: "done",
    PlannedStep.MISS: "missed",
    PlannedStep.RESCHEDULE: "rescheduled",
}
"""The feed's word for each step."""
_SHOWN = ("thing", "customer", "title", "contract", "state", "from_ms", "to_ms", "work_order", "by")


class PlannedWork:
    """Use cases of planned maintenance."""

    def __init__(
        self,
        *,
        rows: MaintenanceRows,
        scheduler: Scheduler,
        orders: Maintenance,
        directory: Directory,
    ) -> None:
        self._rows, self._scheduler = rows, scheduler
        self._orders, self._directory = orders, directory

    def subscribe(self, bus: Bus) -> None:
        """Listen for the visits, and for the end of windows."""
        bus.subscribe(WorkOrderChanged, self.on_work_order)
        self._scheduler.on_timer(CLOSES, self._closes)

    def listed(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Planned work, by id."""
        return self._rows.planned_work.items(conn, **equals)

    def get(self, conn: sa.Connection, ident: str) -> Row:
        """One. Raises Unknown."""
        row = self._rows.planned_work.get(conn, ident)
        if row is None:
            what = [Problem(where="planned_work", what=ident)]
            raise Unknown(f"there is no planned work {ident!r}", what)
        return row

    def propose(
        self,
        uow: UnitOfWork,
        thing: str,
        *,
        title: str,
        from_ms: int,
        to_ms: int,
        contract: str,
        by: str,
        at_ms: int,
        follows: str = "",
    ) -> Row:
        """Offer a window to the customer.

        Raises:
            Unknown: If there is no such thing.
            Invalid: If the window is empty or begins in the past.
        """
        ref = self._directory.thing(uow.conn, thing)
        if ref is None:
            raise Unknown(f"there is no thing {thing!r}", [Problem(where="thing", what=thing)])
        _check_window(from_ms, to_ms, at_ms)
        ident = f"upk-{thing}-{digest(title, from_ms, to_ms, follows)}"
        known = self._rows.planned_work.get(uow.conn, ident)
        if known is not None:
            return known
        row = {
            "id": ident, "thing": thing, "site": ref.site, "customer": ref.customer,
            "title": title, "contract": contract, "state": Planned.PROPOSED.value,
            "work_order": "", "proposed_by": by, "agreed_by": "", "by": by, "side": "",
            "reason": "", "follows": follows, "from_ms": from_ms, "to_ms": to_ms,
            "proposed_ms": at_ms, "changed_ms": at_ms, "used_from_ms": None, "used_to_ms": None,
        }  # fmt: skip
        self._rows.planned_work.insert(uow, row)
        _tell(uow, row, "proposed", at_ms)
        return row

    def agree(self, uow: UnitOfWork, ident: str, *, by: str, at_ms: int) -> Row:
        """The window suits: a visit is asked for. Raises IllegalStep, Invalid if it has passed."""
        row = self.get(uow.conn, ident)
        _check_window(row["from_ms"], row["to_ms"], at_ms)
        number = 1 + sum(
            bool(one["work_order"]) for one in self.listed(uow.conn, thing=row["thing"])
        )
        place = {"thing": row["thing"], "position": d.Kind.UPKEEP.value}
        key = d.need_key(row["thing"], d.Kind.UPKEEP.value, number)
        need = {**place, "need_key": key, "order": "", "part": "", "site": row["site"],
                "cycle": number}  # fmt: skip
        row = self._move(
            uow, row, PlannedStep.AGREE, by=by, at_ms=at_ms, agreed_by=by,
            work_order=d.work_order_id(row["thing"], d.Kind.UPKEEP.value, number),
        )  # fmt: skip
        self._orders.request(
            uow, need, attempt=1, at_ms=at_ms, kind=d.Kind.UPKEEP, by=by, title=row["title"],
            source="plan", start_ms=row["from_ms"], end_ms=row["to_ms"],
        )  # fmt: skip
        set_timer(uow, CLOSES, ident, row["to_ms"])
        return row

    def reschedule(
        self, uow: UnitOfWork, ident: str, *, by: str, side: str, reason: str, from_ms: int,
        to_ms: int, at_ms: int,
    ) -> Row:  # fmt: skip
        """Somebody, of the ``side`` that is named, puts it off: another window is proposed.

        Raises:
            IllegalStep: If it is over.
            Invalid: If the new window is empty or begins in the past.
        """
        row = self.get(uow.conn, ident)
        _check_window(from_ms, to_ms, at_ms)
        visit = self._rows.work_orders.get(uow.conn, row["work_order"])
        row = self._move(
            uow, row, PlannedStep.RESCHEDULE, by=by, at_ms=at_ms, side=side, reason=reason
        )
        if visit is not None:
            cancel_timer(uow, CLOSES, ident)
            self._orders.step(
                uow, visit["id"], d.Step.CANCEL, by=by, at_ms=at_ms, reason=f"put off: {reason}"
            )
        return self.propose(
            uow, row["thing"], title=row["title"], from_ms=from_ms, to_ms=to_ms,
            contract=row["contract"], by=by, at_ms=at_ms, follows=ident,
        )  # fmt: skip

    def on_work_order(self, uow: UnitOfWork, event: WorkOrderChanged) -> None:
        """The visit is over: it was done, and took so much of the window; or it was called off."""
        if event.data.get("kind") != d.Kind.UPKEEP.value:
            return
        for row in self.listed(uow.conn, work_order=event.subject):
            if row["state"] != Planned.AGREED.value:
                continue
            if event.kind == "work_order.completed":
                self._done(uow, row, event.at_ms)
            elif event.kind == "work_order.cancelled":
                cancel_timer(uow, CLOSES, row["id"])
                self._move(uow, row, PlannedStep.MISS, by=event.data["by"], at_ms=event.at_ms,
                           side="provider", reason="called off")  # fmt: skip

    def _done(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        visit = self._orders.must(uow.conn, row["work_order"])
        begun_ms = at_ms if visit["arrived_ms"] is None else visit["arrived_ms"]
        from_ms = max(begun_ms, row["from_ms"])
        to_ms = max(min(at_ms, row["to_ms"]), from_ms)
        cancel_timer(uow, CLOSES, row["id"])
        used: Mapping[str, Any] = {"used_from_ms": from_ms, "used_to_ms": to_ms}
        self._move(uow, row, PlannedStep.FINISH, by=visit["by"], at_ms=at_ms, **used)
        if from_ms < to_ms:
            uow.publish(
                PlannedWindow(
                    thing=row["thing"], from_ms=from_ms, to_ms=to_ms, contract=row["contract"],
                    work_order=visit["id"],
                )
            )  # fmt: skip

    def _closes(self, uow: UnitOfWork, timer: Timer) -> None:
        """The window is over: what has begun may be finished, what has not was missed."""
        row = self.get(uow.conn, timer.subject)
        visit = self._orders.must(uow.conn, row["work_order"])
        if visit["arrived_ms"] is not None:
            return
        self._move(uow, row, PlannedStep.MISS, by=BY_SERVICE, at_ms=timer.due_ms,
                   side="provider", reason="nobody came")  # fmt: skip
        self._orders.step(uow, visit["id"], d.Step.CANCEL, by=BY_SERVICE, at_ms=timer.due_ms,
                          reason="its window has passed")  # fmt: skip

    def _move(
        self, uow: UnitOfWork, row: Row, step: PlannedStep, *, by: str, at_ms: int, **more: object
    ) -> Row:
        state = Planned(row["state"])
        target = after(PLANNED, subject=row["id"], state=state, step=step)
        row = {**row, **more, "state": target.value, "by": by, "changed_ms": at_ms}
        self._rows.planned_work.put(uow, row)
        extra = {name: row[name] for name in ("side", "reason") if row[name]}
        if step is PlannedStep.FINISH:
            extra |= {name: row[name] for name in ("used_from_ms", "used_to_ms")}
        _tell(uow, row, PAST[step], at_ms, **extra)
        return row


def _check_window(from_ms: int, to_ms: int, at_ms: int) -> None:
    problems = []
    if from_ms < at_ms:
        what = f"{from_ms} is in the past"
        problems.append(Problem(where="from_ms", what=what, allowed=f"at least {at_ms}"))
    if to_ms <= from_ms:
        what = f"{to_ms} is not after the beginning"
        problems.append(Problem(where="to_ms", what=what, allowed=f"> {from_ms}"))
    if problems:
        raise Invalid("the window is refused", problems)


def _tell(uow: UnitOfWork, row: Row, what: str, at_ms: int, **more: object) -> None:
    data: dict[str, Any] = {name: row[name] for name in _SHOWN} | more
    kind = f"planned_work.{what}"
    event = PlannedWorkChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=data)
    uow.publish(event)
