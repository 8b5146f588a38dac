"""What flows to the stations: people by hour, weekday and season, rain through two reservoirs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.noise import Noise
from twins.core.twin import Build, Columns
from twins.core.weather import Moment
from twins.products.pump.columns import Table
from twins.products.pump.model import HOUR_MS
from twins.products.pump.rainfall import Interval, flow_in, interval

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
    """One catchment per site; its state lies with the wells."""

    def __init__(self, build: Build, wells: Table) -> None:
        self._build, self._wells = build, wells
        self._weather, self._calendar = build.weather, build.calendar
        self._intervals = 0
        self._pushes = Noise(build.streams, "pump/inflow", build.sites, 1)

    def next(self) -> None:
        """Mean inflow of the report interval that begins, and its rain, to every station."""
        shared, rain_mm_h, normals = self.foresee()
        flow_in(shared, self._wells, rain_mm_h, normals)

    def foresee(self) -> tuple[Interval, Columns, NDArray[np.float32]]:
        """The report interval that begins: what all share, its rain, and what pushes the flows.

        The last two have shape ``(stations,)``.
        """
        params, every_ms = self._build.params, self._build.report_every_ms
        [pushes] = self._pushes.row(self._intervals)
        middle_ms = self._build.start_ms + self._intervals * every_ms + every_ms // 2
        self._intervals += 1
        dry_factor = dry_weather_factor(
            self._calendar.at(middle_ms),
            stretch=params["diurnal_stretch"],
            season=params["season_swing"],
        )
        shared = interval(
            middle_ms, hours=every_ms / HOUR_MS, dry_factor=dry_factor,
            wet_share=24.0 * params["rain_share"],
        )  # fmt: skip
        return shared, self._weather.at(middle_ms).rain_mm_h, pushes

    def storm(self, site: int, *, mm_h: float, until_ms: float) -> None:
        """Let it rain so much more on a site, up to a time."""
        well = self._wells[site]
        well.storm_mm_h, well.storm_until_ms = mm_h, until_ms

    def dump(self) -> dict[str, Any]:
        """How many intervals have begun."""
        return {"intervals": self._intervals}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._intervals = state["intervals"]
