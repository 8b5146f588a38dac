"""Physics of a sewage pump station with fixed-speed pumps: formulas only, no state.

SI units unless a name says otherwise. ``S..`` and ``M:..`` are sources listed in README.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.float64]
Number = TypeVar("Number", float, Columns)

RHO_G = 1000.0 * 9.81
"""Weight of a cubic metre of water, N."""
DAY_MS, HOUR_MS = 86_400_000, 3_600_000

HOUR_FACTORS = np.array(
    [
        0.86, 0.84, 0.81, 0.78, 0.81, 0.88, 0.94, 0.99, 1.03, 1.08, 1.14, 1.08,
        1.07, 1.11, 1.09, 1.08, 1.06, 1.12, 1.11, 1.13, 1.09, 1.02, 0.98, 0.89,
    ]
)  # fmt: skip
"""Dry-weather flow by hour of day over the mean, a large catchment (M:dhi)."""
STRETCH = 3.0
"""A small catchment swings more: peak over mean about 1.4 (1.5 to 3.5 is quoted; estimate)."""
WEEKEND = 0.87
"""Weekend over weekday mean (M:dhi)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """One size of station: curves, levels, motor. Heads and levels in m above the well's floor."""

    shutoff_m: float = 17.0
    """Head at no flow, 1.4 times the duty head (estimate, section 1A)."""
    pump_curve: float = 5.0 / 0.035**2
    """b of ``H = H0 - b Q^2``: 12 m at 35 l/s; a steep sewage curve has no linear term."""
    outlet_m: float = 12.5
    """Where the main ends: a static head of 11.5 m at 1 m of water."""
    system_curve: float = 0.5 / 0.035**2
    """k of ``H = Hst + k Q^2``: half a metre of friction at 35 l/s."""
    best_flow_m3_s: float = 0.036
    best_efficiency: float = 0.72
    """Small sewage pump (estimate, section 1A)."""
    motor_efficiency: float = 0.87
    rated_kw: float = 7.5
    volts: float = 400.0
    power_factor: float = 0.85
    stop_m: float = 0.5
    start_m: float = 1.5
    lag_m: float = 1.8
    """A second pump starts here."""
    spill_m: float = 3.0
    """Above this the well overflows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """First-order temperatures: time constants in s, rises in K at rated power."""

    bearing_tau_s: float = 1217.0
    """mc/H = 7.3/0.006 of a pump's bearing (NASA ProgPy, S1)."""
    motor_tau_s: float = 2400.0
    """20 to 60 min (estimate, section 1A)."""
    bearing_rise_k: float = 25.0
    """Bearings normally run at 40 to 70 degC (S13); submerged ones at the lower end (estimate)."""
    bearing_damage_k: float = 12.0
    """A failing bearing runs 5 to 15 K warmer, late (S13)."""
    motor_rise_k: float = 55.0
    """Estimate, submerged motor."""


def dry_weather_factor(at_ms: int) -> float:
    """Dry-weather inflow over its mean at a time: hour of day (interpolated), weekend.

    Args:
        at_ms: Milliseconds since the epoch; the hour is that of UTC.
    """
    hours = at_ms / HOUR_MS - 0.5
    hour = math.floor(hours)
    low, high = float(HOUR_FACTORS[hour % 24]), float(HOUR_FACTORS[(hour + 1) % 24])
    factor = 1.0 + STRETCH * (low + (hours - hour) * (high - low) - 1.0)
    weekday = (at_ms // DAY_MS + 3) % 7  # the epoch was a Thursday
    return factor * (WEEKEND if weekday >= 5 else 1.0)


def water_temp_c(at_ms: int) -> float:
    """Sewage temperature: 14 degC on average, 5 K more in August than that (estimate)."""
    return 14.0 + 5.0 * math.sin(2.0 * math.pi * (at_ms / DAY_MS / 365.25 - 0.37))


def duty_flow(plant: Plant, *, level_m: float, running: int) -> float:
    """Flow of each of ``running`` equal pumps on one main, m3/s, in closed form.

    The operating point is where ``H0 - b Q^2`` meets ``Hst + k (n Q)^2`` with
    ``Hst = outlet - level`` (section 1A).
    """
    lift_m = plant.shutoff_m - (plant.outlet_m - level_m)
    return math.sqrt(lift_m / (plant.pump_curve + plant.system_curve * running**2))


def pump_head(plant: Plant, flow_m3_s: float) -> float:
    """Head of the pump at a flow, m."""
    return plant.shutoff_m - plant.pump_curve * flow_m3_s**2


def system_head(plant: Plant, *, level_m: float, total_m3_s: float) -> float:
    """Head that the main asks for at a total flow, m."""
    return plant.outlet_m - level_m + plant.system_curve * total_m3_s**2


def efficiency(plant: Plant, flow_m3_s: float) -> float:
    """Hydraulic efficiency ``eta_bep (2x - x^2)`` with ``x = Q / Qbep`` (section 1A, S3)."""
    x = flow_m3_s / plant.best_flow_m3_s
    return plant.best_efficiency * (2.0 * x - x * x)


def electric_kw(plant: Plant, flow_m3_s: float) -> float:
    """Electric power ``rho g Q H / (eta_pump eta_motor)``, kW."""
    hydraulic_w = RHO_G * flow_m3_s * pump_head(plant, flow_m3_s)
    return hydraulic_w / (efficiency(plant, flow_m3_s) * plant.motor_efficiency) / 1000.0


def current_a(plant: Plant, power_kw: Number) -> Number:
    """Line current ``P / (sqrt(3) U pf)``, A."""
    return power_kw * (1000.0 / (math.sqrt(3.0) * plant.volts * plant.power_factor))


def hydraulic_vibration(plant: Plant, flow_m3_s: float) -> float:
    """How much rougher a pump runs off its best point: ``1 + 1.5 (1 - x)^2`` (section 1A)."""
    return 1.0 + 1.5 * (1.0 - flow_m3_s / plant.best_flow_m3_s) ** 2


def vibration_mm_s(hydraulic_mm_s: Columns, bearing_mm_s: Columns) -> Columns:
    """Velocity RMS: independent causes add as squares (section 1A). Shapes ``(n,)``."""
    return np.sqrt(hydraulic_mm_s**2 + bearing_mm_s**2)


def first_order(now: Columns, towards: Columns, *, dt_s: Columns, tau_s: float) -> Columns:
    """Exact step of ``tau dT/dt = T_inf - T`` for a constant ``T_inf``. Shapes ``(n,)``."""
    return towards + (now - towards) * np.exp(-dt_s / tau_s)
