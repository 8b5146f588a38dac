"""Operating points: of each pump alone, and of several on one main.

Kernels; the ``well`` and the ``pumps`` of a station are records (``columns.py``). Levels at which
pumps work stand there already (``switching.py``). SI units unless a name says otherwise. ``S..``
and ``M:..`` are sources listed in README.md; "section 1A" is that of the twins reference.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]
Whole = NDArray[np.int64]
Table = NDArray[np.record]
Record = Any
"""One row of a table; its fields are attributes."""

NOTHING, SET, POINTS = 0, 1, 2
"""What a station asks for: the point of the set that runs now, or those of every pump alone too."""
HOLD_S = 1800.0
"""A converter brings the level to its place, the middle of its band, in half an hour (estimate)."""
NPSH_FIXED_M, NPSH_FLOW_M = 2.0, 3.0
"""c0 and c1 of ``NPSHr = s^2 (c0 + c1 x^2)`` (form: section 1A; values for a small sewage pump:
estimate)."""
AIR_M, VAPOUR_M = 10.33, 0.17
"""Pressure of air and of the vapour of water at 15 degC, as heads."""
SNORE_LOW_M, SNORE_HIGH_M = 0.1, 0.3
"""Water over the floor at which a pump draws only air, and no air (estimate)."""
FLOW_LOSS_CLOGGED = 2.0
"""Mode i of S7: rags narrow the passages; the pump's curve falls as ``b (1 + 2 c)``, which takes
40 % of the flow at c = 1, and efficiency with it (estimate; "to half of clean-water value", S8)."""
EFFICIENCY_LOSS_I, EFFICIENCY_LOSS_II = 0.15, 0.35
"""Of efficiency at c = 1. In mode ii rags rub in the gap: flow holds, power rises (S7)."""
HEAD_LOSS_WORN = 0.06
"""Of the head of a worn impeller: a tenth of the flow at full wear (domain 6.1: capacity -10 %)."""
LEAK_WORN = 0.04
"""Of the flow goes back through a ring of double clearance: 4 % of efficiency (S9)."""


class Size(NamedTuple):
    """Curves, motor and drive of one size of pump; see ``Plant`` in ``model.py``."""

    best_flow_m3_s: float
    shutoff_m: float
    pump_curve: float
    system_curve: float
    outlet_m: float
    lift_kw: float
    """Shaft power per m of head at the best flow."""
    rated_kw: float
    motor_efficiency: float
    drive_efficiency: float
    amps_per_kw: float
    vfd: bool
    area_m2: float
    """Of the well, for a converter's size."""
    place_m: float
    """Where a converter holds the level."""


@compiled
def single_flow(a0: float, a1: float, a2: float, static_m: float, system_curve: float) -> float:
    """Flow of a pump that runs alone: where ``A0 - A1 Q - A2 Q^2 = Hst + k Q^2``, m3/s.

    Closed form (section 1A); 0 where the pump cannot lift so high (its check valve stays shut).
    """
    slope = 2.0 * (a2 + system_curve)
    root = math.sqrt(max(a1 * a1 + 2.0 * slope * (a0 - static_m), 0.0))
    return max((root - a1) / slope, 0.0)


@compiled
def shaft_kw(  # noqa: PLR0917
    size: Size, head_m: float, x: float, speed: float, share: float, efficiency: float
) -> float:
    """Shaft power ``rho g Q H / eta`` with ``eta = eta_bep (2x - x^2)`` (section 1A, S3), kW.

    ``Q / (2x - x^2)`` is written ``s Qbep / (2 - x)``, which holds down to a shut valve.

    Args:
        size: Curves and motor.
        head_m: Head of the pump.
        x: Flow through the impeller over ``s Qbep``, water and vapour.
        speed: s.
        share: Of that flow, what is water.
        efficiency: Over that of a new, clean pump.
    """
    return size.lift_kw * head_m * speed * share / ((2.0 - min(x, 1.9)) * efficiency)


