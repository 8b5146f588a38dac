"""Where bins say they stand: a position fix a day, with the errors of a parked receiver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from twins.core.streams import Streams
from twins.products.bin.kernels import Columns

DEG_PER_M = 1.0 / 111_320.0
TOWN_M = 2000.0
"""Spread of the bins about the middle of the town (estimate)."""
WANDER_M = (3.0, 8.0)
"""How far the fixes of a parked receiver spread, by bin (section 3: 3 to 8 m)."""


class Places:
    """True places and what the receivers make of them; columns of shape ``(n, 2)``: north, east."""

    def __init__(
        self, streams: Streams, devices: tuple[str, ...], *, latitude_deg: float,
        longitude_deg: float,
    ) -> None:  # fmt: skip
        draws = [streams.open(f"bin/place/{device}") for device in devices]
        home_m = TOWN_M * np.array([rng.standard_normal(2) for rng in draws])
        low, high = WANDER_M
        self._wander_m = low + (high - low) * np.array([[rng.random()] for rng in draws])
        east_deg_per_m = DEG_PER_M / np.cos(np.radians(latitude_deg))
        self._deg_per_m = np.array([DEG_PER_M, east_deg_per_m])
        self._home_m = home_m
        self._home_deg = np.array([latitude_deg, longitude_deg]) + home_m * self._deg_per_m
        self.drift_m_day = np.zeros((len(devices), 2))
        self.drifts_from_h = np.zeros(len(devices))

    def home_km(self, device: int) -> tuple[float, float]:
        """Where a bin stands, km east and north of the middle of the town."""
        north_m, east_m = self._home_m[device].tolist()
        return east_m / 1000.0, north_m / 1000.0

    def fix_deg(self, errors: Columns, now_h: float) -> Columns:
        """Latitude and longitude by the receivers, from standard normal ``errors``."""
        days = np.maximum(now_h - self.drifts_from_h, 0.0) / 24.0
        error_m = self._wander_m * errors + self.drift_m_day * days[:, None]
        return np.asarray(self._home_deg + error_m * self._deg_per_m)

    def drift(self, device: int, *, m_per_day: float, from_h: float) -> None:
        """Let the fixes walk away to the north-east (0: they come back)."""
        self.drift_m_day[device] = m_per_day * np.sqrt(0.5)
        self.drifts_from_h[device] = from_h

    def dump(self) -> dict[str, Any]:
        """What changes."""
        return {"drift_m_day": self.drift_m_day, "drifts_from_h": self.drifts_from_h}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.drift_m_day, self.drifts_from_h = state["drift_m_day"], state["drifts_from_h"]
