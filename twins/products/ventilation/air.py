"""The fans of a fleet of units and what they blow through; columns ``(2, n)``, supply first.

A step takes flows as the dampers want them and gives back what the fans deliver. Temperatures are
the business of :mod:`twins.products.ventilation.climate`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.products.ventilation.fan_kernels import (
    BELT_SLIP,
    EXTRACT,
    EXTRACT_SHARE,
    SUPPLY,
    Blown,
    Columns,
    Draught,
    Make,
    belt_efficiency,
    blow,
    flow_at_speed,
    shaft_w,
    speed_for,
)
from twins.products.ventilation.filters import CLEAN_PA, Filters

STUCK_PA = 40.0
"""Pressure drop of the open outdoor damper at design flow; it goes with one over opening squared
(estimate)."""
_GRID = np.linspace(0.02, 1.2, 237)
"""Flows at which a unit was measured when it was commissioned."""
AIR_ROWS = 13
"""Rows of what a step of the air side gives: see ``Air.__init__``."""


class Air:
    """Fans and filters of ``n`` units of one size.

    Args:
        design_m3_s: Design flow.
        filters: Both stages.
        healthy_mm_s: Vibration of healthy fans at full speed, shape ``(2, n)``.
        power_factors: Electric power of equal units, shape ``(n,)``.
        fixed_speed: Share of full speed at which the fans are held; 0 where they hold a pressure.
        belt: Whether the supply fan is driven by a belt.
        rows: Where to keep what a step gives, shape ``(AIR_ROWS, n)``.
    """

    def __init__(
        self, *, design_m3_s: float, filters: Filters, healthy_mm_s: Columns,
        power_factors: Columns, fixed_speed: float = 0.0, belt: bool = False,
        rows: Columns | None = None,
    ) -> None:  # fmt: skip
        n = power_factors.shape[0]
        self.design_m3_s, self.filters, self.belt = design_m3_s, filters, belt
        self.make = Make(design_m3_s, fixed_speed, belt)
        self.healthy_mm_s, self.power_factors = healthy_mm_s, power_factors
        self.energy_kwh, self.baseline_kwh, self.damper_pa = np.zeros((3, n))
        self.rise_mm_s, self.imbalance_mm_s, self.slip = np.zeros((3, 2, n))
        self.slip[0] = BELT_SLIP if belt else 0.0
        self.ratio = np.ones(n)
        rows = np.zeros((AIR_ROWS, n)) if rows is None else rows
        self.x, self.pa, self.norm_pa, self.duct_pa = rows[0:2], rows[2:4], rows[4:6], rows[6]
        self.n, self.motor, self.mm_s, self.kw = rows[7:9], rows[9], rows[10:12], rows[12]
        self._clean_sfp = np.array([self._commissioned(x) / (x * design_m3_s) for x in _GRID])
        self.baseline_kw = power_factors * self._commissioned(1.0, belt=False) / 1000.0
        self._columns = Blown(**{name: getattr(self, name) for name in Blown._fields})

    def step(
        self, wanted: Columns, *, on: NDArray[np.bool_], dt_s: float, ice: Columns,
        dust_ug_m3: Columns,
    ) -> None:  # fmt: skip
        """One step of ``dt_s``; arguments of shape ``(n,)``.

        Args:
            wanted: Flow that the dampers take at the duct set point, share of design.
            on: Units that move air.
            dt_s: Length of the step.
            ice: On the recovery: 1 doubles its pressure drop.
            dust_ug_m3: Fine dust outdoors, as the unit draws it in.
        """
        blow(
            self._columns,
            self.filters.columns,
            self.make,
            Draught(on, wanted, ice, dust_ug_m3, dt_s),
        )

    def clean_sfp(self, x: Columns) -> Columns:
        """Specific fan power at supply flow ``x`` as commissioned, W s/m3, shape ``(n,)``."""
        sfp: Columns = np.interp(x, _GRID, self._clean_sfp)
        sfp *= self.power_factors
        return sfp

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in _STATE} | {"filters": self.filters.dump()}

    def load(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            getattr(self, name)[...] = state[name]
        self.filters.load_state(state["filters"])

    def _commissioned(self, x: float, *, belt: bool = True) -> float:
        """Power of both fans at a wanted flow with clean filters and a good belt, or without, W."""
        watts, n = 0.0, self.make.fixed_speed
        for fan, share, clean_pa in zip(
            (SUPPLY, EXTRACT), (1.0, EXTRACT_SHARE), CLEAN_PA, strict=True
        ):
            flow = x * share
            speed = n or speed_for(fan, flow, fan.duct_pa, clean_pa)
            if n and not belt:
                flow = flow_at_speed(fan, n, flow, fan.duct_pa, clean_pa)
            slips = BELT_SLIP if belt and self.belt and fan is SUPPLY else 0.0
            watts += shaft_w(fan, flow, speed, self.design_m3_s) / belt_efficiency(slips)
        return watts


_STATE = (
    "energy_kwh", "baseline_kwh", "rise_mm_s", "imbalance_mm_s", "slip", "damper_pa", "ratio", "x",
    "n", "pa", "norm_pa", "mm_s", "duct_pa", "kw",
)  # fmt: skip
