"""Operating points of a report interval: of each pump alone, and of several on one main."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.products.pump import model
from twins.products.pump.ills import LEAK_WORN, Ills
from twins.products.pump.model import Columns, Plant

HOLD_S = 1800.0
"""A converter brings the level to its place, the middle of its band, in half an hour (estimate)."""
LEAST_FLOW = 0.6
"""Of the duty flow: what a converter turns down to; VFD pumps turn down little against static head
(45.8 of 50 Hz, M:hsy)."""


class Works(NamedTuple):
    """What pumps do at an operating point; columns of any one shape."""

    flow: Columns
    kw: Columns
    amps: Columns
    rough: Columns
    speed: Columns
    npsh_margin_m: Columns


class Duty:
    """Curves of the pumps of a fleet (shape ``(stations, pumps)``) and where they meet the main."""

    def __init__(
        self,
        plant: Plant,
        ills: Ills,
        *,
        power_factors: Columns,
        head_factors: Columns,
        vfd: bool,
        area_m2: float,
    ) -> None:
        self._plant, self._ills, self._vfd, self._area_m2 = plant, ills, vfd, area_m2
        self._power_factors, self._head_factors = power_factors, head_factors
        self._k = plant.system_curve
        least_m = (
            plant.static_m + (plant.pump_curve + self._k) * (LEAST_FLOW * plant.duty_m3_s) ** 2
        )
        self._turn_down = max(float(np.sqrt(least_m / plant.shutoff_m)), 0.5)
        self._best = max(model.cheapest_speed(plant), self._turn_down)
        self.least_speed = np.full(power_factors.shape, self._turn_down)
        """How slowly each converter turns at most, shape ``(stations, pumps)``."""
        self._ones = np.ones(power_factors.shape)
        self.curves()

    def save_energy(self, at: tuple[int, int], *, on: bool) -> None:
        """Turn a pump no slower than where a cubic metre costs the least energy, or as ever."""
        self.least_speed[at] = self._best if on else self._turn_down

    def curves(self) -> None:
        """Make the curves anew after an ill has changed."""
        plant, ills = self._plant, self._ills
        self._h0 = plant.shutoff_m * self._head_factors * ills.head_factor()
        self._b = plant.pump_curve * ills.curve_factor()
        self._valve = (plant.pump_curve + self._k) * ills.valve
        self._leak = LEAK_WORN * plant.best_flow_m3_s * ills.ring
        self._efficiency = ills.efficiency_factor()
        self._suction_m = model.AIR_M - model.VAPOUR_M - ills.suction_m
        self._ill_suction = bool(ills.suction_m.any())
        leak = self._leak
        self._a0_lost, self._a1 = self._b * leak * leak, 2.0 * self._b * leak
        self._a2 = self._b + self._valve
        self._curves_at = (self._h0 - self._a0_lost, self._a1, self._a2)  # at full speed
        ills.changed = False

    def alone(self, level_m: Columns, inflow: Columns, tend_m: Columns) -> Works:
        """Each pump by itself.

        Args:
            level_m: Level at which it works, shape ``(stations, pumps)``.
            inflow: By station, shape ``(stations,)``, m3/s.
            tend_m: For converters: level now, as ``level_m``.
        """
        static_m = self._plant.outlet_m - level_m
        speed, (a0, a1, a2) = self._ones, self._curves_at
        if self._vfd:
            speed = self._speed(inflow[:, None], static_m, tend_m, count=1.0)
            a0, a1 = speed * speed * (self._h0 - self._a0_lost), speed * a1
        flow = model.single_flow(a0, a1, a2, static_m=static_m, system_curve=self._k)
        return self._works(flow, static_m, flow, speed, level_m, slice(None))

    def together(
        self,
        stations: NDArray[np.int64],
        on: NDArray[np.bool_],
        level_m: Columns,
        inflow: Columns,
        tend_m: Columns,
    ) -> Works:
        """Sets of pumps on one main.

        Args:
            stations: Which stations, shape ``(f,)``.
            on: Which pumps run in each set, shape ``(f, sets, pumps)``.
            level_m: Level at which they work, shape ``(f,)``.
            inflow: Shape ``(f,)``.
            tend_m: For converters: level now, shape ``(f,)``.

        Returns:
            Columns of shape ``(f, sets, pumps)``, zero flow and power where a pump is off.
        """
        static_m = (self._plant.outlet_m - level_m)[:, None, None]
        a0, a1, a2 = (curve[stations][:, None, :] for curve in self._curves_at)
        speed: Columns = np.ones((1, 1, 1))
        if self._vfd:
            count = np.maximum(on.sum(-1, keepdims=True), 1.0)
            share = inflow[:, None, None] / count
            tend = tend_m[:, None, None]
            speed = self._speed(share, static_m, tend, count=count, stations=stations)
            a0, a1 = speed * speed * a0, speed * a1
        a0, a1, a2, speed = np.broadcast_arrays(a0, a1, a2, speed + 0.0 * on)[:4]
        flow = model.joint_flows(on, a0=a0, a1=a1, a2=a2, static_m=static_m, system_curve=self._k)
        total = flow.sum(-1, keepdims=True)
        works = self._works(flow, static_m, total, speed, level_m[:, None, None], stations)
        return Works(*(np.where(on, column, 0.0) for column in works))

    def heads(self, works: Works, level_m: Columns) -> tuple[Columns, Columns]:
        """Head of each pump alone and of its system at that flow, m (they must be equal)."""
        speed, flow = works.speed, works.flow
        a0, a1, a2 = self._curves_at
        pump_m = speed * speed * a0 - speed * a1 * flow - a2 * flow * flow
        system_m = self._plant.outlet_m - level_m + self._k * flow * flow
        return pump_m, system_m

    def _works(  # noqa: PLR0917
        self,
        flow: Columns,
        static_m: Columns,
        total: Columns,
        speed: Columns,
        level_m: Columns,
        stations: NDArray[np.int64] | slice,
    ) -> Works:
        """Power, current and roughness at a flow; cavitation and air take their share of it."""

        def of(column: Columns) -> Columns:
            return column if isinstance(stations, slice) else column[stations][:, None, :]

        plant = self._plant
        leak = of(self._leak)
        x = (flow + leak * speed) / (speed * plant.best_flow_m3_s)
        available_m = of(self._suction_m) + level_m
        margin_m = available_m - model.npsh_required_m(x, speed)
        share: Columns = np.ones((1, 1))
        if margin_m.min() < 0.0 or level_m.min() < model.SNORE_HIGH_M:
            limit = model.cavitation_limit(available_m, speed)
            water = (level_m - model.SNORE_LOW_M) / (model.SNORE_HIGH_M - model.SNORE_LOW_M)
            share = np.minimum(limit / np.maximum(x, 1e-9), 1.0) * np.clip(water, 0.02, 1.0)
        main_m = static_m + self._k * total * total * share * share
        shaft = model.shaft_kw(
            plant,
            head_m=main_m + of(self._valve) * flow * flow,
            x=x,
            share=share,
            speed=speed,
            factor=of(self._efficiency),
        )
        kw = model.electric_kw(plant, shaft, speed) * of(self._power_factors)
        return Works(
            flow=flow * share,
            kw=kw,
            amps=model.current_a(plant, kw),
            rough=model.hydraulic_roughness(x, speed),
            speed=speed,
            npsh_margin_m=margin_m,
        )

    def _speed(
        self,
        flow: Columns,
        static_m: Columns,
        tend_m: Columns,
        *,
        count: Columns | float,
        stations: NDArray[np.int64] | slice = slice(None),
    ) -> Columns:
        """Speed at which a converter follows the inflow and brings the level to its place (PI)."""
        h0, curve, least = self._h0, self._a2, self.least_speed
        if not isinstance(stations, slice):
            h0, curve, least = (of[stations][:, None, :] for of in (h0, curve, least))
        main = self._k * count * count

        place_m = 0.5 * (self._plant.stop_m + self._plant.start_m)
        wanted = flow + (tend_m - place_m) * (self._area_m2 / HOLD_S) / count
        wanted = np.maximum(wanted, 0.0)
        speed = model.speed_for(
            wanted, shutoff_m=h0, curve=curve, system_m=static_m + main * wanted * wanted
        )
        return np.clip(speed, least, 1.0)
