"""Wet wells and their pumps, from event to event: filling and draining times in closed form.

Between two starts or stops the outflow of a station is constant, so the time to its next switching
level is ``A dh / (Qin - Qout)``. Each well moves by itself from switch to switch; books and
temperatures are then closed for all pumps at once. Seconds count from the start of the world.
"""

from __future__ import annotations

import functools
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.products.pump import model
from twins.products.pump.model import Columns, Heat, Plant

LOOPS_MAX = 10_000
"""Bound of switching events of one station in one advance."""

_STATE = (
    "level_m", "spilled_m3", "out_m3_s", "flow_m3_s", "up_m", "low_m", "wait_s", "next_up",
    "on", "able", "stopped", "last_start_s", "mark_s", "kw", "rough", "damage", "rise_mm_s",
    "run_s", "starts", "part_run_s", "part_m3", "part_kws", "part_rough", "bearing_c", "motor_c",
)  # fmt: skip


class Stations:
    """Levels by station, everything else by pump; pump ``i`` is of station ``i // pumps``."""

    def __init__(
        self,
        plant: Plant,
        heat: Heat,
        *,
        stations: int,
        pumps: int,
        area_m2: float,
        starts_per_h_max: float,
        power_factors: Columns,
        water_c: float,
    ) -> None:
        self._plant, self._heat, self._pumps, self._area_m2 = plant, heat, pumps, area_m2
        self._rest_s = 3600.0 / starts_per_h_max
        self._power_factors, self.water_c = power_factors, water_c
        self._duty = functools.lru_cache(maxsize=4096)(self._operating_point)
        self.now_s = 0.0
        n = stations * pumps
        self.level_m = np.full(stations, 1.0)
        self.spilled_m3 = np.zeros(stations)
        self.out_m3_s = np.zeros(stations)  # of all pumps together
        self.flow_m3_s = np.zeros(stations)  # of each running pump
        self.up_m = np.full(stations, plant.start_m)
        self.low_m = np.full(stations, -np.inf)
        self.wait_s = np.full(stations, np.inf)  # when a start that was held back is tried again
        self.next_up = np.zeros(stations, dtype=np.int64)  # whose turn it is
        self.on = np.zeros(n, dtype=bool)
        self.able, self.stopped = np.ones(n, dtype=bool), np.zeros(n, dtype=bool)
        self.last_start_s = np.full(n, -np.inf)
        self.mark_s = np.zeros(n)  # up to when the totals below are right
        self.kw, self.rough = np.zeros(n), np.zeros(n)
        self.damage, self.rise_mm_s = np.zeros(n), np.zeros(n)
        self.run_s, self.starts = np.zeros(n), np.zeros(n)
        self.part_run_s, self.part_m3 = np.zeros(n), np.zeros(n)
        self.part_kws, self.part_rough = np.zeros(n), np.zeros(n)
        self.bearing_c, self.motor_c = np.full(n, water_c), np.full(n, water_c)
        # The same memory, for events: an item of a memoryview costs half of one of an array. So
        # columns are written in place, never replaced.
        self._items = SimpleNamespace(**{name: memoryview(getattr(self, name)) for name in _STATE})

    def advance(self, to_s: float, inflow_m3_s: Columns) -> None:
        """Move every station to ``to_s`` with a constant inflow each, shape ``(stations,)``."""
        for station, inflow in enumerate(inflow_m3_s.tolist()):
            self._run(station, to_s, inflow)
        self.now_s = to_s
        self._settle_all(to_s)

    def _run(self, station: int, to_s: float, inflow_m3_s: float) -> None:
        """Move one station from switching event to switching event up to ``to_s``.

        In plain numbers: few stations switch in the same round, and for a column of ten the call
        of an array function costs more than the sum.
        """
        items, area_m2, spill_m = self._items, self._area_m2, self._plant.spill_m
        left_s = to_s - self.now_s
        for _ in range(LOOPS_MAX):
            level_m, wait_s = items.level_m[station], items.wait_s[station]
            net = inflow_m3_s - items.out_m3_s[station]
            target_m = items.up_m[station] if net > 0.0 else items.low_m[station]
            due_s = (target_m - level_m) * (area_m2 / (net or -1e-12))
            due_s = max(min(due_s, wait_s - to_s + left_s), 0.0)
            if left_s == 0.0 and due_s == 0.0:
                return  # due at the very end, handled, waits for more time
            step_s = min(due_s, left_s)
            level_m += net * step_s / area_m2
            if level_m > spill_m:
                over_m = level_m - spill_m
                items.spilled_m3[station] += over_m * area_m2
                level_m -= over_m
            left_s -= step_s
            switching = due_s <= step_s
            reached = switching and abs(level_m - target_m) < 1e-6
            items.level_m[station] = target_m if reached else level_m
            if not switching:
                return
            self.control(station, to_s - left_s)
        raise AssertionError(f"more than {LOOPS_MAX} switching events up to {to_s} s")

    def control(self, station: int, now_s: float) -> None:
        """Start or stop pumps as the level says; called at an event of that station.

        A pump starts at most ``starts_per_h_max`` times an hour (a fixed rest between starts);
        the turn goes round.
        """
        plant, items = self._plant, self._items
        level = items.level_m[station]
        first, on = station * self._pumps, items.on
        before = [pump for pump in range(first, first + self._pumps) if on[pump]]
        after: list[int] = []
        if level > plant.stop_m:
            after = [pump for pump in before if items.able[pump] and not items.stopped[pump]]
        items.wait_s[station] = math.inf
        want = (level >= plant.start_m) + (level >= plant.lag_m)  # lead and lag; more are reserve
        while len(after) < want:
            pump = self._candidate(station, after, now_s)
            if pump is None:
                break
            after.append(pump)
            items.starts[pump] += 1.0
            items.last_start_s[pump] = now_s
            items.next_up[station] = (pump - first + 1) % self._pumps
        if after != before:
            self._switch(station, before, after, now_s)
        below_lag_m = plant.lag_m if level < plant.lag_m else math.inf
        items.up_m[station] = plant.start_m if level < plant.start_m else below_lag_m
        items.low_m[station] = plant.stop_m if after else -math.inf

    def _candidate(self, station: int, on: list[int], now_s: float) -> int | None:
        """The next pump allowed to start, by turn; notes when to try again if none is."""
        items, first, retry_s = self._items, station * self._pumps, math.inf
        whose = int(items.next_up[station])
        for turn in range(self._pumps):
            pump = first + (whose + turn) % self._pumps
            if pump in on or items.stopped[pump] or not items.able[pump]:
                continue
            rested_s = items.last_start_s[pump] + self._rest_s
            if rested_s <= now_s + 1e-6:  # the rounding of seconds since the start
                return pump
            retry_s = min(retry_s, rested_s)
        items.wait_s[station] = retry_s
        return None

    def _switch(self, station: int, before: list[int], after: list[int], now_s: float) -> None:
        """Close the books of every pump concerned and set the new operating point.

        The head is that of the middle between this level and the stop level, so flow is constant
        until the next switch.
        """
        items = self._items
        for pump in {*before, *after}:
            self._settle(pump, now_s)
            items.on[pump] = False
            items.kw[pump] = 0.0
        items.flow_m3_s[station] = items.out_m3_s[station] = 0.0
        if not after:
            return
        middle_m = 0.5 * (items.level_m[station] + self._plant.stop_m)
        flow, kw, rough = self._duty(middle_m, len(after))
        items.flow_m3_s[station], items.out_m3_s[station] = flow, flow * len(after)
        for pump in after:
            items.on[pump] = True
            items.kw[pump] = kw * float(self._power_factors[pump])
            items.rough[pump] = rough

    def _operating_point(self, level_m: float, running: int) -> tuple[float, float, float]:
        """Flow of each pump (m3/s), its electric power (kW) and roughness at a level."""
        flow = model.duty_flow(self._plant, level_m=level_m, running=running)
        kw = model.electric_kw(self._plant, flow)
        return flow, kw, model.hydraulic_vibration(self._plant, flow)

    def _settle(self, pump: int, now_s: float) -> None:
        """Bring run time, volume, energy and temperatures of one pump up to now."""
        heat, items = self._heat, self._items
        dt_s = now_s - items.mark_s[pump]
        items.mark_s[pump] = now_s
        bearing_to = motor_to = self.water_c
        if items.on[pump]:
            kw = items.kw[pump]
            items.part_run_s[pump] += dt_s
            items.part_m3[pump] += items.flow_m3_s[pump // self._pumps] * dt_s
            items.part_kws[pump] += kw * dt_s
            items.part_rough[pump] += items.rough[pump] * dt_s
            load = kw / self._plant.rated_kw
            bearing_to += heat.bearing_rise_k * load + heat.bearing_damage_k * items.damage[pump]
            motor_to += heat.motor_rise_k * load
        fade = math.exp(-dt_s / heat.bearing_tau_s)
        items.bearing_c[pump] = bearing_to + (items.bearing_c[pump] - bearing_to) * fade
        fade = math.exp(-dt_s / heat.motor_tau_s)
        items.motor_c[pump] = motor_to + (items.motor_c[pump] - motor_to) * fade

    def _settle_all(self, now_s: float) -> None:
        """The same for every pump at once."""
        heat = self._heat
        dt_s = now_s - self.mark_s
        self.mark_s[:] = now_s
        load = self.kw / self._plant.rated_kw
        on_s = np.where(self.on, dt_s, 0.0)
        self.part_run_s += on_s
        self.part_m3 += np.repeat(self.flow_m3_s, self._pumps) * on_s
        self.part_kws += self.kw * on_s
        self.part_rough += self.rough * on_s
        warm = heat.bearing_damage_k * np.where(self.on, self.damage, 0.0)
        self.bearing_c[:] = model.first_order(
            self.bearing_c,
            self.water_c + heat.bearing_rise_k * load + warm,
            dt_s=dt_s,
            tau_s=heat.bearing_tau_s,
        )
        self.motor_c[:] = model.first_order(
            self.motor_c,
            self.water_c + heat.motor_rise_k * load,
            dt_s=dt_s,
            tau_s=heat.motor_tau_s,
        )

    def close_interval(self) -> tuple[Columns, Columns, Columns, Columns]:
        """Run time (s), volume (m3), energy (kWs) and roughness (s) since the last call."""
        self.run_s += self.part_run_s
        columns = (self.part_run_s, self.part_m3, self.part_kws, self.part_rough)
        run_s, volume_m3, energy_kws, rough_s = (column.copy() for column in columns)
        for column in columns:
            column.fill(0.0)
        return run_s, volume_m3, energy_kws, rough_s

    def dump(self) -> dict[str, Any]:
        """Every column by name."""
        return {name: getattr(self, name) for name in _STATE} | {
            "now_s": self.now_s,
            "water_c": self.water_c,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            getattr(self, name)[:] = state[name]
        self.now_s, self.water_c = state["now_s"], state["water_c"]


def relative(values: Columns, parts: NDArray[np.float64]) -> Columns:
    """``values / parts``, NaN where ``parts`` is nothing."""
    out = np.full(len(values), np.nan)
    np.divide(values, parts, out=out, where=parts > 0.0)
    return out
