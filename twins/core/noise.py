"""Noise of many channels of many devices: a counter-based generator, as columns.

A draw is a function of seed, purpose, device, row and channel, so nothing is remembered, a snapshot
needs no generator, and one more device changes nobody's noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from twins.core.sensor_kernel import OCTAVE, noise_row
from twins.core.streams import Streams, keys

Floats = NDArray[np.float32]


def _table() -> Floats:
    """The inverse of the normal distribution below its middle as straight pieces, ``(2, pieces)``.

    Of a draw of 31 bits, ``size`` = draw + 0.5 is a share of 2^32; a piece is value and slope, and
    each octave of ``size`` has as many pieces, so that tails are as exact as the middle: chords
    are 5e-5 off at most, and the variance is 1 + 3e-5. The farthest is 6.3 standard deviations.
    """
    pieces = 1 << OCTAVE
    ends = [
        2.0**octave * (1.0 + piece / pieces) for octave in range(-1, 31) for piece in range(pieces)
    ]
    values = [NormalDist().inv_cdf(end * 2.0**-32) for end in ends]
    size, value = np.array([*ends, 2.0**31]), np.array([*values, 0.0])
    slope = np.diff(value) / np.diff(size)
    # A draw that is rounded up to the middle has a piece of its own.
    return np.array(
        [np.append(value[:-1] - slope * size[:-1], 0.0), np.append(slope, 0.0)], dtype=np.float32
    )


NORMAL = _table()
"""See ``sensor_kernel``."""


class Noise:
    """Standard normal draws of a fleet, rows of ``width`` channels for each device.

    Args:
        streams: Of the world.
        purpose: What the noise is for; another purpose, other draws.
        devices: Names of the devices.
        width: Channels.
    """

    def __init__(self, streams: Streams, purpose: str, devices: Sequence[str], width: int) -> None:
        self.keys = keys(f"{streams.seed}/{purpose}/{device}" for device in devices)
        self._width = width

    def row(self, number: int) -> Floats:
        """Row ``number`` (from 0), shape ``(width, n)``."""
        row = np.empty((self._width, len(self.keys)), dtype=np.float32)
        noise_row(self.keys, number, NORMAL, row)
        return row
