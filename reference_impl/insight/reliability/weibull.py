"""Weibull lives from field data: right-censored, entered late, with intervals.

Life has ``S(t) = exp(-(t / eta)^beta)``. A span of life is seen from ``entry`` to ``exit``; it
ended there, or it goes on (censored). With ``e`` and ``t`` of each span and ``r`` ends the log
likelihood is
``r ln beta - r beta ln eta + (beta - 1) sum ln t_ended - sum (t^beta - e^beta) / eta^beta``; for a
given beta it is greatest at ``eta^beta = sum (t^beta - e^beta) / r`` (Meeker and Escobar,
Statistical Methods for Reliability Data, chapters 8 and 11). Intervals are those of the profile
likelihood: where it lies less than half the 95 % quantile of chi-square (1 df) below its greatest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

ENDS_MIN = 3
"""Fewer ends tell no shape."""
DROP = 1.9207
"""Half of the 95 % quantile of chi-square with one degree of freedom."""
LOG_BETA = (math.log(0.1), math.log(30.0))
"""Shapes beyond that are those of no part."""
B10_SHARE = 0.10
ETA_SHARE = 1.0 - math.exp(-1.0)
"""Share that has ended by the characteristic life."""
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0
_STEPS = 40
TAIL = 0.025


class Span(NamedTuple):
    """A span of one life, in the unit of its clock."""

    entry: float
    exit: float
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Shape, characteristic life, and the life that nine of ten reach."""

    beta: Estimate
    eta: Estimate
    b10: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """How much longer a second kind of part lives than a first.

    ``value`` and ``high`` are None where no part of the second kind has ended; ``chance`` is that
    of so few ends of the second kind if both lived alike.
    """

    value: float | None
    low: float
    high: float | None
    chance: float


class _Lives:
    """The likelihood of some spans; ages are taken in units of their mean."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.unit = float(np.mean([span.exit for span in spans]))
        self.exits = np.array([span.exit for span in spans]) / self.unit
        self.entries = np.array([span.entry for span in spans]) / self.unit
        ended = np.array([span.ended for span in spans], dtype=np.bool_)
        self.ends = int(ended.sum())
        self.logs = float(np.log(self.exits[ended]).sum())

    def powered(self, beta: float) -> float:
        """``sum (t^beta - e^beta)``."""
        return float((self.exits**beta - self.entries**beta).sum())

    def best_eta(self, beta: float) -> float:
        return float((self.powered(beta) / self.ends) ** (1.0 / beta))

    def log_likelihood(self, beta: float, eta: float) -> float:
        own = self.ends * (math.log(beta) - beta * math.log(eta))
        return float(own + (beta - 1.0) * self.logs - self.powered(beta) / eta**beta)

    def of_beta(self, log_beta: float) -> float:
        beta = math.exp(log_beta)
        return self.log_likelihood(beta, self.best_eta(beta))

    def of_quantile(self, log_life: float, share: float) -> float:
        """The profile of the age by which ``share`` of the parts has ended."""
        hazard = -math.log(1.0 - share)

        def at(log_beta: float) -> float:
            beta = math.exp(log_beta)
            log_eta = log_life - math.log(hazard) / beta
            own = self.ends * (log_beta - beta * log_eta) + (beta - 1.0) * self.logs
            grown = math.log(max(self.powered(beta), 1e-300)) - beta * log_eta
            return own - (math.exp(grown) if grown < 700.0 else math.inf)

        return at(_greatest(at, *LOG_BETA))


def fit(spans: Sequence[Span]) -> Fit | None:
    """The likeliest Weibull; None with fewer than :data:`ENDS_MIN` ends at different ages.

    Args:
        spans: ``0 <= entry < exit`` of each.
    """
    ages = {span.exit for span in spans if span.ended}
    if sum(span.ended for span in spans) < ENDS_MIN or len(ages) < 2:
        return None
    lives = _Lives(spans)
    best = _greatest(lives.of_beta, *LOG_BETA)
    top, beta = lives.of_beta(best), math.exp(best)
    low, high = _interval(lives.of_beta, best, top, limits=LOG_BETA)
    eta = lives.best_eta(beta)

    def life(share: float) -> Estimate:
        value = math.log(eta) + math.log(-math.log(1.0 - share)) / beta

        def profile(log_life: float) -> float:
            return lives.of_quantile(log_life, share)

        wide = (value - 12.0, value + 12.0)
        ends = _interval(profile, value, top, limits=wide)
        low, high = (math.exp(end) * lives.unit for end in ends)
        return Estimate(value=math.exp(value) * lives.unit, low=low, high=high)

    return Fit(
        beta=Estimate(value=beta, low=math.exp(low), high=math.exp(high)),
        eta=life(ETA_SHARE),
        b10=life(B10_SHARE),
    )


def lives_longer(first: Sequence[Span], second: Sequence[Span], *, beta: float) -> Ratio | None:
    """By how much the second kind outlives the first, if both have one shape.

    ``t^beta`` of a Weibull life is exponential, so given how many ended in all, how many of them
    are of the second kind is binomial: an exact test and the interval of Clopper and Pearson, with
    however few ends. None where there is nothing to compare: no end of the first, or no time.
    """
    both = [*first, *second]
    ends = [sum(span.ended for span in kind) for kind in (first, second)]
    if not ends[0] or not second:
        return None
    unit = max(span.exit for span in both)
    under = [
        sum((span.exit / unit) ** beta - (span.entry / unit) ** beta for span in kind)
        for kind in (first, second)
    ]
    if min(under) <= 0.0:
        return None
    total, chance = sum(ends), under[1] / sum(under)

    def ratio(share: float) -> float:
        """Life of the second over that of the first, if it has that share of the ends."""
        hazards = (share / under[1]) / ((1.0 - share) / under[0])
        return float(hazards ** (-1.0 / beta))

    few = _root(lambda p: _at_most(ends[1], total, p) - TAIL)
    many = _root(lambda p: TAIL - (1.0 - _at_most(ends[1] - 1, total, p))) if ends[1] else 0.0
    return Ratio(
        value=ratio(ends[1] / total) if ends[1] else None,
        low=ratio(few),
        high=ratio(many) if ends[1] else None,
        chance=_at_most(ends[1], total, chance),
    )


def _at_most(few: int, of: int, share: float) -> float:
    """P(X <= few) of a binomial."""
    return sum(math.comb(of, k) * share**k * (1.0 - share) ** (of - k) for k in range(few + 1))


def _root(falling: Callable[[float], float]) -> float:
    """Where a function that falls on (0, 1) is 0."""
    low, high = 1e-12, 1.0 - 1e-12
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if falling(middle) > 0.0 else (low, middle)
    return (low + high) / 2.0


def _greatest(of: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one hill is greatest, by golden sections."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = of(left), of(right)
    for _ in range(_STEPS):
        if at_left < at_right:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = of(right)
        else:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = of(left)
    return (low + high) / 2.0


def _interval(
    of: Callable[[float], float], best: float, top: float, *, limits: tuple[float, float]
) -> tuple[float, float]:
    """Where a hill has fallen by :data:`DROP`, to both sides; or the limits."""
    found = []
    for limit in limits:
        inside, outside = best, limit
        for _ in range(_STEPS):
            middle = (inside + outside) / 2.0
            if of(middle) > top - DROP:
                inside = middle
            else:
                outside = middle
        found.append((inside + outside) / 2.0)
    return found[0], found[1]
