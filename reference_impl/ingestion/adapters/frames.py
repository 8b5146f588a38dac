"""Readings in memory: of one thing, by time."""

from __future__ import annotations

from operator import lt

import numpy as np

from reference_impl.kernel.ports import Floats, Times

_ROOM = 64
"""Columns that a new frame has room for."""
_LOOK_BACK = 16
"""Columns that are looked at first for the newest reading of a signal; then twice as many, ..."""


class Frame:
    """What one thing reported: a column per report, by time, and a row per signal.

    NaN stands where a report lacks a signal. Reports of equal time have each signal in ascending
    order, so that it does not matter which of them came first.
    """

    __slots__ = ("_first", "_last", "_sought", "_times", "_values", "newest_ms")

    def __init__(self, rows: int) -> None:
        self._times: Times = np.empty(_ROOM, dtype=np.int64)
        self._values: Floats = np.empty((rows, _ROOM))
        self._first = self._last = 0
        self._sought: dict[int, tuple[int, int]] = {}
        """For a row, the column in front of which was looked last, and what was found there."""
        self.newest_ms = -1
        """The time of the newest report, -1 without any."""

    def add(self, times: Times, values: Floats) -> None:
        """Take in reports in any order: times (ms), shape ``(k,)``, values ``(signals, k)``."""
        ordered = times.tolist()  # quicker to look through than a short array
        if not ordered:
            return
        if ordered[0] <= self.newest_ms or not all(map(lt, ordered, ordered[1:])):
            times, values = self._merged(times, values)
        self.append(times, values, int(times[-1]))

    def append(self, times: Times, values: Floats, newest_ms: int) -> None:
        """Take in reports as :meth:`add` does, that are ascending and newer than all here."""
        end = self._last + times.size
        if end > self._times.size:
            self._make_room(times.size)
            end = self._last + times.size
        self._times[self._last : end] = times
        self._values[:, self._last : end] = values
        self._last = end
        self.newest_ms = newest_ms

    def _merged(self, times: Times, values: Floats) -> tuple[Times, Floats]:
        """Reports and the columns here that are not older than all of them, in order of time."""
        place = self.place(int(times.min()) - 1)
        times = np.concatenate([self._times[place : self._last], times])
        values = np.concatenate([self._values[:, place : self._last], values], axis=1)
        self._last = place
        self._sought.clear()
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
        self._sought.clear()

    def cut(self, before_ms: int) -> None:
        """Forget what is older."""
        self._first = self.place(before_ms - 1)
        self._sought.clear()

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

    def reported_before(self, place: int) -> int:
        """The time of the report in front of a column; -1: none."""
        return int(self._times[place - 1]) if place > self._first else -1

    def newest_before(self, row: int, place: int) -> int:
        """The time of the newest reading of a signal in front of a column; -1: none."""
        known, newest_ms = self._sought.get(row, (self._first, -1))
        if known > place:
            known, newest_ms = self._first, -1
        high, width = place, _LOOK_BACK
        while high > known:
            low = max(high - width, known)
            seen = np.flatnonzero(~np.isnan(self._values[row, low:high]))
            if seen.size:
                newest_ms = int(self._times[low + seen[-1]])
                break
            high, width = low, 2 * width
        self._sought[row] = place, newest_ms
        return newest_ms
