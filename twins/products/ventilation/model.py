"""Physics of a ventilation unit and its rooms: formulas only, no state.

Flows are shares of the unit's design flow (``x``), speeds shares of full speed (``n``), pressures
Pa, temperatures degC, CO2 ppm. ``S..`` and ``M:..`` are sources listed in README.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.float64]

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
ROOM_M3_S = 250.0 / 3600.0
"""Largest flow to one room: 210-240 m3/h for an office of 60-75 m3 (S22), boxes 280 l/s (S23)."""
ROOM_M3 = 75.0
"""Volume of a room (S22)."""
LEAK_1_S = 0.25 / 3600.0
"""Air change by leaks, 1/s (decays of 0.3 to 1.5 1/h measured with fans off, M:windesheim)."""
PERSON_PPM_M3_S = 4.6
"""CO2 of a seated adult: 0.0046 l/s (S21) = 4.6 ppm m3/s."""
OUTDOOR_PPM = 420.0
STILL_PPM = PERSON_PPM_M3_S / (LEAK_1_S * ROOM_M3)
"""CO2 over outdoor air that a person comes to in the end without ventilation."""
FILTER_EXPONENT = 1.5
"""Pressure drop on flow: 1.0 to 1.5 for media (S17, S18); domain 6.2 normalises with 1.5."""
DAMPER_MIN = 0.2
"""Smallest opening (S22)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fan:
    """A plug fan: ``dp = shutoff n^2 - curve x^2`` (a parabola that keeps the fan laws)."""

    shutoff_pa: float
    curve_pa: float
    best: float = 1.18
    """x / n at the best efficiency: design flow at 85 % speed."""
    best_efficiency: float = 0.60
    """Total efficiency of an EC plug fan, 0.45 to 0.70 (S24)."""
    full_rpm: float = 2800.0
    duct_pa: float = 0.0
    """Fixed pressure losses (ducts, coils, recovery) at design flow; they go with x^2."""


SUPPLY = Fan(shutoff_pa=1100.0, curve_pa=335.0, duct_pa=260.0)
"""Clean duty 445 Pa: 120 set point, 80 duct, 120 recovery (S24: 100-250), 60 coils, 65 filter."""
EXTRACT = Fan(shutoff_pa=900.0, curve_pa=285.0, duct_pa=200.0)
DUCT_SET_PA = 120.0
"""Static pressure held at the end of the duct (external static 100-400 Pa, estimate)."""
EXTRACT_SHARE = 0.97
"""Extract over supply flow: the house is kept at a slight over-pressure (estimate)."""
RECOVERY_PA = 120.0


def flow_at_speed(
    n: Columns, wanted: Columns, *, shutoff_pa: Columns, square_pa: Columns, filter_pa: Columns
) -> Columns:
    """What flows at a given speed when the dampers stand as they do: duct pressure goes with it.

    Solves ``shutoff n^2 = (square + set / wanted^2) x^2 + filter x^1.5`` by Newton from above.

    Args:
        n: Speed as a share of full speed.
        wanted: Flow that the dampers would take at the duct set point.
        shutoff_pa: Pressure of the fan at full speed without flow.
        square_pa: Curve of the fan and fixed losses, at design flow.
        filter_pa: Filter pressure drop at design flow.
    """
    square = square_pa + DUCT_SET_PA / wanted**2
    head = shutoff_pa * n * n
    x: Columns = np.sqrt(head / square)
    for _ in range(5):
        power = filter_pa * x**FILTER_EXPONENT
        miss = square * x * x + power - head
        x = x - miss / (2.0 * square * x + FILTER_EXPONENT * power / x)
    return x


def effectiveness(best: Columns, x: Columns) -> Columns:
    """Temperature efficiency of a recovery, ``eta0 x^-0.15``, at most 0.90 (section 1B)."""
    return np.minimum(best * x**-0.15, 0.90)


ROTOR_RPM = 12.0


def rotor_share(rpm: Columns) -> Columns:
    """What a rotor that turns too slowly still recovers: ``1 - e^(-0.4 rpm)``, 1 at full speed."""
    return np.expm1(-0.4 * rpm) / math.expm1(-0.4 * ROTOR_RPM)


def co2_step(
    ppm: Columns, persons: Columns, flow_m3_s: Columns, dt_s: float, inlet_ppm: Columns | None
) -> Columns:
    """Exact step of ``V dC/dt = N G - q (C - C_in) - q_leak (C - C_out)``; ``N``, ``q`` constant.

    Args:
        ppm: CO2 now, shape ``(n, rooms)``.
        persons: People in each room.
        flow_m3_s: Air to each room.
        dt_s: Length of the step.
        inlet_ppm: CO2 of the supply air, shape ``(n, 1)``; outdoor air if there is none.

    Returns:
        CO2 at the end of the step.
    """
    air = flow_m3_s + LEAK_1_S * ROOM_M3
    steady = persons * PERSON_PPM_M3_S
    if inlet_ppm is not None:
        steady += flow_m3_s * (inlet_ppm - OUTDOOR_PPM)
    steady /= air
    steady += OUTDOOR_PPM
    air *= -dt_s / ROOM_M3
    np.exp(air, out=air)
    air *= ppm - steady
    air += steady
    return air


