"""What happens to each bin in a step, one bin after another: litres, strokes, energy, warmth.

``S..`` and ``M:..`` are sources listed in README.md. A column has one entry a bin.
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
Index = NDArray[np.int64]

BRIM = 1.25
"""What fits at all, over what is full: 100 % on the display is physically 80 % (M:edinburgh)."""
STALL_A = 22.0
"""Motor current against a jam (estimate)."""
JAM_TRIES = 3.0
"""Failed strokes after which the drive is locked (section 1C, domain rule B7)."""
SUN_K_PER_W_M2 = 0.012
"""How much warmer than outside the sun makes it inside (estimate)."""
SENSOR_LOST_C = 125.0
"""The sensors in the lid do not survive more (estimate)."""
INSIDE_TAU_H = 2.0
TOO_HOT_C = 70.0
"""The bin itself stops compacting above this, whatever it is told (domain rule B11)."""
FLAME_C = 600.0
WITHOUT_BAG_ODOUR = 3.0
"""How much faster it smells without a bag (estimate)."""
ODOUR_DAYS, ODOUR_Q10 = 12.0, 2.0
"""Time constant of the smell at 20 degC, and how much faster it grows 10 K above (section 1C)."""
LOG_Q10 = math.log(ODOUR_Q10)
WARM_FROM_C = 12.0
"""In parks more is thrown in per K above this (section 1C)."""

STRATA = 1024
"""Equally probable strata of the litres of a step, and the bits of a word that choose one."""
LEAST, RATIO, GRADES = 0.003, 1.1, 122
"""Mean items of a step in grades: 0.003, and 10 % more each (up to 300)."""
LOG_RATIO = math.log(RATIO)

_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30 = np.uint64(27), np.uint64(30)
_S31, _S34 = np.uint64(31), np.uint64(34)
_STRATUM = np.uint64(STRATA - 1)


class Box(NamedTuple):
    """The bins' boxes. Volumes in l, as thrown in unless a name says otherwise."""

    full_l: Columns
    """What the insert holds (32 gal, S26): 100 % on the display."""
    healthy_a: Columns
    """Motor current of a new drive while pressing at half fill."""
    densest: float = 5.7
    """Gain that no pressing exceeds (4 to 6 is useful, section 1C); 4.7 remain at the end (S26)."""
    first_press: float = 0.75
    """Share of the excess over the densest state that the first press leaves (0.75 to 0.85)."""
    presses: float = 3.0
    """Presses of the ram in one compaction (estimate)."""
    tiring: float = 200.0
    """Compactions after which a press takes away a third of what the first did (estimate)."""
    loose_l: float = 25.0
    """A loose layer this high blocks the light beam: 15 min of running on a busy day (X-news)."""
    compacting: bool = True
    """A bin that only measures never presses."""
    jam_per_stroke: float = 0.0
    """Chance that something blocks the ram."""
    press_s: float = 9.0
    """Of the 41 s of a cycle (X-conc) the ram presses 9 s; the rest is idle travel (estimate)."""
    idle_a: float = 0.8
    cycle_s: float = 41.0


class State(NamedTuple):
    """All that changes of the bins but their energy.

    ``trigger_l`` is the height at which the light beam is blocked, infinite where compaction is
    not allowed. ``stroke_left`` is the share of the excess over the densest state that the last
    compaction left. ``press_sum_a``, ``presses``, ``hottest_c``, ``peak_deg`` and
    ``door_seen`` gather what the next report will tell.
    """

    waste_l: Columns
    height_l: Columns
    settled_l: Columns
    trigger_l: Columns
    loose_l: Columns
    cycle: Columns
    stroke_left: Columns
    compactions: Columns
    spent_wh: Columns
    """What the ram took of the battery in this step."""
    openings: Columns
    rise_a: Columns
    inside_c: Columns
    outdoor_c: Columns
    clearness: Columns
    lean_deg: Columns
    peak_deg: Columns
    odour: Columns
    fire_k_min: Columns
    busy: Columns
    pace: Columns
    thrown_l: Columns
    spilled_l: Columns
    collected_l: Columns
    collections: Columns
    needless: Columns
    emptied_pct: Columns
    slip_pct: Columns
    dirt_lost: Columns
    dirt_wild: Columns
    press_sum_a: Columns
    presses: Columns
    hottest_c: Columns
    quiet_from_h: Columns
    quiet_to_h: Columns
    stuck: Flags
    locked: Flags
    hopper_stuck: Flags
    door: Flags
    sensor_lost: Flags
    inhibited: Flags
    broken: Flags
    bagless: Flags
    door_seen: Flags
    fold: Flags
    odd: Flags
    rain: Flags
    rows: Index
    """Where the row of the tables of deposits begins that holds for this hour."""
    words: Words
    """The random words of the step that was taken last."""


