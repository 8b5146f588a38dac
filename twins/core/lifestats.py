"""Statistics of lives and of runs to failure, computed on telemetry as they were on real data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twins.core.realism import Figure

Columns = NDArray[np.float64]

HEALTHY_SHARE = 0.3
"""The first part of a life, over which a unit's healthy level and its noise are taken."""
SIGMAS, IN_A_ROW = 6.0, 3
"""A rise is detected where so many hourly medians in a row lie 6 sigma above healthy (M:ims)."""
STEPS_MIN = 24
"""Hourly steps after onset below which a share of falling steps means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunToFailure:
    """One unit that failed.

    ``hourly`` holds hourly medians of its signal from new to failure, shape ``(hours,)``;
    ``onset`` is the hour in which its damage really began.
    """

    hourly: Columns
    onset: int

    @property
    def healthy(self) -> float:
        """The level before anything was wrong."""
        return float(np.median(self._early))

    @property
    def detected(self) -> int:
        """The hour from which on the rise stands out of the noise; the last one if it never does.

        Earlier than the true onset nothing can be detected but noise.
        """
        limit = np.mean(self._early) + SIGMAS * np.std(self._early)
        above = self.hourly > limit
        runs = np.convolve(above, np.ones(IN_A_ROW), mode="valid") == IN_A_ROW
        return int(np.argmax(runs)) if runs.any() else len(self.hourly) - 1

    @property
    def _early(self) -> Columns:
        return self.hourly[: max(2, min(self.onset, int(HEALTHY_SHARE * len(self.hourly))))]


def hourly_medians(signal: Columns, per_hour: int) -> Columns:
    """Medians of whole hours, shape ``(hours,)``, of a signal ``(t,)`` without what is NaN."""
    hours = len(signal) // per_hour
    by_hour = signal[: hours * per_hour].reshape(hours, per_hour)
    by_hour = by_hour[~np.isnan(by_hour).all(axis=1)]
    return np.asarray(np.nanmedian(by_hour, axis=1))


def r2_line_and_exponential(y: Columns) -> tuple[float, float]:
    """How well a line and ``a + b e^(c t)`` explain ``y`` over time: both R2."""
    t = np.linspace(0.0, 1.0, len(y))
    total = float(np.sum((y - np.mean(y)) ** 2))

    def r2(shape: Columns) -> float:
        terms = np.column_stack((np.ones_like(t), shape))
        left = y - terms @ np.linalg.lstsq(terms, y, rcond=None)[0]
        return 1.0 - float(np.sum(left**2)) / total

    return r2(t), max(r2(np.expm1(c * t)) for c in np.geomspace(0.1, 20.0, 40))


def weibull_fit(lives: Columns, failed: NDArray[np.bool_] | None = None) -> tuple[float, float]:
    """Maximum likelihood of a Weibull: ``(beta, eta)``, Newton on the profile of beta.

    Args:
        lives: Ages at failure, or so far, shape ``(n,)``, above 0.
        failed: Which of them are failures; the others are still running. All if left out.
    """
    ended = np.ones(len(lives), dtype=bool) if failed is None else failed
    logs = np.log(lives / np.exp(np.mean(np.log(lives))))
    seen, beta = float(np.mean(logs[ended])), 1.0
    for _ in range(50):
        weights = np.exp(beta * logs)
        mean = float(np.sum(weights * logs) / np.sum(weights))
        square = float(np.sum(weights * logs**2) / np.sum(weights))
        step = (mean - 1.0 / beta - seen) / (square - mean**2 + 1.0 / beta**2)
        beta = max(beta - step, beta / 2.0)
        if abs(step) < 1e-10 * beta:
            break
    eta = float((np.sum(lives**beta) / np.count_nonzero(ended)) ** (1.0 / beta))
    return beta, eta


def run_to_failure_figures(units: Sequence[RunToFailure]) -> Mapping[int, Sequence[Figure]]:
    """Figures of the checks 17 to 21 of units that failed, by number.

    Where the list gives one band for single units, 80 % of ours must lie in it (10 % and 90 %
    quantiles), as the list says of 17.
    """
    fits = np.array([r2_line_and_exponential(u.hourly[u.onset :]) for u in units])
    ends = np.array([u.hourly[-1] / u.healthy for u in units])
    falls = np.array([
        np.mean(np.diff(u.hourly[u.onset :]) < 0.0)
        for u in units
        if len(u.hourly) - u.onset > STEPS_MIN
    ])  # fmt: skip
    above = {
        times: 100.0 * np.array([np.mean(u.hourly > times * u.healthy) for u in units])
        for times in (1.5, 2.0)
    }
    left = np.array([1.0 - u.detected / len(u.hourly) for u in units])
    low, high = np.percentile(left, [5, 95])
    return {
        17: [
            Figure(
                name="units whose R2 gains more than 0.05 by the exponential",
                value=float(np.mean(fits[:, 1] - fits[:, 0] > 0.05)), low=0.8,
            ),
        ],
        18: _quantiles("end / healthy", ends, 2.5, 11.0),
        19: _quantiles("falling share of hourly steps after onset", falls, 0.03, 0.40),
        20: [
            *_quantiles("life above 1.5 x healthy", above[1.5], 0.5, 25.0, unit="%"),
            *_quantiles("life above 2 x healthy", above[2.0], 0.0, 10.0, unit="%"),
        ],
        21: [Figure(name="life left at detection, p95 / p5", value=float(high / low), low=10.0)],
    }  # fmt: skip


def _quantiles(
    name: str, values: Columns, low: float, high: float, *, unit: str = ""
) -> list[Figure]:
    return [
        Figure(
            name=f"{name}, {word}", value=float(np.percentile(values, at)),
            low=low, high=high, unit=unit,
        )
        for word, at in (("10 % of units below", 10), ("10 % of units above", 90))
    ]  # fmt: skip
