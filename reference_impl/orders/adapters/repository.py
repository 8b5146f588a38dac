"""The tables of orders, as the service takes them."""

from __future__ import annotations

from reference_impl.kernel.rows import Rows
from reference_impl.orders.adapters import tables
from reference_impl.orders.ports import OrderRows


def rows() -> OrderRows:
    """All tables of this context."""
    return OrderRows(
        parts=Rows(tables.parts),
        categories=Rows(tables.categories),
        model_parts=Rows(tables.model_parts),
        references=Rows(tables.references),
        sub_models=Rows(tables.sub_models),
        prices=Rows(tables.prices),
        supply=Rows(tables.supply),
        coverage=Rows(tables.coverage),
        stock=Rows(tables.stock),
        policies=Rows(tables.policies),
        cycles=Rows(tables.cycles),
        needs=Rows(tables.needs),
        recommendations=Rows(tables.recommendations),
        orders=Rows(tables.orders),
        lines=Rows(tables.order_lines),
        steps=Rows(tables.order_steps),
        shipments=Rows(tables.shipments),
        refused=Rows(tables.refused),
        released=Rows(tables.released),
        flagged=Rows(tables.flagged),
        breakers=Rows(tables.breakers),
        compliance=Rows(tables.compliance),
    )
