"""A fleet of sewage pumps: inflow, stations, wear of the bearings, what the pumps report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from twins.core.twin import Action, Build, Columns, Wear
from twins.core.wear import WearLaw
from twins.products.pump import model
from twins.products.pump.faults import FAULTS
from twins.products.pump.station import Stations, relative

BLOCK = 64
"""Report intervals per block of a station's inflow stream."""
INFLOW_SD = 0.15
"""Log-residual of dry inflow (0.35 with infiltration seasons, M:dhi; a dry quarter: estimate)."""
INFLOW_MEMORY_MS = 3 * model.HOUR_MS
"""Correlation time of that residual (estimate; acf 0.85-0.97 at 1 h for a large catchment)."""
SITE_SPREAD = 0.15
"""Log-spread of mean inflow between stations (estimate)."""
POWER_SPREAD = 0.03
"""Log-spread of power between pumps of one size (specific energy +-10 %, M:hsy)."""
HEALTHY_MM_S = 1.1
HEALTHY_SPREAD = 0.06
"""Healthy vibration and its spread: zone B of small machines, 0.71 to 1.8 mm/s (S13; estimate)."""
RISE_SPREAD = 0.2
"""Log-spread of the bearing's vibration at full damage: 4 to 8 mm/s (estimate)."""
CURVATURE_SPREAD = 1.0
"""k ~ N(3.6, 1) (twins reference, section 2)."""


def build(build: Build) -> PumpTwin:
    """Make the twin of one fleet; the ``entry`` of ``product.toml``."""
    return PumpTwin(build)


