"""What a device says: a built-in generator, or one track of a tape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

from broker.wire import codec, topics
from broker.wire import messages as m
from loadtests.tape import Track

SITE_SIZE = 20
"""Devices per site of the built-in generator; the site is the partition of a consumer."""
_BLOCK = 256
_SIGNALS = {f"signal_{letter}": 10.0 * (n + 1) for n, letter in enumerate("abcdefghij")}
"""Ten signals and their middle values: the payload of the published baselines has ten fields."""


class Outgoing(NamedTuple):
    """One message, ready to leave."""

    seq: int
    topic: str
    payload: bytes


class Source(Protocol):
    """One device's say: its name, its birth, and message after message."""

    @property
    def site(self) -> str:
        """Where it stands."""
        ...

    @property
    def device(self) -> str:
        """Its id."""
        ...

    @property
    def birth(self) -> m.Birth:
        """What it says first; its boot is that of all its messages."""
        ...

    def messages(self) -> Iterator[Outgoing]:
        """What it says after, in order."""
        ...


class Generated:
    """Ten signals that wander around their middle: payloads of real size without any product.

    Args:
        number: Which device; names, site and noise follow from it.
        boot: Number of this start; no other run may have used it.
        start_ms: ``at_ms`` of the birth, and ``interval_ms`` is what each message adds.
    """

    def __init__(self, number: int, *, boot: int, start_ms: int, interval_ms: float) -> None:
        self.device = f"load-{number:05d}"
        self.site = f"load-site-{number // SITE_SIZE:03d}"
        self._number, self._interval_ms = number, interval_ms
        self.birth = m.Birth(
            device=self.device,
            boot=boot,
            at_ms=start_ms,
            product="load",
            model="load-generator",
            serial=f"load-{number:05d}",
            firmware="1",
            signals={
                name: m.Signal(unit="1", min=0.0, max=2.0 * middle)
                for name, middle in _SIGNALS.items()
            },
        )

    def messages(self) -> Iterator[Outgoing]:
        """Yield telemetry for ever, numbered from 1."""
        rng = np.random.default_rng([self._number, self.birth.boot])
        middles = np.array(list(_SIGNALS.values()))
        seq = 0
        while True:
            block = np.round(
                middles * (1.0 + 0.05 * rng.standard_normal((_BLOCK, middles.size))), 3
            )
            for row in block.tolist():
                seq += 1
                message = m.Telemetry(
                    device=self.device,
                    boot=self.birth.boot,
                    seq=seq,
                    at_ms=self.birth.at_ms + round(seq * self._interval_ms),
                    signals=dict(zip(_SIGNALS, row, strict=True)),
                )
                yield Outgoing(seq, topics.uplink(self.site, message), codec.encode(message))


class Played:
    """One track of a tape under a new ``boot``; all else as recorded."""

    def __init__(self, track: Track, *, boot: int) -> None:
        self.site, self.device = track.site, track.birth.device
        self.birth = msgspec.structs.replace(track.birth, boot=boot)
        self._track = track

    def messages(self) -> Iterator[Outgoing]:
        """Yield the messages after the birth, in the order of the tape."""
        for item in self._track.messages:
            message = msgspec.structs.replace(item.message, boot=self.birth.boot)
            topic = topics.uplink(self.site, message)
            yield Outgoing(message.seq, topic, codec.encode(message))
