"""When people come, and what it is like outside: formulas only, no state.

``M:..`` are sources listed in README.md.
"""

from __future__ import annotations

import math

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
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
