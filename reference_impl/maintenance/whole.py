"""Puts promises and the people who keep them together, for bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.schedule import Scheduler
from reference_impl.maintenance.desk import Desk
from reference_impl.maintenance.incidents import Incidents
from reference_impl.maintenance.planned import PlannedWork
from reference_impl.maintenance.ports import (
    Alerts,
    ContractsOf,
    MaintenanceRows,
    PartsList,
    Shelves,
)
from reference_impl.maintenance.promises import Promises
from reference_impl.maintenance.remote_work import RemoteWork
from reference_impl.maintenance.service import Maintenance
from reference_impl.maintenance.service_levels import ServiceLevels
from reference_impl.maintenance.technicians import Technicians


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Service levels, incidents, the desk, technicians and planned work."""

    levels: ServiceLevels
    incidents: Incidents
    promises: Promises
    desk: Desk
    technicians: Technicians
    planned: PlannedWork
    remote_work: RemoteWork
    contracts: ContractsOf

    def subscribe(self, bus: Bus) -> None:
        """Listen: clocks first, so that what the desk does later finds them."""
        self.promises.subscribe(bus)
        self.desk.subscribe(bus)
        self.planned.subscribe(bus)
        self.remote_work.subscribe(bus)


def assemble(
    *,
    rows: MaintenanceRows,
    scheduler: Scheduler,
    directory: Directory,
    orders: Maintenance,
    alerts: Alerts,
    shelves: Shelves,
    parts: PartsList,
    contracts: ContractsOf,
) -> Whole:
    """Build them. ``orders`` are the work orders that they ask for and move."""
    levels = ServiceLevels(rows=rows, contracts=contracts)
    incidents = Incidents(rows=rows, scheduler=scheduler)
    promises = Promises(
        rows=rows, levels=levels, incidents=incidents, directory=directory, alerts=alerts
    )
    technicians = Technicians(rows=rows)
    desk = Desk(
        rows=rows,
        orders=orders,
        levels=levels,
        promises=promises,
        technicians=technicians,
        directory=directory,
        alerts=alerts,
        shelves=shelves,
        parts=parts,
    )
    planned = PlannedWork(rows=rows, scheduler=scheduler, orders=orders, directory=directory)
    return Whole(
        contracts=contracts,
        levels=levels,
        incidents=incidents,
        promises=promises,
        desk=desk,
        technicians=technicians,
        planned=planned,
        remote_work=RemoteWork(rows=rows, orders=orders),
    )
