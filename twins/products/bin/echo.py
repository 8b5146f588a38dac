"""What the ultrasonic sensor makes of the height of the waste: geometry, sound, pings."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]
Flags = NDArray[np.bool_]

ABOVE_FLOOR_CM = 100.0
"""Where the sensor hangs above the floor of the insert."""
DEAD_ZONE_CM = 20.0
"""It hears nothing nearer (section 1C: 20 to 30 cm): the top fifth is no part of the display."""
SPAN_CM = ABOVE_FLOOR_CM - DEAD_ZONE_CM
"""100 % on the display is physically 80 % (M:edinburgh)."""
SOUND_PER_K = 0.0017
"""Speed of sound, uncompensated, as a share per K (section 1C)."""
SET_AT_C = 20.0
"""Temperature for which the sensor is set (estimate)."""
PINGS = 15
"""A reading is the median of so many pings that came back (S30)."""
PING_CM = 4.6
"""Spread of one ping, such that a reading has 1.5 cm (section 3: 1-2 cm): 1.9 % in the manifest."""
PINGS_NEEDED = 3
"""Fewer echoes are no reading (estimate)."""
WET_SHARE = 0.05
"""Readings without an echo while it rains: drops on the membrane (estimate)."""
FOLD_PCT = 110.0
"""A fold hangs well within the dead zone: the display is full, whatever the noise (estimate)."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S10, _S11, _S27 = np.uint64(10), np.uint64(11), np.uint64(27)
_S30, _S31, _ODD_BITS = np.uint64(30), np.uint64(31), np.uint64(2**24 - 1)


class Sight(NamedTuple):
    """What a reading depends on, columns ``(n,)``."""

    height_l: Columns
    full_l: Columns
    inside_c: Columns
    drift_cm: Columns
    slip_pct: Columns
    dirt_lost: Columns
    dirt_wild: Columns
    rain: Flags
    door: Flags
    fold: Flags
    odd: Flags
    """Whether fold, dirt, a slipped bag or an open door spoil the echo."""
    mute: Flags
    burnt: Flags
    words: NDArray[np.uint64]
    """Random words of the step; the echo takes bits 10 to 33."""


@compiled
def heard_cm(fill_pct: float, inside_c: float, drift_cm: float) -> float:
    """Distance that the sensor takes for true, before noise.

    In the cold sound is slower, and the waste seems farther away.
    """
    distance_cm = ABOVE_FLOOR_CM - SPAN_CM / 100.0 * fill_pct
    return distance_cm * (1.0 + SOUND_PER_K * (SET_AT_C - inside_c)) + drift_cm


@compiled
def shown_pct(heard: float) -> float:
    """Fill on the display; nothing can be nearer than the dead zone. NaN stays NaN."""
    if heard < DEAD_ZONE_CM:
        return 100.0
    return (ABOVE_FLOOR_CM - heard) * (100.0 / SPAN_CM)


@compiled
def astray_pct(fill_pct: float, draw: float) -> float:
    """A reading whose pings went astray.

    Half of them come from a fold of the bag (full), the others took a longer way (multi-path)
    and show too little.

    Args:
        fill_pct: What a good reading would be.
        draw: Uniform from 0 to 1.
    """
    return 100.0 if draw < 0.5 else fill_pct * 2.0 * (1.0 - draw)


@compiled
def uniform(word: np.uint64, number: int) -> float:
    """Draw ``number`` of the stream that begins with ``word``, above 0 and below 1 (SplitMix64)."""
    word = word + np.uint64(number + 1) * _GOLDEN
    word = (word ^ (word >> _S30)) * _FIRST
    word = (word ^ (word >> _S27)) * _SECOND
    return (float((word ^ (word >> _S31)) >> _S11) + 0.5) * 2.0**-53


@compiled
def median_of_pings(distance_cm: float, word: np.uint64, lost: float, wild: float) -> float:
    """One reading ping by ping: drop those without echo, take the median of the others.

    Args:
        distance_cm: To the waste.
        word: Where the draws of this reading begin.
        lost: Share of pings without echo (wet, foam, dirt).
        wild: Share of pings that hear something else, anywhere between dead zone and floor.

    Returns:
        Distance in cm, NaN if too few came back.
    """
    pings, came = np.empty(PINGS), 0
    for ping in range(PINGS):
        if uniform(word, 5 * ping) < lost:
            continue
        if uniform(word, 5 * ping + 1) < wild:
            pings[came] = DEAD_ZONE_CM + SPAN_CM * uniform(word, 5 * ping + 2)
        else:
            radius = math.sqrt(-2.0 * math.log(uniform(word, 5 * ping + 3)))
            angle = 2.0 * math.pi * uniform(word, 5 * ping + 4)
            pings[came] = distance_cm + PING_CM * radius * math.cos(angle)
        came += 1
    if came < PINGS_NEEDED:
        return math.nan
    heard = np.sort(pings[:came])
    return float(0.5 * (heard[(came - 1) // 2] + heard[came // 2]))


@compiled
def read(sight: Sight, wild_share: float, shown: Columns) -> None:
    """What the sensors take for the fill, NaN without an echo.

    Few readings are odd: those whose pings went astray or that hit a wet sensor, and those of
    bins with an open door, a fold, a slipped bag or dirt.

    Args:
        sight: What they depend on.
        wild_share: Share of readings whose pings go astray.
        shown: Where to write, shape ``(n,)``.
    """
    for i in range(len(shown)):
        if sight.mute[i] or sight.burnt[i]:
            shown[i] = math.nan
            continue
        fill_pct = sight.height_l[i] * (100.0 / sight.full_l[i])
        heard = heard_cm(fill_pct, sight.inside_c[i], sight.drift_cm[i])
        pct = shown_pct(heard)
        draw = float((sight.words[i] >> _S10) & _ODD_BITS) * 2.0**-24
        if draw < wild_share:
            pct = astray_pct(pct, draw / wild_share)
        elif draw < wild_share + WET_SHARE and sight.rain[i]:
            pct = math.nan
        if sight.odd[i]:
            if sight.door[i]:
                pct = 0.0
            elif sight.fold[i]:
                pct = FOLD_PCT
            elif sight.slip_pct[i] > 0.0:
                pct = max(pct - sight.slip_pct[i], 0.0)
            else:
                word, lost = sight.words[i], sight.dirt_lost[i]
                pct = shown_pct(median_of_pings(heard, word, lost, sight.dirt_wild[i]))
        shown[i] = pct