@compiled
def electric_kw(size: Size, shaft: float, speed: float) -> float:
    """Electric power of a motor: losses of iron and air, and of load (a third and two; estimate).

    At rated power the efficiency is ``motor_efficiency``, below it falls (section 1A). With a
    converter the former go with speed squared, the latter with torque squared.
    """
    lost_kw = size.rated_kw * (1.0 / size.motor_efficiency - 1.0)
    torque = shaft / (size.rated_kw * speed)
    losses = 0.35 * speed * speed + 0.65 * torque * torque
    return (shaft + lost_kw * losses) / size.drive_efficiency


@compiled
def current_a(size: Size, kw: float) -> float:
    """Line current ``P / (sqrt(3) U pf)``, A.

    pf is 0.85 at full and 0.5 at a quarter of the load (section 1A, K): reactive power is then
    0.371 + 0.249 of the load. A converter hides it from the mains, so there pf is 0.95.
    """
    if size.drive_efficiency < 1.0:
        return kw * (size.amps_per_kw / 0.95)
    reactive_kw = 0.371 * size.rated_kw / size.motor_efficiency + 0.249 * kw
    return math.sqrt(kw * kw + reactive_kw * reactive_kw) * size.amps_per_kw


@compiled
def set_curve(  # noqa: PLR0917
    size: Size, well: Record, pump: Record, point: Record, level_m: float, count: float
) -> None:
    """Curve of a pump at the speed of a set of ``count``: wear, rags, a leaking ring, a valve.

    A converter follows the inflow and brings the level, now ``tend_m``, to its place (PI).
    """
    ill = pump.ill
    b = size.pump_curve * (1.0 + (FLOW_LOSS_CLOGGED * ill.clog if ill.clog_mode == 1.0 else 0.0))
    leak = LEAK_WORN * size.best_flow_m3_s * ill.ring
    shutoff_m = size.shutoff_m * pump.head_factor * (1.0 - HEAD_LOSS_WORN * ill.impeller)
    a2 = b + (size.pump_curve + size.system_curve) * ill.valve
    speed = 1.0
    if size.vfd:
        hold_m3_s = (well.tend_m - size.place_m) * (size.area_m2 / HOLD_S)
        wanted = max((well.inflow_m3_s + hold_m3_s) / count, 0.0)
        main = a2 + size.system_curve * count * count
        lift_m = size.outlet_m - level_m + main * wanted * wanted
        speed = min(max(math.sqrt(max(lift_m, 0.0) / shutoff_m), pump.least_speed), 1.0)
    point.speed = speed
    point.a0 = speed * speed * (shutoff_m - b * leak * leak)
    point.a1 = speed * 2.0 * b * leak
    point.a2 = a2


@compiled
def operate(  # noqa: PLR0917
    size: Size, pump: Record, point: Record, flow: float, total: float, level_m: float
) -> None:
    """What a pump does at a flow, with ``total`` in the main; cavitation and air take their share.

    NPSH required is that at which the head has dropped by 3 % (S13). Beyond the flow that the
    suction side lets through the head curve falls off steeply: the point slides down along it.
    """
    ill, speed = pump.ill, point.speed
    x = flow / (speed * size.best_flow_m3_s) + LEAK_WORN * ill.ring
    available_m = AIR_M - VAPOUR_M - ill.suction_m + level_m
    point.npsh_margin_m = available_m - speed * speed * (NPSH_FIXED_M + NPSH_FLOW_M * x * x)
    share = 1.0
    if point.npsh_margin_m < 0.0:
        limit2 = max(available_m / (speed * speed) - NPSH_FIXED_M, 0.0) / NPSH_FLOW_M
        share = min(math.sqrt(limit2) / x, 1.0)
    if level_m < SNORE_HIGH_M:
        share *= max((level_m - SNORE_LOW_M) / (SNORE_HIGH_M - SNORE_LOW_M), 0.02)
    main_m = size.outlet_m - level_m + size.system_curve * total * total * share * share
    valve_m = (size.pump_curve + size.system_curve) * ill.valve * flow * flow
    loss = EFFICIENCY_LOSS_I if ill.clog_mode == 1.0 else EFFICIENCY_LOSS_II
    shaft = shaft_kw(size, main_m + valve_m, x, speed, share, 1.0 - loss * ill.clog)
    off = 1.0 - x
    point.flow = flow * share
    point.kw = electric_kw(size, shaft, speed) * pump.power_factor
    point.amps = current_a(size, point.kw)
    point.rough = speed * (1.0 + 1.5 * off * off)  # off its best point (section 1A)


