"""Readings in memory: of one thing by time, and of many things cut into windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum, nan

import numpy as np

from reference_impl.kernel.ports import Bools, Floats, Take, Times, Window

_ROOM = 64
"""Columns that a new frame has room for."""
_LOOK_BACK = 16
"""Columns that are looked at first for the newest reading of a signal; then twice as many, ..."""


class Frame:
    """What one thing reported: a column per report, by time, and a row per signal.

    NaN stands where a report lacks a signal. Reports of equal time have each signal in ascending
    order, so that it does not matter which of them came first.
    """

    __slots__ = ("_first", "_last", "_times", "_values", "newest_ms")

    def __init__(self, rows: int) -> None:
        self._times: Times = np.empty(_ROOM, dtype=np.int64)
        self._values: Floats = np.empty((rows, _ROOM))
        self._first = self._last = 0
        self.newest_ms = -1
        """The time of the newest report, -1 without any."""

    def add(self, times: Times, values: Floats) -> None:
        """Take in reports in any order: times (ms), shape ``(k,)``, values ``(signals, k)``."""
        if not times.size:
            return
        ahead = times[0] > self.newest_ms
        if not ahead or (times.size > 1 and not (times[1:] > times[:-1]).all()):
            times, values = self._merged(times, values)
        end = self._last + times.size
        if end > self._times.size:
            self._make_room(times.size)
            end = self._last + times.size
        self._times[self._last : end] = times
        self._values[:, self._last : end] = values
        self._last = end
        self.newest_ms = int(times[-1])

    def _merged(self, times: Times, values: Floats) -> tuple[Times, Floats]:
        """Reports and the columns here that are not older than all of them, in order of time."""
        place = self.place(int(times.min()) - 1)
        times = np.concatenate([self._times[place : self._last], times])
        values = np.concatenate([self._values[:, place : self._last], values], axis=1)
        self._last = place
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[:, order]
        starts = np.flatnonzero(np.concatenate([[True], times[1:] > times[:-1]]))
        for start, end in zip(starts, [*starts[1:], times.size], strict=True):
            if end - start > 1:
                values[:, start:end] = np.sort(values[:, start:end], axis=1)
        return times, values

    def _make_room(self, size: int) -> None:
        """Move to arrays with as much room again as is needed."""
        kept = slice(self._first, self._last)
        used = self._last - self._first
        times = np.empty(2 * (used + size), dtype=np.int64)
        values = np.empty((self._values.shape[0], times.size))
        times[:used], values[:, :used] = self._times[kept], self._values[:, kept]
        self._times, self._values, self._first, self._last = times, values, 0, used

    def cut(self, before_ms: int) -> None:
        """Forget what is older."""
        self._first = self.place(before_ms - 1)

    def place(self, at_ms: int) -> int:
        """The first column that is newer than ``at_ms``."""
        if at_ms >= self.newest_ms:
            return self._last
        return self._first + int(
            self._times[self._first : self._last].searchsorted(at_ms, side="right")
        )

    def between(self, after_ms: int, to_ms: int) -> tuple[Times, Floats, int]:
        """Reports with ``after_ms < at_ms <= to_ms`` (views), and the place of the first."""
        high = self.place(to_ms)
        low = self.place(after_ms)
        return self._times[low:high], self._values[:, low:high], low

    def newest_before(self, row: int, place: int) -> int:
        """The time of the newest reading of a signal in front of a column; -1: none."""
        width = _LOOK_BACK
        while place > self._first:
            low = max(place - width, self._first)
            seen = np.flatnonzero(~np.isnan(self._values[row, low:place]))
            if seen.size:
                return int(self._times[low + seen[-1]])
            place, width = low, 2 * width
        return -1


class Cut:
    """Reports of several things, one thing behind the other, for windows of similar length.

    Each window of each thing is a stretch of the one long array, so all are reduced by one call.
    """

    def __init__(self, frames: Sequence[Frame], *, longest_ms: int, ends_ms: Sequence[int]) -> None:
        after_ms, to_ms = ends_ms[0] - longest_ms, ends_ms[-1]
        parts = [frame.between(after_ms, to_ms) for frame in frames]
        self._frames, self._places = frames, [place for _, _, place in parts]
        sizes = [times.size for times, _, _ in parts]
        self._times: Times = np.concatenate([times for times, _, _ in parts])
        self._values: Floats = np.concatenate([values for _, values, _ in parts], axis=1)
        self._missing: Bools = np.isnan(self._values)
        self._gaps: Bools = self._missing.any(axis=1)
        things = np.arange(len(frames), dtype=np.int64)
        # times that count on from thing to thing are ascending: all windows by one search
        span_ms = to_ms - after_ms + 1
        self._keys: Times = self._times - after_ms + np.repeat(things * span_ms, sizes)
        ends = np.asarray(ends_ms, dtype=np.int64)[:, None] - after_ms
        self._ends: Times = ends + things * span_ms
        self._first: Times = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self._high: Times = self._keys.searchsorted(self._ends, side="right")
        self._low: dict[int, Times] = {}

    def window(self, row: int, take: Take, over_ms: int) -> Window:
        """Each window as one number; see the port ``TelemetryView``."""
        low, high, first = self._lows(over_ms), self._high, self._first
        times, values = self._times, self._values[row]
        if self._gaps[row]:
            here = ~self._missing[row]
            place = np.concatenate([[0], np.cumsum(here)])
            low, high, first = place[low], place[high], place[first]
            times, values = times[here], values[here]
        return Window(_reduced(values, take, low, high), self._newest(row, times, first, high))

    def _lows(self, over_ms: int) -> Times:
        known = self._low.get(over_ms)
        if known is None:
            known = self._low[over_ms] = self._keys.searchsorted(self._ends - over_ms, side="right")
        return known

    def _newest(self, row: int, times: Times, first: Times, high: Times) -> Times:
        none = high == first
        if not none.any():
            return times[high - 1]
        before = [
            frame.newest_before(row, place) if nothing else -1
            for frame, place, nothing in zip(
                self._frames, self._places, none.any(axis=0).tolist(), strict=True
            )
        ]
        if not times.size:
            return np.broadcast_to(np.array(before, dtype=np.int64), high.shape)
        return np.where(none, np.array(before, dtype=np.int64), times[high - 1])


_EXTREME: Mapping[Take, np.ufunc] = {Take.MIN: np.minimum, Take.MAX: np.maximum}


def _reduced(values: Floats, take: Take, low: Times, high: Times) -> Floats:
    """One number for each stretch ``low <= place < high``, in the shape of both."""
    if take is Take.COUNT:
        return (high - low).astype(np.float64)
    if take in (Take.SUM, Take.MEAN):
        return _summed(values, take, low, high)
    if not values.size:
        return np.full(low.shape, nan)
    if take is Take.LAST:
        found = values[high - 1]
    else:
        # every second stretch of these is a window; the end of the last may be behind the array
        edges = np.stack([low, high], axis=-1).ravel()
        found = _EXTREME[take].reduceat(np.append(values, nan), edges)[::2].reshape(low.shape)
    empty = low == high
    return np.where(empty, nan, found) if empty.any() else found


def _summed(values: Floats, take: Take, low: Times, high: Times) -> Floats:
    """Sums are exact, so that the order of readings of equal time does not matter."""
    numbers = values.tolist()
    stretches = zip(low.ravel().tolist(), high.ravel().tolist(), strict=True)
    if take is Take.SUM:
        found = [fsum(numbers[a:b]) for a, b in stretches]
    else:
        found = [fsum(numbers[a:b]) / (b - a) if a < b else nan for a, b in stretches]
    return np.array(found).reshape(low.shape)
