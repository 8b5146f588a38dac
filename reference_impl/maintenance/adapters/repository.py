"""The tables of maintenance, as the service takes them."""

from __future__ import annotations

from reference_impl.kernel.rows import Rows
from reference_impl.maintenance.adapters import tables
from reference_impl.maintenance.ports import MaintenanceRows


def rows() -> MaintenanceRows:
    """All tables of this context."""
    return MaintenanceRows(
        work_orders=Rows(tables.work_orders),
        register=Rows(tables.register),
        tickets=Rows(tables.tickets),
        ticket_notes=Rows(tables.ticket_notes),
    )
