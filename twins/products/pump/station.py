"""Wet wells and their pumps: the tables that the kernels work on, and what others do to them."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.products.pump import columns, hydraulics, switching
from twins.products.pump.columns import PUMP, WELL, Table
from twins.products.pump.ills import Ills
from twins.products.pump.model import Columns, Plant, cheapest_speed, least_speed
from twins.products.pump.switching import LOOK, POINTS
from twins.products.pump.wells import Well

Whole = NDArray[np.int64]
LEVEL_M = 1.0
"""Water in a new station."""


class Control(NamedTuple):
    """What a station's control goes by, and its well as a table."""

    duty_m3_s: float
    system_curve: float
    lag_step_m: float
    dry_m: float
    spill_m: float
    spill_m3: float
    float_m3: float
    rest_s: float
    """Between two starts of one pump."""
    interval_s: float
    """Between two reports."""
    fades: tuple[float, float]
    """What is left of a difference of temperature after that (:func:`switching.fades`)."""
    bearing_k_kw: float
    motor_k_kw: float
    """What bearing and motor warm up per kW."""
    well: Columns
    """Levels, volumes, and the slope of each piece in m per m3 and in m3 per m, shape ``(4, n)``.

    One table: each costs a kernel a look at who else holds it.
    """


class Stations:
    """``wells`` of shape ``(stations,)`` and ``pumps`` of shape ``(stations, pumps)``, as tables.

    Whoever changes ``able``, ``stopped``, ``dead`` or ``seal`` calls :meth:`usable_changed`; after
    any other change within a report interval, :meth:`touch`.
    """

    def __init__(
        self,
        plant: Plant,
        well: Well,
        *,
        stations: int,
        pumps: int,
        vfd: bool,
        area_m2: float,
        starts_per_h_max: float,
        interval_s: float,
        water_c: float,
        power_factors: Columns | float = 1.0,
        head_factors: Columns | float = 1.0,
    ) -> None:
        place_m = 0.5 * (plant.start_m + plant.stop_m)
        self.plant = plant
        self.size = plant.size._replace(vfd=vfd, area_m2=area_m2, place_m=place_m)
        self.control = Control(
            duty_m3_s=plant.duty_m3_s,
            system_curve=plant.system_curve,
            lag_step_m=plant.lag_step_m,
            dry_m=plant.dry_m,
            spill_m=plant.spill_m,
            spill_m3=float(well.volume(plant.spill_m)),
            float_m3=float(well.volume(plant.float_m)),
            rest_s=3600.0 / starts_per_h_max,
            interval_s=interval_s,
            fades=switching.fades(interval_s),
            bearing_k_kw=switching.BEARING_RISE_K / plant.rated_kw,
            motor_k_kw=switching.MOTOR_RISE_K / plant.rated_kw,
            well=well.table(),
        )
        self.water_c = water_c
        self.wells, self.pumps = np.zeros(stations, WELL), np.zeros((stations, pumps), PUMP)
        self.every, self.all_at_s = np.arange(stations), -math.inf
        """Which there are, and to when all of them are known to have come."""
        _set(
            self.wells,
            level_m=LEVEL_M,
            tend_m=LEVEL_M,
            volume_m3=float(well.volume(LEVEL_M)),
            inflow_m3_s=plant.duty_m3_s,
            start_m=plant.start_m,
            stop_m=plant.stop_m,
            wait_s=np.inf,
            dry_s=-np.inf,
            mains_until_s=-np.inf,
        )
        _set(
            self.pumps,
            power_factor=power_factors,
            head_factor=head_factors,
            least_speed=least_speed(plant),
            works_level_m=place_m,
            bearing_c=water_c,
            motor_c=water_c,
            able=True,
            run_share=0.2,
            starts_h=2.0,
            last_start_s=-np.inf,
            trip_s=-np.inf,
            trip_before_s=-np.inf,
            rags_m3=np.inf,
            clean_starts=np.inf,
        )
        _set(self.pumps["ill"], clog_mode=1.0, hours_limit=np.inf, starts_limit=np.inf)
        self.usable_changed()
        self._look_first()

    def _look_first(self) -> None:
        """Work out what pumps do at their duty flow, before anything has moved."""
        self.wells["asks"] = POINTS
        hydraulics.work_out(self.size, self.wells, self.pumps, self.every)
        self.wells["asks"] = LOOK

    @property
    def ills(self) -> Ills:
        """What is wrong with them."""
        return Ills(self.wells, self.pumps["ill"])

    def usable_changed(self, station: int | None = None) -> None:
        """Pumps (of one station) broke, were repaired, told to stop, or lost their mains.

        A standby takes over at once from a pump that falls out.
        """
        here = slice(None) if station is None else slice(station, station + 1)
        switching.turn_out_all(self.wells[here], self.pumps[here])

    def advance(self, to_s: float, which: Whole | None = None) -> None:
        """Move stations (or these) to ``to_s`` with a constant inflow each.

        Each has a time of its own: where one is cut in two, the others are not.
        """
        which = self.every if which is None else which
        asking = 1
        while asking:  # also once at the end: a motor may trip with ``to_s`` itself
            asking = switching.move(self.control, self.wells, self.pumps, which, to_s, self.water_c)
            hydraulics.work_out(self.size, self.wells, self.pumps, which)

    def as_of(self, to_s: float) -> Stations:
        """How they stand at ``to_s``; they themselves are not moved."""
        if self.all_at_s >= to_s or self.wells["now_s"].min() >= to_s:
            return self
        seen = copy.copy(self)
        seen.wells, seen.pumps = self.wells.copy(), self.pumps.copy()
        seen.advance(to_s)
        return seen

    def touch(self, station: int) -> None:
        """Something of a station changed within a report interval: work it out anew.

        The other stations keep their operating points, so that nobody else's fault shows in them.
        """
        self.wells["asks"][station] = LOOK

    def heads(self) -> tuple[Columns, Columns]:
        """Head of each pump alone and of its system at its operating point, m: they are equal."""
        point, size = self.pumps["alone"], self.size
        flow, level_m = point["flow"], self.pumps["works_level_m"]
        pump_m = point["a0"] - point["a1"] * flow - point["a2"] * flow * flow
        return pump_m, size.outlet_m - level_m + size.system_curve * flow * flow

    def reset(self, station: int, pump: int) -> None:
        """Somebody stands before the panel: a latched motor may start again once it is cool."""
        row = self.pumps[station, pump]
        row.latched, row.trip_s, row.trip_before_s = False, -np.inf, -np.inf

    def set_levels(self, station: int, *, start_m: float, stop_m: float) -> None:
        """Let a station work between other levels from now on."""
        self.wells["start_m"][station], self.wells["stop_m"][station] = start_m, stop_m
        self.touch(station)

    def save_energy(self, at: tuple[int, int], *, on: bool) -> None:
        """Turn a pump no slower than where a cubic metre costs the least energy, or as ever."""
        least = least_speed(self.plant)
        self.pumps["least_speed"][at] = max(cheapest_speed(self.plant), least) if on else least
        self.touch(at[0])

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {
            "wells": columns.dump(self.wells),
            "pumps": columns.dump(self.pumps),
            "water_c": self.water_c,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        columns.load(self.wells, state["wells"])
        columns.load(self.pumps, state["pumps"])
        self.all_at_s = -math.inf
        self.water_c = state["water_c"]


def _set(table: Table, **columns: Columns | float) -> None:
    for name, column in columns.items():
        table[name] = column
