"""``fill_forecast``: when a container is full, from how it filled at each hour of the week.

What comes in between two emptyings never goes out, so the chance of being full at ``t`` is the
chance that the level at ``t`` is beyond the brim: no first passage to work out. The level is the
present one plus the mean of each hour to come; its variance is that of whole days about what their
hours let expect (weather, events): hours of one day go together. Source: domain reference
6.3, Computed ("fill rate per hour-of-week; time to full with interval").
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, erfc, sqrt
from typing import NamedTuple

import numpy as np

from reference_impl.insight.domain import Z10, Point, Runout
from reference_impl.insight.estimates import Estimate, Past, Readings
from reference_impl.insight.zones import hours_of_week
from reference_impl.kernel.ports import Floats, Times

H_MS = 3_600_000
HOURS_MIN = 48
DAYS_MIN = 3
PRIOR_H = 0.5
CV_MIN = 0.1
"""Days differ by a tenth at least, whatever a short history says."""
AHEAD_H = 42 * 24
"""A forecast looks six weeks ahead, then says: not in sight."""
WEEK_H = 168
SMOOTH_H = 5
"""An echo is wild if it is half an emptying off the median of so many hours about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillForecast:
    """Parameters: ``full`` in the signal's unit; a fall of ``emptied_drop`` is an emptying."""

    signal: str
    full: float
    emptied_drop: float
    history_ms: int
    heals = True
    ends = "full"

    @property
    def limit(self) -> float:
        """Where it is full."""
        return self.full

    def estimate(self, read: Readings, past: Past) -> Estimate | None:
        """Level and time to full; None without two days of readings."""
        seen = self.look(read, past)
        if seen is None:
            return None
        level, point = seen.level, Point(seen.heard_ms, 100.0 * seen.level / self.full)
        runout = None
        if seen.habits is not None:
            runout = time_to_full(seen.habits, level=level, full=self.full, past=past)
        return Estimate(level, point, (point,), runout, None, jump=False)

    def look(self, read: Readings, past: Past) -> Seen | None:
        """What readings say; None without any."""
        end_ms = past.at_ms
        at_ms, values = read(self.signal, end_ms - self.history_ms, end_ms)
        if not at_ms.size:
            return None
        hours, levels = hourly(at_ms, values)
        habits = None
        if hours.size >= HOURS_MIN:
            calm = without_wild(levels, self.emptied_drop / 2.0)
            habits = habits_of(hours, calm, self.emptied_drop, past.time_zone)
        level = level_now(at_ms, values, emptied_drop=self.emptied_drop)
        return Seen(level, int(at_ms[-1]), habits)

    def full_within(self, seen: Seen, past: Past, within_h: float) -> float:
        """The chance to be full in so many hours (at most six weeks); NaN without habits."""
        if seen.level >= self.full:
            return 1.0
        if seen.habits is None:
            return float("nan")
        mean, spread = course(seen.habits, past)
        hour = min(max(ceil(within_h), 1), AHEAD_H) - 1
        room = self.full - seen.level - float(mean[hour])
        return 0.5 * erfc(room / max(float(spread[hour]), 1e-9) / sqrt(2.0))


class Habits(NamedTuple):
    """What comes in at each hour of the week, ``(168,)``; by how much days differ; sensor noise.

    ``day_cv2``: squared coefficient of variation of a day's total about what its hours let expect;
    ``hour_cv2``: of an hour about its share of its day.
    """

    mean: Floats
    day_cv2: float
    hour_cv2: float
    noise_variance: float


class Seen(NamedTuple):
    """What readings say of a container: its level, when it was heard last, and its habits."""

    level: float
    heard_ms: int
    habits: Habits | None
    """None: of too few hours."""


