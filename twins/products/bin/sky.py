"""Sun, cloud, rain and outdoor temperature over the sites of a fleet, hour by hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.products.bin import model
from twins.products.bin.dice import Dice
from twins.products.bin.model import Columns

CLOUD_MEMORY_H = 8.0
"""Correlation time of the cloud index (estimate)."""
SPELL_MEMORY_H = 60.0
"""Correlation time of warm and cold spells (estimate)."""
SPELL_K = 3.0
"""Their standard deviation (estimate)."""
RAIN_SHARE = 0.1
"""Share of hours with rain, those of the thickest cloud (estimate for Edinburgh)."""
_RAIN_BELOW = NormalDist().inv_cdf(RAIN_SHARE)


class Sky:
    """One sky per site: AR1 cloud index and AR1 departure from the mean temperature."""

    def __init__(self, seed: int, sites: Sequence[str]) -> None:
        self._dice = Dice(seed, "sky", sites)
        self._cloud, self._spell = Dice(seed, "sky/first", sites).normals(0)

    def next_hour(self, hour: int) -> None:
        """Move on to hour ``hour`` since the epoch; one after another."""
        cloud, spell = self._dice.normals(hour)
        self._cloud = _later(self._cloud, CLOUD_MEMORY_H, cloud)
        self._spell = _later(self._spell, SPELL_MEMORY_H, spell)

    @property
    def clearness(self) -> Columns:
        """Share of the clear sky's radiation that arrives, by site."""
        return model.clearness(self._cloud)

    @property
    def spell_k(self) -> Columns:
        """Departure from the mean outdoor temperature, by site."""
        return SPELL_K * self._spell

    @property
    def rain(self) -> NDArray[np.bool_]:
        """Whether it rains, by site."""
        return self._cloud < _RAIN_BELOW

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
