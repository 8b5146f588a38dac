"""The business case of a service: cash flows, with the project and without it (CC18).

Cash flows are by the month, signed by their kind; month 0 is now. The net present value is
``sum CF_t / (1 + r)^(t / 12)`` at a yearly rate r (S1 fig. 4; Brealey, Myers and Allen, Principles
of Corporate Finance, chapter 2). Estimates of the future are floats; invoices are not made of them.
Chance is an argument: spreads are triangular about what was said, drawn once for each flow and used
in both worlds (common random numbers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MONTHS_A_YEAR = 12


class FlowKind(StrEnum):
    """What a cash flow is."""

    REVENUE = "revenue"
    SAVING = "saving"
    STRATEGIC = "strategic"
    REST_VALUE = "rest_value"
    CAPEX = "capex"
    OPEX = "opex"
    COST = "cost"
    LOST_REVENUE = "lost_revenue"
    PARTNER_MARGIN = "partner_margin"


COMES_IN = frozenset({FlowKind.REVENUE, FlowKind.SAVING, FlowKind.STRATEGIC, FlowKind.REST_VALUE})
EARNED = (FlowKind.REVENUE, FlowKind.LOST_REVENUE)
"""What makes the monthly revenue; lost revenue is what the service takes from spare parts and
visits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A cash flow, as an amount that is not negative.

    Attributes:
        what: Its name; flows of one name share their draw.
        kind: What it is; says the sign.
        eur: The amount each time.
        first: Month of the first time, from 0.
        last: Month after which there is none; None: to the end.
        every: Months from one time to the next; 0: once.
        growth_pct: Growth of the amount, percent a year.
        low_pct: Lowest deviation of the amount, percent (negative).
        high_pct: Highest.
    """

    what: str
    kind: FlowKind
    eur: float
    first: int = 0
    last: int | None = None
    every: int = 1
    growth_pct: float = 0.0
    low_pct: float = 0.0
    high_pct: float = 0.0


class Trough(NamedTuple):
    """The lowest cumulative cash, and its month."""

    eur: float
    month: int


class Spread(NamedTuple):
    """Three quantiles."""

    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a stream of monthly cash flows is worth."""

    npv_eur: float
    cash_eur: Floats
    trough: Trough
    payback_month: int | None


def amounts(flow: Flow, months: int) -> Floats:
    """What comes in (positive) or goes out of a flow, month by month, shape ``(months,)``."""
    cash = np.zeros(months)
    end = months if flow.last is None else min(months, flow.last + 1)
    step = flow.every or months
    at = np.arange(flow.first, end, step)
    sign = 1.0 if flow.kind in COMES_IN else -1.0
    growth = (1.0 + flow.growth_pct / 100.0) ** ((at - flow.first) / MONTHS_A_YEAR)
    cash[at] = sign * flow.eur * growth
    return cash


def total_cash(flows: Sequence[Flow], months: int) -> Floats:
    """All flows together, shape ``(months,)``."""
    cash = np.zeros(months)
    for flow in flows:
        cash += amounts(flow, months)
    return cash


def npv(cash: Floats, rate_pct: float) -> float | Floats:
    """Net present value of monthly cash at a yearly rate, over the last axis."""
    months = np.arange(cash.shape[-1])
    found: Floats = cash @ (1.0 + rate_pct / 100.0) ** (-months / MONTHS_A_YEAR)
    return found if cash.ndim > 1 else float(found)


def worth(cash: Floats, rate_pct: float) -> Worth:
    """Value, trough and payback of a stream.

    The trough is the lowest cumulative cash (0 before anything is spent). Payback is the first
    month from which the cumulative cash stays at 0 or above, once it was below; None: never.
    """
    cumulative = np.cumsum(cash)
    month = int(np.argmin(cumulative))
    lowest = float(cumulative[month])
    below = np.flatnonzero(cumulative < 0)
    payback = int(below[-1]) + 1 if below.size else 0
    return Worth(
        npv_eur=float(npv(cash, rate_pct)),
        cash_eur=cash,
        trough=Trough(lowest, month) if lowest < 0 else Trough(0.0, 0),
        payback_month=payback if payback < cash.size else None,
    )


