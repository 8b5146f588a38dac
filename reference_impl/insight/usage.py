"""``linear_use``: wear by usage, the default wear kit, and by time where nothing is counted.

Wear is use since fitting over standard use (L:wear-metrics, SP7). The forecast takes daily use as
independent from day to day: by the central limit theorem of renewal processes the time to use up
``R`` at mean ``m`` and standard deviation ``s`` a day has variance ``R s^2 / m^3``; that the mean
is itself an estimate of ``n`` days adds ``(R / m)^2 (s / m)^2 / n``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reference_impl.insight.domain import HORIZON_MS, Z10, Point, Runout
from reference_impl.insight.estimates import Estimate, Past, Readings
from reference_impl.kernel.counters import MS_PER_DAY, steps_of

MS_PER_H = 3_600_000.0
DAYS_MIN = 3
"""Daily uses that a forecast needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearUse:
    """Parameters; ``signal`` is a counter, or empty: then hours since fitting are the use.

    ``standard_use`` (in the counter's unit, or hours) is 100 %; ``tolerance_pct`` says how far
    beyond it the part may go (SP10). ``trend_ms``: days that the forecast looks back.
    """

    signal: str
    standard_use: float
    tolerance_pct: float = 0.0
    rollover: float = 0.0
    daily_max: float = 0.0
    trend_ms: int = 28 * MS_PER_DAY
    heals = False
    ends = "due"

    @property
    def limit(self) -> float:
        """Where wear is 100 %."""
        return self.standard_use

    def estimate(self, read: Readings, past: Past) -> Estimate | None:
        """Wear now; None before the first reading of the counter."""
        if not self.signal:
            return self._by_time(past)
        memory = past.memory or {}
        last_ms = int(memory.get("last_ms", past.reset_ms))
        at_ms, readings = read(self.signal, last_ms, past.at_ms)
        used = float(memory.get("used", 0.0))
        if "last" in memory:
            at_ms = np.concatenate([[last_ms], at_ms])
            readings = np.concatenate([[float(memory["last"])], readings])
        if not readings.size:
            return None
        steps = steps_of(at_ms, readings, rollover=self.rollover, daily_max=self.daily_max)
        used += float(steps.use.sum())
        raw_pct = 100.0 * used / self.standard_use
        point = Point(past.at_ms, raw_pct)
        kept = [p for p in past.points if p.mid_ms > past.at_ms - self.trend_ms]
        return Estimate(
            level=used,
            point=point,
            points=(*kept, point),
            runout=by_use([*kept, point], at_ms=past.at_ms),
            memory={"used": used, "last": float(readings[-1]), "last_ms": int(at_ms[-1])},
            jump=bool(steps.implausible.any()),
        )

    def _by_time(self, past: Past) -> Estimate:
        hours = (past.at_ms - past.reset_ms) / MS_PER_H
        due_ms = past.reset_ms + round(self.standard_use * MS_PER_H)
        raw_pct = 100.0 * hours / self.standard_use
        due_ms = min(max(due_ms, past.at_ms), past.at_ms + HORIZON_MS)
        point = Point(past.at_ms, raw_pct)
        runout = Runout(due_ms, due_ms, due_ms, 2400.0 / self.standard_use)
        return Estimate(hours, point, (point,), runout, past.memory, jump=False)


def by_use(points: Sequence[Point], *, at_ms: int) -> Runout | None:
    """When use reaches 100 %, from points of equal distance or not; None without any use."""
    if len(points) <= DAYS_MIN:
        return None
    times = np.array([p.mid_ms for p in points], dtype=np.float64) / MS_PER_DAY
    levels = np.array([p.raw_pct for p in points])
    days = np.diff(times)
    use = np.diff(levels)
    mean = float(use.sum() / days.sum())
    left = 100.0 - points[-1].raw_pct
    if mean <= 0:
        return None
    rest = (use - mean * days) / np.sqrt(days)  # variance grows with the time between
    variance = float(np.dot(rest, rest) / (use.size - 1))
    middle = max(left, 0.0) / mean
    # a day is the least, however few points a day there are: use repeats from day to day
    spread_d2 = middle * variance / mean**2 + middle**2 * variance / (mean**2 * float(days.sum()))
    spread = Z10 * float(np.sqrt(spread_d2))
    times_ms = [
        at_ms + min(round(max(t, 0.0) * MS_PER_DAY), HORIZON_MS)
        for t in (middle - spread, middle, middle + spread)
    ]
    return Runout(times_ms[0], times_ms[1], times_ms[2], mean)
