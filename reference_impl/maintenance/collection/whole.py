"""Puts collection together, for bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.schedule import Scheduler
from reference_impl.maintenance.collection.driving import Driving
from reference_impl.maintenance.collection.ports import (
    CollectionRows,
    Fills,
    OpenAlerts,
    Requests,
)
from reference_impl.maintenance.collection.reports import CitizenReports
from reference_impl.maintenance.collection.service import Collections


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Planning, driving, and what citizens tell."""

    planning: Collections
    driving: Driving
    reports: CitizenReports

    def subscribe(self, bus: Bus) -> None:
        """Listen."""
        self.planning.subscribe()
        self.driving.subscribe(bus)


def assemble(
    *,
    rows: CollectionRows,
    scheduler: Scheduler,
    directory: Directory,
    telemetry: TelemetryView,
    alerts: OpenAlerts,
    fills: Fills,
    requests: Requests,
) -> Rounds:
    """Build them."""
    planning = Collections(
        rows=rows,
        scheduler=scheduler,
        directory=directory,
        telemetry=telemetry,
        alerts=alerts,
        fills=fills,
    )
    driving = Driving(planning=planning, requests=requests)
    reports = CitizenReports(rows=rows, directory=directory, requests=requests, driving=driving)
    return Rounds(planning=planning, driving=driving, reports=reports)
