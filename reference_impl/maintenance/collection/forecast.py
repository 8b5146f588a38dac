"""How likely a container is full before the next route comes by (rule B2 of domain 6.3).

What comes in between now and then is gamma distributed: its mean by the recent rate, its spread by
how much days differ. The chance to be beyond the brim is taken by the cube root (Wilson & Hilferty
1931), which needs no table and is the same everywhere.
"""

from __future__ import annotations

from math import erfc, sqrt
from typing import NamedTuple

import numpy as np

from reference_impl.kernel.ports import Bools, Floats

STEP_H = 4
"""Readings are taken by so many hours: a single wild echo weighs an eighth."""
HISTORY_D = 7
STEPS = HISTORY_D * 24 // STEP_H
EMPTIED = 0.15
"""A fall by this share of full is an emptying, and tells nothing of what comes in."""
DAY_CV = 0.35
"""How much days differ where nobody has seen three of them (log-spread of days, estimate)."""
DAY_CV_MIN = 0.1
DAYS_MIN = 3


class Filling(NamedTuple):
    """What is known of some containers, columns of shape ``(things,)``."""

    level: Floats
    """Share of full now; NaN: nobody knows."""
    per_h: Floats
    """Share of full that comes in an hour; NaN: nobody knows."""
    day_cv: float
    """Standard deviation of a day over its mean, of all of them together."""


def filling(levels: Floats, now: Floats) -> Filling:
    """What levels say.

    Args:
        levels: Shares of full, means of :data:`STEP_H` hours each, oldest first, shape
            ``(steps, things)``.
        now: Shares of full, shape ``(things,)``.
    """
    rise = np.diff(levels, axis=0)
    kept = np.isfinite(rise) & (rise > -EMPTIED)
    count = kept.sum(axis=0)
    total = np.where(kept, rise, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        per_h = np.where(count > 0, np.maximum(total, 0.0) / (count * STEP_H), np.nan)
    return Filling(now, per_h, _day_cv(rise, kept))


def _day_cv(rise: Floats, kept: Bools) -> float:
    """From whole days without an emptying, of all containers that have enough of them."""
    a_day = 24 // STEP_H
    days = rise.shape[0] // a_day
    if days < DAYS_MIN:
        return DAY_CV
    tail = slice(rise.shape[0] - days * a_day, None)
    shape = (days, a_day, rise.shape[1])
    whole: Bools = np.asarray(kept[tail].reshape(shape).all(axis=1))
    sums = np.where(whole, np.where(kept, rise, 0.0)[tail].reshape(shape).sum(axis=1), 0.0)
    count = whole.sum(axis=0)
    enough = count >= DAYS_MIN
    if not enough.any():
        return DAY_CV
    mean = sums[:, enough].sum(axis=0) / count[enough]
    rest = np.where(whole[:, enough], sums[:, enough] - mean, 0.0)
    over = float((rest**2).sum() / (count[enough] - 1).sum())
    scale = float((mean**2).mean())
    return max(sqrt(over / scale), DAY_CV_MIN) if scale > 0.0 else DAY_CV


def full_within(known: Filling, hours: float) -> Floats:
    """The chance of each to be full within so many hours; NaN where nobody knows."""
    mean = known.per_h * hours
    cv2 = known.day_cv**2 * min(1.0, 24.0 / hours)
    return np.array(
        [
            _beyond(room, expected, cv2)
            for room, expected in zip((1.0 - known.level).tolist(), mean.tolist(), strict=True)
        ]
    )


def _beyond(room: float, mean: float, cv2: float) -> float:
    if room <= 0.0:
        return 1.0
    if not mean > 0.0:
        return 0.0 if mean == 0.0 else float("nan")
    shift = cv2 / 9.0
    z = ((room / mean) ** (1.0 / 3.0) - (1.0 - shift)) / sqrt(shift)
    return 0.5 * erfc(z / sqrt(2.0))