def doing_nothing(without: Floats, rate_pct: float) -> float:
    """What is lost if nothing is done: today's cash for ever, less what it becomes, as value.

    Today is the mean of the first year.
    """
    today = float(without[:MONTHS_A_YEAR].mean()) if without.size else 0.0
    return float(npv(np.full(without.size, today), rate_pct)) - float(npv(without, rate_pct))


def revenue(flows: Sequence[Flow], months: int) -> Floats:
    """Monthly revenue, less what the service takes from parts and visits."""
    return total_cash([flow for flow in flows if flow.kind in EARNED], months)


def unsteadiness(monthly: Floats) -> float:
    """Standard deviation of monthly revenue over its mean; infinite if the mean is not above 0."""
    mean = float(monthly.mean())
    return float(monthly.std()) / mean if mean > 0 else float("inf")


def by_kind(flows: Sequence[Flow], months: int) -> dict[str, float]:
    """The sum of each kind that there is, not discounted."""
    found: dict[str, float] = {}
    for flow in flows:
        found[flow.kind.value] = found.get(flow.kind.value, 0.0) + float(
            amounts(flow, months).sum()
        )
    return dict(sorted(found.items()))


def drawn(
    flows: Sequence[Flow], rng: np.random.Generator, draws: int
) -> Mapping[str, Floats]:  # fmt: skip
    """A factor for each name of a flow and each draw, shape ``(draws,)``; names in order."""
    spreads = {flow.what: (flow.low_pct, flow.high_pct) for flow in flows}
    found = {}
    for what in sorted(spreads):
        low, high = spreads[what]
        u = rng.random(draws)  # also where there is no spread: it shifts nobody else's draws
        found[what] = 1.0 + _triangular(u, low, high) / 100.0
    return found


def _triangular(u: Floats, low: float, high: float) -> Floats:
    """Quantiles of the triangular distribution from low to high with its mode at 0."""
    if high <= low:
        return np.zeros(u.size)
    at_mode = -low / (high - low)
    left = low + np.sqrt(u * (high - low) * -low)
    right = high - np.sqrt((1.0 - u) * (high - low) * high)
    return np.where(u < at_mode, left, right)


def values(
    flows: Sequence[Flow], factors: Mapping[str, Floats], *, months: int, rate_pct: float
) -> Floats:
    """The net present value in each draw, shape ``(draws,)``."""
    draws = len(next(iter(factors.values()))) if factors else 1
    found = np.zeros(draws)
    for flow in flows:
        found += float(npv(amounts(flow, months), rate_pct)) * factors[flow.what]
    return found


def spread_of(numbers: Floats) -> Spread:
    """Its tenth, fiftieth and ninetieth percentile."""
    return Spread(*(float(q) for q in np.quantile(numbers, (0.1, 0.5, 0.9))))


class ScaleUp(NamedTuple):
    """Whether a pilot's effect is certain enough to go on with, and the interval that says so."""

    advised: bool
    low: float
    high: float
    why: str


def scale_up(
    effects: Sequence[float], band: tuple[float, float], *, level_pct: float,
    rng: np.random.Generator, draws: int = 2000,
) -> ScaleUp:  # fmt: skip
    """Advise to scale a pilot up only if the interval of its mean effect lies within a band.

    The interval is the percentile bootstrap over the pilot's sites (Efron and Tibshirani 1993,
    13.3): nothing is assumed of how effects are distributed.

    Args:
        effects: The effect at each site of the pilot, two at least.
        band: From where to where the effect was promised to lie.
        level_pct: Level of the interval, percent.
        rng: Chance.
        draws: Bootstrap samples.
    """
    found = np.asarray(effects, dtype=np.float64)
    means = found[rng.integers(0, found.size, (draws, found.size))].mean(axis=1)
    tail = (1.0 - level_pct / 100.0) / 2.0
    low, high = (float(q) for q in np.quantile(means, (tail, 1.0 - tail)))
    inside = band[0] <= low and high <= band[1]
    why = "the interval lies within the band"
    if not inside:
        ends = [f"begins at {low:.2f}, below {band[0]:.2f}"] if low < band[0] else []
        ends += [f"ends at {high:.2f}, above {band[1]:.2f}"] if high > band[1] else []
        why = "the interval " + " and ".join(ends)
    return ScaleUp(inside, low, high, why)
