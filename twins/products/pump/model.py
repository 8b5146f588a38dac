"""One size of sewage pump station, and what follows from it.

SI units unless a name says otherwise. ``S..`` and ``M:..`` are sources listed in README.md;
"section 1A" is that of the twins reference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twins.products.pump.hydraulics import Size, electric_kw, shaft_kw, single_flow

Columns = NDArray[np.float64]

RHO_G = 1000.0 * 9.81
"""Weight of a cubic metre of water, N."""
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
SUPPLY_HZ = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """One size of station: curves, levels, motor. Heads and levels in m above the well's floor.

    Everything follows from the duty point of one pump: flow, static head (from 1 m of water to the
    outlet) and friction in the main at that flow.
    """

    duty_m3_s: float = 0.035
    static_m: float = 11.5
    friction_m: float = 0.5
    stop_m: float = 0.5
    start_m: float = 1.5
    lag_step_m: float = 0.3
    """Each further pump starts so much higher."""
    dry_m: float = 0.25
    """The dry-run probe, below the lowest level at which a station may stop (estimate)."""
    float_m: float = 2.4
    """The high-level float."""
    spill_m: float = 3.0
    """Above this the well overflows."""
    best_efficiency: float = 0.72
    """Small sewage pump (estimate, section 1A)."""
    motor_efficiency: float = 0.87
    drive_efficiency: float = 1.0
    """0.95 with a frequency converter (section 1A)."""
    volts: float = 400.0

    @property
    def duty_head_m(self) -> float:
        """Total head at the duty point."""
        return self.static_m + self.friction_m

    @property
    def shutoff_m(self) -> float:
        """H0: 17/12 of the duty head (1.3 to 1.6 is usual; estimate, section 1A)."""
        return self.duty_head_m * 17.0 / 12.0

    @property
    def pump_curve(self) -> float:
        """B of ``H = H0 - b Q^2``; a steep sewage curve has no linear term (section 1A)."""
        return (self.shutoff_m - self.duty_head_m) / self.duty_m3_s**2

    @property
    def system_curve(self) -> float:
        """K of ``H = Hst + k Q^2``."""
        return self.friction_m / self.duty_m3_s**2

    @property
    def outlet_m(self) -> float:
        """Where the main ends; the static head is counted from 1 m of water."""
        return self.static_m + 1.0

    @property
    def best_flow_m3_s(self) -> float:
        """Flow of the best efficiency, a little beyond duty."""
        return self.duty_m3_s * 36.0 / 35.0

    @property
    def rated_kw(self) -> float:
        """Rated shaft power: 7.5 kW for 35 l/s against 12 m, in proportion otherwise."""
        return 7.5 * self.duty_m3_s * self.duty_head_m / (0.035 * 12.0)

    @property
    def size(self) -> Size:
        """What the kernels go by, with a fixed speed."""
        return Size(
            best_flow_m3_s=self.best_flow_m3_s,
            shutoff_m=self.shutoff_m,
            pump_curve=self.pump_curve,
            system_curve=self.system_curve,
            outlet_m=self.outlet_m,
            lift_kw=RHO_G / 1000.0 * self.best_flow_m3_s / self.best_efficiency,
            rated_kw=self.rated_kw,
            motor_efficiency=self.motor_efficiency,
            drive_efficiency=self.drive_efficiency,
            amps_per_kw=1000.0 / (math.sqrt(3.0) * self.volts),
            vfd=False,
            area_m2=0.0,
            place_m=0.0,
        )


LEAST_FLOW = 0.6
"""Of the duty flow: what a converter turns down to; VFD pumps turn down little against static head
(45.8 of 50 Hz, M:hsy)."""


def water_temp_c(at_ms: int) -> float:
    """Sewage temperature: 14 degC on average, 5 K more in August than that (estimate)."""
    return 14.0 + 5.0 * math.sin(2.0 * math.pi * (at_ms / DAY_MS / 365.25 - 0.37))


def least_speed(plant: Plant) -> float:
    """Speed ratio that a converter turns down to: that of :data:`LEAST_FLOW` at 1 m of water."""
    curve = plant.pump_curve + plant.system_curve
    least_m = plant.static_m + curve * (LEAST_FLOW * plant.duty_m3_s) ** 2
    return max(math.sqrt(least_m / plant.shutoff_m), 0.5)


def cheapest_speed(plant: Plant) -> float:
    """Speed ratio at which one pump alone lifts a cubic metre with the least energy.

    High for a static head, where slowing down leaves the best point; low for one of friction.
    """
    size = plant.size

    def cost(speed: float) -> float:
        shutoff_m = plant.shutoff_m * speed * speed
        flow = single_flow(shutoff_m, 0.0, plant.pump_curve, plant.static_m, plant.system_curve)
        head_m = plant.static_m + plant.system_curve * flow * flow
        shaft = shaft_kw(size, head_m, flow / (speed * plant.best_flow_m3_s), speed, 1.0, 1.0)
        return electric_kw(size, shaft, speed) / max(flow, 1e-9)

    return float(min(np.linspace(0.5, 1.0, 201).tolist(), key=cost))
