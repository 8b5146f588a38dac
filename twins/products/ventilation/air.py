"""The air side of a fleet of units: fans, filters, recovery, coils, temperatures, in steps.

Columns of shape ``(n,)``. A step takes flows as the dampers want them and gives back what the fans
deliver. Sums of a report interval stand in ``sums``, rows by the names in ``MEANS``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.products.ventilation import model
from twins.products.ventilation.filters import Filters
from twins.products.ventilation.model import EXTRACT, SUPPLY, Columns, Fan

SUPPLY_SET_C = 20.0
HEAT_K, COOL_K = 32.0, 14.0
"""Lift and drop of the coils at a valve that is fully open (estimate)."""
COIL_S, EXHAUST_S = 180.0, 300.0
"""Lags of supply and exhaust air temperature (estimate)."""
ZONE_S, NIGHT_S = 8 * 3600.0, 4 * 3600.0
"""Lags of the rooms' mean temperature, and of a standing unit towards it (estimate)."""
FROST_BELOW_C, FROST_OVER_C, FROST_MIN_S = -3.0, 1.0, 900.0
"""Defrosting of a plate: begins, ends, lasts at least (S20)."""
FROST_1_KS = 1.0 / (8.0 * 3600.0)
"""Ice that doubles the plate's pressure drop grows in 8 h at 1 K below zero (estimate)."""
ROTOR_BEST, PLATE_BEST = 0.80, 0.78
"""Temperature efficiency at design flow (section 1B: 0.82 and 0.78 typical)."""
CAUGHT = 0.6
"""Share of fine dust that a filter keeps (ePM1 50-60 %)."""
STANDBY_KW = 0.03
"""Control and actuators (estimate)."""

MEANS = (
    "run", "supply", "extract", "supply_pa", "extract_pa", "supply_norm", "extract_norm", "duct",
    "supply_n", "extract_n", "kw", "supply_mm_s", "extract_mm_s", "rotor", "full", "efficiency",
)  # fmt: skip
ROW = {name: row for row, name in enumerate(MEANS)}
_STATE = (
    "zone_c", "supply_c", "exhaust_c", "heating", "cooling", "ice", "defrost_s", "energy_kwh",
    "rise_mm_s", "rotor_slip", "rotor_stopped", "sums", "steps", "outdoor_c",
)  # fmt: skip


