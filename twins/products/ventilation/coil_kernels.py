"""What recovery, coils and outdoor damper of each unit do in a step, one unit after another.

A column has one entry a unit; pairs of columns have shape ``(2, n)``. ``S..`` and ``M:..`` are
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

ROTOR, PLATE, MIXING = 0, 1, 2
"""Kinds of recovery."""
SUPPLY_SET_C = 20.0
HEAT_K, COOL_K = 32.0, 14.0
"""Lift and drop of the coils at a valve that is fully open (estimate)."""
DEAD_BAND_K = 1.0
"""Between heating and cooling (estimate)."""
COIL_S, EXHAUST_S = 180.0, 300.0
"""Lags of supply and exhaust air temperature (estimate)."""
NIGHT_S = 4 * 3600.0
"""Lag of a standing unit towards the rooms' temperature (estimate)."""
FROST_BELOW_C, FROST_OVER_C, FROST_MIN_S = -3.0, 1.0, 900.0
"""Defrosting of a plate: begins, ends, lasts at least (S20)."""
FROST_1_KS = 1.0 / (8.0 * 3600.0)
"""Ice that doubles the plate's pressure drop grows in 8 h at 1 K below zero (estimate)."""
BEST_RECOVERY = (0.80, 0.78, 0.0)
"""Temperature efficiency at design flow by kind (section 1B: 0.82 and 0.78 typical)."""
ROTOR_RPM, ROTOR_STANDS = 12.0, 0.03
"""Full speed of a wheel, and what one that stands still recovers (estimate)."""
FRESH_LEAST = 0.3
"""Smallest opening of the outdoor damper of a mixing box while people are in (estimate)."""
MIX_STEEP, MIX_MIDDLE, MIX_OPEN = 8.0, 0.66, 0.92
MIX_LEAK = 0.03
"""Outdoor air past a closed damper that is well (estimate)."""
_MIX_LOW = 1.0 / (1.0 + math.exp(MIX_STEEP * MIX_MIDDLE))
_MIX_HIGH = 1.0 / (1.0 + math.exp(-MIX_STEEP * (1.0 - MIX_MIDDLE)))


class Coils(NamedTuple):
    """Temperatures, valves, outdoor dampers and the recovery."""

    supply_c: Columns
    exhaust_c: Columns
    mixed_c: Columns
    outdoor_c: Columns
    zone_c: Columns
    """Mean of the unit's rooms."""
    heating: Columns
    cooling: Columns
    heating_asked: Columns
    cooling_asked: Columns
    ice: Columns
    defrost_s: Columns
    rotor_slip: Columns
    rotor_stopped: Flags
    ice_blind: Flags
    stuck_valves: Columns
    overlap: Columns
    opening: Columns
    opening_asked: Columns
    stuck_damper: Columns
    leak: Columns
    fresh: Columns
    rotor_rpm: Columns
    full: Columns
    full_efficiency: Columns


@compiled
def outdoor_fraction(opening: float, leak: float) -> float:
    """Share of outdoor air behind a mixing box whose outdoor damper stands at ``opening``.

    Two dampers in parallel do not mix in proportion: an S, 0.03-0.36 at 0.3 to 0.6 open,
    0.29-0.72 at 0.6 to 0.98, 0.82-0.95 fully open (M:lbnl). ``leak`` is its floor when closed.
    """
    bent = 1.0 / (1.0 + math.exp(-MIX_STEEP * (opening - MIX_MIDDLE)))
    return leak + (MIX_OPEN - leak) * (bent - _MIX_LOW) / (_MIX_HIGH - _MIX_LOW)


@compiled
def set_dampers(coils: Coils, recovery: int, on: Flags, worst_ppm: Columns) -> None:
    """Where the outdoor damper is asked to be, and where it is; before the fans' step.

    A mixing box takes outdoor air as it is cool enough to save heating and cooling, more for bad
    air, none while the unit stands. Without one the damper is open or shut.
    """
    for u in range(len(on)):
        asked = 1.0
        if recovery == MIXING:
            gap, lift = coils.zone_c[u] - coils.outdoor_c[u], 0.0
            if gap > 1.0:
                lift = (coils.zone_c[u] - SUPPLY_SET_C) / gap
            asked = min(max(lift, (worst_ppm[u] - 700.0) / 500.0, FRESH_LEAST), 1.0)
        asked = asked if on[u] else 0.0
        stuck = coils.stuck_damper[u]
        coils.opening_asked[u] = asked
        coils.opening[u] = asked if math.isnan(stuck) else stuck
        if recovery == MIXING:
            coils.fresh[u] = outdoor_fraction(coils.opening[u], coils.leak[u])


@compiled
def frosts(coils: Coils, u: int, on: bool, dt_s: float) -> bool:
    """Ice grows below zero; by-pass from -3 degC on, 15 min at least and up to +1 degC.

    Returns:
        Whether the plate is by-passed.
    """
    exhaust_c, active = coils.exhaust_c[u], coils.defrost_s[u] > 0.0
    left = coils.defrost_s[u] - dt_s if active else 0.0
    if on and active and (left > 1e-9 or exhaust_c <= FROST_OVER_C):
        left = max(left, 1e-6)
    elif on and not active and exhaust_c < FROST_BELOW_C and not coils.ice_blind[u]:
        left = FROST_MIN_S
    else:
        left = 0.0
    coils.defrost_s[u] = left
    change = FROST_1_KS * max(-exhaust_c, 0.0) if on else 0.0
    if left > 0.0:
        change -= 1.0 / FROST_MIN_S
    coils.ice[u] = min(max(coils.ice[u] + change * dt_s, 0.0), 1.0)
    return left > 0.0


