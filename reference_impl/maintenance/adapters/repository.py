"""The tables of maintenance, as the service takes them."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.rows import Row, Rows
from reference_impl.maintenance.adapters import tables
from reference_impl.maintenance.ports import MaintenanceRows

TOLD = ("id", "thing", "customer", "level", "tier", "priority", "t0_ms")
"""What every event of an incident tells of it."""


class Clocks(Rows):
    """Time limits, also by when they run out."""

    def __init__(self, table: sa.Table, incidents: sa.Table) -> None:
        super().__init__(table)
        self._width = len(table.columns)
        self._told = [incidents.c[name] for name in TOLD]
        self._breached = sa.select(table.c.incident).where(table.c.breached_ms.is_not(None))
        self._first = sa.select(sa.func.min(table.c.fires_ms))
        self._due = (
            sa.select(table, *self._told)
            .where(table.c.incident == incidents.c.id)
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

    def due_before(self, conn: sa.Connection, before_ms: int) -> list[tuple[Row, Row]]:
        """Those that run out before ``before_ms``, by time; each with what is told of its incident.

        By position, and without the terms: there may be ten thousand.
        """
        width, names = self._width, self._names
        return [
            (dict(zip(names, row[:width], strict=True)), dict(zip(TOLD, row[width:], strict=True)))
            for row in conn.execute(self._due, {"before_ms": before_ms})
        ]


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
        clocks=Clocks(tables.sla_clocks, tables.sla_incidents),
        technicians=Rows(tables.technicians),
        planned_work=Rows(tables.planned_work),
        verification=Rows(tables.verification),
    )
