"""The tables of outcomes, as the service takes them."""

from __future__ import annotations

from reference_impl.kernel.rows import Rows
from reference_impl.outcomes.adapters import selling, tables
from reference_impl.outcomes.ports import OutcomeRows


def rows() -> OutcomeRows:
    """All tables of this context."""
    return OutcomeRows(
        contracts=Rows(tables.contracts),
        outcomes=Rows(tables.outcomes),
        plans=Rows(selling.plans),
        subscriptions=Rows(selling.subscriptions),
        charges=Rows(selling.charges),
        payments=Rows(selling.payments),
        feature_prices=Rows(selling.feature_prices),
        unlocks=Rows(selling.unlocks),
        tariffs=Rows(selling.tariffs),
        rentals=Rows(selling.rentals),
    )
