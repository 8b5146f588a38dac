"""The state of a fleet of bins, moved on step by step; a step is the report interval."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.weather import Calendar, Weather
from twins.products.bin import model
from twins.products.bin.dice import Words
from twins.products.bin.habits import RATIO, Clock, Crews, Habits, jam_bits
from twins.products.bin.model import Columns
from twins.products.bin.place import Places
from twins.products.bin.power import Power

STALL_A = 22.0
"""Motor current against a jam (estimate)."""
JAM_TRIES = 3
"""Failed strokes after which the drive is locked (section 1C, domain rule B7)."""
INSIDE_TAU_H = 2.0
SUN_K_PER_W_M2 = 0.012
"""How much warmer than outside the sun makes it inside (estimate)."""
SENSOR_LOST_C = 125.0
"""The sensors in the lid do not survive more (estimate)."""
TOO_HOT_C = 70.0
"""The bin itself stops compacting above this, whatever it is told (domain rule B11)."""
BURNS_H = 1.0
"""How long a fire burns (estimate)."""
FLAME_C = 600.0
WET_MM_H = 0.1
"""More than this keeps people away and wets the sensor (estimate)."""
FIX_HOUR = 3
"""Hour (UTC) in which bins look for their position (estimate)."""
HARDLY_FULL_PCT = 50.0
"""A bin emptied below this was a needless stop (domain rule B13)."""
WITHOUT_BAG = 0.2
"""Share of the waste that stays behind where no bag was put in (estimate)."""
LOG_RATIO = float(np.log(RATIO))
WITHOUT_BAG_ODOUR = 3.0
"""How much faster it smells without one (estimate)."""

Flags = NDArray[np.bool_]
Index = NDArray[np.int64]


class Interval(NamedTuple):
    """What was summed up since the last report, columns of shape ``(n,)``."""

    press_a: Columns
    """Mean motor current while pressing; NaN without a compaction."""
    charge_a: Columns
    """Mean charge current."""
    hottest_c: Columns
    """Highest inside temperature; NaN once the sensor is lost."""
    door: Flags
    """Whether the service door was open at any time."""
    peak_deg: Columns
    """Lean at the height of a blow; 0 without one."""


class Bins:
    """Bins as columns of shape ``(n,)``.

    ``healthy_a`` is the motor current of a new drive at half fill. ``trigger_l`` is the height at
    which the light beam is blocked, infinite where compaction is not allowed, so that a step
    compares one column and touches only the few bins that press.
    """

    FLAGS = ("stuck", "locked", "hopper_stuck", "door", "sensor_lost", "inhibited", "broken",
             "bagless", "door_seen", "odd")  # fmt: skip
    COLUMNS = (
        "waste_l", "height_l", "settled_l", "trigger_l", "cycle", "stroke_left", "compactions",
        "openings", "rise_a", "inside_c", "lean_deg", "peak_deg", "odour", "fire_k_min",
        "busy", "thrown_l", "spilled_l", "collected_l", "collections", "needless", "emptied_pct",
        "slip_pct", "fold", "dirt_lost", "dirt_wild", "press_sum_a", "presses", "charge_sum_a",
        "hottest_c", *FLAGS,
    )  # fmt: skip
    MORE = ("loose_l", "outdoor_c", "clearness", "rain", "fixes", "pace", "rows", "words", "hour",
            "steps", "steps_told", "quiet_h")  # fmt: skip
    waste_l: Columns
    height_l: Columns
    settled_l: Columns
    trigger_l: Columns
    cycle: Columns
    stroke_left: Columns
    """Share of the excess over the densest state that the last compaction left."""
    compactions: Columns
    openings: Columns
    rise_a: Columns
    inside_c: Columns
    lean_deg: Columns
    peak_deg: Columns
    odour: Columns
    fire_k_min: Columns
    busy: Columns
    thrown_l: Columns
    spilled_l: Columns
    collected_l: Columns
    collections: Columns
    needless: Columns
    emptied_pct: Columns
    slip_pct: Columns
    fold: Columns
    dirt_lost: Columns
    dirt_wild: Columns
    press_sum_a: Columns
    presses: Columns
    charge_sum_a: Columns
    hottest_c: Columns
    stuck: Flags
    locked: Flags
    hopper_stuck: Flags
    door: Flags
    sensor_lost: Flags
    inhibited: Flags
    broken: Flags
    bagless: Flags
    door_seen: Flags
    odd: Flags

    def __init__(
        self,
        habits: Habits,
        power: Power,
        *,
        clock: Clock,
        devices_per_site: int,
        healthy_a: Columns,
        box: model.Box,
        crews: Crews,
        places: Places,
        jam_per_stroke: float,
        around: tuple[Weather, Calendar],
    ) -> None:
        self.habits, self.power, self.clock = habits, power, clock
        self._weather, self._calendar = around
        self._per_site, self.healthy_a = devices_per_site, healthy_a
        self.box, self.crews = box, crews
        self.places = places
        self._jam_per_stroke = jam_per_stroke
        self._pct_per_l, self._brim_l, size = 100.0 / box.full_l, box.brim_l, len(healthy_a)
        for name in self.COLUMNS:
            setattr(self, name, np.zeros(size, dtype=np.bool_ if name in self.FLAGS else float))
        self.steps = self.steps_told = 0
        self.timers: list[tuple[int, str, int]] = []
        self.loose_l, self.quiet_h = np.full(size, box.loose_l), np.zeros((2, size))
        self.outdoor_c = self._by_bin(self._weather.at(clock.start_ms).outdoor_c)
        self.inside_c = self.outdoor_c.copy()
        self.hottest_c[:] = -np.inf
        self.busy[:] = 1.0
        self.fixes: Columns | None = None
        """Errors of the position fix of this interval, if one was made, ``(n, 2)``."""
        self.clearness, self.rain = np.zeros(size), np.zeros(size, dtype=np.bool_)
        self.pace, self.rows = np.zeros(size), np.zeros(size, dtype=np.int64)
        self.words: Words = np.zeros(size, dtype=np.uint64)
        """The random words of the step that was taken last."""
        self.hour = clock.start_ms // model.HOUR_MS - 1
        self._warmer = 1.0 - float(np.exp(-clock.step_h / INSIDE_TAU_H))
        self.rearm(np.arange(size))

    @property
    def fill_pct(self) -> Columns:
        """True fill: height over the insert's; above 100 there is waste in the hopper."""
        return self.height_l * self._pct_per_l

    def advance(self, to_ms: int) -> None:
        """Take every whole step up to ``to_ms``."""
        while self.clock.begins_ms(self.steps + 1) <= to_ms:
            self._step()

    def close_interval(self) -> Interval:
        """What was summed up; begins the next report interval."""
        press_a = np.full(len(self.presses), np.nan)
        pressed = self.presses.nonzero()[0]
        press_a[pressed] = self.press_sum_a[pressed] / self.presses[pressed]
        steps = self.steps - self.steps_told
        hottest_c = np.minimum(self.hottest_c if steps else self.inside_c, SENSOR_LOST_C)
        hottest_c[self.sensor_lost & ~(self.hottest_c > SENSOR_LOST_C)] = np.nan
        interval = Interval(
            press_a,
            self.charge_sum_a / steps if steps else self.power.charge_a,
            hottest_c,
            self.door_seen | self.door,
            self.peak_deg.copy(),
        )
        for column in (self.press_sum_a, self.presses, self.charge_sum_a, self.peak_deg):
            column.fill(0.0)
        self.hottest_c.fill(-np.inf)
        self.door_seen.fill(False)
        self.steps_told, self.fixes = self.steps, None
        return interval

    def rearm(self, at: Index) -> None:
        """Say anew when these bins compact: where something forbids it, never."""
        blocked = self.locked[at] | self.inhibited[at] | self.broken[at] | self.door[at]
        blocked |= self.sensor_lost[at] | self.power.shorted[at] | (not self.box.compacting)
        trigger_l = self.settled_l[at] + self.loose_l[at]
        self.trigger_l[at] = np.where(blocked, np.inf, trigger_l)

    def end_after(self, hours: float, kind: str, device: int) -> None:
        """Let something of a bin end so many hours from now (instead of when it would have)."""
        steps = max(round(hours / self.clock.step_h), 1)
        self.timers = [timer for timer in self.timers if timer[1:] != (kind, device)]
        heapq.heapify(self.timers)
        heapq.heappush(self.timers, (self.steps + steps, kind, device))

    def collect(self, at: Index, *, forgotten: Flags | bool = False) -> Columns:
        """Empty these bins: with the bag go jam, tilt and open door. Litres taken away."""
        fill_pct = self.fill_pct[at]
        stays = np.where(self.bagless[at], WITHOUT_BAG, 0.0)
        taken_l = self.waste_l[at] * (1.0 - stays)
        self.collections[at] += 1.0
        self.needless[at] += fill_pct < HARDLY_FULL_PCT
        self.emptied_pct[at] = fill_pct
        self.collected_l[at] += taken_l
        self.odour[at] *= stays
        self.waste_l[at] *= stays
        self.height_l[at] *= stays
        self.settled_l[at] = self.height_l[at]
        for column in (self.cycle, self.lean_deg, self.slip_pct, self.fold, self.fire_k_min):
            column[at] = 0.0
        for flag in (self.stuck, self.locked, self.hopper_stuck, self.door, self.sensor_lost):
            flag[at] = False
        self.bagless[at] = forgotten
        self.door_seen[at] = True
        self.odd[at] = self.dirt_lost[at] + self.dirt_wild[at] > 0.0
        self.rearm(at)
        return taken_l

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        columns = {name: getattr(self, name) for name in (*self.COLUMNS, *self.MORE)}
        timers = [list(timer) for timer in self.timers]
        return columns | {"timers": timers, "power": self.power.dump(),
                          "places": self.places.dump()}  # fmt: skip

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in (*self.COLUMNS, *self.MORE):
            setattr(self, name, state[name])
        self.timers = [(step, kind, device) for step, kind, device in state["timers"]]
        self.power.load(state["power"])
        self.places.load(state["places"])

    def look_busy(self) -> None:
        """How much is thrown in changed: find the rows of the deposits anew."""
        now = self._calendar.at(self.hour * model.HOUR_MS)
        pace = self.pace + np.log(np.maximum(self.busy, 1e-9)) / LOG_RATIO
        self.rows = self.habits.row_of(now, pace, self.outdoor_c, self.rain)

    def _step(self) -> None:
        at_ms = self.clock.begins_ms(self.steps)
        while self.timers and self.timers[0][0] <= self.steps:
            _, kind, device = heapq.heappop(self.timers)
            self._end(kind, device)
        while self.hour < at_ms // model.HOUR_MS:
            self._next_hour()
        self.words = self.habits.step_words(at_ms)
        self._throw_in()
        self._compact()
        round_number = self.habits.round_of(self._calendar.at(at_ms).hour)
        if round_number is not None:
            self._come_round(round_number, at_ms)
        sine = model.sun_height(
            at_ms,
            latitude_deg=self._weather.latitude_deg,
            longitude_deg=self._weather.longitude_deg,
        )
        sun_w_m2 = model.clear_sky_w_m2(sine) * self.clearness if sine > 0.0 else None
        self.power.step(sun_w_m2)
        self.charge_sum_a += self.power.charge_a
        self._warm(sun_w_m2)
        self.steps += 1

    def _next_hour(self) -> None:
        """The sky of the hour, the cold in the battery, an hour's smell; at midnight the day."""
        self.hour += 1
        at_ms = self.hour * model.HOUR_MS
        sky = self._weather.at(at_ms)
        self.clearness = self._by_bin(model.clearness(sky.cloud))
        self.outdoor_c = self._by_bin(sky.outdoor_c)
        self.rain = self._by_bin(sky.rain_mm_h > WET_MM_H)
        if self.hour % 24 == 0 or self.steps == 0:
            festival = self._calendar.at(at_ms + model.DAY_MS // 2).festival
            self.pace = self.habits.day_pace(self.hour // 24, festival=festival)
        if self.hour % 24 == FIX_HOUR:
            self.fixes = self.habits.fix_errors(self.hour // 24)
        self.look_busy()
        self.power.feel(self.outdoor_c)
        share = model.odour_share(self.inside_c, 1.0)
        bare = self.bagless.nonzero()[0]
        share[bare] = np.minimum(WITHOUT_BAG_ODOUR * share[bare], 1.0)
        fuel = np.minimum(self.waste_l * self._pct_per_l, 100.0)
        self.odour += np.maximum(fuel - self.odour, 0.0) * share

    def _by_bin(self, of_sites: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(of_sites, self._per_site) if self._per_site > 1 else of_sites

    def _throw_in(self) -> None:
        """Deposits; what no longer fits, or cannot get in, lands beside the bin."""
        thrown_l, openings = self.habits.thrown_in(self.words, self.rows)
        room_l = self._brim_l - self.height_l
        closed = self.hopper_stuck.nonzero()[0]
        if closed.size:
            room_l[closed] = openings[closed] = 0.0
        taken_l = np.minimum(thrown_l, room_l, out=room_l)
        self.height_l += taken_l
        self.waste_l += taken_l
        self.thrown_l += thrown_l
        thrown_l -= taken_l
        self.spilled_l += thrown_l
        self.openings += openings

    def _compact(self) -> None:
        """At most one compaction a step; three strokes against a jam lock the drive."""
        at = (self.height_l >= self.trigger_l).nonzero()[0]
        if at.size:
            ready = self.power.soc[at] > self.power.battery.cut_off
            ready &= self.inside_c[at] < TOO_HOT_C
            hour = self._calendar.at(self.clock.begins_ms(self.steps)).hour
            at = at[ready & ~model.is_quiet(hour, *self.quiet_h[:, at])]
        if not at.size:
            return
        self.stuck[at] |= jam_bits(self.words[at]) < self._jam_per_stroke
        fails, height_l = self.stuck[at], self.height_l[at]
        self.locked[at] = fails
        strokes = np.where(fails, float(JAM_TRIES), 1.0)
        fill = height_l / self.box.full_l[at]
        current_a = model.press_current_a(self.healthy_a[at], fill, self.rise_a[at])
        current_a = np.where(fails, STALL_A, current_a)
        self.press_sum_a[at] += strokes * current_a
        self.presses[at] += strokes
        after_l = model.compacted_l(self.box, self.waste_l[at], height_l, self.cycle[at])
        least_l = np.minimum(self.waste_l[at] / self.box.densest, height_l)
        left = (after_l - least_l) / np.maximum(height_l - least_l, 1e-9)
        self.stroke_left[at] = np.where(fails, self.stroke_left[at], left)
        self.height_l[at] = np.where(fails, height_l, after_l)
        self.settled_l[at] = np.where(fails, self.settled_l[at], after_l)
        self.cycle[at] += ~fails
        self.compactions[at] += strokes
        self.power.spend(at, strokes * model.compaction_wh(self.power.battery, current_a))
        self.rearm(at)

    def _come_round(self, number: int, at_ms: int) -> None:
        """A crew on its round empties some, by what it sees or by its schedule."""
        crews, draw = self.crews, self.habits.round_draws(at_ms, number)
        if crews.schedule_days > 0.0:
            if number > 0:
                return
            day = at_ms // model.DAY_MS + np.arange(len(draw))
            due = day % max(round(crews.schedule_days), 1) == 0
            chance = np.where(due, 1.0 - crews.missed, 0.0)
        else:
            chance = model.round_empties(self.fill_pct, p0=crews.p0, power=crews.power)
        gone = np.flatnonzero(draw < chance)
        if gone.size:
            self.collect(gone, forgotten=draw[gone] < crews.bag_forgotten * chance[gone])

    def _warm(self, sun_w_m2: Columns | None) -> None:
        """First order towards outside and sun; a fire adds its rate (5 to 20 K/min)."""
        gap_k = self.outdoor_c - self.inside_c
        if sun_w_m2 is not None:
            gap_k += SUN_K_PER_W_M2 * sun_w_m2
        gap_k *= self._warmer
        self.inside_c = self.inside_c + gap_k
        at = self.fire_k_min.nonzero()[0]
        if at.size:
            hotter_c = self.inside_c[at] + self.fire_k_min[at] * self.clock.step_h * 60.0
            self.inside_c[at] = np.minimum(hotter_c, FLAME_C)
            lost = at[self.inside_c[at] > SENSOR_LOST_C]
            self.sensor_lost[lost] = True
            self.rearm(lost)
        np.maximum(self.hottest_c, self.inside_c, out=self.hottest_c)

    def _end(self, kind: str, device: int) -> None:
        """Something that was to last for a while is over."""
        if kind == "event":
            self.busy[device] = 1.0
            self.look_busy()
        elif kind == "shade":
            self.power.shade[device] = 1.0
        elif kind == "fire":
            self.fire_k_min[device] = 0.0
        elif kind == "gps":
            self.places.drift(device, m_per_day=0.0, from_h=0.0)
        else:
            self.clear_sight(device, kind)

    def clear_sight(self, device: int, what: str) -> None:
        """A fold of the bag, dirt or a slipped bag no longer spoils the echo."""
        if what in ("fold", "slip"):
            (self.fold if what == "fold" else self.slip_pct)[device] = 0.0
        else:
            self.dirt_lost[device] = self.dirt_wild[device] = 0.0
        spoiled = (self.fold, self.slip_pct, self.dirt_lost, self.dirt_wild, self.door)
        self.odd[device] = any(column[device] for column in spoiled)
