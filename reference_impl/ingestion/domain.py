"""What ingestion keeps of a device, and how readings become one packed block. Pure."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from broker.ledger import SeqSet
from reference_impl.kernel.ports import Floats, Times

RESEND_AGAIN_MS = 3_600_000
"""A gap that stays is asked for again after this simulated time (ours: one default sync)."""
RESEND_ATTEMPTS = 5
"""Then the device does not hold it any more, and the gap stays in the ledger."""
RANGES_AT_ONCE = 50
"""At most as many resend requests per device and clock call."""


class Reading(NamedTuple):
    """One report of one device, without the device."""

    seq: int
    at_ms: int
    signals: Mapping[str, float]


class Block(NamedTuple):
    """The readings of one device and boot from one batch, as columns."""

    names: tuple[str, ...]
    count: int
    payload: bytes


def pack(readings: Sequence[Reading]) -> Block:
    """Write readings as columns: times and numbers as int64, each signal as float64.

    A signal that a report lacks is NaN in its column; a real reading is never NaN (JSON has none).
    """
    first = readings[0].signals
    if all(r.signals.keys() == first.keys() for r in readings):
        names = tuple(sorted(first))
    else:
        names = tuple(sorted({name for r in readings for name in r.signals}))
    n = len(readings)
    nan = math.nan
    payload = struct.pack(
        f"<{2 * n}q{len(names) * n}d",
        *[r.at_ms for r in readings],
        *[r.seq for r in readings],
        *[r.signals.get(name, nan) for name in names for r in readings],
    )
    return Block(names, n, payload)


def unpack(block: Block) -> tuple[Times, Times, dict[str, Floats]]:
    """Read a block: times (ms), numbers, and one column per signal, shape ``(count,)`` each."""
    n = block.count
    whole = np.frombuffer(block.payload, dtype="<i8", count=2 * n)
    values = np.frombuffer(block.payload, dtype="<f8", offset=16 * n).reshape(len(block.names), n)
    return whole[:n], whole[n:], dict(zip(block.names, values, strict=True))


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
    asked: bool = False
    """Whether its birth was asked for."""

    def take(self, seq: int) -> tuple[bool, bool]:
        """Note number ``seq`` as stored: ``(is it new, does it count as newly arrived)``."""
        if not self.stored.add(seq):
            return False, False
        self.top = max(self.top, seq)
        return True, len(self.refused) == 0 or self.refused.add(seq)

    def refuse(self, seq: int) -> bool:
        """Note number ``seq`` as put aside; whether it counts as newly arrived."""
        return self.refused.add(seq) and not self.stored.gaps(seq, seq) == []

    def gaps(self) -> list[tuple[int, int]]:
        """Ranges of numbers below the highest one that are not stored."""
        return self.stored.gaps(1, self.top) if self.top >= 1 else []