class Drawn(NamedTuple):
    """Chance: a stream of words for each bin, and the tables that its deposits are drawn from."""

    keys: Words
    deposits: Columns
    """Litres and items side by side, shape ``(GRADES STRATA, 2)``: one look into memory."""


class Now(NamedTuple):
    """A step."""

    counter: np.uint64
    """Of the streams."""
    hour: float
    """Local, at its begin."""
    step_h: float
    clear_w_m2: float
    """Radiation of a clear sky; 0 at night."""
    soc: Columns
    """State of charge of the batteries."""
    cut_off: float
    """The charge below which a bin does not compact."""


@compiled
def mixed(word: np.uint64) -> np.uint64:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    word = (word ^ (word >> _S30)) * _FIRST
    word = (word ^ (word >> _S27)) * _SECOND
    return word ^ (word >> _S31)


@compiled
def words_of(keys: Words, counter: np.uint64) -> Words:
    """One word of every stream."""
    words = np.empty_like(keys)
    for i in range(len(keys)):
        words[i] = mixed(keys[i] + counter)
    return words


@compiled
def press_leaves(box: Box, compactions: float) -> float:
    """Share of the excess height that one press leaves; rises to 1 with springback (section 1C).

    Args:
        box: Its kind.
        compactions: How many there were since the bin was emptied.
    """
    return 1.0 - (1.0 - box.first_press) * math.exp(-compactions / box.tiring)


@compiled
def compacted_l(box: Box, waste_l: float, height_l: float, compactions: float) -> float:
    """What the waste occupies after one compaction: ``z0 + r^presses (z - z0)`` (section 1C).

    ``z0`` is the height of the densest state. Never more than before.
    """
    least_l = min(waste_l / box.densest, height_l)
    left: float = press_leaves(box, compactions) ** box.presses
    return least_l + left * (height_l - least_l)


@compiled
def is_quiet(hour: float, from_h: float, to_h: float) -> bool:
    """Whether an hour of the day lies in the quiet hours; over midnight if they end before."""
    if from_h <= to_h:
        return from_h <= hour < to_h
    return from_h <= hour or hour < to_h


@compiled
def odour_share(temp_c: float, hours: float) -> float:
    """Share of what is missing to a full stench that comes in ``hours``: first order, Q10 = 2."""
    rate = math.exp(LOG_Q10 * (temp_c - 20.0) / 10.0) / (24.0 * ODOUR_DAYS)
    return -math.expm1(-rate * hours)


@compiled
def throw_in(bins: State, full_l: Columns, drawn: Drawn, counter: np.uint64) -> None:
    """Deposits; what no longer fits, or cannot get in, lands beside the bin.

    A word of a step gives 10 bits to the deposits, 24 to the echo and 30 to a compaction.
    """
    for i in range(len(drawn.keys)):
        word = mixed(drawn.keys[i] + counter)
        bins.words[i] = word
        at = bins.rows[i] + np.int64(word & _STRATUM)
        thrown_l = drawn.deposits[at, 0]
        bins.thrown_l[i] += thrown_l
        if bins.hopper_stuck[i]:
            bins.spilled_l[i] += thrown_l
            continue
        taken_l = min(thrown_l, BRIM * full_l[i] - bins.height_l[i])
        bins.height_l[i] += taken_l
        bins.waste_l[i] += taken_l
        bins.spilled_l[i] += thrown_l - taken_l
        bins.openings[i] += drawn.deposits[at, 1]


@compiled
def compact(bins: State, box: Box, soc: Columns, cut_off: float, hour: float) -> None:
    """At most one compaction a step; three strokes against a jam lock the drive.

    The fuller the stiffer: motor current +-6 % about that at half fill (estimate), plus wear.

    Args:
        bins: All of them.
        box: Their kind.
        soc: State of charge of their batteries.
        cut_off: The charge below which a bin does not compact.
        hour: Local hour of the day.
    """
    for i in range(len(soc)):
        height_l = bins.height_l[i]
        if height_l < bins.trigger_l[i] or soc[i] <= cut_off or bins.inside_c[i] >= TOO_HOT_C:
            continue
        if is_quiet(hour, bins.quiet_from_h[i], bins.quiet_to_h[i]):
            continue
        if float(bins.words[i] >> _S34) * 2.0**-30 < box.jam_per_stroke:
            bins.stuck[i] = True
        if bins.stuck[i]:
            strokes, current_a = JAM_TRIES, STALL_A
            bins.locked[i], bins.trigger_l[i] = True, math.inf
        else:
            fill = min(height_l / box.full_l[i], 1.0)
            strokes, current_a = 1.0, box.healthy_a[i] * (0.94 + 0.12 * fill) + bins.rise_a[i]
            least_l = min(bins.waste_l[i] / box.densest, height_l)
            after_l = compacted_l(box, bins.waste_l[i], height_l, bins.cycle[i])
            bins.stroke_left[i] = (after_l - least_l) / max(height_l - least_l, 1e-9)
            bins.height_l[i] = bins.settled_l[i] = after_l
            bins.trigger_l[i] = after_l + bins.loose_l[i]
            bins.cycle[i] += 1.0
        bins.press_sum_a[i] += strokes * current_a
        bins.presses[i] += strokes
        bins.compactions[i] += strokes
        idle_as = box.idle_a * (box.cycle_s - box.press_s)
        bins.spent_wh[i] += strokes * 12.0 * (current_a * box.press_s + idle_as) / 3600.0


