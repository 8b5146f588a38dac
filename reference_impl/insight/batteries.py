"""``battery_autonomy``: how many days a battery lasts without charge.

While nothing charges, the voltage of a lead battery falls about in proportion to what is taken
(between full and cut-off, at the small currents of a device). The rate of the dark hours of a
window, over what is left above the cut-off, gives days. Source: domain reference 6.3, Computed;
lead-acid state of charge by rest voltage, 11.8 V empty to 12.7 V full (handbook).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference_impl.insight.domain import Point, forecast
from reference_impl.insight.estimates import Estimate, Past, Readings
from reference_impl.kernel.ports import Floats, Times

H_MS = 3_600_000
DARK_H_MIN = 4.0
"""Dark hours that a rate needs."""
REST_H = 2
"""Hours after charging in which surface charge goes, not what is taken."""
AUTONOMY_MAX_D = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryAutonomy:
    """Parameters: ``cutoff`` in the signal's unit, ``standard_d`` days are wear 0 %."""

    signal: str
    charge: str
    cutoff: float
    standard_d: float
    window_ms: int
    trend_ms: int
    heals = True
    ends = "flat"

    @property
    def limit(self) -> float:
        """Where the device stops."""
        return self.cutoff

    def estimate(self, read: Readings, past: Past) -> Estimate | None:
        """Days of autonomy as level; None without dark hours in the window."""
        after_ms = past.at_ms - self.window_ms
        days = autonomy_d(
            *read(self.signal, after_ms, past.at_ms),
            *read(self.charge, after_ms, past.at_ms),
            cutoff=self.cutoff,
        )
        if days is None:
            return None
        raw_pct = min(max(100.0 * (1.0 - days / self.standard_d), 0.0), 100.0)
        point = Point(past.at_ms, raw_pct)
        kept = tuple(p for p in past.points if p.mid_ms > past.at_ms - self.trend_ms)
        points = (*kept, point)
        runout = forecast(
            points, at_ms=past.at_ms, window_ms=self.window_ms, every_ms=past.every_ms
        )
        return Estimate(days, point, points, runout, None, jump=False)


def autonomy_d(
    at_ms: Times, volts: Floats, charge_ms: Times, charge: Floats, *, cutoff: float
) -> float | None:
    """Days until the cut-off at the rate of the dark hours; None if there are too few.

    The voltage to begin with is the highest of each night's rested readings, as median.
    """
    if at_ms.size < 2 or not charge_ms.size:
        return None
    newest = np.searchsorted(charge_ms, at_ms, side="right") - 1
    dark = (newest >= 0) & (charge[np.maximum(newest, 0)] <= 0)
    lit_ms = charge_ms[charge > 0]
    last_lit = np.searchsorted(lit_ms, at_ms, side="right") - 1
    since_ms = np.where(
        last_lit >= 0, at_ms - lit_ms[np.maximum(last_lit, 0)] if lit_ms.size else 0, 2**60
    )
    rested = dark & (since_ms > REST_H * H_MS)
    night = np.cumsum(~rested)
    both = rested[1:] & rested[:-1] & (night[1:] == night[:-1])
    hours = float(np.diff(at_ms)[both].sum()) / H_MS
    if hours < DARK_H_MIN:
        return None
    fallen = float(-np.diff(volts)[both].sum())
    tops = [
        float(np.max(volts[rested & (night == one)])) for one in np.unique(night[rested]).tolist()
    ]
    left = max(float(np.median(tops)) - cutoff, 0.0)
    per_day = 24.0 * fallen / hours
    return AUTONOMY_MAX_D if per_day * AUTONOMY_MAX_D <= left else left / per_day
