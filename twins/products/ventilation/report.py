"""What a unit reports of an interval: sums over its steps, and how things stand at its end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.products.ventilation import model
from twins.products.ventilation.air import STANDBY_KW, Air
from twins.products.ventilation.climate import Climate
from twins.products.ventilation.mesh import Mesh
from twins.products.ventilation.model import Columns
from twins.products.ventilation.rooms import Rooms

ROWS = (
    "run", "supply", "extract", "supply_pa", "extract_pa", "supply_norm", "extract_norm",
    "supply_n", "extract_n", "supply_mm_s", "extract_mm_s", "duct", "kw", "rotor", "full",
    "efficiency", "motor",
)  # fmt: skip
"""What is summed over the steps in which a unit runs."""
ROW = {name: row for row, name in enumerate(ROWS)}


class Interval(NamedTuple):
    """A report interval: ``sums`` has shape ``(len(ROWS), n)``, the rest ``(n,)``."""

    sums: Columns
    steps: int
    able: NDArray[np.bool_]
    wants: NDArray[np.bool_]
    alarm: NDArray[np.bool_]


def step_rows(air: Air, climate: Climate, on: NDArray[np.bool_]) -> Columns:
    """What one step adds to the sums, shape ``(len(ROWS), n)``; zero where off."""
    rows = np.concatenate(
        (
            on[None], air.x, air.pa, air.norm_pa, air.n, air.mm_s, air.duct_pa[None],
            air.kw[None], climate.rotor_rpm[None], climate.full[None],
            (climate.full * climate.efficiency)[None], (air.n[0] / (1.0 - air.slip[0]))[None],
        )
    )  # fmt: skip
    rows *= on
    return rows


def values(interval: Interval, air: Air, rooms: Rooms, climate: Climate, mesh: Mesh) -> Columns:
    """True values of the interval, shape ``(n, signals)``, in the order of ``product.toml``."""
    sums, steps = interval.sums, interval.steps
    run = sums[0]
    speed = sums / np.maximum(run, 1.0)  # 0 where it did not run
    means = np.where(run > 0.0, speed, np.nan)
    full = np.where(sums[ROW["full"]] > 0, sums[ROW["full"]], np.nan)
    flow_h = air.design_m3_s * 3600.0 / steps
    reading = rooms.reading_ppm
    worst = reading.argmax(axis=1)
    units = np.arange(len(run))
    absent = np.full(len(run), np.nan)
    asked_pct = 100.0 * speed[ROW["motor"]] * run / steps
    columns = [
        sums[ROW["supply"]] * flow_h,
        sums[ROW["extract"]] * flow_h,
        *(
            means[ROW[name]]
            for name in ("supply_pa", "extract_pa", "supply_norm", "extract_norm", "duct")
        ),
        speed[ROW["supply_n"]] * model.SUPPLY.full_rpm,
        speed[ROW["extract_n"]] * model.EXTRACT.full_rpm,
        means[ROW["motor"]] * model.SUPPLY.full_rpm if air.belt else absent,
        sums[ROW["kw"]] / steps + STANDBY_KW,
        1000.0 * means[ROW["kw"]] / (means[ROW["supply"]] * air.design_m3_s),
        air.energy_kwh,
        air.baseline_kwh,
        means[ROW["supply_mm_s"]],
        means[ROW["extract_mm_s"]],
        climate.outdoor_c,
        climate.mixed_c if climate.recovery == "mixing" else absent,
        climate.supply_c,
        rooms.temp_c.mean(axis=1),
        climate.exhaust_c,
        means[ROW["rotor"]] if climate.recovery == "rotor" else absent,
        100.0 * sums[ROW["efficiency"]] / full,
        100.0 * climate.heating_asked,
        100.0 * climate.heating,
        100.0 * climate.cooling_asked,
        100.0 * climate.cooling,
        100.0 * climate.opening_asked,
        100.0 * climate.opening,
        climate.defrosting,
        interval.alarm,
        np.where(interval.wants & ~interval.able, 100.0, asked_pct),
        reading[units, worst],
        reading.min(axis=1),
        100.0 * rooms.opening[units, worst],
        100.0 * rooms.opening.mean(axis=1),
        100.0 * np.abs(rooms.asked - rooms.opening).max(axis=1),
        100.0 * (rooms.persons > 0).mean(axis=1),
        np.count_nonzero(~mesh.reachable, axis=1),
        mesh.path_changes,
        interval.able,
    ]
    truth = np.empty((len(run), len(columns)))
    for row, column in enumerate(columns):
        truth[:, row] = column
    return truth
