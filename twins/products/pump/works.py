"""What a fleet of pumps consists of, and what faults and commands do to it."""

from __future__ import annotations

import math

import numpy as np

from twins.core.twin import Build, Columns
from twins.products.pump import laws, model, wells
from twins.products.pump.inflow import Catchments
from twins.products.pump.station import Stations
from twins.products.pump.wear import Grinding, Rags

DRIVE_EFFICIENCY = 0.95
"""Of a frequency converter (section 1A)."""


class Works:
    """Pumps are numbered through all stations; inside, columns have shape ``(stations, pumps)``."""

    def __init__(self, build: Build) -> None:
        params, streams = build.params, build.streams
        sites, pumps = len(build.sites), build.devices_per_site
        self._build, self._pumps, self._shape = build, pumps, (sites, pumps)

        def spread(purpose: str, names: tuple[str, ...], sigma: float) -> Columns:
            return np.exp([sigma * streams.normal(f"pump/{purpose}/{name}") for name in names])

        vfd = params["vfd"] > 0.5
        self._plant = model.Plant(
            duty_m3_s=params["duty_l_s"] / 1000.0,
            static_m=params["static_head_m"],
            friction_m=params["friction_head_m"],
            drive_efficiency=DRIVE_EFFICIENCY if vfd else 1.0,
        )
        shape = wells.SHAPES[round(params["well_shape"])]
        power, head, healthy = (
            spread(name, build.devices, sigma).reshape(self._shape)
            for name, sigma in (
                ("power", laws.POWER_SPREAD),
                ("head", laws.HEAD_SPREAD),
                ("vibration", laws.HEALTHY_SPREAD),
            )
        )
        self.stations = Stations(
            self._plant,
            shape(params["well_area_m2"], self._plant.spill_m + 2.0),
            stations=sites,
            pumps=pumps,
            vfd=vfd,
            area_m2=params["well_area_m2"],
            starts_per_h_max=params["starts_per_h_max"],
            interval_s=build.report_every_ms / 1000.0,
            water_c=model.water_temp_c(build.start_ms),
            power_factors=power,
            head_factors=head,
        )
        self.stations.pumps["healthy_mm_s"] = laws.HEALTHY_MM_S * healthy
        self.stations.wells["volts"] = self._plant.volts * spread("volts", build.sites, 0.01)
        self.ills, self.rags = self.stations.ills, Rags(streams, build.devices, self.stations.pumps)
        self.grinding = {
            name: Grinding(
                streams, build.devices, component=name, life_h=params[f"{name}_life_h"], beta=beta
            )
            for name, beta in (("impeller", laws.IMPELLER_BETA), ("ring", laws.RING_BETA))
        }
        mean = params["inflow_l_s"] / 1000.0 * spread("inflow", build.sites, laws.SITE_SPREAD)
        self.stations.wells["mean_m3_s"] = mean
        self.catchments = Catchments(build, self.stations.wells)
        self.now_ms = build.start_ms
        self.told_s = -math.inf
        """For which moment the states that were told last hold; nothing has happened since."""
        self.catchments.next()
        self.stations.wells["inflow_was_m3_s"] = self.stations.wells["inflow_m3_s"]

    @property
    def now_s(self) -> float:
        """Seconds since the start of the world."""
        return (self.now_ms - self._build.start_ms) / 1000.0

    def place(self, device: int) -> tuple[int, int]:
        """Station and place of a pump."""
        return divmod(device, self._pumps)

    def hours_of(self, device: int) -> float:
        """True run hours of a pump."""
        return float(self.stations.pumps["run_s"][self.place(device)] / 3600.0)

    def starts_of(self, device: int) -> float:
        """True starts of a pump (since its counter was reset)."""
        return float(self.stations.pumps["starts"][self.place(device)])

    def volume_of(self, device: int) -> float:
        """What a pump has moved up to its last report, m3."""
        return float(self.stations.pumps["m3"][self.place(device)])

    def lose_mains(self, station: int, *, hours: float) -> None:
        """No mains for so many hours: every pump of the station stands."""
        self.ills.mains_until_s[station] = self.now_s + 3600.0 * hours
        self.stations.wells["dead"][station] = True
        self.stations.usable_changed(station)

    def counter_reset(self, device: int) -> None:
        """The starts counter stands at 0 again."""
        self.stations.pumps["starts_before"][self.place(device)] = 0.0
        self.rags.counted_anew(device)

    def reach(self, device: int) -> tuple[int, int]:
        """Something happens to a pump now: its station gets there. Its station and place."""
        at, self.told_s = self.place(device), -math.inf
        self.stations.advance(self.now_s, self.stations.every[at[0] : at[0] + 1])
        return at

    def changed(self, device: int) -> None:
        """Who may run of its station has changed, and maybe how."""
        station, _ = self.place(device)
        self.stations.usable_changed(station)
        self.stations.touch(station)
