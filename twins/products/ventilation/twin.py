"""A fleet of ventilation units: weather and dust by site, rooms, air, what the units report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np

from twins.core.twin import Action, Build, Columns, OwnWear, Wear
from twins.core.wear import WearLaw
from twins.products.ventilation import model
from twins.products.ventilation.air import ROW, STANDBY_KW, Air
from twins.products.ventilation.faults import FAULTS
from twins.products.ventilation.filters import Filters
from twins.products.ventilation.rooms import Co2Sensors, Dampers, Rooms

STEP_MOST_MS = 300_000
"""Longest step: flows and people are constant in it, CO2 is exact."""
BLOCK = 64
"""Report intervals per block of a site's weather stream."""
WEATHER_SD_K, WEATHER_MEMORY_MS = 3.5, 2 * model.DAY_MS
DUST_SD, DUST_MEMORY_MS = 0.4, model.DAY_MS
"""Spread and memory of temperature and log dust around the climate (estimates)."""
POWER_SPREAD = 0.03
HEALTHY_MM_S, HEALTHY_SPREAD = 1.8, 0.08
"""Healthy fan at full speed; in situ 4.5 mm/s is allowed at start-up (ISO 14694 BV-3)."""


class Law(TypedDict):
    """The part of a wear law that no parameter changes."""

    pf_min_h: float
    pf_max_h: float
    rise: float
    rise_spread: float


FAN_LAW: Law = {"pf_min_h": 336.0, "pf_max_h": 3360.0, "rise": 10.0, "rise_spread": 0.2}
"""P-F interval 2 to 20 weeks (by velocity 2-8, S12, slower turning); trip at 9 mm/s (K)."""
ROTOR_LAW: Law = {"pf_min_h": 168.0, "pf_max_h": 1680.0, "rise": 0.5, "rise_spread": 0.2}
"""Belt of the wheel: weeks (section 2); it slips by half before it breaks (estimate)."""
CLEAN_PA = {"supply": 65.0, "extract": 45.0}
RISE_PA = {"supply": 100.0, "extract": 90.0}
"""EN 13053: final = lower of clean + 100 Pa and 3 x clean; ePM1 65 Pa, ePM10 45 Pa (estimate)."""
SETPOINT_PPM = (600.0, 1000.0)
COMMANDS = {
    "constant_volume": ("_demand", False),
    "demand_control": ("_demand", True),
    "start": ("_stopped", False),
    "stop": ("_stopped", True),
}
"""Commands without arguments: which column they set, and to what."""


def build(build: Build) -> VentilationTwin:
    """Make the twin of one fleet; the ``entry`` of ``product.toml``."""
    return VentilationTwin(build)


