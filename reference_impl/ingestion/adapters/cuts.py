"""Readings of many things cut into windows; with this module comes the compiler of its kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

import numpy as np

from reference_impl.ingestion.adapters import reducing
from reference_impl.ingestion.adapters.frames import Frame
from reference_impl.kernel.ports import Floats, Range, Reduced, Take, Times, Window
from reference_impl.kernel.ranges import ANYTHING

_ROUNDED = 1e-12
"""A mean may lie outside of what it is the mean of by so much of it, at most."""
_WHOLE_MAX = 16_000
"""Up to so many numbers of a cut are taken together; of more, a signal when it is needed: what is
larger than 128 KB the C library asks of the system each time."""
_ALIKE = 8
"""Windows up to so many times as long as the shortest are taken from one cut."""
_NUMBERS: Mapping[Take, int] = {
    Take.MEAN: reducing.MEAN,
    Take.MIN: reducing.MIN,
    Take.MAX: reducing.MAX,
    Take.LAST: reducing.LAST,
    Take.COUNT: reducing.COUNT,
    Take.SUM: reducing.SUM,
}
"""How the kernels call it."""


class Cut:
    """Reports of several things up to some ends, one thing behind the other, for many windows.

    Few reports are taken together, all signals at once; of more, a signal when it is asked for: of
    many things all of them would not fit into a cache.
    """

    def __init__(
        self, frames: Sequence[Frame], *, spans_ms: Sequence[int], ends_ms: Sequence[int]
    ) -> None:
        """``spans_ms``: how long windows may be, longest first."""
        parts = [frame.between(ends_ms[0] - spans_ms[0], ends_ms[-1]) for frame in frames]
        self._frames, self._places = frames, [place for _, _, place in parts]
        self._columns = [values for _, values, _ in parts]
        sizes = [times.size for times, _, _ in parts]
        self._ends: Times = np.array(ends_ms, dtype=np.int64)
        self._laid = reducing.laid(
            np.concatenate([times for times, _, _ in parts]),
            np.array([0, *accumulate(sizes)], dtype=np.int64),
            self._ends,
        )
        self._spans = {span_ms: number for number, span_ms in enumerate(spans_ms)}
        self._whole = self._together()
        self._ranges: dict[int, tuple[list[float], list[float], list[int]]] = {}
        self._apart: dict[int, Floats] = {}

    def _together(self) -> Floats | None:
        """All signals as rows, if they are few numbers."""
        signals = self._columns[0].shape[0]
        if signals * self._laid.times.size > _WHOLE_MAX:
            return None
        return np.concatenate(self._columns, axis=1)

    def window(self, row: int, take: Take, over_ms: int) -> Window:
        """Windows of one signal, ``(ends, things)``; see the port ``TelemetryView``."""
        values, newest_ms, everywhere = reducing.reduced(
            self._laid, self._values(row), self._ends - over_ms, _NUMBERS[take]
        )
        if not everywhere:
            self._look_before(row, newest_ms)
        return Window(values, newest_ms)

    def _look_before(self, row: int, newest_ms: Times) -> None:
        """Find the newest readings that are older than the cut, where it has none."""
        for thing in np.flatnonzero(newest_ms[0] < 0).tolist():  # if a later end, the first, too
            before_ms = self._frames[thing].newest_before(row, self._places[thing])
            newest_ms[:, thing] = np.maximum(newest_ms[:, thing], before_ms)

    def reported_ms(self) -> Times:
        """When each thing reported last at or before each end, ``(ends, things)``; -1: never."""
        times, starts, high = self._laid
        nothing = high == starts[:-1]
        if not np.count_nonzero(nothing):
            newest_ms: Times = times[high - 1]
            return newest_ms
        both = zip(self._frames, self._places, strict=True)
        before_ms = np.array([frame.reported_before(place) for frame, place in both])
        if not times.size:
            return np.broadcast_to(before_ms, high.shape)
        return np.where(nothing, before_ms, times[high - 1])

    def within(self, row: int, take: Take, over_ms: int) -> Range:
        """Between what any window of one signal lies; see the port ``Windows``."""
        lowest, highest, most = self._range(row)
        span = self._spans[over_ms]
        if take is Take.COUNT:
            return 0.0, float(most[span])
        low, high = lowest[span], highest[span]
        if low > high:  # there is no reading
            return (0.0, 0.0) if take is Take.SUM else ANYTHING
        if take is Take.SUM:  # of none to all of the readings of a thing
            return min(low * most[span], 0.0), max(high * most[span], 0.0)
        if take is Take.MEAN:  # it is rounded twice
            return low - abs(low) * _ROUNDED, high + abs(high) * _ROUNDED
        return low, high

    def _range(self, row: int) -> tuple[list[float], list[float], list[int]]:
        """The lowest and the highest reading of a signal, and how many, by length of time."""
        found = self._ranges.get(row)
        if found is None:
            whole = self._whole
            columns = self._values(row)[np.newaxis] if whole is None else whole
            after_ms = self._ends[0] - np.array(list(self._spans), dtype=np.int64)
            told = reducing.ranged(self._laid, columns, after_ms)
            lowest, highest, most = (numbers.tolist() for numbers in told)
            rows = range(len(lowest)) if whole is not None else (row,)
            for place, low, high in zip(rows, lowest, highest, strict=True):
                self._ranges[place] = low, high, most
            found = self._ranges[row]
        return found

    def _values(self, row: int) -> Floats:
        """All readings of a signal."""
        if self._whole is not None:
            values: Floats = self._whole[row]
            return values
        found = self._apart.get(row)
        if found is None:
            found = self._apart[row] = np.concatenate([columns[row] for columns in self._columns])
        return found


class Cuts:
    """Windows of several kinds from few cuts; implements the port ``Windows``."""

    def __init__(
        self,
        wanted: Sequence[Reduced],
        signals: Mapping[str, int],
        frames: Callable[[int], Sequence[Frame]],
        *,
        ends_ms: Sequence[int],
        things: int,
    ) -> None:
        """``frames``: those of the things, which hold what is newer than a time."""
        self._signals, self._frames = signals, frames
        self._ends_ms, self._shape = ends_ms, (len(ends_ms), things)
        self._cuts: dict[int, Cut] = {}
        self._alike: dict[int, list[int]] = {}
        """For each length, those that are taken from the same cut, longest first."""
        spans_ms: list[int] = []
        for over_ms in sorted({kind.over_ms for kind in wanted}, reverse=True):
            if not spans_ms or over_ms * _ALIKE < spans_ms[0]:
                spans_ms = []
            spans_ms.append(over_ms)
            self._alike[over_ms] = spans_ms

    def window(self, kind: Reduced) -> Window:
        """One kind; see the port."""
        if not all(self._shape):
            return Window(np.empty(self._shape), np.empty(self._shape, dtype=np.int64))
        cut = self._of(kind.over_ms)
        return cut.window(self._signals[kind.signal], kind.take, kind.over_ms)

    def within(self, kind: Reduced) -> Range:
        """Between what it lies; see the port."""
        cut = self._of(kind.over_ms)
        return cut.within(self._signals[kind.signal], kind.take, kind.over_ms)

    def reported_ms(self) -> Times:
        """When each thing reported last; see the port."""
        if not all(self._shape):
            return np.empty(self._shape, dtype=np.int64)
        return self._of(min(self._alike)).reported_ms()

    def _of(self, over_ms: int) -> Cut:
        spans_ms = self._alike[over_ms]
        found = self._cuts.get(spans_ms[0])
        if found is None:
            frames = self._frames(self._ends_ms[0] - spans_ms[0])
            found = Cut(frames, spans_ms=spans_ms, ends_ms=self._ends_ms)
            self._cuts[spans_ms[0]] = found
        return found