def hourly(at_ms: Times, values: Floats) -> tuple[Times, Floats]:
    """The (lower) median of each hour that has a reading: hour numbers, levels, ``(n,)`` each."""
    hours = at_ms // H_MS
    order = np.lexsort((values, hours))
    starts = np.flatnonzero(np.append(True, hours[1:] != hours[:-1]))
    counts = np.diff(np.append(starts, hours.size))
    return hours[starts], values[order[starts + (counts - 1) // 2]]


def without_wild(levels: Floats, by: float) -> Floats:
    """Levels, and the median of the hours about it in place of one that is ``by`` off it.

    A wild echo falls like an emptying and comes back like waste: the fall would be left out, the
    return counted.
    """
    about = np.pad(levels, SMOOTH_H // 2, mode="edge")
    medians = np.median(np.lib.stride_tricks.sliding_window_view(about, SMOOTH_H), axis=1)
    calm: Floats = np.where(np.abs(levels - medians) > by, medians, levels)
    return calm


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
        return Habits(np.zeros(WEEK_H), CV_MIN**2, 0.0, 0.0)
    ends, rise = hours[1:][kept], rise[kept]
    place = hours_of_week(time_zone, ends)
    neighbours = np.flatnonzero(np.diff(ends) == 1)
    # noise of a reading stands in one rise with plus, in the next with minus
    pairs = rise[neighbours] * rise[neighbours + 1]
    noise = max(0.0, float(rise.mean() ** 2 - pairs.mean())) if pairs.size else 0.0
    count = np.bincount(place, minlength=WEEK_H).astype(np.float64)
    overall = max(float(rise.mean()), 0.0)
    # a little of the overall mean stands behind each hour, for those that no reading told of
    mean = (np.bincount(place, rise, WEEK_H) + PRIOR_H * overall) / (count + PRIOR_H)
    # hours in which nothing comes in stand a little below 0 as often as above: kept so, for what
    # is cut off at 0 makes the sum too great
    usual = mean[place]
    day_cv2 = _day_cv2(ends, rise, usual, noise)
    rest = rise - usual
    over = float(np.dot(rest, rest)) - 2.0 * noise * rest.size
    hour_cv2 = max(over / max(float(np.dot(usual, usual)), 1e-9) - day_cv2, 0.0)
    return Habits(mean, day_cv2, hour_cv2, noise)


def _day_cv2(ends: Times, rise: Floats, expected: Floats, noise: float) -> float:
    """How much days differ from what their hours let expect; the noise of two readings is not it.

    That the habits were learned from so many days adds its share.
    """
    _, place = np.unique(ends // 24, return_inverse=True)
    total, usual = np.bincount(place, rise), np.bincount(place, expected)
    rest = total - usual
    scale = float(np.dot(usual, usual))
    if total.size < DAYS_MIN or scale <= 0:
        return CV_MIN**2
    spread = max(float(np.dot(rest, rest)) - 2.0 * noise * total.size, 0.0) / scale
    weeks = max(total.size / 7.0, 1.0)
    return max(spread * (1.0 + 1.0 / weeks), CV_MIN**2)


def time_to_full(habits: Habits, *, level: float, full: float, past: Past) -> Runout | None:
    """When the level reaches the brim: 10, 50 and 90 % of cases are earlier."""
    if habits.mean.sum() <= 0:
        return None
    mean, spread = course(habits, past)
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


def course(habits: Habits, past: Past) -> tuple[Floats, Floats]:
    """Mean and standard deviation of what comes in up to each hour ahead, ``(1008,)`` each."""
    place = _ahead(past.time_zone, past.at_ms // H_MS)
    mean = np.cumsum(habits.mean[place])
    hours = np.cumsum(habits.mean[place] ** 2)
    by_day, by_hour = habits.day_cv2 * _squares(mean), habits.hour_cv2 * hours
    spread: Floats = np.sqrt(habits.noise_variance + by_day + by_hour)
    return mean, spread


def _squares(path: Floats) -> Floats:
    """Sum of squares of what comes in by day: hours of a day go together, days do not."""
    begins = np.concatenate([[0.0], path[23:-1:24]])
    inside = path.reshape(-1, 24) - begins[:, None]
    whole = np.concatenate([[0.0], np.cumsum(inside[:-1, -1] ** 2)])
    summed: Floats = (whole[:, None] + inside**2).ravel()
    return summed


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
