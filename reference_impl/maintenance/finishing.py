"""The end of a visit: what was fitted, and whether telemetry says that it was good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import sqlalchemy as sa

from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance import domain as d
from reference_impl.maintenance.ports import Alerts, LevelsView, MaintenanceRows
from reference_impl.maintenance.verification import Verification
from reference_impl.published import PartFitted

VERIFY = "maintenance/verify"
BY_TELEMETRY = "telemetry"
BY_SERVICE = "service"


def no_alerts(conn: sa.Connection, alert: str) -> Row | None:
    """Alerts of who has none."""
    del conn, alert
    return None


class Steps(Protocol):
    """Who moves work orders."""

    def step(
        self, uow: UnitOfWork, wo_id: str, step: d.Step, *, by: str, at_ms: int, **more: object
    ) -> Row:
        """Move a work order one step; ``more`` are columns that the step fills."""
        ...


class Finishing:
    """Completion, verification, and the register of what was fitted.

    ``verify_after_ms`` is the verification window where nobody says another for the model (see
    Verification): so long after a completion the telemetry since then says whether the work was
    good. Where there is none yet, it waits for another window.
    """

    def __init__(
        self,
        *,
        rows: MaintenanceRows,
        scheduler: Scheduler,
        directory: Directory,
        levels: LevelsView,
        alerts: Alerts,
        orders: Steps,
        verify_after_ms: int,
    ) -> None:
        self._rows, self._scheduler, self._directory = rows, scheduler, directory
        self._levels, self._alerts, self._orders = levels, alerts, orders
        self._verify_after_ms = verify_after_ms
        self.verification = Verification(rows=rows, directory=directory)

    def subscribe(self) -> None:
        """Listen for the end of verification windows."""
        self._scheduler.on_timer(VERIFY, self._verify)

    def complete(
        self,
        uow: UnitOfWork,
        row: Row,
        *,
        by: str,
        serial: str | None,
        readings: Mapping[str, Any],
        at_ms: int,
        more: Mapping[str, Any],
    ) -> Row:
        """The technician is done: register the part, start its cycle and the verification.

        A second visit that brings no other serial fits nothing new: no event, no new cycle.

        Args:
            uow: The unit of work.
            row: The work order.
            by: Who says so.
            serial: Number of the part that was fitted; None: none was, where none was to be.
            readings: What was measured.
            at_ms: When.
            more: Columns beside: ``cause``, ``remedy``, ``used``, ``note`` of the register.

        Raises:
            IllegalStep: If its state forbids the step.
            Invalid: If a serial is missing, or nobody knows of which part it is.
        """
        columns = dict(more)
        note = str(columns.pop("note", ""))
        remote = row["state"] == d.WorkOrder.REMOTE_WORK.value
        _check_serial(row, serial, remote=remote)
        row = self._orders.step(
            uow,
            row["id"],
            d.Step.COMPLETE,
            by=by,
            at_ms=at_ms,
            serial=serial,
            readings=dict(readings),
            completed_ms=at_ms,
            first_time_fix=self._first(uow, row),
            **({"remote_fix": False} if remote else {}),
            **columns,
        )
        if serial is not None:
            self._fit(uow, row, at_ms, note=note)
        self._look_later(uow, row, at_ms)
        return row

    def _look_later(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        """Telemetry is asked when the window of the position has passed."""
        window_ms = self.verification.window_ms(uow.conn, row["thing"], row["position"])
        after_ms = self._verify_after_ms if window_ms is None else window_ms
        set_timer(uow, VERIFY, row["id"], at_ms + after_ms)

    def _first(self, uow: UnitOfWork, row: Row) -> bool:
        """Whether no visit for the same need, or of the same incident, was in vain before."""
        told = self._rows.work_orders.items(uow.conn, need_key=row["need_key"])
        if row["kind"] == d.Kind.CORRECTIVE.value:
            same = {"thing": row["thing"], "incident": row["incident"]}
            told = self._rows.work_orders.items(uow.conn, **same)
        return all(one["first_time_fix"] is None for one in told)

    def cycle(self, uow: UnitOfWork, row: Row) -> int:
        """The cycle of a work order's position: its own, or a later one once a part was fitted."""
        place = {"thing": row["thing"], "position": row["position"]}
        fitted = self._rows.register.items(uow.conn, **place)
        return max(int(entry["cycle"]) for entry in (row, *fitted))

    def _fit(self, uow: UnitOfWork, row: Row, at_ms: int, *, note: str) -> None:
        thing, position, serial = row["thing"], row["position"], row["serial"]
        if self._rows.register.get(uow.conn, thing, position, serial) is not None:
            return
        cycle = 1 + self.cycle(uow, row)
        entry = {
            "thing": thing,
            "position": position,
            "serial": serial,
            "part": row["part"],
            "cycle": cycle,
            "work_order": row["id"],
            "fitted_ms": at_ms,
            "by": row["by"],
            "note": note,
        }
        self._rows.register.insert(uow, entry)
        data = {name: entry[name] for name in ("position", "part", "serial", "cycle", "work_order")}
        uow.publish(PartFitted(at_ms=at_ms, kind="part.fitted", subject=thing, data=data))

    def _verify(self, uow: UnitOfWork, timer: Timer) -> None:
        row = self._rows.work_orders.get(uow.conn, timer.subject)
        assert row is not None, "the timer was set with the row"
        at_ms, wo_id = timer.due_ms, row["id"]
        good, reason = self._verdict(uow, row, at_ms)
        if good is None:
            self._look_later(uow, row, at_ms)
        elif good:
            fixed = {"remote_fix": True} if _was_remote(row) else {}
            self._orders.step(
                uow, wo_id, d.Step.VERIFY, by=BY_TELEMETRY, at_ms=at_ms, reason="", **fixed
            )
            self._orders.step(uow, wo_id, d.Step.CLOSE, by=BY_SERVICE, at_ms=at_ms)
        else:
            self._orders.step(
                uow, wo_id, d.Step.REOPEN, by=BY_TELEMETRY, at_ms=at_ms, reason=reason
            )

    def _verdict(self, uow: UnitOfWork, row: Row, at_ms: int) -> tuple[bool | None, str]:
        """Whether telemetry says that the work was good, and why not; None: it says nothing yet.

        Alerts that the order is about must have cleared. The signal since the completion is
        compared with the limit of the position's condition: a new part is well below it. A position
        without a condition has nothing that could contradict who was there; but who was not there
        needs something that says so (FS12).
        """
        told = [self._alerts(uow.conn, alert) for alert in row["alerts"]]
        standing = [alert["id"] for alert in told if alert and alert["cleared_ms"] is None]
        if standing:
            return False, f"still raised: {', '.join(standing)}"
        thing = self._directory.thing(uow.conn, row["thing"])
        found = None
        if thing is not None:
            found = self._levels.level(
                model=thing.model,
                thing=thing.thing,
                position=row["position"],
                after_ms=row["completed_ms"],
                to_ms=at_ms,
            )
        if found is None:
            seen = bool(told) or not _was_remote(row)
            return seen, "" if seen else "nothing measures that it works again: somebody must come"
        share = d.HEALTHY_SHARE if row["serial"] else 1.0
        good = d.healthy(*found, share=share)
        level, limit = found
        return good, f"level {level:.3g} since completion, healthy below {share * limit:.3g}"


def _was_remote(row: Row) -> bool:
    """Whether the completion that is looked at came from afar: nobody has been there."""
    return row["remote_fix"] is not None and row["arrived_ms"] is None


def _check_serial(row: Row, serial: str | None, *, remote: bool) -> None:
    where, wanted = "serial", ""
    fits = d.Kind(row["kind"]) in (d.Kind.PLANNED, d.Kind.BREAKDOWN)
    if serial is None and fits and not remote:
        wanted = "the number of the part that was fitted"
    elif serial is not None and remote:
        wanted = "nothing: no part is fitted from afar"
    elif serial is not None and not row["part"]:
        wanted = "nothing, or name the part of the position at triage"
    if wanted:
        what = "is missing" if serial is None else f"{serial!r} of no part"
        raise Invalid(
            f"the completion of {row['id']} is refused",
            [Problem(where=where, what=what, allowed=wanted)],
        )
