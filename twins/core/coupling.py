"""What stands on one shaft or frame is shaken together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Streams

Columns = NDArray[np.float64]

FELT, FELT_SPREAD = 0.35, 0.35
"""Median share of a neighbour's rise that reaches another place on the same shaft, and its
log-spread (estimate; the healthy neighbours of three failing ones rose to 1.1-6.1 times their
level, M:ims)."""


class Frame:
    """Places in groups of ``group`` one after another, each on a frame of its own.

    What a place feels of its neighbours adds up as independent vibrations do, by the root of the
    sum of squares. Below the place's own level it hides, so that a neighbour rises later than the
    failing one, and less.
    """

    def __init__(
        self,
        places: Sequence[str],
        group: int,
        streams: Streams,
        *,
        felt: float = FELT,
        spread: float = FELT_SPREAD,
    ) -> None:
        assert len(places) % group == 0
        frames = len(places) // group
        # One stream per frame: another frame more or less shifts nobody's shares.
        names = [places[frame * group] for frame in range(frames)]
        normals = [streams.open(f"frame/{name}").standard_normal((group, group)) for name in names]
        shares = np.minimum(felt * np.exp(spread * np.array(normals)), 1.0)
        shares[:, np.arange(group), np.arange(group)] = 0.0
        self._squares = shares.reshape(frames, group, group) ** 2

    def felt(self, rise: Columns) -> Columns:
        """What each place feels of the rise of its neighbours, both of shape ``(places,)``."""
        frames, group, _ = self._squares.shape
        by_frame = (rise**2).reshape(frames, group, 1)
        return np.asarray(np.sqrt(self._squares @ by_frame).reshape(len(rise)))
