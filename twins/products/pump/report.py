"""What a pump's vibration sensor feels."""

from __future__ import annotations

import numpy as np

from twins.products.pump.ills import CAVITATION_MM_S, CLOG_MM_S, Ills
from twins.products.pump.model import Columns


def vibration_mm_s(
    healthy: Columns, rough: Columns, speed: Columns, ills: Ills, npsh_margin_m: Columns
) -> Columns:
    """Velocity RMS while running: independent causes add as squares (section 1A), mm/s.

    Args:
        healthy: At the point a pump runs best, full speed.
        rough: Mean roughness while running, NaN where it did not run.
        speed: Mean speed ratio, as ``rough``.
        ills: What is wrong.
        npsh_margin_m: NPSH left.
    """
    speed2 = speed**2
    square = (healthy * rough) ** 2 + ills.bearing_mm_s**2
    square += healthy**2 * (ills.imbalance**2 * speed2**2 + ills.misaligned**2 * speed2)
    square += (CLOG_MM_S * ills.clog) ** 2
    square += (CAVITATION_MM_S * np.clip(-0.5 * npsh_margin_m, 0.0, 1.0)) ** 2
    return np.sqrt(square)
