"""Uniform draws of many things as kernels, and what they make of a sensor's fault."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]
Whole = NDArray[np.int64]
Keys = NDArray[np.uint64]
Word = Any
"""A ``numpy.uint64``; mypy does not know what its arithmetic gives."""

DRAWS = 6
"""Draws of a device's stream that belong to one fault of a sensor."""
HOUR_MS, DAY_MS = 3_600_000.0, 86_400_000
NEVER = 2**62
DROPOUT_H = (12.5, 0.93)
"""Median and log sigma of a gap: 52 of a plant historian, median 12.5 h, longest 105 h (M:dhi)."""
STUCK_H = (48.0, 1.0)
"""Level and pressure instruments stick for days (E, section 2)."""
VALUES = ("lasting", "size_pct", "offset", "per_day", "pct_per_day", "share_pct")
"""Parameters of faults of sensors, which have some of them each."""
_LASTING, _SIZE_PCT, _OFFSET, _PER_DAY, _PCT_PER_DAY, _SHARE_PCT = range(len(VALUES))
_SWAPPED, _BIASED, _DRIFTED, _STUCK, _SPIKE, _ZERO, _DROPOUT = range(7)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ONE_MIX, _OTHER_MIX = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S11, _S27, _S30, _S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)


@compiled
def mixed(word: Word) -> Word:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014), as ``streams.mix64``."""
    word = (word ^ (word >> _S30)) * _ONE_MIX
    word = (word ^ (word >> _S27)) * _OTHER_MIX
    return word ^ (word >> _S31)


@compiled
def uniform(key: Word, root: Word, number: int) -> float:
    """Draw ``number`` of a thing's uniform stream, as that of ``Streams.uniforms``."""
    word = mixed(mixed(mixed(key + root) ^ (np.uint64(number) * _GOLDEN)) + root)
    return (np.float64(word >> _S11) + 0.5) * 2.0**-53


@compiled
def uniforms(keys: Keys, root: Word, numbers: Whole, drawn: Columns) -> None:
    """Draws of things' uniform streams, each from its number on; shape ``(things, draws)``."""
    for thing in range(len(keys)):
        for i in range(drawn.shape[1]):
            drawn[thing, i] = uniform(keys[thing], root, numbers[thing] + i)


@compiled
def _normal(radius: float, angle: float) -> float:
    """A standard normal from two uniforms (Box and Muller)."""
    return math.sqrt(-2.0 * math.log(radius)) * math.cos(2.0 * math.pi * angle)


@compiled
def _size(kind: int, values: Columns, span: float, normal: float, sign: float) -> float:
    """What acts of a fault: an offset, a slope per ms or a share; see ``Broken``."""
    if kind == _SPIKE:
        share = values[_SIZE_PCT]
        if share == 0.0:
            share = sign * 10.0 * math.exp(normal)
        return float(min(max(share, -100.0), 100.0) / 100.0 * span)
    if kind == _BIASED:
        share = values[_SIZE_PCT]
        if share == 0.0:
            share = sign * (2.0 + 8.0 * min(abs(normal) / 3.0, 1.0))
        return float(values[_OFFSET] if values[_OFFSET] != 0.0 else share / 100.0 * span)
    if kind == _DRIFTED:
        slope = values[_PER_DAY]
        if slope == 0.0:
            slope = values[_PCT_PER_DAY] / 100.0 * span
        return float(slope / DAY_MS)
    return float(values[_SHARE_PCT] / 100.0) if kind == _ZERO else 0.0


@compiled
def _until_ms(kind: int, now_ms: int, every_ms: int, lasting_h: float, normal: float) -> int:
    """When a fault is over."""
    if lasting_h <= 0.0:
        if kind == _SPIKE:
            return now_ms + every_ms
        if kind in (_BIASED, _DRIFTED, _SWAPPED):
            return NEVER
        median_h, sigma = DROPOUT_H if kind == _DROPOUT else STUCK_H
        lasting_h = median_h * math.exp(sigma * normal)
    return now_ms + max(int(np.rint(lasting_h * HOUR_MS)), 1)


@compiled
def breaks(  # noqa: PLR0917
    draws: Columns, now_ms: int, every_ms: int, grain_ms: int, kinds: Whole, values: Columns,
    spans: Columns, named: Whole, faults: Whole, sizes: Columns,
) -> None:  # fmt: skip
    """What becomes of faults of sensors that begin now.

    Args:
        draws: Uniform, shape ``(n, DRAWS)``.
        now_ms: When.
        every_ms: How often devices report.
        grain_ms: They last so long, or a multiple of that.
        kinds: Of each fault, an index of ``KINDS`` of ``sensor_kernel.py``.
        values: Its parameters, rows of :data:`VALUES`.
        spans: Of the channels.
        named: The channels that were named, ``(n, 2)``; -1: chance takes one.
        faults: (channel, other channel, until, salt) of each, ``(n, 4)``, to be filled.
        sizes: What acts of each, to be filled.
    """
    channels = len(spans)
    for i in range(len(kinds)):
        kind, normal = kinds[i], _normal(draws[i, 2], draws[i, 3])
        channel = named[i, 0] if named[i, 0] >= 0 else int(draws[i, 0] * channels)
        other = named[i, 1] if named[i, 1] >= 0 else int(draws[i, 1] * channels)
        if other == channel:
            other = (channel + 1) % channels
        sign = 1.0 if draws[i, 4] < 0.5 else -1.0
        sizes[i] = _size(kind, values[i], spans[channel], normal, sign)
        if kind == _SWAPPED:
            sizes[i] = other
        until_ms = _until_ms(kind, now_ms, every_ms, values[i, _LASTING], normal)
        if until_ms < NEVER:
            until_ms = now_ms - (now_ms - until_ms) // grain_ms * grain_ms
        faults[i, 0], faults[i, 1], faults[i, 2] = channel, other, until_ms
        faults[i, 3] = int(draws[i, 5] * 2**31)
