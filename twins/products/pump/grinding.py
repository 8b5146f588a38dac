"""How far grinding has come along the paths of many pumps' parts: a kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]


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
