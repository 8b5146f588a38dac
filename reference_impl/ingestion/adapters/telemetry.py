"""The recent past of every signal in memory, the rest from packed blocks: a TelemetryView."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import fsum, isnan, nan
from operator import lt
from typing import NamedTuple

import numpy as np

from reference_impl.ingestion.adapters.repository import IngestionRows
from reference_impl.ingestion.domain import Reading, unpack
from reference_impl.kernel.ports import Floats, Take, Times, Window
from reference_impl.kernel.store import Store

RECENT_MS = 45 * 86_400_000
"""What is kept in memory: a month, its grace and some. Older readings come from the store."""
_TRIM = 1.25
"""A column is cut when it holds this much more than it should, so cutting costs little."""


class Column:
    """Times and values of one signal of one thing, sorted by time (equal times: by value)."""

    __slots__ = ("times", "values")

    def __init__(self, times: Iterable[int] = (), values: Iterable[float] = ()) -> None:
        self.times = array("q", times)
        self.values = array("d", values)

    def add(self, at_ms: int, value: float) -> None:
        """Append, or put a late reading where it belongs."""
        times = self.times
        if not times or at_ms > times[-1]:
            times.append(at_ms)
            self.values.append(value)
            return
        low, high = bisect_left(times, at_ms), bisect_right(times, at_ms)
        place = bisect_right(self.values, value, low, high)
        times.insert(place, at_ms)
        self.values.insert(place, value)

    def add_all(self, readings: Iterable[tuple[int, float]], kept_from_ms: int) -> None:
        """Add readings one by one; those older than ``kept_from_ms`` are read from the store."""
        for at_ms, value in readings:
            if at_ms >= kept_from_ms:
                self.add(at_ms, value)

    @property
    def newest_ms(self) -> int:
        """The time of the newest reading, -1 without any."""
        return self.times[-1] if self.times else -1

    def cut(self, before_ms: int) -> None:
        """Forget what is older."""
        place = bisect_left(self.times, before_ms)
        del self.times[:place]
        del self.values[:place]


_REDUCERS: Mapping[Take, Callable[[Sequence[float]], float]] = {
    Take.COUNT: lambda values: float(len(values)),
    Take.SUM: fsum,
    Take.MEAN: lambda values: fsum(values) / len(values),
    Take.LAST: lambda values: values[-1],
    Take.MIN: min,
    Take.MAX: max,
}
_OF_NOTHING: Mapping[Take, float] = {
    take: 0.0 if take in (Take.COUNT, Take.SUM) else nan for take in Take
}


_BY_COLUMN: Mapping[Take, Callable[[Floats], Floats]] = {
    Take.LAST: lambda rows: rows[:, -1],
    Take.MIN: lambda rows: rows.min(axis=1),
    Take.MAX: lambda rows: rows.max(axis=1),
}
"""Of a matrix (things, readings); a mean is exact only one by one."""
_EMPTY = Column()


class _Cut(NamedTuple):
    """The part of a column that some windows look at, and the time of the reading before it."""

    times: array[int]
    values: array[float]
    before_ms: int

    @classmethod
    def of(cls, column: Column, after_ms: int, to_ms: int) -> _Cut:
        times = column.times
        first = bisect_right(times, after_ms)
        last = bisect_right(times, to_ms, first)
        before_ms = times[first - 1] if first else -1
        return cls(times[first:last], column.values[first:last], before_ms)


def _one_by_one(
    cut: _Cut, take: Take, over_ms: int, ends_ms: Sequence[int], found: Sequence[Window]
) -> None:
    """Append one number per end of one thing. Sums are exact, so order does not matter."""
    times, values = cut.times, cut.values
    reducer, nothing = _REDUCERS[take], _OF_NOTHING[take]
    low = high = 0
    for end_ms, (into, newest) in zip(ends_ms, found, strict=True):
        high = bisect_right(times, end_ms, high)
        low = bisect_right(times, end_ms - over_ms, low, high)
        inside = values[low:high]
        into.append(reducer(inside) if inside else nothing)
        newest.append(times[high - 1] if high else cut.before_ms)


def _together(
    cuts: Sequence[_Cut], take: Take, over_ms: int, ends_ms: Sequence[int]
) -> list[Window]:
    """The same numbers for things that reported at the same times (usual): a third of the cost."""
    times, values = cuts[0].times, np.array([cut.values for cut in cuts])
    found: list[Window] = []
    low = high = 0
    for end_ms in ends_ms:
        high = bisect_right(times, end_ms, high)
        low = bisect_right(times, end_ms - over_ms, low, high)
        if low == high:
            reduced = [_OF_NOTHING[take]] * len(cuts)
        elif take in _BY_COLUMN:
            reduced = _BY_COLUMN[take](values[:, low:high]).tolist()
        else:
            reduced = [_REDUCERS[take](row) for row in values[:, low:high].tolist()]
        newest = [times[high - 1]] * len(cuts) if high else [cut.before_ms for cut in cuts]
        found.append((reduced, newest))
    return found


class RecentTelemetry:
    """Answers windows from memory in microseconds; implements the port ``TelemetryView``.

    Columns are kept of signals that were ever asked for: most of what a device reports is read
    by people only, and a column of it would cost more than all else that ingestion does.
    """

    def __init__(self, store: Store, rows: IngestionRows, *, recent_ms: int = RECENT_MS) -> None:
        self._store = store
        self._rows = rows
        self._recent_ms = recent_ms
        self._columns: dict[str, dict[str, Column]] = {}
        """By signal, then by thing."""
        self._kept_from: dict[str, int] = {}
        self._cut_at: dict[str, int] = {}

    def load(self) -> None:
        """Start from the store: what is asked for is read when it is asked for."""
        self._columns.clear()
        self._kept_from.clear()
        self._cut_at.clear()
        with self._store.read() as conn:
            newest_ms = self._rows.newest_ms(conn)
            if newest_ms is not None:
                from_ms = max(newest_ms - self._recent_ms, 0)
                self._kept_from = dict.fromkeys(self._rows.things(conn), from_ms)

    def add(self, thing: str, readings: Sequence[Reading]) -> None:
        """Take in readings that are stored."""
        times = [reading.at_ms for reading in readings]
        newest_ms = max(times)
        in_order = all(map(lt, times, times[1:]))
        for signal, columns in self._columns.items():
            column = columns.get(thing)
            if column is None:
                column = columns[thing] = Column()
            values = [reading.signals.get(signal, nan) for reading in readings]
            whole = not any(map(isnan, values))
            if whole and in_order and column.newest_ms < times[0]:  # usual, and much faster
                column.times.extend(times)
                column.values.extend(values)
            else:
                pairs = zip(times, values, strict=True)
                known = [(at_ms, value) for at_ms, value in pairs if not isnan(value)]
                column.add_all(known, self._kept_from.get(thing, 0))
        if newest_ms > self._cut_at.setdefault(thing, newest_ms + int(_TRIM * self._recent_ms)):
            self._cut(thing, newest_ms - self._recent_ms)

    def _cut(self, thing: str, before_ms: int) -> None:
        self._kept_from[thing] = before_ms
        self._cut_at[thing] = before_ms + int(_TRIM * self._recent_ms)
        for columns in self._columns.values():
            if thing in columns:
                columns[thing].cut(before_ms)

    def _of(self, signal: str) -> dict[str, Column]:
        """The columns of a signal by thing; filled from the store when first asked for."""
        columns = self._columns.get(signal)
        if columns is None:
            columns = self._columns[signal] = {}
            kept_from = self._kept_from
            with self._store.read() as conn:
                after_ms = min(kept_from.values(), default=0) - 1
                for thing, block in self._rows.blocks(conn, after_ms=after_ms):
                    if signal in block.names:
                        times, _, values = unpack(block)
                        pairs = zip(times.tolist(), values[signal].tolist(), strict=True)
                        known = [(at_ms, value) for at_ms, value in pairs if not isnan(value)]
                        column = columns.setdefault(thing, Column())
                        column.add_all(known, kept_from.get(thing, 0))
        return columns

    def windows(
        self,
        things: Sequence[str],
        signal: str,
        take: Take,
        *,
        over_ms: int,
        ends_ms: Sequence[int],
    ) -> list[Window]:
        """One number per end and thing; see the port."""
        after_ms, known, kept_from = ends_ms[0] - over_ms, self._of(signal), self._kept_from
        columns = [
            Column(*self._stored_series(thing, signal, -1, ends_ms[-1]))
            if after_ms + 1 < kept_from.get(thing, 0)
            else known.get(thing, _EMPTY)
            for thing in things
        ]
        cuts = [_Cut.of(column, after_ms, ends_ms[-1]) for column in columns]
        if cuts and cuts[0].times and all(cut.times == cuts[0].times for cut in cuts):
            return _together(cuts, take, over_ms, ends_ms)
        found: list[Window] = [([], []) for _ in ends_ms]
        for cut in cuts:
            _one_by_one(cut, take, over_ms, ends_ms, found)
        return found

    def series(self, thing: str, signal: str, *, after_ms: int, to_ms: int) -> tuple[Times, Floats]:
        """All readings with ``after_ms < at_ms <= to_ms``, oldest first, shape ``(k,)`` each."""
        if after_ms + 1 < self._kept_from.get(thing, 0):
            return self._stored_series(thing, signal, after_ms, to_ms)
        column = self._of(signal).get(thing, _EMPTY)
        low, high = bisect_right(column.times, after_ms), bisect_right(column.times, to_ms)
        return np.array(column.times[low:high], dtype=np.int64), np.array(
            column.values[low:high], dtype=np.float64
        )

    def _stored_series(
        self, thing: str, signal: str, after_ms: int, to_ms: int
    ) -> tuple[Times, Floats]:
        found_ms: list[Times] = [np.empty(0, dtype=np.int64)]
        found: list[Floats] = [np.empty(0, dtype=np.float64)]
        with self._store.read() as conn:
            for _, block in self._rows.blocks(conn, after_ms=after_ms, thing=thing):
                times, _, columns = unpack(block)
                if signal not in columns:
                    continue
                here = (times > after_ms) & (times <= to_ms) & ~np.isnan(columns[signal])
                found_ms.append(times[here])
                found.append(columns[signal][here])
        all_ms, values = np.concatenate(found_ms), np.concatenate(found)
        order = np.lexsort((values, all_ms))
        return all_ms[order], values[order]
