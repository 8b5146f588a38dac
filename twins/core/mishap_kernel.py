"""Natural faults of a fleet as a kernel: which of them come next, and when."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled
from twins.core.draw_kernel import uniform

Columns = NDArray[np.float64]
Whole = NDArray[np.int64]
Numbers = NDArray[np.int32]
Keys = NDArray[np.uint64]
Word = Any
"""A ``numpy.uint64``; mypy does not know what its arithmetic gives."""

TILE = 64
"""Devices whose next arrival is known together: a report looks through few of many."""


@compiled
def _gap_ms(key: Word, root: Word, number: int, mean_ms: float) -> float:
    """An exponential gap from draw ``number`` of a thing's stream (``Streams.uniforms``)."""
    return -math.log1p(-uniform(key, root, number)) * mean_ms


@compiled
def begin(  # noqa: PLR0917
    keys: Keys, roots: Keys, means_ms: Columns, next_ms: Columns, counts: Numbers, soonest: Columns
) -> None:
    """First arrivals: columns ``(faults, n)``, and the first of each tile ``(faults, tiles)``."""
    for fault in range(len(roots)):
        for i in range(len(keys)):
            counts[fault, i] = 1
            next_ms[fault, i] = _gap_ms(keys[i], roots[fault], counts[fault, i], means_ms[fault])
    note(next_ms, soonest)


@compiled
def note(next_ms: Columns, soonest: Columns) -> None:
    """Find the first arrival of each fault in each tile of devices."""
    for fault in range(len(next_ms)):
        for tile in range(soonest.shape[1]):
            soonest[fault, tile] = math.inf
        for i in range(next_ms.shape[1]):
            soonest[fault, i // TILE] = min(soonest[fault, i // TILE], next_ms[fault, i])


@compiled
def arrive(  # noqa: PLR0917
    by_ms: float, keys: Keys, roots: Keys, means_ms: Columns, next_ms: Columns, counts: Numbers,
    soonest: Columns, who: Whole, at_ms: Columns,
) -> int:  # fmt: skip
    """Take what comes until ``by_ms``, and draw what follows it.

    Args:
        by_ms: Since the start.
        keys: Of the devices.
        roots: Of the streams of the faults.
        means_ms: Mean gaps of the faults.
        next_ms: When each fault comes to each device, ``(faults, n)``; goes on.
        counts: Which of its kind that is; goes on.
        soonest: The first of each fault in each tile of devices, ``(faults, tiles)``.
        who: (fault, device, number) of what came, ``(room, 3)``, to be filled.
        at_ms: When it came, ``(room,)``.

    Returns:
        How many came; if there is no more room, call again.
    """
    found, n = 0, len(keys)
    for fault in range(len(roots)):
        for tile in range(soonest.shape[1]):
            if soonest[fault, tile] > by_ms:
                continue
            first = math.inf
            for i in range(tile * TILE, min((tile + 1) * TILE, n)):
                while next_ms[fault, i] <= by_ms:
                    if found == len(at_ms):
                        return found
                    at_ms[found] = next_ms[fault, i]
                    who[found, 0], who[found, 1], who[found, 2] = fault, i, counts[fault, i]
                    found += 1
                    counts[fault, i] += 1
                    next_ms[fault, i] += _gap_ms(
                        keys[i], roots[fault], counts[fault, i], means_ms[fault]
                    )
                first = min(first, next_ms[fault, i])
            soonest[fault, tile] = first
    return found
