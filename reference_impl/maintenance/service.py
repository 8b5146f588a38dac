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
from reference_impl.maintenance.finishing import BY_SERVICE, Finishing, no_alerts
from reference_impl.maintenance.ports import Alerts, LevelsView, MaintenanceRows
from reference_impl.maintenance.verification import VERIFY_AFTER_MS
from reference_impl.published import (
    OrderChanged,
    RecommendationChanged,
    ReplacementAdvised,
    WorkOrderChanged,
)

AGAIN = "maintenance/request-again"
_NEED = ("need_key", "order", "thing", "site", "part", "position", "cycle")
BLANK: Mapping[str, Any] = {
    **dict.fromkeys(
        ("reason", "incident", "priority", "title", "ticket", "source", "technician", "stock",
         "cause", "remedy", "duplicate_of"), "",
    ),
    **dict.fromkeys(
        ("first_time_fix", "crew", "start_ms", "serial", "completed_ms", "event_ms", "end_ms",
         "arrived_ms", "remote_fix"), None,
    ),
    **dict.fromkeys(("alerts", "faults", "skills", "parts", "reserved", "used"), ()),
}  # fmt: skip
"""What is not known of a work order when it is requested."""
SLOTTED = (d.PAST[d.Step.PLAN], d.PAST[d.Step.MOVE])
"""Steps whose event tells who is taken from when to when, if somebody is named (W6)."""
_SHOWN = ("thing", "site", "part", "position", "order", "need_key", "state", "by")


