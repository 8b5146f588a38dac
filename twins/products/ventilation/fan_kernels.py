"""What fans and filters of each unit do in a step, one unit after another.

Flows are shares of the unit's design flow (``x``), speeds shares of full speed (``n``). A column
has one entry a unit; pairs of columns have shape ``(2, n)``, supply first. ``S..`` and ``M:..`` are
sources listed in README.md.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Fan(NamedTuple):
    """A plug fan: ``dp = shutoff n^2 - curve x^2`` (a parabola that keeps the fan laws)."""

    shutoff_pa: float
    curve_pa: float
    duct_pa: float
    """Fixed pressure losses (ducts, coils, recovery) at design flow; they go with x^2."""


SUPPLY = Fan(shutoff_pa=1100.0, curve_pa=335.0, duct_pa=260.0)
"""Clean duty 445 Pa: 120 set point, 80 duct, 120 recovery (S24: 100-250), 60 coils, 65 filter."""
EXTRACT = Fan(shutoff_pa=900.0, curve_pa=285.0, duct_pa=200.0)
FULL_RPM = 2800.0
BEST = 1.18
"""x / n at the best efficiency: design flow at 85 % speed."""
BEST_EFFICIENCY = 0.60
"""Total efficiency of an EC plug fan, 0.45 to 0.70 (S24)."""
DUCT_SET_PA = 120.0
"""Static pressure held at the end of the duct (external static 100-400 Pa, estimate)."""
EXTRACT_SHARE = 0.97
"""Extract over supply flow: the house is kept at a slight over-pressure (estimate)."""
RECOVERY_PA = 120.0
"""Pressure drop of the recovery; ice that doubles it is 1 (S24: 100-250)."""
STANDBY_KW = 0.03
"""Control and actuators (estimate)."""
CAUGHT = 0.6
"""Share of fine dust that a filter keeps (ePM1 50-60 %)."""
LINT_UG_M3, INDOORS = 17.0, 0.1
"""Dust in extract air: lint, and that share of what is outdoors (estimate)."""
IMBALANCE_MM_S_G = 0.002
"""Vibration at full speed by dust that settles on a wheel, per gram that a filter lets pass:
0.2 to 0.3 mm/s in a year, gone after cleaning (estimate)."""
BELT_SLIP = 0.015
"""Slip of a good belt: 1-2 % (S13)."""


class Make(NamedTuple):
    """What all units of a fleet have in common."""

    design_m3_s: float
    fixed_speed: float
    """Share of full speed at which the fans are held; 0 where they hold a pressure."""
    belt: bool
    """Whether the supply fan is driven by a belt."""


class Blown(NamedTuple):
    """Fans; those from ``x`` on are what a step gives."""

    healthy_mm_s: Columns
    power_factors: Columns
    baseline_kw: Columns
    energy_kwh: Columns
    baseline_kwh: Columns
    rise_mm_s: Columns
    imbalance_mm_s: Columns
    slip: Columns
    damper_pa: Columns
    ratio: Columns
    """Flow that the supply fan gave, as a share of what was wanted."""
    x: Columns
    pa: Columns
    norm_pa: Columns
    duct_pa: Columns
    n: Columns
    motor: Columns
    mm_s: Columns
    kw: Columns


class Stages(NamedTuple):
    """Both filter stages, shape ``(2, n)``."""

    load: Columns
    """Dust over capacity: 1 when due."""
    capacity_g: Columns
    clean_pa: Columns
    curvature: Columns
    rise_by_bend: Columns
    """Rise to the final pressure drop, over ``e^curvature - 1``."""
    seat: Columns
    """Share of the pressure drop that a badly seated filter shows."""


class Draught(NamedTuple):
    """A step of the fans."""

    on: Flags
    wanted: Columns
    """Flow that the dampers take at the duct set point."""
    ice: Columns
    """On the recovery: 1 doubles its pressure drop."""
    dust_ug_m3: Columns
    """Fine dust outdoors, as the unit draws it in."""
    dt_s: float


@compiled
def speed_for(fan: Fan, x: float, fixed_pa: float, filter_pa: float) -> float:
    """Speed at which a fan gives a flow and holds the duct set point."""
    need_pa = (fixed_pa + fan.curve_pa) * x * x + DUCT_SET_PA + filter_pa * x * math.sqrt(x)
    return math.sqrt(need_pa / fan.shutoff_pa)


@compiled
def flow_at_speed(fan: Fan, n: float, wanted: float, fixed_pa: float, filter_pa: float) -> float:
    """What flows at a given speed when the dampers stand as they do: duct pressure goes with it.

    Solves ``shutoff n^2 = (square + set / wanted^2) x^2 + filter x^1.5`` by Newton from above.

    Args:
        fan: Which one.
        n: Speed as a share of full speed.
        wanted: Flow that the dampers would take at the duct set point.
        fixed_pa: Fixed losses at design flow.
        filter_pa: Filter pressure drop at design flow.
    """
    square = fan.curve_pa + fixed_pa + DUCT_SET_PA / (wanted * wanted)
    head = fan.shutoff_pa * n * n
    x = math.sqrt(head / square)
    for _ in range(5):
        power = filter_pa * x * math.sqrt(x)
        x -= (square * x * x + power - head) / (2.0 * square * x + 1.5 * power / x)
    return x


@compiled
def shaft_w(fan: Fan, x: float, n: float, design_m3_s: float) -> float:
    """Power that a fan takes: ``dp = shutoff n^2 - curve x^2``, efficiency ``0.6 (2y - y^2)``."""
    y = x / n / BEST
    share = max((2.0 - y) * y, 0.1)
    total_pa = fan.shutoff_pa * n * n - fan.curve_pa * x * x
    return total_pa * x * design_m3_s / (BEST_EFFICIENCY * share)


@compiled
def belt_efficiency(slip: float) -> float:
    """97 % with a good belt, 92 % at 4 % slip, 80 % at 8 % (S13); 1 where there is none."""
    if slip <= BELT_SLIP:
        return 1.0 - 0.03 * slip / BELT_SLIP
    if slip <= 0.04:
        return 0.97 - 0.05 * (slip - BELT_SLIP) / (0.04 - BELT_SLIP)
    if slip <= 0.08:
        return 0.92 - 0.12 * (slip - 0.04) / 0.04
    return 0.80 - 0.40 * (min(slip, 0.5) - 0.08) / 0.42


@compiled
def filter_pa(filters: Stages, stage: int, u: int) -> float:
    """Pressure drop of a filter at design flow.

    Share of the way to the final drop at dust share ``u``: ``(e^(ku)-1)/(e^k-1)``, k = 3.4 +- 0.8
    in 26 loading tests; half of the drop comes in the last quarter (M:filter).
    """
    risen = math.expm1(filters.curvature[stage, u] * filters.load[stage, u])
    risen_pa = risen * filters.rise_by_bend[stage, u]
    return float((risen_pa + filters.clean_pa[stage, u]) * filters.seat[stage, u])


@compiled
def design_pa(filters: Stages) -> Columns:
    """Pressure drops of all filters at design flow, shape ``(2, n)``."""
    drops_pa = np.empty_like(filters.load)
    for u in range(drops_pa.shape[1]):
        for stage in range(2):
            drops_pa[stage, u] = filter_pa(filters, stage, u)
    return drops_pa


@compiled
def blow(air: Blown, filters: Stages, make: Make, now: Draught) -> None:
    """One step of the fans: flow, speed, pressures, power, vibration, dust."""
    hours = now.dt_s / 3600.0
    for u in range(len(now.on)):
        air.energy_kwh[u] += STANDBY_KW * hours
        air.baseline_kwh[u] += STANDBY_KW * hours
        if not now.on[u]:
            air.x[0, u] = air.x[1, u] = air.kw[u] = 0.0
            continue
        watts = 0.0
        for side in range(2):
            fan, wanted = SUPPLY, max(now.wanted[u], 0.02)
            fixed_pa, dust_ug_m3 = SUPPLY.duct_pa + air.damper_pa[u], now.dust_ug_m3[u]
            if side == 1:
                fan, wanted = EXTRACT, wanted * EXTRACT_SHARE
                fixed_pa = EXTRACT.duct_pa + RECOVERY_PA * now.ice[u]
                dust_ug_m3 = LINT_UG_M3 + INDOORS * dust_ug_m3
            slip, norm_pa, x = air.slip[side, u], filter_pa(filters, side, u), wanted
            n = make.fixed_speed * (1.0 - slip)
            if make.fixed_speed == 0.0:
                n = speed_for(fan, wanted, fixed_pa, norm_pa)
            if make.fixed_speed > 0.0 or n > 1.0 - slip:
                n = min(n, 1.0 - slip)
                x = flow_at_speed(fan, n, wanted, fixed_pa, norm_pa)
            if side == 0:
                air.ratio[u] = x / wanted
                air.duct_pa[u] = DUCT_SET_PA * air.ratio[u] * air.ratio[u]
                air.motor[u] = n / (1.0 - slip)
            watts += shaft_w(fan, x, n, make.design_m3_s) / belt_efficiency(slip)
            air.x[side, u], air.n[side, u], air.norm_pa[side, u] = x, n, norm_pa
            air.pa[side, u] = norm_pa * x * math.sqrt(x)
            dirt, rise = n * air.imbalance_mm_s[side, u], air.rise_mm_s[side, u]
            well = air.healthy_mm_s[side, u]
            air.mm_s[side, u] = n * math.sqrt(well * well + rise * rise + dirt * dirt)
            grams = dust_ug_m3 * x * 1e-6 * CAUGHT * make.design_m3_s * now.dt_s
            filters.load[side, u] += grams / filters.capacity_g[side, u]
            air.imbalance_mm_s[side, u] += grams * IMBALANCE_MM_S_G * (1.0 - CAUGHT) / CAUGHT
        air.kw[u] = watts * air.power_factors[u] / 1000.0
        air.energy_kwh[u] += air.kw[u] * hours
        air.baseline_kwh[u] += air.baseline_kw[u] * hours


@compiled
def sum_up(sums: Columns, block: Columns, make: Make, steps: int) -> None:
    """Means of an interval of so many steps; NaN or 0 where a unit did not run.

    Args:
        sums: Over the steps in which a unit ran, shape ``(17, n)``: flows, filter pressures, those
            at design flow (supply, extract), duct pressure, fan speeds, speed of the motor,
            vibrations, power, rotor, steps with full recovery, its efficiency, steps it ran. Set
            to 0.
        block: Where to write, shape ``(42, n)``, in the order of ``product.toml``; the last row
            gets the share of the design flow while it ran.
        make: Of the units.
        steps: In the interval, whether a unit ran or not.
    """
    for u in range(sums.shape[1]):
        run, full, kw = sums[16, u], sums[14, u], sums[12, u]
        per_run = 1.0 / run if run > 0.0 else math.nan
        for side in range(2):
            block[side, u] = sums[side, u] * make.design_m3_s * 3600.0 / steps
            block[7 + side, u] = FULL_RPM * sums[7 + side, u] / max(run, 1.0)
            block[14 + side, u] = sums[10 + side, u] * per_run
        for row in range(2, 7):
            block[row, u] = sums[row, u] * per_run
        block[9, u] = FULL_RPM * sums[9, u] * per_run if make.belt else math.nan
        block[10, u] = kw / steps + STANDBY_KW
        block[11, u] = math.nan
        if run > 0.0:
            block[11, u] = 1000.0 * kw / (sums[0, u] * make.design_m3_s)
        block[21, u] = sums[13, u] * per_run
        block[22, u] = 100.0 * sums[15, u] / full if full > 0.0 else math.nan
        block[31, u] = 100.0 * sums[9, u] / steps
        block[41, u] = sums[0, u] * per_run
    sums[:] = 0.0
