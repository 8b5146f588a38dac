"""``fill_forecast``: when a container is full, from how it filled at each hour of the week.

What comes in between two emptyings never goes out, so the chance of being full at ``t`` is the
chance that the level at ``t`` is beyond the brim: no first passage to work out. The level is the
present one plus the mean of each hour to come; its variance is that of the hours, widened where
whole days differ more than independent hours would (weather, events). Source: domain reference
6.3, Computed ("fill rate per hour-of-week; time to full with interval").
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from reference_impl.insight.domain import Z10, Point, Runout
from reference_impl.insight.estimates import Estimate, Past, Readings
from reference_impl.insight.zones import hours_of_week
from reference_impl.kernel.ports import Floats, Times

H_MS = 3_600_000
HOURS_MIN = 48
AHEAD_H = 42 * 24
"""A forecast looks six weeks ahead, then says: not in sight."""
WEEK_H = 168


@dataclass(frozen=True, slots=True, kw_only=True)
class FillForecast:
    """Parameters: ``full`` in the signal's unit; a fall of ``emptied_drop`` is an emptying."""

    signal: str
    full: float
    emptied_drop: float
    history_ms: int
    heals = True

    @property
    def limit(self) -> float:
        """Where it is full."""
        return self.full

    def estimate(self, read: Readings, past: Past) -> Estimate | None:
        """Level and time to full; None without two days of readings."""
        end_ms = past.at_ms
        at_ms, values = read(self.signal, end_ms - self.history_ms, end_ms)
        if not at_ms.size:
            return None
        hours, levels = hourly(at_ms, values)
        level = level_now(at_ms, values, emptied_drop=self.emptied_drop)
        raw_pct = 100.0 * level / self.full
        point = Point(int(at_ms[-1]), raw_pct)
        runout = None
        if hours.size >= HOURS_MIN:
            habits = habits_of(hours, levels, self.emptied_drop, past.time_zone)
            runout = time_to_full(habits, level=level, full=self.full, past=past)
        return Estimate(level, point, (point,), runout, None, jump=False)


class Habits(NamedTuple):
    """By hour of the week, ``(168,)``: mean and variance of what comes in; noise of a reading."""

    mean: Floats
    variance: Floats
    widened: float
    noise_variance: float


def hourly(at_ms: Times, values: Floats) -> tuple[Times, Floats]:
    """The last reading of each hour that has one: hour numbers and levels, ``(n,)`` each."""
    hours = at_ms // H_MS
    last = np.flatnonzero(np.append(hours[1:] != hours[:-1], True))
    return hours[last], values[last]


def level_now(at_ms: Times, values: Floats, *, emptied_drop: float) -> float:
    """The present level: median of the last readings of two hours that no emptying parts."""
    recent = values[at_ms > at_ms[-1] - 2 * H_MS]
    fell = np.flatnonzero(np.diff(recent) <= -emptied_drop)
    start = 0 if not fell.size else int(fell[-1]) + 1
    return float(np.median(recent[start:]))


def habits_of(hours: Times, levels: Floats, emptied_drop: float, time_zone: str) -> Habits:
    """What comes in by hour of the week; an hour without a history takes the mean of all."""
    gap_h = np.diff(hours)
    rise = np.diff(levels)
    kept = (gap_h == 1) & (rise > -emptied_drop)
    if not kept.any():
        return Habits(np.zeros(WEEK_H), np.zeros(WEEK_H), 1.0, 0.0)
    ends, rise = hours[1:][kept], rise[kept]
    place = hours_of_week(time_zone, ends)
    neighbours = np.flatnonzero(np.diff(ends) == 1)
    # noise of a reading stands in one rise with plus, in the next with minus
    pairs = rise[neighbours] * rise[neighbours + 1]
    noise = max(0.0, float(rise.mean() ** 2 - pairs.mean())) if pairs.size else 0.0
    count = np.bincount(place, minlength=WEEK_H).astype(np.float64)
    overall = max(float(rise.mean()), 0.0)
    # two hours' worth of the overall mean stand behind each hour: few weeks are few readings
    mean = (np.bincount(place, rise, WEEK_H) + 2.0 * overall) / (count + 2.0)
    mean = np.maximum(mean, 0.0)
    rest = rise - mean[place]
    per_hour = max(float(np.dot(rest, rest) / rest.size) - 2.0 * noise, 0.0)
    variance = np.where(mean > 0, per_hour * mean / max(float(mean.mean()), 1e-9), 0.0)
    return Habits(mean, variance, _widened(ends, rest, variance[place]), noise)


def _widened(ends: Times, rest: Floats, variance: Floats) -> float:
    """By how much days differ more than their hours, at least 1."""
    days = ends // 24
    _, place = np.unique(days, return_inverse=True)
    total, expected = np.bincount(place, rest), np.bincount(place, variance)
    if total.size < 3 or expected.sum() <= 0:
        return 1.0
    return max(1.0, float(np.dot(total, total) / expected.sum()))


def time_to_full(habits: Habits, *, level: float, full: float, past: Past) -> Runout | None:
    """When the level reaches the brim: 10, 50 and 90 % of cases are earlier."""
    if habits.mean.sum() <= 0:
        return None
    place = _ahead(past.time_zone, past.at_ms // H_MS)
    mean = np.cumsum(habits.mean[place])
    spread = np.sqrt(habits.noise_variance + habits.widened * np.cumsum(habits.variance[place]))
    times = [
        _crossing(level + mean + sign * Z10 * spread, level, full, past.at_ms)
        for sign in (1.0, 0.0, -1.0)
    ]
    if times[1] is None:
        return None
    far_ms = past.at_ms + AHEAD_H * H_MS
    p10, p50, p90 = (far_ms if t is None else t for t in times)
    daily = 24.0 * float(habits.mean.mean()) * 100.0 / full
    return Runout(p10, p50, p90, daily)


@lru_cache(maxsize=4096)
def _ahead(time_zone: str, hour: int) -> Times:
    return hours_of_week(time_zone, np.arange(hour + 1, hour + 1 + AHEAD_H, dtype=np.int64))


def _crossing(path: Floats, level: float, full: float, at_ms: int) -> int | None:
    if level >= full:
        return at_ms
    beyond = np.flatnonzero(path >= full)
    if not beyond.size:
        return None
    hour = int(beyond[0])
    before = level if hour == 0 else float(path[hour - 1])
    share = (full - before) / max(float(path[hour]) - before, 1e-9)
    return at_ms + round((hour + min(max(share, 0.0), 1.0)) * H_MS)
