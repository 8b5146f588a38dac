"""Ways through a town: the beeline with a detour, at a steady pace."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians

import numpy as np
import numpy.typing as npt

from reference_impl.maintenance.collection.domain import Whole

M_PER_DEG = 111_320
"""Metres of a degree of latitude."""
DETOUR = 1.3
"""Streets over the beeline in a town (an estimate, twins reference section 6)."""

Place = tuple[float, float]
"""Degrees north and east."""


def metres(places: Sequence[Place]) -> npt.NDArray[np.int64]:
    """Whole metres north and east of the first place, shape ``(n, 2)``."""
    north, east = places[0]
    narrow = cos(radians(north))
    return np.array(
        [
            (round((a - north) * M_PER_DEG), round((b - east) * M_PER_DEG * narrow))
            for a, b in places
        ],
        dtype=np.int64,
    ).reshape(-1, 2)


def matrices(
    places: Sequence[Place], *, speed_km_h: float, detour: float = DETOUR
) -> tuple[Whole, Whole]:
    """Distances in m and durations in s between all places, shape ``(n, n)`` each."""
    points = metres(places).astype(np.float64)
    beeline = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    far = np.rint(detour * beeline).astype(np.int64)
    return far, np.rint(far * (3.6 / speed_km_h)).astype(np.int64)
