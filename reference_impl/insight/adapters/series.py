"""Computed signals beside the measured ones: one TelemetryView of both."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from math import fsum, nan
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from reference_impl.insight.adapters.tables import metric_points
from reference_impl.kernel.ports import (
    Floats,
    Range,
    Readings,
    Reduced,
    Take,
    TelemetryView,
    Times,
    Window,
    Windows,
)
from reference_impl.kernel.ranges import ANYTHING
from reference_impl.kernel.store import Store, UnitOfWork
from reference_impl.kernel.upsert import upsert

Line = tuple[list[int], list[float]]
"""Times and values of one metric of one thing, ascending."""
_NOTHING: Line = ([], [])


class MetricSeries:
    """Keeps the points of metrics, and answers for measured signals through ``raw``.

    Who asks for measured signals only pays one look at a set. Points are in memory once their
    metric was asked for; a transaction that rolls back makes it read them again.
    """

    def __init__(self, store: Store, raw: TelemetryView) -> None:
        self._store, self._raw = store, raw
        self._names: frozenset[str] = frozenset()
        self._lines: dict[str, dict[str, Line]] = {}
        self._open: UnitOfWork | None = None

    def declare(self, names: frozenset[str]) -> None:
        """Which names are computed, of any model."""
        self._names = names

    def put(
        self, uow: UnitOfWork, metric: str, found: Mapping[str, Line], *, from_ms: int | None = None
    ) -> None:
        """Write points of one metric by thing, in place of what there is from their first time on.

        Args:
            uow: The transaction.
            metric: Its id.
            found: Times (ms, ascending) and values, by thing.
            from_ms: What is there from here on goes; None: from the first new point on.
        """
        if self._open is not uow:
            self._open = uow
            uow.at_end(self._set_aside)
            uow.after_commit(self._take_back)
        lines = self._of(metric)
        rows: list[tuple[str, str, int, float]] = []
        for thing, (times, values) in found.items():
            if not times and from_ms is None:
                continue
            first_ms = times[0] if from_ms is None else from_ms
            kept = lines.setdefault(thing, ([], []))
            place = bisect_left(kept[0], first_ms)
            if place < len(kept[0]):
                gone = sa.delete(metric_points).where(
                    metric_points.c.metric == metric,
                    metric_points.c.thing == thing,
                    metric_points.c.at_ms >= first_ms,
                )
                uow.conn.execute(gone)
                del kept[0][place:], kept[1][place:]
            kept[0].extend(times)
            kept[1].extend(values)
            rows += [(metric, thing, t, v) for t, v in zip(times, values, strict=True)]
        upsert(uow.conn, metric_points, rows)

    def _set_aside(self) -> None:
        self._aside, self._lines, self._open = self._lines, {}, None

    def _take_back(self) -> None:
        self._lines = self._aside

    def _of(self, metric: str) -> dict[str, Line]:
        lines = self._lines.get(metric)
        if lines is None:
            lines = self._lines[metric] = {}
            columns = (metric_points.c.thing, metric_points.c.at_ms, metric_points.c.value)
            query = sa.select(*columns).where(metric_points.c.metric == metric)
            with self._store.read() as conn:
                for thing, at_ms, value in conn.execute(query.order_by(*columns[:2])):
                    times, values = lines.setdefault(thing, ([], []))
                    times.append(at_ms)
                    values.append(value)
        return lines

    def series(self, thing: str, signal: str, *, after_ms: int, to_ms: int) -> tuple[Times, Floats]:
        """All readings or points with ``after_ms < at_ms <= to_ms``; see the port."""
        if signal in self._names:
            times, values = self._of(signal).get(thing, _NOTHING)
            low, high = bisect_right(times, after_ms), bisect_right(times, to_ms)
            if times:
                found: Times = np.array(times[low:high], dtype=np.int64)
                return found, np.array(values[low:high], dtype=np.float64)
        return self._raw.series(thing, signal, after_ms=after_ms, to_ms=to_ms)

    def windows(
        self, things: Sequence[str], wanted: Sequence[Reduced], *, ends_ms: Sequence[int]
    ) -> Window:
        """One number per kind of window, end and thing; see the port."""
        if self._names.isdisjoint(kind.signal for kind in wanted):
            return self._raw.windows(things, wanted, ends_ms=ends_ms)
        windows = self.windowed(things, wanted, ends_ms=ends_ms)
        found = [windows.window(kind) for kind in wanted]
        return Window(np.array([w.values for w in found]), np.array([w.newest_ms for w in found]))

    def windowed(
        self, things: Sequence[str], wanted: Sequence[Reduced], *, ends_ms: Sequence[int]
    ) -> Windows:
        """Windows, each kind when it is asked for; see the port."""
        raw = self._raw.windowed(things, wanted, ends_ms=ends_ms)
        lines = {k.signal: self._of(k.signal) for k in wanted if k.signal in self._names}
        return _Windows(raw, lines, things, ends_ms) if lines else raw

    def readings(
        self, things: Sequence[str], signals: Sequence[str], *, after_ms: int, to_ms: int
    ) -> Readings:
        """All reports of several things in a time, points of metrics among them; see the port."""
        computed = [signal for signal in signals if signal in self._names]
        if not computed:
            return self._raw.readings(things, signals, after_ms=after_ms, to_ms=to_ms)
        measured = [signal for signal in signals if signal not in self._names]
        raw = self._raw.readings(things, measured, after_ms=after_ms, to_ms=to_ms)
        times: list[Times] = []
        columns: dict[str, list[Floats]] = {signal: [] for signal in signals}
        for place, thing in enumerate(things):
            here = slice(int(raw.starts[place]), int(raw.starts[place + 1]))
            given = {signal: (raw.times_ms[here], raw.values[signal][here]) for signal in measured}
            for signal in computed:
                given[signal] = self.series(thing, signal, after_ms=after_ms, to_ms=to_ms)
            at_ms = np.unique(np.concatenate([raw.times_ms[here], *(t for t, _ in given.values())]))
            times.append(at_ms)
            for signal, (own, values) in given.items():
                column = np.full(at_ms.size, nan)
                column[np.searchsorted(at_ms, own)] = values
                columns[signal].append(column)
        sizes = np.array([at_ms.size for at_ms in times], dtype=np.int64)
        nothing: Times = np.empty(0, dtype=np.int64)
        return Readings(
            np.concatenate([nothing, *times]),
            {signal: np.concatenate([np.empty(0), *found]) for signal, found in columns.items()},
            np.concatenate([nothing, [0], np.cumsum(sizes)]),
        )


class _Windows(NamedTuple):
    """Windows over measured signals and over the lines of computed ones."""

    raw: Windows
    lines: Mapping[str, Mapping[str, Line]]
    things: Sequence[str]
    ends_ms: Sequence[int]

    def window(self, kind: Reduced) -> Window:
        """One kind; see the port ``Windows``."""
        values, newest_ms = self.raw.window(kind)
        lines = self.lines.get(kind.signal)
        if lines is None:
            return Window(values, newest_ms)
        # a name may be measured on one model and computed on another
        whole = Window(values.copy(), newest_ms.copy())
        for place, thing in enumerate(self.things):
            line = lines.get(thing)
            if line is not None and line[0]:
                whole.values[:, place], whole.newest_ms[:, place] = _window(
                    line, kind, self.ends_ms
                )
        return whole

    def within(self, kind: Reduced) -> Range:
        """Nothing is known of what is computed; see the port ``Windows``."""
        return ANYTHING if kind.signal in self.lines else self.raw.within(kind)

    def reported_ms(self) -> Times:
        """Only what is measured is reported; see the port ``Windows``."""
        return self.raw.reported_ms()


def _window(line: Line, kind: Reduced, ends_ms: Sequence[int]) -> tuple[list[float], list[int]]:
    """Numbers and times of the newest points at each end."""
    times, values = line
    highs = [bisect_right(times, end_ms) for end_ms in ends_ms]
    lows = [bisect_right(times, end_ms - kind.over_ms) for end_ms in ends_ms]
    found = [_reduced(values[low:high], kind.take) for low, high in zip(lows, highs, strict=True)]
    return found, [times[high - 1] if high else -1 for high in highs]


def _reduced(values: list[float], take: Take) -> float:
    if take is Take.COUNT:
        return float(len(values))
    if take is Take.SUM:
        return fsum(values)
    if not values:
        return nan
    if take is Take.LAST:
        return values[-1]
    if take is Take.MEAN:
        return fsum(values) / len(values)
    return min(values) if take is Take.MIN else max(values)
