"""What ingestion keeps of a device, and how readings become one packed block. Pure."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, NamedTuple, Protocol

import numpy as np

from broker.ledger import SeqSet
from broker.wire.messages import Downlink, Sample, Telemetry, Uplink
from broker.wire.reports import Report, Signals, plain, table
from reference_impl.kernel.ports import Floats, Times
from reference_impl.kernel.store import Connection, UnitOfWork

RESEND_AGAIN_MS = 3_600_000
"""A gap that stays is asked for again after this simulated time (ours: one default sync)."""
RESEND_ATTEMPTS = 5
"""Then the device does not hold it any more, and the gap stays in the ledger."""
DATED_FROM_MS = 946_684_800_000
"""2000-01-01: who says that it is earlier has no clock."""
BACK_MS, AHEAD_MS = 45 * 86_400_000, 366 * 86_400_000
"""How far a report may lie from the present: devices keep reports for a month, and no step of a
driven clock is longer than a year. What is further off comes from a clock in a wrong year."""
FAST_MS = BACK_MS
"""How far a report may lie behind the clock call that takes it in, of a driven DPS: as much as
before it. Who drives may deliver ahead of the clock; what is later is from a wrong year."""
RANGES_AT_ONCE = 50
"""At most as many resend requests per device and clock call."""


Span = tuple[str, int, int, int]
"""Device, boot, first and last number."""


def dated(at_ms: int, now_ms: int) -> bool:
    """Whether a time that a device names can be true; ``now_ms`` is 0 if nobody knows the time."""
    if at_ms < DATED_FROM_MS:
        return False
    return now_ms < DATED_FROM_MS or now_ms - BACK_MS <= at_ms <= now_ms + AHEAD_MS


Key = tuple[str, int]
"""Device and boot."""
Shaped = Report[Signals]
Reading = Telemetry | Sample | Shaped
"""One report of one device: ``seq``, ``at_ms`` and ``signals``."""
REPORTS = (Telemetry, Report)
"""The messages that are one report each."""
Message = Uplink | Shaped


class Block(NamedTuple):
    """The readings of one device and boot from one batch, as columns."""

    names: tuple[str, ...]
    size: int
    first_ms: int
    last_ms: int
    payload: bytes


def pack(readings: Sequence[Reading]) -> Block:
    """Write readings as columns: times and numbers as int64, each signal as float64.

    A signal that a report lacks is NaN in its column; a real reading is never NaN (JSON has none).
    """
    n = len(readings)
    times = [reading.at_ms for reading in readings]
    reports = [plain(reading.signals) for reading in readings]
    shapes = set(map(tuple, reports))
    if len(shapes) == 1:  # usual: all have the same signals in the same order
        (names,) = shapes
        rows: Iterable[Iterable[float]] = map(dict.values, reports)
    else:
        names = tuple(sorted(set().union(*shapes)))
        rows = [map(report.get, names, repeat(math.nan)) for report in reports]
    payload = struct.pack(
        f"<{2 * n}q{len(names) * n}d",
        *times,
        *[reading.seq for reading in readings],
        *chain.from_iterable(zip(*rows, strict=True)),
    )
    return Block(names, n, min(times), max(times), payload)


def pack_all(readings: Mapping[Key, Sequence[Reading]]) -> list[tuple[Key, Block]]:
    """As :func:`pack`, of many devices: those of one shape and size as one table."""
    blocks: dict[Key, Block] = {}
    alike: dict[tuple[type, int], list[Key]] = {}
    for key, of_one in readings.items():
        kind, *others = {type(reading.signals) for reading in of_one}
        if others or not issubclass(kind, Signals):
            blocks[key] = pack(of_one)
        else:
            alike.setdefault((kind, len(of_one)), []).append(key)
    for (_, size), keys in alike.items():
        reports: Any = [reading for key in keys for reading in readings[key]]
        blocks |= {keys[place]: block for place, block in _pack_alike(reports, size)}
    return [(key, blocks[key]) for key in readings]


def _pack_alike(reports: Sequence[Shaped], size: int) -> Iterator[tuple[int, Block]]:
    """A block for each ``size`` reports of one shape; a signal without any reading is left out."""
    names = type(reports[0].signals).__struct_encode_fields__
    values = np.frombuffer(table(reports), dtype="<f8").reshape(-1, size, len(names))
    times: Times = np.reshape([report.at_ms for report in reports], (-1, size))
    numbers: Times = np.reshape([report.seq for report in reports], (-1, size))
    first_ms, last_ms = times.min(axis=1).tolist(), times.max(axis=1).tolist()
    measuring: dict[bytes, list[int]] = {}
    has = ~np.isnan(values).all(axis=1)
    for place in range(len(has)):
        measuring.setdefault(has[place].tobytes(), []).append(place)
    for places in measuring.values():
        columns = np.flatnonzero(has[places[0]])
        found = tuple([names[column] for column in columns])
        whole: Times = np.empty((len(places), 2 + len(found), size), dtype="<i8")
        whole[:, 0], whole[:, 1] = times[places], numbers[places]
        whole[:, 2:].view("<f8")[:] = values[places][:, :, columns].swapaxes(1, 2)
        for place, block in zip(places, whole, strict=True):
            yield place, Block(found, size, first_ms[place], last_ms[place], block.tobytes())


def unpack(block: Block) -> tuple[Times, Times, Floats]:
    """Read a block: times (ms) and numbers, ``(size,)`` each, and signals, ``(names, size)``."""
    n = block.size
    whole = np.frombuffer(block.payload, dtype="<i8")
    values = whole[2 * n :].view("<f8").reshape(len(block.names), n)
    return whole[:n], whole[n : 2 * n], values


def reports(block: Block) -> list[Sample]:
    """The reports of a block, in its order."""
    times, seqs, values = (column.tolist() for column in unpack(block))
    rows = zip(*values, strict=True) if values else repeat((), block.size)
    return [
        Sample(
            seq=seq,
            at_ms=at_ms,
            signals={
                name: value
                for name, value in zip(block.names, row, strict=True)
                if not math.isnan(value)
            },
        )
        for at_ms, seq, row in zip(times, seqs, rows, strict=True)
    ]


@dataclass(slots=True, kw_only=True)
class DeviceLog:
    """What was taken in from one boot of one device."""

    site: str
    stored: SeqSet = field(default_factory=SeqSet)
    refused: SeqSet = field(default_factory=SeqSet)
    """Counted, but put aside: the device was not registered (or at another site) then."""
    top: int = 0
    """The highest number seen."""
    born: bool = False
    lost: bool = False
    """Whether its will was the last thing heard."""
    asked: bool = False
    """Whether its birth was asked for."""

    def take(self, seq: int) -> tuple[bool, bool]:
        """Note number ``seq`` as stored: ``(is it new, does it count as newly arrived)``."""
        if not self.stored.add(seq):
            return False, False
        self.top = max(self.top, seq)
        return True, len(self.refused) == 0 or self.refused.add(seq)

    def take_run(self, seqs: Sequence[int]) -> bool:
        """Note numbers that follow each other and what is stored; nothing done if they do not."""
        first, last = seqs[0], seqs[-1]
        if (
            self.stored.highest != first - 1
            or len(self.refused)
            or list(range(first, last + 1)) != seqs
        ):
            return False
        self.stored.add_range(first, last)
        self.top = max(self.top, last)
        return True

    def refuse(self, seq: int) -> bool:
        """Note number ``seq`` as put aside; whether it counts as newly arrived."""
        return self.refused.add(seq) and seq not in self.stored

    def gaps(self) -> list[tuple[int, int]]:
        """Ranges of numbers below the highest one that are not stored."""
        return self.stored.gaps(1, self.top) if self.top >= 1 else []


class Columns(Protocol):
    """The readings in memory."""

    def add(self, blocks: Sequence[tuple[str, Block]]) -> None:
        """Take in readings that are stored, by thing."""
        ...

    def load(self) -> None:
        """Start from what is stored."""
        ...

    def again(self, conn: Connection, newest_ms: Mapping[str, int]) -> None:
        """Read these things anew; ``newest_ms``: of their newest report, -1 without any."""
        ...


class Requests(Protocol):
    """Where requests to devices go."""

    def put(self, uow: UnitOfWork, site: str, message: Downlink) -> bool:
        """Write a message; False if its id was written before."""
        ...


class IngestionStore(Protocol):
    """What ingestion keeps; ``adapters.repository`` says how."""

    def logs(self, conn: Connection) -> dict[tuple[str, int], DeviceLog]:
        """What arrived so far, by device and boot."""
        ...

    def counts(self, conn: Connection) -> dict[str, tuple[int, int, int]]:
        """Per site: messages counted, earliest and newest time named."""
        ...

    def write(
        self,
        uow: UnitOfWork,
        *,
        blocks: Sequence[tuple[tuple[str, int], Block]],
        logs: Mapping[tuple[str, int], DeviceLog],
        counts: Mapping[str, tuple[int, int, int]],
        latest: Mapping[str, Reading],
    ) -> None:
        """Write one batch."""
        ...

    def write_undated(self, uow: UnitOfWork, readings: Sequence[tuple[Key, Reading]]) -> None:
        """Keep readings of no known time apart from all others."""
        ...

    def date_undated(self, uow: UnitOfWork, now_ms: int) -> None:
        """Note when they were received, if that is not known."""
        ...

    def undated_of(
        self, conn: Connection, thing: str, *, after: tuple[int, ...], from_ms: int, limit: int
    ) -> list[dict[str, Any]]:
        """Those of a thing that were received since ``from_ms``, behind a boot and number."""
        ...

    def set_apart(self, uow: UnitOfWork, after_ms: int) -> dict[str, int]:
        """Keep readings later than that apart; gives the newest time left of their things, or -1.

        Nothing newer stays known of any site.
        """
        ...

    def latest(self, conn: Connection) -> dict[str, tuple[int, dict[str, float]]]:
        """The newest report of every thing: its time and signals."""
        ...

    def latest_of(self, conn: Connection, thing: str) -> dict[str, Any] | None:
        """The newest report of one thing."""
        ...

    def add_birth(self, uow: UnitOfWork, row: Mapping[str, Any]) -> None:
        """Write a birth, once per device and boot."""
        ...

    def birth_of(self, conn: Connection, thing: str) -> dict[str, Any] | None:
        """The birth of the newest boot."""
        ...

    def set_lost(self, uow: UnitOfWork, thing: str, boot: int, at_ms: int | None) -> None:
        """Note since when a device is lost; None: it is heard again."""
        ...

    def bury(
        self, uow: UnitOfWork, *, topic: str, digest: str, site: str, reason: str, payload: bytes
    ) -> bool:
        """Put a message aside; False if the same one lies there."""
        ...

    def date_dead_letters(self, uow: UnitOfWork, now_ms: int) -> list[dict[str, Any]]:
        """Give dead letters without a time ``now_ms``; gives those, by topic and digest."""
        ...

    def dead_letters(self, conn: Connection, limit: int) -> list[dict[str, Any]]:
        """Dead letters by topic and digest."""
        ...

    def dead_count(self, conn: Connection) -> int:
        """How many distinct messages were put aside."""
        ...

    def resend_asked(self, conn: Connection, key: Span) -> tuple[int, int]:
        """When a range was last asked for and how often; ``(-1, 0)``: never."""
        ...

    def note_resend(self, uow: UnitOfWork, key: Span, asked_ms: int, attempts: int) -> None:
        """Note that a range was asked for."""
        ...

    def count_start(self, uow: UnitOfWork) -> int:
        """The number of this start of the DPS on this store, from 1."""
        ...
