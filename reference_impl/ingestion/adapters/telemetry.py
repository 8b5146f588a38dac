"""The recent past of every signal in memory, the rest from packed blocks: a TelemetryView."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import fsum, isnan, nan
from operator import lt

import numpy as np

from reference_impl.ingestion.adapters.repository import IngestionRows
from reference_impl.ingestion.domain import Reading, unpack
from reference_impl.kernel.ports import Floats, Take, Times
from reference_impl.kernel.store import Store

RECENT_MS = 45 * 86_400_000
"""What is kept in memory: a month, its grace and some. Older readings come from the store."""
_TRIM = 1.25
"""A column is cut when it holds this much more than it should, so cutting costs little."""


class Column:
    """Times and values of one signal of one thing, sorted by time (equal times: by value)."""

    __slots__ = ("times", "values")

    def __init__(self) -> None:
        self.times = array("q")
        self.values = array("d")

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


def reduce(values: Sequence[float], take: Take) -> float:
    """Make one number of a window, given by time. Sums are exact, so order does not matter."""
    return _REDUCERS[take](values) if values else _OF_NOTHING[take]


_NOTHING: dict[str, Column] = {}


class RecentTelemetry:
    """Answers windows from memory in microseconds; implements the port ``TelemetryView``."""

    def __init__(self, store: Store, rows: IngestionRows, *, recent_ms: int = RECENT_MS) -> None:
        self._store = store
        self._rows = rows
        self._recent_ms = recent_ms
        self._columns: dict[str, dict[str, Column]] = {}
        self._kept_from: dict[str, int] = {}
        self._cut_at: dict[str, int] = {}

    def load(self) -> None:
        """Fill the memory from the store."""
        self._columns.clear()
        self._kept_from.clear()
        self._cut_at.clear()
        with self._store.read() as conn:
            newest_ms = self._rows.newest_ms(conn)
            if newest_ms is None:
                return
            from_ms = max(newest_ms - self._recent_ms, 0)
            for thing, block in self._rows.blocks(conn, after_ms=from_ms - 1):
                self._kept_from[thing] = from_ms
                times, _, columns = unpack(block)
                for name, values in columns.items():
                    column = self._column(thing, name)
                    pairs = zip(times.tolist(), values.tolist(), strict=True)
                    column.add_all([pair for pair in pairs if not isnan(pair[1])], from_ms)

    def add(self, thing: str, readings: Sequence[Reading]) -> None:
        """Take in readings that are stored."""
        mine = self._columns.setdefault(thing, {})
        kept_from = self._kept_from.get(thing, 0)
        times = [reading.at_ms for reading in readings]
        first_ms = times[0] if all(map(lt, times, times[1:])) else -1  # -1: out of order
        found: dict[str, tuple[list[int], list[float]]] = {}
        for at_ms, reading in zip(times, readings, strict=True):
            for name, value in reading.signals.items():
                pair = found.get(name)
                if pair is None:
                    found[name] = ([at_ms], [value])
                else:
                    pair[0].append(at_ms)
                    pair[1].append(value)
        for name, (at, values) in found.items():
            column = mine.get(name)
            if column is None:
                column = mine[name] = Column()
            if column.newest_ms < first_ms:  # usual, and several times faster than one by one
                column.times.extend(at)
                column.values.extend(values)
            else:
                column.add_all(zip(at, values, strict=True), kept_from)
        newest_ms = max(times)
        if newest_ms > self._cut_at.setdefault(thing, newest_ms + int(_TRIM * self._recent_ms)):
            self._cut(thing, newest_ms - self._recent_ms)

    def _cut(self, thing: str, before_ms: int) -> None:
        self._kept_from[thing] = before_ms
        self._cut_at[thing] = before_ms + int(_TRIM * self._recent_ms)
        for column in self._columns[thing].values():
            column.cut(before_ms)

    def _column(self, thing: str, name: str) -> Column:
        return self._columns.setdefault(thing, {}).setdefault(name, Column())

    def window(
        self, things: Sequence[str], signal: str, take: Take, *, after_ms: int, to_ms: int
    ) -> tuple[Floats, Times]:
        """One number per thing from readings with ``after_ms < at_ms <= to_ms``; see the port."""
        values: list[float] = []
        newest: list[int] = []
        kept_from, columns, reducer = self._kept_from, self._columns, _REDUCERS[take]
        for thing in things:
            if after_ms + 1 < kept_from.get(thing, 0):
                value, newest_ms = self._old_window(thing, signal, take, after_ms, to_ms)
                values.append(value)
                newest.append(newest_ms)
                continue
            column = columns.get(thing, _NOTHING).get(signal)
            if column is None:
                values.append(_OF_NOTHING[take])
                newest.append(-1)
                continue
            times = column.times
            high = len(times)
            if high and times[-1] > to_ms:
                high = bisect_right(times, to_ms)
            low = bisect_right(times, after_ms, 0, high)
            inside = column.values[low:high]
            values.append(reducer(inside) if inside else _OF_NOTHING[take])
            newest.append(times[high - 1] if high else -1)
        return np.array(values, dtype=np.float64), np.array(newest, dtype=np.int64)

    def series(self, thing: str, signal: str, *, after_ms: int, to_ms: int) -> tuple[Times, Floats]:
        """All readings with ``after_ms < at_ms <= to_ms``, oldest first, shape ``(k,)`` each."""
        if after_ms + 1 < self._kept_from.get(thing, 0):
            return self._stored_series(thing, signal, after_ms, to_ms)
        column = self._columns.get(thing, _NOTHING).get(signal)
        if column is None:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
        low, high = bisect_right(column.times, after_ms), bisect_right(column.times, to_ms)
        return np.array(column.times[low:high], dtype=np.int64), np.array(
            column.values[low:high], dtype=np.float64
        )

    def _old_window(
        self, thing: str, signal: str, take: Take, after_ms: int, to_ms: int
    ) -> tuple[float, int]:
        times, values = self._stored_series(thing, signal, -1, to_ms)
        inside = values[np.searchsorted(times, after_ms, side="right") :]
        return reduce(inside.tolist(), take), int(times[-1]) if len(times) else -1

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
