"""What happens to work orders and tickets, as clocks understand it (table 3.4 of the domain).

Triage stops the first limit, the check-in on site the second, and the start of the verification
window the third. A small crew's short way says less: planning a visit tells that somebody has
looked at it, a completion that somebody has been there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance import domain as d
from reference_impl.maintenance.incidents import CALLED_OFF, DONE, Incidents
from reference_impl.maintenance.ports import Alerts, MaintenanceRows
from reference_impl.maintenance.service_levels import (
    OF_TICKETS,
    Begins,
    Limit,
    Priority,
    ServiceLevels,
    priority_of,
)
from reference_impl.maintenance.ticket_states import OPEN_TICKETS
from reference_impl.published import TicketChanged, WorkOrderChanged

_WorkHandler = Callable[[UnitOfWork, Row, int], None]


class Promises:
    """Listens to work orders and tickets, and moves the clocks of their incidents."""

    def __init__(
        self,
        *,
        rows: MaintenanceRows,
        levels: ServiceLevels,
        incidents: Incidents,
        directory: Directory,
        alerts: Alerts,
    ) -> None:
        self._rows, self._levels, self._incidents = rows, levels, incidents
        self._directory, self._alerts = directory, alerts
        self._of_work: Mapping[str, _WorkHandler] = {
            "work_order.requested": self._requested,
            "work_order.attached": self._requested,
            "work_order.triaged": self._acknowledged,
            "work_order.planned": self._acknowledged,
            "work_order.arrived": self._arrived,
            "work_order.held": self._held,
            "work_order.resumed": self._resumed,
            "work_order.completed": self._completed,
            "work_order.reopened": self._reopened,
            "work_order.cancelled": self._cancelled,
        }

    def subscribe(self, bus: Bus) -> None:
        """Listen."""
        bus.subscribe(WorkOrderChanged, self.on_work_order)
        bus.subscribe(TicketChanged, self.on_ticket)
        self._incidents.subscribe()

    def on_work_order(self, uow: UnitOfWork, event: WorkOrderChanged) -> None:
        """A work order took a step."""
        act = self._of_work.get(event.kind)
        if act is None:
            return
        row = self._rows.work_orders.get(uow.conn, event.subject)
        assert row is not None, "it has just taken a step"
        if not row["incident"]:
            return
        if event.kind in ("work_order.requested", "work_order.attached"):
            self._requested(uow, row, event.at_ms)
        elif self._incidents.get(uow.conn, row["incident"]) is not None:
            act(uow, row, event.at_ms)

    def on_ticket(self, uow: UnitOfWork, event: TicketChanged) -> None:
        """A ticket was opened or took a step. Where a visit is open, that one decides."""
        row = self._rows.tickets.get(uow.conn, event.subject)
        if row is None:
            return
        at_ms, incident = event.at_ms, row["incident"] or row["id"]
        if event.kind == "ticket.opened":
            self._reported(uow, row, at_ms)
            return
        if self._incidents.get(uow.conn, incident) is None:
            return
        if event.kind == "ticket.started":
            self._stop(uow, incident, at_ms, Limit.ACKNOWLEDGE)
        if self.open_orders(uow.conn, row["thing"], incident):
            return
        if event.kind == "ticket.held":
            held = row["reason"].strip()
            self._incidents.pause(uow, incident, source=row["id"], reason=held, at_ms=at_ms)
        elif event.kind == "ticket.resumed":
            self._incidents.resume(uow, incident, source=row["id"], at_ms=at_ms)
        elif event.kind in ("ticket.restored", "ticket.closed"):
            self._stop(uow, incident, at_ms, *Limit)
        elif event.kind == "ticket.rejected":
            self._incidents.stop(uow, incident, list(Limit), at_ms=at_ms, outcome=CALLED_OFF)

    def open_orders(self, conn: sa.Connection, thing: str, incident: str) -> list[Row]:
        """Visits of an incident that have not ended."""
        rows = self._rows.work_orders.items(conn, thing=thing, incident=incident)
        return [row for row in rows if d.WorkOrder(row["state"]) not in d.ENDED]

    def set_priority(self, uow: UnitOfWork, row: Row, priority: Priority, *, at_ms: int) -> None:
        """A person says how much hurry there is: limits are computed anew from t0 (W7)."""
        row["priority"] = priority.value
        self._rows.work_orders.put(uow, row)
        if self._incidents.get(uow.conn, row["incident"]) is not None:
            self._incidents.change(uow, row["incident"], priority=priority.value, at_ms=at_ms)

    def _requested(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        incident = row["incident"]
        known = self._incidents.get(uow.conn, incident)
        if known is not None:
            self._incidents.reopen(
                uow, incident, at_ms=at_ms, worked_meanwhile=known["outcome"] == DONE,
                reason="came again",
            )  # fmt: skip
            self._keep_priority(uow, row, known["priority"])
            return
        severities = [self._severity(uow.conn, alert) for alert in row["alerts"]] or ["failure"]
        begun_ms = at_ms if row["event_ms"] is None else row["event_ms"]
        self._begin(
            uow, {**row, "id": incident}, severities, begun_ms=begun_ms, at_ms=at_ms, order=row
        )

    def _reported(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        """A ticket: of an incident that runs, if its alert has one, else its own."""
        if row["alert"]:
            for order in self._rows.work_orders.items(uow.conn, thing=row["thing"]):
                ended = d.WorkOrder(order["state"]) in d.ENDED
                if not ended and order["incident"] and row["alert"] in order["alerts"]:
                    self._rows.tickets.put(uow, {**row, "incident": order["incident"]})
                    return
        alert = self._alerts(uow.conn, row["alert"]) if row["alert"] else None
        severity = OF_TICKETS[row["priority"]] if alert is None else alert["severity"]
        begun_ms = at_ms if alert is None else alert["started_ms"]
        self._begin(uow, row, [severity], begun_ms=begun_ms, at_ms=at_ms, order=None)

    def _begin(
        self,
        uow: UnitOfWork,
        subject: Mapping[str, Any],
        severities: list[str],
        *,
        begun_ms: int,
        at_ms: int,
        order: Row | None,
    ) -> None:
        thing = self._directory.thing(uow.conn, subject["thing"])
        if thing is None:
            return
        level = self._levels.of_thing(uow.conn, thing.thing, thing.customer)
        if level is None:
            return
        priority = min(priority_of(level, severity) for severity in severities).value
        if order is not None:
            priority = order["priority"] or priority
            self._keep_priority(uow, order, priority)
        row = {
            "id": subject["id"], "thing": thing.thing, "site": thing.site,
            "customer": thing.customer, "priority": priority,
        }  # fmt: skip
        t0_ms = begun_ms if level["begins"] == Begins.EVENT else at_ms
        self._incidents.begin(uow, row, level, t0_ms=t0_ms, at_ms=at_ms)

    def _keep_priority(self, uow: UnitOfWork, row: Row, priority: str) -> None:
        if row["priority"] != priority:
            self._rows.work_orders.put(uow, {**row, "priority": priority})

    def _severity(self, conn: sa.Connection, alert: str) -> str:
        row = self._alerts(conn, alert)
        return "failure" if row is None else str(row["severity"])

    def _stop(self, uow: UnitOfWork, incident: str, at_ms: int, *limits: Limit) -> None:
        self._incidents.stop(uow, incident, limits, at_ms=at_ms, outcome=DONE)

    def _acknowledged(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        self._stop(uow, row["incident"], at_ms, Limit.ACKNOWLEDGE)
        if row["priority"]:
            priority = row["priority"]
            self._incidents.change(uow, row["incident"], priority=priority, at_ms=at_ms)

    def _arrived(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        self._incidents.visited(uow, row["incident"], at_ms=at_ms)
        self._stop(uow, row["incident"], at_ms, Limit.ACKNOWLEDGE, Limit.RESPOND)

    def _completed(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        self._stop(uow, row["incident"], at_ms, *Limit)

    def _held(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        self._incidents.pause(
            uow, row["incident"], source=row["id"], reason=row["reason"], at_ms=at_ms
        )

    def _resumed(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        self._incidents.resume(uow, row["incident"], source=row["id"], at_ms=at_ms)

    def _reopened(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        self._incidents.reopen(
            uow, row["incident"], at_ms=at_ms, worked_meanwhile=False, reason="not verified"
        )

    def _cancelled(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        """A duplicate's survivor answers for both, from the earlier beginning.

        Who calls off the visit for a breakdown has not mended the machine: its time goes on.
        """
        incident = row["incident"]
        self._incidents.resume(uow, incident, source=row["id"], at_ms=at_ms)
        survivor = self._rows.work_orders.get(uow.conn, row["duplicate_of"])
        heir = None if survivor is None else self._incidents.get(uow.conn, survivor["incident"])
        if heir is not None and heir["id"] != incident:
            gone = self._incidents.must(uow.conn, incident)
            self._incidents.change(uow, heir["id"], t0_ms=gone["t0_ms"], at_ms=at_ms)
        faults_stay = row["kind"] == d.Kind.BREAKDOWN.value and not row["duplicate_of"]
        asked = [
            ticket
            for ticket in self._rows.tickets.items(uow.conn, thing=row["thing"])
            if (ticket["incident"] or ticket["id"]) == incident and ticket["state"] in OPEN_TICKETS
        ]
        if faults_stay or asked or self.open_orders(uow.conn, row["thing"], incident):
            return
        self._incidents.stop(uow, incident, list(Limit), at_ms=at_ms, outcome=CALLED_OFF)