class PumpTwin:
    """Pumps as columns of shape ``(n,)``, stations as columns of shape ``(stations,)``."""

    def __init__(self, build: Build) -> None:
        params, streams = build.params, build.streams
        self._build, self._plant = build, model.Plant()
        self.laws: Mapping[str, WearLaw] = {
            "bearing": WearLaw(
                life_h=params["bearing_life_h"],
                life_shape=params["bearing_life_shape"],
                pf_min_h=params["bearing_pf_min_h"],
                pf_max_h=max(params["bearing_pf_max_h"], params["bearing_pf_min_h"]),
                rise=params["bearing_rise_mm_s"],
                rise_spread=RISE_SPREAD,
                curvature=params["bearing_curvature"],
                curvature_spread=CURVATURE_SPREAD,
            )
        }

        def spread(purpose: str, names: tuple[str, ...], sigma: float) -> Columns:
            return np.exp([sigma * streams.normal(f"pump/{purpose}/{name}") for name in names])

        self._mean_m3_s = params["inflow_l_s"] / 1000.0 * spread("inflow", build.sites, SITE_SPREAD)
        self._healthy = HEALTHY_MM_S * spread("vibration", build.devices, HEALTHY_SPREAD)
        self._memory = np.exp(-build.report_every_ms / INFLOW_MEMORY_MS)
        self._push = INFLOW_SD * np.sqrt(1.0 - self._memory**2)
        self._now_ms = build.start_ms
        self._intervals = 0
        self._residual = np.zeros(len(build.sites))
        self._block_number, self._block = -1, np.empty(0)
        self._inflow = self._next_inflow()
        self._stations = Stations(
            self._plant,
            model.Heat(),
            stations=len(build.sites),
            pumps=build.devices_per_site,
            area_m2=params["well_area_m2"],
            starts_per_h_max=params["starts_per_h_max"],
            power_factors=spread("power", build.devices, POWER_SPREAD),
            water_c=model.water_temp_c(build.start_ms),
        )

    def advance(self, to_ms: int) -> None:
        """Move every station to ``to_ms``."""
        if to_ms > self._now_ms:
            self._stations.advance((to_ms - self._build.start_ms) / 1000.0, self._inflow)
            self._now_ms = to_ms

    def measure(self) -> Columns:
        """True values of the interval, shape ``(n, 10)``, in the order of ``product.toml``."""
        stations, hours = self._stations, self._build.report_every_ms / model.HOUR_MS
        run_s, volume_m3, energy_kws, rough_s = stations.close_interval()
        vibration = model.vibration_mm_s(
            self._healthy * relative(rough_s, run_s), stations.rise_mm_s
        )
        truth = np.empty((len(run_s), 10))
        truth[:, 0] = np.repeat(stations.level_m, self._build.devices_per_site)
        truth[:, 1] = volume_m3 / hours
        truth[:, 2] = energy_kws / (3600.0 * hours)
        truth[:, 3] = model.current_a(self._plant, relative(energy_kws, run_s))
        truth[:, 4] = vibration
        truth[:, 5] = stations.bearing_c
        truth[:, 6] = stations.motor_c
        truth[:, 7] = stations.run_s / 3600.0
        truth[:, 8] = stations.starts
        truth[:, 9] = stations.able
        self._intervals += 1
        self._inflow = self._next_inflow()
        stations.water_c = model.water_temp_c(self._now_ms)
        return truth

    def set_wear(self, device: int, component: str, *, damage: float, rise: float) -> None:
        """Take over the damage of a bearing (the one component there is)."""
        assert component in self.laws
        self._stations.damage[device] = damage
        self._stations.rise_mm_s[device] = rise

    def set_able(self, device: int, *, able: bool) -> None:
        """A pump broke (it stops, the next one carries on) or was repaired."""
        self._stations.able[device] = able
        self._control(device)

    def command(self, device: int, name: str, args: Mapping[str, Any]) -> str | None:
        """``stop``, ``start`` (leave it to the level control again), ``reset_starts``."""
        if args:
            return f"{name} takes no arguments, got {', '.join(sorted(args))}"
        if name == "reset_starts":
            self._stations.starts[device] = 0.0
            return None
        if name not in ("start", "stop"):
            return f"unknown command {name!r}; there are: reset_starts, start, stop"
        if name == "start" and not self._stations.able[device]:
            return "the pump is broken and cannot start"
        self._stations.stopped[device] = name == "stop"
        self._control(device)
        return None

    def in_service(self, device: int) -> bool:
        """Whether the level control may use the pump."""
        return not self._stations.stopped[device]

    def inject(self, fault: str, device: int, params: Mapping[str, float], wear: Wear) -> None:
        """Let a fault of ``faults.py`` begin."""
        FAULTS[fault](device, params, wear)

    def maintain(self, device: int, action: Action, component: str) -> None:
        """Nothing to do: wear of the bearing, which core draws, is all that is kept of it."""

    def truth(self) -> Mapping[str, Columns]:
        """Level, spilled volume, temperatures, and the vibration at the point it runs best."""
        stations, pumps = self._stations, self._build.devices_per_site
        return {
            "level_m": np.repeat(stations.level_m, pumps),
            "spilled_m3": np.repeat(stations.spilled_m3, pumps),
            "inflow_m3_h": np.repeat(self._inflow * 3600.0, pumps),
            "vibration_mm_s": np.hypot(self._healthy, stations.rise_mm_s),
            "bearing_temp_c": stations.bearing_c,
            "motor_temp_c": stations.motor_c,
        }

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {
            "stations": self._stations.dump(),
            "now_ms": self._now_ms,
            "intervals": self._intervals,
            "residual": self._residual,
            "inflow": self._inflow,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._stations.load(state["stations"])
        self._now_ms, self._intervals = state["now_ms"], state["intervals"]
        self._residual, self._inflow = state["residual"], state["inflow"]

    def _control(self, device: int) -> None:
        now_s = (self._now_ms - self._build.start_ms) / 1000.0
        self._stations.control(device // self._build.devices_per_site, now_s)

    def _next_inflow(self) -> Columns:
        """Inflow of the interval that begins: mean x hour and weekday x exp(AR1), m3/s."""
        every_ms = self._build.report_every_ms
        number, row = divmod(self._intervals, BLOCK)
        if number != self._block_number:
            self._block_number = number
            self._block = np.array(
                [
                    self._build.streams.block(f"pump/residual/{site}", number).standard_normal(
                        BLOCK
                    )
                    for site in self._build.sites
                ]
            )
        self._residual = self._memory * self._residual + self._push * self._block[:, row]
        middle_ms = self._build.start_ms + self._intervals * every_ms + every_ms // 2
        return self._mean_m3_s * (model.dry_weather_factor(middle_ms) * np.exp(self._residual))
