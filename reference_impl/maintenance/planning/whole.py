"""Puts planning together, for bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from reference_impl.kernel.access import seen
from reference_impl.kernel.errors import Problem, Unknown
from reference_impl.kernel.ports import Directory, ThingRef
from reference_impl.kernel.schedule import Scheduler
from reference_impl.maintenance.planning.at_risk import AtRisk, Spare
from reference_impl.maintenance.planning.bundling import Bundling
from reference_impl.maintenance.planning.gathering import Gathering
from reference_impl.maintenance.planning.ports import (
    AlertsRaised,
    Free,
    PlanningRows,
    Responsible,
    Wearing,
)
from reference_impl.maintenance.planning.service import Planner
from reference_impl.maintenance.planning.settings import Told
from reference_impl.maintenance.ports import MaintenanceRows
from reference_impl.maintenance.service import Maintenance
from reference_impl.maintenance.technicians import Technicians
from reference_impl.maintenance.whole import Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What planning is told, what it plans, and what it reads."""

    rows: PlanningRows
    told: Told
    planner: Planner
    at_risk: AtRisk
    orders: Maintenance
    technicians: Technicians
    directory: Directory
    alerts: AlertsRaised

    def things(self, conn: sa.Connection) -> list[ThingRef]:
        """Things of the customers that the caller sees."""
        rows = [{"customer": ref.customer, "ref": ref} for ref in self.directory.things(conn)]
        return [row["ref"] for row in seen(rows) if isinstance(row["ref"], ThingRef)]

    def sites(self, conn: sa.Connection) -> set[str]:
        """Sites at which the caller sees a thing."""
        return {ref.site for ref in self.things(conn)}

    def must_see_site(self, conn: sa.Connection, site: str) -> None:
        """Raise Unknown unless the caller sees a thing at a site."""
        if site not in self.sites(conn):
            what = [Problem(where="site", what=site, allowed="a site with a thing")]
            raise Unknown(f"there is no thing at a site {site!r}", what)


def assemble(
    *,
    rows: MaintenanceRows,
    planning: PlanningRows,
    scheduler: Scheduler,
    directory: Directory,
    work: Whole,
    orders: Maintenance,
    free: Free,
    wearing: Wearing,
    responsible: Responsible,
    alerts: AlertsRaised,
) -> Planning:
    """Build it upon the desk, its technicians and the clocks of incidents."""
    told = Told(rows=planning, technicians=work.technicians)
    gathering = Gathering(
        rows=rows, planning=planning, told=told, technicians=work.technicians,
        incidents=work.incidents, directory=directory, free=free, responsible=responsible,
        spare=Spare(planning=planning, contracts=work.contracts),
    )  # fmt: skip
    bundling = Bundling(
        rows=rows, told=told, gathering=gathering, orders=orders, wearing=wearing,
        directory=directory,
    )  # fmt: skip
    planner = Planner(
        rows=rows, planning=planning, scheduler=scheduler, told=told, gathering=gathering,
        bundling=bundling, desk=work.desk, directory=directory,
    )  # fmt: skip
    at_risk = AtRisk(
        rows=rows, planning=planning, told=told, desk=work.desk, contracts=work.contracts
    )
    return Planning(
        rows=planning, told=told, planner=planner, at_risk=at_risk, orders=orders,
        technicians=work.technicians, directory=directory, alerts=alerts,
    )  # fmt: skip
