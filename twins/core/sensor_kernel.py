"""The sensor chain and the noise in it as kernels: channel by channel over a tile of devices.

Columns are copied by loops: to assign a slice compiles the text of an error, which takes seconds.
A tile is few enough devices that all its channels stay in a core's own cache from truth to quantum.
What the columns of figures and places mean stands in ``Sensors``, what faults are in ``Broken``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled
from twins.core.draw_kernel import mixed, uniform

Floats = NDArray[np.float32]
Columns = NDArray[np.float64]
Whole = NDArray[np.int64]
Keys = NDArray[np.uint64]
Word = Any
"""A ``numpy.uint64``; mypy does not know what its arithmetic gives."""

TILE = 1000
"""Devices of a tile: 26 channels of them are 0.2 MB, which fits into a core's own cache. Tiles of
256 took a quarter longer."""
OCTAVE, LOWEST = 5, 126 << 5
"""An octave of the normal's table has 2^5 pieces; the lowest one begins at 0.5."""
FIGURES = ("white", "white_rel", "slow", "slow_rel", "memory", "push", "drift", "drift_rel",
           "wander", "lag", "low", "high", "steps", "base")  # fmt: skip
(_WHITE, _WHITE_REL, _SLOW, _SLOW_REL, _MEMORY, _PUSH, _DRIFT, _DRIFT_REL, _WANDER, _LAG, _LOW,
 _HIGH, _STEPS, _BASE) = range(len(FIGURES))  # fmt: skip
PLACES = ("white", "slow_draw", "drift_draw", "bias", "gain", "slow", "drift", "lag", "hold",
          "width", "row")  # fmt: skip
(_WHITE_AT, _SLOW_DRAW, _DRIFT_DRAW, _BIAS_AT, _GAIN_AT, _SLOW_AT, _DRIFT_AT, _LAG_AT, _HOLD_AT,
 _WIDTH_AT, _ROW_AT) = range(len(PLACES))  # fmt: skip
KINDS = ("sensor_swapped", "sensor_bias", "sensor_drift", "sensor_stuck", "sensor_spike",
         "sensor_zero", "sensor_dropout")  # fmt: skip
"""In the order in which they act: wiring, then offsets, then what hides everything."""
_SWAPPED, _BIASED, _DRIFTED, _STUCK, _SPIKE, _ZERO, _DROPOUT = range(len(KINDS))
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_S1, _S11, _S31, _S33 = np.uint64(1), np.uint64(11), np.uint64(31), np.uint64(33)
_BIT = np.uint64(1)
_LOW_31, _SIGN = np.uint64(2**31 - 1), np.uint64(2**31)
_PIECE, _LOWEST = np.uint32(23 - OCTAVE), np.uint32(LOWEST)
_HALF = np.float32(0.5)


