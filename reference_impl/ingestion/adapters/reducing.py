"""Kernels over reports of many things, one thing behind the other, each by time.

Thing i has the places from ``starts[i]`` to before ``starts[i + 1]``; NaN stands where a report
lacks a signal. Windows are ``after < at_ms <= end``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reference_impl.kernel.compiled import compiled

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]

MEAN, MIN, MAX, LAST, COUNT, SUM = range(6)
"""How a window becomes one number."""
_PARTIALS = 64
"""Doubles that a sum without rounding may need: 2,098 bits, 53 each, is fewer than 40."""


class Laid(NamedTuple):
    """Reports of things side by side."""

    times: Times
    """Of the reports, shape ``(n,)``."""
    starts: Times
    """Of the things, shape ``(things + 1,)``."""
    high: Times
    """The place behind the newest report at or before each end, shape ``(ends, things)``."""


@compiled
def laid(times: Times, starts: Times, ends_ms: Times) -> Laid:
    """Find ``high`` for ends that are ascending, shape ``(ends,)``."""
    high = np.empty((ends_ms.size, starts.size - 1), dtype=np.int64)
    for thing in range(high.shape[1]):
        place, stop = starts[thing], starts[thing + 1]
        for end in range(ends_ms.size):
            while place < stop and times[place] <= ends_ms[end]:
                place += 1
            high[end, thing] = place
    return Laid(times, starts, high)


@compiled
def ranged(reports: Laid, columns: Floats, after_ms: Times) -> tuple[Floats, Floats, Times]:
    """Find between what each signal lay after some times, and how many reports one thing made.

    Args:
        reports: When things reported.
        columns: A row per signal, shape ``(signals, n)``.
        after_ms: Ascending, shape ``(times,)``.

    Returns:
        The lowest and the highest, shape ``(signals, times)`` each (infinity and minus infinity
        where nothing was read), and the most reports of one thing, shape ``(times,)``.
    """
    times, starts, _ = reports
    signals, spans = columns.shape[0], after_ms.size
    lowest = np.full((signals, spans), np.inf)
    highest = np.full((signals, spans), -np.inf)
    most = np.zeros(spans, dtype=np.int64)
    edges = np.empty(spans + 1, dtype=np.int64)
    for thing in range(starts.size - 1):
        place, edges[spans] = starts[thing], starts[thing + 1]
        for span in range(spans):
            while place < edges[spans] and times[place] <= after_ms[span]:
                place += 1
            edges[span] = place
            most[span] = max(most[span], edges[spans] - place)
        for row in range(signals):
            for span in range(spans):  # what is older than the next time, each once
                low, high = lowest[row, span], highest[row, span]
                for at in range(edges[span], edges[span + 1]):
                    value = columns[row, at]
                    if value < low:  # noqa: PLR1730 - NaN is no answer
                        low = value
                    if value > high:  # noqa: PLR1730
                        high = value
                lowest[row, span], highest[row, span] = low, high
    for row in range(signals):
        for span in range(spans - 2, -1, -1):  # what is newer belongs to the longer time, too
            lowest[row, span] = min(lowest[row, span], lowest[row, span + 1])
            highest[row, span] = max(highest[row, span], highest[row, span + 1])
    return lowest, highest, most


@compiled
def exact_sum(values: Floats, low: int, high: int, partials: Floats) -> float:
    """Sum ``values[low:high]`` as if without rounding, then round once.

    Then the order of readings of equal time does not matter. Source: Shewchuk, "Adaptive precision
    floating-point arithmetic" (1997), as in Python's ``math.fsum``.

    Args:
        values: Numbers and NaN, which is left out.
        low: First place.
        high: Behind the last one.
        partials: Room for the parts that the sum is held in, none overlapping another.
    """
    used = 0
    for place in range(low, high):
        rest = values[place]
        if np.isnan(rest):
            continue
        kept = 0
        for number in range(used):
            part = partials[number]
            if abs(rest) < abs(part):
                rest, part = part, rest
            whole = rest + part
            lost = part - (whole - rest)
            if lost != 0.0:
                partials[kept] = lost
                kept += 1
            rest = whole
        used = kept
        if rest != 0.0:
            partials[used] = rest
            used += 1
    if used == 0:
        return 0.0
    used -= 1
    total = float(partials[used])
    lost = 0.0
    while used > 0 and lost == 0.0:
        used -= 1
        whole = total + partials[used]
        lost = partials[used] - (whole - total)
        total = whole
    # half way between two doubles: what is still smaller says to which it is rounded
    if used > 0 and lost != 0.0 and (lost > 0.0) == (partials[used - 1] > 0.0):
        twice = lost * 2.0
        if twice == (total + twice) - total:
            total += twice
    return total


@compiled
def _one(values: Floats, low: int, high: int, take: int, partials: Floats) -> float:
    """One number of ``values[low:high]``; NaN: there is nothing."""
    count, lowest, highest = 0, np.inf, -np.inf
    for place in range(low, high):
        value = values[place]
        if not np.isnan(value):
            count += 1
            lowest, highest = min(lowest, value), max(highest, value)
    if take == COUNT:
        return float(count)
    if take == SUM:
        return exact_sum(values, low, high, partials)
    if count == 0:
        return np.nan
    if take == MIN:
        return lowest
    if take == MAX:
        return highest
    return exact_sum(values, low, high, partials) / count


@compiled
def reduced(
    reports: Laid, values: Floats, after_ms: Times, take: int
) -> tuple[Floats, Times, bool]:
    """Reduce the windows of one signal.

    Args:
        reports: When things reported, and the ends.
        values: Of the signal, shape ``(n,)``.
        after_ms: Where each window begins, ascending, shape ``(ends,)``.
        take: How, one of the numbers above.

    Returns:
        A number for each end and thing, NaN where there is nothing; when the newest reading at or
        before the end was, -1: none here; and whether there is such a reading everywhere.
    """
    times, starts, high = reports
    found = np.empty(high.shape)
    newest_ms = np.empty(high.shape, dtype=np.int64)
    partials = np.empty(_PARTIALS)
    everywhere = True
    for thing in range(high.shape[1]):
        low = sought = starts[thing]
        newest = -1
        for end in range(high.shape[0]):
            stop = high[end, thing]
            while sought < stop:
                if not np.isnan(values[sought]):
                    newest = sought
                sought += 1
            while low < stop and times[low] <= after_ms[end]:
                low += 1
            if take == LAST:
                found[end, thing] = values[newest] if newest >= low else np.nan
            else:
                found[end, thing] = _one(values, low, stop, take, partials)
            newest_ms[end, thing] = times[newest] if newest >= 0 else -1
            everywhere = everywhere and newest >= 0
    return found, newest_ms, everywhere
