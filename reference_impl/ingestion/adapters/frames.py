"""Readings in memory: of one thing by time, and of many things cut into windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import fsum, nan
from operator import lt
from typing import NamedTuple

import numpy as np

from reference_impl.kernel.ports import Bools, Floats, Range, Reduced, Take, Times, Window
from reference_impl.kernel.ranges import ANYTHING

_ROOM = 64
"""Columns that a new frame has room for."""
_ALIKE = 8
"""Windows up to so many times as long as the shortest are taken from one cut."""
_ROUNDED = 1e-12
"""A mean may lie outside of what it is the mean of by so much of it, at most."""
_WHOLE_MAX = 20_000
"""Up to so many numbers of a cut are taken together; of more, a signal when it is needed."""
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

    def newest_at(self, ends_ms: Times) -> Times:
        """The time of the newest report at or before each end; -1: none."""
        times = self._times[self._first : self._last]
        if not times.size:
            return np.full(ends_ms.shape, -1, dtype=np.int64)
        place = times.searchsorted(ends_ms, side="right")
        return np.where(place > 0, times[np.maximum(place - 1, 0)], -1)

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


class _Stretches(NamedTuple):
    """Windows as stretches ``low <= place < high`` of one long row of readings."""

    low: Times
    high: Times
    edges: Times
    """Both in turn: every second stretch between two edges is a window."""
    empty: Bools | None
    """Where there is nothing; None: nowhere."""

    @classmethod
    def of(cls, low: Times, high: Times) -> _Stretches:
        edges = np.empty((*low.shape, 2), dtype=np.int64)
        edges[..., 0], edges[..., 1] = low, high
        empty = low == high
        return cls(low, high, edges.ravel(), empty if empty.any() else None)


class _Row(NamedTuple):
    """The readings of one signal, thing behind thing, and one more: a stretch may end behind."""

    values: Floats
    place: Times | None
    """How many of them stand before each report; None: each report has one."""
    newest_ms: Times
    """The newest one at or before each end."""


class Cut:
    """Reports of several things, one thing behind the other, for windows of similar length.

    Each window of each thing is a stretch of one long row, so all are reduced by one call. A row
    is made when it is asked for: of many things all rows together would not fit into a cache.
    """

    def __init__(self, frames: Sequence[Frame], *, longest_ms: int, ends_ms: Sequence[int]) -> None:
        after_ms, to_ms = ends_ms[0] - longest_ms, ends_ms[-1]
        parts = [frame.between(after_ms, to_ms) for frame in frames]
        self._frames, self._places = frames, [place for _, _, place in parts]
        sizes = np.array([times.size for times, _, _ in parts])
        self._times: Times = np.concatenate([times for times, _, _ in parts])
        self._columns = [values for _, values, _ in parts]
        # times that count on from thing to thing are ascending: all windows by one search
        span_ms = to_ms - after_ms + 1
        begins = np.arange(len(frames), dtype=np.int64) * span_ms
        self._keys: Times = self._times - after_ms + np.repeat(begins, sizes)
        self._ends: Times = np.array(ends_ms, dtype=np.int64)[:, None] - after_ms + begins
        self._first: Times = np.cumsum(sizes) - sizes
        self._high: Times = self._keys.searchsorted(self._ends, side="right")
        self._longest = int(sizes.max())
        self._whole = self._together()
        self._ranges: dict[int, Range] = {}
        self._rows_apart: dict[int, Floats] = {}
        self._rows: dict[int, _Row] = {}
        self._stretches: dict[tuple[int, int], _Stretches] = {}
        self._all_reported = bool((self._high > self._first).all())

    def _together(self) -> Floats | None:
        """All signals as rows, if they are few numbers, with one more column."""
        signals = self._columns[0].shape[0]
        if signals * (self._times.size + 1) > _WHOLE_MAX:
            return None
        whole = np.empty((signals, self._times.size + 1))
        np.concatenate(self._columns, axis=1, out=whole[:, :-1])
        whole[:, -1] = nan
        return whole

    def window(self, row: int, take: Take, over_ms: int) -> Window:
        """Windows of one signal, ``(ends, things)``; see the port ``TelemetryView``."""
        one = self._rows.get(row)
        if one is None:
            one = self._rows[row] = self._row(row)
        return Window(_reduced(one.values, take, self._of(row, one, over_ms)), one.newest_ms)

    def within(self, row: int, take: Take) -> Range:
        """Between what any window of one signal lies; see the port ``Windows``."""
        if take is Take.COUNT:
            return 0.0, float(self._longest)
        low, high = self._range(row)
        if low != low:  # noqa: PLR0124 - NaN: there is no reading
            return (0.0, 0.0) if take is Take.SUM else ANYTHING
        if take is Take.SUM:  # of none to all of the readings of a thing
            return min(low * self._longest, 0.0), max(high * self._longest, 0.0)
        if take is Take.MEAN:  # it is rounded twice
            return low - abs(low) * _ROUNDED, high + abs(high) * _ROUNDED
        return low, high

    def _range(self, row: int) -> Range:
        """The lowest and the highest reading of a signal; NaN without any."""
        if not self._ranges and self._whole is not None:
            lowest = np.fmin.reduce(self._whole, axis=1).tolist()
            highest = np.fmax.reduce(self._whole, axis=1).tolist()
            self._ranges = dict(enumerate(zip(lowest, highest, strict=True)))
        found = self._ranges.get(row)
        if found is None:
            values = self._values(row)
            found = float(np.fmin.reduce(values)), float(np.fmax.reduce(values))
            self._ranges[row] = found
        return found

    def _values(self, row: int) -> Floats:
        """All readings of a signal, and one more."""
        if self._whole is not None:
            values: Floats = self._whole[row]
            return values
        found = self._rows_apart.get(row)
        if found is None:
            found = self._rows_apart[row] = np.empty(self._times.size + 1)
            np.concatenate([columns[row] for columns in self._columns], out=found[:-1])
            found[-1] = nan
        return found

    def _row(self, row: int) -> _Row:
        values = self._values(row)
        here: Bools = ~np.isnan(values[:-1])
        if np.logical_and.reduce(here):
            return _Row(values, None, self.newest_ms if self._all_reported else self._newest(row))
        place = np.concatenate([[0], np.cumsum(here)])
        newest_ms = self._newest(row, here, place)
        return _Row(np.append(values[:-1][here], nan), place, newest_ms)

    def _of(self, row: int, one: _Row, over_ms: int) -> _Stretches:
        """The windows of a length in the readings of a row."""
        key = (-1 if one.place is None else row, over_ms)
        found = self._stretches.get(key)
        if found is None:
            low: Times = self._keys.searchsorted(self._ends - over_ms, side="right")
            high = self._high
            if one.place is not None:
                low, high = one.place[low], one.place[high]
            found = self._stretches[key] = _Stretches.of(low, high)
        return found

    @cached_property
    def newest_ms(self) -> Times:
        """The newest report at or before each end, where all have one."""
        return self._times[self._high - 1]

    def _newest(self, row: int, here: Bools | None = None, place: Times | None = None) -> Times:
        """The newest reading of a signal at or before each end, also from before the cut.

        ``here`` says which reports have it, and ``place`` how many do before each.
        """
        times, first, high = self._times, self._first, self._high
        if here is not None and place is not None:
            times, first, high = times[here], place[first], place[high]
        none = high == first
        if not none.any():
            return times[high - 1]
        before = [
            frame.newest_before(row, column) if nothing else -1
            for frame, column, nothing in zip(
                self._frames, self._places, none.any(axis=0).tolist(), strict=True
            )
        ]
        older: Times = np.broadcast_to(np.array(before, dtype=np.int64), high.shape)
        return np.where(none, older, times[high - 1]) if times.size else older


class Cuts:
    """Windows of several kinds from few cuts; implements the port ``Windows``."""

    def __init__(
        self,
        wanted: Sequence[Reduced],
        signals: Mapping[str, int],
        cut: Callable[[int], Cut],
        *,
        shape: tuple[int, int],
    ) -> None:
        self._signals, self._cut, self._shape = signals, cut, shape
        self._cuts: dict[int, Cut] = {}
        self._longest_ms: dict[int, int] = {}
        longest_ms = -1
        for over_ms in sorted({kind.over_ms for kind in wanted}, reverse=True):
            if not 0 < longest_ms <= over_ms * _ALIKE:
                longest_ms = over_ms
            self._longest_ms[over_ms] = longest_ms

    def window(self, kind: Reduced) -> Window:
        """One kind; see the port."""
        if not all(self._shape):
            return Window(np.empty(self._shape), np.empty(self._shape, dtype=np.int64))
        return self._of(kind).window(self._signals[kind.signal], kind.take, kind.over_ms)

    def within(self, kind: Reduced) -> Range:
        """Between what it lies; see the port."""
        return self._of(kind).within(self._signals[kind.signal], kind.take)

    def _of(self, kind: Reduced) -> Cut:
        back_ms = self._longest_ms[kind.over_ms]
        found = self._cuts.get(back_ms)
        if found is None:
            found = self._cuts[back_ms] = self._cut(back_ms)
        return found


_EXTREME: Mapping[Take, np.ufunc] = {Take.MIN: np.minimum, Take.MAX: np.maximum}


def _reduced(values: Floats, take: Take, stretches: _Stretches) -> Floats:
    """One number for each stretch of ``values``, whose last is extra."""
    low, high, edges, empty = stretches
    if take is Take.COUNT:
        return (high - low).astype(np.float64)
    if take in (Take.SUM, Take.MEAN):
        return np.array(_summed(values, take, stretches)).reshape(low.shape)
    if take is Take.LAST:
        found: Floats = values[high - 1]
    else:
        found = _EXTREME[take].reduceat(values, edges)[::2].reshape(low.shape)
    return found if empty is None else np.where(empty, nan, found)


def _summed(values: Floats, take: Take, stretches: _Stretches) -> list[float]:
    """Sums are exact, so that the order of readings of equal time does not matter."""
    numbers = values.tolist()
    edges = stretches.edges.tolist()
    pairs = zip(edges[::2], edges[1::2], strict=True)
    if take is Take.SUM:
        return [fsum(numbers[a:b]) for a, b in pairs]
    return [fsum(numbers[a:b]) / (b - a) if a < b else nan for a, b in pairs]
