"""What outcomes needs from its adapters."""

from __future__ import annotations

from dataclasses import dataclass

from reference_impl.kernel.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRows:
    """The tables of this context."""

    contracts: Rows
    outcomes: Rows
    versions: Rows
    steps: Rows
    places: Rows
    tiers: Rows
    windows: Rows
    exclusions: Rows
    costs: Rows
    doubts: Rows
    documents: Rows
    plans: Rows
    subscriptions: Rows
    charges: Rows
    payments: Rows
    feature_prices: Rows
    unlocks: Rows
    tariffs: Rows
    rentals: Rows
