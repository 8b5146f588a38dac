"""Weather and dust of a fleet's sites, step by step; columns of shape ``(sites,)``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from twins.core.noise import Noise
from twins.core.streams import Streams
from twins.products.ventilation import model
from twins.products.ventilation.fan_kernels import Columns

WEATHER_SD_K, WEATHER_MEMORY_S = 3.5, 2 * 86_400.0
DUST_SD, DUST_MEMORY_S = 0.4, 86_400.0
"""Spread and memory of temperature and log dust around the climate (estimates)."""
SMOOTH_S = 3600.0
"""Air masses do not jump from minute to minute (estimate)."""


class Outdoors:
    """Temperature and dust as two AR1 around climate and season, one pair per site."""

    def __init__(
        self, sites: tuple[str, ...], streams: Streams, *, dt_s: float, mean_c: float, dust: float
    ) -> None:
        self._draws = Noise(streams, "ventilation/weather", sites, 2)
        self._mean_c, self._mean_dust = mean_c, dust
        memory = np.exp([-dt_s / WEATHER_MEMORY_S, -dt_s / DUST_MEMORY_S])
        self._memory = memory[:, None]
        self._push = (np.array([WEATHER_SD_K, DUST_SD]) * np.sqrt(1.0 - memory**2))[:, None]
        self._state = np.zeros((2, len(sites)))
        self._smooth, self._follow = np.zeros((2, len(sites))), 1.0 - math.exp(-dt_s / SMOOTH_S)

    def step(self, step: int, middle_ms: int) -> tuple[Columns, Columns]:
        """Outdoor temperature (degC) and fine dust (ug/m3) of step number ``step``."""
        self._state *= self._memory
        self._state += self._push * self._draws.row(step)
        self._smooth += self._follow * (self._state - self._smooth)
        outdoor_c = model.outdoor_temp_c(middle_ms, self._mean_c) + self._smooth[0]
        dust = self._mean_dust * model.dust_season(middle_ms) * math.exp(-0.5 * DUST_SD**2)
        return outdoor_c, dust * np.exp(self._smooth[1])

    def dump(self) -> dict[str, Any]:
        """What is remembered from step to step."""
        return {"state": self._state, "smooth": self._smooth}

    def load(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._state, self._smooth = state["state"], state["smooth"]
