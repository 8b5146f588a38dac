"""A station from switching event to switching event: level control, float, guards, volumes, heat.

Kernels for one station, whose ``well`` and ``pumps`` are records (``columns.py``); :func:`move`
goes through all of them. Pumps run as "the first k of those that can, from the lead on". Within a
report interval the inflow is constant and each set of pumps has one operating point (at the middle
of the level's way), so the time to the next switching volume is ``dV / (Qin - Qout)``. A station
that comes to a set whose point nobody has worked out stops there and asks for it
(``hydraulics.py``). Temperatures go in exact steps. Sources as in ``hydraulics.py``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]
Whole = NDArray[np.int64]
Table = NDArray[np.record]
Record = Any
"""One row of a table; its fields are attributes."""
Control = Any
"""What a station's control goes by: see ``station.py``."""

OUT, TURN, SPARE = 0, 1, 2
"""Roles of a pump: it must not run; its turn comes round; only the high-level float starts it."""
NOTHING, SET, POINTS, LOOK = 0, 1, 2, 3
"""What a station asks for: the point of the set that runs now, or those of every pump alone too;
before that, it must look anew at which levels they work."""
LEVELS, VOLUMES, SLOPES = 0, 1, 2
"""Rows of a well's table; so far behind each is that of its slopes over the other one."""
EVENTS_MAX = 10_000
"""Bound of switching events of one station in one advance."""
FLOATS = 1.0 - 1e-9
"""Share of its volume at which the float is up: what rounding leaves."""
SOON_S = 1e-6
"""Rests are over so much earlier: what rounding leaves."""
ROOM_M = 0.3
"""The last pump starts at least so far below the overflow (estimate)."""
DRY_REST_S, DRY_BACK_M = 120.0, 0.2
"""How long a station rests after its dry-run probe fell dry, and how much water over the probe lets
the level control start again (estimates)."""
TRIP_C, RESET_C = 140.0, 110.0
"""Winding trip (domain rule P10), and where the thermistor closes again (estimate)."""
LATCH_S = 3600.0
"""Three trips within an hour keep the motor off until somebody comes (estimate)."""
WATCH_S = 60.0
"""How closely a motor is watched that may trip (P10: 1 min)."""
STATOR_FROM = 0.95
"""Damage of the seal from which water stands in the stator housing (estimate)."""
BEARING_TAU_S, BEARING_RISE_K, BEARING_DAMAGE_K = 1217.0, 25.0, 12.0
"""mc/H = 7.3/0.006 of a pump's bearing (NASA ProgPy, S1). Bearings normally run at 40 to 70 degC
(S13), submerged ones at the lower end (estimate); a failing one 5 to 15 K warmer, late (S13)."""
MOTOR_TAU_S, MOTOR_RISE_K = 2400.0, 55.0
"""20 to 60 min (estimate, section 1A); rise of a submerged motor at rated power (estimate)."""


def fades(span_s: float) -> tuple[float, float]:
    """Share of a difference of temperature that is left after a span: of bearing and motor."""
    return math.exp(-span_s / BEARING_TAU_S), math.exp(-span_s / MOTOR_TAU_S)


@compiled
def read(x: float, table: Columns, at: int, value: int) -> float:
    """Read one row of a well's table by another; a division for each would take longest."""
    low, high = 0, table.shape[1] - 1
    if x <= table[at, low]:
        return float(table[value, low])
    if x >= table[at, high]:
        return float(table[value, high])
    while high - low > 1:
        middle = (low + high) // 2
        if table[at, middle] <= x:
            low = middle
        else:
            high = middle
    return float(table[value + SLOPES, low] * (x - table[at, low]) + table[value, low])


@compiled
def level_m(control: Control, volume_m3: float) -> float:
    """Level at a volume."""
    return read(volume_m3, control.well, VOLUMES, LEVELS)


@compiled
def volume_m3(control: Control, level_m: float) -> float:
    """Volume at a level."""
    return read(level_m, control.well, LEVELS, VOLUMES)


