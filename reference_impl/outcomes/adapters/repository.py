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
        versions=Rows(tables.contract_versions),
        steps=Rows(tables.contract_steps),
        places=Rows(tables.contract_places),
        tiers=Rows(tables.contract_tiers),
        windows=Rows(tables.contract_windows),
        exclusions=Rows(tables.contract_exclusions),
        costs=Rows(tables.contract_costs),
        doubts=Rows(tables.data_doubts),
        documents=Rows(tables.outcome_documents),
        plans=Rows(selling.plans),
        subscriptions=Rows(selling.subscriptions),
        charges=Rows(selling.charges),
        payments=Rows(selling.payments),
        feature_prices=Rows(selling.feature_prices),
        unlocks=Rows(selling.unlocks),
        tariffs=Rows(selling.tariffs),
        rentals=Rows(selling.rentals),
    )