@compiled
def as_before(pump: Record) -> bool:
    """Whether all that its point alone comes from is as it was; if not, note how it is."""
    was, ill, level_m = pump.was, pump.ill, pump.works_level_m
    same = was.level_m == level_m and was.clog == ill.clog and was.clog_mode == ill.clog_mode
    same = same and was.impeller == ill.impeller and was.ring == ill.ring
    same = same and was.valve == ill.valve and was.suction_m == ill.suction_m
    if not same:
        was.level_m, was.clog, was.clog_mode = level_m, ill.clog, ill.clog_mode
        was.impeller, was.ring, was.valve = ill.impeller, ill.ring, ill.valve
        was.suction_m = ill.suction_m
    return bool(same)


@compiled
def alone(size: Size, well: Record, pump: Record) -> None:
    """Operating point of a pump by itself, at the level at which it works.

    At a fixed speed it is the old one most of the time; a converter follows the inflow.
    """
    if not size.vfd and as_before(pump):
        return
    point, level_m = pump.alone, pump.works_level_m
    set_curve(size, well, pump, point, level_m, 1.0)
    static_m = size.outlet_m - level_m
    flow = single_flow(point.a0, point.a1, point.a2, static_m, size.system_curve)
    operate(size, pump, point, flow, flow, level_m)


@compiled
def together(size: Size, well: Record, pumps: Table) -> None:
    """Operating points of all that run on one main.

    Newton's method on the total flow (section 1A), from above, where the function is convex: each
    step comes nearer, and the fifth is exact to rounding.
    """
    level_m = 0.0
    for j in range(len(pumps)):
        level_m += pumps[j].works_level_m
    level_m /= len(pumps)
    static_m = size.outlet_m - level_m
    total = 0.0
    for j in range(len(pumps)):
        if pumps[j].running:
            point = pumps[j].joint
            set_curve(size, well, pumps[j], point, level_m, float(well.k))
            total += single_flow(point.a0, point.a1, point.a2, static_m, size.system_curve)
    for _ in range(6):
        flows, slope = 0.0, 0.0
        for j in range(len(pumps)):
            if pumps[j].running:
                point = pumps[j].joint
                lift_m = point.a0 - static_m - size.system_curve * total * total
                point.flow = 0.0
                if lift_m > 0.0:
                    root = math.sqrt(point.a1 * point.a1 + 4.0 * point.a2 * lift_m)
                    point.flow = (root - point.a1) / (2.0 * point.a2)
                    slope += 2.0 * size.system_curve * total / max(root, 1e-6)
                flows += point.flow
        total -= (total - flows) / (1.0 + slope)
    for j in range(len(pumps)):
        if pumps[j].running:
            operate(size, pumps[j], pumps[j].joint, pumps[j].joint.flow, flows, level_m)


@compiled
def point_out(size: Size, well: Record, pumps: Table) -> None:
    """Work out what a station asks for; one that must look anew first does not ask yet."""
    if well.asks < SET or well.asks > POINTS:
        return
    if well.asks == POINTS:
        for j in range(len(pumps)):
            alone(size, well, pumps[j])
    if well.k > 1:
        together(size, well, pumps)
    well.asks = NOTHING


@compiled
def work_out(size: Size, wells: Table, pumps: Table, which: Whole) -> None:
    """Work out what these stations ask for."""
    for s in which:
        point_out(size, wells[s], pumps[s])
