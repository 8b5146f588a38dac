"""The tables of maintenance, as the service takes them."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.rows import Row, Rows
from reference_impl.maintenance.adapters import tables
from reference_impl.maintenance.ports import MaintenanceRows


class Clocks(Rows):
    """Time limits, also by when they run out."""

    def __init__(self, table: sa.Table) -> None:
        super().__init__(table)
        self._breached = sa.select(table.c.incident).where(table.c.breached_ms.is_not(None))
        self._first = sa.select(sa.func.min(table.c.fires_ms))
        self._due = (
            sa.select(table)
            .where(table.c.fires_ms < sa.bindparam("before_ms"))
            .order_by(table.c.fires_ms, table.c.incident, table.c.what)
        )

    def breached(self, conn: sa.Connection) -> frozenset[str]:
        """Incidents of which one ran out."""
        return frozenset(conn.execute(self._breached).scalars())

    def first_ms(self, conn: sa.Connection) -> int | None:
        """When the next one runs out; None: none does."""
        found: int | None = conn.execute(self._first).scalar_one()
        return found

    def due_before(self, conn: sa.Connection, before_ms: int) -> list[Row]:
        """Those that run out before ``before_ms``, by time."""
        found = conn.execute(self._due, {"before_ms": before_ms})
        return [dict(row) for row in found.mappings()]


def rows() -> MaintenanceRows:
    """All tables of this context."""
    return MaintenanceRows(
        work_orders=Rows(tables.work_orders),
        register=Rows(tables.register),
        tickets=Rows(tables.tickets),
        ticket_notes=Rows(tables.ticket_notes),
        work_order_notes=Rows(tables.work_order_notes),
        service_levels=Rows(tables.service_levels),
        incidents=Rows(tables.sla_incidents),
        clocks=Clocks(tables.sla_clocks),
        technicians=Rows(tables.technicians),
        planned_work=Rows(tables.planned_work),
    )
