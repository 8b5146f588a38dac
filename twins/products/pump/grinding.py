"""How many hours pumps ran, and how far that grinds their parts along their paths: kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]
Table = NDArray[np.record]


@compiled
def take_hours(pumps: Table, span_h: float, memory: float, run_h: Columns) -> None:
    """Take down the run hours of a span, and what a seal feels of its pump's use.

    Args:
        pumps: Shape ``(stations, pumps)``, fields as in ``columns.py``.
        span_h: Hours since the last time.
        memory: Share of the use felt then that is still felt.
        run_h: Where to write the run hours, shape ``(n,)``.
    """
    for s in range(pumps.shape[0]):
        for j in range(pumps.shape[1]):
            pump = pumps[s, j]
            run_h[s * pumps.shape[1] + j] = pump.ground_h
            share = pump.ground_h / span_h
            often = (pump.starts - pump.starts_before) / span_h
            pump.run_share = share + (pump.run_share - share) * memory
            pump.starts_h = often + (pump.starts_h - often) * memory
            pump.starts_before, pump.ground_h = pump.starts, 0.0


@compiled
def along(
    hours: Columns, full_h: Columns, paths: NDArray[np.float32], steps: int, damage: Columns
) -> None:
    """Damage of each part; it stays at its path's end when that is passed.

    Args:
        hours: Run hours of this life, shape ``(n,)``.
        full_h: Those of full wear.
        paths: Damage at even steps of that, shape ``(n, steps + 2)``; the last stands for no end.
        steps: How many steps.
        damage: Where to write it: 0 as new.
    """
    for i in range(len(hours)):
        at = min(hours[i] / full_h[i], 1.0) * steps
        step = int(at)
        low = np.float64(paths[i, step])
        damage[i] = low + (at - step) * (np.float64(paths[i, step + 1]) - low)
