"""Physics of a sewage pump station: formulas only, no state.

SI units unless a name says otherwise. ``S..`` and ``M:..`` are sources listed in README.md;
"section 1A" is that of the twins reference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


NPSH_FIXED_M, NPSH_FLOW_M = 2.0, 3.0
"""c0 and c1 of ``NPSHr = s^2 (c0 + c1 x^2)`` (form: section 1A; values for a small sewage pump:
estimate)."""
AIR_M, VAPOUR_M = 10.33, 0.17
"""Pressure of air and of the vapour of water at 15 degC, as heads."""
SNORE_LOW_M, SNORE_HIGH_M = 0.1, 0.3
"""Water over the floor at which a pump draws only air, and no air (estimate)."""


def water_temp_c(at_ms: int) -> float:
    """Sewage temperature: 14 degC on average, 5 K more in August than that (estimate)."""
    return 14.0 + 5.0 * math.sin(2.0 * math.pi * (at_ms / DAY_MS / 365.25 - 0.37))


def single_flow(
    a0: Columns, a1: Columns, a2: Columns, *, static_m: Columns, system_curve: float
) -> Columns:
    """Flow of a pump that runs alone: where ``A0 - A1 Q - A2 Q^2 = Hst + k Q^2``, m3/s.

    Closed form (section 1A); 0 where the pump cannot lift so high (its check valve stays shut).
    """
    slope = 2.0 * (a2 + system_curve)
    root = np.sqrt(np.maximum(a1 * a1 + 2.0 * slope * (a0 - static_m), 0.0))
    return np.maximum((root - a1) / slope, 0.0)


def joint_flows(
    on: NDArray[np.bool_],
    *,
    a0: Columns,
    a1: Columns,
    a2: Columns,
    static_m: Columns,
    system_curve: float,
) -> Columns:
    """Flows of several pumps on one main, shape ``(..., pumps)``, m3/s.

    Newton's method on the total flow (section 1A), from above, where the function is convex: each
    step comes nearer, and the fifth is exact to rounding.

    Args:
        on: Which pumps run, shape ``(..., pumps)``.
        a0: Of ``H = A0 - A1 Q - A2 Q^2``, shape ``(..., pumps)``.
        a1: The linear term, as ``a0``.
        a2: The quadratic one, as ``a0``.
        static_m: Static head, shape ``(..., 1)``.
        system_curve: k of the main.
    """
    total = np.sum(
        on * single_flow(a0, a1, a2, static_m=static_m, system_curve=system_curve),
        axis=-1,
        keepdims=True,
    )
    flows = np.zeros(on.shape)
    for _ in range(6):
        lift_m = a0 - static_m - system_curve * total * total
        root = np.sqrt(np.maximum(a1 * a1 + 4.0 * a2 * lift_m, 1e-12))
        lifts = on & (lift_m > 0.0)
        flows = np.where(lifts, (root - a1) / (2.0 * a2), 0.0)
        slope = np.sum(np.where(lifts, 2.0 * system_curve * total / root, 0.0), -1, keepdims=True)
        total = total - (total - flows.sum(-1, keepdims=True)) / (1.0 + slope)
    return flows


def speed_for(flow: Columns, *, shutoff_m: Columns, curve: Columns, system_m: Columns) -> Columns:
    """Speed ratio at which a pump delivers a flow against a head: ``s^2 H0 - b Q^2 = H``."""
    return np.sqrt(np.maximum(system_m + curve * flow * flow, 0.0) / shutoff_m)


def npsh_required_m(x: Columns, speed: Columns) -> Columns:
    """NPSH at which the head has dropped by 3 % (S13); ``x`` is flow over best flow."""
    return speed * speed * (NPSH_FIXED_M + NPSH_FLOW_M * x * x)


def cavitation_limit(available_m: Columns, speed: Columns) -> Columns:
    """The largest ``x`` that the suction side lets through: where NPSHr reaches NPSHa.

    Beyond it the head curve falls off steeply, so the operating point slides down along it.
    """
    margin = available_m / (speed * speed) - NPSH_FIXED_M
    return np.sqrt(np.maximum(margin, 0.0) / NPSH_FLOW_M)


def shaft_kw(
    plant: Plant,
    *,
    head_m: Columns,
    x: Columns,
    share: Columns,
    speed: Columns,
    factor: Columns,
) -> Columns:
    """Shaft power ``rho g Q H / eta`` with ``eta = eta_bep (2x - x^2)`` (section 1A, S3), kW.

    ``Q / (2x - x^2)`` is written ``s Qbep / (2 - x)``, which holds down to a shut valve.

    Args:
        plant: Size.
        head_m: Head of the pump.
        x: Flow through the impeller over ``s Qbep``, water and vapour.
        share: Of that flow, what is water.
        speed: s.
        factor: Efficiency over that of a new, clean pump.
    """
    power = RHO_G / 1000.0 * plant.best_flow_m3_s / plant.best_efficiency
    return power * head_m * speed * share / ((2.0 - np.minimum(x, 1.9)) * factor)


def electric_kw(plant: Plant, shaft: Columns, speed: Columns) -> Columns:
    """Electric power of a motor: losses of iron and air, and of load (a third and two; estimate).

    At rated power the efficiency is ``motor_efficiency``, below it falls (section 1A). With a
    converter the former go with speed squared, the latter with torque squared.
    """
    lost_kw = plant.rated_kw * (1.0 / plant.motor_efficiency - 1.0)
    torque = shaft / (plant.rated_kw * speed)
    losses = 0.35 * speed * speed + 0.65 * torque * torque
    return (shaft + lost_kw * losses) / plant.drive_efficiency


def cheapest_speed(plant: Plant) -> float:
    """Speed ratio at which one pump alone lifts a cubic metre with the least energy.

    High for a static head, where slowing down leaves the best point; low for one of friction.
    """
    speed = np.linspace(0.5, 1.0, 201)
    ones = np.ones_like(speed)
    shutoff_m, curve = plant.shutoff_m * speed * speed, plant.pump_curve * ones
    static_m = plant.static_m * ones  # at 1 m of water
    flow = single_flow(
        shutoff_m, 0.0 * ones, curve, static_m=static_m, system_curve=plant.system_curve
    )
    head_m, x = static_m + plant.system_curve * flow * flow, flow / (speed * plant.best_flow_m3_s)
    shaft = shaft_kw(plant, head_m=head_m, x=x, share=ones, speed=speed, factor=ones)
    cost = electric_kw(plant, shaft, speed) / np.maximum(flow, 1e-9)
    return float(speed[cost.argmin()])


def current_a(plant: Plant, kw: Columns) -> Columns:
    """Line current ``P / (sqrt(3) U pf)``, A.

    pf is 0.85 at full and 0.5 at a quarter of the load (section 1A, K): reactive power is then
    0.371 + 0.249 of the load. A converter hides it from the mains, so there pf is 0.95.
    """
    amps_per_kw = 1000.0 / (math.sqrt(3.0) * plant.volts)
    if plant.drive_efficiency < 1.0:
        return kw * (amps_per_kw / 0.95)
    full_kw = plant.rated_kw / plant.motor_efficiency
    return np.asarray(np.hypot(kw, 0.371 * full_kw + 0.249 * kw) * amps_per_kw)


def hydraulic_roughness(x: Columns, speed: Columns) -> Columns:
    """How much rougher a pump runs off its best point: ``s (1 + 1.5 (1 - x)^2)`` (section 1A)."""
    off = 1.0 - x
    return speed * (1.0 + 1.5 * off * off)


def first_order(now: Columns, towards: float, *, dt_s: float, tau_s: float) -> Columns:
    """Exact step of ``tau dT/dt = T_inf - T`` for a constant ``T_inf``. Shapes ``(n,)``."""
    return towards + (now - towards) * math.exp(-dt_s / tau_s)


def relative(values: Columns, parts: Columns) -> Columns:
    """``values / parts``, NaN where ``parts`` is nothing."""
    out = np.full(values.shape, np.nan)
    np.divide(values, parts, out=out, where=parts > 0.0)
    return out
