"""Habits, sun and sky around a solar compacting waste bin: formulas only, no state.

``S..`` and ``M:..`` are sources listed in README.md. Columns have shape ``(n,)``, one row a device.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.float64]

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
YEAR_D = 365.25
STEP_MIN_MS, STEP_MAX_MS = 300_000, 1_800_000
"""A step of the state takes 5 to 30 minutes."""

WEEKDAYS = (1.01, 0.95, 0.86, 0.98, 0.99, 1.26, 0.94)
"""Deposits by weekday, Monday first, over their mean (M:edinburgh)."""
BLOCKS = (0.5, 0.4, 0.4, 2.3, 1.1, 1.3)
"""Deposits by four-hour block of the day (M:edinburgh, weakly identified)."""


def deposit_rate(hour: float, weekday: int) -> float:
    """Deposits at a local hour and weekday (0 is Monday) over their mean."""
    weekdays, blocks = sum(WEEKDAYS) / len(WEEKDAYS), sum(BLOCKS) / len(BLOCKS)
    return WEEKDAYS[weekday] / weekdays * BLOCKS[int(hour // 4.0)] / blocks


def day_of_year(at_ms: int) -> float:
    """Days since the first of January, near enough for the sun (the epoch was one)."""
    return at_ms / DAY_MS % YEAR_D


def equation_of_time_min(day: float) -> float:
    """True minus mean solar time in minutes (Spencer 1971, to half a minute)."""
    b = 2.0 * math.pi * (day - 80.0) / 365.0
    return 9.87 * math.sin(2.0 * b) - 7.53 * math.cos(b) - 1.5 * math.sin(b)


def sun_height(at_ms: int, *, latitude_deg: float, longitude_deg: float) -> float:
    """Sine of the sun's elevation; negative at night."""
    day = day_of_year(at_ms)
    declination = math.radians(23.45) * math.sin(2.0 * math.pi * (day - 80.0) / 365.0)
    minutes = at_ms % DAY_MS / 60_000 + 4.0 * longitude_deg + equation_of_time_min(day)
    angle = math.radians(minutes / 4.0 - 180.0)
    latitude = math.radians(latitude_deg)
    return math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
        declination
    ) * math.cos(angle)


def clear_sky_w_m2(sine: float) -> float:
    """Global radiation under a clear sky, ``1098 s exp(-0.057 / s)`` (Haurwitz 1945)."""
    return 1098.0 * sine * math.exp(-0.057 / sine) if sine > 0.0 else 0.0


def clearness(cloud: Columns) -> Columns:
    """Share of the clear sky's radiation that arrives (Kasten and Czeplak 1980)."""
    share: Columns = 1.0 - 0.75 * cloud**3.4
    return share


def round_empties(fill_pct: Columns, *, p0: float, power: float) -> Columns:
    """Chance that a crew on its round empties a bin: ``p0 (fill / 100)^power`` (M:edinburgh fit).

    Hardly ever below a fifth.
    """
    share = np.minimum(fill_pct / 100.0, 1.0)
    return np.where(share < 0.2, 0.0, p0 * share**power)