BELT_SLIP = 0.015
"""Slip of a good belt: 1-2 % (S13)."""


def belt_efficiency(slip: Columns) -> Columns:
    """97 % with a good belt, 92 % at 4 % slip, 80 % at 8 % (S13); 1 where there is none."""
    return np.interp(slip, (0.0, BELT_SLIP, 0.04, 0.08, 0.5), (1.0, 0.97, 0.92, 0.80, 0.40))


MIX_STEEP, MIX_MIDDLE, MIX_OPEN = 8.0, 0.66, 0.92
MIX_LEAK = 0.03
"""Outdoor air past a closed damper that is well (estimate)."""
_MIX_LOW, _MIX_HIGH = (1.0 / (1.0 + math.exp(-MIX_STEEP * (p - MIX_MIDDLE))) for p in (0.0, 1.0))


def outdoor_fraction(opening: Columns, leak: Columns) -> Columns:
    """Share of outdoor air behind a mixing box whose outdoor damper stands at ``opening``.

    Two dampers in parallel do not mix in proportion: an S, 0.03-0.36 at 0.3 to 0.6 open,
    0.29-0.72 at 0.6 to 0.98, 0.82-0.95 fully open (M:lbnl). ``leak`` is its floor when closed.
    """
    bent = 1.0 / (1.0 + np.exp(-MIX_STEEP * (opening - MIX_MIDDLE)))
    return leak + (MIX_OPEN - leak) * (bent - _MIX_LOW) / (_MIX_HIGH - _MIX_LOW)


def first_order(now: Columns, towards: Columns, *, dt_s: float, tau_s: float) -> Columns:
    """Exact step of ``tau dT/dt = T_inf - T`` for a constant ``T_inf``. Shapes ``(n,)``."""
    return towards + (now - towards) * math.exp(-dt_s / tau_s)


OFFICE_SHARE = (0.0,) * 7 + (0.2, 0.5, 0.58, 0.58, 0.55, 0.42, 0.55, 0.58, 0.55, 0.4, 0.15) + (
    0.02, 0.01) + (0.0,) * 4  # fmt: skip
"""Share of time towards which rooms fill by hour of a weekday; as they fill slowly, 0.4 of the time
from 9 to 17 comes out (0.32 and 0.47 measured, M:windesheim)."""
DESK_1_H, MEETING_1_H = 0.15, 4.0
"""Leaving rates: three of five visits are desk work, two a meeting. The median run is 1.2 h
(``0.6 e^-0.18 + 0.4 e^-4.8 = 0.5``; 1 h measured, M:windesheim), with a tail of whole days."""
RUN_1_H = 1.0 / (0.6 / DESK_1_H + 0.4 / MEETING_1_H)
"""One over the mean run."""
HOME_1_H = 3.0
"""Leaving rate when nobody would come any more (estimate)."""
WEEKEND_SHARE = 0.01


def weekday(at_ms: int) -> int:
    """Day of the week, Monday 0 (UTC)."""
    return (at_ms // DAY_MS + 3) % 7  # the epoch was a Thursday


def office_share(at_ms: int) -> float:
    """Share of time towards which rooms fill at a time; 0 where nobody comes."""
    share = OFFICE_SHARE[at_ms // HOUR_MS % 24]
    return min(share, WEEKEND_SHARE) if weekday(at_ms) >= 5 else share


def occupancy_rates(at_ms: int) -> tuple[float, float, float]:
    """Rates of a two-state Markov chain at a time, 1/h.

    They keep the share of time of ``OFFICE_SHARE``: ``enter = leave share / (1 - share)``.

    Returns:
        How often an empty room fills, and how often a desk room and a meeting empty.
    """
    share = office_share(at_ms)
    if share <= 0.05:
        return HOME_1_H * share / (1.0 - share), HOME_1_H, HOME_1_H
    return RUN_1_H * share / (1.0 - share), DESK_1_H, MEETING_1_H


def outdoor_temp_c(at_ms: int, mean_c: float) -> float:
    """Climate: year (9 K, coldest in late January) and day (4 K, warmest at 15 h) (estimate)."""
    year = math.cos(2.0 * math.pi * (at_ms / DAY_MS / 365.25 - 0.07))
    day = math.cos(2.0 * math.pi * (at_ms / DAY_MS - 15.0 / 24.0))
    return mean_c - 9.0 * year + 4.0 * day


def dust_season(at_ms: int) -> float:
    """Dust over its yearly mean: pollen in April and May, heating in winter (estimate)."""
    year = at_ms / DAY_MS / 365.25 % 1.0
    pollen = math.exp(-(((year - 0.35) / 0.06) ** 2))
    return 0.85 + 0.15 * math.cos(2.0 * math.pi * (year - 0.04)) + 0.8 * pollen