@compiled
def in_turn(pumps: Table, lead: int, rank: int) -> int:
    """The pump that stands ``rank``-th (from 0), counted round from the lead, spares behind.

    0 where so many cannot run.
    """
    count = len(pumps)
    for role in (TURN, SPARE):
        for turn in range(count):
            j = lead + turn if lead + turn < count else lead + turn - count
            if pumps[j].role == role:
                if rank == 0:
                    return j
                rank -= 1
    return 0


@compiled
def engage(well: Record, pumps: Table) -> None:
    """Let the first k from the lead on run and nobody else; several ask for their point."""
    changed = False
    for j in range(len(pumps)):
        runs = False
        for rank in range(well.k):
            runs |= in_turn(pumps, well.lead, rank) == j
        pump = pumps[j]
        changed |= runs != pump.running
        if runs and not pump.running:
            pump.starts += 1.0
            pump.last_start_s = well.now_s
        pump.running = runs
    if changed and well.k > 1:
        well.asks = max(well.asks, SET)


@compiled
def turn_out(well: Record, pumps: Table) -> None:
    """Pumps broke, were repaired, told to stop, guarded, or lost their mains: who runs now?

    A standby takes over at once from a pump that falls out.
    """
    well.most, well.able = 0, 0
    for j in range(len(pumps)):
        pump = pumps[j]
        stands = well.dead or pump.hot or pump.latched or pump.ill.seal >= STATOR_FROM
        pump.role = OUT
        if pump.able and not stands:
            pump.role = SPARE if pump.stopped else TURN
            well.able += 1
            well.most += pump.role == TURN
    well.lead = in_turn(pumps, well.lead, 0)
    well.k = min(well.k, well.able if well.floated else well.most)
    engage(well, pumps)


@compiled
def turn_out_all(wells: Table, pumps: Table) -> None:
    """:func:`turn_out` of these stations."""
    for s in range(len(wells)):
        turn_out(wells[s], pumps[s])


@compiled
def start_m3(control: Control, well: Record, pumps: int, running: float) -> float:
    """Volume at which one more pump starts; the last ones by the float, then none.

    The control believes its level sensor. Probe and float hang in the well by themselves.
    """
    if running >= well.able:
        return np.inf
    if running >= well.most:
        return float(control.float_m3)
    shown_m = well.start_m
    if running > 0.0:
        room_m = (control.spill_m - ROOM_M - well.start_m) / max(pumps - 1, 1)
        shown_m += min(control.lag_step_m, room_m) * running
    true_m = max(shown_m - well.offset_m, control.dry_m + DRY_BACK_M)
    return min(volume_m3(control, true_m), float(control.float_m3))


@compiled
def look(control: Control, well: Record, pumps: Table) -> None:
    """Error of the level sensor now, and the middle of the way the level goes while a pump runs."""
    drift_m = well.drift_m_s * max(well.now_s - well.drift_from_s, 0.0)
    grease_m = well.grease_m if well.now_s < well.grease_until_s else 0.0
    well.offset_m = min(max(drift_m, -1.0), 1.0) + grease_m
    volume = well.volume_m3
    well.tend_m = level_m(control, volume)
    start = start_m3(control, well, len(pumps), 0.0)
    stop_m = max(well.stop_m - well.offset_m, control.dry_m)
    well.stop_m3 = volume_m3(control, stop_m)
    for j in range(len(pumps)):
        pump = pumps[j]
        first = volume if pump.running or start == np.inf else start
        falls = max(pump.alone.flow - well.inflow_m3_s, 0.0) * control.interval_s
        last = max(first - falls, min(well.stop_m3, first))
        pump.works_level_m = level_m(control, 0.5 * (first + last))
    well.asks = POINTS


