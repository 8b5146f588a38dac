"""What the ultrasonic sensor makes of the height of the waste: geometry, sound, pings."""

from __future__ import annotations

import numpy as np

from twins.products.bin.model import Columns

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


def heard_cm(fill_pct: Columns, inside_c: Columns, drift_cm: Columns) -> Columns:
    """Distance that the sensor takes for true, before noise.

    In the cold sound is slower, and the waste seems farther away.
    """
    distance_cm = ABOVE_FLOOR_CM - SPAN_CM / 100.0 * fill_pct
    return distance_cm * (1.0 + SOUND_PER_K * (SET_AT_C - inside_c)) + drift_cm


def shown_pct(heard: Columns) -> Columns:
    """Fill on the display; nothing can be nearer than the dead zone."""
    return (ABOVE_FLOOR_CM - np.maximum(heard, DEAD_ZONE_CM)) * (100.0 / SPAN_CM)


def astray_pct(fill_pct: Columns, draw: Columns) -> Columns:
    """A reading whose pings went astray.

    Half of them come from a fold of the bag (full), the others took a longer way (multi-path)
    and show too little.

    Args:
        fill_pct: What a good reading would be.
        draw: Uniform from 0 to 1.
    """
    return np.where(draw < 0.5, 100.0, fill_pct * 2.0 * (1.0 - draw))


def median_of_pings(
    distance_cm: float, rng: np.random.Generator, *, lost: float, wild: float
) -> float:
    """One reading ping by ping: drop those without echo, take the median of the others.

    Args:
        distance_cm: To the waste.
        rng: For this reading.
        lost: Share of pings without echo (wet, foam, dirt).
        wild: Share of pings that hear something else, anywhere between dead zone and floor.

    Returns:
        Distance in cm, NaN if too few came back.
    """
    comes, strays = rng.random(PINGS) >= lost, rng.random(PINGS) < wild
    heard = distance_cm + PING_CM * rng.standard_normal(PINGS)
    anywhere = DEAD_ZONE_CM + SPAN_CM * rng.random(PINGS)
    pings = np.where(strays, anywhere, heard)[comes]
    return float(np.median(pings)) if len(pings) >= PINGS_NEEDED else float("nan")
