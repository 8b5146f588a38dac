"""What people do to bins: they throw things in, and crews come round.

Every draw is a function of seed, device and time: none depends on what the bin or a service does.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.weather import Moment
from twins.products.bin import model
from twins.products.bin.dice import Dice
from twins.products.bin.kernels import (
    GRADES,
    LEAST,
    LOG_RATIO,
    RATIO,
    STRATA,
    Columns,
    Drawn,
    State,
    find_rows,
)

DAY_SHAPE = 3
"""Shape of the gamma factor, mean 1, of a bin's day (section 1C)."""
ITEM_L = 1.45
"""Mean item, gamma with shape 1: 1.2 % of a bin without compaction (section 1C)."""
SACK_L, SACK_SHAPE = 12.1, 8.0
"""A sack: a tenth of such a bin (section 1C)."""
SACK_SHARE = 0.02
"""Share of sacks among the items (estimate)."""
MEAN_L = (1.0 - SACK_SHARE) * ITEM_L + SACK_SHARE * SACK_L
FIRST_ROUND_H, ROUNDS_SPAN_H = 6.0, 12.0
"""Crews come from six in the morning, at equal distances over twelve hours (estimate)."""
WARM_PER_K = 0.02
"""In parks 2 % more is thrown in per K above 12 degC (section 1C)."""
PARKS = 0.5
"""Share of sites that are parks (estimate)."""
SHY_OF_RAIN = (0.2, 0.4)
"""How much less is thrown in while it rains, by site (section 1C: 20 to 40 %)."""
EVENT_FACTOR = (2.0, 4.0)
"""How much more an event of a day brings (S28: x2-4), to half of the bins of its site."""

SAMPLES = 16
"""Simulated steps per stratum."""
_DRAWS_A_DAY = 32
"""Words of a device's day: gamma factor 0-2, event 3, position 4-5, rounds from 8."""


