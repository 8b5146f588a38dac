"""Spreads between pumps, laws of components with drawn lives, and what their wear shows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from twins.core.wear import WearLaw
from twins.products.pump.model import Columns

SITE_SPREAD = 0.15
"""Log-spread of mean inflow between stations (estimate)."""
POWER_SPREAD = 0.07
"""Log-spread of power between pumps of one size (specific energy of seven pumps +-10 %, M:hsy)."""
HEAD_SPREAD = 0.01
"""Log-spread of shut-off head between pumps of one size (casting tolerance; estimate)."""
HEALTHY_MM_S = 1.1
HEALTHY_SPREAD = 0.06
"""Healthy vibration and its spread: zone B of small machines, 0.71 to 1.8 mm/s (S13; estimate)."""
RISE_SPREAD = 0.2
"""Log-spread of the bearing's vibration at full damage: 4 to 8 mm/s (estimate)."""
CURVATURE_SPREAD = 1.0
"""k ~ N(3.6, 1) (twins reference, section 2)."""
SEAL = WearLaw(
    life_h=25_000.0, life_shape=1.4, pf_min_h=168.0, pf_max_h=1344.0,
    rise=1.0, rise_spread=0.0, curvature=3.6, curvature_spread=0.0,
)  # fmt: skip
"""Mechanical seal: beta 1.4, 25,000 h (S10 via S13), 1 to 8 weeks from the first drop."""
WINDING = WearLaw(
    life_h=100_000.0, life_shape=1.2, pf_min_h=336.0, pf_max_h=1344.0,
    rise=1.0, rise_spread=0.0, curvature=3.6, curvature_spread=0.0,
)  # fmt: skip
"""AC motor winding: beta 1.2, 100,000 h (S10 via S13), weeks."""
IMPELLER_BETA, RING_BETA = 2.5, 2.0
"""Section 2."""
STANDBY_AGES = 28_900.0 / 7_900.0
"""Seals of pumps that never run wear so many times faster (S11)."""
USE_MEMORY_H = 72.0
"""How long a pump's use is remembered for the ageing of its seal (estimate)."""


def bearing(params: Mapping[str, float]) -> WearLaw:
    """The bearing's law, from the parameters of the fleet."""
    return WearLaw(
        life_h=params["bearing_life_h"],
        life_shape=params["bearing_life_shape"],
        pf_min_h=params["bearing_pf_min_h"],
        pf_max_h=max(params["bearing_pf_max_h"], params["bearing_pf_min_h"]),
        rise=params["bearing_rise_mm_s"],
        rise_spread=RISE_SPREAD,
        curvature=params["bearing_curvature"],
        curvature_spread=CURVATURE_SPREAD,
    )


def seal_stress(run_share: Columns, starts_h: Columns) -> Columns:
    """Seals age by starts beyond 6 an hour (estimate) and by standing still (S11)."""
    rest = np.exp(-run_share / 0.01)
    return 1.0 + (STANDBY_AGES - 1.0) * rest + 0.5 * np.maximum(starts_h / 6.0 - 1.0, 0.0)
