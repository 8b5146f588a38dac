"""The fans of a fleet of units and what they blow through; columns ``(2, n)``, supply first.

A step takes flows as the dampers want them and gives back what the fans deliver. Temperatures are
the business of :mod:`twins.products.ventilation.climate`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.products.ventilation import model
from twins.products.ventilation.filters import Filters
from twins.products.ventilation.model import EXTRACT, SUPPLY, Columns

CAUGHT = 0.6
"""Share of fine dust that a filter keeps (ePM1 50-60 %)."""
STANDBY_KW = 0.03
"""Control and actuators (estimate)."""
IMBALANCE_MM_S_G = 0.002
"""Vibration at full speed by dust that settles on a wheel, per gram that a filter lets pass:
0.2 to 0.3 mm/s in a year, gone after cleaning (estimate)."""
STUCK_PA = 40.0
"""Pressure drop of the open outdoor damper at design flow; it goes with one over opening squared
(estimate)."""


def _both(name: str) -> Columns:
    return np.array([[getattr(SUPPLY, name)], [getattr(EXTRACT, name)]])


_SHUTOFF, _CURVE, _DUCT = _both("shutoff_pa"), _both("curve_pa"), _both("duct_pa")
_BEST, _SHARE = _both("best"), np.array([[1.0], [model.EXTRACT_SHARE]])


class Air:
    """Fans and filters of ``n`` units of one size.

    Args:
        design_m3_s: Design flow.
        filters: Both stages.
        healthy_mm_s: Vibration of healthy fans at full speed, shape ``(2, n)``.
        power_factors: Electric power of equal units, shape ``(n,)``.
        fixed_speed: Share of full speed at which the fans are held; 0 where they hold a pressure.
        belt: Whether the supply fan is driven by a belt.
    """

    def __init__(
        self, *, design_m3_s: float, filters: Filters, healthy_mm_s: Columns,
        power_factors: Columns, fixed_speed: float = 0.0, belt: bool = False,
    ) -> None:  # fmt: skip
        n = power_factors.shape[0]
        self.design_m3_s, self.filters, self._fixed_speed = design_m3_s, filters, fixed_speed
        self.belt = belt
        self._healthy_2, self._power_factors = healthy_mm_s**2, power_factors
        self.energy_kwh, self.baseline_kwh = np.zeros(n), np.zeros(n)
        self.rise_mm_s, self.imbalance_mm_s = np.zeros((2, n)), np.zeros((2, n))
        self.slip = np.zeros((2, n))
        self.slip[0] = model.BELT_SLIP if belt else 0.0
        self.damper_pa = np.zeros(n)
        self.x, self.n, self.pa, self.norm_pa = (np.zeros((2, n)) for _ in range(4))
        self.mm_s, self.duct_pa, self.kw = np.zeros((2, n)), np.zeros(n), np.zeros(n)
        clean = np.array([[65.0], [45.0]])
        _, _, watts = self._solve(_SHARE.copy(), _DUCT, clean, np.zeros((2, 1)))
        self._baseline_kw = power_factors * float(watts.sum()) / 1000.0

    def step(
        self, wanted: Columns, *, on: NDArray[np.bool_], dt_s: float, ice_pa: Columns,
        dust_ug_m3: Columns,
    ) -> Columns:  # fmt: skip
        """One step of ``dt_s``; arguments of shape ``(n,)``.

        Args:
            wanted: Flow that the dampers take at the duct set point, share of design.
            on: Units that move air.
            dt_s: Length of the step.
            ice_pa: What ice on the recovery costs the extract side at design flow.
            dust_ug_m3: Fine dust outdoors, as the unit draws it in.

        Returns:
            Flow that the supply fan gives, as a share of what was wanted.
        """
        want = np.maximum(wanted, 0.02) * _SHARE
        square = np.stack((SUPPLY.duct_pa + self.damper_pa, EXTRACT.duct_pa + ice_pa))
        self.norm_pa = self.filters.design_pa()
        self.x, self.n, watts = self._solve(want, square, self.norm_pa, self.slip)
        self.pa = self.norm_pa * self.x**model.FILTER_EXPONENT
        ratio: Columns = self.x[0] / want[0]
        self.duct_pa = model.DUCT_SET_PA * ratio * ratio
        wobble = self.n * self.imbalance_mm_s
        self.mm_s = self.n * np.sqrt(self._healthy_2 + self.rise_mm_s**2 + wobble * wobble)
        self.kw = self._power_factors * (watts[0] + watts[1]) * on / 1000.0
        hours = dt_s / 3600.0
        self.energy_kwh += (self.kw + STANDBY_KW) * hours
        self.baseline_kwh += (self._baseline_kw * on + STANDBY_KW) * hours
        self.x *= on
        self._dust(dust_ug_m3, dt_s)
        return ratio

    def rest(self, dt_s: float) -> None:
        """One step in which no unit runs: the control stays on."""
        hours = dt_s / 3600.0
        self.energy_kwh += STANDBY_KW * hours
        self.baseline_kwh += STANDBY_KW * hours

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in _STATE} | {"filters": self.filters.dump()}

    def load(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            setattr(self, name, state[name])
        self.filters.load_state(state["filters"])

    def _solve(
        self, want: Columns, fixed_pa: Columns, filter_pa: Columns, slip: Columns
    ) -> tuple[Columns, Columns, Columns]:
        """Flow, speed and electric watts at which the duct pressure holds, if the fan can.

        Fan: ``dp = shutoff n^2 - curve x^2``, efficiency ``0.6 (2y - y^2)``.
        """
        most = 1.0 - slip
        x = want
        if self._fixed_speed:
            n = np.full_like(want, self._fixed_speed) * most
            x = self._at_speed(n, want, fixed_pa, filter_pa)
        else:
            n = self._speed(want, fixed_pa, filter_pa)
            short = n > most
            if short.any():
                n = np.minimum(n, most)
                x = np.where(short, self._at_speed(n, want, fixed_pa, filter_pa), want)
        total_pa = _SHUTOFF * n * n - _CURVE * x * x
        y = x / (_BEST * n)
        efficiency = SUPPLY.best_efficiency * np.maximum(y * (2.0 - y), 0.1)
        watts = total_pa * x * self.design_m3_s / efficiency
        return x, n, watts / model.belt_efficiency(slip)

    @staticmethod
    def _speed(x: Columns, fixed_pa: Columns, filter_pa: Columns) -> Columns:
        square = model.DUCT_SET_PA + (fixed_pa + _CURVE) * x * x
        square += filter_pa * x**model.FILTER_EXPONENT
        square /= _SHUTOFF
        speed: Columns = np.sqrt(square)
        return speed

    @staticmethod
    def _at_speed(n: Columns, want: Columns, fixed_pa: Columns, filter_pa: Columns) -> Columns:
        return model.flow_at_speed(
            n, want, shutoff_pa=_SHUTOFF, square_pa=_CURVE + fixed_pa, filter_pa=filter_pa
        )

    def _dust(self, dust_ug_m3: Columns, dt_s: float) -> None:
        indoor = 0.1 * dust_ug_m3 + 17.0  # what gets in, and lint (estimate)
        grams = np.stack((dust_ug_m3, indoor))
        grams *= self.x
        grams *= 1e-6 * CAUGHT * self.design_m3_s * dt_s
        self.filters.catch(grams)
        grams *= IMBALANCE_MM_S_G * (1.0 - CAUGHT) / CAUGHT
        self.imbalance_mm_s += grams


_STATE = (
    "energy_kwh", "baseline_kwh", "rise_mm_s", "imbalance_mm_s", "slip", "damper_pa", "x", "n",
    "pa", "norm_pa", "mm_s", "duct_pa", "kw",
)  # fmt: skip
