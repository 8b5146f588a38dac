"""Rain, temperature, wind and cloud over a region, hour by hour.

A weather field of latent AR1 processes (unit variance, hourly): two of the region for rain (fronts
and showers), one each for cloud, warm and cold spells, wind; and two of each weather cell (rain and
temperature). A site has the weather of its cell, about as far across as a radar's or a weather
model's. Every figure without another source is an estimate.

Block ``k`` (30 days since the epoch) is a function of the seed and ``k``: its processes begin
20 days earlier, on the noise of block ``k - 1``. The longest memory (60 h) has forgotten its
beginning by then (e^-8), so blocks join smoothly and nothing is kept for a snapshot.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from twins.core.manifest import Param
from twins.core.streams import Streams
from twins.core.weather import Columns, Sky
from twins.field.places import COUNTRIES, Points
from twins.field.spells import Spells

NAME = "weather"
HOUR_MS = 3_600_000
BLOCK_H, WARM_UP_H = 720, 480
GRID = 6
"""Weather cells along one side of the region's square."""
CELLS = GRID * GRID
FRONT_H, SHOWER_H, CLOUD_H, SPELL_H, WIND_H = 18.0, 4.0, 15.0, 60.0, 12.0
"""Memories of the region's processes."""
CELL_RAIN_H, CELL_TEMP_H = 3.0, 12.0
FRONT_VAR, SHOWER_VAR = 0.55, 0.25
"""Shares of the rain process that the whole region has in common; the rest is each cell's own."""
RAIN_POWER = 1.4
"""Rain grows with this power of how far its process is above the threshold: hours of drizzle,
few downpours."""
TRACE_MM_H = 0.02
"""Less is not rain."""
CLOUD_SPREAD, CLOUD_SHIFT = 2.0, 1.15
"""Sharpness and mean of the cover: clear or overcast more often than half, mean about 5/8."""
CELL_TEMP_K, CELL_OFFSET_K = 0.4, 0.5
BLOCKS_KEPT = 3
YEAR_D = 365.25


def params(country: str) -> Mapping[str, Param]:
    """The weather's parameters with the defaults of ``country``."""
    c = COUNTRIES[country]
    return {
        "latitude_deg": Param(unit="deg", default=c.latitude_deg, min=-65, max=65, title="north"),
        "longitude_deg": Param(unit="deg", default=c.longitude_deg, min=-180, max=180),
        "radius_km": Param(unit="km", default=10.0, min=0.5, max=200, title="sites lie within"),
        "mean_c": Param(unit="degC", default=c.mean_c, min=-20, max=35, title="mean of the year"),
        "season_k": Param(unit="K", default=c.season_k, min=0, max=25, title="summer above mean"),
        "diurnal_k": Param(unit="K", default=5.5, min=0, max=15, title="clear afternoon above"),
        "spell_k": Param(unit="K", default=3.2, min=0, max=10, title="warm and cold spells, sd"),
        "rain_mm_year": Param(unit="mm", default=c.rain_mm_year, min=0, max=4000, title="a year"),
        "wet_share": Param(unit="1", default=0.13, min=0.005, max=0.5, title="hours with rain"),
        "wind_m_s": Param(unit="m/s", default=3.8, min=0, max=15, title="mean of the year"),
    }


