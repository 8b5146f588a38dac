"""HTTP face of the business case: both sides, two worlds, life cycles, scale-up (CC18).

Nothing is kept: the same body and seed give the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter
from pydantic import Field

from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.outcomes.cases import business_case as b
from reference_impl.outcomes.cases import life_cycle_cost as lc
from reference_impl.outcomes.cases.report import report

Text = Annotated[str, Field(min_length=1, max_length=200)]
Euros = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=-99, le=1000, allow_inf_nan=False)]
Low = Annotated[float, Field(ge=-100, le=0, allow_inf_nan=False)]
High = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Effect = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
Draws = Annotated[int, Field(ge=100, le=20_000)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Month = Annotated[int, Field(ge=0, le=599)]
Answer = dict[str, Any]
READ = needs("business-cases:read")


class FlowBody(Body):
    """A cash flow; ``every`` months, 0: once."""

    what: Text
    kind: b.FlowKind
    eur: Euros
    first: Month = 0
    last: Month | None = None
    every: Annotated[int, Field(ge=0, le=600)] = 1
    growth_pct: Percent = 0.0
    low_pct: Low = 0.0
    high_pct: High = 0.0


class SideBody(Body):
    """The flows of one side with the project, and without it."""

    with_project: Annotated[list[FlowBody], Field(max_length=200)]
    without_project: Annotated[list[FlowBody], Field(max_length=200)]


class CaseBody(Body):
    """A case of the provider, of the customer, or of both."""

    months: Annotated[int, Field(ge=2, le=600)]
    rate_pct: Percent
    provider: SideBody | None = None
    customer: SideBody | None = None
    seed: Seed = 1
    draws: Draws = 2000


class RenewalBody(Body):
    """What is replaced every so many years."""

    what: Text
    every_years: Annotated[float, Field(gt=0, le=100)]
    eur: Euros


class WayBody(Body):
    """A way to have the product."""

    what: Text
    purchase_eur: Euros = 0.0
    fee_eur_per_month: Euros = 0.0
    energy_kwh_per_year: Euros = 0.0
    energy_eur_per_kwh: Euros = 0.0
    energy_growth_pct: Percent = 0.0
    upkeep_eur_per_year: Euros = 0.0
    upkeep_growth_pct: Percent = 0.0
    renewals: Annotated[list[RenewalBody], Field(max_length=50)] = Field(default_factory=list)
    rest_value_eur: Euros = 0.0
    low_pct: Low = 0.0
    high_pct: High = 0.0


class LifeCycleBody(Body):
    """Ways to compare with the first one."""

    years: Annotated[int, Field(ge=1, le=50)]
    rate_pct: Percent
    ways: Annotated[list[WayBody], Field(min_length=1, max_length=10)]
    seed: Seed = 1
    draws: Draws = 2000


class PilotBody(Body):
    """The effect at each site of a pilot, and the band in which it was promised to lie."""

    effects_eur: Annotated[list[Effect], Field(min_length=2, max_length=10_000)]
    low_eur: Effect
    high_eur: Effect
    level_pct: Annotated[float, Field(gt=0, lt=100)] = 90.0
    seed: Seed = 1


def router() -> APIRouter:
    """The routes of this module."""
    api = new_router("business-cases")

    @api.post("/business-cases/evaluate", dependencies=[READ])
    async def evaluate(body: CaseBody) -> Answer:
        """Value, trough and payback of both sides, with the project and without it."""
        answer: Answer = {
            name: None if side is None else _side(side, body)
            for name, side in (("provider", body.provider), ("customer", body.customer))
        }
        return {**answer, "report": report(answer)}

    @api.post("/business-cases/life-cycle", dependencies=[READ])
    async def life_cycle(body: LifeCycleBody) -> Answer:
        """What each way to have a product costs over its life, and when it beats the first."""
        return _life_cycle(body)

    @api.post("/business-cases/scale-up", dependencies=[READ])
    async def scale_up(body: PilotBody) -> Answer:
        """Whether a pilot is certain enough to go on with."""
        band = (body.low_eur, body.high_eur)
        rng = np.random.default_rng(body.seed)
        found = b.scale_up(body.effects_eur, band, level_pct=body.level_pct, rng=rng)
        return {
            "advised": found.advised,
            "interval_low_eur": _cents(found.low),
            "interval_high_eur": _cents(found.high),
            "why": found.why,
        }

    return api


def _side(side: SideBody, body: CaseBody) -> Answer:
    """Both worlds of one side on the same draws, and their difference."""
    arms = {
        "with": [b.Flow(**flow.model_dump()) for flow in side.with_project],
        "without": [b.Flow(**flow.model_dump()) for flow in side.without_project],
    }
    every = [flow for flows in arms.values() for flow in flows]
    factors = b.drawn(every, np.random.default_rng(body.seed), body.draws)
    cash = {arm: b.total_cash(flows, body.months) for arm, flows in arms.items()}
    value = {
        arm: b.values(flows, factors, months=body.months, rate_pct=body.rate_pct)
        for arm, flows in arms.items()
    }
    answer: Answer = {
        arm: {
            **_worth(cash[arm], body.rate_pct),
            "kinds": {kind: _cents(eur) for kind, eur in b.by_kind(flows, body.months).items()},
            "upfront_eur": _cents(lc.upfront(flows)),
            "ownership_eur": _spread(_ownership(flows, factors, body.months)),
            **_steadiness(flows, body.months),
        }
        for arm, flows in arms.items()
    }
    answer["difference"] = _worth(cash["with"] - cash["without"], body.rate_pct)
    answer["npv_spread_eur"] = _spread(value["with"] - value["without"])
    answer["doing_nothing_eur"] = _cents(b.doing_nothing(cash["without"], body.rate_pct))
    return answer


def _ownership(flows: Sequence[b.Flow], factors: Any, months: int) -> b.Floats:  # noqa: ANN401
    """What is paid in all, not discounted, in each draw; what comes in lowers it."""
    return -b.values(flows, factors, months=months, rate_pct=0.0)


def _steadiness(flows: Sequence[b.Flow], months: int) -> Answer:
    monthly = b.revenue(flows, months)
    unsteady = b.unsteadiness(monthly)
    return {
        "revenue_mean_eur": _cents(float(monthly.mean())),
        "revenue_deviation_eur": _cents(float(monthly.std())),
        "revenue_variation": None if unsteady == float("inf") else round(unsteady, 6),
    }


def _worth(cash: b.Floats, rate_pct: float) -> Answer:
    found = b.worth(cash, rate_pct)
    return {
        "npv_eur": _cents(found.npv_eur),
        "trough_eur": _cents(found.trough.eur),
        "trough_month": found.trough.month,
        "payback_month": found.payback_month,
        "cash_eur": [_cents(eur) for eur in found.cash_eur.tolist()],
    }


def _life_cycle(body: LifeCycleBody) -> Answer:
    months = body.years * b.MONTHS_A_YEAR
    ways = []
    first: b.Floats | None = None
    for way in body.ways:
        renewals = tuple(lc.Renewal(**one.model_dump()) for one in way.renewals)
        flows = lc.flows_of(
            lc.Way(**{**way.model_dump(), "renewals": renewals}), body.years
        )  # fmt: skip
        cash = b.total_cash(flows, months)
        first = cash if first is None else first
        factors = b.drawn(flows, np.random.default_rng(body.seed), body.draws)
        costs = -b.values(flows, factors, months=months, rate_pct=body.rate_pct)
        against = b.worth(cash - first, body.rate_pct)
        ways.append(
            {
                "what": way.what,
                "upfront_eur": _cents(lc.upfront(flows)),
                "life_cycle_eur": _cents(-b.worth(cash, body.rate_pct).npv_eur),
                "spread_eur": _spread(costs),
                "saves_eur": _cents(against.npv_eur),
                "payback_month": against.payback_month,
                "years_eur": [
                    _cents(-float(cash[n : n + b.MONTHS_A_YEAR].sum()))
                    for n in range(0, months, b.MONTHS_A_YEAR)
                ],
            }
        )
    return {"years": body.years, "ways": ways}


def _spread(numbers: b.Floats) -> Answer:
    return {name: _cents(value) for name, value in b.spread_of(numbers)._asdict().items()}


def _cents(eur: float) -> float:
    """Euros to the cent; no negative zero."""
    return round(eur, 2) + 0.0
