"""Sun, cloud and outdoor temperature over the sites of a fleet, hour by hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from twins.core.streams import Streams
from twins.products.bin import model
from twins.products.bin.model import Columns

HOURS_A_BLOCK = 24
CLOUD_MEMORY_H = 8.0
"""Correlation time of the cloud index (estimate)."""
SPELL_MEMORY_H = 60.0
"""Correlation time of warm and cold spells (estimate)."""
SPELL_K = 3.0
"""Their standard deviation (estimate)."""


class Sky:
    """One sky per site: AR1 cloud index and AR1 departure from the mean temperature."""

    def __init__(
        self, streams: Streams, sites: Sequence[str], *, latitude_deg: float, longitude_deg: float
    ) -> None:
        self._streams, self._sites = streams, tuple(sites)
        self._latitude_deg, self._longitude_deg = latitude_deg, longitude_deg
        self._cloud, self._spell = np.zeros(len(sites)), np.zeros(len(sites))
        self._number, self._block = -1, np.empty(0)

    def next_hour(self, hour: int) -> None:
        """Move on to hour ``hour`` since the beginning; one after another, from 0."""
        number, row = divmod(hour, HOURS_A_BLOCK)
        if number != self._number:
            self._number = number
            self._block = np.array(
                [
                    self._streams.block(f"bin/sky/{site}", number).standard_normal(
                        (HOURS_A_BLOCK, 2)
                    )
                    for site in self._sites
                ]
            )
        push = self._block[:, row]
        self._cloud = _later(self._cloud, CLOUD_MEMORY_H, push[:, 0])
        self._spell = _later(self._spell, SPELL_MEMORY_H, push[:, 1])

    def radiation_w_m2(self, at_ms: int) -> Columns:
        """Global radiation by site."""
        sine = model.sun_height(
            at_ms, latitude_deg=self._latitude_deg, longitude_deg=self._longitude_deg
        )
        return model.clear_sky_w_m2(sine) * model.clearness(self._cloud)

    def outdoor_c(self, at_ms: int) -> Columns:
        """Outdoor temperature by site."""
        return model.outdoor_c(at_ms) + SPELL_K * self._spell

    def dump(self) -> dict[str, Any]:
        """What is remembered from hour to hour."""
        return {"cloud": self._cloud, "spell": self._spell}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._cloud, self._spell = state["cloud"], state["spell"]


def _later(state: Columns, memory_h: float, push: Columns) -> Columns:
    """One hour of an AR1 with unit variance."""
    memory = float(np.exp(-1.0 / memory_h))
    return memory * state + float(np.sqrt(1.0 - memory**2)) * push
