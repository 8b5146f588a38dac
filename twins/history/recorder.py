"""Months of a fleet as columns: a world that is recorded instead of heard through messages."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from twins.core.errors import InvalidFault, InvalidWorld
from twins.core.fleet import Fleet, Report
from twins.core.ports import Truth
from twins.core.realism import History, Injected, Wanted
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.world import World

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NARROW_FROM = 32 * 2**20
"""From so many numbers on a history is kept in float32: half the bytes, 7 digits."""
FILE_FROM_BYTES = 2**30
"""Columns that are larger together live in files without a name, which the system may page out."""
PAGES = 2
"""Pages that somebody may hold while the next one is filled where an older one was."""
Kept = Callable[[Fleet, str, str], type[np.floating[Any]]]
"""In what a column is kept: of a fleet's ``telemetry``, ``truth`` or ``damage``, by name."""


def world_spec(wanted: Wanted) -> WorldSpec:
    """The world in which a history happens: one fleet, repaired the old way (no service hears).

    Raises:
        InvalidWorld: If ``start`` is no date.
    """
    try:
        start = datetime.fromisoformat(wanted.start)
    except ValueError:
        raise InvalidWorld([f"start {wanted.start!r} is no date such as 2026-01-05"]) from None
    start_ms = int(start.replace(tzinfo=start.tzinfo or UTC).timestamp() * 1000)
    fleet = FleetSpec(
        product=wanted.product,
        sites=wanted.sites,
        devices_per_site=wanted.devices_per_site,
        report_every_ms=wanted.report_every_s * 1000,
        params=wanted.params,
        random_faults=wanted.random_faults,
        link=wanted.link,
    )
    return WorldSpec(start_ms=start_ms, fleets=(fleet,), field=FieldSpec(service=False))


class _Book:
    """What one fleet said and what was true, filled row by row.

    Columns of shape ``(t, n)`` by name: telemetry, truth, damage.
    """

    def __init__(self, fleet: Fleet, rows: int, kept: Kept | None) -> None:
        self.fleet = fleet
        self.row = 0
        truth, damage = fleet.twin.truth(), fleet.damage_columns(fleet.build.start_ms)
        groups = (fleet.signal_names, tuple(truth), tuple(damage))
        devices = len(fleet.build.devices)
        columns = sum(map(len, groups))
        dtype = np.float32 if rows * columns * devices >= NARROW_FROM else np.float64
        filed = rows * columns * devices * np.dtype(dtype).itemsize >= FILE_FROM_BYTES
        kinds = zip(("telemetry", "truth", "damage"), groups, strict=True)
        self._at_ms = np.zeros(rows, dtype=np.int64)
        self._columns = [
            {
                name: _column((rows, devices), kept(fleet, kind, name) if kept else dtype, filed)
                for name in names
            }
            for kind, names in kinds
        ]

    def turn(self) -> None:
        """Begin again on the first row."""
        self.row = 0

    def write(self, report: Report) -> None:
        """Take one report, and the truth of its moment."""
        if self.row == len(self._at_ms):
            return
        at = self.row
        self._at_ms[at] = report.at_ms
        said, true, damaged = self._columns
        for kept, column in zip(said.values(), report.values.T, strict=True):
            kept[at] = column
        for name, column in self.fleet.twin.truth().items():
            true[name][at] = column
        for name, column in self.fleet.damage_columns(report.at_ms).items():
            damaged[name][at] = column
        self.row += 1

    def history(self, events: Sequence[Truth]) -> History:
        """What is written so far, as views."""
        telemetry, truth, damage = (
            {name: column[: self.row] for name, column in columns.items()}
            for columns in self._columns
        )
        return History(
            devices=self.fleet.build.devices,
            at_ms=self._at_ms[: self.row],
            telemetry=telemetry,
            truth=truth,
            damage=damage,
            events=events,
        )


