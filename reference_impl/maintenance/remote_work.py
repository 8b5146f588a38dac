"""A visit waits for a remedy that is tried from afar (FS12), and is made when that fails.

While remote control tries its remedy for an alert, the work order that was opened for the alert is
in REMOTE_WORK: nobody is sent. What comes of it decides: resolved, the order is completed without a
visit, and telemetry verifies it as it does any other; failed, it is as urgent as it was and waits
for a slot.
"""

from __future__ import annotations

from typing import Any

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance import domain as d
from reference_impl.maintenance.ports import MaintenanceRows
from reference_impl.maintenance.service import Maintenance
from reference_impl.published import RemoteWorkChanged

BY_REMOTE = "remote"
WAITS = frozenset({d.WorkOrder.REQUESTED, d.WorkOrder.TRIAGED, d.WorkOrder.REOPENED})
"""States in which nobody has been promised yet."""


class RemoteWork:
    """Listens to what becomes of remedies from afar."""

    def __init__(self, *, rows: MaintenanceRows, orders: Maintenance) -> None:
        self._rows, self._orders = rows, orders

    def subscribe(self, bus: Bus) -> None:
        """Listen."""
        bus.subscribe(RemoteWorkChanged, self.on_remote)

    def on_remote(self, uow: UnitOfWork, event: RemoteWorkChanged) -> None:
        """A remedy was begun, has helped, or has not."""
        for row in self._rows.work_orders.items(uow.conn, thing=event.data["thing"]):
            if event.data["alert"] not in row["alerts"]:
                continue
            state = d.WorkOrder(row["state"])
            if event.kind == "remote.begun" and state in WAITS:
                self._wait(uow, row, event)
            elif state is d.WorkOrder.REMOTE_WORK and event.kind == "remote.resolved":
                self._orders.complete(
                    uow, row["id"], by=BY_REMOTE, at_ms=event.at_ms, readings={},
                    remedy=f"{event.data['fix']}: {event.data['why']}",
                )  # fmt: skip
            elif state is d.WorkOrder.REMOTE_WORK and event.kind == "remote.failed":
                self._orders.step(
                    uow, row["id"], d.Step.GIVE_UP, by=BY_REMOTE, at_ms=event.at_ms,
                    reason=f"{event.data['fix']}: {event.data['why']}",
                )  # fmt: skip

    def _wait(self, uow: UnitOfWork, row: Row, event: RemoteWorkChanged) -> None:
        said: dict[str, Any] = {"by": BY_REMOTE, "at_ms": event.at_ms}
        if row["state"] != d.WorkOrder.TRIAGED.value:
            self._orders.step(uow, row["id"], d.Step.TRIAGE, reason="", **said)
        self._orders.step(uow, row["id"], d.Step.REMOTE, **said)
