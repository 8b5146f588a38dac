"""The state of a fleet of bins, moved on in ticks of ten minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.products.bin import model
from twins.products.bin.habits import TICK_MS, TICKS_A_DAY, Day, Habits
from twins.products.bin.model import Columns
from twins.products.bin.sky import Sky

TICK_H = TICK_MS / model.HOUR_MS
TICKS_AN_HOUR = model.HOUR_MS // TICK_MS
STALL_A = 22.0
"""Motor current against a jam (estimate)."""
JAM_TRIES = 3
"""Failed strokes after which the drive is locked (domain rule B7)."""
INSIDE_TAU_H = 2.0
SUN_K_PER_W_M2 = 0.012
"""How much warmer than outside the sun makes it inside (estimate)."""
SENSOR_LOST_C = 125.0
"""The temperature sensor does not survive more (estimate)."""
BURNS_H = 1.0
"""How long a fire burns (estimate)."""

Flags = NDArray[np.bool_]


class Interval(NamedTuple):
    """What was summed up since the last report, columns of shape ``(n,)``."""

    press_a: Columns
    """Mean motor current while pressing; NaN without a compaction."""
    charge_a: Columns
    """Mean charge current."""
    hottest_c: Columns
    """Highest inside temperature."""
    door: Flags
    """Whether the service door was open at any time."""


class Bins:
    """Bins as columns of shape ``(n,)``.

    ``derate`` is the share of the open sky's radiation that a panel gets as it hangs,
    ``healthy_a`` the motor current of a new drive at half fill.
    """

    COLUMNS = (
        "waste_l", "height_l", "settled_l", "cycle", "compactions", "energy_wh", "capacity_wh",
        "rise_a", "inside_c", "stuck", "locked", "door", "sensor_lost", "lean_deg", "inhibited",
        "broken", "shorted", "burns_until", "fire_k_min", "shade_until", "shade", "busy_until",
        "busy", "dirty_until", "thrown_l", "spilled_l", "collected_l", "emptied",
        "emptied_pct", "charged_wh", "used_wh",
        "press_sum_a", "presses", "charge_sum_a", "charge_ticks", "hottest_c",
        "door_seen",
    )  # fmt: skip
    _FLAGS = ("stuck", "locked", "door", "sensor_lost", "inhibited", "broken", "shorted",
              "door_seen")  # fmt: skip

    def __init__(
        self,
        habits: Habits,
        sky: Sky,
        *,
        start_ms: int,
        devices_per_site: int,
        derate: Columns,
        healthy_a: Columns,
        params: Mapping[str, float],
        box: model.Box | None = None,
        battery: model.Battery | None = None,
    ) -> None:
        self.habits, self.sky = habits, sky
        self.box, self.battery = box or model.Box(), battery or model.Battery()
        self._start_ms, self._per_site, self._params = start_ms, devices_per_site, params
        self._derate, self.healthy_a = derate, healthy_a
        self.ticks = 0
        self.outdoor_c = np.full(len(derate), model.outdoor_c(start_ms))
        self.charge_a = np.zeros(len(derate))
        for name in self.COLUMNS:
            dtype = np.bool_ if name in self._FLAGS else np.float64
            setattr(self, name, np.zeros(len(derate), dtype=dtype))
        self.energy_wh = np.full(len(derate), 0.9 * self.battery.full_wh)
        self.capacity_wh = np.full(len(derate), self.battery.full_wh)
        self.inside_c = self.outdoor_c.copy()
        self.hottest_c = np.full(len(derate), -np.inf)
        self.shade, self.busy = np.ones(len(derate)), np.ones(len(derate))

    waste_l: Columns
    height_l: Columns
    settled_l: Columns
    cycle: Columns
    compactions: Columns
    rise_a: Columns
    stuck: Flags
    locked: Flags
    door: Flags
    sensor_lost: Flags
    lean_deg: Columns
    inhibited: Flags
    broken: Flags
    shorted: Flags
    burns_until: Columns
    fire_k_min: Columns
    shade_until: Columns
    busy_until: Columns
    dirty_until: Columns
    thrown_l: Columns
    spilled_l: Columns
    collected_l: Columns
    emptied: Columns
    emptied_pct: Columns
    charged_wh: Columns
    used_wh: Columns
    press_sum_a: Columns
    presses: Columns
    charge_sum_a: Columns
    charge_ticks: Columns
    door_seen: Flags

    @property
    def fill_pct(self) -> Columns:
        """True fill: height over the insert's; above 100 there is waste in the hopper."""
        return 100.0 * self.height_l / self.box.full_l

    @property
    def soc(self) -> Columns:
        """State of charge, 0 to 1."""
        return model.charge_share(self.battery, self.energy_wh, self.capacity_wh, self.outdoor_c)

    def advance(self, to_ms: int) -> None:
        """Take every whole tick up to ``to_ms``."""
        while self._start_ms + (self.ticks + 1) * TICK_MS <= to_ms:
            self._tick()

    def close_interval(self) -> Interval:
        """What was summed up; begins the next report interval."""
        with np.errstate(invalid="ignore"):
            press_a = self.press_sum_a / self.presses
        now_c = np.where(self.sensor_lost, np.nan, self.inside_c)
        hottest_c = np.where(np.isfinite(self.hottest_c), self.hottest_c, now_c)
        interval = Interval(
            press_a,
            self.charge_sum_a / np.maximum(self.charge_ticks, 1.0),
            np.minimum(hottest_c, SENSOR_LOST_C),
            self.door_seen | self.door,
        )
        for column in (self.press_sum_a, self.presses, self.charge_sum_a, self.charge_ticks):
            column[:] = 0.0
        self.hottest_c[:], self.door_seen[:] = -np.inf, False
        return interval

    def fade(self, device: int, *, lost: float) -> None:
        """A battery lost this share of its capacity (0: as new, and then it comes charged)."""
        renewed = lost == 0.0 and self.capacity_wh[device] < self.battery.full_wh
        self.capacity_wh[device] = self.battery.full_wh * (1.0 - lost)
        change_wh = self.capacity_wh[device] - self.energy_wh[device]
        if renewed:
            self.charged_wh[device] += change_wh
        elif change_wh < 0.0:
            self.used_wh[device] -= change_wh
        else:
            return
        self.energy_wh[device] = self.capacity_wh[device]

    def until(self, hours: float) -> float:
        """The tick that is so many hours from now."""
        return self.ticks + hours / TICK_H

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        columns = {name: getattr(self, name) for name in self.COLUMNS}
        more = {"outdoor_c": self.outdoor_c, "charge_a": self.charge_a, "ticks": self.ticks}
        return columns | more | {"sky": self.sky.dump()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in (*self.COLUMNS, "outdoor_c", "charge_a", "ticks"):
            setattr(self, name, state[name])
        self.sky.load(state["sky"])

    def _tick(self) -> None:
        at_ms = self._start_ms + self.ticks * TICK_MS
        if self.ticks % TICKS_AN_HOUR == 0:
            self.sky.next_hour(self.ticks // TICKS_AN_HOUR)
        number, row = divmod(self.ticks, TICKS_A_DAY)
        day = self.habits.day(number)
        radiation = np.repeat(self.sky.radiation_w_m2(at_ms), self._per_site)
        self.outdoor_c = np.repeat(self.sky.outdoor_c(at_ms), self._per_site)
        self._throw_in(day.thrown_l[:, row])
        soc = self.soc
        spent_wh = self._compact(soc, day.jam[:, row])
        self._come_round(day)
        self._charge(soc, radiation, spent_wh)
        self._warm(radiation, day.fire[:, row])
        self.ticks += 1

    def _throw_in(self, drawn_l: Columns) -> None:
        """Deposits; what no longer fits lands beside the bin."""
        thrown_l = np.where(self.ticks < self.busy_until, self.busy, 1.0) * drawn_l
        taken_l = np.minimum(thrown_l, self.box.brim_l - self.height_l)
        self.height_l += taken_l
        self.waste_l += taken_l
        self.thrown_l += thrown_l
        self.spilled_l += thrown_l - taken_l

    def _compact(self, soc: Columns, jam: Columns) -> Columns:
        """At most one compaction a tick; three strokes against a jam lock the drive. Wh spent."""
        tries = self.height_l - self.settled_l >= self.box.loose_l
        tries &= ~(self.locked | self.inhibited | self.broken | self.shorted | self.door)
        tries &= soc > self.battery.cut_off
        spent_wh = np.zeros(len(soc))
        at = np.flatnonzero(tries)
        if not at.size:
            return spent_wh
        self.stuck[at] |= jam[at] < self._params["jam_per_stroke"]
        fails, height_l = self.stuck[at], self.height_l[at]
        self.locked[at] = fails
        strokes = np.where(fails, float(JAM_TRIES), 1.0)
        current_a = model.press_current_a(self.healthy_a[at], height_l, self.rise_a[at], self.box)
        current_a = np.where(fails, STALL_A, current_a)
        self.press_sum_a[at] += strokes * current_a
        self.presses[at] += strokes
        after_l = model.compacted_l(self.box, self.waste_l[at], height_l, self.cycle[at])
        self.height_l[at] = np.where(fails, height_l, after_l)
        self.settled_l[at] = np.where(fails, self.settled_l[at], after_l)
        self.cycle[at] += ~fails
        self.compactions[at] += strokes
        spent_wh[at] = strokes * model.compaction_wh(self.battery, current_a)
        return spent_wh

    def _come_round(self, day: Day) -> None:
        """A crew on its round empties some; with the bag go jam, tilt and open door."""
        number = self.habits.round_of(self.ticks)
        if number is None:
            return
        fill_pct = self.fill_pct
        chance = model.round_empties(
            fill_pct, p0=self._params["round_p0"], power=self._params["round_power"]
        )
        gone = day.round[:, number] < chance
        self.emptied += gone
        self.emptied_pct[gone] = fill_pct[gone]
        self.collected_l[gone] += self.waste_l[gone]
        for column in (self.waste_l, self.height_l, self.settled_l, self.cycle, self.lean_deg):
            column[gone] = 0.0
        for flag in (self.stuck, self.locked, self.door, self.sensor_lost):
            flag[gone] = False
        self.burns_until[gone] = 0.0
        self.door_seen |= gone

    def _charge(self, soc: Columns, radiation: Columns, spent_wh: Columns) -> None:
        battery = self.battery
        panel_w = battery.panel_w * radiation / 1000.0 * self._derate
        panel_w *= np.where(self.ticks < self.shade_until, self.shade, 1.0)
        gain_wh = model.accepted_w(soc, panel_w * battery.charge_efficiency) * TICK_H
        gain_wh = np.minimum(gain_wh, self.capacity_wh - self.energy_wh)
        leak = battery.discharge_month / (30.0 * 24.0) * TICK_H
        loss_wh = battery.base_w * TICK_H + spent_wh + leak * self.energy_wh
        loss_wh = np.minimum(loss_wh, self.energy_wh + gain_wh)
        self.energy_wh = self.energy_wh + gain_wh - loss_wh
        self.charged_wh += gain_wh
        self.used_wh += loss_wh
        self.charge_a = gain_wh / TICK_H / (battery.charge_efficiency * 12.0)
        self.charge_sum_a += self.charge_a
        self.charge_ticks += 1.0

    def _warm(self, radiation: Columns, fire: Columns) -> None:
        """First order towards outside and sun; a fire adds its rate (5 to 20 K/min)."""
        rate = self._params["fires_per_year"] / (model.YEAR_D * TICKS_A_DAY)
        breaks_out = (fire < rate) & (self.burns_until <= self.ticks)
        self.burns_until[breaks_out] = self.until(BURNS_H)
        self.fire_k_min[breaks_out] = 10.0
        goal_c = self.outdoor_c + SUN_K_PER_W_M2 * radiation
        still = goal_c + (self.inside_c - goal_c) * np.exp(-TICK_H / INSIDE_TAU_H)
        burning = self.inside_c + self.fire_k_min * TICK_H * 60.0
        self.inside_c = np.where(self.ticks < self.burns_until, np.minimum(burning, 600.0), still)
        seen_c = np.where(self.sensor_lost, -np.inf, self.inside_c)
        self.hottest_c = np.maximum(self.hottest_c, seen_c)
        self.sensor_lost |= self.inside_c > SENSOR_LOST_C
