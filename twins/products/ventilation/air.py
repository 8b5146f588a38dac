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
_GRID = np.linspace(0.02, 1.2, 237)
"""Flows at which a unit was measured when it was commissioned."""
AIR_ROWS = 13
"""Rows of what a step of the air side gives: see ``Air.__init__``."""
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
        rows: Where to keep what a step gives, shape ``(AIR_ROWS, n)``.
    """

    def __init__(
        self, *, design_m3_s: float, filters: Filters, healthy_mm_s: Columns,
        power_factors: Columns, fixed_speed: float = 0.0, belt: bool = False,
        rows: Columns | None = None,
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
        rows = np.zeros((AIR_ROWS, n)) if rows is None else rows
        self.x, self.pa, self.norm_pa, self.duct_pa = rows[0:2], rows[2:4], rows[4:6], rows[6]
        self.n, self.motor, self.mm_s, self.kw = rows[7:9], rows[9], rows[10:12], rows[12]
        self._a, self._grams, self._ones = np.empty((2, n)), np.empty((2, n)), np.ones(n)
        clean = np.array([[65.0], [45.0]])
        x, speed = _SHARE, self._speed(_SHARE, _DUCT, clean)
        if fixed_speed:
            speed = np.full_like(x, fixed_speed)
            x = self._at_speed(speed, x, _DUCT, clean)
        watts = self._watts(x, speed)
        self._clean_sfp = self._commissioned(clean)
        self._baseline_kw = power_factors * float(watts.sum()) / 1000.0

    def step(
        self, wanted: Columns, *, on: NDArray[np.bool_], dt_s: float, ice_pa: Columns | None,
        dust_ug_m3: Columns,
    ) -> Columns:  # fmt: skip
        """One step of ``dt_s``; arguments of shape ``(n,)``.

        Args:
            wanted: Flow that the dampers take at the duct set point, share of design.
            on: Units that move air.
            dt_s: Length of the step.
            ice_pa: What ice on the recovery costs the extract side at design flow; ``None``
                where there is nothing that could freeze.
            dust_ug_m3: Fine dust outdoors, as the unit draws it in.

        Returns:
            Flow that the supply fan gives, as a share of what was wanted.
        """
        every = np.count_nonzero(on) == len(on)
        np.maximum(wanted, 0.02, out=self.x[0])
        np.multiply(self.x[0], model.EXTRACT_SHARE, out=self.x[1])
        fixed = self._fixed_pa(ice_pa)
        self.filters.design_pa(out=self.norm_pa)
        ratio = self._move(fixed)
        self._power(on, every)
        still = self.n * self.imbalance_mm_s
        still *= still
        still += self._healthy_2
        still += np.square(self.rise_mm_s, out=self._a)
        np.sqrt(still, out=still)
        np.multiply(still, self.n, out=self.mm_s)
        hours = dt_s / 3600.0
        self.energy_kwh += (self.kw + STANDBY_KW) * hours
        self.baseline_kwh += (self._baseline_kw * on + STANDBY_KW) * hours
        if not every:
            self.x *= on
        self._dust(dust_ug_m3, dt_s)
        return ratio

    def clean_sfp(self, x: Columns) -> Columns:
        """Specific fan power at supply flow ``x`` as commissioned, W s/m3, shape ``(n,)``."""
        sfp: Columns = np.interp(x, _GRID, self._clean_sfp)
        sfp *= self._power_factors
        return sfp

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
            getattr(self, name)[...] = state[name]
        self.filters.load_state(state["filters"])

    def _commissioned(self, clean_pa: Columns) -> Columns:
        """Specific fan power over ``_GRID``, with clean filters and a good belt."""
        x = _GRID * _SHARE
        if self._fixed_speed:
            n = np.full_like(x, self._fixed_speed)
        else:
            n = self._speed(x, _DUCT, clean_pa)
        watts = self._watts(x, n)
        if self.belt:
            watts[0] /= model.belt_efficiency(np.array([model.BELT_SLIP]))
        sfp: Columns = watts.sum(axis=0) / (_GRID * self.design_m3_s)
        return sfp

    def _fixed_pa(self, ice_pa: Columns | None) -> Columns:
        """Losses of ducts, recovery and coils at design flow, shape ``(2, n)`` or ``(2, 1)``."""
        if ice_pa is None and not np.count_nonzero(self.damper_pa):
            return _DUCT
        ice = EXTRACT.duct_pa + (np.zeros_like(self.damper_pa) if ice_pa is None else ice_pa)
        return np.stack((SUPPLY.duct_pa + self.damper_pa, ice))

    def _move(self, fixed_pa: Columns) -> Columns:
        """Flow and speed at which the duct pressure holds, if the fan can; flow over wanted."""
        x, n, pa, norm_pa = self.x, self.n, self.pa, self.norm_pa
        ratio = self._ones
        if self._fixed_speed:
            n[...] = self._fixed_speed * (1.0 - self.slip)
            want = x[0].copy()
            x[...] = self._at_speed(n, x, fixed_pa, norm_pa)
            ratio = x[0] / want
        else:
            self._speed(x, fixed_pa, norm_pa, out=n)
            most = 1.0 - self.slip if self.belt else 1.0
            short = n > most
            if np.count_nonzero(short):
                np.minimum(n, most, out=n)
                want = x[0].copy()
                np.copyto(x, self._at_speed(n, x, fixed_pa, norm_pa), where=short)
                ratio = x[0] / want
        _power_15(x, out=pa)
        pa *= norm_pa
        if ratio is self._ones:
            self.duct_pa[...] = model.DUCT_SET_PA
        else:
            np.multiply(ratio * ratio, model.DUCT_SET_PA, out=self.duct_pa)
        return ratio

    def _power(self, on: NDArray[np.bool_], every: bool) -> None:
        """Electric power of both fans, and the speed of the motor brought to the fan."""
        watts = self._watts(self.x, self.n, out=self._a)
        if self.belt:
            watts /= model.belt_efficiency(self.slip)
            np.divide(self.n[0], 1.0 - self.slip[0], out=self.motor)
        else:
            self.motor[...] = self.n[0]
        np.add(watts[0], watts[1], out=self.kw)
        self.kw *= self._power_factors
        self.kw /= 1000.0
        if not every:
            self.kw *= on

    def _watts(self, x: Columns, n: Columns, out: Columns | None = None) -> Columns:
        """Fan: ``dp = shutoff n^2 - curve x^2``, efficiency ``0.6 (2y - y^2)``."""
        total = np.multiply(n, n, out=out)
        total *= _SHUTOFF
        scratch = x * x
        scratch *= _CURVE
        total -= scratch
        total *= x
        y = np.divide(x, n, out=scratch)
        y /= _BEST
        total *= self.design_m3_s / SUPPLY.best_efficiency
        share = 2.0 - y
        share *= y
        np.maximum(share, 0.1, out=share)
        total /= share
        return total

    @staticmethod
    def _speed(
        x: Columns, fixed_pa: Columns, filter_pa: Columns, out: Columns | None = None
    ) -> Columns:
        square = np.multiply(fixed_pa + _CURVE, x, out=out)
        square *= x
        square += model.DUCT_SET_PA
        square += filter_pa * _power_15(x)
        square /= _SHUTOFF
        speed: Columns = np.sqrt(square, out=square)
        return speed

    @staticmethod
    def _at_speed(n: Columns, want: Columns, fixed_pa: Columns, filter_pa: Columns) -> Columns:
        return model.flow_at_speed(
            n, want, shutoff_pa=_SHUTOFF, square_pa=_CURVE + fixed_pa, filter_pa=filter_pa
        )

    def _dust(self, dust_ug_m3: Columns, dt_s: float) -> None:
        grams = self._grams
        grams[0] = dust_ug_m3
        np.multiply(dust_ug_m3, 0.1, out=grams[1])
        grams[1] += 17.0  # what gets in, and lint (estimate)
        grams *= self.x
        grams *= 1e-6 * CAUGHT * self.design_m3_s * dt_s
        self.filters.catch(grams)
        grams *= IMBALANCE_MM_S_G * (1.0 - CAUGHT) / CAUGHT
        self.imbalance_mm_s += grams


def _power_15(x: Columns, out: Columns | None = None) -> Columns:
    """``x ** FILTER_EXPONENT``, which is 1.5; a root is many times cheaper than a power."""
    root: Columns = np.sqrt(x, out=out)
    root *= x
    return root


_STATE = (
    "energy_kwh", "baseline_kwh", "rise_mm_s", "imbalance_mm_s", "slip", "damper_pa", "x", "n",
    "pa", "norm_pa", "mm_s", "duct_pa", "kw",
)  # fmt: skip
