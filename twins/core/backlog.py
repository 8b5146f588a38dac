"""Store and forward: reports that wait in devices, and how they leave when a link is back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twins.core.device import DeviceSide, Held
from twins.core.links import RECONNECT_DUPLICATES
from twins.core.streams import Streams

CHUNK = 200
"""Reports in one part of a backlog."""
OLDEST_FIRST, NEWEST_FIRST = 0.75, 0.9
"""A backlog comes oldest first, else newest first, else interleaved (twins reference, section 3;
the shares are E)."""


class Backlog:
    """What waits in each device of a fleet: numbers only, the ring buffer holds the reports."""

    def __init__(self, side: DeviceSide, devices: Sequence[str], streams: Streams) -> None:
        self._side, self._devices, self._streams = side, tuple(devices), streams
        self._spans: dict[int, list[list[int]]] = {}
        """``[boot, first, last]`` by device, both ends included."""
        self._flushed = [0] * len(devices)

    def keep(self, device: int, boot: int, seq: int) -> None:
        """A report waits."""
        spans = self._spans.setdefault(device, [])
        if spans and spans[-1][0] == boot and spans[-1][2] + 1 == seq:
            spans[-1][2] = seq
        else:
            spans.append([boot, seq, seq])

    def boots(self, device: int) -> set[int]:
        """Of which boots reports wait."""
        return {boot for boot, _, _ in self._spans.get(device, ())}

    def __len__(self) -> int:
        """Reports that wait, in all devices."""
        return sum(last - first + 1 for spans in self._spans.values() for _, first, last in spans)

    def take(self, device: int, boot: int) -> tuple[list[Held], list[int]]:
        """What waits of one boot, and the numbers that the ring buffer has lost meanwhile."""
        spans = self._spans.pop(device, [])
        rest = [span for span in spans if span[0] != boot]
        if rest:
            self._spans[device] = rest
        wanted = [seq for b, first, last in spans if b == boot for seq in range(first, last + 1)]
        held: list[Held] = []
        for span_boot, first, last in spans:
            if span_boot == boot:
                held += self._side.held(device, boot, first, last)
        there = {report.seq for report in held}
        return held, [seq for seq in wanted if seq not in there]

    def chunks(
        self, device: int, held: Sequence[Held], *, doubled: bool
    ) -> Iterator[tuple[Held, ...]]:
        """A backlog as it leaves: in parts, mostly oldest first; some twice if ``doubled``."""
        parts = [tuple(held[at : at + CHUNK]) for at in range(0, len(held), CHUNK)]
        if not parts:
            return
        self._flushed[device] += 1
        rng = self._streams.block(f"link/flush/{self._devices[device]}", self._flushed[device])
        how, twice = rng.random(), rng.random(len(parts)) < RECONNECT_DUPLICATES
        order = list(range(len(parts)))
        if how >= NEWEST_FIRST:
            order = [at // 2 if at % 2 == 0 else -1 - at // 2 for at in order]
        elif how >= OLDEST_FIRST:
            order.reverse()
        for at, again in zip(order, twice.tolist(), strict=True):
            yield parts[at]
            if again and doubled:
                yield parts[at]

    def dump(self) -> dict[str, Any]:
        """What changes."""
        return {
            "spans": [[device, spans] for device, spans in self._spans.items()],
            "flushed": self._flushed,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._spans = dict(state["spans"])
        self._flushed = list(state["flushed"])