@compiled
def recovered_k(coils: Coils, recovery: int, u: int, x: float) -> float:
    """Kelvin that the recovery gives to the supply air of a running unit, as many as are needed.

    Efficiency is ``eta0 x^-0.15``, at most 0.90 (section 1B). A rotor that turns too slowly
    recovers ``1 - e^(-0.4 rpm)`` of that, 1 at full speed.
    """
    outdoor_c = coils.outdoor_c[u]
    gap, defrosting = coils.zone_c[u] - outdoor_c, coils.defrost_s[u] > 0.0
    best = min(BEST_RECOVERY[recovery] * max(x, 0.05) ** -0.15, 0.90)
    turning = 1.0
    if recovery == PLATE:
        best *= 0.0 if defrosting else 1.0 - 0.5 * coils.ice[u]
    elif coils.rotor_stopped[u]:
        best, turning = best * ROTOR_STANDS, 0.0
    elif coils.rotor_slip[u] > 0.0:
        turning = 1.0 - coils.rotor_slip[u]
        best *= math.expm1(-0.4 * ROTOR_RPM * turning) / math.expm1(-0.4 * ROTOR_RPM)
    reach, asked = best * gap, 1.0
    if gap > 0.0:
        asked = min(max((SUPPLY_SET_C - outdoor_c) / max(reach, 1e-6), 0.0), 1.0)
    if recovery == ROTOR:
        coils.rotor_rpm[u] = asked * ROTOR_RPM * turning
    full = asked >= 1.0 and gap > 5.0 and not (recovery == PLATE and defrosting)
    coils.full[u] = 1.0 if full else 0.0
    coils.full_efficiency[u] = best if full else 0.0
    return float(asked * reach)


@compiled
def coils_k(coils: Coils, u: int, need_k: float, on: bool) -> float:
    """Move the valves; returns Kelvin that the coils give (heating over cooling).

    A lost dead band opens both valves; a valve works against one that is stuck.
    """
    hot, cold = coils.stuck_valves[0, u], coils.stuck_valves[1, u]
    hot_stuck, cold_stuck = not math.isnan(hot), not math.isnan(cold)
    heating = max(need_k / HEAT_K, 0.0) + coils.overlap[u]
    cooling = max((need_k + DEAD_BAND_K) / -COOL_K, 0.0) + coils.overlap[u] * (HEAT_K / COOL_K)
    other_k = need_k - (HEAT_K * hot if hot_stuck else 0.0) + (COOL_K * cold if cold_stuck else 0.0)
    if cold_stuck:
        heating = other_k / HEAT_K
    if hot_stuck:
        cooling = -other_k / COOL_K
    heating = min(max(heating, 0.0), 1.0) if on else 0.0
    cooling = min(max(cooling, 0.0), 1.0) if on else 0.0
    coils.heating_asked[u], coils.cooling_asked[u] = heating, cooling
    heating, cooling = hot if hot_stuck else heating, cold if cold_stuck else cooling
    coils.heating[u], coils.cooling[u] = heating, cooling
    return HEAT_K * heating - COOL_K * cooling


@compiled
def temper(coils: Coils, recovery: int, on: Flags, x: Columns, dt_s: float) -> None:
    """One step of temperatures, exact for what is constant in it.

    Recovery as far as it is needed, then the coils. A standing unit creeps towards the rooms, and
    towards outdoors as far as a damper does not shut; its valves shut as far as they can.
    """
    coil_pace = math.exp(-dt_s / COIL_S)
    exhaust_pace = math.exp(-dt_s / EXHAUST_S)
    night_pace = math.exp(-dt_s / NIGHT_S)
    for u in range(len(on)):
        zone, outdoor_c = coils.zone_c[u], coils.outdoor_c[u]
        moved_k = 0.0
        if recovery == PLATE:
            frosts(coils, u, on[u], dt_s)
        elif recovery == MIXING:
            moved_k = (1.0 - coils.fresh[u]) * (zone - outdoor_c)
            coils.mixed_c[u] = outdoor_c + moved_k
        if not on[u]:
            coils_k(coils, u, 0.0, False)
            stuck = coils.stuck_damper[u]
            open_ = max(coils.leak[u] - MIX_LEAK, 0.0)
            open_ = open_ if math.isnan(stuck) else max(open_, stuck)
            towards_c = zone + open_ * (outdoor_c - zone)
            coils.supply_c[u] = towards_c + (coils.supply_c[u] - towards_c) * night_pace
            coils.exhaust_c[u] = towards_c + (coils.exhaust_c[u] - towards_c) * night_pace
            continue
        towards_c = zone
        if recovery != MIXING:
            moved_k = recovered_k(coils, recovery, u, x[u])
            towards_c = zone - moved_k
        coils.exhaust_c[u] = towards_c + (coils.exhaust_c[u] - towards_c) * exhaust_pace
        need_k = SUPPLY_SET_C - outdoor_c - moved_k
        towards_c = outdoor_c + moved_k + coils_k(coils, u, need_k, True)
        coils.supply_c[u] = towards_c + (coils.supply_c[u] - towards_c) * coil_pace