@compiled
def outflow(control: Control, well: Record, pumps: Table) -> float:
    """What runs out, less what runs back through check valves of pumps that stand, m3/s."""
    out = 0.0
    for j in range(len(pumps)):
        pump = pumps[j]
        if pump.running:
            out += float((pump.alone if well.k == 1 else pump.joint).flow)
        else:
            out -= float(pump.ill.backflow) * control.duty_m3_s
    return out


@compiled
def motor_end_c(control: Control, pump: Record, kw: float, water_c: float) -> float:
    """What a motor warms up to under a load."""
    return water_c + float(control.motor_k_kw) * (1.0 + float(pump.ill.cooling)) * kw


@compiled
def book(  # noqa: PLR0917
    control: Control, well: Record, pumps: Table, net: float, step_s: float, water_c: float
) -> None:
    """Run time, volume, energy and heat of a step in which nobody starts or stops."""
    bearing_fade, motor_fade = control.fades
    if step_s != control.interval_s:
        bearing_fade = math.exp(-step_s / BEARING_TAU_S)
        motor_fade = math.exp(-step_s / MOTOR_TAU_S)
    total = 0.0
    for j in range(len(pumps)):
        pump = pumps[j]
        ill, part = pump.ill, pump.part
        bearing_c = motor_c = water_c
        if pump.running:
            point = pump.alone if well.k == 1 else pump.joint
            total += point.flow
            pump.run_s += step_s
            part.run_s += step_s
            part.m3 += step_s * point.flow
            part.kws += step_s * point.kw
            part.amp_s += step_s * point.amps
            part.rough_s += step_s * point.rough
            part.speed_s += step_s * point.speed
            bearing_c += control.bearing_k_kw * point.kw
            bearing_c += BEARING_DAMAGE_K * ill.bearing + ill.misaligned_k
            motor_c = motor_end_c(control, pump, point.kw, water_c)
        else:
            part.m3 -= step_s * ill.backflow * control.duty_m3_s
        pump.bearing_c = bearing_c + (pump.bearing_c - bearing_c) * bearing_fade
        pump.motor_c = motor_c + (pump.motor_c - motor_c) * motor_fade
    well.head_ms += control.system_curve * total * total * step_s
    well.volume_m3 += net * step_s
    over = max(well.volume_m3 - control.spill_m3, 0.0)
    well.spilled_m3 += over
    well.volume_m3 -= over


@compiled
def rested_s(control: Control, well: Record, pump: Record) -> float:
    """When the level control may start a pump: so often an hour, and not just after a dry run."""
    return max(float(pump.last_start_s) + float(control.rest_s), float(well.dry_s) + DRY_REST_S)


@compiled
def find_lead(control: Control, well: Record, pumps: Table, most: int) -> bool:
    """Let the first one in turn that has rested lead; if none has, note when to try again."""
    soonest_s = np.inf
    for rank in range(most):
        j = in_turn(pumps, well.lead, rank)
        rested = rested_s(control, well, pumps[j])
        if rested <= well.now_s + SOON_S:
            well.lead = j
            return True
        soonest_s = min(soonest_s, rested)
    well.wait_s = soonest_s
    return False


@compiled
def float_up(control: Control, well: Record, pumps: Table) -> None:
    """The float starts all that can run as soon as they have rested, told to stop or not."""
    well.floated = True
    if well.k == 0 and not find_lead(control, well, pumps, well.most or well.able):
        return
    while well.k < well.able:
        rested = pumps[in_turn(pumps, well.lead, well.k)].last_start_s + control.rest_s
        if rested > well.now_s + SOON_S:
            well.wait_s = rested
            return
        well.k += 1


@compiled
def switch(control: Control, well: Record, pumps: Table, rising: bool) -> None:
    """The level has come to a switching volume: start the next pump, or stop all of them."""
    well.wait_s = np.inf
    if not rising:
        well.k, well.floated = 0, False
        well.lead = in_turn(pumps, well.lead, 1 if well.most > 1 else 0)
        if well.stop_m - well.offset_m < control.dry_m:  # it was the probe
            well.dry_s = well.now_s
    elif well.volume_m3 >= control.float_m3 * FLOATS:
        float_up(control, well, pumps)
    elif well.k == 0:
        well.k += find_lead(control, well, pumps, well.most)
    else:
        rested = rested_s(control, well, pumps[in_turn(pumps, well.lead, well.k)])
        if rested > well.now_s + SOON_S:
            well.wait_s = rested
        else:
            well.k += 1
    engage(well, pumps)


