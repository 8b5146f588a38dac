"""Levels at which stations switch, as volumes: level control, dry-run probe, high-level float."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.products.pump.guards import DRY_BACK_M
from twins.products.pump.model import Columns, Plant
from twins.products.pump.rotation import Rotation
from twins.products.pump.wells import Well


class Limits(NamedTuple):
    """Where stations switch."""

    table: Columns
    """Volumes, ``(2, stations, pumps + 1)``: with k pumps on, row 0 is where the station stops
    (falling), row 1 where one more starts (rising)."""
    float_m3: float
    """Where the float starts every pump that can run, also those that were told to stop."""
    dry: NDArray[np.bool_]
    """Stations that the dry-run probe stops before the level control does, ``(stations,)``."""
    any_dry: bool
    """Whether there is one."""


def switching(
    plant: Plant,
    well: Well,
    rotation: Rotation,
    *,
    start_m: Columns,
    stop_m: Columns,
    offset_m: Columns,
) -> Limits:
    """Switching volumes; ``start_m``, ``stop_m`` and the sensor's error have shape (stations,).

    The control believes its sensor. Probe and float hang in the well by themselves.
    """
    stations, pumps = len(start_m), rotation.rank.shape[2]
    room_m = (plant.spill_m - 0.3 - start_m) / max(pumps - 1, 1)
    step_m = np.minimum(plant.lag_step_m, room_m)
    levels = start_m[:, None] + step_m[:, None] * np.arange(pumps)
    true_stop_m = stop_m - offset_m
    starts_m = np.maximum(levels - offset_m[:, None], plant.dry_m + DRY_BACK_M)
    float_m3 = float(well.volume(plant.float_m))
    table = np.empty((2, stations, pumps + 1))
    table[0, :, 0] = -np.inf
    table[0, :, 1:] = well.volume(np.maximum(true_stop_m, plant.dry_m))[:, None]
    table[1, :, :pumps] = np.minimum(well.volume(starts_m), float_m3)
    count = np.arange(pumps + 1)
    table[1][count >= rotation.most[:, None]] = float_m3
    table[1][count >= rotation.able[:, None]] = np.inf
    dry = true_stop_m < plant.dry_m
    return Limits(table, float_m3, dry, bool(dry.any()))
