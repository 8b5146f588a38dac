"""From a delivered part to a machine that is known to be well again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import IllegalStep, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance import domain as d
from reference_impl.maintenance.ports import LevelsView, MaintenanceRows
from reference_impl.published import (
    OrderChanged,
    PartFitted,
    RecommendationChanged,
    ReplacementAdvised,
    WorkOrderChanged,
)

VERIFY = "maintenance/verify"
AGAIN = "maintenance/request-again"
VERIFY_AFTER_MS = 2 * 3_600_000
BY_TELEMETRY = "telemetry"
BY_SERVICE = "service"
_NEED = ("need_key", "order", "thing", "site", "part", "position", "cycle")
_SHOWN = ("thing", "site", "part", "position", "order", "need_key", "state", "by")


class Maintenance:
    """Use cases of work orders.

    ``verify_after_ms`` is the verification window: so long after a completion the telemetry since
    then says whether the work was good. Where there is none yet, it waits for another window.
    """

    def __init__(
        self,
        *,
        rows: MaintenanceRows,
        scheduler: Scheduler,
        directory: Directory,
        levels: LevelsView,
        verify_after_ms: int = VERIFY_AFTER_MS,
    ) -> None:
        self._rows, self._scheduler, self._directory = rows, scheduler, directory
        self._levels, self._verify_after_ms = levels, verify_after_ms

    def subscribe(self, bus: Bus) -> None:
        """Listen for delivered orders and for the end of verification windows."""
        bus.subscribe(OrderChanged, self.on_order)
        bus.subscribe(RecommendationChanged, self.on_served)
        bus.subscribe(ReplacementAdvised, self.on_advice)
        self._scheduler.on_timer(VERIFY, self._verify)
        self._scheduler.on_timer(AGAIN, self._request_again)

    def listed(self, conn: sa.Connection, what: str, **equals: object) -> list[Row]:
        """Rows of ``work_orders`` or ``register``."""
        rows: list[Row] = getattr(self._rows, what).items(conn, **equals)
        return rows

    def on_order(self, uow: UnitOfWork, event: OrderChanged) -> None:
        """A part was delivered: request its fitting, once per need (W1).

        A work order that is cancelled before a part was fitted is requested anew after a cool-down,
        once: the need would otherwise stay DELIVERED for ever.
        """
        if event.kind != "order.delivered":
            return
        for line in event.data.get("lines", [event.data]):
            self._first_visit(uow, line, order=event.subject, at_ms=event.at_ms)

    def on_advice(self, uow: UnitOfWork, advice: ReplacementAdvised) -> None:
        """A rule says that the machine stands: send a crew at once, once per need (W1).

        Not for readings from before the last fitting, nor while somebody comes anyway.
        """
        if not advice.at_once:
            return
        place = {"thing": advice.thing, "position": advice.position}
        fitted = self._rows.register.items(uow.conn, **place)
        if any(entry["fitted_ms"] >= advice.seen_from_ms for entry in fitted):
            return
        cycle = max((int(entry["cycle"]) for entry in fitted), default=1)
        need_key = f"{advice.thing}/{advice.position}/{cycle}"
        if self._rows.work_orders.items(uow.conn, need_key=need_key):
            return
        thing = self._directory.thing(uow.conn, advice.thing)
        need = {
            **place,
            "need_key": need_key,
            "order": "",
            "site": "" if thing is None else thing.site,
            "part": advice.part,
            "cycle": cycle,
        }
        self._request(uow, need, attempt=1, at_ms=advice.at_ms, kind=d.Kind.BREAKDOWN)

    def on_served(self, uow: UnitOfWork, event: RecommendationChanged) -> None:
        """A part lay on the customer's own shelf: request its fitting."""
        if event.kind == "recommendation.served":
            self._first_visit(uow, event.data, order="", at_ms=event.at_ms)

    def _first_visit(
        self, uow: UnitOfWork, line: Mapping[str, Any], *, order: str, at_ms: int
    ) -> None:
        need_key = str(line["need_key"])
        earlier = self._rows.work_orders.items(uow.conn, need_key=need_key)
        if any(row["kind"] == d.Kind.PLANNED.value for row in earlier):
            return
        for row in earlier:
            state = d.WorkOrder(row["state"])
            if state not in d.ENDED:  # the crew that is coming for the breakdown fits it
                values = {"order": order, "changed_ms": at_ms}
                self._rows.work_orders.swap(uow, row["id"], expected=state, values=values)
                return
        if any(row["state"] == d.WorkOrder.CLOSED.value for row in earlier):
            return  # mended from stock before the parcel came
        name, position, cycle = d.split_need_key(need_key)
        thing = self._directory.thing(uow.conn, name)
        need = {
            "need_key": need_key,
            "order": order,
            "thing": name,
            "site": str(line.get("site", "")) if thing is None else thing.site,
            "part": line["part"],
            "position": position,
            "cycle": cycle,
        }
        self._request(uow, need, attempt=1 + len(earlier), at_ms=at_ms)

    def next_visit_ms(self, conn: sa.Connection, thing: str, *, after_ms: int) -> int | None:
        """When somebody is next planned to come to a thing (port ``Visits`` of orders)."""
        planned = self._rows.work_orders.items(conn, thing=thing, state=d.WorkOrder.PLANNED.value)
        starts = [row["start_ms"] for row in planned if (row["start_ms"] or -1) > after_ms]
        return min(starts, default=None)

    def _request(
        self,
        uow: UnitOfWork,
        need: Mapping[str, Any],
        *,
        attempt: int,
        at_ms: int,
        kind: d.Kind = d.Kind.PLANNED,
    ) -> None:
        row = {
            **need,
            "id": d.work_order_id(need["thing"], need["position"], need["cycle"], attempt),
            "state": d.WorkOrder.REQUESTED.value,
            "attempt": attempt,
            "kind": kind.value,
            "first_time_fix": None,
            "by": BY_SERVICE,
            "reason": "",
            "crew": None,
            "start_ms": None,
            "serial": None,
            "readings": {},
            "requested_ms": at_ms,
            "completed_ms": None,
            "changed_ms": at_ms,
        }
        self._rows.work_orders.insert(uow, row)
        _tell(uow, row, "requested", at_ms)

    def _request_again(self, uow: UnitOfWork, timer: Timer) -> None:
        """The part still lies there and waits for a visit, unless one was fitted meanwhile."""
        row = self._rows.work_orders.get(uow.conn, timer.subject)
        assert row is not None, "the timer was set with the row"
        if self._cycle(uow, row) == row["cycle"]:
            need = {name: row[name] for name in _NEED}
            self._request(uow, need, attempt=row["attempt"] + 1, at_ms=timer.due_ms)

    def _cycle(self, uow: UnitOfWork, row: Row) -> int:
        """The cycle of a work order's position: its own, or a later one once a part was fitted."""
        place = {"thing": row["thing"], "position": row["position"]}
        fitted = self._rows.register.items(uow.conn, **place)
        return max(int(entry["cycle"]) for entry in (row, *fitted))

    def step(
        self,
        uow: UnitOfWork,
        wo_id: str,
        step: d.Step,
        *,
        by: str,
        at_ms: int,
        **more: object,
    ) -> Row:
        """Move a work order one step; ``more`` are columns that the step fills.

        Raises:
            Unknown: If there is no such work order.
            IllegalStep: If its state, as read or as a rival left it, forbids the step.
        """
        row = self._rows.work_orders.get(uow.conn, wo_id)
        if row is None:
            raise Unknown(f"there is no work order {wo_id!r}")
        state = d.WorkOrder(row["state"])
        target = after(d.WORK_ORDERS, subject=wo_id, state=state, step=step)
        values: Row = {"state": target.value, "by": by, "changed_ms": at_ms, **more}
        if step is d.Step.REOPEN or (step is d.Step.CANCEL and state is d.WorkOrder.ON_SITE):
            values["first_time_fix"] = False
        if not self._rows.work_orders.swap(uow, wo_id, expected=state, values=values):
            raise IllegalStep(wo_id, state, step, [])
        row.update(values)
        _tell(uow, row, d.PAST[step], at_ms)
        if step is d.Step.CANCEL and self._another(uow, row):
            set_timer(uow, AGAIN, wo_id, at_ms + d.AGAIN_AFTER_MS)
        return row

    def complete(
        self,
        uow: UnitOfWork,
        wo_id: str,
        *,
        by: str,
        serial: str,
        readings: Mapping[str, Any],
        at_ms: int,
    ) -> Row:
        """The technician is done: register the part, start its cycle and the verification.

        A second visit that brings no other serial fits nothing new: no event, no new cycle.

        Raises:
            Unknown: If there is no such work order.
            IllegalStep: If its state forbids the step.
        """
        row = self.step(
            uow,
            wo_id,
            d.Step.COMPLETE,
            by=by,
            at_ms=at_ms,
            serial=serial,
            readings=dict(readings),
            completed_ms=at_ms,
            first_time_fix=self._first(uow, wo_id),
        )
        self._fit(uow, row, at_ms)
        set_timer(uow, VERIFY, wo_id, at_ms + self._verify_after_ms)
        return row

    def _another(self, uow: UnitOfWork, row: Row) -> bool:
        """Whether a visit that was called off is asked for again.

        Without the part there is nothing to come for: then its delivery asks.
        """
        if row["kind"] == d.Kind.BREAKDOWN.value:
            return bool(row["order"])
        told = self._rows.work_orders.items(uow.conn, need_key=row["need_key"])
        breakdowns = sum(one["kind"] == d.Kind.BREAKDOWN.value for one in told)
        planned: int = row["attempt"] - breakdowns
        return planned < d.VISITS_PER_NEED_MAX

    def _first(self, uow: UnitOfWork, wo_id: str) -> bool:
        """Whether no visit for the same need was in vain before."""
        row = self._rows.work_orders.get(uow.conn, wo_id)
        if row is None:
            return True  # the step itself tells that there is none
        told = self._rows.work_orders.items(uow.conn, need_key=row["need_key"])
        return all(one["first_time_fix"] is None for one in told)

    def _fit(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        thing, position, serial = row["thing"], row["position"], row["serial"]
        if self._rows.register.get(uow.conn, thing, position, serial) is not None:
            return
        cycle = 1 + self._cycle(uow, row)
        entry = {
            "thing": thing,
            "position": position,
            "serial": serial,
            "part": row["part"],
            "cycle": cycle,
            "work_order": row["id"],
            "fitted_ms": at_ms,
        }
        self._rows.register.insert(uow, entry)
        data = {name: entry[name] for name in ("position", "part", "serial", "cycle", "work_order")}
        uow.publish(PartFitted(at_ms=at_ms, kind="part.fitted", subject=thing, data=data))

    def _verify(self, uow: UnitOfWork, timer: Timer) -> None:
        """Compare the signal since the completion with the limit of the position's condition.

        A position without a condition has nothing that could contradict the technician.
        """
        row = self._rows.work_orders.get(uow.conn, timer.subject)
        assert row is not None, "the timer was set with the row"
        at_ms, wo_id = timer.due_ms, row["id"]
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
        verdict = True if found is None else d.healthy(*found)
        if verdict is None:
            set_timer(uow, VERIFY, wo_id, at_ms + self._verify_after_ms)
        elif verdict:
            self.step(uow, wo_id, d.Step.VERIFY, by=BY_TELEMETRY, at_ms=at_ms, reason="")
            self.step(uow, wo_id, d.Step.CLOSE, by=BY_SERVICE, at_ms=at_ms)
        else:
            assert found is not None, "a bad verdict has a level"
            reason = f"level {found[0]:.3g} since completion, healthy below "
            reason += f"{d.HEALTHY_SHARE * found[1]:.3g}"
            self.step(uow, wo_id, d.Step.REOPEN, by=BY_TELEMETRY, at_ms=at_ms, reason=reason)


def _tell(uow: UnitOfWork, row: Row, what: str, at_ms: int) -> None:
    data = {name: row[name] for name in _SHOWN}
    if row["kind"] != d.Kind.PLANNED.value:
        data["kind"] = row["kind"]
    if row["reason"]:
        data["reason"] = row["reason"]
    kind = f"work_order.{what}"
    uow.publish(WorkOrderChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=data))
