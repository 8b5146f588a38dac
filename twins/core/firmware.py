"""Firmware images, and a flash with two slots that has an image to start at any byte of a cut.

The layout is the usual one of boot loaders with A/B slots (MCUboot, RAUC, Mender): an image is
written to the slot that does not run, then one small record says which slot to start and whether
it is on trial. There are two copies of that record with a counter and a checksum; always the older
one is overwritten, so a cut in the middle of a write leaves the younger one.
"""

from __future__ import annotations

import functools
import hashlib
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

IMAGE_FAULTS: Final = ("boot_loop", "corrupt", "self_test")
"""A build that never starts, bytes that are not those of the digest, one that fails its test."""
TRIES = 3
"""Starts of an image on trial before the boot loader goes back."""
_BODY = struct.Struct("<IBBBx")
RECORD_BYTES = _BODY.size + 4
"""Bytes of a boot record: counter, slot, on trial, tries, padding, checksum."""
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def version_key(version: str) -> tuple[int, ...] | None:
    """A version as numbers that compare, ``None`` if it is none."""
    match = _VERSION.fullmatch(version)
    return None if match is None else tuple(map(int, match.groups()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What the vendor's server says of an image (its manifest).

    ``fault`` is what is wrong with this build (one of :data:`IMAGE_FAULTS`, or nothing); neither
    manifest nor device know it before it shows.
    """

    product: str
    version: str
    size_bytes: int
    for_model: str
    min_hardware: int = 1
    signed: bool = True
    fault: str = ""

    @property
    def sha256(self) -> str:
        """Digest of the image as it was built (hexadecimal)."""
        return _digest(self.product, self.version, self.size_bytes)

    def served_sha256(self) -> str:
        """Digest of the bytes that the server really gives out."""
        if self.fault != "corrupt":
            return self.sha256
        return _digest(self.product, f"{self.version}+bit-flip", self.size_bytes)


@functools.lru_cache(maxsize=64)
def _digest(product: str, version: str, size_bytes: int) -> str:
    content = hashlib.shake_256(f"{product}/{version}".encode()).digest(size_bytes)
    return hashlib.sha256(content).hexdigest()


class Record(NamedTuple):
    """What the boot loader reads: the slot to start; on trial, how often it was tried."""

    counter: int
    slot: int
    trial: bool
    tries: int

    def pack(self) -> bytes:
        """The record with its checksum."""
        body = _BODY.pack(self.counter, self.slot, self.trial, self.tries)
        return body + struct.pack("<I", zlib.crc32(body))


def _unpack(data: bytes) -> Record | None:
    """A record, or ``None`` if its write was cut."""
    body, (checksum,) = data[: _BODY.size], struct.unpack("<I", data[_BODY.size :])
    if zlib.crc32(body) != checksum:
        return None
    counter, slot, trial, tries = _BODY.unpack(body)
    return Record(counter, slot, bool(trial), tries)


@dataclass(slots=True)
class Slot:
    """One half of the flash: an image of which ``written`` bytes are there."""

    version: str
    size_bytes: int
    written: int

    @property
    def whole(self) -> bool:
        """Whether every byte is there."""
        return self.written >= self.size_bytes


class Flash:
    """The flash of one device. Everything that a power cut can interrupt says so by bytes."""

    def __init__(self, version: str, size_bytes: int) -> None:
        self.slots = [Slot(version, size_bytes, size_bytes), Slot("", 0, 0)]
        first = Record(1, 0, trial=False, tries=0)
        self._records = [first.pack(), bytes([255]) * RECORD_BYTES]
        self.running = 0

    def version(self) -> str:
        """The version that runs."""
        return self.slots[self.running].version

    def other(self) -> Slot:
        """The slot that does not run."""
        return self.slots[1 - self.running]

    def erase_for(self, image: Image) -> None:
        """Clear the slot that does not run, for this image."""
        self.slots[1 - self.running] = Slot(image.version, image.size_bytes, 0)

    def activate(self) -> Record:
        """The record that says: start the other slot, on trial."""
        return Record(self.record().counter + 1, 1 - self.running, trial=True, tries=0)

    def confirm(self) -> Record:
        """The record that says: keep what runs."""
        return Record(self.record().counter + 1, self.running, trial=False, tries=0)

    def go_back(self) -> Record:
        """The record that says: start the other slot, for good."""
        return Record(self.record().counter + 1, 1 - self.running, trial=False, tries=0)

    def record(self) -> Record:
        """The younger of the records that are whole."""
        records = [record for record in map(_unpack, self._records) if record is not None]
        return max(records)

    def write(self, record: Record, cut_at: int | None = None) -> None:
        """Overwrite the older record; a power cut stops it after ``cut_at`` bytes."""
        kept = self.record()
        place = next(n for n, data in enumerate(self._records) if _unpack(data) != kept)
        data = record.pack()
        done = len(data) if cut_at is None else cut_at
        self._records[place] = data[:done] + self._records[place][done:]

    def boot(self, *, starts: bool, cut_at: int | None = None) -> bool:
        """One try of the boot loader.

        Args:
            starts: Whether the image of a slot on trial comes up at all.
            cut_at: A power cut stops the write of the tries after this many bytes.

        Returns:
            Whether an image runs now; ``False`` if the watchdog has to try again.
        """
        record = self.record()
        if record.trial and record.tries >= TRIES:
            back = Record(record.counter + 1, 1 - record.slot, trial=False, tries=0)
            self.write(back, cut_at)
            self.running = back.slot
            return cut_at is None
        if record.trial:
            self.write(record._replace(counter=record.counter + 1, tries=record.tries + 1), cut_at)
            if not starts or cut_at is not None:
                return False
        self.running = record.slot
        return True

    def dump(self) -> dict[str, Any]:
        """The flash as plain data."""
        return {
            "slots": [[slot.version, slot.size_bytes, slot.written] for slot in self.slots],
            "records": [data.hex() for data in self._records],
            "running": self.running,
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Flash:
        """The flash that :meth:`dump` gave."""
        flash = cls("", 0)
        flash.slots = [Slot(*slot) for slot in state["slots"]]
        flash._records = [bytes.fromhex(data) for data in state["records"]]
        flash.running = state["running"]
        return flash
