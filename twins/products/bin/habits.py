"""What people do to bins: they throw things in, and crews come round. Drawn a block at a time.

Every draw is a function of seed, device and block: none depends on what the bin or a service does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Streams
from twins.products.bin import model
from twins.products.bin.model import Columns
from twins.products.bin.sky import Sky

DAY_SHAPE = 3.0
"""Shape of the gamma factor, mean 1, of a bin's day (section 1C)."""
ITEM_L = 1.45
"""Mean item, exponential: 1.2 % of a bin without compaction (section 1C)."""
SACK_L, SACK_SHAPE = 12.1, 8.0
"""A sack: a tenth of such a bin (section 1C)."""
SACK_SHARE = 0.02
"""Share of sacks among the items (estimate)."""
FIRST_ROUND_H, ROUNDS_SPAN_H = 6.0, 12.0
"""Crews come from six in the morning, at equal distances over twelve hours (estimate)."""
WARM_FROM_C, WARM_PER_K = 12.0, 0.02
"""In parks 2 % more is thrown in per K above 12 degC (section 1C)."""
PARKS = 0.5
"""Share of sites that are parks (estimate)."""
SHY_OF_RAIN = (0.2, 0.4)
"""How much less is thrown in while it rains, by site (section 1C: 20 to 40 %)."""
EVENT_FACTOR = (2.0, 4.0)
"""How much more an event of a day brings (S28: x2-4), to half of the bins of its site."""
BLOCK_STEPS, BLOCK_DAYS = 1024, 7
"""A block is whole days, at most a week and about so many steps."""
CHUNK = 256
WET_SHARE = 0.05
"""Readings without an echo while it rains: drops on the membrane (estimate)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Steps of the state and how they lie in blocks. Step ``k`` begins at ``start_ms + k step_ms``."""

    start_ms: int
    step_ms: int

    @classmethod
    def of(cls, *, start_ms: int, report_every_ms: int) -> Clock:
        """The step is the report interval; a whole part of it where that is above 30 minutes,
        and never below five minutes (then several reports tell of one step)."""
        parts = -(-report_every_ms // model.STEP_MAX_MS)
        step_ms = max(report_every_ms // parts, model.STEP_MIN_MS)
        return cls(start_ms=start_ms, step_ms=step_ms)

    @property
    def days(self) -> int:
        """Days a block."""
        return min(max(BLOCK_STEPS * self.step_ms // model.DAY_MS, 1), BLOCK_DAYS)

    @property
    def steps(self) -> int:
        """Steps a block."""
        return -(-self.days * model.DAY_MS // self.step_ms)

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
    """Share less in rain, by site."""
    warm_per_k: Columns
    """Share more per K above 12 degC, by site."""
    festival_day: float
    """Day of the year on which it begins; 0: none."""
    festival_days: float
    festival_factor: float
    events_per_year: float
    """Other events, of a day, per site."""


class Block(NamedTuple):
    """One block of every device; columns ``(steps, n)`` unless it says otherwise."""

    thrown_l: NDArray[np.float32]
    openings: NDArray[np.uint8]
    rounds: NDArray[np.float32]
    """Uniform: whether the crew of this round empties the bin, ``(days * rounds, n)``."""
    fixes: NDArray[np.float32]
    """Standard normal: where a day's position fix errs to, ``(days, n, 2)``."""
    odd_from: NDArray[np.int64]
    """Where the odd echoes of a step begin in ``odd_device`` and ``odd_draw``, ``(steps + 1,)``."""
    odd_device: NDArray[np.int64]
    odd_draw: NDArray[np.float32]
    """Uniform below ``wild_share + WET_SHARE``."""
    round_row: list[int]
    """By step: row of ``rounds``, or -1."""
    hour_row: list[int]
    """By step: row of the sky's columns."""
    day_row: list[int]


class Habits:
    """Deposits, rounds and odd echoes of a fleet, block by block."""

    def __init__(
        self,
        streams: Streams,
        devices: Sequence[str],
        *,
        clock: Clock,
        sky: Sky,
        devices_per_site: int,
        demand: Demand,
        rounds: int,
        wild_share: float,
    ) -> None:
        self._streams, self._devices, self._clock, self._sky = streams, tuple(devices), clock, sky
        self._per_site, self._demand, self._rounds = devices_per_site, demand, rounds
        self._odd_share = wild_share + WET_SHARE
        gap_ms = round(ROUNDS_SPAN_H / max(rounds, 1) * model.HOUR_MS)
        first_ms = round(FIRST_ROUND_H * model.HOUR_MS)
        self._round_at_ms = [first_ms + number * gap_ms for number in range(rounds)]
        self._number, self._block = -1, None

    _block: Block | None

    @property
    def second_round_ms(self) -> int:
        """Time of day before which it is the first round."""
        return [*self._round_at_ms, model.DAY_MS, model.DAY_MS][1]

    def block(self, number: int) -> Block:
        """Block ``number`` since the beginning (from 0); the sky turns with it."""
        if number != self._number or self._block is None:
            self._sky.turn_to(number)
            self._number, self._block = number, self._draw(number)
        return self._block

    def forget(self) -> None:
        """Draw the block again when it is asked for (the sky was set back)."""
        self._block = None

    def _draw(self, number: int) -> Block:
        clock, size = self._clock, len(self._devices)
        since_ms = np.arange(clock.steps) * clock.step_ms
        at_ms = clock.begins_ms(number * clock.steps) + since_ms
        hour_row = np.minimum(since_ms // model.HOUR_MS, clock.days * 24 - 1)
        day_row = np.minimum(since_ms // model.DAY_MS, clock.days - 1)
        thrown = np.empty((clock.steps, size), dtype=np.float32)
        openings = np.empty((clock.steps, size), dtype=np.uint8)
        rounds = np.empty((clock.days * self._rounds, size), dtype=np.float32)
        fixes = np.empty((clock.days, size, 2), dtype=np.float32)
        odd: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []
        site_rates = self._site_rates(at_ms, hour_row)
        festival = self._festival(at_ms)
        for first in range(0, size, CHUNK):
            last = min(first + CHUNK, size)
            wide = np.empty((2, last - first, clock.steps), dtype=np.float32)
            for index in range(first, last):
                rng = self._streams.block(f"bin/habits/{self._devices[index]}", number)
                rate = self._rate(index, rng, site_rates, day_row, festival)
                wide[:, index - first] = _thrown_in(rng, rate)
                rounds[:, index] = rng.random(len(rounds), dtype=np.float32)
                fixes[:, index] = rng.standard_normal((clock.days, 2), dtype=np.float32)
                echo = rng.random(clock.steps, dtype=np.float32)
                steps = np.flatnonzero(echo < self._odd_share)
                odd.append((steps, np.full(len(steps), index), echo[steps]))
            thrown[:, first:last] = wide[0].T
            openings[:, first:last] = np.minimum(wide[1].T, 255.0)
        steps, device, draw = (np.concatenate(part) for part in zip(*odd, strict=True))
        order = np.argsort(steps, kind="stable")
        odd_from = np.searchsorted(steps[order], np.arange(clock.steps + 1))
        return Block(
            thrown, openings, rounds, fixes, odd_from, device[order], draw[order],
            self._round_rows(at_ms), hour_row.tolist(), day_row.tolist(),
        )  # fmt: skip

    def _site_rates(self, at_ms: NDArray[np.int64], hour_row: NDArray[np.int64]) -> Columns:
        """Deposits over their mean by site and step: weekday, hour and weather, ``(sites, steps)``."""
        demand, sky = self._demand, self._sky
        hours_ms = at_ms[0] + np.arange(len(sky.rain)) * model.HOUR_MS
        outdoor_c = model.outdoor_c(hours_ms)[:, None] + sky.spell_k
        weather = 1.0 + demand.warm_per_k * np.maximum(outdoor_c - WARM_FROM_C, 0.0)
        weather *= 1.0 - demand.shy * sky.rain
        return np.ascontiguousarray((model.deposit_rate(at_ms)[:, None] * weather[hour_row]).T)

    def _festival(self, at_ms: NDArray[np.int64]) -> Columns | None:
        """By step: how much more is thrown in where the festival is; ``None`` if there is none."""
        demand = self._demand
        if demand.festival_day <= 0.0:
            return None
        since = (model.day_of_year(at_ms) + 1.0 - demand.festival_day) % model.YEAR_D
        on = since < demand.festival_days
        return np.where(on, demand.festival_factor, 1.0) if on.any() else None

    def _rate(
        self,
        index: int,
        rng: np.random.Generator,
        site_rates: Columns,
        day_row: NDArray[np.int64],
        festival: Columns | None,
    ) -> Columns:
        """Mean items by step: the bin's level, its days, and what the site's week brings."""
        demand, clock = self._demand, self._clock
        site = index // self._per_site
        days = rng.standard_gamma(DAY_SHAPE, clock.days) / DAY_SHAPE
        chance, when, size = self._sky.lots[site]
        if chance < demand.events_per_year * clock.days / model.YEAR_D and rng.random() < 0.5:
            low, high = EVENT_FACTOR
            days[int(when * clock.days)] *= low + size * (high - low)
        mean_l = (1.0 - SACK_SHARE) * ITEM_L + SACK_SHARE * SACK_L
        days *= demand.level_l_day[index] / mean_l * clock.step_ms / model.DAY_MS
        rate = site_rates[site] * days[day_row]
        if festival is not None and demand.merry[index]:
            rate *= festival
        return rate

    def _round_rows(self, at_ms: NDArray[np.int64]) -> list[int]:
        """By step: the row of the round that begins in it, or -1."""
        begin_ms = at_ms % model.DAY_MS
        begins = np.zeros(len(at_ms), dtype=np.bool_)
        for round_ms in self._round_at_ms:
            since_ms = (round_ms - begin_ms) % model.DAY_MS
            begins |= since_ms < self._clock.step_ms
        return np.where(begins, np.cumsum(begins) - 1, -1).tolist()


def _thrown_in(rng: np.random.Generator, rate: Columns) -> NDArray[np.float32]:
    """Litres and number of items by step, a compound Poisson process; shape ``(2, steps)``."""
    items = rng.poisson(rate).astype(np.float32)
    thrown_l = ITEM_L * rng.standard_gamma(items, dtype=np.float32)
    until = np.cumsum(rate)
    sacks = int(rng.poisson(SACK_SHARE / (1.0 - SACK_SHARE) * until[-1]))
    steps = np.searchsorted(until, until[-1] * rng.random(sacks))
    np.add.at(thrown_l, steps, SACK_L / SACK_SHAPE * rng.standard_gamma(SACK_SHAPE, sacks))
    np.add.at(items, steps, 1.0)
    return np.array((thrown_l, items))