@compiled
def _normals(  # noqa: PLR0917
    keys: Keys, first: int, last: int, row: int, table: Floats, draws: Floats
) -> None:
    """Standard normals for devices ``first`` to ``last``, shape ``(rows, >= last - first)``.

    A device's row starts from SplitMix64 of its key and the row's number and is SplitMix64 from
    there on; each word makes two normals: a bit of sign, 31 bits for the table.
    """
    count, begin = last - first, np.uint64(row + 1) * _GOLDEN
    seeds = np.empty(count, dtype=np.uint64)
    for i in range(count):
        seeds[i] = mixed(keys[first + i] + begin)
    size, signs = np.empty((2, count), dtype=np.float32), np.empty((2, count), dtype=np.uint32)
    where, bits, value, slope = size.view(np.uint32), draws.view(np.uint32), table[0], table[1]
    for pair in range((len(draws) + 1) // 2):
        step = np.uint64(pair + 1) * _GOLDEN
        for i in range(count):
            word = mixed(seeds[i] + step)
            size[0, i] = np.float32(np.int32((word >> _S1) & _LOW_31)) + _HALF
            size[1, i] = np.float32(np.int32(word >> _S33)) + _HALF
            signs[0, i] = np.uint32((word & _BIT) << _S31)
            signs[1, i] = np.uint32((word >> _S1) & _SIGN)
        for half in range(min(2, len(draws) - 2 * pair)):
            # An index that is no signed number is not looked at for being below 0.
            own, place, drawn = size[half], where[half], draws[2 * pair + half]
            for i in range(count):
                at = np.uint64((place[i] >> _PIECE) - _LOWEST)
                drawn[i] = value[at] + slope[at] * own[i]
            sign, made = signs[half], bits[2 * pair + half]
            for i in range(count):
                made[i] ^= sign[i]


@compiled
def noise_row(keys: Keys, row: int, table: Floats, out: Floats) -> None:
    """A row of noise of every device, shape ``(width, n)``."""
    draws = np.empty((len(out), min(TILE, len(keys))), dtype=np.float32)
    for first in range(0, len(keys), TILE):
        last = min(first + TILE, len(keys))
        _normals(keys, first, last, row, table, draws)
        for channel in range(len(out)):
            own = out[channel, first:last]
            for i in range(len(own)):
                own[i] = draws[channel, i]


@compiled
def _disturb(  # noqa: PLR0917
    c: int, first: int, last: int, figures: Columns, places: Whole, fixed: Floats, state: Columns,
    draws: Floats, true: Columns, seen: Columns,
) -> None:  # fmt: skip
    """Lag, noise, bias and gain of a channel; ``seen`` begins as ``true``."""
    if places[c, _LAG_AT] >= 0:  # then ``true`` is a copy
        lagged, gain = state[places[c, _LAG_AT], first:last], figures[c, _LAG]
        for i in range(len(seen)):
            now, was = true[i], lagged[i]
            # First order, exact over a report interval for a truth that stood still.
            slowed = now if math.isnan(was) else was + gain * (now - was)
            true[i] = seen[i] = slowed
            lagged[i] = was if math.isnan(now) else slowed
    if places[c, _WHITE_AT] >= 0:
        draw, size, rel = draws[places[c, _WHITE_AT]], figures[c, _WHITE], figures[c, _WHITE_REL]
        for i in range(len(seen)):
            seen[i] += draw[i] * (size + rel * true[i])
    if places[c, _BIAS_AT] >= 0:
        bias = fixed[places[c, _BIAS_AT], first:last]
        for i in range(len(seen)):
            seen[i] += bias[i]
    if places[c, _GAIN_AT] >= 0:
        too_much = fixed[places[c, _GAIN_AT], first:last]
        for i in range(len(seen)):
            seen[i] += true[i] * too_much[i]


@compiled
def _wander(  # noqa: PLR0917
    c: int, first: int, last: int, figures: Columns, places: Whole, state: Columns, draws: Floats,
    true: Columns, seen: Columns,
) -> None:  # fmt: skip
    """What is remembered from report to report: drift and slow noise of a channel."""
    if places[c, _DRIFT_AT] >= 0:
        draw, drift = draws[places[c, _DRIFT_DRAW]], state[places[c, _DRIFT_AT], first:last]
        wander, size, rel = figures[c, _WANDER], figures[c, _DRIFT], figures[c, _DRIFT_REL]
        for i in range(len(seen)):
            drift[i] += wander * draw[i]
            seen[i] += drift[i] * (size + rel * true[i])
    if places[c, _SLOW_AT] >= 0:
        draw, slow = draws[places[c, _SLOW_DRAW]], state[places[c, _SLOW_AT], first:last]
        memory, push = figures[c, _MEMORY], figures[c, _PUSH]
        size, rel = figures[c, _SLOW], figures[c, _SLOW_REL]
        for i in range(len(seen)):
            slow[i] = memory * slow[i] + push * draw[i]
            seen[i] += slow[i] * (size + rel * true[i])


@compiled
def _spoil(  # noqa: PLR0917
    device: int, at_ms: int, fault: int, after: Whole, what: Whole, size: Columns, values: Columns
) -> None:
    """Let faults act on the readings in a column of a tile, one after another from ``fault`` on."""
    while fault >= 0:
        kind, channel, begun = what[fault, 0], what[fault, 1], what[fault, 2]
        much, value = size[fault], values[channel, device]
        if kind == _SWAPPED:
            values[channel, device] = values[int(much), device]
            values[int(much), device] = value
        elif kind in (_BIASED, _SPIKE):
            values[channel, device] = value + much
        elif kind == _DRIFTED:
            values[channel, device] = value + much * (at_ms - begun)
        elif kind == _STUCK:
            if not (math.isnan(value) or math.isnan(much)):
                values[channel, device] = much
        elif kind == _ZERO:
            word = mixed(np.uint64(begun) * _GOLDEN + np.uint64(at_ms))
            if np.float64(word >> _S11) * 2.0**-53 < much and not math.isnan(value):
                values[channel, device] = 0.0
        else:
            values[channel, device] = math.nan
        fault = after[fault]


@compiled
def hang_in(  # noqa: PLR0917
    head: Whole, after: Whole, what: Whole, size: Columns, slots: Whole, devices: Whole,
    news: Whole, sizes: Columns,
) -> None:  # fmt: skip
    """Let faults begin: each behind those of its device that act no later; columns of ``Broken``.

    Args:
        head: First fault of each device.
        after: The next one after each.
        what: (kind, channel, begun or salt, number) of each.
        size: Of each.
        slots: Where the new ones go.
        devices: Whose they are, shape as ``slots``.
        news: What they are, ``(len(slots), 4)``.
        sizes: Theirs.
    """
    for i in range(len(slots)):
        slot, before, behind = slots[i], -1, head[devices[i]]
        while behind >= 0 and what[behind, 0] <= news[i, 0]:
            before, behind = behind, after[behind]
        for part in range(4):
            what[slot, part] = news[i, part]
        size[slot], after[slot] = sizes[i], behind
        if before < 0:
            head[devices[i]] = slot
        else:
            after[before] = slot


@compiled
def _next_zero(key: Word, root: Word, number: int, log_share: float) -> int:
    """How many cells on the next natural zero of a device stands, geometric, from 1.

    Args:
        key: Of the device (``streams.keys``).
        root: Of the stream.
        number: Which zero it is.
        log_share: ln of the share of cells that are no zero.
    """
    return 1 + math.floor(math.log(uniform(key, root, number)) / log_share)


@compiled
def first_zeros(keys: Keys, root: Word, log_share: float, zeros: Whole) -> None:
    """Where the first natural zero of each device stands; ``zeros`` is ``(2, n)``."""
    for i in range(len(keys)):
        zeros[1, i] = 1
        zeros[0, i] = _next_zero(keys[i], root, zeros[1, i], log_share) - 1


@compiled
def _zeros_of(device: int, report: int, nature: tuple[Any, ...], at: int, values: Columns) -> None:
    """The natural zeros of a device, whose readings stand in column ``at`` of a tile."""
    keys, root, log_share, zeros = nature
    channels = len(values)
    while zeros[0, device] < (report + 1) * channels:
        channel = zeros[0, device] - report * channels
        if not math.isnan(values[channel, at]):
            values[channel, at] = 0.0
        zeros[1, device] += 1
        zeros[0, device] += _next_zero(keys[device], root, zeros[1, device], log_share)


@compiled
def _quantise(  # noqa: PLR0917
    c: int, first: int, figures: Columns, places: Whole, state: Columns, fresh: Whole, seen: Columns
) -> None:
    """Clip to the range, go to the quantum and hold: whole numbers of quanta."""
    low, high, steps = figures[c, _LOW], figures[c, _HIGH], figures[c, _STEPS]
    hold = places[c, _HOLD_AT]
    if hold >= 0 and fresh[hold] == 0:
        held = state[hold, first : first + len(seen)]
        for i in range(len(seen)):
            seen[i] = held[i]
    for i in range(len(seen)):
        # Not min and max: NaN has to pass, interpreted as well.
        value = seen[i]
        value = low if value < low else value  # noqa: FURB136
        value = high if value > high else value  # noqa: FURB136
        seen[i] = np.rint(value * steps)
    if hold >= 0:
        held = state[hold, first : first + len(seen)]
        for i in range(len(seen)):
            held[i] = seen[i] / steps


@compiled
def _keep(  # noqa: PLR0917
    width: int, row: int, first: int, base: float, room: tuple[Any, ...], seen: Columns
) -> None:
    """Write whole numbers of quanta, less their base, into the room of their width."""
    eight, sixteen, half, whole = room
    last = first + len(seen)
    if width == 0:
        bytes_ = eight[row, first:last]
        for i in range(len(seen)):
            bytes_[i] = np.int8(-(2.0**7) if math.isnan(seen[i]) else seen[i] - base)
    elif width == 1:
        words = sixteen[row, first:last]
        for i in range(len(seen)):
            words[i] = np.int16(-(2.0**15) if math.isnan(seen[i]) else seen[i] - base)
    elif width == 2:
        longs = half[row, first:last]
        for i in range(len(seen)):
            longs[i] = np.int32(-(2.0**31) if math.isnan(seen[i]) else seen[i] - base)
    elif width == 3:
        numbers = whole[row, first:last]
        for i in range(len(seen)):
            numbers[i] = seen[i]


@compiled
def _say(seen: Columns, steps: float, said: Columns) -> None:
    """Make whole numbers of quanta readings."""
    if steps == 1.0:
        for i in range(len(said)):
            said[i] = seen[i]
    else:
        for i in range(len(said)):
            said[i] = seen[i] / steps


@compiled
def _listen(first: int, last: int, values: Columns, mute: NDArray[np.bool_]) -> int:
    """Find out which devices of a tile have nothing to say; returns how many."""
    silent = 0
    for i in range(first, last):
        mute[i] = math.isnan(values[0, i])
        if mute[i]:  # which is rare
            for c in range(1, len(values)):
                mute[i] = mute[i] and math.isnan(values[c, i])
            silent += mute[i]
    return silent


@compiled
def _take(  # noqa: PLR0917
    truth: Columns, at: int, step: int, lags: bool, copy: Columns, seen: Columns
) -> Columns:
    """Let a channel of a tile begin with its true values, from ``at`` on; returns those.

    Where they lie side by side and nobody writes to them, no copy is made.
    """
    true = copy[: len(seen)]
    if step == 1 and not lags:
        true = truth[at : at + len(seen)]
        for i in range(len(seen)):
            seen[i] = true[i]
    else:
        for i in range(len(seen)):
            true[i] = seen[i] = truth[at + i * step]
    return true


@compiled
def sense(  # noqa: PLR0917
    truth: Columns, spacing: tuple[int, int], part: tuple[int, int], keys: Keys, report: int,
    at_ms: int, figures: Columns, places: Whole, fixed: Floats, state: Columns, fresh: Whole,
    table: Floats, broken: tuple[Any, ...], nature: tuple[Any, ...], values: Columns,
    room: tuple[Any, ...], mute: NDArray[np.bool_],
) -> int:  # fmt: skip
    """Make a report of some devices from their truth; returns how many have nothing to say.

    Args:
        truth: True values of the devices of ``part``, flat.
        spacing: The way from channel to channel and from device to device in it.
        part: The first device, and the one behind the last; all other columns are of all devices.
        keys: Of the devices' noise; row ``report`` is drawn from it.
        report: Running number.
        at_ms: When that is.
        figures: Shape ``(channels, len(FIGURES))``.
        places: Where each effect stands in draws, ``fixed`` and ``state``, and the quanta in
            ``room``; -1: none.
        fixed: Errors of devices that stay, ``(rows, n)``.
        state: What is remembered, ``(rows, n)``.
        fresh: By row of ``state``: whether a channel that holds looks again.
        table: Of the normal.
        broken: Columns of ``Broken``.
        nature: Keys, root, log share and columns of natural zeros.
        values: The readings, ``(channels, n)``, to be filled.
        room: The same in quanta, to be filled: one block for each width (``packing.py``).
        mute: Who has nothing to say, ``(n,)``, to be filled.
    """
    head, after, what, size = broken
    zeros = nature[3]
    channels, pairs = len(values), 0
    for c in range(channels):
        last_draw = max(places[c, _WHITE_AT], places[c, _SLOW_DRAW], places[c, _DRIFT_DRAW])
        pairs = max(pairs, (last_draw + 2) // 2)
    wide = min(TILE, part[1] - part[0])
    draws, copy = np.empty((2 * pairs, wide), dtype=np.float32), np.empty(wide)
    tile = np.empty((channels, wide))
    silent = 0
    for first in range(part[0], part[1], TILE):
        last = min(first + TILE, part[1])
        _normals(keys, first, last, report, table, draws)
        for c in range(channels):
            seen, at = tile[c, : last - first], c * spacing[0] + (first - part[0]) * spacing[1]
            true = _take(truth, at, spacing[1], places[c, _LAG_AT] >= 0, copy, seen)
            _disturb(c, first, last, figures, places, fixed, state, draws, true, seen)
            _wander(c, first, last, figures, places, state, draws, true, seen)
        for i in range(first, last):
            if head[i] >= 0:
                _spoil(i - first, at_ms, head[i], after, what, size, tile)
            if zeros[0, i] < (report + 1) * channels:
                _zeros_of(i, report, nature, i - first, tile)
        for c in range(channels):
            seen, steps = tile[c, : last - first], figures[c, _STEPS]
            _quantise(c, first, figures, places, state, fresh, seen)
            _keep(places[c, _WIDTH_AT], places[c, _ROW_AT], first, figures[c, _BASE], room, seen)
            _say(seen, steps, values[c, first:last])
        silent += _listen(first, last, values, mute)
    return silent
