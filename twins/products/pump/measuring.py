"""What pumps and stations report of an interval, and states that their control knows.

Signals stand in the order of ``product.toml``.
Kernels; fields of ``wells`` and ``pumps`` are those of ``columns.py``. Sources as in
``hydraulics.py``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]
Table = NDArray[np.record]
Record = Any
"""One row of a table; its fields are attributes."""

LOOK = 3
"""What stations ask for in the next interval: see ``switching.py``."""
SIGNALS = 26
STATES = (
    "storm", "high_level", "dry_run", "high_level_float", "motor_overtemp", "stator_leak",
)  # fmt: skip
STORM = 3.0
"""Storm inflow over the dry-weather mean (rule P14)."""
SUPPLY_HZ = 50.0
BAR_PER_M = 1000.0 * 9.81 / 1e5
"""Pressure of a metre of water."""
CLOG_MM_S = 1.2
"""Vibration of a fully clogged impeller (estimate)."""
CAVITATION_MM_S = 0.3
"""Broadband noise; the overall RMS hardly rises (+4 % at 41 % of the flow, M:skab other_12)."""
OIL_GOOD_PCT, OIL_FAILED_PCT = 0.5, 30.0
"""Water in the oil of the seal chamber, good and failed seal (estimate)."""
SEAL_SENSOR_PCT = 10.0
"""The probe in the chamber trips here (estimate)."""
INSULATION_MOHM = 800.0
"""Of a good winding at 20 degC; halves per 10 K (K), 3.5 decades lower at its end (estimate)."""
SAG_V_KW = 0.15
"""How much the mains sag under the load of a station (estimate)."""


class Interval(NamedTuple):
    """What all stations share in the interval that ends."""

    now_s: float
    span_s: float
    evening: float
    """Mains voltage over its mean, by the time of day."""
    outlet_m: float
    float_m: float
    stator_from: float
    """Damage of the seal from which water stands in the stator housing."""


@compiled
def vibration_mm_s(pump: Record, rough: float, speed: float) -> float:
    """Velocity RMS while running: independent causes add as squares (section 1A).

    Args:
        pump: Its ills, and its healthy vibration at the point it runs best, at full speed.
        rough: Mean roughness while running.
        speed: Mean speed ratio, as ``rough``.
    """
    ill, healthy, speed2 = pump.ill, pump.healthy_mm_s, speed * speed
    square = healthy * rough * healthy * rough + ill.bearing_mm_s * ill.bearing_mm_s
    turning = ill.imbalance * ill.imbalance * speed2 + ill.misaligned * ill.misaligned
    square += healthy * healthy * turning * speed2
    clog = CLOG_MM_S * ill.clog
    cavitation = CAVITATION_MM_S * min(max(-0.5 * pump.alone.npsh_margin_m, 0.0), 1.0)
    return math.sqrt(square + clog * clog + cavitation * cavitation)


@compiled
def rolled(count: float, limit: float) -> float:
    """What a counter shows that starts again at 0 where its register is full."""
    return count - math.floor(count / limit) * limit if limit < np.inf else count


@compiled
def insulation_mohm(pump: Record, stator_from: float) -> float:
    """Insulation at rest: halves per 10 K; falls with the winding, and with water in the stator."""
    ill = pump.ill
    wet = min(max((ill.seal - stator_from) / (1.0 - stator_from), 0.0), 1.0)
    decades = 3.5 * ill.winding * math.sqrt(ill.winding) + 2.5 * wet
    halvings = (pump.motor_c - 20.0) / 10.0
    return INSULATION_MOHM * math.exp(-math.log(2.0) * halvings - math.log(10.0) * decades)


@compiled
def close(well: Record, pumps: Table, first: int, ragged: NDArray[np.int64], rags: int) -> int:
    """Add the sums of the interval that ends to those of all time, and begin the next.

    Args:
        well: A station.
        pumps: Its pumps.
        first: Number of the first of them.
        ragged: Where to write at which of them rags come or come off, from ``rags`` on.
        rags: How many stand there already.

    Returns:
        How many stand there then.
    """
    well.head_ms, well.opened, well.asks = 0.0, False, LOOK
    for j in range(len(pumps)):
        pump = pumps[j]
        part = pump.part
        pump.m3 += max(part.m3, 0.0)
        part.m3 = 0.0
        if part.run_s > 0.0:
            pump.kwh += part.kws / 3600.0
            pump.ground_h += part.run_s / 3600.0
            part.run_s = part.kws = part.amp_s = part.rough_s = part.speed_s = 0.0
        if pump.m3 >= pump.rags_m3 or pump.starts >= pump.clean_starts:
            ragged[rags] = first + j
            rags += 1
    return rags


@compiled
def use(pump: Record, span_s: float, row: int, j: int, out: Columns) -> None:
    """What a pump did in the interval; one that stood needs no divisions."""
    part, run_s, m3 = pump.part, pump.part.run_s, pump.part.m3
    out[1, row, j] = m3 / span_s * 3600.0 if m3 != 0.0 else 0.0
    if run_s > 0.0:
        out[2, row, j] = part.kws / span_s
        out[3, row, j] = part.amp_s / run_s
        rough, speed = part.rough_s / run_s, part.speed_s / run_s
        out[4, row, j] = vibration_mm_s(pump, rough, speed)
        out[11, row, j] = run_s / span_s
        out[12, row, j] = part.speed_s / span_s * SUPPLY_HZ
    else:
        out[2, row, j] = out[11, row, j] = out[12, row, j] = 0.0
        out[3, row, j] = out[4, row, j] = np.nan
    out[21, row, j] = part.kws / 3600.0 / m3 if m3 > 0.0 else np.nan


@compiled
def tell(pump: Record, stator_from: float, row: int, j: int, out: Columns) -> None:
    """How a pump is at the end of the interval."""
    ill, oil_pct = pump.ill, OIL_GOOD_PCT
    if ill.seal > 0.0:
        oil_pct += (OIL_FAILED_PCT - OIL_GOOD_PCT) * ill.seal * math.sqrt(ill.seal)
    out[5, row, j], out[6, row, j] = pump.bearing_c, pump.motor_c
    out[7, row, j] = rolled(pump.run_s / 3600.0, ill.hours_limit)
    out[8, row, j] = rolled(pump.starts, ill.starts_limit)
    out[9, row, j], out[10, row, j] = pump.able, pump.running
    out[17, row, j] = oil_pct
    out[18, row, j], out[19, row, j] = oil_pct > SEAL_SENSOR_PCT, ill.seal >= stator_from
    out[20, row, j] = np.nan if pump.running else insulation_mohm(pump, stator_from)
    out[23, row, j] = pump.reversals


@compiled
def measure(  # noqa: PLR0917
    interval: Interval, well: Record, pumps: Table, signal_dbm: float, row: int, out: Columns
) -> None:
    """Write true values of the interval that ends, of one station.

    Args:
        interval: What all stations share.
        well: The station.
        pumps: Its pumps.
        signal_dbm: Of its modem.
        row: Which row of ``out`` is its own.
        out: Shape ``(signals, stations, pumps)``; NaN where a signal was not measured.
    """
    span_s = interval.span_s
    m3, kws = 0.0, 0.0
    for j in range(len(pumps)):
        m3 += pumps[j].part.m3
        kws += pumps[j].part.kws
    shown_m, m3_h, high = well.level_m + well.offset_m, 0.0, well.level_m >= interval.float_m
    bar = BAR_PER_M * (interval.outlet_m - 1.0 + well.head_ms / span_s)
    volts, rain_mm_h, opened = well.volts * interval.evening, well.rain_mm_h, well.opened
    if m3 != 0.0:
        m3_h = m3 / span_s * 3600.0
    if kws > 0.0:
        volts -= SAG_V_KW * kws / span_s
    if well.dead:
        volts = 0.0
    for j in range(len(pumps)):
        pump = pumps[j]
        out[0, row, j], out[13, row, j], out[14, row, j] = shown_m, m3_h, bar
        out[15, row, j], out[16, row, j], out[22, row, j] = volts, high, rain_mm_h
        out[24, row, j], out[25, row, j] = opened, signal_dbm
        use(pump, span_s, row, j, out)
        tell(pump, interval.stator_from, row, j, out)


@compiled
def know(  # noqa: PLR0917
    well: Record, pumps: Table, s: int, float_m: float, stator_from: float,
    out: NDArray[np.bool_],
) -> None:  # fmt: skip
    """What a station's control knows now; ``out`` has shape ``(states, stations, pumps)``."""
    started_s = -np.inf
    for j in range(len(pumps)):
        started_s = max(started_s, pumps[j].last_start_s)
    for j in range(len(pumps)):
        pump = pumps[j]
        out[0, s, j] = well.inflow_m3_s > STORM * well.mean_m3_s
        out[1, s, j] = well.level_m > 0.5 * (float_m + well.start_m)
        out[2, s, j] = well.dry_s > started_s
        out[3, s, j] = well.floated or well.level_m >= float_m
        out[4, s, j] = pump.hot or pump.latched
        out[5, s, j] = pump.ill.seal >= stator_from


@compiled
def tell_states(
    wells: Table, pumps: Table, float_m: float, stator_from: float, out: NDArray[np.bool_]
) -> None:
    """What every station's control knows now."""
    for s in range(len(wells)):
        know(wells[s], pumps[s], s, float_m, stator_from, out)
