"""What a catchment lets flow to its station: people, and rain through two reservoirs.

A kernel; fields of ``wells`` are those of ``columns.py``. Sources as in ``hydraulics.py``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]
Table = NDArray[np.record]

RESIDUAL_SD = 0.15
"""Log-residual of dry inflow (0.35 with infiltration seasons, M:dhi; a dry quarter: estimate)."""
RESIDUAL_MEMORY_H = 3.0
"""Correlation time of that residual (estimate; acf 0.85-0.97 at 1 h, M:dhi)."""
FAST_H, SLOW_H, FAST_SHARE = 1.5, 30.0, 0.5
"""Two parallel linear reservoirs behind the rain: streets and drains, and the ground (estimate;
rain to flow lag 1 h, M:dhi)."""


class Interval(NamedTuple):
    """What all catchments share in a report interval."""

    middle_ms: float
    hours: float
    """How long it is."""
    dry_factor: float
    """Dry-weather inflow over its mean."""
    wet_share: float
    """Outflow of a reservoir over the mean inflow per mm/h, if it had been raining for ever."""


@compiled
def flow_in(  # noqa: PLR0917
    interval: Interval, wells: Table, first: int, last: int, rain_mm_h: Columns,
    pushes: NDArray[np.float32],
) -> None:  # fmt: skip
    """Mean inflow of the report interval that begins.

    Args:
        interval: What all share.
        wells: Stations.
        first: The first to look at.
        last: The one behind the last.
        rain_mm_h: Shape ``(stations,)``.
        pushes: Standard normal draws, as ``rain_mm_h``.
    """
    memory = math.exp(-interval.hours / RESIDUAL_MEMORY_H)
    fast, slow = math.exp(-interval.hours / FAST_H), math.exp(-interval.hours / SLOW_H)
    for s in range(first, last):
        well = wells[s]
        push = math.sqrt(1.0 - memory * memory) * float(pushes[s])
        well.residual = memory * well.residual + push
        well.rain_mm_h = rain_mm_h[s]
        if interval.middle_ms < well.storm_until_ms:
            well.rain_mm_h += well.storm_mm_h
        well.quick_mm_h += (1.0 - fast) * (well.rain_mm_h - well.quick_mm_h)
        well.ground_mm_h += (1.0 - slow) * (well.rain_mm_h - well.ground_mm_h)
        wet_mm_h = FAST_SHARE * well.quick_mm_h + (1.0 - FAST_SHARE) * well.ground_mm_h
        dry = interval.dry_factor * math.exp(RESIDUAL_SD * well.residual)
        well.inflow_was_m3_s = well.inflow_m3_s
        well.inflow_m3_s = well.mean_m3_s * (dry + interval.wet_share * wet_mm_h)