class Recorder:
    """Runs a world and keeps what its fleets report, page by page.

    Args:
        wanted: What to run. Its faults are of the first fleet, or of one that comes with it.
        kept: In what each column is kept; by the size of a page if left out.

    Raises:
        InvalidWorld: If the world cannot be built.
        InvalidFault: If a fault is of no device or begins after the end (what else is wrong with
            it shows when it begins).
    """

    def __init__(self, wanted: Wanted, kept: Kept | None = None) -> None:
        self.wanted, self._kept = wanted, kept
        self.world = World(world_spec(wanted), seed=wanted.seed, hear=self._hear)
        self._books: list[_Book] = []
        self._used: list[list[_Book]] = []
        self._events: list[Truth] = []
        self._devices = {fleet.manifest.id: fleet.build.devices for fleet in self.world.fleets}
        self._devices[""] = self.fleet.build.devices
        problems = [problem for fault in wanted.faults for problem in self._misplaced(fault)] + [
            f"{fault.fault}: begins {fault.after_h:g} h from the start, not in 0 to {end_h:g} h"
            for end_h in (wanted.days * 24,)
            for fault in wanted.faults
            if not 0 <= fault.after_h <= end_h
        ]
        if problems:
            raise InvalidFault(problems)

    @property
    def fleet(self) -> Fleet:
        """The fleet that was wanted; its companions come after it."""
        return self.world.fleets[0]

    @property
    def devices(self) -> int:
        """Devices of all fleets."""
        return sum(len(fleet.build.devices) for fleet in self.world.fleets)

    def pages(self, *, days: float, again: bool = False) -> Iterator[History]:
        """The history in pages of ``days``.

        Args:
            days: Of one page.
            again: Whether a page may be written where the one before the last was, so that it is
                good until the second one after it is asked for: new memory costs more than to fill
                it, and whoever takes a page away needs time until the next is there.
        """
        start_ms = self.world.now_ms
        end_ms = start_ms + round(self.wanted.days * DAY_MS)
        faults = sorted(self.wanted.faults, key=lambda fault: fault.after_h)
        self._events += self.world.start().truths
        while self.world.now_ms < end_ms:
            from_ms = self.world.now_ms
            to_ms = min(from_ms + round(days * DAY_MS), end_ms)
            if again and len(self._used) == PAGES:
                self._books = self._used.pop(0)
            else:
                rows = (_reports(fleet, to_ms - from_ms) for fleet in self._all)
                pairs = zip(self._all, rows, strict=True)
                self._books = [_Book(fleet, count, self._kept) for fleet, count in pairs]
            if again:
                self._used.append(self._books)
            for book in self._books:
                book.turn()
            before_h = (to_ms - start_ms) / HOUR_MS
            due = [f for f in faults if f.after_h < before_h or to_ms == end_ms]
            faults = faults[len(due) :]
            self._run(due, start_ms, to_ms)
            yield self._page()

    def _misplaced(self, fault: Injected) -> Iterator[str]:
        """What is wrong with the device that a fault names, if anything."""
        devices = self._devices.get(fault.companion)
        if devices is None:
            there_are = ", ".join(name for name in self._devices if name)
            yield f"{fault.fault}: no fleet of {fault.companion!r}; there are {there_are}"
        elif not 0 <= fault.device < len(devices):
            yield f"{fault.fault}: device {fault.device} is not 0 to {len(devices) - 1}"

    def _run(self, due: Sequence[Injected], start_ms: int, to_ms: int) -> None:
        for fault in due:
            at_ms = start_ms + round(fault.after_h * HOUR_MS)
            self._events += self.world.run_until(at_ms).truths
            device = self._devices[fault.companion][fault.device]
            self.world.inject(fault.fault, device, fault.params)
        self._events += self.world.run_until(to_ms).truths

    @property
    def _all(self) -> Sequence[Fleet]:
        return self.world.fleets

    def _hear(self, report: Report) -> None:
        next(book for book in self._books if book.fleet is report.fleet).write(report)

    def _page(self) -> History:
        events, self._events = tuple(self._events), []
        whole, *others = [book.history(events) for book in self._books]
        names = [book.fleet.manifest.id for book in self._books[1:]]
        return replace(whole, companions=dict(zip(names, others, strict=True)))


def record(wanted: Wanted) -> History:
    """Run a world and give back all of it.

    Raises:
        InvalidWorld: If the world cannot be built.
        InvalidFault: If a fault cannot be injected.
    """
    return next(Recorder(wanted).pages(days=wanted.days))


class Recorded:
    """Makes histories, each once (:class:`twins.core.realism.Histories`).

    Args:
        told: Called with what is wanted before a history is made.
    """

    def __init__(self, told: Callable[[Wanted], None] | None = None) -> None:
        self._told = told
        self._made: dict[bytes, History] = {}

    def get(self, wanted: Wanted) -> History:
        """The history that was asked for, made now or before."""
        key = msgspec.json.encode(wanted, order="sorted")
        if key not in self._made:
            if self._told is not None:
                self._told(wanted)
            self._made[key] = record(wanted)
        return self._made[key]


def fingerprint(history: History) -> str:
    """Hash of all that a history holds; equal if and only if every byte is."""
    digest = hashlib.sha256(msgspec.json.encode([history.devices, *map(_plain, history.events)]))
    digest.update(np.ascontiguousarray(history.at_ms).tobytes())
    for columns in (history.telemetry, history.truth, history.damage):
        for name, column in sorted(columns.items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(column).tobytes())
    for name, companion in sorted(history.companions.items()):
        digest.update(f"{name} {fingerprint(companion)}".encode())
    return digest.hexdigest()


def _plain(event: Truth) -> list[Any]:
    return [event.at_ms, event.kind, event.subject, sorted(event.data.items())]


def _reports(fleet: Fleet, span_ms: int) -> int:
    """Reports that fit in a span, wherever it begins."""
    return -(-span_ms // fleet.build.report_every_ms) + 1


def _column(shape: tuple[int, int], dtype: type[np.floating[Any]], filed: bool) -> NDArray[Any]:
    if not filed:
        return np.empty(shape, dtype=dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=dtype, mode="w+", shape=shape)
