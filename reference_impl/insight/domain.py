"""From a signal that rises to wear in percent and the time it will run out; pure.

``exponential_rise`` version 1. Damage ``u`` in [0, 1] shows as
``signal = baseline + A (e^(k u) - 1) / (e^k - 1)`` with ``A = limit - baseline`` and curvature
``k``; the inverse of this law turns a measured level into ``u``, which grows about linearly.
Vibration of independent causes adds in squares instead; then the same law holds for the rise
``sqrt(signal^2 - baseline^2)`` (:class:`Combine`).

Source: the degradation template of condition monitoring (exponential rise after onset, ``k`` about
3.6, checked against published run-to-failure records); forecast with bounds as ISO 13381-1 asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from reference_impl.kernel.ports import Floats, Times

MS_PER_H = 3_600_000.0
TRIM = 0.1
"""Share cut off at each end before the mean of a window is taken."""
BASELINE_READINGS_MIN = 12
LEVEL_READINGS_MIN = 3
RISE_SHARE_MIN = 1e-9
"""A rise of less than this share of the way to the limit is rounding."""
TREND_POINTS_MIN = 5
TREND_T_MIN = 3.0
"""A slope of fewer standard errors than this is no trend. About 0.5 % false trends at 10 points."""
Z10 = 1.2815515655446004
"""Standard normal quantile of 90 %."""
HORIZON_MS = 10 * 365 * 24 * 3_600_000
"""No forecast looks further than ten years."""
MAD_TO_SD = 1.4826
"""Median absolute deviation to standard deviation of a normal distribution."""


class Combine(StrEnum):
    """How the healthy signal and what wear adds to it make up the signal."""

    SUM = "sum"
    SQUARES = "squares"


NOISE_SD: Mapping[Combine, float] = {Combine.SUM: 2.0, Combine.SQUARES: 3.0}
"""A rise of fewer standard errors than this is noise, and no wear. A root is steep at nought: with
two, chance alone let 2 of 60 healthy machines order a part within 90 days, with three none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Count only readings taken while ``signal > above`` (e.g. while the machine runs)."""

    signal: str
    above: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RiseParams:
    """Parameters of ``exponential_rise``; ``limit`` is in the signal's unit.

    A rise is one that has stood out for ``persist_ms``: what comes with a storm or a busy day and
    goes with it is no wear.
    """

    signal: str
    limit: float
    curvature: float
    baseline_ms: int
    window_ms: int
    trend_ms: int
    where: Where | None
    combine: Combine = Combine.SUM
    persist_ms: int = 0
    model_sd_pct: float = 0.0
    """By how much machines differ from the law, in points of damage (version 2)."""
    linear: bool = False
    """Damage shows in proportion (``threshold_trend``); the limit may be below what is healthy."""


class Baseline(NamedTuple):
    """The healthy level: median, robust standard deviation, lag-1 autocorrelation."""

    level: float
    sd: float
    rho: float


class Level(NamedTuple):
    """The level of a window: robust mean, number of readings, their mean time."""

    value: float
    readings: int
    mid_ms: int


class Runout(NamedTuple):
    """When wear reaches 100 %: 10, 50 and 90 % of cases are earlier. ``slope`` in percent/day."""

    p10_ms: int
    p50_ms: int
    p90_ms: int
    slope_pct_d: float


class Point(NamedTuple):
    """Damage that a window told of: its mean time, and percent before any smoothing."""

    mid_ms: int
    raw_pct: float


def selected(
    at_ms: Times, values: Floats, gate_ms: Times, gate: Floats, above: float
) -> tuple[Times, Floats]:
    """The readings whose report also says ``gate > above`` (same ``at_ms``)."""
    open_ms = gate_ms[gate > above]
    keep = np.isin(at_ms, open_ms)
    return at_ms[keep], values[keep]


def baseline_of(values: Floats) -> Baseline | None:
    """The healthy level of the readings after a reset, shape ``(n,)``; None if too few."""
    if values.size < BASELINE_READINGS_MIN:
        return None
    level = float(np.median(values))
    rest = values - level
    sd = MAD_TO_SD * float(np.median(np.abs(rest)))
    power = float(np.dot(rest, rest))
    rho = float(np.dot(rest[1:], rest[:-1])) / power if power > 0 else 0.0
    return Baseline(level, sd, min(max(rho, 0.0), 0.95))


def level_of(at_ms: Times, values: Floats) -> Level | None:
    """The level of a window's readings: the mean after a tenth is cut off at each end."""
    if values.size < LEVEL_READINGS_MIN:
        return None
    cut = int(values.size * TRIM)
    core = np.sort(values)[cut : values.size - cut]
    return Level(float(core.mean()), int(values.size), int(at_ms.mean()))


def rise_of(value: float, baseline: float, combine: Combine) -> float:
    """What wear adds to the healthy signal, in its unit; negative where it is below that."""
    if combine is Combine.SUM:
        return value - baseline
    square = value * value - baseline * baseline
    return float(np.copysign(np.sqrt(abs(square)), square))


