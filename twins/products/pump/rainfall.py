"""What a catchment lets flow to its station: people, and rain through two reservoirs.

A kernel; fields of ``wells`` are those of ``columns.py``. Sources as in ``hydraulics.py``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]
Table = NDArray[np.record]
Record = Any
"""One row of a table; its fields are attributes."""

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
    dry_factor: float
    """Dry-weather inflow over its mean."""
    wet_share: float
    """Outflow of a reservoir over the mean inflow per mm/h, if it had been raining for ever."""

    memory: float
    """What is left of a residual after it."""
    push: float
    """What one standard normal adds to that."""
    fast: float
    slow: float
    """What is left in either reservoir."""


def interval(middle_ms: int, *, hours: float, dry_factor: float, wet_share: float) -> Interval:
    """An interval of so many hours."""
    memory = math.exp(-hours / RESIDUAL_MEMORY_H)
    return Interval(
        middle_ms=float(middle_ms),
        dry_factor=dry_factor,
        wet_share=wet_share,
        memory=memory,
        push=math.sqrt(1.0 - memory * memory),
        fast=math.exp(-hours / FAST_H),
        slow=math.exp(-hours / SLOW_H),
    )


@compiled
def flow(interval: Interval, well: Record, rain_mm_h: float, normal: float) -> None:
    """Mean inflow of a station in the report interval that begins.

    Args:
        interval: What all share.
        well: The station.
        rain_mm_h: What falls on it.
        normal: A standard normal draw.
    """
    well.residual = interval.memory * well.residual + interval.push * normal
    well.rain_mm_h = rain_mm_h
    if interval.middle_ms < well.storm_until_ms:
        well.rain_mm_h += well.storm_mm_h
    well.quick_mm_h += (1.0 - interval.fast) * (well.rain_mm_h - well.quick_mm_h)
    well.ground_mm_h += (1.0 - interval.slow) * (well.rain_mm_h - well.ground_mm_h)
    wet_mm_h = FAST_SHARE * well.quick_mm_h + (1.0 - FAST_SHARE) * well.ground_mm_h
    dry = interval.dry_factor * math.exp(RESIDUAL_SD * well.residual)
    well.inflow_was_m3_s = well.inflow_m3_s
    well.inflow_m3_s = well.mean_m3_s * (dry + interval.wet_share * wet_mm_h)


@compiled
def flow_in(
    interval: Interval, wells: Table, rain_mm_h: Columns, normals: NDArray[np.float32]
) -> None:
    """The same for every station; rain and draws have shape ``(stations,)``."""
    for s in range(len(wells)):
        flow(interval, wells[s], rain_mm_h[s], np.float64(normals[s]))
