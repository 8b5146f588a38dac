"""A fleet of sewage pumps, as the world steps it: reports, wear, commands, settings, truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.noise import Noise
from twins.core.twin import Action, Build, Columns, OwnWear, Wear
from twins.core.wear import WearLaw
from twins.products.pump import commands, laws, measuring, model
from twins.products.pump.faults import FAULTS
from twins.products.pump.grinding import take_hours
from twins.products.pump.rounds import Round, go_round
from twins.products.pump.switching import STATOR_FROM
from twins.products.pump.wear import STEP_REPORTS, Drifted
from twins.products.pump.works import Works

PART = 1000
"""Stations that are moved and measured before the next: two pumps each, they take 0.7 MB."""
LEVELS_APART_M = 0.3
"""Least way of the level (estimate)."""
RADIO_DBM, RADIO_SPREAD_DB, RADIO_DB = -82.0, 7.0, 2.0
"""Signal of the station's modem in its steel cabinet; between stations; from report to report
(estimate)."""


def build(build: Build) -> PumpTwin:
    """Make the twin of one fleet; the ``entry`` of ``product.toml``."""
    return PumpTwin(build)


class PumpTwin(Works):
    """Pumps as columns of shape ``(n,)``, inside as ``(stations, pumps)``."""

    def __init__(self, build: Build) -> None:
        super().__init__(build)
        self.laws: Mapping[str, WearLaw | OwnWear] = {
            "bearing": laws.bearing(build.params),
            "seal": laws.SEAL,
            "winding": laws.WINDING,
            **self.grinding,
            "level_sensor": Drifted(
                self.ills.offset_m,
                self._pumps,
                lambda device: self.maintain(device, "replace", "level_sensor"),
            ),
        }
        streams = build.streams
        self._radio_dbm = np.array(
            [RADIO_DBM + RADIO_SPREAD_DB * streams.normal(f"pump/radio/{s}") for s in build.sites]
        )
        self._radio = Noise(streams, "pump/radio", build.sites, 1)
        self._told = {
            size: np.empty((measuring.SIGNALS, size, self._pumps))
            for size in {min(PART, len(build.sites)), len(build.sites) % PART} - {0}
        }
        """Room for a part of so many stations."""
        self._states = np.empty((len(measuring.STATES), *self._shape), dtype=np.bool_)
        self._ragged = np.empty(len(build.devices), dtype=np.int64)
        self._reports, self._hours = 0, build.report_every_ms / model.HOUR_MS

    def advance(self, to_ms: int) -> None:
        """Let time go on. A station follows at a report, or when something happens to it.

        So an event elsewhere leaves its numbers as they are, to the last bit.
        """
        self.now_ms = max(self.now_ms, to_ms)

    def measure(self) -> Columns:
        """True values of the interval, shape ``(n, 26)``, in the order of ``product.toml``."""
        return np.concatenate([part.copy() for part in self.parts()])

    def parts(self) -> Iterator[Columns]:
        """The same, some stations after others; each part is good until the next."""
        stations, rags, mains = self.stations, 0, 0
        signal_dbm = self._radio_dbm + RADIO_DB * self._radio.row(self._reports)[0]
        hour = self.now_ms % model.DAY_MS / model.HOUR_MS
        interval = measuring.Interval(
            now_s=self.now_s,
            span_s=3600.0 * self._hours,
            evening=1.0 - 0.008 * math.cos(2.0 * math.pi * (hour - 19.0) / 24.0),
            outlet_m=self._plant.outlet_m,
            float_m=self._plant.float_m,
            stator_from=STATOR_FROM,
        )
        begins, rain_mm_h, normals = self.catchments.foresee()
        what = Round(self.now_s, stations.water_c, stations.size, interval, begins)
        for first in range(0, len(stations.every), PART):
            told = self._told[min(PART, len(stations.every) - first)]
            counted = go_round(
                stations.control, what, stations.wells, stations.pumps, first, signal_dbm,
                rain_mm_h, normals, told, self._states, self._ragged[rags:],
            )  # fmt: skip
            rags, mains = rags + counted[0], mains + counted[1]
            yield told.reshape(measuring.SIGNALS, -1).T
        stations.all_at_s = self.told_s = self.now_s
        if rags:
            self.rags.step(self.now_ms, self._ragged[:rags])
        if mains:
            back = stations.wells["dead"] & (self.ills.mains_until_s <= self.now_s)
            stations.wells["dead"] &= ~back
            for station in np.flatnonzero(back).tolist():
                stations.usable_changed(station)
        self._close()

    def set_wear(self, device: int, component: str, *, damage: float, rise: float) -> None:
        """Take over the damage of a bearing, a seal or a winding."""
        at = self.reach(device)
        leaked = self.ills.seal[at] >= STATOR_FROM
        self.stations.pumps["ill"][component][at] = damage
        if component == "bearing":
            self.ills.bearing_mm_s[at] = rise
        if leaked != (self.ills.seal[at] >= STATOR_FROM):  # it stops the pump (rule P10)
            self.changed(device)

    def take_wear(
        self, component: str, devices: NDArray[np.int64], *, damage: Columns, rise: Columns
    ) -> None:
        """As :meth:`set_wear`, for many pumps, at a report."""
        if component == "seal":
            for device, worn in zip(devices.tolist(), damage.tolist(), strict=True):
                self.set_wear(device, component, damage=worn, rise=0.0)
            return
        at = np.divmod(devices, self._pumps)
        self.stations.advance(self.now_s, at[0])
        self.stations.pumps["ill"][component][at] = damage
        if component == "bearing":
            self.ills.bearing_mm_s[at] = rise

    def set_able(self, device: int, *, able: bool) -> None:
        """A pump broke (it stops, the next one carries on) or was repaired."""
        self.stations.pumps["able"][self.reach(device)] = able
        self.changed(device)

    def command(self, device: int, name: str, args: Mapping[str, Any]) -> str | None:
        """``stop``, ``start``, ``reverse``, ``reset_starts``: see ``commands.py``."""
        self.reach(device)
        refusal = commands.obey(self, device, name, args)
        if refusal is None:
            self.changed(device)
        return refusal

    def configure(self, device: int, values: Mapping[str, float]) -> str | None:
        """Take over the levels between which the station of a pump works."""
        start_m, stop_m = values["start_level_m"], values["stop_level_m"]
        if stop_m > start_m - LEVELS_APART_M:
            return (
                f"stop_level_m {stop_m:g} must be {LEVELS_APART_M:g} m below "
                f"start_level_m {start_m:g}"
            )
        self.stations.set_levels(self.reach(device)[0], start_m=start_m, stop_m=stop_m)
        return None

    def states(self) -> Mapping[str, NDArray[np.bool_]]:
        """What the station's control knows: level, float, heat, storm."""
        if self.told_s != self.now_s:
            seen = self.stations.as_of(self.now_s)
            measuring.tell_states(
                seen.wells, seen.pumps, self._plant.float_m, STATOR_FROM, self._states
            )
        told = self._states.copy().reshape(len(self._states), -1)
        return dict(zip(measuring.STATES, told, strict=True))

    def set_feature(self, device: int, feature: str, *, unlocked: bool) -> None:
        """``energy_mode``: a converter turns no slower than where a cubic metre costs least."""
        if feature == "energy_mode":
            self.stations.save_energy(self.reach(device), on=unlocked)

    def in_service(self, device: int) -> bool:
        """Whether the level control may use the pump."""
        return not self.stations.pumps["stopped"][self.place(device)]

    def inject(self, fault: str, device: int, params: Mapping[str, float], wear: Wear) -> None:
        """Let a fault of ``faults.py`` begin."""
        station, _ = self.reach(device)
        FAULTS[fault](self, device, params, wear)
        self.stations.touch(station)

    def maintain(self, device: int, action: Action, component: str) -> None:
        """What a visit resets: rags, imbalance, a crooked seat, valves, the level sensor."""
        station, pump = self.reach(device)
        self.stations.wells["opened"][station] = True
        self.ills.maintain(station, pump, component, action)
        if self.ills.clog[station, pump] == 0.0:
            self.rags.forget(device)
        self.stations.reset(station, pump)
        self.changed(device)

    def stress(self, component: str) -> Columns:
        """How fast a component wears: rags, heat, many starts and long rests speed it up.

        Clogging doubles the hazard of the bearing (section 2); a crooked seat adds half (estimate).
        A winding's life halves per 10 K (S10) above 60 degC.
        """
        ills, pumps = self.ills, self.stations.pumps
        if component == "bearing":
            factor = (1.0 + np.minimum(ills.clog / 0.3, 1.0)) * (
                1.0 + 0.5 * (ills.misaligned > 0.0)
            )
        elif component == "seal":
            factor = laws.seal_stress(pumps["run_share"], pumps["starts_h"])
        elif component == "winding":
            factor = np.exp2(np.maximum(pumps["motor_c"] - 60.0, 0.0) / 10.0)
        else:
            factor = np.ones(self._shape)
        return np.asarray(factor.reshape(-1))

    def truth(self) -> Mapping[str, Columns]:
        """What no sensor shows, and the vibration at the point a pump runs best."""
        stations = self.stations.as_of(self.now_s)
        wells, pumps, ills = stations.wells, stations.pumps, stations.pumps["ill"]
        pump_m, system_m = stations.heads()
        by_pump = {
            "vibration_mm_s": np.hypot(pumps["healthy_mm_s"], ills["bearing_mm_s"]),
            "bearing_temp_c": pumps["bearing_c"],
            "motor_temp_c": pumps["motor_c"],
            "duty_m3_h": pumps["alone"]["flow"] * 3600.0,
            "duty_kw": pumps["alone"]["kw"],
            "duty_level_m": pumps["works_level_m"],
            "pump_head_m": pump_m,
            "system_head_m": system_m,
            "npsh_margin_m": pumps["alone"]["npsh_margin_m"],
            "clog": ills["clog"],
            "energy_kwh": pumps["kwh"] + pumps["part"]["kws"] / 3600.0,
        }
        by_site = {
            "level_m": wells["level_m"],
            "spilled_m3": wells["spilled_m3"],
            "inflow_m3_h": wells["inflow_was_m3_s"] * 3600.0,
        }
        columns = {name: np.repeat(column, self._pumps) for name, column in by_site.items()}
        return columns | {name: column.flatten() for name, column in by_pump.items()}

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {
            "stations": self.stations.dump(),
            "catchments": self.catchments.dump(),
            "rags": self.rags.dump(),
            "grinding": {name: law.dump() for name, law in self.grinding.items()},
            "now_ms": self.now_ms,
            "reports": self._reports,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.stations.load(state["stations"])
        self.catchments.load(state["catchments"])
        self.rags.load(state["rags"])
        for name, law in self.grinding.items():
            law.load(state["grinding"][name])
        self.now_ms, self._reports = state["now_ms"], state["reports"]
        self.told_s = -math.inf

    def _close(self) -> None:
        """End of a report interval: slow wear, and the water of the next one."""
        stations, pumps = self.stations, self.stations.pumps
        self._reports += 1
        if self._reports % STEP_REPORTS == 0:
            hours, run_h = STEP_REPORTS * self._hours, np.empty(pumps.size)
            take_hours(pumps, hours, math.exp(-hours / laws.USE_MEMORY_H), run_h)
            for name, law in self.grinding.items():
                pumps["ill"][name] = law.step(run_h).reshape(self._shape)
        stations.water_c = model.water_temp_c(self.now_ms)
