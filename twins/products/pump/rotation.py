"""Whose turn it is: sets of running pumps as "the first k usable ones from the lead on"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
NEVER = 99
"""Rank of a pump that must not run."""


class Rotation:
    """Tables for the stations of a fleet, made anew when a pump is lost or comes back.

    ``order[s, i, r]`` is the pump that stands ``r``-th (from 0) among the usable ones of station
    ``s``, counted round from pump ``i``; ``rank[s, i, j]`` is the reverse: pump ``j`` runs if its
    rank is below the number that run. ``most[s]`` is how many are usable. Behind them stand the
    spare ones, which only the high-level float starts; ``able[s]`` counts both.
    """

    def __init__(self, usable: NDArray[np.bool_], spare: NDArray[np.bool_]) -> None:
        stations, pumps = usable.shape
        self.most: Whole = usable.sum(axis=1)
        self.able: Whole = self.most + spare.sum(axis=1)
        self.rank = np.full((stations, pumps, pumps), NEVER)
        self.order = np.zeros((stations, pumps, pumps), dtype=np.int64)
        every = np.arange(stations)
        for first in range(pumps):
            so_far = np.zeros(stations, dtype=np.int64)
            groups = (usable, spare) if spare.any() else (usable,)
            for group, turn in ((group, turn) for group in groups for turn in range(pumps)):
                pump = (first + turn) % pumps
                fits = group[:, pump]
                self.rank[fits, first, pump] = so_far[fits]
                self.order[every[fits], first, so_far[fits]] = pump
                so_far += fits
        self.follows = np.where(self.most[:, None] > 1, self.order[:, :, min(1, pumps - 1)], 0)
        alone = self.most[:, None] <= 1
        self.follows = np.where(alone, self.order[:, :, 0], self.follows)