@compiled
def warm(bins: State, step_h: float, clear_w_m2: float) -> None:
    """First order towards outside and sun; a fire adds its rate (5 to 20 K/min).

    Args:
        bins: All of them.
        step_h: Length of the step.
        clear_w_m2: Radiation of a clear sky; 0 at night.
    """
    pace = -math.expm1(-step_h / INSIDE_TAU_H)
    for i in range(len(bins.inside_c)):
        warmer_k = SUN_K_PER_W_M2 * (clear_w_m2 * bins.clearness[i])
        inside_c = bins.inside_c[i]
        inside_c += (bins.outdoor_c[i] + warmer_k - inside_c) * pace
        if bins.fire_k_min[i] > 0.0:
            inside_c = min(inside_c + bins.fire_k_min[i] * step_h * 60.0, FLAME_C)
            if inside_c > SENSOR_LOST_C:
                bins.sensor_lost[i], bins.trigger_l[i] = True, math.inf
        bins.inside_c[i] = inside_c
        bins.hottest_c[i] = max(bins.hottest_c[i], inside_c)


@compiled
def step(bins: State, box: Box, drawn: Drawn, now: Now) -> None:
    """One step: deposits, at most one compaction, temperature."""
    throw_in(bins, box.full_l, drawn, now.counter)
    if box.compacting:
        compact(bins, box, now.soc, now.cut_off, now.hour)
    warm(bins, now.step_h, now.clear_w_m2)


@compiled
def find_rows(bins: State, shy: Columns, warm_per_k: Columns, rate: float) -> None:
    """Rows of the tables of deposits: how busy a bin is, by its day, the clock and the weather.

    Args:
        bins: All of them.
        shy: Share less in rain.
        warm_per_k: Share more per K above 12 degC.
        rate: Deposits at this hour and weekday over their mean.
    """
    for i in range(len(shy)):
        factor = rate * (1.0 + warm_per_k[i] * max(bins.outdoor_c[i] - WARM_FROM_C, 0.0))
        if bins.rain[i]:
            factor *= 1.0 - shy[i]
        factor *= max(bins.busy[i], 1e-9)
        grade = np.rint(bins.pace[i] + math.log(factor) / LOG_RATIO)
        bins.rows[i] = STRATA * np.int64(min(max(grade, 0.0), GRADES - 1.0))


@compiled
def smell(bins: State, full_l: Columns) -> None:
    """An hour's smell: towards what lies in the bin, faster where no bag is in."""
    for i in range(len(full_l)):
        share = odour_share(bins.inside_c[i], 1.0)
        if bins.bagless[i]:
            share = min(WITHOUT_BAG_ODOUR * share, 1.0)
        fuel = min(bins.waste_l[i] * (100.0 / full_l[i]), 100.0)
        bins.odour[i] += max(fuel - bins.odour[i], 0.0) * share


@compiled
def tell(bins: State, said: Columns, lean_deg: Columns, told: bool) -> None:
    """What a report says but for echo, battery and place; begins the next interval.

    Args:
        bins: All of them.
        said: Where to write, shape ``(15, n)``, in the order of ``product.toml``.
        lean_deg: How crooked they stand by themselves.
        told: Whether no step was taken since the last report.
    """
    for i in range(len(lean_deg)):
        presses, lost = bins.presses[i], bins.sensor_lost[i]
        said[1, i] = bins.compactions[i]
        said[2, i] = bins.press_sum_a[i] / presses if presses > 0.0 else math.nan
        said[5, i] = 1.0 if bins.door_seen[i] or bins.door[i] else 0.0
        said[6, i] = bins.openings[i]
        said[7, i] = 1.0 if bins.locked[i] or bins.hopper_stuck[i] else 0.0
        hottest_c = bins.inside_c[i] if told else bins.hottest_c[i]
        seen = not lost or bins.hottest_c[i] > SENSOR_LOST_C
        said[8, i] = min(hottest_c, SENSOR_LOST_C) if seen else math.nan
        said[9, i] = math.nan if lost else bins.odour[i]
        said[10, i] = max(lean_deg[i] + bins.lean_deg[i], bins.peak_deg[i])
        bins.press_sum_a[i] = bins.presses[i] = bins.peak_deg[i] = 0.0
        bins.hottest_c[i], bins.door_seen[i] = -math.inf, False
