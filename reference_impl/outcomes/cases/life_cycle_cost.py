"""The life-cycle cost of ways to have a product: purchase, energy, upkeep, replacements (CC18).

A way becomes cash flows of :mod:`business_case`; buildings are reckoned over 20 to 25 years
(H2, S1.54).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reference_impl.outcomes.cases.business_case import MONTHS_A_YEAR, Flow, FlowKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What is replaced every so many years."""

    what: str
    every_years: float
    eur: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to have the product. A service has a fee and little to pay at the start."""

    what: str
    purchase_eur: float = 0.0
    fee_eur_per_month: float = 0.0
    energy_kwh_per_year: float = 0.0
    energy_eur_per_kwh: float = 0.0
    energy_growth_pct: float = 0.0
    upkeep_eur_per_year: float = 0.0
    upkeep_growth_pct: float = 0.0
    renewals: tuple[Renewal, ...] = ()
    rest_value_eur: float = 0.0
    low_pct: float = 0.0
    high_pct: float = 0.0
    """How far energy and upkeep may lie from what is said."""


def flows_of(way: Way, years: int) -> list[Flow]:
    """The cash flows of a way; energy and upkeep are paid by the month."""
    months = years * MONTHS_A_YEAR
    energy_eur = way.energy_kwh_per_year * way.energy_eur_per_kwh / MONTHS_A_YEAR
    flows = [
        Flow(what="purchase", kind=FlowKind.CAPEX, eur=way.purchase_eur, every=0),
        Flow(what="fee", kind=FlowKind.OPEX, eur=way.fee_eur_per_month),
        Flow(what="energy", kind=FlowKind.OPEX, eur=energy_eur, growth_pct=way.energy_growth_pct,
             low_pct=way.low_pct, high_pct=way.high_pct),
        Flow(what="upkeep", kind=FlowKind.OPEX, eur=way.upkeep_eur_per_year / MONTHS_A_YEAR,
             growth_pct=way.upkeep_growth_pct, low_pct=way.low_pct, high_pct=way.high_pct),
        Flow(what="rest value", kind=FlowKind.REST_VALUE, eur=way.rest_value_eur,
             first=months - 1, every=0),
    ]  # fmt: skip
    for renewal in way.renewals:
        every = max(1, round(renewal.every_years * MONTHS_A_YEAR))
        # nothing is renewed in the last month: it would be thrown away
        flows.append(Flow(what=renewal.what, kind=FlowKind.CAPEX, eur=renewal.eur,
                          first=every, last=months - 2, every=every))  # fmt: skip
    return [flow for flow in flows if flow.eur]


def upfront(flows: Sequence[Flow]) -> float:
    """What is paid once in month 0."""
    return sum(flow.eur for flow in flows if flow.kind is FlowKind.CAPEX and flow.first == 0)
