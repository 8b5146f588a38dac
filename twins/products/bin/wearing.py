"""How the parts of a bin wear: section 2 of the twins reference in this product's parameters."""

from __future__ import annotations

from collections.abc import Mapping

from twins.core.wear import WearLaw

RISE_SPREAD = 0.15
"""Log-spread of a signal's rise at full damage (estimate)."""
CURVATURE, CURVATURE_SPREAD = 3.6, 0.6
"""k of the exponential rise (twins reference, section 2)."""
CAPACITY_LOST = 0.7
"""Share of its capacity that a battery has lost at its end (fewer than 6 dark days)."""
SUN_LOST = 0.4
"""Share of the sun that a panel has lost at its end (domain reference: due at 30 %; estimate)."""
DRIFT_CM = 12.0
"""How far a fill sensor has drifted when it falls silent (estimate)."""
CELLS_LIFE_H, CELLS_SHAPE = 10.0 * 8766.0, 6.0
"""Cells of a bin that only measures: 5 to 16.8 years (S25, section 2)."""


def laws(params: Mapping[str, float]) -> dict[str, WearLaw]:
    """Drive by strokes, hopper by openings, the others by time."""
    cells = params["battery_kind"] >= 1.0

    def law(
        name: str, unit: str, *, rise: float, spread: float = RISE_SPREAD, curved: bool = False,
        life: float | None = None, shape: float | None = None,
    ) -> WearLaw:  # fmt: skip
        shortest = params[f"{name}_pf_min_{unit}"]
        return WearLaw(
            life_h=life or params[f"{name}_life_{unit}"],
            life_shape=shape or params[f"{name}_life_shape"],
            pf_min_h=shortest,
            pf_max_h=max(params[f"{name}_pf_max_{unit}"], shortest),
            rise=rise,
            rise_spread=spread,
            curvature=CURVATURE if curved else 1.0,
            curvature_spread=CURVATURE_SPREAD if curved else 0.0,
            per_use=unit != "h",
        )

    return {
        "drive": law("drive", "strokes", rise=params["drive_rise_a"], curved=True),
        "battery": law(
            "battery", "h", rise=CAPACITY_LOST, spread=0.0,
            life=CELLS_LIFE_H if cells else None, shape=CELLS_SHAPE if cells else None,
        ),
        "panel": law("panel", "h", rise=SUN_LOST),
        "fill_sensor": law("fill_sensor", "h", rise=DRIFT_CM, spread=0.5),
        "hopper": law("hopper", "openings", rise=1.0, spread=0.0),
    }  # fmt: skip
