"""Tours: nearest neighbour, then 2-opt (twins reference, section 6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PASSES_MAX = 40
"""Sweeps of 2-opt; it stops at the first that finds nothing."""
GAIN_MIN_KM = 1e-9


def tour(points: NDArray[np.float64]) -> list[int]:
    """A short round trip from the origin (the depot) through all points, shape ``(n, 2)``.

    Returns:
        The points' rows in the order of the visit.
    """
    order = _nearest(points)
    stops = np.concatenate([np.zeros((1, 2)), points[order]])
    far = np.hypot(*(stops[:, None] - stops[None]).transpose(2, 0, 1))
    ring = _two_opt(far, list(range(len(stops))))
    return [order[stop - 1] for stop in ring[1:]]


def _nearest(points: NDArray[np.float64]) -> list[int]:
    left = np.ones(len(points), dtype=bool)
    here, order = np.zeros(2), []
    for _ in range(len(points)):
        far = np.where(left, np.hypot(*(points - here).T), np.inf)
        nearest = int(far.argmin())
        order.append(nearest)
        left[nearest], here = False, points[nearest]
    return order


def _two_opt(far: NDArray[np.float64], ring: list[int]) -> list[int]:
    """Turn stretches around while that shortens the ring; stop 0 stays first."""
    count = len(ring)
    for _ in range(PASSES_MAX):
        found = False
        for begin in range(1, count - 1):
            here = np.array([*ring, ring[0]])
            ends = np.arange(begin + 1, count)
            was = far[here[begin - 1], here[begin]] + far[here[ends], here[ends + 1]]
            now = far[here[begin - 1], here[ends]] + far[here[begin], here[ends + 1]]
            best = int((was - now).argmax()) if len(ends) else 0
            if len(ends) and was[best] - now[best] > GAIN_MIN_KM:
                end = int(ends[best])
                ring[begin : end + 1] = ring[begin : end + 1][::-1]
                found = True
        if not found:
            break
    return ring
