"""A promise that is about to be broken moves visits forward (AS4, FS6), where that is wished.

With ``at_risk`` in the settings, work orders of machines of a contract whose outcome is at risk get
that priority, from when it is told until the period is computed. Of an urgent priority they are
planned again at once and without notice, like anything urgent; what has no limit of its own is due
when the contract has no more to spare.
"""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance import domain as m
from reference_impl.maintenance.desk import Desk
from reference_impl.maintenance.planning.gathering import WANTED
from reference_impl.maintenance.planning.ports import PlanningRows
from reference_impl.maintenance.planning.settings import Told
from reference_impl.maintenance.ports import ContractsOf, MaintenanceRows
from reference_impl.maintenance.service_levels import Priority
from reference_impl.published import ContractChanged, PeriodClosed, WorkOrderChanged

BY = "contract"
TOLD = "outcome.at_risk"
CLOSED = "outcome.period_closed"
ASKED = ("work_order.requested", "work_order.reopened")


class AtRisk:
    """Gives hurry to what keeps a promise."""

    def __init__(
        self,
        *,
        rows: MaintenanceRows,
        planning: PlanningRows,
        told: Told,
        desk: Desk,
        contracts: ContractsOf,
    ) -> None:
        self._rows, self._planning, self._told = rows, planning, told
        self._desk, self._contracts = desk, contracts

    def subscribe(self, bus: Bus) -> None:
        """Listen for promises at risk, and for visits that are asked for meanwhile."""
        bus.subscribe(ContractChanged, self.on_contract)
        bus.subscribe(PeriodClosed, self.on_closed)
        bus.subscribe(WorkOrderChanged, self.on_work_order)

    def on_contract(self, uow: UnitOfWork, event: ContractChanged) -> None:
        """What waits for a visit, or has one, gets the priority."""
        priority = self._priority(uow)
        if event.kind != TOLD or priority is None:
            return
        contract = str(event.data["contract"])
        due_ms = event.at_ms + round(float(event.data["left_s"]) * 1000)
        row = {"contract": contract, "period": str(event.data["period"]), "due_ms": due_ms}
        self._planning.at_risk.put(uow, row)
        for state in (*sorted(WANTED), m.WorkOrder.PLANNED):
            for order in self._rows.work_orders.items(uow.conn, state=state.value):
                if contract in self._contracts(uow.conn, order["thing"]):
                    self._hurry(uow, order["id"], order["priority"], priority, event.at_ms)

    def on_closed(self, uow: UnitOfWork, event: PeriodClosed) -> None:
        """The period is over: the next one begins without hurry."""
        if event.kind != CLOSED:
            return
        contract = str(event.data["contract"])
        row = self._planning.at_risk.get(uow.conn, contract)
        if row is not None and row["period"] == event.data["period"]:
            self._planning.at_risk.delete(uow, contract)

    def on_work_order(self, uow: UnitOfWork, event: WorkOrderChanged) -> None:
        """A visit is asked for while a promise is at risk."""
        if event.kind not in ASKED:
            return
        priority = self._priority(uow)
        row = None if priority is None else self._rows.work_orders.get(uow.conn, event.subject)
        if priority is None or row is None:
            return
        contracts = self._contracts(uow.conn, row["thing"])
        if any(self._planning.at_risk.get(uow.conn, one) for one in contracts):
            self._hurry(uow, row["id"], row["priority"], priority, event.at_ms)

    def _priority(self, uow: UnitOfWork) -> Priority | None:
        said = self._told.settings(uow.conn)["at_risk"]
        return None if said is None else Priority(said)

    def _hurry(
        self, uow: UnitOfWork, order: str, before: str | None, priority: Priority, at_ms: int
    ) -> None:
        """More hurry, never less."""
        if (before or "P9") > priority.value:
            self._desk.set_priority(uow, order, priority, by=BY, at_ms=at_ms)


class Spare:
    """When the contracts of a machine that are at risk have no more to spare."""

    def __init__(self, *, planning: PlanningRows, contracts: ContractsOf) -> None:
        self._planning, self._contracts = planning, contracts

    def __call__(self, conn: sa.Connection, thing: str) -> int | None:
        """The first such moment, as if the machine stood from when it was told; or None."""
        found = [self._planning.at_risk.get(conn, one) for one in self._contracts(conn, thing)]
        return min((row["due_ms"] for row in found if row is not None), default=None)