def raw_wear_pct(level: Level, baseline: Baseline, params: RiseParams) -> float | None:
    """Damage that explains a level, in percent; 0 while the rise is within the noise.

    The standard error of the level is that of a mean of ``n`` readings with lag-1 autocorrelation
    ``rho``: ``sd sqrt((1 + rho) / ((1 - rho) n))``. May exceed 100. None if the healthy level is at
    or above the limit, because then the law says nothing.
    """
    if params.linear:
        return _share_pct(level, baseline, params)
    span = rise_of(params.limit, baseline.level, params.combine)
    if span <= 0:
        return None
    over = level.value - baseline.level
    error = error_of(level, baseline)
    rise = rise_of(level.value, baseline.level, params.combine)
    if over <= NOISE_SD[params.combine] * error or rise <= span * RISE_SHARE_MIN:
        return 0.0
    k = params.curvature
    return float(100.0 * np.log1p(rise / span * np.expm1(k)) / k)


def error_of(level: Level, baseline: Baseline) -> float:
    """Standard error of a level: a mean of readings with lag-1 autocorrelation."""
    share = (1 + baseline.rho) / ((1 - baseline.rho) * level.readings)
    return float(baseline.sd * np.sqrt(share))


def _share_pct(level: Level, baseline: Baseline, params: RiseParams) -> float | None:
    """How much of the way from the healthy level to the limit is gone, up or down, in percent."""
    span = params.limit - baseline.level
    if span == 0:
        return None
    share = (level.value - baseline.level) / span
    if share * abs(span) <= NOISE_SD[params.combine] * error_of(level, baseline):
        return 0.0
    return float(100.0 * share)


def wear_pct(before_pct: float, points: Sequence[Point], params: RiseParams) -> float:
    """Wear only grows: damage does not heal, so a lower estimate than before is noise."""
    return max(before_pct, points[-1].raw_pct) if has_stood(points, params) else before_pct


def has_stood(points: Sequence[Point], params: RiseParams) -> bool:
    """Whether the rise has stood out of the noise for long enough to be believed.

    Where squares add, the smallest rise that stands out is that of a quarter of the life, so it
    must do so for a whole window at least: then it was seen in readings with nothing in common.
    """
    wanted_ms = params.persist_ms
    if params.combine is Combine.SQUARES:
        wanted_ms = max(wanted_ms, params.window_ms)
    if wanted_ms == 0:
        return True
    tail = _since_noise(points)
    return bool(tail) and tail[-1].mid_ms - tail[0].mid_ms >= wanted_ms


def forecast(
    points: Sequence[Point], *, at_ms: int, window_ms: int, every_ms: int, model_sd_pct: float = 0.0
) -> Runout | None:
    """When a straight line through the damage reaches 100 %; None without a significant trend.

    Least squares over the points since the damage last vanished in the noise. Windows that overlap
    share readings, so the standard errors are widened by ``sqrt(window / every)``. The 10 and 90 %
    bounds take slope and present damage 1.28 standard errors up or down together. What the line
    cannot show is how far a machine is off the law: ``model_sd_pct`` points of damage beside it.
    """
    tail = _since_noise(points)
    if len(tail) < TREND_POINTS_MIN:
        return None
    x = (np.array([p.mid_ms for p in tail], dtype=np.float64) - at_ms) / MS_PER_H
    y = np.array([p.raw_pct for p in tail])
    x_mean, y_mean, n = x.mean(), y.mean(), len(tail)
    sxx = float(np.dot(x - x_mean, x - x_mean))
    if sxx <= 0:
        return None
    slope = float(np.dot(x - x_mean, y - y_mean)) / sxx
    now = float(y_mean - slope * x_mean)
    rest = y - (now + slope * x)
    spread = np.sqrt(np.dot(rest, rest) / (n - 2) * max(1.0, window_ms / every_ms))
    slope_error = float(spread / np.sqrt(sxx))
    now_error = float(spread * np.sqrt(1 / n + x_mean**2 / sxx))
    if slope <= 0 or slope < TREND_T_MIN * slope_error:
        return None
    now_error = float(np.hypot(now_error, model_sd_pct))
    times = [
        _reached(now + sign * Z10 * now_error, slope + sign * Z10 * slope_error, at_ms)
        for sign in (1.0, 0.0, -1.0)
    ]
    return Runout(times[0], times[1], times[2], slope * 24.0)


def _reached(now_pct: float, slope_pct_h: float, at_ms: int) -> int:
    left_ms = max(0.0, (100.0 - now_pct) / slope_pct_h * MS_PER_H)
    return at_ms + min(round(left_ms), HORIZON_MS)


def _since_noise(points: Sequence[Point]) -> Sequence[Point]:
    for index in range(len(points) - 1, -1, -1):
        if points[index].raw_pct <= 0:
            return points[index + 1 :]
    return points