@compiled
def run_until(control: Control, well: Record, pumps: Table, end_s: float, water_c: float) -> None:
    """Move a station up to a time, or until it asks for an operating point."""
    for _ in range(EVENTS_MAX):
        net = well.inflow_m3_s - outflow(control, well, pumps)
        if net == 0.0:
            net = -1e-12  # as good as balanced
        rising, left_s = net > 0.0, end_s - well.now_s
        target = well.stop_m3 if well.k > 0 else -np.inf
        if rising:
            target = start_m3(control, well, len(pumps), float(well.k))
        due_s = max((target - well.volume_m3) / net, 0.0)
        if rising and well.wait_s < np.inf:
            wait_s = well.wait_s - well.now_s
            below_m3 = control.float_m3 * FLOATS - well.volume_m3
            if below_m3 > 0.0:  # the float does not wait
                wait_s = min(wait_s, below_m3 / net)
            due_s = max(due_s, wait_s)
        book(control, well, pumps, net, min(due_s, left_s), water_c)
        if due_s >= left_s:
            well.now_s = end_s
            return
        well.now_s += due_s
        switch(control, well, pumps, rising)
        if well.asks != NOTHING:
            return
    raise AssertionError("too many switching events of one station in one advance")


@compiled
def may_trip(control: Control, pumps: Table, water_c: float, span_s: float) -> bool:
    """Whether any motor could trip or come back within a span, if it ran through it."""
    for j in range(len(pumps)):
        pump = pumps[j]
        if pump.hot:
            return True
        if pump.ill.cooling > 0.0:
            end_c = motor_end_c(control, pump, pump.alone.kw, water_c)
            if end_c + (pump.motor_c - end_c) * math.exp(-span_s / MOTOR_TAU_S) >= TRIP_C:
                return True
    return False


@compiled
def watch(well: Record, pumps: Table) -> bool:
    """Trip what is too hot, let go what has cooled; whether anything has changed."""
    changed = False
    for j in range(len(pumps)):
        pump = pumps[j]
        if not pump.hot and pump.motor_c > TRIP_C:
            pump.latched |= pump.trip_before_s > well.now_s - LATCH_S
            pump.trip_before_s, pump.trip_s = pump.trip_s, well.now_s
            pump.hot = changed = True
        elif pump.hot and pump.motor_c < RESET_C:
            pump.hot = False
            changed = True
    return changed


@compiled
def go_on(control: Control, well: Record, pumps: Table, to_s: float, water_c: float) -> bool:
    """Move a station on to a time, or until it asks for operating points; whether it does."""
    if well.asks == LOOK:
        look(control, well, pumps)
    while well.now_s < to_s and well.asks == NOTHING:
        end_s = to_s
        watched = may_trip(control, pumps, water_c, to_s - well.now_s)
        if watched:
            end_s = min(to_s, (math.floor(well.now_s / WATCH_S) + 1.0) * WATCH_S)
        run_until(control, well, pumps, end_s, water_c)
        if watched and well.now_s == end_s and watch(well, pumps):
            turn_out(well, pumps)
            look(control, well, pumps)
    if well.now_s < to_s:
        return True
    well.level_m = level_m(control, well.volume_m3)
    return False


@compiled
def move(  # noqa: PLR0917
    control: Control, wells: Table, pumps: Table, which: Whole, to_s: float, water_c: float
) -> int:
    """Move these stations to a time, or until each asks for operating points; how many do."""
    asking = 0
    for s in which:
        if wells[s].now_s < to_s:
            asking += go_on(control, wells[s], pumps[s], to_s, water_c)
    return asking
