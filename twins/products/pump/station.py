"""Wet wells and their pumps, from event to event: filling and draining times in closed form.

Between two starts or stops the outflow of a station is constant, so the time to its next switching
level is ``A dh / (Qin - Qout)``. All wells move at once (columns of shape ``(stations,)``); what is
discrete, a start or a stop, is handled one by one. Seconds count from the start of the world.
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

MOST_AT_ONCE = 2
"""Lead and lag; further pumps of a station are reserve."""
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
        left = np.full(len(self.level_m), to_s - self.now_s)
        area_m2, spill_m = self._area_m2, self._plant.spill_m
        for _ in range(LOOPS_MAX):
            net = inflow_m3_s - self.out_m3_s
            target = np.where(net > 0.0, self.up_m, self.low_m)
            due = (target - self.level_m) * (area_m2 / np.where(net == 0.0, -1e-12, net))
            np.minimum(due, self.wait_s - to_s + left, out=due)
            np.maximum(due, 0.0, out=due)
            step = np.minimum(due, left)
            self.level_m += net * step / area_m2
            if self.level_m.max() > spill_m:
                over_m = np.maximum(self.level_m - spill_m, 0.0)
                self.spilled_m3 += over_m * area_m2
                self.level_m -= over_m
            left -= step
            events = 0
            for station in np.flatnonzero(due <= step).tolist():
                if left[station] == 0.0 and due[station] == 0.0:
                    continue  # due at the very end, handled, waits for more time
                events += 1
                if abs(self.level_m[station] - target[station]) < 1e-6:
                    self.level_m[station] = target[station]
                self.control(station, to_s - float(left[station]))
            if not events:
                self.now_s = to_s
                self._settle_all(to_s)
                return
        raise AssertionError(f"more than {LOOPS_MAX} switching events up to {to_s} s")

    def control(self, station: int, now_s: float) -> None:
        """Start or stop pumps as the level says; called at an event of that station.

        A pump starts at most ``starts_per_h_max`` times an hour (a fixed rest between starts);
        the turn goes round.
        """
        plant, items = self._plant, self._items
        level = items.level_m[station]
        first = station * self._pumps
        pumps = range(first, first + self._pumps)
        before = [pump for pump in pumps if items.on[pump]]
        after = [pump for pump in before if items.able[pump] and not items.stopped[pump]]
        items.wait_s[station] = math.inf
        if level <= plant.stop_m:
            after = []
        want = min((level >= plant.start_m) + (level >= plant.lag_m), MOST_AT_ONCE)
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
        above = [mark for mark in (plant.start_m, plant.lag_m) if mark > level]
        items.up_m[station] = above[0] if above else math.inf
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
