"""Faults of pump and station; ``product.toml`` says their parameters and how often they come."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from twins.core.twin import Wear
from twins.products.pump.model import HOUR_MS

if TYPE_CHECKING:
    from twins.products.pump.twin import PumpTwin

Given = Mapping[str, float]
Fault = Callable[["PumpTwin", int, Given, Wear], None]


def _forced(component: str) -> Fault:
    """Damage of a component begins ``onset`` hours from now and runs ``pf_interval`` hours."""

    def begin(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
        del twin
        onset_ms, pf_ms = (round(params[name] * HOUR_MS) for name in ("onset", "pf_interval"))
        wear.force(pump, component, onset_ms=onset_ms, pf_ms=pf_ms)

    return begin


def _ground(component: str) -> Fault:
    """Grit: the component is worn through after ``pf_interval`` run hours."""

    def begin(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
        del wear
        twin.grinding[component].hasten(pump, params["pf_interval"])

    return begin


def clog(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """A lump of rags in the impeller: mode 1 takes flow, mode 2 takes power (S7)."""
    del wear
    at = twin.place(pump)
    twin.ills.clog[at] = max(twin.ills.clog[at], params["size"])
    twin.ills.clog_mode[at] = params["mode"]
    twin.rags.self_clean[pump] = params["self_clean"]
    twin.rags.settle(pump)


def ragging(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """Wipes in the sewage: rags come with the pumped water for ``lasting`` hours."""
    del wear
    twin.rags.begin(pump, until_ms=twin.now_ms + params["lasting"] * HOUR_MS, params=params)


def imbalance(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """A vane is chipped: vibration at full speed is ``ratio`` times the healthy one."""
    del wear
    twin.ills.imbalance[twin.place(pump)] = math.sqrt(params["ratio"] ** 2 - 1.0)


def misalignment(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """Set back crookedly after a visit: a step in vibration, a warmer bearing that wears faster."""
    del wear
    at = twin.place(pump)
    twin.ills.misaligned[at] = math.sqrt(params["ratio"] ** 2 - 1.0)
    twin.ills.misaligned_k[at] = params["warm"]


def check_valve_stuck(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """The check valve does not shut: water runs back while the pump stands."""
    del wear
    twin.ills.backflow[twin.place(pump)] = params["leak_pct"] / 100.0


def valve_closing(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """The discharge valve is partly shut: the pump alone delivers ``loss_pct`` less."""
    del wear
    twin.ills.valve[twin.place(pump)] = (1.0 - params["loss_pct"] / 100.0) ** -2 - 1.0


def cavitation(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """The suction side is blocked: NPSH falls by ``loss_m``, and the flow slides down."""
    del wear
    twin.ills.suction_m[twin.place(pump)] = params["loss_m"]


def cooling_blocked(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """Sludge in the cooling jacket: the winding warms ``factor`` times as much under load."""
    del wear
    twin.ills.cooling[twin.place(pump)] = params["factor"] - 1.0


def level_drift(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """The station's level sensor drifts, and the control believes it."""
    del wear
    station, _ = twin.place(pump)
    twin.ills.drift_m_s[station] = params["mm_per_day"] / 1000.0 / 86_400.0
    twin.ills.drift_from_s[station] = twin.now_s


def level_grease(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """Grease on the level sensor: it shows ``offset_m`` too much for ``lasting`` hours."""
    del wear
    station, _ = twin.place(pump)
    twin.ills.grease_m[station] = params["offset_m"]
    twin.ills.grease_until_s[station] = twin.now_s + params["lasting"] * 3600.0


def mains_loss(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """The station loses its mains for ``lasting`` hours, up to the report that follows."""
    del wear
    twin.lose_mains(twin.place(pump)[0], hours=params["lasting"])


def infiltration_storm(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """It pours on the catchment, so many mm/h for so many hours."""
    del wear
    twin.catchments.storm(
        twin.place(pump)[0],
        mm_h=params["rain_mm_h"],
        until_ms=twin.now_ms + params["lasting"] * HOUR_MS,
    )


def counter_rollover(twin: PumpTwin, pump: int, params: Given, wear: Wear) -> None:
    """The registers of both counters are full after so many run hours and starts more."""
    del wear
    at = twin.place(pump)
    twin.ills.hours_limit[at] = twin.hours_of(pump) + params["after_h"]
    twin.ills.starts_limit[at] = twin.starts_of(pump) + round(params["after_starts"])


FAULTS: Mapping[str, Fault] = {
    "bearing_wear": _forced("bearing"),
    "seal_leak": _forced("seal"),
    "winding_decay": _forced("winding"),
    "impeller_wear": _ground("impeller"),
    "ring_wear": _ground("ring"),
    "clog": clog,
    "ragging": ragging,
    "imbalance": imbalance,
    "misalignment": misalignment,
    "check_valve_stuck": check_valve_stuck,
    "valve_closing": valve_closing,
    "cavitation": cavitation,
    "cooling_blocked": cooling_blocked,
    "level_drift": level_drift,
    "level_grease": level_grease,
    "mains_loss": mains_loss,
    "infiltration_storm": infiltration_storm,
    "counter_rollover": counter_rollover,
}
