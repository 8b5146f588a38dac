"""A fleet of bins: what they report, how they wear, what they obey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.twin import Action, Build, Columns, Wear
from twins.core.wear import WearLaw
from twins.products.bin import echo
from twins.products.bin.bins import Bins
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
)
from twins.products.bin.kernels import Box, Flags, State
from twins.products.bin.place import Places
from twins.products.bin.power import CELLS, Battery, Power
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
FIRE_C, LOW_SHARE = 70.0, 0.2
"""What the bin itself takes for a fire (domain rule B11), and for a low battery (estimate)."""


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
                CELLS if params["battery_kind"] >= 1.0 else Battery(),
                derate=np.clip(derate, 0.15, 0.5),
                step_h=clock.step_h,
                reports=clock.step_ms / build.report_every_ms,
                worn=params["battery_worn"],
            ),
            clock=clock,
            devices_per_site=build.devices_per_site,
            box=Box(
                full_l=self._full_l,
                healthy_a=HEALTHY_A * np.exp(HEALTHY_SPREAD * self._normal("current")),
                compacting=self._compacting,
                jam_per_stroke=params["jam_per_stroke"] * build.random_faults,
            ),
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
            around=(weather, build.calendar),
        )
        self._lean_deg = np.abs(LEAN_DEG * self._normal("lean"))
        self._rssi_dbm = RSSI_DBM + RSSI_SPREAD_DB * self._normal("rssi")
        self._drift_sign = np.sign(self._normal("drift"))
        self.drift_cm = np.zeros(len(build.devices))
        self.mute: Flags = np.zeros(len(build.devices), dtype=np.bool_)
        self._said = np.full((15, len(build.devices)), np.nan)
        self._said[13] = self._rssi_dbm
        state = self.bins.state
        seen = {name: getattr(state, name) for name in echo.Sight._fields if name in State._fields}
        self._sight = echo.Sight(
            **seen, full_l=self._full_l, drift_cm=self.drift_cm, mute=self.mute,
            burnt=state.sensor_lost,
        )  # fmt: skip

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
        state = self.bins.state
        return state.compactions if component == "drive" else state.openings

    def stress(self, component: str) -> Columns:
        """A lead battery ages by its temperature; the others as drawn."""
        if component != "battery":
            return np.ones(len(self.mute))
        faster: Columns = np.exp2(np.maximum(self.bins.state.inside_c - AGES_FROM_C, 0.0) / 10.0)
        return np.minimum(faster, 8.0)

    def measure(self) -> Columns:
        """True values of the interval, shape ``(n, 15)``, in the order of ``product.toml``.

        Good until the next are told. Fill is what the echo says before noise: errors of echoes are
        no function of the truth. A bin that does not compact has no drive to tell of.
        """
        bins, said = self.bins, self._said
        echo.read(self._sight, self._build.params["wild_share"], said[0])
        fixes = bins.fixes
        said[11:13] = np.nan
        if fixes is not None:
            said[11:13] = bins.places.fix_deg(fixes, bins.steps * bins.clock.step_h).T
        bins.tell(said, self._lean_deg)
        if not self._compacting:
            said[1] = np.nan
        np.logical_or(bins.state.broken, bins.power.cells.shorted, out=said[14])
        np.subtract(1.0, said[14], out=said[14])
        return said.T

    def set_wear(self, device: int, component: str, *, damage: float, rise: float) -> None:
        """Take over damage: what each component does to signals, and its end."""
        here = np.array([device])
        self.take_wear(component, here, damage=np.array([damage]), rise=np.array([rise]))

    def take_wear(
        self, component: str, devices: NDArray[np.int64], *, damage: Columns, rise: Columns
    ) -> None:
        """As :meth:`set_wear`, of many."""
        state, power, gone = self.bins.state, self.bins.power, damage >= 1.0
        if component == "drive":
            state.rise_a[devices], state.broken[devices] = rise, gone
        elif component == "battery":
            power.fade(devices, lost=rise)
            power.cells.shorted[devices] = gone
        elif component == "panel":
            power.cells.panel[devices] = 1.0 - np.minimum(rise, 0.95)
        elif component == "fill_sensor":
            self.drift_cm[devices] = self._drift_sign[devices] * rise
            self.mute[devices] = gone
        else:
            state.hopper_stuck[devices] |= gone
        self.bins.rearm(devices)

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
                bins.power.cells.dirt[device] = 1.0
            elif component == "drive":
                bins.state.stuck[device] = bins.state.locked[device] = False
            elif component == "hopper":
                bins.state.hopper_stuck[device] = False
            elif action == "replace":
                bins.power.renew(device)
        elif action == "adjust":
            bins.state.lean_deg[device] = 0.0
            bins.clear_sight(device, "slip")
        bins.rearm(np.array([device]))

    def empty(self, device: int, *, bag_forgotten: bool = False) -> float:
        """A crew of somebody else's empties a bin now; litres as thrown in that it takes away.

        The crews built in come besides unless ``rounds_per_day`` is 0.
        """
        return float(self.bins.collect(np.array([device]), forgotten=bag_forgotten)[0])

    def place_km(self, device: int) -> tuple[float, float]:
        """Where a bin really stands, km east and north of the middle of the region."""
        return self.bins.places.home_km(device)

    def divert(self, device: int, other: int, share: float) -> None:
        """Let people take a share of their waste to another bin; 0: to this one again.

        An event at one of the two is over with it: there is one figure for how busy a bin is.
        """
        level = self.bins.habits.level_l_day
        busy = self.bins.state.busy
        busy[device] = 1.0 - share
        busy[other] = 1.0 + share * float(level[device] / level[other])
        self.bins.look_busy()

    def command(self, device: int, name: str, args: Mapping[str, Any]) -> str | None:
        """``inhibit_compaction``, ``allow_compaction``, ``reset_jam`` (try once more)."""
        del args
        if not self._compacting:
            return "this bin does not compact"
        if name == "allow_compaction" and self.bins.state.broken[device]:
            return "the compactor drive is broken"
        if name == "reset_jam":
            self.bins.state.locked[device] = False
        else:
            self.bins.state.inhibited[device] = name == "inhibit_compaction"
        self.bins.rearm(np.array([device]))
        return None

    def configure(self, device: int, values: Mapping[str, float]) -> str | None:
        """Take over how much loose waste starts a compaction, and when the ram rests."""
        if not self._compacting:
            return "this bin does not compact"
        state = self.bins.state
        state.loose_l[device] = values["compact_loose_l"]
        state.quiet_from_h[device] = values["quiet_from_h"]
        state.quiet_to_h[device] = values["quiet_to_h"]
        self.bins.rearm(np.array([device]))
        return None

    def states(self) -> Mapping[str, Flags]:
        """Fire, door, jam and battery, as the bin knows them."""
        state = self.bins.state
        return {
            "fire": state.inside_c > FIRE_C,
            "jam_lockout": state.locked,
            "door_open": state.door,
            "low_battery": self.bins.power.cells.soc < LOW_SHARE,
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
        bins, state, cells = self.bins, self.bins.state, self.bins.power.cells
        return {
            "fill_pct": bins.fill_pct,
            "waste_l": state.waste_l,
            "thrown_l": state.thrown_l,
            "spilled_l": state.spilled_l,
            "collected_l": state.collected_l,
            "collections": state.collections,
            "needless_stops": state.needless,
            "emptied_pct": state.emptied_pct,
            "stroke_left": state.stroke_left,
            "charge_share": cells.soc,
            "capacity_wh": cells.capacity_wh,
            "energy_wh": cells.energy_wh,
            "charged_wh": cells.charged_wh,
            "used_wh": cells.used_wh,
            "inside_c": state.inside_c,
            "outdoor_c": state.outdoor_c,
            "press_current_a": bins.box.healthy_a + state.rise_a,
        }

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        sensor = {"drift_cm": self.drift_cm, "mute": self.mute}
        return {"bins": self.bins.dump(), "sensor": sensor}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.bins.load(state["bins"])
        self.drift_cm[:], self.mute[:] = state["sensor"]["drift_cm"], state["sensor"]["mute"]
