"""What people do to bins: they throw things in, and crews come round. Drawn a day at a time.

Every draw is a function of seed, device and day: none depends on what the bin or a service does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from twins.core.streams import Streams
from twins.products.bin import model
from twins.products.bin.model import Columns

TICK_MS = 600_000
TICKS_A_DAY = model.DAY_MS // TICK_MS
DAY_SHAPE = 3.0
"""Shape of the gamma factor, mean 1, of a site's day (section 1C)."""
ITEM_L = 1.45
"""Mean item: 1.2 % of a bin without compaction (section 1C)."""
ITEM_SHAPE = 1.0
SACK_L = 12.1
"""A sack: a tenth of such a bin (section 1C)."""
SACK_SHAPE = 8.0
SACK_SHARE = 0.02
"""Share of sacks among the items (estimate)."""
FIRST_ROUND_H, ROUNDS_SPAN_H = 6.0, 12.0
"""Crews come from six in the morning, at equal distances over twelve hours (estimate)."""


class Day(NamedTuple):
    """One day of every device, columns of shape ``(n, ticks)`` or ``(n, rounds)``."""

    thrown_l: Columns
    jam: Columns
    """Uniform: whether a compaction in this tick jams."""
    fire: Columns
    """Uniform: whether a fire breaks out in this tick."""
    round: Columns
    """Uniform: whether the crew of this round empties the bin."""


class Habits:
    """Deposits and rounds of a fleet. ``level_l_day`` is the mean volume thrown in, ``(n,)``."""

    def __init__(
        self,
        streams: Streams,
        devices: Sequence[str],
        *,
        level_l_day: Columns,
        start_ms: int,
        rounds: int,
    ) -> None:
        self._streams, self._devices = streams, tuple(devices)
        self._level_l_day, self._start_ms, self._rounds = level_l_day, start_ms, rounds
        gap_ms = round(ROUNDS_SPAN_H / rounds * model.HOUR_MS)
        first_ms = round(FIRST_ROUND_H * model.HOUR_MS)
        self._round_at_ms = [first_ms + number * gap_ms for number in range(rounds)]
        self._number, self._day = -1, Day(*(np.empty((0, 0)),) * 4)

    def day(self, number: int) -> Day:
        """Day ``number`` since the beginning (from 0), of 24 hours from the hour it began."""
        if number != self._number:
            self._number, self._day = number, self._draw(number)
        return self._day

    def round_of(self, tick: int) -> int | None:
        """Which round of the calendar day begins in a tick; ``None`` if none does."""
        begin_ms = (self._start_ms + tick * TICK_MS) % model.DAY_MS
        for number, at_ms in enumerate(self._round_at_ms):
            if begin_ms <= at_ms < begin_ms + TICK_MS:
                return number
        return None

    def _draw(self, number: int) -> Day:
        first_ms = self._start_ms + number * model.DAY_MS
        rates = np.array(
            [model.deposit_rate(first_ms + tick * TICK_MS) for tick in range(TICKS_A_DAY)]
        )
        mean_l = (1.0 - SACK_SHARE) * ITEM_L + SACK_SHARE * SACK_L
        items = self._level_l_day / mean_l / TICKS_A_DAY
        size = len(self._devices)
        chance = np.empty((2, size, TICKS_A_DAY))
        rounds = np.empty((size, self._rounds))
        thrown = np.empty((size, TICKS_A_DAY))
        for row, device in enumerate(self._devices):
            rng = self._streams.block(f"bin/chance/{device}", number)
            chance[:, row] = rng.random((2, TICKS_A_DAY))
            rounds[row] = rng.random(self._rounds)
            rng = self._streams.block(f"bin/deposits/{device}", number)
            rate = rates * (items[row] * rng.gamma(DAY_SHAPE, 1.0 / DAY_SHAPE))
            small = rng.poisson((1.0 - SACK_SHARE) * rate)
            thrown[row] = ITEM_L / ITEM_SHAPE * rng.standard_gamma(ITEM_SHAPE * small)
            until = np.cumsum(rate)
            sacks = rng.poisson(SACK_SHARE * until[-1])
            ticks = np.searchsorted(until, until[-1] * rng.random(sacks))
            sacks_l = SACK_L / SACK_SHAPE * rng.standard_gamma(SACK_SHAPE, sacks)
            np.add.at(thrown[row], ticks, sacks_l)
        return Day(thrown, chance[0], chance[1], rounds)
