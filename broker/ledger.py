"""Counts what was produced, handed to the broker and stored, by (device, boot, seq).

The same ledger serves the harness (which hands messages over and reads ranges of what is stored)
and load tests (which count message by message).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import NamedTuple

import msgspec

from broker.seqset import Range, SeqSet
from broker.wire.messages import Telemetry, TelemetryBatch, Uplink

__all__ = [
    "Counts", "Delivery", "DeliveryLedger", "LedgerState", "Missing", "Run", "SeqSet", "runs_of",
]  # fmt: skip


class Missing(NamedTuple):
    """Numbers of one device and boot, as intervals (both ends included)."""

    device: str
    boot: int
    ranges: list[Range]


class Run(NamedTuple):
    """Reports of one device and boot whose numbers follow each other."""

    site: str
    first: Telemetry
    last: int
    """The number of the last one."""


def runs_of(messages: Iterable[tuple[str, Uplink]]) -> list[Run] | None:
    """What devices say in a step in which nothing happens, by device; None if something does.

    Then each is to be looked at by itself.
    """
    found: dict[tuple[str, str, int], tuple[Telemetry, list[int]]] = {}
    for site, message in messages:
        if type(message) is not Telemetry:
            return None
        key = (site, message.device, message.boot)
        known = found.get(key)
        if known is None:
            found[key] = message, [message.seq]
        else:
            known[1].append(message.seq)
    if any(seqs != list(range(seqs[0], seqs[-1] + 1)) for _, seqs in found.values()):
        return None
    return [Run(site, first, seqs[-1]) for (site, _, _), (first, seqs) in found.items()]


class Overtaken(NamedTuple):
    """Numbers that came only after a higher one."""

    first: int
    last: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What went wrong on the way of one device and boot, by number; both ends included.

    Attributes:
        lost: Produced, and not stored.
        unexpected: Stored, and never produced.
        duplicated: Handed over (or stored) more than once.
        reordered: Came only after a higher number.
        late: First handed over after a wait in the device.
        recovered: Taken away on the way, and there all the same.
    """

    device: str
    boot: int
    lost: list[Range]
    unexpected: list[Range]
    duplicated: list[Range]
    reordered: list[Overtaken]
    late: list[Range]
    recovered: list[Range]

    def __str__(self) -> str:
        parts = [
            f"{name} {_shown(ranges)}"
            for name, ranges in (
                ("lost", self.lost), ("unexpected", self.unexpected),
                ("duplicated", self.duplicated), ("late", self.late),
                ("recovered", self.recovered),
            )
            if ranges
        ]  # fmt: skip
        overtaken = [f"{_shown([(o.first, o.last)])} after {o.after}" for o in self.reordered]
        parts += [f"reordered {', '.join(overtaken)}"] if overtaken else []
        return f"{self.device} boot {self.boot}: {'; '.join(parts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The ledger in numbers; each is a count of distinct messages unless it says otherwise."""

    produced: int
    """What devices made. A will counts when it is published."""
    handed: int
    """What the link handed to the broker, after its faults."""
    stored: int
    lost: int
    """Produced, and not stored."""
    unexpected: int
    """Stored, and never produced."""
    duplicated: int
    """Times a number was handed over or stored again. A birth sent again on request is none."""
    reordered: int
    """First arrivals with a number below one that the same device and boot had shown already."""
    late: int
    """First handed over after a wait in the device."""
    dropped: int
    """Taken away by a fault on the way, at least once."""
    recovered: int
    """Dropped, and handed over (or stored) all the same."""
    undecodable: int
    """Payloads handed over that are no message of ours, by topic and digest."""

    def as_dict(self) -> Mapping[str, int]:
        """By name, for reports."""
        return asdict(self)


class _Track(msgspec.Struct):
    """One device and boot."""

    site: str
    produced: SeqSet = msgspec.field(default_factory=SeqSet)
    handed: SeqSet = msgspec.field(default_factory=SeqSet)
    stored: SeqSet = msgspec.field(default_factory=SeqSet)
    dropped: SeqSet = msgspec.field(default_factory=SeqSet)
    duplicated: SeqSet = msgspec.field(default_factory=SeqSet)
    late: SeqSet = msgspec.field(default_factory=SeqSet)
    overtaken: list[Overtaken] = []


_SETS = ("produced", "handed", "stored", "dropped", "duplicated", "late")
"""Sets of a track, in the order in which a snapshot writes them."""