class Maintenance:
    """Use cases of work orders.

    ``verify_after_ms`` is the verification window, see Finishing.
    """

    def __init__(
        self,
        *,
        rows: MaintenanceRows,
        scheduler: Scheduler,
        directory: Directory,
        levels: LevelsView,
        alerts: Alerts = no_alerts,
        verify_after_ms: int = VERIFY_AFTER_MS,
    ) -> None:
        self._rows, self._scheduler, self._directory = rows, scheduler, directory
        self._finishing = Finishing(
            rows=rows, scheduler=scheduler, directory=directory, levels=levels, alerts=alerts,
            orders=self, verify_after_ms=verify_after_ms,
        )  # fmt: skip
        self.verification = self._finishing.verification

    def subscribe(self, bus: Bus) -> None:
        """Listen for delivered orders and for the end of verification windows."""
        bus.subscribe(OrderChanged, self.on_order)
        bus.subscribe(RecommendationChanged, self.on_served)
        bus.subscribe(ReplacementAdvised, self.on_advice)
        self._finishing.subscribe()
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
        need_key = d.need_key(advice.thing, advice.position, cycle)
        earlier = self._rows.work_orders.items(uow.conn, need_key=need_key)
        if any(row["kind"] != d.Kind.CORRECTIVE.value for row in earlier):
            return
        if self.coming(uow.conn, advice.thing, advice.position) is not None:
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
        self.request(uow, need, attempt=1 + len(earlier), at_ms=advice.at_ms, kind=d.Kind.BREAKDOWN)

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
                values |= {} if row["part"] else {"part": line["part"]}
                self._rows.work_orders.swap(uow, row["id"], expected=state, values=values)
                return
        if any(row["state"] == d.WorkOrder.CLOSED.value and row["serial"] for row in earlier):
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
        self.request(uow, need, attempt=1 + len(earlier), at_ms=at_ms)

    def next_visit_ms(self, conn: sa.Connection, thing: str, *, after_ms: int) -> int | None:
        """When somebody is next planned to come to a thing (port ``Visits`` of orders)."""
        planned = self._rows.work_orders.items(conn, thing=thing, state=d.WorkOrder.PLANNED.value)
        starts = [row["start_ms"] for row in planned if (row["start_ms"] or -1) > after_ms]
        return min(starts, default=None)

    def coming(self, conn: sa.Connection, thing: str, position: str) -> Row | None:
        """The open order whose crew looks at a position anyway; None: nobody comes (W1)."""
        for row in self._rows.work_orders.items(conn, thing=thing):
            placed = position in (row["position"], d.WHOLE) or row["position"] == d.WHOLE
            fault = d.Kind(row["kind"]) in d.FAULTS and placed
            fitting = row["kind"] == d.Kind.PLANNED.value and position == row["position"]
            if (fault or fitting) and d.WorkOrder(row["state"]) not in d.ENDED:
                return row
        return None

    def request(
        self,
        uow: UnitOfWork,
        need: Mapping[str, Any],
        *,
        attempt: int,
        at_ms: int,
        kind: d.Kind = d.Kind.PLANNED,
        by: str = BY_SERVICE,
        **more: object,
    ) -> Row:
        """Ask for a visit; ``more`` are columns that are known already."""
        ident = d.work_order_id(need["thing"], need["position"], need["cycle"], attempt)
        row = {
            **BLANK,
            **need,
            "id": ident,
            "state": d.WorkOrder.REQUESTED.value,
            "attempt": attempt,
            "kind": kind.value,
            "by": by,
            "readings": {},
            "requested_ms": at_ms,
            "changed_ms": at_ms,
            **more,
        }
        row["incident"] = row["incident"] or self._incident(uow, row)
        self._rows.work_orders.insert(uow, row)
        tell(uow, row, "requested", at_ms)
        return row

    def _incident(self, uow: UnitOfWork, row: Row) -> str:
        """The incident that a visit belongs to; empty if it is about no fault.

        The same fault soon after it was mended, or called off, is the same incident: the visit
        before it was no fix.
        """
        place = {"thing": row["thing"], "position": row["position"]}
        earlier = self._rows.work_orders.items(uow.conn, **place)
        if d.Kind(row["kind"]) not in d.FAULTS:
            told = [o["incident"] for o in earlier if o["need_key"] == row["need_key"]]
            return next((incident for incident in reversed(told) if incident), "")
        recent_ms = row["requested_ms"] - d.REPEAT_WITHIN_MS
        same = [
            one
            for one in earlier
            if one["incident"] and one["changed_ms"] > recent_ms and not one["duplicate_of"]
            and d.same_fault(one["faults"], row["faults"])
        ]  # fmt: skip
        if not same:
            return str(row["id"])
        last = max(same, key=lambda one: (one["changed_ms"], one["id"]))
        if last["first_time_fix"]:
            self._rows.work_orders.put(uow, {**last, "first_time_fix": False})
        return str(last["incident"])

    def _request_again(self, uow: UnitOfWork, timer: Timer) -> None:
        """The part still lies there and waits for a visit, unless one was fitted meanwhile."""
        row = self._rows.work_orders.get(uow.conn, timer.subject)
        assert row is not None, "the timer was set with the row"
        if self._finishing.cycle(uow, row) == row["cycle"]:
            need = {name: row[name] for name in _NEED}
            self.request(uow, need, attempt=row["attempt"] + 1, at_ms=timer.due_ms)

    def must(self, conn: sa.Connection, wo_id: str) -> Row:
        """One work order. Raises Unknown."""
        row = self._rows.work_orders.get(conn, wo_id)
        if row is None:
            raise Unknown(f"there is no work order {wo_id!r}")
        return row

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
        row = self.must(uow.conn, wo_id)
        state = d.WorkOrder(row["state"])
        target = after(d.WORK_ORDERS, subject=wo_id, state=state, step=step)
        values: Row = {"state": target.value, "by": by, "changed_ms": at_ms, **more}
        if step is d.Step.ARRIVE:
            values["arrived_ms"] = at_ms
        if step is d.Step.REOPEN or (step is d.Step.CANCEL and state in d.WASTED):
            values["first_time_fix"] = False
        if not self._rows.work_orders.swap(uow, wo_id, expected=state, values=values):
            raise IllegalStep(wo_id, state, step, [])
        row.update(values)
        tell(uow, row, d.PAST[step], at_ms)
        if step is d.Step.CANCEL and self._another(uow, row):
            set_timer(uow, AGAIN, wo_id, at_ms + d.AGAIN_AFTER_MS)
        return row

    def complete(
        self,
        uow: UnitOfWork,
        wo_id: str,
        *,
        by: str,
        at_ms: int,
        serial: str | None = None,
        readings: Mapping[str, Any],
        **more: object,
    ) -> Row:
        """The technician is done: see Finishing."""
        return self._finishing.complete(
            uow, self.must(uow.conn, wo_id), by=by, serial=serial, readings=readings, at_ms=at_ms,
            more=more,
        )  # fmt: skip

    def _another(self, uow: UnitOfWork, row: Row) -> bool:
        """Whether a visit that was called off is asked for again.

        Without the part there is nothing to come for: then its delivery asks.
        """
        if row["kind"] == d.Kind.BREAKDOWN.value:
            return bool(row["order"])
        if row["kind"] != d.Kind.PLANNED.value:
            return False
        told = self._rows.work_orders.items(uow.conn, need_key=row["need_key"])
        visits: int = sum(one["kind"] == d.Kind.PLANNED.value for one in told)
        return visits < d.VISITS_PER_NEED_MAX


def tell(uow: UnitOfWork, row: Row, what: str, at_ms: int) -> None:
    """Publish what became of a work order."""
    data = {name: row[name] for name in _SHOWN}
    if row["kind"] != d.Kind.PLANNED.value:
        data["kind"] = row["kind"]
    if row["reason"]:
        data["reason"] = row["reason"]
    if row["technician"] and what in SLOTTED:
        data |= {
            "technician": row["technician"], "skills": list(row["skills"]),
            "from_ms": row["start_ms"], "to_ms": row["end_ms"],
        }  # fmt: skip
    kind = f"work_order.{what}"
    uow.publish(WorkOrderChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=data))
