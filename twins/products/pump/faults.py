"""Faults of pump and station; ``product.toml`` says their parameters and how often they come."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from twins.core.twin import Wear
from twins.products.pump.model import HOUR_MS
from twins.products.pump.works import Works

Given = Mapping[str, float]
Fault = Callable[[Works, int, Given, Wear], None]


def _forced(component: str) -> Fault:
    """Damage of a component begins ``onset`` hours from now and runs ``pf_interval`` hours."""

    def begin(works: Works, pump: int, params: Given, wear: Wear) -> None:
        del works
        onset_ms, pf_ms = (round(params[name] * HOUR_MS) for name in ("onset", "pf_interval"))
        wear.force(pump, component, onset_ms=onset_ms, pf_ms=pf_ms)

    return begin


def _ground(component: str) -> Fault:
    """Grit: the component is worn through after ``pf_interval`` run hours."""

    def begin(works: Works, pump: int, params: Given, wear: Wear) -> None:
        del wear
        works.grinding[component].hasten(pump, params["pf_interval"])

    return begin


def clog(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """A lump of rags in the impeller: mode 1 takes flow, mode 2 takes power (S7)."""
    del wear
    at = works.place(pump)
    works.ills.clog[at] = max(works.ills.clog[at], params["size"])
    works.ills.clog_mode[at] = params["mode"]
    works.rags.self_clean[pump] = params["self_clean"]
    works.rags.settle(pump)


def ragging(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """Wipes in the sewage: rags come with the pumped water for ``lasting`` hours."""
    del wear
    works.rags.begin(pump, until_ms=works.now_ms + params["lasting"] * HOUR_MS, params=params)


def imbalance(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """A vane is chipped: vibration at full speed is ``ratio`` times the healthy one."""
    del wear
    works.ills.imbalance[works.place(pump)] = math.sqrt(params["ratio"] ** 2 - 1.0)


def misalignment(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """Set back crookedly after a visit: a step in vibration, a warmer bearing that wears faster."""
    del wear
    at = works.place(pump)
    works.ills.misaligned[at] = math.sqrt(params["ratio"] ** 2 - 1.0)
    works.ills.misaligned_k[at] = params["warm"]


def check_valve_stuck(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """The check valve does not shut: water runs back while the pump stands."""
    del wear
    works.ills.backflow[works.place(pump)] = params["leak_pct"] / 100.0


def valve_closing(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """The discharge valve is partly shut: the pump alone delivers ``loss_pct`` less."""
    del wear
    works.ills.valve[works.place(pump)] = (1.0 - params["loss_pct"] / 100.0) ** -2 - 1.0


def cavitation(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """The suction side is blocked: NPSH falls by ``loss_m``, and the flow slides down."""
    del wear
    works.ills.suction_m[works.place(pump)] = params["loss_m"]


def cooling_blocked(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """Sludge in the cooling jacket: the winding warms ``factor`` times as much under load."""
    del wear
    works.ills.cooling[works.place(pump)] = params["factor"] - 1.0


def level_drift(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """The station's level sensor drifts, and the control believes it."""
    del wear
    station, _ = works.place(pump)
    works.ills.drift_m_s[station] = params["mm_per_day"] / 1000.0 / 86_400.0
    works.ills.drift_from_s[station] = works.now_s


def level_grease(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """Grease on the level sensor: it shows ``offset_m`` too much for ``lasting`` hours."""
    del wear
    station, _ = works.place(pump)
    works.ills.grease_m[station] = params["offset_m"]
    works.ills.grease_until_s[station] = works.now_s + params["lasting"] * 3600.0


def mains_loss(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """The station loses its mains for ``lasting`` hours, up to the report that follows."""
    del wear
    works.lose_mains(works.place(pump)[0], hours=params["lasting"])


def infiltration_storm(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """It pours on the catchment, so many mm/h for so many hours."""
    del wear
    works.catchments.storm(
        works.place(pump)[0],
        mm_h=params["rain_mm_h"],
        until_ms=works.now_ms + params["lasting"] * HOUR_MS,
    )


def counter_rollover(works: Works, pump: int, params: Given, wear: Wear) -> None:
    """The registers of both counters are full after so many run hours and starts more."""
    del wear
    at = works.place(pump)
    works.ills.hours_limit[at] = works.hours_of(pump) + params["after_h"]
    works.ills.starts_limit[at] = works.starts_of(pump) + round(params["after_starts"])


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
