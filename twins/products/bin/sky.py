"""Sun, cloud, rain and outdoor temperature over the sites of a fleet, drawn a block at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Streams
from twins.products.bin import model
from twins.products.bin.model import Columns

CLOUD_MEMORY_H = 8.0
"""Correlation time of the cloud index (estimate)."""
SPELL_MEMORY_H = 60.0
"""Correlation time of warm and cold spells (estimate)."""
SPELL_K = 3.0
"""Their standard deviation (estimate)."""
RAIN_SHARE = 0.1
"""Share of hours with rain, those of the thickest cloud (estimate for Edinburgh)."""


class Sky:
    """One sky per site: AR1 cloud index and AR1 departure from the mean temperature.

    Drawn in blocks of ``hours``; columns of a block have shape ``(hours, sites)``.

    Attributes:
        clearness: Share of the clear sky's radiation that arrives.
        spell_k: Departure from the mean outdoor temperature.
        rain: Whether it rains.
        lots: Three uniforms per site and block, for what happens to a whole site.
    """

    clearness: NDArray[np.float32]
    spell_k: NDArray[np.float32]
    rain: NDArray[np.bool_]
    lots: Columns

    def __init__(self, streams: Streams, sites: Sequence[str], *, hours: int) -> None:
        self._streams, self._sites, self._hours = streams, tuple(sites), hours
        draws = [streams.open(f"bin/sky/{site}").standard_normal(2) for site in sites]
        self._begin = np.array(draws)
        self._end, self._number = self._begin, -1
        self._rain_below = NormalDist().inv_cdf(RAIN_SHARE)

    def turn_to(self, number: int) -> None:
        """Draw block ``number``; blocks come one after another, from 0."""
        if number == self._number:
            return
        self._number, self._begin = number, self._end
        push = np.empty((self._hours, len(self._sites), 2))
        self.lots = np.empty((len(self._sites), 3))
        for index, site in enumerate(self._sites):
            rng = self._streams.block(f"bin/sky/{site}", number)
            push[:, index] = rng.standard_normal((self._hours, 2), dtype=np.float32)
            self.lots[index] = rng.random(3)
        memory = np.exp(-1.0 / np.array([CLOUD_MEMORY_H, SPELL_MEMORY_H]))
        push *= np.sqrt(1.0 - memory**2)
        state = self._begin
        for row in push:  # in place: the pushes become the states
            row += memory * state
            state = row
        self._end = state.copy()
        self.clearness = model.clearness(push[:, :, 0]).astype(np.float32)
        self.spell_k = (SPELL_K * push[:, :, 1]).astype(np.float32)
        self.rain = push[:, :, 0] < self._rain_below

    def dump(self) -> dict[str, Any]:
        """Where the present block began; it is drawn again from there."""
        return {"begin": self._begin}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave; the block is drawn when it is asked for."""
        self._begin = self._end = state["begin"]
        self._number = -1
