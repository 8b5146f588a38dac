"""The recent past of every signal in memory, the rest from packed blocks: a TelemetryView."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from reference_impl.ingestion.adapters.frames import Frame
from reference_impl.ingestion.adapters.repository import IngestionRows
from reference_impl.ingestion.domain import Block, unpack
from reference_impl.kernel.ports import Floats, Readings, Reduced, Times, Window, Windows
from reference_impl.kernel.store import Store

RECENT_MS = 45 * 86_400_000
"""What is kept in memory: a month, its grace and some. Older readings come from the store."""
_TRIM = 1.25
"""A frame is cut when it holds this much more than it should, so cutting costs little."""


class _Pick(NamedTuple):
    """Which columns of a block are kept, in the order of the rows of a frame."""

    places: Times
    lacking: list[int]
    """Rows that the block has nothing for."""


class RecentTelemetry:
    """Answers windows from memory; implements the port ``TelemetryView``.

    Only signals that were ever asked for are kept: most of what a device reports is read by people
    only.
    """

    def __init__(self, store: Store, rows: IngestionRows, *, recent_ms: int = RECENT_MS) -> None:
        self._store = store
        self._rows = rows
        self._recent_ms = recent_ms
        self._signals: dict[str, int] = {}
        """The row of each signal in every frame."""
        self._picks: dict[tuple[str, ...], _Pick] = {}
        self._frames: dict[str, Frame] = {}
        self._kept_from: dict[str, int] = {}
        self._cut_at: dict[str, int] = {}
        self.newest_ms: dict[str, int] = {}
        """When each thing reported last, in event time."""

    def load(self) -> None:
        """Start from the store: what is asked for is read when it is asked for."""
        self._signals.clear()
        self._picks.clear()
        self._frames.clear()
        self._kept_from.clear()
        self._cut_at.clear()
        with self._store.read() as conn:
            newest_ms = self._rows.newest_ms(conn)
            if newest_ms is not None:
                from_ms = max(newest_ms - self._recent_ms, 0)
                self._kept_from = dict.fromkeys(self._rows.things(conn), from_ms)
            self.newest_ms = self._rows.newest_by_thing(conn)

    def again(self, conn: sa.Connection, newest_ms: Mapping[str, int]) -> None:
        """Read these things anew; ``newest_ms``: of their newest report, -1 without any."""
        for thing, at_ms in newest_ms.items():
            from_ms = max(at_ms - self._recent_ms, 0)
            self._kept_from[thing] = from_ms
            self._cut_at[thing] = at_ms + int(_TRIM * self._recent_ms)
            self.newest_ms[thing] = at_ms
            frame = self._frames[thing] = Frame(len(self._signals))
            for _, block in self._rows.blocks(conn, after_ms=from_ms - 1, thing=thing):
                self._fill(frame, block, from_ms)

    def add(self, blocks: Sequence[tuple[str, Block]]) -> None:
        """Take in readings that are stored, by thing."""
        if self._signals:
            alike: dict[tuple[tuple[str, ...], int], list[tuple[str, Block]]] = {}
            for thing, block in blocks:
                alike.setdefault((block.names, block.size), []).append((thing, block))
            for (names, size), group in alike.items():
                if names:  # others measured nothing
                    self._fill_all(names, size, group)
        for thing, block in blocks:
            newest_ms = block.last_ms
            if newest_ms > self.newest_ms.get(thing, -1):
                self.newest_ms[thing] = newest_ms
            if newest_ms > self._cut_at.setdefault(thing, newest_ms + int(_TRIM * self._recent_ms)):
                self._cut(thing, newest_ms - self._recent_ms)

    def _fill_all(
        self, names: tuple[str, ...], size: int, blocks: Sequence[tuple[str, Block]]
    ) -> None:
        """Take in blocks of one shape: those that bring news only, as one array."""
        pick = self._pick(names)
        whole = np.frombuffer(b"".join([block.payload for _, block in blocks]), dtype="<i8")
        rows = whole.reshape(len(blocks), (2 + len(names)) * size)
        times = rows[:, :size]
        columns = rows[:, 2 * size :].view("<f8").reshape(len(blocks), len(names), size)
        values = columns[:, pick.places]
        if pick.lacking:
            values[:, pick.lacking] = np.nan
        ascending = np.all(times[:, 1:] > times[:, :-1], axis=1).tolist()
        for number, (thing, block) in enumerate(blocks):
            frame = self._frames.get(thing)
            if frame is None:
                frame = self._frames[thing] = Frame(len(self._signals))
            news = block.first_ms > max(frame.newest_ms, self._kept_from.get(thing, 0))
            if news and ascending[number]:
                frame.append(times[number], values[number], block.last_ms)
            else:
                self._fill(frame, block, self._kept_from.get(thing, 0))

    def _pick(self, names: tuple[str, ...]) -> _Pick:
        pick = self._picks.get(names)
        if pick is None:
            places = {name: place for place, name in enumerate(names)}
            found = [places.get(signal) for signal in self._signals]
            pick = self._picks[names] = _Pick(
                np.array([place or 0 for place in found], dtype=np.int64),
                [row for row, place in enumerate(found) if place is None],
            )
        return pick

    def _fill(self, frame: Frame, block: Block, from_ms: int) -> None:
        if not block.names:
            return  # reports that measured nothing
        pick = self._pick(block.names)
        times, _, columns = unpack(block)
        values = columns[pick.places]
        if pick.lacking:
            values[pick.lacking] = np.nan
        if block.first_ms < from_ms:
            recent = times >= from_ms
            times, values = times[recent], values[:, recent]
        frame.add(times, values)

    def _cut(self, thing: str, before_ms: int) -> None:
        self._kept_from[thing] = before_ms
        self._cut_at[thing] = before_ms + int(_TRIM * self._recent_ms)
        if thing in self._frames:
            self._frames[thing].cut(before_ms)

    def _keep(self, signals: Sequence[str]) -> None:
        """See that these signals are in the frames; what is new is read from the store."""
        new = [signal for signal in signals if signal not in self._signals]
        if not new:
            return
        for signal in new:
            self._signals.setdefault(signal, len(self._signals))
        self._picks.clear()
        self._frames.clear()
        with self._store.read() as conn:
            after_ms = min(self._kept_from.values(), default=0) - 1
            for thing, block in self._rows.blocks(conn, after_ms=after_ms):
                frame = self._frames.setdefault(thing, Frame(len(self._signals)))
                self._fill(frame, block, self._kept_from.get(thing, 0))

    def _frame(self, thing: str, after_ms: int) -> Frame:
        """What is known of a thing, at least what is newer than ``after_ms``."""
        if after_ms + 1 < self._kept_from.get(thing, 0):
            frame = Frame(len(self._signals))
            with self._store.read() as conn:
                for _, block in self._rows.blocks(conn, after_ms=-1, thing=thing):
                    self._fill(frame, block, 0)
            return frame
        return self._frames.get(thing) or Frame(len(self._signals))

    def windows(
        self, things: Sequence[str], wanted: Sequence[Reduced], *, ends_ms: Sequence[int]
    ) -> Window:
        """One number per kind of window, end and thing; see the port."""
        shape = (len(wanted), len(ends_ms), len(things))
        whole = Window(np.empty(shape), np.empty(shape, dtype=np.int64))
        windows = self.windowed(things, wanted, ends_ms=ends_ms)
        for number, kind in enumerate(wanted):
            whole.values[number], whole.newest_ms[number] = windows.window(kind)
        return whole

    def windowed(
        self, things: Sequence[str], wanted: Sequence[Reduced], *, ends_ms: Sequence[int]
    ) -> Windows:
        """Windows, each kind when it is asked for; see the port."""
        self._keep([kind.signal for kind in wanted])

        from reference_impl.ingestion.adapters.cuts import Cuts  # noqa: PLC0415 - a compiler

        def frames(after_ms: int) -> list[Frame]:
            return [self._frame(thing, after_ms) for thing in things]

        return Cuts(wanted, self._signals, frames, ends_ms=ends_ms, things=len(things))

    def series(self, thing: str, signal: str, *, after_ms: int, to_ms: int) -> tuple[Times, Floats]:
        """All readings with ``after_ms < at_ms <= to_ms``, oldest first, shape ``(k,)`` each."""
        self._keep([signal])
        times, values, _ = self._frame(thing, after_ms).between(after_ms, to_ms)
        column = values[self._signals[signal]]
        here = ~np.isnan(column)
        return times[here], column[here]

    def readings(
        self, things: Sequence[str], signals: Sequence[str], *, after_ms: int, to_ms: int
    ) -> Readings:
        """All reports of several things in a time; see the port."""
        self._keep(signals)
        parts = [self._frame(thing, after_ms).between(after_ms, to_ms) for thing in things]
        rows = [self._signals[signal] for signal in signals]
        nothing: Times = np.empty(0, dtype=np.int64)
        times = np.concatenate([nothing, *(times for times, _, _ in parts)])
        values = {
            signal: np.concatenate([np.empty(0), *(columns[row] for _, columns, _ in parts)])
            for signal, row in zip(signals, rows, strict=True)
        }
        sizes: Times = np.array([part[0].size for part in parts], dtype=np.int64)
        return Readings(times, values, np.concatenate([[0], np.cumsum(sizes)]))
