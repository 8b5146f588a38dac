"""A fleet of sewage pumps: inflow, stations, what is wrong with them, what the pumps report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.twin import Action, Build, Columns, OwnWear, Wear
from twins.core.wear import WearLaw
from twins.products.pump import commands, laws, model, wells
from twins.products.pump.duty import Duty
from twins.products.pump.faults import FAULTS
from twins.products.pump.ills import Ills
from twins.products.pump.inflow import Catchments
from twins.products.pump.model import relative
from twins.products.pump.report import vibration_mm_s
from twins.products.pump.station import Stations
from twins.products.pump.wear import STEP_REPORTS, Drifted, Grinding, Rags

LEVELS_APART_M = 0.3
"""Least way of the level (estimate)."""
STORM = 3.0
"""Storm inflow over the dry-weather mean (rule P14)."""


def build(build: Build) -> PumpTwin:
    """Make the twin of one fleet; the ``entry`` of ``product.toml``."""
    return PumpTwin(build)


class PumpTwin:
    """Pumps as columns of shape ``(n,)``, inside as ``(stations, pumps)``."""

    def __init__(self, build: Build) -> None:
        params, streams = build.params, build.streams
        sites, pumps = len(build.sites), build.devices_per_site
        self._build, self._sites, self._pumps = build, sites, pumps
        self._shape = sites, pumps

        def spread(purpose: str, names: tuple[str, ...], sigma: float) -> Columns:
            return np.exp([sigma * streams.normal(f"pump/{purpose}/{name}") for name in names])

        vfd = params["vfd"] > 0.5
        plant = model.Plant(
            duty_m3_s=params["duty_l_s"] / 1000.0,
            static_m=params["static_head_m"],
            friction_m=params["friction_head_m"],
        )
        self._plant = replace(plant, drive_efficiency=0.95) if vfd else plant
        self.ills, self.rags = Ills(sites, pumps), Rags(streams, build.devices)
        self.grinding = {
            name: Grinding(
                streams, build.devices, component=name, life_h=params[f"{name}_life_h"], beta=beta
            )
            for name, beta in (("impeller", laws.IMPELLER_BETA), ("ring", laws.RING_BETA))
        }
        self.laws: Mapping[str, WearLaw | OwnWear] = {
            "bearing": laws.bearing(params),
            "seal": laws.SEAL,
            "winding": laws.WINDING,
            **self.grinding,
            "level_sensor": Drifted(
                self.ills.offset_m,
                pumps,
                lambda station: self.ills.maintain(station, 0, "level_sensor", "replace"),
            ),
        }
        mean = params["inflow_l_s"] / 1000.0 * spread("inflow", build.sites, laws.SITE_SPREAD)
        self.catchments, self._mean_m3_s = Catchments(build, mean), mean
        shape = wells.SHAPES[round(params["well_shape"])]
        self._healthy = laws.HEALTHY_MM_S * spread(
            "vibration", build.devices, laws.HEALTHY_SPREAD
        ).reshape(self._shape)
        self._volts = self._plant.volts * spread("volts", build.sites, 0.01)
        power, head = (
            spread(name, build.devices, sigma).reshape(self._shape)
            for name, sigma in (("power", laws.POWER_SPREAD), ("head", laws.HEAD_SPREAD))
        )
        self._duty = Duty(
            self._plant, self.ills,
            power_factors=power, head_factors=head, vfd=vfd, area_m2=params["well_area_m2"],
        )  # fmt: skip
        self._stations = Stations(
            self._plant,
            model.Heat(),
            shape(params["well_area_m2"], self._plant.spill_m + 2.0),
            self._duty,
            self.ills,
            stations=sites,
            pumps=pumps,
            starts_per_h_max=params["starts_per_h_max"],
            interval_s=build.report_every_ms / 1000.0,
            water_c=model.water_temp_c(build.start_ms),
        )
        self.now_ms, self._reports = build.start_ms, 0
        self._hours = build.report_every_ms / model.HOUR_MS
        self._volume_m3, self._ground_h = np.zeros(self._shape), np.zeros(self._shape)
        self._kwh = np.zeros(self._shape)
        self._run_share, self._starts_h = np.full(self._shape, 0.2), np.full(self._shape, 2.0)
        self._starts_before = np.zeros(self._shape)
        self._inflow = self._inflow_was = self.catchments.next()

    @property
    def now_s(self) -> float:
        """Seconds since the start of the world."""
        return (self.now_ms - self._build.start_ms) / 1000.0

    def place(self, device: int) -> tuple[int, int]:
        """Station and place of a pump."""
        return divmod(device, self._pumps)

    def hours_of(self, device: int) -> float:
        """True run hours of a pump."""
        return float(self._stations.run_s[self.place(device)] / 3600.0)

    def starts_of(self, device: int) -> float:
        """True starts of a pump (since its counter was reset)."""
        return float(self._stations.starts[self.place(device)])

    def volume_of(self, device: int) -> float:
        """What a pump has moved up to its last report, m3."""
        return float(self._volume_m3[self.place(device)])

    def advance(self, to_ms: int) -> None:
        """Move every station to ``to_ms``."""
        if to_ms > self.now_ms:
            self._stations.advance((to_ms - self._build.start_ms) / 1000.0, self._inflow)
            self.now_ms = to_ms

    def measure(self) -> Columns:
        """True values of the interval, shape ``(n, 23)``, in the order of ``product.toml``."""
        stations, ills = self._stations, self.ills
        part, head_ms = stations.take_interval()
        run_s, m3, kws = part[0], part[1], part[2]
        span_s = 3600.0 * self._hours
        flow = m3 / self._hours
        level, running = stations.level_m, stations.running
        oil = laws.oil_water_pct(ills.seal)
        columns: dict[int, NDArray[Any]] = {}
        columns[0] = (level + ills.offset_m)[:, None]
        columns[1] = flow
        columns[2] = kws / span_s
        columns[3] = relative(part[3], run_s)
        columns[4] = vibration_mm_s(
            self._healthy, relative(part[4], run_s), relative(part[5], run_s), ills,
            stations.works.npsh_margin_m,
        )  # fmt: skip
        columns[5] = stations.bearing_c
        columns[6] = stations.motor_c
        columns[7] = np.mod(stations.run_s / 3600.0, ills.hours_limit)
        columns[8] = np.mod(stations.starts, ills.starts_limit)
        columns[9] = stations.able
        columns[10] = running
        columns[11] = run_s / span_s
        columns[12] = part[5] * (model.SUPPLY_HZ / span_s)
        columns[13] = flow.sum(1)[:, None]
        lost_m = head_ms / span_s
        columns[14] = (model.RHO_G / 1e5 * (self._plant.outlet_m - 1.0 + lost_m))[:, None]
        columns[15] = self._mains_v(kws.sum(1) / span_s)[:, None]
        columns[16] = (level >= self._plant.float_m)[:, None]
        columns[17] = oil
        columns[18] = oil > laws.SEAL_SENSOR_PCT
        columns[19] = ills.seal >= laws.STATOR_FROM
        columns[20] = np.where(
            running, np.nan, laws.insulation_mohm(ills.seal, ills.winding, stations.motor_c)
        )
        columns[21] = relative(kws / 3600.0, np.maximum(m3, 0.0))
        columns[22] = self.catchments.rain_mm_h[:, None]
        self._kwh += kws / 3600.0
        self._close(run_s, m3)
        out = np.empty((len(columns), *self._shape))
        for index, column in columns.items():
            out[index] = column
        return out.reshape(len(columns), -1).T

    def set_wear(self, device: int, component: str, *, damage: float, rise: float) -> None:
        """Take over the damage of a bearing, a seal or a winding."""
        at, ills = self.place(device), self.ills
        leaked = ills.seal[at] >= laws.STATOR_FROM
        getattr(ills, component)[at] = damage
        if leaked != (ills.seal[at] >= laws.STATOR_FROM):  # it stops the pump (rule P10)
            self._changed(device)
        if component == "bearing":
            ills.bearing_mm_s[at] = rise

    def set_able(self, device: int, *, able: bool) -> None:
        """A pump broke (it stops, the next one carries on) or was repaired."""
        self._stations.able[self.place(device)] = able
        self._changed(device)

    def command(self, device: int, name: str, args: Mapping[str, Any]) -> str | None:
        """``stop``, ``start``, ``reverse``, ``reset_starts``: see ``commands.py``."""
        refusal = commands.obey(self, self._stations, device, name, args)
        if refusal is None:
            self._changed(device)
        return refusal

    def configure(self, device: int, values: Mapping[str, float]) -> str | None:
        """Take over the levels between which the station of a pump works."""
        start_m, stop_m = values["start_level_m"], values["stop_level_m"]
        if stop_m > start_m - LEVELS_APART_M:
            return (
                f"stop_level_m {stop_m:g} must be {LEVELS_APART_M:g} m below "
                f"start_level_m {start_m:g}"
            )
        self._stations.set_levels(self.place(device)[0], start_m=start_m, stop_m=stop_m)
        return None

    def states(self) -> Mapping[str, NDArray[np.bool_]]:
        """What the station's control knows: level, float, heat, storm."""
        stations, plant, guards = self._stations, self._plant, self._stations.guards
        level, pumps = stations.level_m, self._pumps
        by_site = {
            "storm": self._inflow > STORM * self._mean_m3_s,
            "high_level": level > 0.5 * (plant.float_m + stations.start_m),
            "dry_run": guards.dry(stations.last_start_s),
            "high_level_float": guards.floated | (level >= plant.float_m),
        }
        columns = {name: np.repeat(column, pumps) for name, column in by_site.items()}
        leaks = self.ills.seal >= laws.STATOR_FROM
        hot = guards.hot | guards.latched
        return columns | {"motor_overtemp": hot.reshape(-1), "stator_leak": leaks.reshape(-1)}

    def set_feature(self, device: int, feature: str, *, unlocked: bool) -> None:
        """``energy_mode``: a converter turns no slower than where a cubic metre costs least."""
        if feature == "energy_mode":
            self._duty.save_energy(self.place(device), on=unlocked)
            self._stations.touch(self.place(device)[0])

    def in_service(self, device: int) -> bool:
        """Whether the level control may use the pump."""
        return not self._stations.stopped[self.place(device)]

    def inject(self, fault: str, device: int, params: Mapping[str, float], wear: Wear) -> None:
        """Let a fault of ``faults.py`` begin."""
        FAULTS[fault](self, device, params, wear)
        self.ills.changed = True
        self._stations.touch(self.place(device)[0])

    def maintain(self, device: int, action: Action, component: str) -> None:
        """What a visit resets: rags, imbalance, a crooked seat, valves, the level sensor."""
        station, pump = self.place(device)
        self.ills.maintain(station, pump, component, action)
        if self.ills.clog[station, pump] == 0.0:
            self.rags.forget(device)
        self._stations.guards.reset(station, pump)
        self._changed(device)

    def lose_mains(self, station: int, *, hours: float) -> None:
        """No mains for so many hours: every pump of the station stands."""
        self.ills.mains_until_s[station] = self.now_s + 3600.0 * hours
        self._stations.dead[station] = True
        self._stations.usable_changed()

    def stress(self, component: str) -> Columns:
        """How fast a component wears: rags, heat, many starts and long rests speed it up.

        Clogging doubles the hazard of the bearing (section 2); a crooked seat adds half (estimate).
        A winding's life halves per 10 K (S10) above 60 degC.
        """
        ills = self.ills
        if component == "bearing":
            factor = (1.0 + np.minimum(ills.clog / 0.3, 1.0)) * (
                1.0 + 0.5 * (ills.misaligned > 0.0)
            )
        elif component == "seal":
            factor = laws.seal_stress(self._run_share, self._starts_h)
        elif component == "winding":
            factor = np.exp2(np.maximum(self._stations.motor_c - 60.0, 0.0) / 10.0)
        else:
            factor = np.ones(self._shape)
        return np.asarray(factor.reshape(-1))

    def truth(self) -> Mapping[str, Columns]:
        """What no sensor shows, and the vibration at the point a pump runs best."""
        stations, ills, pumps = self._stations, self.ills, self._pumps
        works = stations.works
        pump_m, system_m = stations.heads()
        by_pump = {
            "vibration_mm_s": np.hypot(self._healthy, ills.bearing_mm_s),
            "bearing_temp_c": stations.bearing_c,
            "motor_temp_c": stations.motor_c,
            "duty_m3_h": works.flow * 3600.0,
            "duty_kw": works.kw,
            "duty_level_m": stations.works_level_m,
            "pump_head_m": pump_m,
            "system_head_m": system_m,
            "npsh_margin_m": works.npsh_margin_m,
            "clog": ills.clog,
            "energy_kwh": self._kwh + stations.part[2] / 3600.0,
        }
        by_site = {
            "level_m": stations.level_m,
            "spilled_m3": stations.spilled_m3,
            "inflow_m3_h": self._inflow_was * 3600.0,
        }
        columns = {name: np.repeat(column, pumps) for name, column in by_site.items()}
        return columns | {name: column.reshape(-1) for name, column in by_pump.items()}

    def counter_reset(self, device: int) -> None:
        """The starts counter stands at 0 again."""
        at = self.place(device)
        self._starts_before[at] = 0.0
        if np.isfinite(self.rags.clean_starts[device]):
            self.rags.forget(device)
            self.rags.settle(device, 0.0)

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {
            "stations": self._stations.dump(),
            "catchments": self.catchments.dump(),
            "ills": self.ills.dump(),
            "least_speed": self._duty.least_speed,
            "rags": self.rags.dump(),
            "grinding": {name: law.dump() for name, law in self.grinding.items()},
            "columns": {name: getattr(self, name) for name in _COLUMNS},
            "now_ms": self.now_ms,
            "reports": self._reports,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.ills.load(state["ills"])
        self._duty.least_speed = state["least_speed"]
        self._stations.load(state["stations"])
        self.catchments.load(state["catchments"])
        self.rags.load(state["rags"])
        for name, law in self.grinding.items():
            law.load(state["grinding"][name])
        for name in _COLUMNS:
            setattr(self, name, state["columns"][name])
        self.now_ms, self._reports = state["now_ms"], state["reports"]

    def _changed(self, device: int) -> None:
        self._stations.usable_changed()
        self._stations.touch(self.place(device)[0])

    def _mains_v(self, kw: Columns) -> Columns:
        """Voltage by site: a little lower in the evening and under load; 0 without mains."""
        hour = self.now_ms % model.DAY_MS / model.HOUR_MS
        evening = 1.0 - 0.008 * math.cos(2.0 * math.pi * (hour - 19.0) / 24.0)
        volts = self._volts * evening - 0.15 * kw
        return np.where(self._stations.dead, 0.0, volts)

    def _close(self, run_s: Columns, m3: Columns) -> None:
        """End of a report interval: rags, slow wear, mains, weather of the next one."""
        stations, ills, rags = self._stations, self.ills, self.rags
        self._reports += 1
        self._volume_m3 += np.maximum(m3, 0.0)
        self._ground_h += run_s / 3600.0
        flat = ills.clog.reshape(-1), ills.clog_mode.reshape(-1)
        moved, starts = self._volume_m3.reshape(-1), stations.starts.reshape(-1)
        if rags.step(self.now_ms, *flat, moved, starts):
            ills.changed = True
        if self._reports % STEP_REPORTS == 0:
            hours = STEP_REPORTS * self._hours
            for name, law in self.grinding.items():
                damage = law.step(self._ground_h.reshape(-1))
                getattr(ills, name)[:] = damage.reshape(self._shape)
            memory = math.exp(-hours / laws.USE_MEMORY_H)
            share, often = self._ground_h / hours, (stations.starts - self._starts_before) / hours
            self._run_share = share + (self._run_share - share) * memory
            self._starts_h = often + (self._starts_h - often) * memory
            self._starts_before = stations.starts.copy()
            self._ground_h = np.zeros(self._shape)
            ills.changed = True
        if stations.dead.any():
            back = stations.dead & (ills.mains_until_s <= self.now_s)
            if back.any():
                stations.dead &= ~back
                stations.usable_changed()
        self._inflow_was, self._inflow = self._inflow, self.catchments.next()
        stations.water_c = model.water_temp_c(self.now_ms)


_COLUMNS = (
    "_volume_m3", "_kwh", "_ground_h", "_run_share", "_starts_h", "_starts_before", "_inflow",
    "_inflow_was",
)  # fmt: skip
