"""Means of paired differences with their intervals: Student's t, exact for every sample size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval; ``low`` and ``high`` are None where one pair says nothing."""

    mean: float
    low: float | None
    high: float | None
    pairs: int

    @property
    def certain(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def paired(differences: Sequence[float]) -> Estimate | None:
    """Mean and 95 % interval of the differences of pairs; None if there is no pair."""
    if not differences:
        return None
    mean, count = fmean(differences), len(differences)
    if count == 1:
        return Estimate(mean, None, None, 1)
    half = t_quantile(0.5 + CONFIDENCE / 2, count - 1) * stdev(differences) / math.sqrt(count)
    return Estimate(mean, mean - half, mean + half, count)


def t_probability(t: float, freedom: int) -> float:
    """P(T <= t) of Student's t for whole degrees of freedom.

    The finite sums of Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 (odd)
    and 26.7.4 (even), give P(-t < T < t).
    """
    angle = math.atan2(t, math.sqrt(freedom))
    cos2 = math.cos(angle) ** 2
    odd = freedom % 2
    term, total = (math.cos(angle), 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cos2 * k / (k + 1)
    series = math.sin(angle) * total
    return (1 + (2 / math.pi * (angle + series) if odd else series)) / 2


def t_quantile(probability: float, freedom: int) -> float:
    """The t with P(T <= t) = ``probability``, for probabilities from 0.5 on; to 1e-12 by halving.

    Raises:
        ValueError: If the arguments are out of range.
    """
    if not 0.5 <= probability < 1 or freedom < 1:
        raise ValueError(f"no t quantile at {probability} with {freedom} degrees of freedom")
    low, high = 0.0, 1.0
    while t_probability(high, freedom) < probability:
        high *= 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if t_probability(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2
