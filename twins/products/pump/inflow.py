"""What flows to the stations: people by hour, weekday and season, rain through two reservoirs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from twins.core.noise import Floats, Noise
from twins.core.twin import Build
from twins.core.weather import Moment
from twins.products.pump.model import HOUR_MS, Columns

HOUR_FACTORS = np.array(
    [
        0.86, 0.84, 0.81, 0.78, 0.81, 0.88, 0.94, 0.99, 1.03, 1.08, 1.14, 1.08,
        1.07, 1.11, 1.09, 1.08, 1.06, 1.12, 1.11, 1.13, 1.09, 1.02, 0.98, 0.89,
    ]
)  # fmt: skip
"""Dry-weather flow by hour of day over the mean, a large catchment, whole week (M:dhi)."""
WEEKEND = 0.87
"""Weekend over weekday mean (M:dhi)."""
LATE_RISE = np.zeros(24)
LATE_RISE[[5, 6, 7, 8, 9, 10, 11, 12, 18, 19, 20, 21]] = (
    -0.06, -0.09, -0.09, -0.03, 0.06, 0.10, 0.10, 0.05, -0.01, -0.02, -0.01, 0.0,
)  # fmt: skip
"""What a weekend is more than the whole week: people rise later. Its peak is at 10 h, that of
weekdays at 19 h (M:dhi); the size of the shift is an estimate."""
WEEKEND_FACTORS = HOUR_FACTORS + LATE_RISE - LATE_RISE.mean()
WEEKDAY_FACTORS = ((5.0 + 2.0 * WEEKEND) * HOUR_FACTORS - 2.0 * WEEKEND * WEEKEND_FACTORS) / 5.0
"""So that the mean over the week, by flow, is the measured one."""

RESIDUAL_SD = 0.15
"""Log-residual of dry inflow (0.35 with infiltration seasons, M:dhi; a dry quarter: estimate)."""
RESIDUAL_MEMORY_MS = 3 * HOUR_MS
"""Correlation time of that residual (estimate; acf 0.85-0.97 at 1 h, M:dhi)."""
FAST_H, SLOW_H, FAST_SHARE = 1.5, 30.0, 0.5
"""Two parallel linear reservoirs behind the rain: streets and drains, and the ground (estimate;
rain to flow lag 1 h, M:dhi)."""


def dry_weather_factor(now: Moment, *, stretch: float, season: float) -> float:
    """Dry-weather inflow over its mean: local hour (interpolated), weekend or holiday, season.

    Args:
        now: What clocks and calendar say.
        stretch: How much more a small catchment swings than the large one.
        season: Swing of the year: most in February (twice the least at 0.33, M:dhi).
    """
    hour = math.floor(now.hour - 0.5)
    weekend = not now.workday
    factors = WEEKEND_FACTORS if weekend else WEEKDAY_FACTORS
    low, high = float(factors[hour % 24]), float(factors[(hour + 1) % 24])
    factor = max(1.0 + stretch * (low + (now.hour - 0.5 - hour) * (high - low) - 1.0), 0.05)
    year = 1.0 + season * math.cos(2.0 * math.pi * (now.day_of_year - 45.0) / 365.25)
    return factor * year * (WEEKEND if weekend else 1.0)


class Catchments:
    """One catchment per site; columns of shape ``(sites,)``."""

    def __init__(self, build: Build, mean_m3_s: Columns) -> None:
        params = build.params
        self._build, self._mean_m3_s = build, mean_m3_s
        self._stretch, self._season = params["diurnal_stretch"], params["season_swing"]
        # m3/s of each reservoir's outflow per mm/h that has been raining for ever
        self._wet_m3_s = mean_m3_s * 24.0 * params["rain_share"]
        self._hours = build.report_every_ms / HOUR_MS
        self._memory = math.exp(-build.report_every_ms / RESIDUAL_MEMORY_MS)
        self._fast, self._slow = math.exp(-self._hours / FAST_H), math.exp(-self._hours / SLOW_H)
        sites = len(build.sites)
        self._weather, self._calendar = build.weather, build.calendar
        self._residual = np.zeros(sites)
        self._quick, self._ground = np.zeros(sites), np.zeros(sites)
        self.storm_mm_h, self.storm_until_ms = np.zeros(sites), np.zeros(sites)
        self.rain_mm_h = np.zeros(sites)
        self._intervals = 0
        self._pushes = Noise(build.streams, "pump/inflow", build.sites, 1)

    def next(self) -> Columns:
        """Mean inflow of the report interval that begins, m3/s; notes its rain, too."""
        every_ms = self._build.report_every_ms
        [push] = self._pushes.row(self._intervals)
        self._residual = _later(self._residual, self._memory, push)
        middle_ms = self._build.start_ms + self._intervals * every_ms + every_ms // 2
        self._intervals += 1
        self.rain_mm_h = self._weather.at(middle_ms).rain_mm_h
        if self.storm_until_ms.any():
            pours = np.where(middle_ms < self.storm_until_ms, self.storm_mm_h, 0.0)
            self.rain_mm_h = self.rain_mm_h + pours
        self._quick += (1.0 - self._fast) * (self.rain_mm_h - self._quick)
        self._ground += (1.0 - self._slow) * (self.rain_mm_h - self._ground)
        wet = FAST_SHARE * self._quick + (1.0 - FAST_SHARE) * self._ground
        dry = dry_weather_factor(
            self._calendar.at(middle_ms), stretch=self._stretch, season=self._season
        )
        return self._mean_m3_s * (dry * np.exp(RESIDUAL_SD * self._residual)) + self._wet_m3_s * wet

    def storm(self, site: int, *, mm_h: float, until_ms: float) -> None:
        """Let it rain so much more on a site, up to a time."""
        self.storm_mm_h[site], self.storm_until_ms[site] = mm_h, until_ms

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in _STATE}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            setattr(self, name, state[name])


_STATE = (
    "_residual", "_quick", "_ground", "storm_mm_h", "storm_until_ms", "rain_mm_h",
    "_intervals",
)  # fmt: skip


def _later(state: Columns, memory: float, push: Floats) -> Columns:
    """One step of an AR1 with unit variance."""
    return memory * state + math.sqrt(1.0 - memory * memory) * push
