"""Wet wells and their pumps, from switching event to switching event, all stations at once.

A station's pumps run as "the first k usable ones from the lead on": its state is a volume, a lead
and a k. Within an advance the inflow is constant and each such set has one operating point (at the
middle of the level's way), so the time to the next switching volume is ``dV / (Qin - Qout)``. Each
round moves every station that has time left to its own next event; how long which set ran is
noted, and the books (run time, volume, energy, heat) are closed once at the end. Seconds count from
the start of the world.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.products.pump.duty import Duty, Works
from twins.products.pump.guards import WATCH_S, Guards
from twins.products.pump.heating import Runs, warmed_c
from twins.products.pump.ills import Ills
from twins.products.pump.limits import switching
from twins.products.pump.model import Columns, Heat, Plant
from twins.products.pump.rotation import Rotation, Whole
from twins.products.pump.starting import another, float_up
from twins.products.pump.wells import Well

FLOATS = 1.0 - 1e-9
"""Share of its volume at which the float is up: what rounding leaves."""
ROUNDS_MAX = 10_000
"""Bound of switching events of one station in one advance."""
PARTS = ("run_s", "m3", "kws", "amp_s", "rough_s", "speed_s")
_STATE = (
    "volume_m3", "spilled_m3", "works_level_m", "lead", "k", "wait_s", "able", "stopped", "dead",
    "last_start_s", "run_s", "starts", "part", "part_head_ms", "bearing_c", "motor_c",
    "start_m", "stop_m",
)  # fmt: skip


class Stations:
    """Wells of shape ``(stations,)``, pumps of shape ``(stations, pumps)``."""

    def __init__(
        self,
        plant: Plant,
        heat: Heat,
        well: Well,
        duty: Duty,
        ills: Ills,
        *,
        stations: int,
        pumps: int,
        starts_per_h_max: float,
        interval_s: float,
        water_c: float,
    ) -> None:
        self._plant, self._heat, self._well, self._duty, self.ills = plant, heat, well, duty, ills
        self._stations, self._pumps = stations, pumps
        self.rest_s, self._interval_s = 3600.0 / starts_per_h_max, interval_s
        self.water_c = water_c
        self.now_s = 0.0
        shape = (stations, pumps)
        self.volume_m3 = np.full(stations, float(well.volume(1.0)))
        self._spill_m3 = float(well.volume(plant.spill_m))
        self.spilled_m3 = np.zeros(stations)
        self.lead: Whole = np.zeros(stations, dtype=np.int64)
        self.k: Whole = np.zeros(stations, dtype=np.int64)
        self.wait_s = np.full(stations, np.inf)  # when a start that was held back is tried again
        self.able, self.stopped = np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self.dead = np.zeros(stations, dtype=bool)  # no mains
        self.last_start_s = np.full(shape, -np.inf)
        self.run_s, self.starts = np.zeros(shape), np.zeros(shape)
        self.part = np.zeros((len(PARTS), stations, pumps))  # since the last report
        self.part_head_ms = np.zeros(stations)
        self.bearing_c, self.motor_c = np.full(shape, water_c), np.full(shape, water_c)
        self._every = np.arange(stations)
        self.held, self._leaks = False, False  # whether any start waits, any check valve leaks
        self._fresh, self._touched = True, np.zeros(stations, dtype=bool)
        self.guards = Guards(stations, pumps)
        self.rotation = self._turns()
        self.start_m, self.stop_m = (np.full(stations, m) for m in (plant.start_m, plant.stop_m))
        self._thresholds()
        self.works_level_m = np.full(shape, 0.5 * (plant.start_m + plant.stop_m))
        self.works = duty.alone(
            self.works_level_m, np.full(stations, plant.duty_m3_s), np.ones(shape)
        )

    @property
    def level_m(self) -> Columns:
        """Level of each well."""
        return self._well.level(self.volume_m3)

    @property
    def running(self) -> NDArray[np.bool_]:
        """Which pumps run now."""
        return self.rotation.rank[self._every, self.lead] < self.k[:, None]

    def usable_changed(self) -> None:
        """Pumps broke, were repaired, told to stop, guarded, or lost their mains: who runs now?

        A standby takes over at once from a pump that falls out.
        """
        before = self.running
        self.rotation = rotation = self._turns()
        self.lead = rotation.order[self._every, self.lead, 0]
        most = np.where(self.guards.floated, rotation.able, rotation.most)
        self.k = np.minimum(self.k, most)
        begun = self.running & ~before
        self.starts += begun
        self.last_start_s[begun] = self.now_s
        self._thresholds()

    def advance(self, to_s: float, inflow_m3_s: Columns) -> None:
        """Move every station to ``to_s`` with a constant inflow each, shape ``(stations,)``."""
        guards = self.guards
        while to_s > self.now_s:
            self._prepare(inflow_m3_s)
            watched = guards.may_trip(
                self.motor_c, self.works.kw, self.ills.cooling, plant=self._plant,
                heat=self._heat, water_c=self.water_c, span_s=to_s - self.now_s,
            )  # fmt: skip
            self._move(min(to_s, self.now_s + WATCH_S) if watched else to_s, inflow_m3_s)
            switched = guards.watch(self.now_s, self.motor_c) if watched else ()
            if len(switched):
                self.usable_changed()
                self._touched[switched] = True

    def _move(self, to_s: float, inflow_m3_s: Columns) -> None:
        span_s = to_s - self.now_s
        self._inflow, self._joined = inflow_m3_s, np.zeros(self._stations, dtype=bool)
        self._joint: list[tuple[Whole, Works]] = []
        self._out = np.zeros((self._stations, self._pumps + 1, self._pumps))
        self._out[:, 1] = self.works.flow
        self._back = self.ills.backflow * self._plant.duty_m3_s if self._leaks else None
        if self._back is not None:
            self._run_back(self._back)
        self.join((self.k > 1).nonzero()[0])
        self._books(span_s, *self._rounds(to_s))
        over = np.maximum(self.volume_m3 - self._spill_m3, 0.0)
        self.spilled_m3 += over
        self.volume_m3 -= over
        self.now_s = to_s

    def touch(self, station: int) -> None:
        """Something of a station changed within a report interval: work it out anew.

        The other stations keep their operating points, so that nobody else's fault shows in them.
        """
        self._touched[station] = True

    def _prepare(self, inflow: Columns) -> None:
        """Operating points, once per report interval and for stations that were touched in it."""
        ills = self.ills
        if ills.changed:
            self._duty.curves()
            self._leaks = bool(ills.backflow.any())
        touched = self._touched
        if not self._fresh and not touched.any():
            return
        if ills.sense(self.now_s, slice(None) if self._fresh else touched):
            self._thresholds()
        works, level_m = self._alone(inflow)
        if not self._fresh:
            rows = touched[:, None]
            works = Works(*(np.where(rows, *pair) for pair in zip(works, self.works, strict=True)))
            level_m = np.where(rows, level_m, self.works_level_m)
        self.works, self.works_level_m = works, level_m
        self._fresh, self._touched = False, np.zeros(self._stations, dtype=bool)

    def join(self, stations: Whole) -> None:
        """Work out the sets of several pumps of stations that need them."""
        new = stations[~self._joined[stations]]
        if not len(new):
            return
        self._joined[new] = True
        count = np.arange(2, self._pumps + 1)[:, None, None]
        on = self.rotation.rank[new][:, None] < count
        joint = self._duty.together(
            new,
            on.reshape(len(new), -1, self._pumps),
            self.works_level_m[new].mean(-1),
            self._inflow[new],
            self._tend_m[new],
        )
        self._out[new, 2:] += joint.flow.sum(-1).reshape(len(new), -1, self._pumps)
        self._joint.append((new, joint))

    def heads(self) -> tuple[Columns, Columns]:
        """Head of each pump alone and of its system at its operating point, m."""
        return self._duty.heads(self.works, self.works_level_m)

    def take_interval(self) -> tuple[Columns, Columns]:
        """Sums since the last call, ``(PARTS, stations, pumps)``, and head losses by station."""
        part, head = self.part, self.part_head_ms
        self.part, self.part_head_ms = np.zeros_like(part), np.zeros_like(head)
        self._fresh = True
        return part, head

    def dump(self) -> dict[str, Any]:
        """Every column by name."""
        return {name: getattr(self, name) for name in _STATE} | {
            "now_s": self.now_s,
            "water_c": self.water_c,
            "works": list(self.works),
            "fresh": self._fresh,
            "touched": self._touched,
            "guards": self.guards.dump(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in (*_STATE, "now_s", "water_c"):
            setattr(self, name, state[name])
        self.guards.load(state["guards"])
        self.rotation = self._turns()
        self.works, self._fresh = Works(*state["works"]), state["fresh"]
        self._touched = state["touched"]
        self.held = bool(np.isfinite(self.wait_s).any())
        self._leaks = bool(self.ills.backflow.any())
        self._thresholds()

    def set_levels(self, station: int, *, start_m: float, stop_m: float) -> None:
        """Let a station work between other levels from now on."""
        self.start_m[station], self.stop_m[station] = start_m, stop_m
        self._thresholds()
        self.touch(station)

    def _thresholds(self) -> None:
        """Volumes at which stations switch, after turns, levels or sensors have changed."""
        self._limits = switching(
            self._plant, self._well, self.rotation,
            start_m=self.start_m, stop_m=self.stop_m, offset_m=self.ills.offset_m,
        )  # fmt: skip

    def _turns(self) -> Rotation:
        """Who may run now, and whom only the float may start."""
        could = self.able & ~self.dead[:, None] & ~self.guards.standing(self.ills.seal)
        return Rotation(could & ~self.stopped, could & self.stopped)

    def _alone(self, inflow: Columns) -> tuple[Works, Columns]:
        """Each pump alone, at the middle of the way that the level goes while it runs."""
        stop, start = self._limits.table[0, :, 1:2], self._limits.table[1, :, :1]
        now = self.volume_m3[:, None]
        first = np.where(self.running | ~np.isfinite(start), now, start)
        falls = np.maximum(self.works.flow - inflow[:, None], 0.0) * self._interval_s
        last = np.maximum(first - falls, np.minimum(stop, first))
        level_m = self._well.level(0.5 * (first + last))
        self._tend_m = self._well.level(self.volume_m3)
        return self._duty.alone(level_m, inflow, self._tend_m[:, None]), level_m

    def _run_back(self, back: Columns) -> None:
        """Take off what runs back through the idle pumps' check valves."""
        for count in range(self._pumps + 1):
            idle = self.rotation.rank >= count
            self._out[:, count] -= np.einsum("sij,sj->si", idle, back)

    def _rounds(self, to_s: float) -> tuple[Whole, Columns, Columns]:
        """Move all stations to ``to_s``; returns which set ran how long, and the time left after.

        The first column numbers a station, a k and a lead.
        """
        pumps, stations = self._pumps, self._stations
        sets = pumps * (pumps + 1)
        limits, follows = self._limits.table.ravel(), self.rotation.follows.ravel()
        at, inflow, out = self._every, self._inflow, self._out.ravel()
        volume, k, lead = self.volume_m3.copy(), self.k, self.lead
        left = np.full(stations, to_s - self.now_s)
        noted: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        for _ in range(ROUNDS_MAX):
            key = at * sets + k * pumps + lead
            net = inflow - out.take(key)
            net[net == 0.0] = -1e-12  # as good as balanced
            rising = net > 0.0
            target = limits.take((rising * stations + at) * (pumps + 1) + k)
            due = (target - volume) / net
            np.maximum(due, 0.0, out=due)
            if self.held:
                waits = self.wait_s.take(at)
                waits = np.where(np.isfinite(waits) & rising, waits - to_s + left, 0.0)
                below_m3 = self._limits.float_m3 * FLOATS - volume  # the float does not wait
                due = np.maximum(
                    due, np.where(below_m3 > 0.0, np.minimum(waits, below_m3 / net), waits)
                )
            step = np.minimum(due, left)
            volume += net * step
            left = left - step
            for column, value in zip(noted, (key, step, left), strict=True):
                column.append(value)
            here = (due < left + step).nonzero()[0]
            if len(here) < len(at):
                self.volume_m3[at] = volume
            if not len(here):
                break
            at, volume, inflow, left = at[here], volume[here], inflow[here], left[here]
            rising, k, lead = rising[here], k[here], lead[here]
            if self.held:
                self.wait_s[at] = np.inf
            up = rising & (volume >= self._limits.float_m3 * FLOATS)
            if up.any():
                k[up], lead[up] = float_up(self, at[up], k[up], lead[up], to_s - left[up])
                of = np.flatnonzero(~up)
                k[of], lead[of] = self._switch(
                    at[of], rising[of], k[of], lead[of], to_s - left[of], follows
                )
            else:
                k, lead = self._switch(at, rising, k, lead, to_s - left, follows)
        else:
            raise AssertionError(f"more than {ROUNDS_MAX} switching events up to {to_s} s")
        return np.concatenate(noted[0]), np.concatenate(noted[1]), np.concatenate(noted[2])

    def _switch(  # noqa: PLR0917
        self,
        at: Whole,
        rising: NDArray[np.bool_],
        k: Whole,
        lead: Whole,
        now_s: Columns,
        follows: Whole,
    ) -> tuple[Whole, Whole]:
        """Start the next pump of stations that rise; stop all of those that fall.

        A pump starts at most ``starts_per_h_max`` times an hour (a fixed rest between starts).
        """
        pumps, dry_until_s = self._pumps, self.guards.dry_until_s
        up = rising.nonzero()[0]
        if self._limits.any_dry or self.guards.floated.any():
            self.guards.stopped(at[~rising], now_s[~rising], self._limits.dry)
        lead = np.where(rising, lead, follows.take(at * pumps + lead))
        if len(up):
            who = at[up]
            turn = (who * pumps + lead[up]) * pumps + np.minimum(k[up], pumps - 1)
            pump = who * pumps + self.rotation.order.ravel().take(turn)
            rested = self.last_start_s.ravel().take(pump) + self.rest_s
            rested = np.maximum(rested, dry_until_s[who])
            soon = rested > now_s[up] + 1e-6
            if soon.any():
                k = np.where(rising, k + 1, 0)
                for index in np.flatnonzero(soon).tolist():
                    spot = int(up[index])
                    station = int(at[spot])
                    most = int(self.rotation.most[station])
                    found = another(
                        self, station, int(lead[spot]), int(k[spot]) - 1, float(now_s[spot]), most
                    )
                    if found is None:
                        k[spot] -= 1
                        pump[index] = -1
                    else:
                        lead[spot], pump[index] = found, who[index] * pumps + found
                kept = pump >= 0
                pump, up = pump[kept], up[kept]
            else:
                k = (k + 1) * rising
            self.starts.ravel()[pump] += 1.0
            self.last_start_s.ravel()[pump] = now_s[up]
        else:
            k = np.zeros_like(k)
        self.k[at], self.lead[at] = k, lead
        if len(up) and (k > 1).any():
            self.join(at[k > 1])
        return k, lead

    def _books(self, span_s: float, keys: Whole, steps: Columns, left: Columns) -> None:
        """Run time, volume, energy and heat of every pump; temperatures in exact steps."""
        heat, plant, works = self._heat, self._plant, self.works
        shape = (self._stations, self._pumps + 1, self._pumps)
        size = shape[0] * shape[1] * shape[2]
        times = np.bincount(keys, steps, size).reshape(shape)
        run = times[:, 1]
        part = np.stack([run, run, run, run, run, run])
        for row, rate in enumerate((works.flow, works.kw, works.amps, works.rough, works.speed), 1):
            part[row] *= rate
        lost = (run * works.flow**2).sum(1)
        for several, joint in self._joint:
            spans = times[several, 2:].reshape(len(several), -1)
            rates = np.stack([joint.flow > 0.0, *joint[:5]])
            part[:, several] += np.einsum("fc,rfcj->rfj", spans, rates)
            lost[several] += np.einsum("fc,fc->f", spans, joint.flow.sum(-1) ** 2)
        if self._back is not None:
            part[1] -= self._back * (span_s - part[0])
        self.part += part
        self.part_head_ms += plant.system_curve * lost
        self.run_s += part[0]
        warm = functools.partial(
            warmed_c, Runs(keys, steps, left, shape), works, self._joint, self.water_c, span_s
        )
        still: Columns = np.zeros((self._stations, self._pumps))
        warms: Columns = (1.0 + self.ills.cooling) / plant.rated_kw
        bearing_k: Columns = heat.bearing_damage_k * self.ills.bearing + self.ills.misaligned_k
        self.bearing_c = warm(
            self.bearing_c, heat.bearing_tau_s,
            factor=still + heat.bearing_rise_k / plant.rated_kw, extra_k=bearing_k,
        )  # fmt: skip
        self.motor_c = warm(
            self.motor_c, heat.motor_tau_s, factor=heat.motor_rise_k * warms, extra_k=still
        )
