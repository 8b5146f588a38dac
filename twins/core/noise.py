"""Noise of many channels of many devices: a counter-based generator, as columns.

A draw is a function of seed, purpose, device, row and channel, so nothing is remembered, a snapshot
needs no generator, and one more device changes nobody's noise. A :class:`numpy.random.Generator`
per device and block of rows would give the same, but costs ten times as much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Streams, keys, mix64

Floats = NDArray[np.float32]
Words = NDArray[np.uint32]

ROWS_MAX = 64
"""Rows that are drawn at once at most: a small fleet pays for numpy's calls once per so many."""
AT_ONCE = 65_536
"""Draws that are made at a time: what is worked on then stays in a core's own cache."""
_GOLDEN_64 = 0x9E3779B97F4A7C15
_GOLDEN_32 = np.uint32(0x9E3779B9)
_ALL_64 = 2**64 - 1
_S15, _S16, _S32 = np.uint32(15), np.uint32(16), np.uint64(32)
_FIRST, _SECOND = np.uint32(0x21F0AAAD), np.uint32(0x735A2D97)


def pieces(channels: int, devices: int) -> tuple[slice, ...]:
    """Channels to work on at a time, so that what is worked on stays in a core's own cache."""
    some = max(1, AT_ONCE // max(2 * devices, 1))
    return tuple(slice(first, first + some) for first in range(0, channels, some))


def mix32(words: Words) -> None:
    """Mix 32-bit words in place so that every bit depends on every bit.

    Wellons' ``hash32`` (hash-prospector, 0x21f0aaad 0x735a2d97: bias 0.11 of one bit in 2^32).
    """
    spare = words >> _S16
    words ^= spare
    words *= _FIRST
    np.right_shift(words, _S15, out=spare)
    words ^= spare
    words *= _SECOND
    np.right_shift(words, _S15, out=spare)
    words ^= spare


class Noise:
    """Standard normal draws of a fleet, rows of ``width`` channels for each device.

    A row of a device starts from 64 bits, SplitMix64 of its key and the row's number. Their lower
    half is stepped from channel to channel and scrambled, the upper half is added to what that
    gives, and the whole is mixed. Two such words make two normals (Box and Muller), in float32:
    the farthest is 6.7 standard deviations out.

    Args:
        streams: Of the world.
        purpose: What the noise is for; another purpose, other draws.
        devices: Names of the devices.
        width: Channels.
    """

    def __init__(self, streams: Streams, purpose: str, devices: Sequence[str], width: int) -> None:
        self._keys = keys(f"{streams.seed}/{purpose}/{device}" for device in devices)
        pairs = (width + 1) // 2
        self._width, self._pairs = width, pairs
        self._steps = (np.arange(2 * pairs, dtype=np.uint32) * _GOLDEN_32)[:, None]
        drawn = max(len(devices) * 2 * pairs, 1)
        self._rows = max(1, min(ROWS_MAX, AT_ONCE // drawn))
        self._some = max(1, AT_ONCE // max(2 * pairs * self._rows, 1))
        self._block = np.empty((self._rows, 2 * pairs, len(devices)), dtype=np.float32)
        self._number = -1

    def row(self, number: int) -> Floats:
        """Row ``number`` (from 0), shape ``(width, n)``; it holds until the next call."""
        block, row = divmod(number, self._rows)
        if block != self._number:
            for first in range(0, len(self._keys), self._some):
                self._draw(block * self._rows, slice(first, first + self._some))
            self._number = block
        return self._block[row, : self._width]

    def _draw(self, first_row: int, devices: slice) -> None:
        counters = [(first_row + row + 1) * _GOLDEN_64 & _ALL_64 for row in range(self._rows)]
        seeds = mix64(self._keys[devices] + np.array(counters, dtype=np.uint64)[:, None])
        words = seeds.astype(np.uint32)[:, None, :] + self._steps
        words ^= words >> _S16
        words *= _FIRST
        words ^= (seeds >> _S32).astype(np.uint32)[:, None, :]
        mix32(words)
        pairs, block = self._pairs, self._block[:, :, devices]
        radius = words[:, :pairs].astype(np.float32)
        radius += np.float32(0.5)
        radius *= np.float32(2.0**-32)
        np.log(radius, out=radius)
        radius *= np.float32(-2.0)
        np.sqrt(radius, out=radius)
        angle = words[:, pairs:].view(np.int32).astype(np.float32)
        angle *= np.float32(math.pi * 2.0**-31)
        np.multiply(radius, np.cos(angle), out=block[:, :pairs])
        np.multiply(radius, np.sin(angle), out=block[:, pairs:])
