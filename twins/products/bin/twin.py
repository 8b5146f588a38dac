"""A fleet of bins: what they report, how they wear, what they obey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from twins.core.twin import Action, Build, Columns, Wear
from twins.core.wear import WearLaw
from twins.products.bin import echo, model
from twins.products.bin.bins import Bins, Flags
from twins.products.bin.dice import Dice
from twins.products.bin.faults import FAULTS, WEAR
from twins.products.bin.habits import (
    PARKS,
    SHY_OF_RAIN,
    WARM_PER_K,
    Clock,
    Crews,
    Demand,
    Habits,
    odd_bits,
)
from twins.products.bin.place import Places
from twins.products.bin.power import Power
from twins.products.bin.wearing import laws

HEALTHY_A, HEALTHY_SPREAD = 8.0, 0.05
"""Motor current of a new drive while pressing at half fill, and its log-spread (estimate)."""
DERATE_SPREAD = 0.25
"""Log-spread of what orientation and shade leave of the sun (0.15 to 0.5, section 1C)."""
RSSI_DBM, RSSI_SPREAD_DB = -76.0, 7.0
"""Radio signal and its spread between places (estimate)."""
LEAN_DEG = 0.8
"""How crooked bins stand (estimate)."""
AGES_FROM_C = 20.0
"""Above this a lead battery ages twice as fast per 10 K (S31: 8, 6, 4 years at 20, 25, 30)."""
WET_SHARE = 0.05
"""Readings without an echo while it rains: drops on the membrane (estimate)."""
FIRE_C, LOW_SHARE = 70.0, 0.2
"""What the bin itself takes for a fire (domain rule B11), and for a low battery (estimate)."""
FOLD_PCT = 110.0
"""A fold hangs well within the dead zone: the display is full, whatever the noise (estimate)."""


def build(build: Build) -> BinTwin:
    """Make the twin of one fleet; the ``entry`` of ``product.toml``."""
    return BinTwin(build)


class BinTwin:
    """Bins as columns of shape ``(n,)``; the bins of one site share its sky."""

    def __init__(self, build: Build) -> None:
        params = build.params
        self._build, self._streams = build, build.streams
        self.laws: Mapping[str, WearLaw] = laws(params)
        clock = Clock.of(start_ms=build.start_ms, report_every_ms=build.report_every_ms)
        weather = build.weather
        self._compacting = params["compacting"] >= 1.0
        derate = params["panel_derate"] * np.exp(DERATE_SPREAD * self._normal("derate"))
        self.bins = Bins(
            self._habits(clock),
            Power(
                model.CELLS if params["battery_kind"] >= 1.0 else model.Battery(),
                derate=np.clip(derate, 0.15, 0.5),
                step_h=clock.step_h,
                reports=clock.step_ms / build.report_every_ms,
                worn=params["battery_worn"],
            ),
            clock=clock,
            devices_per_site=build.devices_per_site,
            healthy_a=HEALTHY_A * np.exp(HEALTHY_SPREAD * self._normal("current")),
            box=model.Box(full_l=self._full_l, compacting=self._compacting),
            crews=Crews(
                p0=params["round_p0"],
                power=params["round_power"],
                schedule_days=params["schedule_days"],
                missed=params["missed_share"],
                bag_forgotten=params["bag_forgotten_share"],
            ),
            places=Places(
                self._streams,
                build.devices,
                latitude_deg=weather.latitude_deg,
                longitude_deg=weather.longitude_deg,
            ),
            jam_per_stroke=params["jam_per_stroke"] * build.random_faults,
            around=(weather, build.calendar),
        )
        self._lean_deg = np.abs(LEAN_DEG * self._normal("lean"))
        self._rssi_dbm = RSSI_DBM + RSSI_SPREAD_DB * self._normal("rssi")
        self._drift_sign = np.sign(self._normal("drift"))
        self.drift_cm = np.zeros(len(build.devices))
        self.mute: Flags = np.zeros(len(build.devices), dtype=np.bool_)

    def _normal(self, purpose: str) -> Columns:
        devices = self._build.devices
        return np.array([self._streams.normal(f"bin/{purpose}/{name}") for name in devices])

    def _habits(self, clock: Clock) -> Habits:
        build, seed, params = self._build, self._streams.seed, self._build.params
        town = Dice(seed, "site", build.sites)
        shy, park = (np.repeat(town.uniforms(of), build.devices_per_site) for of in (0, 1))
        merry = Dice(seed, "festival", build.devices).uniforms(0)
        size = np.exp(params["insert_spread"] * self._normal("size"))
        self._full_l = params["insert_l"] * size
        return Habits(
            seed,
            build.devices,
            build.sites,
            clock=clock,
            demand=Demand(
                level_l_day=params["throw_l_day"]
                * size
                * np.exp(params["throw_spread"] * self._normal("level")),
                merry=merry < params["festival_share"],
                shy=SHY_OF_RAIN[0] + (SHY_OF_RAIN[1] - SHY_OF_RAIN[0]) * shy,
                warm_per_k=np.where(park < PARKS, WARM_PER_K, 0.0),
                festival_day=params["festival_day"],
                festival_days=params["festival_days"],
                festival_factor=params["festival_factor"],
                events_per_year=params["events_per_year"],
            ),
            rounds=round(params["rounds_per_day"]),
        )

    def advance(self, to_ms: int) -> None:
        """Take every whole step up to ``to_ms``."""
        self.bins.advance(to_ms)

    def uses(self, component: str) -> Columns:
        """Strokes of the drive, failed ones too; openings of the hopper."""
        return self.bins.compactions if component == "drive" else self.bins.openings

    def stress(self, component: str) -> Columns:
        """A lead battery ages by its temperature; the others as drawn."""
        if component != "battery":
            return np.ones(len(self.mute))
        faster: Columns = np.exp2(np.maximum(self.bins.inside_c - AGES_FROM_C, 0.0) / 10.0)
        return np.minimum(faster, 8.0)

    def measure(self) -> Columns:
        """True values of the interval, shape ``(n, 15)``, in the order of ``product.toml``.

        Fill is what the echo says before noise: errors of echoes are no function of the truth.
        A bin that does not compact has no drive, and one with cells no charge, to tell of.
        """
        bins, fixes = self.bins, self.bins.fixes
        interval = bins.close_interval()
        said = np.empty((len(self.mute), 15))
        said[:, 0] = self._echo_pct()
        said[:, 1] = bins.compactions if self._compacting else np.nan
        said[:, 2] = interval.press_a
        said[:, 3] = bins.power.volts()
        said[:, 4] = 1000.0 * interval.charge_a if bins.power.battery.panel_w else np.nan
        said[:, 5] = interval.door
        said[:, 6] = bins.openings
        said[:, 7] = bins.locked | bins.hopper_stuck
        said[:, 8] = interval.hottest_c
        said[:, 9] = bins.odour
        said[:, 10] = np.maximum(self._lean_deg + bins.lean_deg, interval.peak_deg)
        said[:, 11:13] = np.nan
        if fixes is not None:
            said[:, 11:13] = bins.places.fix_deg(fixes, bins.steps * bins.clock.step_h)
        said[:, 13] = self._rssi_dbm
        said[:, 14] = ~(bins.broken | bins.power.shorted)
        lost = bins.sensor_lost | self.mute
        if lost.any():
            said[lost, 0] = np.nan
            said[bins.sensor_lost, 9] = np.nan
        return said

    def set_wear(self, device: int, component: str, *, damage: float, rise: float) -> None:
        """Take over damage: what each component does to signals, and its end."""
        bins, gone = self.bins, damage >= 1.0
        if component == "drive":
            bins.rise_a[device], bins.broken[device] = rise, gone
        elif component == "battery":
            bins.power.fade(device, lost=rise)
            bins.power.shorted[device] = gone
        elif component == "panel":
            bins.power.panel[device] = 1.0 - min(rise, 0.95)
        elif component == "fill_sensor":
            self.drift_cm[device], self.mute[device] = self._drift_sign[device] * rise, gone
        elif gone:
            bins.hopper_stuck[device] = True
        bins.rearm(np.array([device]))

    def set_able(self, device: int, *, able: bool) -> None:
        """Nothing to do: :meth:`set_wear` tells which component it is."""

    def maintain(self, device: int, action: Action, component: str) -> None:
        """Somebody worked on a component: undo what the product itself keeps of it.

        That is dirt, a fold or a slipped bag, a lean, a jam, an empty battery.
        """
        bins = self.bins
        if action in ("clean", "replace", "overhaul"):
            if component == "fill_sensor":
                for what in ("fold", "dirt"):
                    bins.clear_sight(device, what)
            elif component == "panel":
                bins.power.dirt[device] = 1.0
            elif component == "drive":
                bins.stuck[device] = bins.locked[device] = False
            elif component == "hopper":
                bins.hopper_stuck[device] = False
            elif action == "replace":
                bins.power.renew(device)
        elif action == "adjust":
            bins.lean_deg[device] = 0.0
            bins.clear_sight(device, "slip")
        bins.rearm(np.array([device]))

    def empty(self, device: int, *, bag_forgotten: bool = False) -> float:
        """A crew of somebody else's empties a bin now; litres as thrown in that it takes away.

        The crews built in come besides unless ``rounds_per_day`` is 0.
        """
        return float(self.bins.collect(np.array([device]), forgotten=bag_forgotten)[0])

    def command(self, device: int, name: str, args: Mapping[str, Any]) -> str | None:
        """``inhibit_compaction``, ``allow_compaction``, ``reset_jam`` (try once more)."""
        del args
        if not self._compacting:
            return "this bin does not compact"
        if name == "allow_compaction" and self.bins.broken[device]:
            return "the compactor drive is broken"
        if name == "reset_jam":
            self.bins.locked[device] = False
        else:
            self.bins.inhibited[device] = name == "inhibit_compaction"
        self.bins.rearm(np.array([device]))
        return None

    def configure(self, device: int, values: Mapping[str, float]) -> str | None:
        """Take over how much loose waste starts a compaction, and when the ram rests."""
        if not self._compacting:
            return "this bin does not compact"
        self.bins.loose_l[device] = values["compact_loose_l"]
        self.bins.quiet_h[:, device] = values["quiet_from_h"], values["quiet_to_h"]
        self.bins.rearm(np.array([device]))
        return None

    def states(self) -> Mapping[str, Flags]:
        """Fire, door, jam and battery, as the bin knows them."""
        bins = self.bins
        return {
            "fire": bins.inside_c > FIRE_C,
            "jam_lockout": bins.locked,
            "door_open": bins.door,
            "low_battery": bins.power.soc < LOW_SHARE,
        }

    def in_service(self, device: int) -> bool:
        """Always: a battery ages and people throw things in, whatever the drive is told."""
        del device
        return True

    def inject(self, fault: str, device: int, params: Mapping[str, float], wear: Wear) -> None:
        """Let a fault of ``faults.py`` begin."""
        if fault in WEAR:
            WEAR[fault](device, params, wear)
        else:
            FAULTS[fault](self.bins, device, params)

    def truth(self) -> Mapping[str, Columns]:
        """Waste, fill, collections, energy, temperatures, and the current at half fill."""
        bins, power = self.bins, self.bins.power
        return {
            "fill_pct": bins.fill_pct,
            "waste_l": bins.waste_l,
            "thrown_l": bins.thrown_l,
            "spilled_l": bins.spilled_l,
            "collected_l": bins.collected_l,
            "collections": bins.collections,
            "needless_stops": bins.needless,
            "emptied_pct": bins.emptied_pct,
            "stroke_left": bins.stroke_left,
            "charge_share": power.soc,
            "capacity_wh": power.capacity_wh,
            "energy_wh": power.energy_wh,
            "charged_wh": power.charged_wh,
            "used_wh": power.used_wh,
            "inside_c": bins.inside_c,
            "outdoor_c": bins.outdoor_c,
            "press_current_a": bins.healthy_a + bins.rise_a,
        }

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        sensor = {"drift_cm": self.drift_cm, "mute": self.mute}
        return {"bins": self.bins.dump(), "sensor": sensor}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.bins.load(state["bins"])
        self.drift_cm, self.mute = state["sensor"]["drift_cm"], state["sensor"]["mute"]

    def _echo_pct(self) -> Columns:
        """What the ultrasonic sensor takes for the fill, NaN without an echo.

        Few readings are odd: those whose pings went astray or that hit a wet sensor, and those
        of bins with a fold, dirt, a slipped bag or an open door.
        """
        bins = self.bins
        heard_cm = echo.heard_cm(bins.fill_pct, bins.inside_c, self.drift_cm)
        pct = echo.shown_pct(heard_cm)
        draw = odd_bits(bins.words)
        at = (draw < self._build.params["wild_share"] + WET_SHARE).nonzero()[0]
        if at.size and bins.steps:
            draw, wild = draw[at], self._build.params["wild_share"]
            astray = echo.astray_pct(pct[at], np.minimum(draw / max(wild, 1e-9), 1.0))
            wet = np.where(bins.rain[at], np.nan, pct[at])
            pct[at] = np.where(draw < wild, astray, wet)
        for device in bins.odd.nonzero()[0].tolist():
            pct[device] = self._odd_pct(device, float(pct[device]), float(heard_cm[device]))
        return pct

    def _odd_pct(self, device: int, pct: float, heard_cm: float) -> float:
        """A reading of a bin whose sensor does not see the waste as it should."""
        bins = self.bins
        if bins.door[device]:
            return 0.0
        if bins.fold[device]:
            return FOLD_PCT
        if bins.slip_pct[device]:
            return max(pct - float(bins.slip_pct[device]), 0.0)
        name = f"bin/dirt/{self._build.devices[device]}"
        reading_cm = echo.median_of_pings(
            heard_cm,
            self._streams.block(name, bins.steps),
            lost=float(bins.dirt_lost[device]),
            wild=float(bins.dirt_wild[device]),
        )
        return float(echo.shown_pct(np.array(reading_cm)))