@functools.cache
def deposits() -> tuple[Columns, NDArray[np.float64]]:
    """Litres and items of a step, a compound Poisson process, as tables ``(GRADES, STRATA)``.

    Row g is for a mean of ``LEAST RATIO^g`` items. Litres are the mean within a stratum, so that
    means are exact; items are those of a typical member. Simulated once, with a seed of its own:
    a table, not a draw of anybody's.
    """
    rng = np.random.default_rng(20_260_105)
    litres, items = np.empty((GRADES, STRATA)), np.empty((GRADES, STRATA))
    for grade in range(GRADES):
        mean = LEAST * RATIO**grade
        small = rng.poisson((1.0 - SACK_SHARE) * mean, STRATA * SAMPLES)
        sacks = rng.poisson(SACK_SHARE * mean, STRATA * SAMPLES)
        volume = ITEM_L * rng.standard_gamma(small.astype(np.float64))
        volume += SACK_L / SACK_SHAPE * rng.standard_gamma(SACK_SHAPE * sacks)
        order = np.argsort(volume, kind="stable")
        litres[grade] = volume[order].reshape(STRATA, SAMPLES).mean(axis=1)
        litres[grade] *= mean * MEAN_L / litres[grade].mean()
        items[grade] = (small + sacks)[order].reshape(STRATA, SAMPLES)[:, SAMPLES // 2]
    return litres, items


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Step ``k`` of the state begins at ``start_ms + k step_ms``."""

    start_ms: int
    step_ms: int

    @classmethod
    def of(cls, *, start_ms: int, report_every_ms: int) -> Clock:
        """The step is the report interval, or a whole part of it above 30 minutes.

        It is never below five minutes: then several reports tell of one step.
        """
        parts = -(-report_every_ms // model.STEP_MAX_MS)
        return cls(start_ms=start_ms, step_ms=max(report_every_ms // parts, model.STEP_MIN_MS))

    @property
    def step_h(self) -> float:
        """Length of a step in hours."""
        return self.step_ms / model.HOUR_MS

    def begins_ms(self, step: int) -> int:
        """When a step begins."""
        return self.start_ms + step * self.step_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is thrown into the bins of a fleet, as parameters and columns."""

    level_l_day: Columns
    """Mean volume a day, ``(n,)``."""
    merry: NDArray[np.bool_]
    """Which bins stand where the festival is, ``(n,)``."""
    shy: Columns
    """Share less in rain, by bin."""
    warm_per_k: Columns
    """Share more per K above 12 degC, by bin."""
    festival_day: float
    """Day of the year on which it begins; 0: none. Festival days of the calendar come besides."""
    festival_days: float
    festival_factor: float
    events_per_year: float
    """Other events, of a day, per site."""


class Crews(NamedTuple):
    """How the built-in crews work."""

    p0: float
    """Chance that a full bin is emptied in a round."""
    power: float
    schedule_days: float
    """0: they look and decide; else every bin in so many days, full or not."""
    missed: float
    """Share of scheduled stops that are not made."""
    bag_forgotten: float
    """Share of stops after which no bag is put in."""


class Habits:
    """Deposits and rounds of a fleet, drawn by device and time."""

    def __init__(
        self,
        seed: int,
        devices: Sequence[str],
        sites: Sequence[str],
        *,
        clock: Clock,
        demand: Demand,
        rounds: int,
    ) -> None:
        self._days = Dice(seed, "days", devices)
        self._events = Dice(seed, "events", sites)
        self._per_site, self._demand = len(devices) // len(sites), demand
        gap_ms = round(ROUNDS_SPAN_H / max(rounds, 1) * model.HOUR_MS)
        first_ms = round(FIRST_ROUND_H * model.HOUR_MS)
        self._rounds_ms = [first_ms + number * gap_ms for number in range(rounds)]
        self._step_ms = clock.step_ms
        table = np.stack([column.ravel() for column in deposits()], axis=1)
        self.drawn = Drawn(Dice(seed, "steps", devices).keys, table)
        items_a_step = demand.level_l_day / MEAN_L * clock.step_ms / model.DAY_MS
        self._log_level = np.log(np.maximum(items_a_step, 1e-12) / LEAST) / LOG_RATIO

    @property
    def level_l_day(self) -> Columns:
        """Mean volume a day, by bin."""
        return self._demand.level_l_day

    def day_pace(self, day: int, *, festival: bool) -> Columns:
        """How busy the bins are on a day since the epoch, in grades: level, gamma, events."""
        demand, first = self._demand, day * _DRAWS_A_DAY
        product = self._days.uniforms(first)
        for number in range(1, DAY_SHAPE):
            product *= self._days.uniforms(first + number)
        factor = np.log(product) / -DAY_SHAPE
        chance, size = self._events.uniforms(2 * day), self._events.uniforms(2 * day + 1)
        held = (chance < demand.events_per_year / model.YEAR_D).nonzero()[0]
        if held.size:
            low, high = EVENT_FACTOR
            joins = self._days.uniforms(first + 3) < 0.5
            for site in held.tolist():
                bins = slice(site * self._per_site, (site + 1) * self._per_site)
                factor[bins] *= np.where(joins[bins], low + size[site] * (high - low), 1.0)
        factor *= np.where(demand.merry & festival, demand.festival_factor, 1.0)
        since = (day % model.YEAR_D + 1.0 - demand.festival_day) % model.YEAR_D
        if demand.festival_day > 0.0 and since < demand.festival_days and not festival:
            factor *= np.where(demand.merry, demand.festival_factor, 1.0)
        return self._log_level + np.log(np.maximum(factor, 1e-12)) / LOG_RATIO

    def find_rows(self, bins: State, now: Moment) -> None:
        """How much is thrown in during this hour: pace, clock and weather.

        A public holiday is like a Sunday.
        """
        rate = model.deposit_rate(now.hour, 6 if now.holiday else now.weekday)
        find_rows(bins, self._demand.shy, self._demand.warm_per_k, rate)

    def round_of(self, hour: float) -> int | None:
        """Which round of the day begins within the step from this local hour on, if any."""
        begin_ms = round(hour * model.HOUR_MS)
        for number, round_ms in enumerate(self._rounds_ms):
            if (round_ms - begin_ms) % model.DAY_MS < self._step_ms:
                return number
        return None

    def round_draws(self, at_ms: int, number: int) -> Columns:
        """Uniforms: whether the crew of a round empties a bin."""
        return self._days.uniforms(at_ms // model.DAY_MS * _DRAWS_A_DAY + 8 + number)

    def fix_errors(self, day: int) -> Columns:
        """Standard normal errors of a day's position fix, ``(n, 2)``."""
        return np.stack(self._days.normals((day * _DRAWS_A_DAY + 4) // 2), axis=1)
