"""The state of a fleet of bins, moved on step by step; a step is the report interval."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from twins.core.weather import Calendar, Weather
from twins.products.bin import kernels, model
from twins.products.bin.dice import counter
from twins.products.bin.habits import Clock, Crews, Habits
from twins.products.bin.kernels import Box, Columns, Flags, Index, Now, State, Words
from twins.products.bin.place import Places
from twins.products.bin.power import Power, Sun

BURNS_H = 1.0
"""How long a fire burns (estimate)."""
WET_MM_H = 0.1
"""More than this keeps people away and wets the sensor (estimate)."""
FIX_HOUR = 3
"""Hour (UTC) in which bins look for their position (estimate)."""
HARDLY_FULL_PCT = 50.0
"""A bin emptied below this was a needless stop (domain rule B13)."""
WITHOUT_BAG = 0.2
"""Share of the waste that stays behind where no bag was put in (estimate)."""
NO_WORDS = np.uint64(2**64 - 1)
"""Before the first step: an echo that goes not astray."""
_KINDS: dict[Any, type[np.generic]] = {
    Columns: np.float64, Flags: np.bool_, Index: np.int64, Words: np.uint64,
}  # fmt: skip


class Bins:
    """Bins as columns of shape ``(n,)``: ``state`` and ``power.cells``, changed in place only."""

    MORE = ("fixes", "hour", "steps", "steps_told")

    def __init__(
        self,
        habits: Habits,
        power: Power,
        *,
        clock: Clock,
        devices_per_site: int,
        box: Box,
        crews: Crews,
        places: Places,
        around: tuple[Weather, Calendar],
    ) -> None:
        self.habits, self.power, self.clock = habits, power, clock
        self._weather, self._calendar = around
        self._per_site, size = devices_per_site, len(box.full_l)
        self.box, self.crews, self.places = box, crews, places
        hints = get_type_hints(State)
        self.state = state = State(
            **{name: np.zeros(size, dtype=_KINDS[hint]) for name, hint in hints.items()}
        )
        self.steps = self.steps_told = 0
        self.timers: list[tuple[int, str, int]] = []
        state.outdoor_c[:] = self._by_bin(self._weather.at(clock.start_ms).outdoor_c)
        state.inside_c[:] = state.outdoor_c
        for column, value in (
            (state.loose_l, box.loose_l), (state.hottest_c, -np.inf), (state.busy, 1.0),
            (state.words, NO_WORDS),
        ):  # fmt: skip
            column[:] = value
        self.fixes: Columns | None = None
        """Errors of the position fix of this interval, if one was made, ``(n, 2)``."""
        self.hour = clock.start_ms // model.HOUR_MS - 1
        self.rearm(np.arange(size))

    @property
    def fill_pct(self) -> Columns:
        """True fill: height over the insert's; above 100 there is waste in the hopper."""
        return self.state.height_l * (100.0 / self.box.full_l)

    def advance(self, to_ms: int) -> None:
        """Take every whole step up to ``to_ms``."""
        while self.clock.begins_ms(self.steps + 1) <= to_ms:
            self._step()

    def tell(self, said: Columns, lean_deg: Columns) -> None:
        """Write what a report says but for echo and place; begins the next report interval.

        Args:
            said: Shape ``(15, n)``, in the order of ``product.toml``.
            lean_deg: How crooked the bins stand by themselves.
        """
        steps = self.steps - self.steps_told
        kernels.tell(self.state, said, lean_deg, steps == 0)
        self.power.tell(said[3], said[4], steps)
        self.steps_told, self.fixes = self.steps, None

    def rearm(self, at: Index) -> None:
        """Say anew when these bins compact: where something forbids it, never."""
        state = self.state
        blocked = state.locked[at] | state.inhibited[at] | state.broken[at] | state.door[at]
        blocked |= state.sensor_lost[at] | self.power.cells.shorted[at]
        blocked |= not self.box.compacting
        trigger_l = state.settled_l[at] + state.loose_l[at]
        state.trigger_l[at] = np.where(blocked, np.inf, trigger_l)

    def end_after(self, hours: float, kind: str, device: int) -> None:
        """Let something of a bin end so many hours from now (instead of when it would have)."""
        steps = max(round(hours / self.clock.step_h), 1)
        self.timers = [timer for timer in self.timers if timer[1:] != (kind, device)]
        heapq.heapify(self.timers)
        heapq.heappush(self.timers, (self.steps + steps, kind, device))

    def collect(self, at: Index, *, forgotten: Flags | bool = False) -> Columns:
        """Empty these bins: with the bag go jam, tilt and open door. Litres taken away."""
        state, fill_pct = self.state, self.fill_pct[at]
        stays = np.where(state.bagless[at], WITHOUT_BAG, 0.0)
        taken_l = state.waste_l[at] * (1.0 - stays)
        state.collections[at] += 1.0
        state.needless[at] += fill_pct < HARDLY_FULL_PCT
        state.emptied_pct[at] = fill_pct
        state.collected_l[at] += taken_l
        state.odour[at] *= stays
        state.waste_l[at] *= stays
        state.height_l[at] *= stays
        state.settled_l[at] = state.height_l[at]
        for column in (state.cycle, state.lean_deg, state.slip_pct, state.fire_k_min):
            column[at] = 0.0
        for flag in (
            state.stuck, state.locked, state.hopper_stuck, state.door, state.sensor_lost,
            state.fold,
        ):  # fmt: skip
            flag[at] = False
        state.bagless[at] = forgotten
        state.door_seen[at] = True
        state.odd[at] = state.dirt_lost[at] + state.dirt_wild[at] > 0.0
        self.rearm(at)
        return taken_l

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        more = {name: getattr(self, name) for name in self.MORE}
        timers = [list(timer) for timer in self.timers]
        return more | {"state": self.state._asdict(), "timers": timers,
                       "power": self.power.dump(), "places": self.places.dump()}  # fmt: skip

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in self.MORE:
            setattr(self, name, state[name])
        for name, column in self.state._asdict().items():
            column[...] = state["state"][name]
        self.timers = [(step, kind, device) for step, kind, device in state["timers"]]
        self.power.load(state["power"])
        self.places.load(state["places"])

    def look_busy(self) -> None:
        """How much is thrown in changed: find the rows of the deposits anew."""
        self.habits.find_rows(self.state, self._calendar.at(self.hour * model.HOUR_MS))

    def _step(self) -> None:
        at_ms = self.clock.begins_ms(self.steps)
        while self.timers and self.timers[0][0] <= self.steps:
            _, kind, device = heapq.heappop(self.timers)
            self._end(kind, device)
        while self.hour < at_ms // model.HOUR_MS:
            self._next_hour()
        state, power = self.state, self.power
        clear_w_m2 = model.clear_sky_w_m2(
            model.sun_height(
                at_ms,
                latitude_deg=self._weather.latitude_deg,
                longitude_deg=self._weather.longitude_deg,
            )
        )
        hour, number = self._calendar.at(at_ms).hour, counter(at_ms // model.STEP_MIN_MS)
        now = Now(
            number, hour, self.clock.step_h, clear_w_m2, power.cells.soc, power.battery.cut_off
        )
        kernels.step(state, self.box, self.habits.drawn, now)
        round_number = self.habits.round_of(hour)
        if round_number is not None:
            self._come_round(round_number, at_ms)
        power.step(state.spent_wh, Sun(clear_w_m2, state.clearness))
        self.steps += 1

    def _next_hour(self) -> None:
        """The sky of the hour, the cold in the battery, an hour's smell; at midnight the day."""
        self.hour += 1
        at_ms, state = self.hour * model.HOUR_MS, self.state
        sky = self._weather.at(at_ms)
        state.clearness[:] = self._by_bin(model.clearness(sky.cloud))
        state.outdoor_c[:] = self._by_bin(sky.outdoor_c)
        state.rain[:] = self._by_bin(sky.rain_mm_h > WET_MM_H)
        if self.hour % 24 == 0 or self.steps == 0:
            festival = self._calendar.at(at_ms + model.DAY_MS // 2).festival
            state.pace[:] = self.habits.day_pace(self.hour // 24, festival=festival)
        if self.hour % 24 == FIX_HOUR:
            self.fixes = self.habits.fix_errors(self.hour // 24)
        self.look_busy()
        self.power.feel(state.outdoor_c)
        kernels.smell(state, self.box.full_l)

    def _by_bin(self, of_sites: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(of_sites, self._per_site) if self._per_site > 1 else of_sites

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

    def _end(self, kind: str, device: int) -> None:
        """Something that was to last for a while is over."""
        if kind == "event":
            self.state.busy[device] = 1.0
            self.look_busy()
        elif kind == "shade":
            self.power.cells.shade[device] = 1.0
        elif kind == "fire":
            self.state.fire_k_min[device] = 0.0
        elif kind == "gps":
            self.places.drift(device, m_per_day=0.0, from_h=0.0)
        else:
            self.clear_sight(device, kind)

    def clear_sight(self, device: int, what: str) -> None:
        """A fold of the bag, dirt or a slipped bag no longer spoils the echo."""
        state = self.state
        if what == "fold":
            state.fold[device] = False
        elif what == "slip":
            state.slip_pct[device] = 0.0
        else:
            state.dirt_lost[device] = state.dirt_wild[device] = 0.0
        spoiled = (state.fold, state.slip_pct, state.dirt_lost, state.dirt_wild, state.door)
        state.odd[device] = any(column[device] for column in spoiled)
