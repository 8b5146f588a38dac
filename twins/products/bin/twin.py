"""A fleet of solar compacting bins: what they report, how they wear, what they obey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from twins.core.twin import Action, Build, Columns, Wear
from twins.core.wear import WearLaw
from twins.products.bin import model
from twins.products.bin.bins import Bins
from twins.products.bin.faults import FAULTS
from twins.products.bin.habits import Habits
from twins.products.bin.sky import Sky

HEALTHY_A = 8.0
HEALTHY_SPREAD = 0.05
"""Motor current of a new drive while pressing at half fill, and its log-spread (estimate)."""
RISE_SPREAD = 0.15
"""Log-spread of the current's rise at full damage (estimate)."""
CURVATURE, CURVATURE_SPREAD = 3.6, 0.6
"""k of the exponential rise (twins reference, section 2)."""
CAPACITY_LOST = 0.7
"""Share of its capacity that a battery has lost at its end (fewer than 6 dark days)."""
DERATE_SPREAD = 0.25
"""Log-spread of what orientation and shade leave of the sun (0.15 to 0.5, section 1C)."""
RSSI_DBM, RSSI_SPREAD_DB = -76.0, 7.0
"""Radio signal and its spread between places (estimate)."""
LEAN_DEG = 0.8
"""How crooked bins stand (estimate)."""
BLOCK = 64
"""Reports per block of a device's echo stream."""


def build(build: Build) -> BinTwin:
    """Make the twin of one fleet; the ``entry`` of ``product.toml``."""
    return BinTwin(build)


def laws(params: Mapping[str, float]) -> dict[str, WearLaw]:
    """How drive (by strokes) and battery (by time) wear; section 2 of the twins reference."""
    return {
        "drive": WearLaw(
            life_h=params["drive_life_strokes"],
            life_shape=params["drive_life_shape"],
            pf_min_h=params["drive_pf_min_strokes"],
            pf_max_h=max(params["drive_pf_max_strokes"], params["drive_pf_min_strokes"]),
            rise=params["drive_rise_a"],
            rise_spread=RISE_SPREAD,
            curvature=CURVATURE,
            curvature_spread=CURVATURE_SPREAD,
            per_use=True,
        ),
        "battery": WearLaw(
            life_h=params["battery_life_h"],
            life_shape=params["battery_life_shape"],
            pf_min_h=params["battery_pf_min_h"],
            pf_max_h=max(params["battery_pf_max_h"], params["battery_pf_min_h"]),
            rise=CAPACITY_LOST,
            rise_spread=0.0,
            curvature=1.0,
            curvature_spread=0.0,
        ),
    }


