"""What people, dampers and air do in each room in a step, one room after another.

Columns of rooms have shape ``(n, rooms)``, those of units ``(n,)``. ``S..`` and ``M:..`` are
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
Words = NDArray[np.uint64]

ROOM_M3_S = 250.0 / 3600.0
"""Largest flow to one room: 210-240 m3/h for an office of 60-75 m3 (S22), boxes 280 l/s (S23)."""
ROOM_M3 = 75.0
"""Volume of a room (S22)."""
LEAK_1_S = 0.25 / 3600.0
"""Air change by leaks, 1/s (decays of 0.3 to 1.5 1/h measured with fans off, M:windesheim)."""
PERSON_PPM_M3_S = 4.6
"""CO2 of a seated adult: 0.0046 l/s (S21) = 4.6 ppm m3/s."""
OUTDOOR_PPM = 420.0
DAMPER_MIN = 0.2
"""Smallest opening (S22)."""
PERSONS_MAX = 5
"""People who come into a room: 1 to 5, equally likely (meeting use 0 to 12, M:windesheim)."""
MEETING = 4.0
"""From so many people on it is a meeting, which ends sooner than desk work (estimate)."""
PLUME, PLUME_MEMORY_S = 0.36, 14_400.0
"""Air is not mixed: what people add differs by so much between two places of a room, and for so
long, half a working day (estimate; fitted so that, with the biases, pairs of sensors differ as
M:windesheim's do)."""
GAIN_1_PPM, INTEGRAL_S = 1.0 / 400.0, 1800.0
"""PI control of a damper (estimate)."""
PRESENCE_STEP = 0.1
"""Presence opens the damper by so much (estimate)."""
FALLBACK = 0.5
"""Where a damper goes whose room node is dead: local safety without any network (estimate)."""
WARM_C, PERSON_K, SUN_1_K, COLD_C = 21.5, 1.2, 0.15, 19.0
WARM_S, COLD_S = 8 * 3600.0, 24 * 3600.0
DRAUGHT, SUPPLY_SET_C = 0.4, 20.0
"""Rooms: base, people, outdoor heat above 15 degC, night, lags, and how much of what the supply air
is off its set point comes through (estimates)."""
DRAWS = 4
"""Words of a room and step: one for each part of it at most three, and one for its air."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S11, _S16, _S27 = np.uint64(11), np.uint64(16), np.uint64(27)
_S30, _S31, _LOW_16 = np.uint64(30), np.uint64(31), np.uint64(0xFFFF)


class RoomColumns(NamedTuple):
    """All rooms, shape ``(n, rooms)``."""

    keys: Words
    """Of their streams."""
    popular: Columns
    """How much more or less one is used than another."""
    bias_ppm: Columns
    warm_c: Columns
    persons: Columns
    ppm: Columns
    temp_c: Columns
    asked: Columns
    """Opening that is asked of the damper."""
    opening: Columns
    flow_m3_s: Columns
    integral: Columns
    plume: Columns
    drift_ppm: Columns
    drift_ppm_s: Columns
    stuck: Columns
    """Where a damper is stuck; NaN where it moves."""
    alive: Flags
    """Whether the node works, so that its damper is controlled."""


class UnitColumns(NamedTuple):
    """What rooms get from their unit, shape ``(n,)``."""

    on: Flags
    demand: Flags
    """Whether the dampers follow the CO2."""
    set_ppm: Columns
    ratio: Columns
    """What comes of the flow that the dampers ask for."""
    fresh: Columns
    """Share of outdoor air in the supply air."""


class Around(NamedTuple):
    """Temperatures of each unit, shape ``(n,)``."""

    supply_c: Columns
    outdoor_c: Columns
    zone_c: Columns
    """Mean of its rooms."""


class Span(NamedTuple):
    """A step in ``parts`` equal parts."""

    step: int
    """Its number."""
    parts: int
    dt_s: float
    """Length of the whole step."""


@compiled
def word_of(key: np.uint64, number: int) -> np.uint64:
    """Word ``number`` of a stream: SplitMix64 (Steele, Lea and Flood 2014)."""
    word = key + np.uint64(number + 1) * _GOLDEN
    word = (word ^ (word >> _S30)) * _FIRST
    word = (word ^ (word >> _S27)) * _SECOND
    return word ^ (word >> _S31)


@compiled
def gust(word: np.uint64) -> float:
    """A draw of mean 0 and variance 1: the sum of four uniforms of 16 bits.

    What uses it remembers dozens of them, so their sum is normal.
    """
    total = (word & _LOW_16) + ((word >> _S16) & _LOW_16)
    word >>= _S16
    total += ((word >> _S16) & _LOW_16) + (word >> np.uint64(32))
    return (float(total) - 131_070.0) * (math.sqrt(3.0) / 65_536.0)


@compiled
def reading(ppm: float, plume: float, bias_ppm: float, drift_ppm: float) -> float:
    """What the sensor of a room says before noise, ppm; the air is not mixed."""
    return ppm + (ppm - OUTDOOR_PPM) * plume + bias_ppm + drift_ppm


@compiled
def come_and_go(persons: float, come: float, leave: float, chance: float) -> float:
    """People in a room after a part of a step, a two-state Markov chain.

    Args:
        persons: Who is in.
        come: Chance that an empty room fills.
        leave: Chance that this one empties.
        chance: Uniform from 0 to 1.
    """
    if persons > 0.0:
        return 0.0 if chance < leave else persons
    if chance < come:  # given that somebody came, chance / come is uniform again
        return float(1.0 + math.floor(PERSONS_MAX * chance / come))
    return 0.0


@compiled
def left_after(flow_m3_s: float, dt_s: float) -> float:
    """How much of a distance from the steady state is left after ``dt_s`` of air to a room."""
    return math.exp(-(flow_m3_s + LEAK_1_S * ROOM_M3) * dt_s / ROOM_M3)


@compiled
def co2_after(ppm: float, persons: float, flow_m3_s: float, left: float, inlet_ppm: float) -> float:
    """Exact step of ``V dC/dt = N G - q (C - C_in) - q_leak (C - C_out)``; ``N``, ``q`` constant.

    Args:
        ppm: CO2 now.
        persons: People in the room.
        flow_m3_s: Air to the room.
        left: See :func:`left_after`.
        inlet_ppm: CO2 of the supply air.
    """
    air = flow_m3_s + LEAK_1_S * ROOM_M3
    added = persons * PERSON_PPM_M3_S + flow_m3_s * (inlet_ppm - OUTDOOR_PPM)
    steady = OUTDOOR_PPM + added / air
    return steady + (ppm - steady) * left


@compiled
def integrated(integral: float, error: float, dt_s: float) -> float:
    """The integral part of a damper's control after a part of a step, kept within its range."""
    return min(max(integral + error * (dt_s / INTEGRAL_S), 0.0), 1.0 - DAMPER_MIN)


@compiled
def asked_opening(error: float, integral: float, persons: float) -> float:
    """Opening that the PI control of a room asks for, more while somebody is in."""
    lift = DAMPER_MIN + (PRESENCE_STEP if persons > 0.0 else 0.0)
    return min(max(error + integral + lift, DAMPER_MIN), 1.0)


@compiled
def live(
    rooms: RoomColumns, units: UnitColumns, span: Span, rates: Columns, wanted: Columns
) -> None:  # fmt: skip
    """A step of people, dampers and CO2, in parts; all of them exact for what is constant in it.

    Args:
        rooms: All of them.
        units: Theirs.
        span: The step.
        rates: Of each part: see :func:`come_and_go`; shape ``(parts, 3)``.
        wanted: Where to write the mean flow that dampers ask for, as a share of design.
    """
    n, count = rooms.ppm.shape
    part_s = span.dt_s / span.parts
    memory = math.exp(-span.dt_s / PLUME_MEMORY_S)
    push = PLUME * math.sqrt(1.0 - memory * memory)
    still = math.exp(-part_s * LEAK_1_S)
    for u in range(n):
        share_m3_s = ROOM_M3_S * units.ratio[u] if units.on[u] else 0.0
        opened, least_left = 0.0, left_after(DAMPER_MIN * share_m3_s, part_s)
        for r in range(count):
            blows = gust(word_of(rooms.keys[u, r], DRAWS * span.step + DRAWS - 1))
            rooms.plume[u, r] = memory * rooms.plume[u, r] + push * blows
            rooms.drift_ppm[u, r] += rooms.drift_ppm_s[u, r] * span.dt_s
        for part in range(span.parts):
            inlet_ppm, now = OUTDOOR_PPM, rates[part]
            if units.fresh[u] < 1.0:
                for r in range(count):  # what comes back from the rooms
                    back = (1.0 - units.fresh[u]) / count
                    inlet_ppm += back * (rooms.ppm[u, r] - OUTDOOR_PPM)
            for r in range(count):
                persons = rooms.persons[u, r]
                if now[0] > 0.0 or persons > 0.0:
                    word = word_of(rooms.keys[u, r], DRAWS * span.step + part)
                    chance = float(word >> _S11) * 2.0**-53
                    leave = now[2] if persons >= MEETING else now[1]
                    persons = come_and_go(persons, rooms.popular[u, r] * now[0], leave, chance)
                    rooms.persons[u, r] = persons
                ppm, asked, integral = rooms.ppm[u, r], DAMPER_MIN, 0.0
                if units.on[u]:
                    plume, drift_ppm = rooms.plume[u, r], rooms.drift_ppm[u, r]
                    read_ppm = reading(ppm, plume, rooms.bias_ppm[u, r], drift_ppm)
                    error = (read_ppm - units.set_ppm[u]) * GAIN_1_PPM
                    integral = integrated(rooms.integral[u, r], error, part_s)
                    asked = asked_opening(error, integral, persons)
                    if not units.demand[u]:
                        asked = 1.0  # every room its design flow
                    elif not rooms.alive[u, r]:
                        asked = FALLBACK
                rooms.integral[u, r] = integral
                opening = asked if math.isnan(rooms.stuck[u, r]) else rooms.stuck[u, r]
                rooms.asked[u, r], rooms.opening[u, r] = asked, opening
                opened += opening
                flow_m3_s = opening * share_m3_s
                rooms.flow_m3_s[u, r] = flow_m3_s
                if flow_m3_s > 0.0:
                    # By day four of five dampers are as far closed as they go.
                    least = opening == DAMPER_MIN
                    left = least_left if least else left_after(flow_m3_s, part_s)
                    rooms.ppm[u, r] = co2_after(ppm, persons, flow_m3_s, left, inlet_ppm)
                else:
                    steady = OUTDOOR_PPM + persons * (PERSON_PPM_M3_S / (LEAK_1_S * ROOM_M3))
                    rooms.ppm[u, r] = steady + (ppm - steady) * still
        wanted[u] = opened / (span.parts * count)


@compiled
def warm(rooms: RoomColumns, on: Flags, around: Around, dt_s: float) -> None:
    """Temperatures over a step: towards comfort while the unit runs, slowly cold at night.

    Args:
        rooms: All of them.
        on: Which units run.
        around: Air that they get, and where to write their means.
        dt_s: Length of the step.
    """
    n, count = rooms.ppm.shape
    by_day, at_night = -math.expm1(-dt_s / WARM_S), -math.expm1(-dt_s / COLD_S)
    for u in range(n):
        supply_c, outdoor_c, total_c = around.supply_c[u], around.outdoor_c[u], 0.0
        away_k, pace = COLD_C - WARM_C + 0.1 * min(outdoor_c, 15.0), at_night
        if on[u]:
            away_k, pace = DRAUGHT * (supply_c - SUPPLY_SET_C), by_day
            away_k += SUN_1_K * max(outdoor_c - 15.0, 0.0)
        for r in range(count):
            towards_c = rooms.warm_c[u, r] + away_k
            if rooms.persons[u, r] > 0.0:
                towards_c += PERSON_K
            rooms.temp_c[u, r] += (towards_c - rooms.temp_c[u, r]) * pace
            total_c += rooms.temp_c[u, r]
        around.zone_c[u] = total_c / count


@compiled
def tell_units(rooms: RoomColumns, block: Columns) -> None:
    """What a unit says of its rooms: the best and the worst, and how many of which there are.

    Args:
        rooms: All of them.
        block: Where to write, shape ``(6, n)``: reading of the worst and of the best, opening of
            the worst, mean opening, what dampers are off by at most, rooms with somebody in (%).
    """
    n, count = rooms.ppm.shape
    for u in range(n):
        worst_ppm, best_ppm, worst = -math.inf, math.inf, 0
        opened = off = present = 0.0
        for r in range(count):
            plume, drift_ppm = rooms.plume[u, r], rooms.drift_ppm[u, r]
            ppm = reading(rooms.ppm[u, r], plume, rooms.bias_ppm[u, r], drift_ppm)
            if ppm > worst_ppm:
                worst_ppm, worst = ppm, r
            best_ppm = min(best_ppm, ppm)
            opened += rooms.opening[u, r]
            off = max(off, abs(rooms.asked[u, r] - rooms.opening[u, r]))
            present += 1.0 if rooms.persons[u, r] > 0.0 else 0.0
        block[0, u], block[1, u] = worst_ppm, best_ppm
        block[2, u] = 100.0 * rooms.opening[u, worst]
        block[3, u], block[4, u] = opened * 100.0 / count, 100.0 * off
        block[5, u] = 100.0 * present / count


@compiled
def tell_rooms(rooms: RoomColumns, duct_bias_ppm: Columns, told: Columns) -> None:
    """What rooms say themselves, NaN where the node is dead.

    Args:
        rooms: All of them.
        duct_bias_ppm: Of the sensors in the ducts.
        told: Where to write, shape ``(6, n, rooms)``: CO2 of the node and of the duct, temperature,
            presence, asked and actual opening (%).
    """
    n, count = rooms.ppm.shape
    for u in range(n):
        for r in range(count):
            if not rooms.alive[u, r]:
                told[:, u, r] = math.nan
                continue
            plume, drift_ppm = rooms.plume[u, r], rooms.drift_ppm[u, r]
            told[0, u, r] = reading(rooms.ppm[u, r], plume, rooms.bias_ppm[u, r], drift_ppm)
            told[1, u, r] = rooms.ppm[u, r] + duct_bias_ppm[u, r]
            told[2, u, r] = rooms.temp_c[u, r]
            told[3, u, r] = 1.0 if rooms.persons[u, r] > 0.0 else 0.0
            told[4, u, r] = 100.0 * rooms.asked[u, r]
            told[5, u, r] = 100.0 * rooms.opening[u, r]