class Air:
    """Fans, filters, recovery and coils of ``n`` units of one size."""

    def __init__(
        self, n: int, *, design_m3_s: float, plate: bool,
        supply: Filters, extract: Filters, healthy_mm_s: Columns, power_factors: Columns,
    ) -> None:  # fmt: skip
        self.design_m3_s, self._plate = design_m3_s, plate
        self.filters = {"supply": supply, "extract": extract}
        self._healthy, self._power_factors = healthy_mm_s, power_factors
        self._best = np.full(n, PLATE_BEST if plate else ROTOR_BEST)
        self.zone_c, self.supply_c = np.full(n, 21.5), np.full(n, 20.0)
        self.exhaust_c, self.outdoor_c = np.full(n, 10.0), np.full(n, 5.0)
        self.heating, self.cooling, self.ice, self.defrost_s = (np.zeros(n) for _ in range(4))
        self.energy_kwh, self.rotor_slip = np.zeros(n), np.zeros(n)
        self.rotor_stopped = np.zeros(n, dtype=bool)
        self.rise_mm_s = np.zeros((2, n))
        self.sums, self.steps = np.zeros((len(MEANS), n)), 0

    @property
    def defrosting(self) -> NDArray[np.bool_]:
        """Plates whose recovery is by-passed now."""
        return self.defrost_s > 0.0

    def step(
        self, wanted: Columns, *, on: NDArray[np.bool_], dt_s: float, outdoor_c: Columns,
        dust_ug_m3: Columns, busy: Columns,
    ) -> Columns:  # fmt: skip
        """One step of ``dt_s``; everything shape ``(n,)``.

        Args:
            wanted: Flow that the dampers take at the duct set point, share of design.
            on: Units that move air, at least one.
            dt_s: Length of the step.
            outdoor_c: Outdoor temperature.
            dust_ug_m3: Fine dust outdoors, as the unit draws it in.
            busy: Share of rooms with people, which warms them.

        Returns:
            Flow that the supply fan gives, share of design, 0 where off.
        """
        self.steps += 1
        self.outdoor_c = outdoor_c
        seen = np.zeros_like(self.sums)
        x = np.maximum(wanted, 0.02)
        ice_pa = model.RECOVERY_PA * self.ice
        zeros = np.zeros_like(x)
        x, supply_kw = self._fan("supply", SUPPLY, x, zeros, seen)
        out, extract_kw = self._fan("extract", EXTRACT, model.EXTRACT_SHARE * x, ice_pa, seen)
        seen[ROW["run"]], seen[ROW["supply"]], seen[ROW["extract"]] = 1.0, x, out
        kw = self._power_factors * (supply_kw + extract_kw)
        seen[ROW["kw"]] = kw
        self._recover(x, on, dt_s, busy, seen)
        seen *= on
        self.sums += seen
        self.energy_kwh += (kw * on + STANDBY_KW) * (dt_s / 3600.0)
        moved_m3 = x * on * (self.design_m3_s * dt_s)
        self.filters["supply"].catch(CAUGHT * 1e-6 * dust_ug_m3 * moved_m3)
        indoor = 0.1 * dust_ug_m3 + 17.0  # what gets in, and lint (estimate)
        self.filters["extract"].catch(CAUGHT * 1e-6 * indoor * model.EXTRACT_SHARE * moved_m3)
        return x * on

    def rest(self, dt_s: float, outdoor_c: Columns) -> None:
        """One step in which no unit runs: temperatures creep, control stays on."""
        self.steps += 1
        self.outdoor_c = outdoor_c
        self.heating, self.cooling = np.zeros_like(self.heating), np.zeros_like(self.cooling)
        self.supply_c = model.first_order(self.supply_c, self.zone_c, dt_s=dt_s, tau_s=NIGHT_S)
        self.exhaust_c = model.first_order(self.exhaust_c, self.zone_c, dt_s=dt_s, tau_s=NIGHT_S)
        cool = 19.0 + 0.1 * np.minimum(self.outdoor_c, 15.0)
        self.zone_c = model.first_order(self.zone_c, cool, dt_s=dt_s, tau_s=3 * ZONE_S)
        self.defrost_s = np.zeros_like(self.defrost_s)
        self.energy_kwh += STANDBY_KW * (dt_s / 3600.0)

    def close_interval(self) -> tuple[Columns, int]:
        """Sums since the last call, rows as in ``MEANS``, and the number of steps."""
        sums, steps = self.sums, self.steps
        self.sums, self.steps = np.zeros_like(sums), 0
        return sums, steps

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in _STATE} | {
            stage: filters.dump() for stage, filters in self.filters.items()
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            setattr(self, name, state[name])
        for stage, filters in self.filters.items():
            filters.load_state(state[stage])

    def _fan(
        self, stage: str, fan: Fan, wanted: Columns, more_pa: Columns, seen: Columns
    ) -> tuple[Columns, Columns]:
        """Find the speed that holds the duct pressure; returns flow and electric kW."""
        design_pa = self.filters[stage].design_pa()
        fixed_pa = fan.duct_pa + more_pa
        x, set_pa = wanted, model.DUCT_SET_PA
        filter_pa = design_pa * x**model.FILTER_EXPONENT
        pa = set_pa + fixed_pa * x * x + filter_pa
        n = model.fan_speed(fan, pa, x)
        duct = np.full_like(x, set_pa)
        if (n > 1.0).any():
            short = np.where(n > 1.0, wanted, 0.0) > 0.0
            less = model.flow_at_full_speed(fan, x, fixed_pa, design_pa)
            x = np.where(short, less, x)
            filter_pa = design_pa * x**model.FILTER_EXPONENT
            duct = set_pa * (x / wanted) ** 2
            pa = duct + fixed_pa * x * x + filter_pa
            n = np.minimum(model.fan_speed(fan, pa, x), 1.0)
        number = 0 if stage == "supply" else 1
        vibration = n * np.hypot(self._healthy[number], self.rise_mm_s[number])
        for name, value in (
            ("pa", filter_pa), ("norm", design_pa), ("n", n), ("mm_s", vibration),
        ):  # fmt: skip
            seen[ROW[f"{stage}_{name}"]] = value
        if number == 0:
            seen[ROW["duct"]] = duct
        watts = pa * x * self.design_m3_s / model.fan_efficiency(fan, n, x)
        return x, watts / 1000.0

    def _recover(
        self, x: Columns, on: NDArray[np.bool_], dt_s: float, busy: Columns, seen: Columns
    ) -> None:
        """Recovery as far as it is needed, then the coils; temperatures by exact steps."""
        best = model.effectiveness(self._best, x)
        if self._plate:
            turning = np.where(self._defrost(dt_s, on), 0.0, 1.0)
        else:
            rpm = model.ROTOR_RPM * (1.0 - np.minimum(self.rotor_slip, 0.95))
            turning = np.where(self.rotor_stopped, 0.03, model.rotor_share(rpm))
        gap = self.zone_c - self.outdoor_c
        reach = best * turning * gap
        lift = SUPPLY_SET_C - self.outdoor_c
        asked = np.where(gap > 0.0, lift / np.maximum(reach, 1e-6), 1.0)
        asked = np.minimum(np.maximum(asked, 0.0), 1.0)
        moved = asked * reach
        need = SUPPLY_SET_C - self.outdoor_c - moved
        self.heating = np.minimum(np.maximum(need / HEAT_K, 0.0), 1.0) * on
        self.cooling = np.minimum(np.maximum((-need - 1.0) / COOL_K, 0.0), 1.0) * on
        supply = self.outdoor_c + moved + HEAT_K * self.heating - COOL_K * self.cooling
        self._temperatures(supply, self.zone_c - moved, on, dt_s)
        warm = 21.5 + 1.5 * busy + 0.15 * np.maximum(self.outdoor_c - 15.0, 0.0)
        self.zone_c = model.first_order(self.zone_c, warm, dt_s=dt_s, tau_s=ZONE_S)
        if not self._plate:
            speed = np.where(self.rotor_stopped, 0.0, 1.0 - self.rotor_slip)
            seen[ROW["rotor"]] = asked * model.ROTOR_RPM * speed
        full = (asked >= 1.0) & (gap > 5.0) & ~self.defrosting
        seen[ROW["full"]], seen[ROW["efficiency"]] = full, full * best * turning

    def _temperatures(
        self, supply: Columns, exhaust: Columns, on: NDArray[np.bool_], dt_s: float
    ) -> None:
        for name, towards, tau_s in (
            ("supply_c", supply, COIL_S), ("exhaust_c", exhaust, EXHAUST_S),
        ):  # fmt: skip
            before = getattr(self, name)
            now = model.first_order(before, towards, dt_s=dt_s, tau_s=tau_s)
            if not on.all():
                resting = model.first_order(before, self.zone_c, dt_s=dt_s, tau_s=NIGHT_S)
                now = np.where(on, now, resting)
            setattr(self, name, now)

    def _defrost(self, dt_s: float, on: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Ice grows below zero; by-pass from -3 degC on, 15 min at least and up to +1 degC."""
        active = self.defrosting
        left = np.where(active, self.defrost_s - dt_s, 0.0)
        stay = active & ((left > 1e-9) | (self.exhaust_c <= FROST_OVER_C))
        begin = on & ~active & (self.exhaust_c < FROST_BELOW_C)
        self.defrost_s = np.where(begin, FROST_MIN_S, np.where(stay, np.maximum(left, 1e-6), 0.0))
        grow = FROST_1_KS * np.maximum(-self.exhaust_c, 0.0) * on
        melt = np.where(self.defrosting, 1.0 / FROST_MIN_S, 0.0)
        self.ice = np.minimum(np.maximum(self.ice + (grow - melt) * dt_s, 0.0), 1.0)
        return self.defrosting