class BinTwin:
    """Bins as columns of shape ``(n,)``; the bins of one site share its sky."""

    def __init__(self, build: Build) -> None:
        params, streams = build.params, build.streams
        self._build = build
        self.laws: Mapping[str, WearLaw] = laws(params)

        def normal(purpose: str) -> Columns:
            return np.array([streams.normal(f"bin/{purpose}/{name}") for name in build.devices])

        spread = params["throw_spread"]
        derate = params["panel_derate"] * np.exp(DERATE_SPREAD * normal("derate"))
        self.bins = Bins(
            Habits(
                streams,
                build.devices,
                level_l_day=params["throw_l_day"] * np.exp(spread * normal("level")),
                start_ms=build.start_ms,
                rounds=round(params["rounds_per_day"]),
            ),
            Sky(
                streams,
                build.sites,
                latitude_deg=params["latitude_deg"],
                longitude_deg=params["longitude_deg"],
            ),
            start_ms=build.start_ms,
            devices_per_site=build.devices_per_site,
            derate=np.clip(derate, 0.15, 0.5),
            healthy_a=HEALTHY_A * np.exp(HEALTHY_SPREAD * normal("current")),
            params=params,
        )
        self._lean_deg = np.abs(LEAN_DEG * normal("lean"))
        self._rssi_dbm = RSSI_DBM + RSSI_SPREAD_DB * normal("rssi")
        self._reports = 0
        self._block_number, self._echo = -1, np.empty(0)

    def advance(self, to_ms: int) -> None:
        """Take every whole tick up to ``to_ms``."""
        self.bins.advance(to_ms)

    def uses(self, component: str) -> Columns:
        """Strokes of the drive, failed ones too (the one component that wears by use)."""
        assert component == "drive"
        return self.bins.compactions

    def measure(self) -> Columns:
        """True values of the interval, shape ``(n, 11)``, in the order of ``product.toml``.

        Fill is what the echo says before noise: errors of echoes are no function of the truth.
        """
        bins, interval = self.bins, self.bins.close_interval()
        truth = np.empty((len(bins.door), 11))
        truth[:, 0] = self._echo_pct()
        truth[:, 1] = bins.compactions
        truth[:, 2] = interval.press_a
        truth[:, 3] = model.battery_v(bins.soc, bins.charge_a, bins.shorted)
        truth[:, 4] = 1000.0 * interval.charge_a
        truth[:, 5] = interval.door
        truth[:, 6] = bins.locked
        truth[:, 7] = interval.hottest_c
        truth[:, 8] = np.maximum(self._lean_deg, bins.lean_deg)
        truth[:, 9] = self._rssi_dbm
        truth[:, 10] = ~(bins.broken | bins.shorted)
        self._reports += 1
        return truth

    def set_wear(self, device: int, component: str, *, damage: float, rise: float) -> None:
        """Take over damage: current of the drive, capacity of the battery, and their ends."""
        if component == "drive":
            self.bins.rise_a[device] = rise
            self.bins.broken[device] = damage >= 1.0
        else:
            self.bins.fade(device, lost=rise)
            self.bins.shorted[device] = damage >= 1.0

    def set_able(self, device: int, *, able: bool) -> None:
        """Nothing to do: :meth:`set_wear` tells which of the two components it is."""

    def command(self, device: int, name: str, args: Mapping[str, Any]) -> str | None:
        """``inhibit_compaction``, ``allow_compaction``, ``reset_jam`` (try once more)."""
        if args:
            return f"{name} takes no arguments, got {', '.join(sorted(args))}"
        if name == "reset_jam":
            self.bins.locked[device] = False
            return None
        if name not in ("inhibit_compaction", "allow_compaction"):
            there_are = "allow_compaction, inhibit_compaction, reset_jam"
            return f"unknown command {name!r}; there are: {there_are}"
        if name == "allow_compaction" and self.bins.broken[device]:
            return "the compactor drive is broken"
        self.bins.inhibited[device] = name == "inhibit_compaction"
        return None

    def in_service(self, device: int) -> bool:
        """Always: a battery ages and people throw things in, whatever the drive is told."""
        del device
        return True

    def inject(self, fault: str, device: int, params: Mapping[str, float], wear: Wear) -> None:
        """Let a fault of ``faults.py`` begin."""
        FAULTS[fault](self.bins, device, params, wear)

    def maintain(self, device: int, action: Action, component: str) -> None:
        """Cleaning frees the fill sensor, adjusting sets the bin up again; wear is core's."""
        del component
        if action == "clean":
            self.bins.dirty_until[device] = 0.0
        elif action == "adjust":
            self.bins.lean_deg[device] = 0.0

    def truth(self) -> Mapping[str, Columns]:
        """Waste, fill, battery, temperatures, and the motor current at half fill."""
        bins = self.bins
        return {
            "fill_pct": bins.fill_pct,
            "waste_l": bins.waste_l,
            "thrown_l": bins.thrown_l,
            "spilled_l": bins.spilled_l,
            "collected_l": bins.collected_l,
            "charge_share": bins.soc,
            "capacity_wh": bins.capacity_wh,
            "inside_c": bins.inside_c,
            "outdoor_c": bins.outdoor_c,
            "press_current_a": bins.healthy_a + bins.rise_a,
        }

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {"bins": self.bins.dump(), "reports": self._reports}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.bins.load(state["bins"])
        self._reports = state["reports"]

    def _echo_pct(self) -> Columns:
        """What the ultrasonic sensor takes for the fill: wild echoes, a foil, an open door.

        Half of the wild ones come from a fold of the bag (full), the others from anywhere.
        """
        number, row = divmod(self._reports, BLOCK)
        if number != self._block_number:
            self._block_number = number
            self._echo = np.array(
                [
                    self._build.streams.block(f"bin/echo/{device}", number).random((BLOCK, 2))
                    for device in self._build.devices
                ]
            )
        wild, where = self._echo[:, row, 0], self._echo[:, row, 1]
        pct = np.minimum(self.bins.fill_pct, 100.0)
        astray = np.where(where < 0.5, 100.0, 200.0 * (where - 0.5))
        pct = np.where(wild < self._build.params["wild_share"], astray, pct)
        pct = np.where(self.bins.door, 0.0, pct)
        return np.where(self.bins.ticks < self.bins.dirty_until, 100.0, pct)