class Region:
    """The weather of all cells; sites of all fleets share it."""

    def __init__(self, streams: Streams, values: Mapping[str, float]) -> None:
        self._streams, self.values, self.spells = streams, values, Spells()
        self._blocks: OrderedDict[int, Sky] = OrderedDict()
        self._noise: OrderedDict[int, Columns] = OrderedDict()
        self._offset_k = CELL_OFFSET_K * streams.open("weather/cells").standard_normal(CELLS)
        self._threshold = NormalDist().inv_cdf(1.0 - values["wet_share"])
        wet_h = values["wet_share"] * 24.0 * YEAR_D
        self._rain_scale = values["rain_mm_year"] / wet_h / _excess(self._threshold)

    def over(self, points: Points) -> Outdoors:
        """The weather over sites at these points (km east and north of the depot)."""
        radius_km = self.values["radius_km"]
        grid = np.clip((points / radius_km + 1.0) / 2.0 * GRID, 0, GRID - 1).astype(np.int64)
        return Outdoors(self, grid[:, 0] * GRID + grid[:, 1])

    def block(self, number: int) -> Sky:
        """Hours ``number * 720`` and on since the epoch, shape ``(cells, 720)``."""
        if number not in self._blocks:
            self._blocks[number] = self._make(number)
            if len(self._blocks) > BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        return self._blocks[number]

    def _push(self, number: int) -> Columns:
        if number not in self._noise:
            draws = self._streams.block("weather/region", number)
            self._noise[number] = draws.standard_normal((BLOCK_H, 5 + 2 * CELLS))
            if len(self._noise) > 2:
                self._noise.popitem(last=False)
        return self._noise[number]

    def _make(self, number: int) -> Sky:
        before = self._push(number - 1)[-WARM_UP_H:]
        path = _ar1(np.concatenate([before, self._push(number)]))[WARM_UP_H:].T
        front, shower, cover, spell, gusts = path[:5]
        cell_rain, cell_temp = path[5 : 5 + CELLS], path[5 + CELLS :]
        hours = number * BLOCK_H + np.arange(BLOCK_H, dtype=np.float64)
        season = np.cos(2.0 * math.pi * (hours / 24.0 % YEAR_D - 200.0) / YEAR_D)
        if self.values["latitude_deg"] < 0.0:
            season = -season
        rain = self._rain(front, shower, cell_rain, season)
        latent = 0.75 * cover + 0.55 * front + 0.37 * shower
        cloud = 1.0 / (1.0 + np.exp(-1.702 * (CLOUD_SPREAD * latent + CLOUD_SHIFT)))
        cloud = np.where(rain > 0.0, np.maximum(cloud, 0.9), cloud)
        solar_h: Columns = (hours + self.values["longitude_deg"] / 15.0) % 24.0
        return Sky(
            self._temperature(spell, cell_temp, cloud, season, solar_h),
            rain,
            self._wind(front, gusts, season, solar_h),
            cloud,
        )

    def _rain(self, front: Columns, shower: Columns, cell: Columns, season: Columns) -> Columns:
        """Fewer wet hours in summer, but heavier ones (showers)."""
        own = math.sqrt(1.0 - FRONT_VAR - SHOWER_VAR)
        wet = math.sqrt(FRONT_VAR) * front + math.sqrt(SHOWER_VAR) * shower + own * cell
        above = np.maximum(wet - self._threshold - 0.12 * season, 0.0)
        rain = self._rain_scale * (1.0 + 0.35 * season) * above**RAIN_POWER
        return np.where(rain < TRACE_MM_H, 0.0, rain)

    def _temperature(
        self, spell: Columns, cell: Columns, cloud: Columns, season: Columns, solar_h: Columns
    ) -> Columns:
        """Warmest at three in the afternoon; clouds flatten the day, winter spells are longer."""
        v = self.values
        day = np.cos(2.0 * math.pi * (solar_h - 15.0) / 24.0) * (1.0 + 0.4 * season)
        region = v["mean_c"] + v["season_k"] * season + v["spell_k"] * (1.0 - 0.15 * season) * spell
        local = self._offset_k[:, None] + CELL_TEMP_K * cell
        swing = v["diurnal_k"] * day * (1.0 - 0.7 * cloud.mean(axis=0))
        return np.asarray(region + swing + local)

    def _wind(self, front: Columns, gusts: Columns, season: Columns, solar_h: Columns) -> Columns:
        """Rayleigh distributed (Weibull with shape 2, the usual one of wind), windier fronts.

        Stronger in winter and after noon; the same over the whole region.
        """
        latent = 0.45 * front + math.sqrt(1.0 - 0.45**2) * gusts
        strength = np.sqrt(np.logaddexp(0.0, 1.702 * latent)) / math.gamma(1.5)
        day = 1.0 + 0.2 * np.cos(2.0 * math.pi * (solar_h - 14.0) / 24.0)
        speed = self.values["wind_m_s"] * strength * day * (1.0 - 0.15 * season)
        return np.broadcast_to(speed, (CELLS, BLOCK_H))


class Outdoors:
    """The weather over the sites of one fleet (:class:`twins.core.weather.Weather`)."""

    def __init__(self, region: Region, cells: NDArray[np.int64]) -> None:
        self._region, self._cells = region, cells
        self._key, self._ends = -1, (np.empty(0), np.empty(0))

    @property
    def latitude_deg(self) -> float:
        """Of the region."""
        return self._region.values["latitude_deg"]

    @property
    def longitude_deg(self) -> float:
        """Of the region."""
        return self._region.values["longitude_deg"]

    def at(self, at_ms: int) -> Sky:
        """Between the full hours in a straight line; rain is the mean of its hour."""
        hour, rest_ms = divmod(at_ms, HOUR_MS)
        if hour != self._key:
            self._ends = self._hour(hour), self._hour(hour + 1)
            self._key = hour
        begin, end = self._ends
        now, cells = begin + (end - begin) * (rest_ms / HOUR_MS), self._cells
        sky = Sky(now[0][cells], begin[1][cells], now[2][cells], now[3][cells])
        return self._region.spells.over(sky, at_ms)

    def hours(self, from_ms: int, count: int) -> Sky:
        """The full hours from the one that contains ``from_ms``."""
        hour, parts = from_ms // HOUR_MS, []
        all_ms = range(hour * HOUR_MS, (hour + count) * HOUR_MS, HOUR_MS)
        while count > 0:
            number, row = divmod(hour, BLOCK_H)
            here = min(count, BLOCK_H - row)
            parts.append([one[:, row : row + here] for one in self._region.block(number)])
            hour, count = hour + here, count - here
        joined = (np.concatenate(columns, axis=1) for columns in zip(*parts, strict=True))
        return self._region.spells.over_hours(Sky(*(one[self._cells] for one in joined)), all_ms)

    def _hour(self, hour: int) -> Columns:
        """The full hour over each cell: there are fewer of them than sites."""
        number, row = divmod(hour, BLOCK_H)
        return np.array([one[:, row] for one in self._region.block(number)])


def _ar1(push: Columns) -> Columns:
    """Unit-variance AR1 paths from white noise, shape ``(hours, processes)``."""
    memories = [FRONT_H, SHOWER_H, CLOUD_H, SPELL_H, WIND_H]
    memories += [CELL_RAIN_H] * CELLS + [CELL_TEMP_H] * CELLS
    keep = np.exp(-1.0 / np.array(memories))
    push = push * np.sqrt(1.0 - keep**2)
    path = np.empty_like(push)
    state = push[0] / np.sqrt(1.0 - keep**2)
    path[0] = state
    for row in range(1, len(push)):
        state = keep * state + push[row]
        path[row] = state
    return np.asarray(path)


def _excess(threshold: float) -> float:
    """Mean of ``(z - threshold) ** RAIN_POWER`` of a standard normal above the threshold."""
    above = np.arange(0.0, 8.0, 0.002) + 0.001
    density = np.exp(-0.5 * (above + threshold) ** 2)
    return float((above**RAIN_POWER * density).sum() / density.sum())