class LedgerState(msgspec.Struct, frozen=True):
    """A ledger as plain data: what :meth:`DeliveryLedger.snapshot` gives, ready for JSON."""

    tracks: list[tuple[str, int, str, list[list[Range]], list[Overtaken]]]
    """Device, boot, site; produced, handed, stored, dropped, duplicated, late; overtaken."""
    delivered: dict[str, int]
    raw: list[tuple[str, str]]
    counts: tuple[int, int, int]


class DeliveryLedger:
    """See the module. Not thread-safe: one writer."""

    def __init__(self) -> None:
        self._tracks: dict[tuple[str, int], _Track] = {}
        self._raw: set[tuple[str, str]] = set()
        self._duplicated = self._reordered = self._late = 0
        self.delivered: dict[str, int] = {}
        """Per site, the running number of distinct messages handed to the broker. Each sample of a
        batch is one; an undecodable payload counts once by topic and SHA-256."""

    def _track(self, site: str, device: str, boot: int) -> _Track:
        track = self._tracks.get((device, boot))
        if track is None:
            track = _Track(site)
            self._tracks[device, boot] = track
            self.delivered.setdefault(site, 0)
        return track

    def produced(self, site: str, message: Uplink) -> None:
        """Note that a device made a message; making the same number again changes nothing."""
        track = self._track(site, message.device, message.boot)
        if isinstance(message, TelemetryBatch):
            for sample in message.samples:
                track.produced.add(sample.seq)
        elif not track.produced.add_next(message.seq):  # the usual case, made cheap
            track.produced.add(message.seq)

    def produced_runs(self, runs: Iterable[Run]) -> None:
        """As :meth:`produced`, of many that follow each other."""
        for site, first, last in runs:
            self._track(site, first.device, first.boot).produced.add_range(first.seq, last)

    def handed_runs(self, runs: Iterable[Run]) -> None:
        """As :meth:`handed`, of many that follow each other and did not wait."""
        for site, first, last in runs:
            track = self._track(site, first.device, first.boot)
            highest = track.handed.highest
            if highest is None or highest < first.seq:  # nothing comes again, or behind others
                new = track.handed.add_range(first.seq, last)
            else:
                numbers = range(first.seq, last + 1)
                new = sum(self._arrived(track, track.handed, seq) for seq in numbers)
            self.delivered[site] = self.delivered.get(site, 0) + new

    def dropped(self, site: str, message: Uplink) -> None:
        """Note that a fault took a message away."""
        track = self._track(site, message.device, message.boot)
        for seq in _numbers(message):
            track.dropped.add(seq)

    def handed(self, site: str, message: Uplink, *, late: bool = False) -> None:
        """Note that the broker has acknowledged a message.

        Args:
            site: Where the device is.
            message: What was published.
            late: It waited in the device instead of being sent when it was made.
        """
        track = self._track(site, message.device, message.boot)
        seqs: Iterable[int] = ()
        if isinstance(message, TelemetryBatch):
            seqs = [s.seq for s in message.samples if self._arrived(track, track.handed, s.seq)]
            new = len(seqs)
        elif track.handed.add_next(message.seq):  # the usual case, made cheap
            new, seqs = 1, (message.seq,)
        else:
            new = self._arrived(track, track.handed, message.seq)
            seqs = (message.seq,) * new
        self.delivered[site] = self.delivered.get(site, 0) + new
        if late:
            self._late += new
            for seq in seqs:
                track.late.add(seq)

    def handed_raw(self, site: str, topic: str, payload: bytes) -> None:
        """Note that a payload that is no message of ours reached the broker."""
        key = (topic, sha256(payload).hexdigest())
        if key not in self._raw:
            self._raw.add(key)
            self.delivered[site] = self.delivered.get(site, 0) + 1

    def stored(self, site: str, device: str, boot: int, seq: int) -> None:
        """Note one stored message, in the order in which they arrived."""
        track = self._track(site, device, boot)
        self._arrived(track, track.stored, seq)

    def stored_ranges(
        self, site: str, device: str, boot: int, ranges: Iterable[tuple[int, int] | list[int]]
    ) -> None:
        """Note what a service says that it has stored; says nothing of duplicates and order."""
        track = self._track(site, device, boot)
        for first, last in ranges:
            track.stored.add_range(first, last)

    def _arrived(self, track: _Track, numbers: SeqSet, seq: int) -> int:
        highest = numbers.highest
        if numbers.add(seq):
            # Births (0) and wills (below 0) are outside of the device's own count. What was taken
            # away and sent again is recovered; that it comes behind others is no second fault.
            if highest is not None and 0 < seq < highest and seq not in track.dropped:
                self._reordered += 1
                _note_overtaken(track.overtaken, seq, highest)
            return 1
        if seq != 0:
            self._duplicated += 1
            track.duplicated.add(seq)
        return 0

    def lost(self) -> Iterator[Missing]:
        """Produced, and not stored: by device, boot and number."""
        yield from self._differences(stored_minus_produced=False)

    def unexpected(self) -> Iterator[Missing]:
        """Stored, and never produced: by device, boot and number."""
        yield from self._differences(stored_minus_produced=True)

    def _differences(self, *, stored_minus_produced: bool) -> Iterator[Missing]:
        for (device, boot), track in sorted(self._tracks.items()):
            left, right = track.produced, track.stored
            if stored_minus_produced:
                left, right = right, left
            if ranges := left.minus(right).to_ranges():
                yield Missing(device, boot, ranges)

    def deliveries(self) -> Iterator[Delivery]:
        """Everything that went wrong, by device, boot and number; what went well is left out."""
        for (device, boot), track in sorted(self._tracks.items()):
            back = track.dropped.minus(track.dropped.minus(track.handed).minus(track.stored))
            found = Delivery(
                device=device,
                boot=boot,
                lost=track.produced.minus(track.stored).to_ranges(),
                unexpected=track.stored.minus(track.produced).to_ranges(),
                duplicated=track.duplicated.to_ranges(),
                reordered=list(track.overtaken),
                late=track.late.to_ranges(),
                recovered=back.to_ranges(),
            )
            if any((found.lost, found.unexpected, found.duplicated, found.reordered)) or any(
                (found.late, found.recovered)
            ):
                yield found

    def counts(self) -> Counts:
        """Sum up. Takes time in the number of devices and gaps; not for every message."""
        tracks = self._tracks.values()
        dropped = sum(len(t.dropped) for t in tracks)
        still_away = sum(len(t.dropped.minus(t.handed).minus(t.stored)) for t in tracks)
        return Counts(
            produced=sum(len(t.produced) for t in tracks),
            handed=sum(len(t.handed) for t in tracks),
            stored=sum(len(t.stored) for t in tracks),
            lost=sum(len(t.produced.minus(t.stored)) for t in tracks),
            unexpected=sum(len(t.stored.minus(t.produced)) for t in tracks),
            duplicated=self._duplicated,
            reordered=self._reordered,
            late=self._late,
            dropped=dropped,
            recovered=dropped - still_away,
            undecodable=len(self._raw),
        )

    def snapshot(self) -> LedgerState:
        """Everything as plain data."""
        return LedgerState(
            tracks=[
                (
                    *(device, boot, track.site),
                    [getattr(track, name).to_ranges() for name in _SETS],
                    list(track.overtaken),
                )
                for (device, boot), track in sorted(self._tracks.items())
            ],
            delivered=dict(self.delivered),
            raw=sorted(self._raw),
            counts=(self._duplicated, self._reordered, self._late),
        )

    def restore(self, state: LedgerState) -> None:
        """Become what the snapshot was taken of."""
        self._tracks = {}
        for device, boot, site, sets, overtaken in state.tracks:
            track = self._tracks[device, boot] = _Track(site)
            for name, ranges in zip(_SETS, sets, strict=True):
                setattr(track, name, SeqSet.from_ranges(ranges))
            track.overtaken = [Overtaken(*row) for row in overtaken]
        self._raw = {(topic, digest) for topic, digest in state.raw}
        self.delivered = dict(state.delivered)
        self._duplicated, self._reordered, self._late = state.counts


def _numbers(message: Uplink) -> Iterator[int]:
    if isinstance(message, TelemetryBatch):
        yield from (sample.seq for sample in message.samples)
    else:
        yield message.seq


def _note_overtaken(rows: list[Overtaken], seq: int, highest: int) -> None:
    """One more; neighbours that came after the same number stand together."""
    last = rows[-1] if rows else None
    if last is not None and last.last == seq - 1 and last.after == highest:
        rows[-1] = last._replace(last=seq)
    else:
        rows.append(Overtaken(seq, seq, highest))


def _shown(ranges: Iterable[Range]) -> str:
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
