"""A fleet of ventilation units: outdoors, rooms, air, temperatures, radio; what a unit reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from twins.core.twin import Action, Build, Columns, OwnWear, Wear
from twins.core.wear import WearLaw
from twins.products.ventilation import model, wearing
from twins.products.ventilation.air import AIR_ROWS, Air
from twins.products.ventilation.climate import KINDS, Climate
from twins.products.ventilation.fan_kernels import BELT_SLIP
from twins.products.ventilation.faults import FAULTS
from twins.products.ventilation.filters import Filters, Stage
from twins.products.ventilation.mesh import Mesh
from twins.products.ventilation.outdoors import Outdoors
from twins.products.ventilation.report import SUMMED, Board, Parts
from twins.products.ventilation.room_kernels import ROOM_M3_S, Around, UnitColumns
from twins.products.ventilation.rooms import Rooms

STEP_MOST_MS = 900_000
"""Longest step of the air side; people, dampers and CO2 go in parts of it while people come and go,
in one at night. All parts are exact for what is constant in them."""
POWER_SPREAD = 0.03
HEALTHY_MM_S, HEALTHY_SPREAD = 1.8, 0.08
"""Healthy fan at full speed; in situ 4.5 mm/s is allowed at start-up (ISO 14694 BV-3)."""


class Law(TypedDict):
    """The part of a wear law that no parameter changes."""

    life_shape: float
    pf_min_h: float
    pf_max_h: float
    rise: float
    rise_spread: float


FAN_LAW: Law = {
    "life_shape": 1.3, "pf_min_h": 336.0, "pf_max_h": 3360.0, "rise": 10.0, "rise_spread": 0.2,
}  # fmt: skip
"""P-F interval 2 to 20 weeks (by velocity 2-8, S12, slower turning); trip at 9 mm/s (K)."""
ROTOR_LAW: Law = {
    "life_shape": 1.8, "pf_min_h": 168.0, "pf_max_h": 1680.0, "rise": 0.5, "rise_spread": 0.2,
}  # fmt: skip
"""Belt of the wheel: weeks (section 2); it slips by half before it breaks (estimate)."""
BELT_LAW: Law = {
    "life_shape": 1.2, "pf_min_h": 168.0, "pf_max_h": 672.0, "rise": 0.07, "rise_spread": 0.15,
}  # fmt: skip
"""Drive belt: 1 to 4 weeks (section 2); slip 1-2 % when good, 4-8 % when failing (S13)."""
BELT_LIFE_H = 30_000.0
"""Weibull eta of a drive belt (S10, S13)."""


def build(build: Build) -> VentilationTwin:
    """Make the twin of one fleet; the ``entry`` of ``product.toml``."""
    return VentilationTwin(build)


class VentilationTwin:
    """Units as columns ``(n,)``, their rooms ``(n, rooms)``; the room nodes' twin reads them."""

    def __init__(self, build: Build) -> None:
        params, streams, devices = build.params, build.streams, build.devices
        self._build = build
        n, rooms = len(devices), round(params["rooms"])
        self.rooms, self.mesh = Rooms(devices, rooms, streams), Mesh(devices, rooms, streams)

        def spread(purpose: str, sigma: float) -> Columns:
            return np.exp([sigma * streams.normal(f"ventilation/{purpose}/{d}") for d in devices])

        supply_g, extract_g = params["supply_capacity_g"], params["extract_capacity_g"]
        size = rooms / 20.0
        step = np.zeros((SUMMED, n))
        vibration = [HEALTHY_MM_S * spread(f"{fan}_vib", HEALTHY_SPREAD) for fan in ("s", "e")]
        self.air = Air(
            design_m3_s=rooms * ROOM_M3_S,
            filters=Filters(devices, streams, capacity_g=(supply_g * size, extract_g * size)),
            healthy_mm_s=np.array(vibration), power_factors=spread("power", POWER_SPREAD),
            fixed_speed=params["fixed_speed_pct"] / 100.0, belt=params["belt_driven"] >= 0.5,
            rows=step[:AIR_ROWS],
        )  # fmt: skip
        self.climate = Climate(n, tuple(KINDS)[round(params["recovery"])], step[AIR_ROWS:-1])
        self._board = Board(Parts(self.air, self.rooms, self.climate, self.mesh), step)
        self.laws = self._laws()
        self._able, self._stopped = np.ones(n, dtype=bool), np.zeros(n, dtype=bool)
        self._demand = np.full(n, params["demand_control"] >= 0.5)
        self._set_ppm = np.full(n, params["co2_setpoint_ppm"])
        self._start_h, self._stop_h = np.full(n, params["start_h"]), np.full(n, params["stop_h"])
        self._storm, self._storm_end_ms = np.ones(n), np.zeros(n, dtype=np.int64)
        self._shift_ms, self._alarm_end_ms = np.zeros((2, n), dtype=np.int64)
        self._parts = math.ceil(build.report_every_ms / STEP_MOST_MS)
        self._dt_s = build.report_every_ms / self._parts / 1000.0
        self._outdoors = Outdoors(
            build.sites, streams, dt_s=self._dt_s, mean_c=params["climate_mean_c"],
            dust=params["dust_ug_m3"],
        )  # fmt: skip
        self._step, self._hours = 0, 0
        self._wants, self._on = np.zeros((2, n), dtype=np.bool_)
        climate = self.climate
        self._units = UnitColumns(
            self._on, self._demand, self._set_ppm, self.air.ratio, climate.fresh
        )
        self._around = Around(climate.supply_c, climate.outdoor_c, climate.zone_c)
        climate.zone_c[:] = self.rooms.temp_c.mean(axis=1)
        self._note()

    def advance(self, to_ms: int) -> None:
        """Take every whole step that ends by ``to_ms``; what is told between acts on the next."""
        while self._begins_ms(self._step + 1) <= to_ms:
            self._take_step()
            self._step += 1

    def measure(self) -> Columns:
        """True values of the interval, shape ``(n, signals)``, in the order of ``product.toml``."""
        alarm = None
        if self._begins_ms(self._step - 1) < self._alarm_until_ms:
            alarm = self._alarm_end_ms > self._begins_ms(self._step - 1)
        return self._board.tell(self._able, self._wants, alarm)

    def set_wear(self, device: int, component: str, *, damage: float, rise: float) -> None:
        """Take over the damage of a fan, of the rotor or of the belt."""
        if component == "rotor":
            self.climate.rotor_slip[device] = min(rise, 0.95)
            self.climate.rotor_stopped[device] = damage >= 1.0
        elif component == "belt":
            self.air.slip[0, device] = BELT_SLIP + min(rise, 0.2)
        else:
            self.air.rise_mm_s[0 if component == "supply_fan" else 1, device] = rise

    def set_able(self, device: int, *, able: bool) -> None:
        """A fan or its belt broke (the unit stops) or was repaired."""
        self._able[device] = able
        self._note()

    def command(self, device: int, name: str, args: Mapping[str, Any]) -> str | None:
        """Start, stop, reset the control, follow the CO2 or not; set points are settings."""
        del args
        if name == "start" and not self._able[device]:
            return "a fan is broken; the unit cannot start"
        if name == "reset_control":
            self.shift(device, 0.0)
            self.climate.overlap[device] = 0.0
        elif name in ("start", "stop"):
            self._stopped[device] = name == "stop"
        else:
            self._demand[device] = name == "demand_control"
        self._note()
        return None

    def configure(self, device: int, values: Mapping[str, float]) -> str | None:
        """Take over the set point of the rooms and the hours of the schedule."""
        start_h, stop_h = values["start_h"], values["stop_h"]
        if start_h >= stop_h:
            return f"start_h {start_h:g} must be before stop_h {stop_h:g}"
        self._set_ppm[device] = values["co2_setpoint_ppm"]
        self._start_h[device], self._stop_h[device] = start_h, stop_h
        self._note()
        return None

    def states(self) -> Mapping[str, NDArray[np.bool_]]:
        """Frost and smoke, as the unit knows them."""
        return {
            "frost": self.climate.defrosting,
            "smoke": self._alarm_end_ms > self._begins_ms(self._step),
        }

    def set_feature(self, device: int, feature: str, *, unlocked: bool) -> None:
        """Without the right to demand control a unit gives every room its design flow."""
        if feature == "demand_control" and not unlocked:
            self._demand[device] = False

    def in_service(self, device: int) -> bool:
        """Whether the schedule may run the unit."""
        return not self._stopped[device]

    def stress(self, component: str) -> Columns:
        """Loaded filters make fans and belt work harder, an unbalanced wheel its shaft.

        A full filter doubles the hazard (couplings of section 2), imbalance of the size of the
        healthy vibration once more.
        """
        n = len(self._able)
        if component not in ("supply_fan", "extract_fan", "belt"):
            return np.ones(n)
        row = 1 if component == "extract_fan" else 0
        load: Columns = np.minimum(self.air.filters.load[row], 2.0)
        if component == "belt":
            load += 1.0
            return load
        fan: Columns = 1.0 + load + self.air.imbalance_mm_s[row] / HEALTHY_MM_S
        return fan

    def maintain(self, device: int, action: Action, component: str) -> None:
        """Cleaning a fan balances it; adjusting frees what is stuck; a new plate has no ice."""
        self._board.opened[device] = 1.0
        fans = ("supply_fan", "extract_fan")
        if component in fans and action in ("replace", "overhaul", "clean"):
            self.air.imbalance_mm_s[fans.index(component), device] = 0.0
        law = self.laws.get(component)
        actuators = ("heating_valve", "cooling_valve", "outdoor_damper")
        if component in actuators and action in ("overhaul", "adjust"):
            assert law is not None
            assert not isinstance(law, WearLaw)
            law.renew(device, 1)
        if component == "rotor" and action in ("clean", "overhaul"):
            self.climate.ice[device] = 0.0
            self.climate.ice_blind[device] = False

    def inject(self, fault: str, device: int, params: Mapping[str, float], wear: Wear) -> None:
        """Let a fault of ``faults.py`` begin."""
        FAULTS[fault](self, device, params, wear)

    def storm(self, device: int, *, factor: float, duration_ms: int) -> None:
        """Dust from now on for a while, times ``factor``."""
        self._storm[device] = factor
        self._storm_end_ms[device] = self._begins_ms(self._step) + duration_ms
        self._note()

    def shift(self, device: int, hours: float) -> None:
        """The unit keeps its hours so much too late."""
        self._shift_ms[device] = round(hours * model.HOUR_MS)
        self._note()

    def alarm(self, device: int, duration_ms: int) -> None:
        """Smoke: the unit stands and its dampers close, whatever anybody asks."""
        self._alarm_end_ms[device] = self._begins_ms(self._step) + duration_ms
        self._note()

    def truth(self) -> Mapping[str, Columns]:
        """Filters at design flow, vibration at full speed, temperatures, radio, as they are."""
        air, rooms, climate = self.air, self.rooms, self.climate
        design = air.filters.design_pa()
        still = HEALTHY_MM_S**2 + air.rise_mm_s**2 + air.imbalance_mm_s**2
        grams = air.filters.load * air.filters.capacity_g
        return {
            "supply_filter_norm_pa": design[0],
            "extract_filter_norm_pa": design[1],
            "supply_dust_g": grams[0],
            "supply_vibration_mm_s": np.sqrt(still[0]),
            "extract_vibration_mm_s": np.sqrt(still[1]),
            "co2_worst_ppm": rooms.ppm.max(axis=1),
            "extract_temp_c": rooms.temp_c.mean(axis=1),
            "exhaust_temp_c": climate.exhaust_c,
            "ice": climate.ice,
            "outdoor_fraction": climate.fresh,
            "path_changes": self.mesh.path_changes,
            "energy_kwh": air.energy_kwh.copy(),
        }

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, f"_{name}") for name in (*_COLUMNS, "step", "hours")} | {
            "board": self._board.dump()} | {
            name: getattr(self, name).dump() for name in ("air", "rooms", "climate", "mesh")
        } | {"outdoors": self._outdoors.dump()}  # fmt: skip

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _COLUMNS:
            getattr(self, f"_{name}")[...] = state[name]
        self._step, self._hours = state["step"], state["hours"]
        for name in ("air", "rooms", "climate", "mesh"):
            getattr(self, name).load(state[name])
        self._outdoors.load(state["outdoors"])
        self._board.load(state["board"])
        self._note()

    def heal(self, unit: int) -> None:
        """A node died or came back: its room's damper falls back, or is controlled again."""
        self.mesh.heal(unit)
        self.rooms.alive[unit] = self.mesh.alive[unit, 1:]

    def _laws(self) -> Mapping[str, WearLaw | OwnWear]:
        params, devices = self._build.params, len(self._build.devices)

        def law(life_h: float, rest: Law) -> WearLaw:
            return WearLaw(life_h=life_h, curvature=3.6, curvature_spread=1.0, **rest)

        fan = law(params["fan_life_h"], FAN_LAW)
        return {
            "supply_filter": Stage(self.air.filters, 0),
            "extract_filter": Stage(self.air.filters, 1),
            "supply_fan": fan,
            "extract_fan": fan,
            "belt": law(BELT_LIFE_H, BELT_LAW) if self.air.belt else wearing.Never(devices),
            "rotor": law(params["rotor_life_h"], ROTOR_LAW),
            "heating_valve": wearing.Valve(self.climate, 0),
            "cooling_valve": wearing.Valve(self.climate, 1),
            "outdoor_damper": wearing.OutdoorDamper(self.climate, self.air),
        }

    def _begins_ms(self, step: int) -> int:
        build = self._build
        return build.start_ms + step * build.report_every_ms // self._parts

    def _take_step(self) -> None:
        """One step: outdoors, people and dampers in parts, fans, temperatures, radio."""
        begins_ms, dt_s, on = self._begins_ms(self._step), self._dt_s, self._on
        rooms, air, climate = self.rooms, self.air, self.climate
        outdoor_c, dust = self._outdoors.step(self._step, begins_ms + round(500.0 * dt_s))
        if (per_site := self._build.devices_per_site) > 1:
            outdoor_c, dust = outdoor_c.repeat(per_site), dust.repeat(per_site)
        np.logical_and(self._scheduled(begins_ms), self._free, out=self._wants)
        np.logical_and(self._wants, self._able, out=on)
        if begins_ms < self._alarm_until_ms:
            on &= self._alarm_end_ms <= begins_ms
        if begins_ms < self._storm_until_ms:
            dust = dust * np.where(begins_ms < self._storm_end_ms, self._storm, 1.0)
        climate.outdoor_c[:] = outdoor_c
        mixing = climate.recovery == "mixing"
        climate.dampers(on, rooms.ppm.max(axis=1) if mixing else climate.zone_c)
        wanted = rooms.step(self._step, begins_ms, dt_s=dt_s, units=self._units)
        air.step(wanted, on=on, dt_s=dt_s, ice=climate.ice, dust_ug_m3=dust)
        climate.step(air.x[0], on=on, dt_s=dt_s)
        self._board.add(on)
        rooms.warm(on, self._around, dt_s=dt_s)
        ends_ms = self._begins_ms(self._step + 1)
        while self._build.start_ms + (self._hours + 1) * model.HOUR_MS <= ends_ms:
            self.mesh.hour(self._hours, ends_ms)
            self._hours += 1
            self.rooms.alive[:] = self.mesh.alive[:, 1:]

    def _note(self) -> None:
        """Somebody touched the control, or something began that ends by itself.

        What never happened, or is over, then needs no look at each unit in every step.
        """
        self._free = ~self._stopped
        self._shifted = bool(self._shift_ms.any())
        self._storm_until_ms = int(self._storm_end_ms.max())
        self._alarm_until_ms = int(self._alarm_end_ms.max())

    def _scheduled(self, at_ms: int) -> NDArray[np.bool_]:
        """Whether each unit's clock is within its hours, shape ``(n,)``."""
        if not self._shifted:
            if model.weekday(at_ms) >= 5:
                return np.zeros(len(self._able), dtype=np.bool_)
            now_h = at_ms % model.DAY_MS / model.HOUR_MS
            open_: NDArray[np.bool_] = (self._start_h <= now_h) & (now_h < self._stop_h)
            return open_
        own_ms = at_ms - self._shift_ms
        hour = own_ms % model.DAY_MS / model.HOUR_MS
        working = (own_ms // model.DAY_MS + 3) % 7 < 5
        flags: NDArray[np.bool_] = working & (self._start_h <= hour) & (hour < self._stop_h)
        return flags


_COLUMNS = (
    "able", "stopped", "demand", "set_ppm", "start_h", "stop_h", "storm", "storm_end_ms",
    "shift_ms", "alarm_end_ms", "wants",
)  # fmt: skip
