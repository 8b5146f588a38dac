"""Physics of a solar compacting waste bin: formulas only, no state.

``S..`` and ``M:..`` are sources listed in README.md. Columns have shape ``(n,)``, one row a device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """The bins' boxes. Volumes in l, as thrown in unless a name says otherwise."""

    full_l: Columns
    """What the insert holds (32 gal, S26): 100 % on the display; shape ``(n,)``."""
    brim: float = 1.25
    """What fits at all, over that: 100 % on the display is physically 80 % (M:edinburgh)."""
    densest: float = 5.7
    """Gain that no pressing exceeds (4 to 6 is useful, section 1C); 4.7 remain at the end (S26)."""
    first_press: float = 0.75
    """Share of the excess over the densest state that the first press leaves (0.75 to 0.85)."""
    presses: int = 3
    """Presses of the ram in one compaction (estimate)."""
    tiring: float = 200.0
    """Compactions after which a press takes away a third of what the first did (estimate)."""
    loose_l: float = 25.0
    """A loose layer this high blocks the light beam: 15 min of running on a busy day (X-news)."""
    compacting: bool = True
    """A bin that only measures never presses."""

    @property
    def brim_l(self) -> Columns:
        """What fits at all, shape ``(n,)``."""
        return self.brim * self.full_l


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """Battery, panel and what they feed. The defaults are the lead battery of a compacting bin."""

    full_wh: float = 144.0
    """12 V 12 Ah (section 1C, derived from 17 days in the dark)."""
    cut_off: float = 0.4
    """State of charge below which the bin does not compact: 60 % is usable (section 1C)."""
    cold_per_k: float = 0.01
    """Capacity lost per K below 20 degC (handbook)."""
    discharge_month: float = 0.03
    """Self-discharge a month (S31)."""
    panel_w: float = 30.0
    """At 1000 W/m2 (S26)."""
    charge_efficiency: float = 0.85
    """Estimate, lead."""
    base_w: float = 0.105
    """Controller and modem: about half of the 5 Wh a day (S26; estimate)."""
    report_wh: float = 0.0
    """What a report takes; in ``base_w`` where the modem is on all the time."""
    press_s: float = 9.0
    """Of the 41 s of a cycle (X-conc) the ram presses 9 s; the rest is idle travel (estimate)."""
    idle_a: float = 0.8
    cycle_s: float = 41.0
    empty_v: float = 11.4
    span_v: float = 1.3
    """At rest from ``empty_v`` to that much above (handbook, six lead cells)."""


CELLS = Battery(
    full_wh=18.7, cut_off=0.0, cold_per_k=0.003, discharge_month=0.001, panel_w=0.0,
    base_w=0.000142, report_wh=0.000285, empty_v=3.0, span_v=0.6,
)  # fmt: skip
"""Two lithium cells of size AA (3.6 V, 2.6 Ah each) of a bin that only measures: base load and
energy of a report (1 J) such that they last 10 years at 6, 5 at 24 reports a day (S30)."""


def deposit_rate(hour: float, weekday: int) -> float:
    """Deposits at a local hour and weekday (0 is Monday) over their mean."""
    weekdays, blocks = sum(WEEKDAYS) / len(WEEKDAYS), sum(BLOCKS) / len(BLOCKS)
    return WEEKDAYS[weekday] / weekdays * BLOCKS[int(hour // 4.0)] / blocks


def press_leaves(box: Box, compactions: Columns) -> Columns:
    """Share of the excess height that one press leaves; rises to 1 with springback (section 1C).

    Args:
        box: Its size.
        compactions: How many there were since the bin was emptied.
    """
    return 1.0 - (1.0 - box.first_press) * np.exp(-compactions / box.tiring)


def compacted_l(box: Box, waste_l: Columns, height_l: Columns, compactions: Columns) -> Columns:
    """What the waste occupies after one compaction: ``z0 + r^presses (z - z0)`` (section 1C).

    ``z0`` is the height of the densest state. Never more than before.
    """
    least_l = np.minimum(waste_l / box.densest, height_l)
    left = press_leaves(box, compactions) ** box.presses
    return least_l + left * (height_l - least_l)


def press_current_a(healthy_a: Columns, fill: Columns, rise_a: Columns) -> Columns:
    """Motor current while pressing: the fuller the stiffer (+-6 %, estimate), plus wear.

    ``fill`` is the height over that of a full bin.
    """
    return healthy_a * (0.94 + 0.12 * np.minimum(fill, 1.0)) + rise_a


def compaction_wh(battery: Battery, current_a: Columns) -> Columns:
    """Energy of one compaction at 12 V."""
    idle_as = battery.idle_a * (battery.cycle_s - battery.press_s)
    return 12.0 * (current_a * battery.press_s + idle_as) / 3600.0


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


def cold_leaves(battery: Battery, temp_c: Columns) -> Columns:
    """Share of the capacity that the cold leaves."""
    return 1.0 - battery.cold_per_k * np.minimum(np.maximum(20.0 - temp_c, 0.0), 60.0)


def is_quiet(hour: float, from_h: Columns, to_h: Columns) -> NDArray[np.bool_]:
    """Whether an hour of the day lies in the quiet hours; over midnight if they end before."""
    begun, ended = from_h <= hour, to_h <= hour
    quiet: NDArray[np.bool_] = np.where(from_h <= to_h, begun & ~ended, begun | ~ended)
    return quiet


def charge_share(energy_wh: Columns, capacity_wh: Columns, cold: Columns) -> Columns:
    """State of charge 0 to 1; what is missing counts against the capacity that the cold leaves."""
    missing = (capacity_wh - energy_wh) / (capacity_wh * cold)
    return np.maximum(1.0 - missing, 0.0)


def accepted_w(soc: Columns, offered_w: Columns) -> Columns:
    """What the regulator lets in: all, tapering to nothing over the last tenth."""
    return offered_w * np.minimum(10.0 * (1.0 - soc), 1.0)


def battery_v(
    battery: Battery, soc: Columns, charge_a: Columns, shorted: NDArray[np.bool_]
) -> Columns:
    """Terminal voltage: lead 11.4 to 12.7 V at rest, higher while charging (handbook).

    A lead battery at its end has a shorted cell: 2.1 V less. Lithium cells hold their voltage
    until little is left.
    """
    if battery.panel_w == 0.0:
        level = 1.0 - (1.0 - np.minimum(soc, 1.0)) ** 6
        return battery.empty_v + battery.span_v * level - 0.4 * shorted
    return battery.empty_v + battery.span_v * soc + 0.35 * charge_a - 2.1 * shorted


ODOUR_DAYS, ODOUR_Q10 = 12.0, 2.0
"""Time constant of the smell at 20 degC, and how much faster it grows 10 K above (section 1C)."""


def odour_share(temp_c: Columns, hours: float) -> Columns:
    """Share of what is missing to a full stench that comes in ``hours``: first order, Q10 = 2."""
    rate = ODOUR_Q10 ** ((temp_c - 20.0) / 10.0) / (24.0 * ODOUR_DAYS)
    share: Columns = -np.expm1(-rate * hours)
    return share


def round_empties(fill_pct: Columns, *, p0: float, power: float) -> Columns:
    """Chance that a crew on its round empties a bin: ``p0 (fill / 100)^power`` (M:edinburgh fit).

    Hardly ever below a fifth.
    """
    share = np.minimum(fill_pct / 100.0, 1.0)
    return np.where(share < 0.2, 0.0, p0 * share**power)
