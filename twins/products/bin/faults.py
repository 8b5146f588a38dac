"""Faults of a bin that a scenario may inject; ``product.toml`` names them and their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twins.core.twin import Wear
from twins.products.bin.bins import BURNS_H, Bins

HOUR_MS = 3_600_000

Fault = Callable[[Bins, int, Mapping[str, float], Wear], None]


def drive_wear(bins: Bins, device: int, params: Mapping[str, float], wear: Wear) -> None:
    """Damage of the drive begins ``onset`` strokes from now and runs ``pf_interval`` strokes."""
    del bins
    onset_ms, pf_ms = (round(params[name] * HOUR_MS) for name in ("onset", "pf_interval"))
    wear.force(device, "drive", onset_ms=onset_ms, pf_ms=pf_ms)


def battery_ageing(bins: Bins, device: int, params: Mapping[str, float], wear: Wear) -> None:
    """The battery begins to lose capacity ``onset`` hours from now, for ``pf_interval`` hours."""
    del bins
    onset_ms, pf_ms = (round(params[name] * HOUR_MS) for name in ("onset", "pf_interval"))
    wear.force(device, "battery", onset_ms=onset_ms, pf_ms=pf_ms)


def jam(bins: Bins, device: int, params: Mapping[str, float], wear: Wear) -> None:
    """Something blocks the ram: the next compaction fails; a crew takes it out with the bag."""
    del params, wear
    bins.stuck[device] = True


def shade(bins: Bins, device: int, params: Mapping[str, float], wear: Wear) -> None:
    """Something stands before the panel, and ``share`` of the sun is left for ``lasting`` hours."""
    del wear
    bins.shade[device] = params["share"]
    bins.shade_until[device] = bins.until(params["lasting"])


def dirty_sensor(bins: Bins, device: int, params: Mapping[str, float], wear: Wear) -> None:
    """A foil hangs before the fill sensor, which reads full for ``lasting`` hours."""
    del wear
    bins.dirty_until[device] = bins.until(params["lasting"])


def fire(bins: Bins, device: int, params: Mapping[str, float], wear: Wear) -> None:
    """It burns: the inside warms by ``rate``, until the temperature sensor is lost."""
    del wear
    bins.burns_until[device] = bins.until(BURNS_H)
    bins.fire_k_min[device] = params["rate"]


def knock(bins: Bins, device: int, params: Mapping[str, float], wear: Wear) -> None:
    """Somebody knocks the bin over; the angle stays until a crew sets it up again."""
    del wear
    bins.lean_deg[device] = params["angle"]


def stuck_door(bins: Bins, device: int, params: Mapping[str, float], wear: Wear) -> None:
    """The service door stays open until a crew shuts it; an open bin does not compact."""
    del params, wear
    bins.door[device] = True


def event(bins: Bins, device: int, params: Mapping[str, float], wear: Wear) -> None:
    """A festival: ``factor`` times as much is thrown in, for ``lasting`` hours."""
    del wear
    bins.busy[device] = params["factor"]
    bins.busy_until[device] = bins.until(params["lasting"])


FAULTS: Mapping[str, Fault] = {
    "drive_wear": drive_wear,
    "battery_ageing": battery_ageing,
    "jam": jam,
    "shade": shade,
    "dirty_sensor": dirty_sensor,
    "fire": fire,
    "knock": knock,
    "stuck_door": stuck_door,
    "event": event,
}
