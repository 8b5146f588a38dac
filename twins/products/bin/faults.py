"""Faults of a bin that a scenario may inject; ``product.toml`` names them and their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from twins.core.twin import Wear
from twins.products.bin.bins import BURNS_H, Bins

HOUR_MS = 3_600_000
BLOW = 1.5
"""A blow swings a bin so much farther than it stays (estimate)."""

Params = Mapping[str, float]
Fault = Callable[[Bins, int, Params], None]


def _wears(component: str) -> Callable[[int, Params, Wear], None]:
    """Damage begins ``onset`` from now and runs ``pf_interval``: hours, or uses."""

    def wear(device: int, params: Params, wears: Wear) -> None:
        onset_ms, pf_ms = (round(params[name] * HOUR_MS) for name in ("onset", "pf_interval"))
        wears.force(device, component, onset_ms=onset_ms, pf_ms=pf_ms)

    return wear


def jam(bins: Bins, device: int, params: Params) -> None:
    """Something blocks the ram: the next compaction fails; a crew takes it out with the bag."""
    del params
    bins.state.stuck[device] = True


def hopper_jam(bins: Bins, device: int, params: Params) -> None:
    """The hopper does not open: nothing gets in, and what people bring lies beside the bin."""
    del params
    bins.state.hopper_stuck[device] = True


def stuck_door(bins: Bins, device: int, params: Params) -> None:
    """The service door stays open until a crew shuts it; an open bin does not compact."""
    del params
    bins.state.door[device] = bins.state.odd[device] = True
    bins.rearm(np.array([device]))


def shade(bins: Bins, device: int, params: Params) -> None:
    """Something stands before the panel, and ``share`` of the sun is left for ``lasting`` hours."""
    bins.power.cells.shade[device] = params["share"]
    bins.end_after(params["lasting"], "shade", device)


def dirty_panel(bins: Bins, device: int, params: Params) -> None:
    """Dirt lies on the panel and takes ``share`` of its sun until somebody cleans it."""
    bins.power.cells.dirt[device] = 1.0 - params["share"]


def bag_fold(bins: Bins, device: int, params: Params) -> None:
    """A fold of the bag or a foil hangs before the fill sensor, which reads full."""
    bins.state.fold[device] = bins.state.odd[device] = True
    bins.end_after(params["lasting"], "fold", device)


def dirty_sensor(bins: Bins, device: int, params: Params) -> None:
    """Dirt on the fill sensor: pings without echo and pings that hear something else."""
    bins.state.dirt_lost[device], bins.state.dirt_wild[device] = params["lost"], params["wild"]
    bins.state.odd[device] = True
    bins.end_after(params["lasting"], "dirt", device)


def false_empty(bins: Bins, device: int, params: Params) -> None:
    """The bag slips aside and the echo comes from beside it: fill drops, nobody opened a door."""
    bins.state.slip_pct[device], bins.state.odd[device] = params["drop"], True
    bins.end_after(params["lasting"], "slip", device)


def bag_not_replaced(bins: Bins, device: int, params: Params) -> None:
    """There is no bag in the insert: it smells sooner, and the next crew leaves some behind."""
    del params
    bins.state.bagless[device] = True


def knock(bins: Bins, device: int, params: Params) -> None:
    """Somebody knocks the bin over: a swing, and an angle that stays until a crew comes."""
    bins.state.lean_deg[device] = params["angle"]
    bins.state.peak_deg[device] = min(BLOW * params["angle"], 180.0)


def fire(bins: Bins, device: int, params: Params) -> None:
    """It burns: the inside warms by ``rate``, until the sensors in the lid are lost."""
    bins.state.fire_k_min[device] = params["rate"]
    bins.end_after(BURNS_H, "fire", device)


def event(bins: Bins, device: int, params: Params) -> None:
    """A festival: ``factor`` times as much is thrown in, for ``lasting`` hours."""
    bins.state.busy[device] = params["factor"]
    bins.look_busy()
    bins.end_after(params["lasting"], "event", device)


def gps_drift(bins: Bins, device: int, params: Params) -> None:
    """The position fixes walk away, though the bin stands where it stood."""
    now_h = bins.steps * bins.clock.step_h
    bins.places.drift(device, m_per_day=params["m_per_day"], from_h=now_h)
    bins.end_after(params["lasting"], "gps", device)


FAULTS: Mapping[str, Fault] = {
    "jam": jam,
    "hopper_jam": hopper_jam,
    "stuck_door": stuck_door,
    "shade": shade,
    "dirty_panel": dirty_panel,
    "bag_fold": bag_fold,
    "dirty_sensor": dirty_sensor,
    "false_empty": false_empty,
    "bag_not_replaced": bag_not_replaced,
    "knock": knock,
    "fire": fire,
    "event": event,
    "gps_drift": gps_drift,
}
WEAR: Mapping[str, Callable[[int, Params, Wear], None]] = {
    "drive_wear": _wears("drive"),
    "battery_ageing": _wears("battery"),
    "panel_wear": _wears("panel"),
    "fill_sensor_wear": _wears("fill_sensor"),
    "hopper_wear": _wears("hopper"),
}