class VentilationTwin:
    """Units as columns of shape ``(n,)``, their rooms as columns of shape ``(n, rooms)``."""

    def __init__(self, build: Build) -> None:
        params, streams, devices = build.params, build.streams, build.devices
        self._build = build
        n = len(devices)
        rooms = round(params["rooms"])
        self.rooms = Rooms(devices, rooms, streams)
        stages = {
            stage: Filters(
                stage, devices, streams, clean_pa=CLEAN_PA[stage], rise_pa=RISE_PA[stage],
                capacity_g=params[f"{stage}_capacity_g"] * rooms / 20.0,
            )
            for stage in ("supply", "extract")
        }  # fmt: skip

        def spread(purpose: str, sigma: float) -> Columns:
            return np.exp([sigma * streams.normal(f"ventilation/{purpose}/{d}") for d in devices])

        healthy = [HEALTHY_MM_S * spread(f"{fan}_vib", HEALTHY_SPREAD) for fan in stages]
        self.air = Air(
            n, design_m3_s=rooms * model.ROOM_M3_S,
            plate=params["plate_recovery"] >= 0.5, supply=stages["supply"],
            extract=stages["extract"], healthy_mm_s=np.array(healthy),
            power_factors=spread("power", POWER_SPREAD),
        )  # fmt: skip
        fan = WearLaw(
            life_h=params["fan_life_h"], life_shape=1.3, curvature=3.6, curvature_spread=1.0,
            **FAN_LAW,
        )  # fmt: skip
        rotor = WearLaw(
            life_h=params["rotor_life_h"], life_shape=1.8, curvature=3.6, curvature_spread=1.0,
            **ROTOR_LAW,
        )  # fmt: skip
        self.laws: Mapping[str, WearLaw | OwnWear] = {
            "supply_filter": stages["supply"], "extract_filter": stages["extract"],
            "supply_fan": fan, "extract_fan": fan, "rotor": rotor,
            "damper": Dampers(self.rooms), "co2_sensor": Co2Sensors(self.rooms),
        }  # fmt: skip
        self._able, self._stopped = np.ones(n, dtype=bool), np.zeros(n, dtype=bool)
        self._demand = np.full(n, params["demand_control"] >= 0.5)
        self._set_ppm = np.full(n, params["co2_setpoint_ppm"])
        self._storm, self._storm_end_ms = np.ones(n), np.zeros(n, dtype=np.int64)
        self._parts = math.ceil(build.report_every_ms / STEP_MOST_MS)
        self._dt_s = build.report_every_ms / self._parts / 1000.0
        self._step, self._on = 0, np.zeros(n, dtype=bool)
        self._weather_k, self._dust_log = np.zeros(len(build.sites)), np.zeros(len(build.sites))
        self._dust_ug_m3, self._outdoor_c = np.zeros(n), np.zeros(n)
        self._block_number, self._block = -1, np.empty(0)

    @property
    def has_rotor(self) -> bool:
        """Whether heat is recovered by a wheel."""
        return self._build.params["plate_recovery"] < 0.5

    def advance(self, to_ms: int) -> None:
        """Take every whole step that ends by ``to_ms``; what is told between acts on the next."""
        while self._ends_ms(self._step) <= to_ms:
            self._take_step()
            self._step += 1

    def measure(self) -> Columns:
        """True values of the interval, shape ``(n, 31)``, in the order of ``product.toml``."""
        air, rooms = self.air, self.rooms
        sums, steps = air.close_interval()
        run = sums[ROW["run"]]
        share = run / max(steps, 1)
        ran = np.where(run > 0, run, np.nan)
        full = np.where(sums[ROW["full"]] > 0, sums[ROW["full"]], np.nan)
        means = sums / ran
        flow_h = air.design_m3_s * 3600.0
        speed = np.nan_to_num(means)
        kw = sums[ROW["kw"]] / max(steps, 1)
        reading = rooms.reading_ppm
        worst = reading.argmax(axis=1)
        rows = np.arange(len(run))
        columns = [
            sums[ROW["supply"]] / max(steps, 1) * flow_h,
            sums[ROW["extract"]] / max(steps, 1) * flow_h,
            *(means[ROW[name]] for name in
              ("supply_pa", "extract_pa", "supply_norm", "extract_norm", "duct")),
            speed[ROW["supply_n"]] * model.SUPPLY.full_rpm,
            speed[ROW["extract_n"]] * model.EXTRACT.full_rpm,
            kw + STANDBY_KW,
            1000.0 * means[ROW["kw"]] / (means[ROW["supply"]] * air.design_m3_s),
            air.energy_kwh,
            means[ROW["supply_mm_s"]],
            means[ROW["extract_mm_s"]],
            air.outdoor_c,
            air.supply_c,
            air.zone_c,
            air.exhaust_c,
            means[ROW["rotor"]] if self.has_rotor else np.full(len(run), np.nan),
            100.0 * sums[ROW["efficiency"]] / full,
            100.0 * air.heating,
            100.0 * air.cooling,
            air.defrosting,
            self._command(share, means[ROW["supply_n"]]),
            reading[rows, worst],
            reading.min(axis=1),
            100.0 * rooms.opening[rows, worst],
            100.0 * rooms.opening.mean(axis=1),
            100.0 * np.abs(rooms.asked - rooms.opening).max(axis=1),
            100.0 * (rooms.persons > 0).mean(axis=1),
            self._able,
        ]  # fmt: skip
        truth = np.empty((len(run), len(columns)))
        for row, column in enumerate(columns):
            truth[:, row] = column
        return truth

    def set_wear(self, device: int, component: str, *, damage: float, rise: float) -> None:
        """Take over the damage of a fan or of the rotor."""
        if component == "rotor":
            self.air.rotor_slip[device] = min(rise, 0.95)
            self.air.rotor_stopped[device] = damage >= 1.0
        else:
            self.air.rise_mm_s[0 if component == "supply_fan" else 1, device] = rise

    def set_able(self, device: int, *, able: bool) -> None:
        """A fan broke (the unit stops) or was repaired."""
        self._able[device] = able

    def command(self, device: int, name: str, args: Mapping[str, Any]) -> str | None:
        """``stop``, ``start``, ``demand_control``, ``constant_volume``, ``set_co2_setpoint``."""
        if name == "set_co2_setpoint":
            return self._set_point(device, args)
        if name not in COMMANDS:
            known = ", ".join(sorted((*COMMANDS, "set_co2_setpoint")))
            return f"unknown command {name!r}; there are: {known}"
        if args:
            return f"{name} takes no arguments, got {', '.join(sorted(args))}"
        if name == "start" and not self._able[device]:
            return "a fan is broken; the unit cannot start"
        column, value = COMMANDS[name]
        getattr(self, column)[device] = value
        return None

    def in_service(self, device: int) -> bool:
        """Whether the schedule may run the unit."""
        return not self._stopped[device]

    def inject(self, fault: str, device: int, params: Mapping[str, float], wear: Wear) -> None:
        """Let a fault of ``faults.py`` begin."""
        FAULTS[fault](self, device, params, wear)

    def storm(self, device: int, *, factor: float, duration_ms: int) -> None:
        """Dust from now on for a while, times ``factor``."""
        self._storm[device] = factor
        self._storm_end_ms[device] = self._ends_ms(self._step - 1) + duration_ms

    def maintain(self, device: int, action: Action, component: str) -> None:
        """Adjusting frees stuck dampers and calibrates CO2 sensors; a minimal repair does not."""
        if action in ("adjust", "overhaul") and component in ("damper", "co2_sensor"):
            law = self.laws[component]
            assert not isinstance(law, WearLaw)
            law.renew(device, 1)

    def truth(self) -> Mapping[str, Columns]:
        """Filters at design flow, vibration at full speed, rooms as they are."""
        air, rooms = self.air, self.rooms
        healthy = model.fan_speed(model.SUPPLY, np.array([460.0]), np.array([1.0]))[0]
        return {
            "supply_filter_norm_pa": air.filters["supply"].design_pa(),
            "extract_filter_norm_pa": air.filters["extract"].design_pa(),
            "supply_vibration_mm_s": np.hypot(HEALTHY_MM_S, air.rise_mm_s[0]) * healthy,
            "extract_vibration_mm_s": np.hypot(HEALTHY_MM_S, air.rise_mm_s[1]) * healthy,
            "co2_worst_ppm": rooms.ppm.max(axis=1),
            "extract_temp_c": air.zone_c,
        }

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, f"_{name}") for name in _STATE} | {
            "air": self.air.dump(),
            "rooms": self.rooms.dump(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            setattr(self, f"_{name}", state[name])
        self.air.load(state["air"])
        self.rooms.load(state["rooms"])

    def _set_point(self, device: int, args: Mapping[str, Any]) -> str | None:
        ppm, (low, high) = args.get("ppm"), SETPOINT_PPM
        number = isinstance(ppm, int | float) and not isinstance(ppm, bool)
        if set(args) != {"ppm"} or not number or not low <= float(ppm or 0) <= high:
            return f"set_co2_setpoint takes ppm, a number from {low:g} to {high:g}"
        self._set_ppm[device] = ppm
        return None

    def _ends_ms(self, step: int) -> int:
        build = self._build
        return build.start_ms + (step + 1) * build.report_every_ms // self._parts

    def _take_step(self) -> None:
        """One step: weather at the beginning of an interval, people, dampers, fans, CO2."""
        begins_ms = self._ends_ms(self._step - 1)
        if self._step % self._parts == 0:
            self._next_weather(begins_ms)
        rooms, dt_s = self.rooms, self._dt_s
        rooms.people(begins_ms, step=self._step, dt_s=dt_s)
        self._on = self._able & ~self._stopped & self._scheduled(begins_ms)
        opening = rooms.control(on=self._on, demand=self._demand, set_ppm=self._set_ppm, dt_s=dt_s)
        if not self._on.any():
            self.air.rest(dt_s, self._outdoor_c)
            rooms.breathe(0.0, dt_s=dt_s)
            return
        each = 1.0 / opening.shape[1]
        wanted = opening.sum(axis=1) * each
        storm = np.where(begins_ms < self._storm_end_ms, self._storm, 1.0)
        given = self.air.step(
            wanted, on=self._on, dt_s=dt_s, outdoor_c=self._outdoor_c,
            dust_ug_m3=self._dust_ug_m3 * storm,
            busy=np.count_nonzero(rooms.persons, axis=1) * each,
        )  # fmt: skip
        flow = opening * (model.ROOM_M3_S * given / wanted)[:, None]
        rooms.breathe(flow, dt_s=dt_s)

    def _scheduled(self, at_ms: int) -> bool:
        params = self._build.params
        hour = at_ms % model.DAY_MS / model.HOUR_MS
        return model.weekday(at_ms) < 5 and params["start_h"] <= hour < params["stop_h"]

    def _command(self, share: Columns, speed: Columns) -> Columns:
        """What the control asks of the fans, percent: all it has if a fan does not follow."""
        asked = 100.0 * np.nan_to_num(speed) * share
        wants = self._scheduled(self._ends_ms(self._step - 2)) & ~self._stopped & ~self._able
        return np.where(wants, 100.0, asked)

    def _next_weather(self, at_ms: int) -> None:
        """Outdoor temperature and dust of the interval that begins, by site."""
        build, every_ms = self._build, self._build.report_every_ms
        interval = self._step // self._parts
        number, row = divmod(interval, BLOCK)
        if number != self._block_number:
            self._block_number = number
            self._block = np.array([
                build.streams.block(f"ventilation/weather/{site}", number).standard_normal(
                    (BLOCK, 2)
                )
                for site in build.sites
            ])  # fmt: skip
        for name, sd, memory_ms, column in (
            ("_weather_k", WEATHER_SD_K, WEATHER_MEMORY_MS, 0),
            ("_dust_log", DUST_SD, DUST_MEMORY_MS, 1),
        ):
            memory = math.exp(-every_ms / memory_ms)
            push = sd * math.sqrt(1.0 - memory**2)
            setattr(self, name, memory * getattr(self, name) + push * self._block[:, row, column])
        middle_ms, per_site = at_ms + every_ms // 2, build.devices_per_site
        climate = model.outdoor_temp_c(middle_ms, build.params["climate_mean_c"])
        self._outdoor_c = np.repeat(climate + self._weather_k, per_site)
        dust = build.params["dust_ug_m3"] * model.dust_season(middle_ms)
        typical = np.exp(self._dust_log - 0.5 * DUST_SD**2)
        self._dust_ug_m3 = np.repeat(dust * typical, per_site)


_STATE = (
    "able", "stopped", "demand", "set_ppm", "storm", "storm_end_ms", "step", "on", "weather_k",
    "dust_log", "dust_ug_m3", "outdoor_c",
)  # fmt: skip
