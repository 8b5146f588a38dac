"""The tables of orders, as the service takes them."""

from __future__ import annotations

from reference_impl.kernel.rows import Rows
from reference_impl.orders.adapters import tables
from reference_impl.orders.ports import OrderRows


def rows() -> OrderRows:
    """All tables of this context."""
    return OrderRows(
        parts=Rows(tables.parts),
        model_parts=Rows(tables.model_parts),
        policies=Rows(tables.policies),
        cycles=Rows(tables.cycles),
        needs=Rows(tables.needs),
        recommendations=Rows(tables.recommendations),
        orders=Rows(tables.orders),
        refused=Rows(tables.refused),
    )
