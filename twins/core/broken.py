"""The sensors that are broken now, as the columns that the sensor chain walks along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.sensor_kernel import KINDS, hang_in

Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""First fault of each device ``(n,)``; the next one after each fault; (kind, channel, begun or
salt, number) of each; its size. -1: none."""


_RANK = {kind: rank for rank, kind in enumerate(KINDS)}


class Broken(NamedTuple):
    """One fault of one channel. ``size`` is an offset, a slope per ms, a share or a channel."""

    number: int
    kind: str
    device: int
    channel: int
    from_ms: int
    until_ms: int
    size: float
    salt: int
    """Of its own chance from report to report."""


class BrokenSensors:
    """Faults by their running number, and by device in the order in which they act."""

    def __init__(self, devices: int) -> None:
        self._head = np.full(devices, -1)
        self._after = np.full(8, -1)
        self._what = np.zeros((8, 4), dtype=np.int64)
        self._size = np.zeros(8)
        self._free = list(range(8))
        self._slots: dict[int, int] = {}
        self._faults: dict[int, Broken] = {}

    @property
    def columns(self) -> Columns:
        """What the sensor chain needs."""
        return self._head, self._after, self._what, self._size

    def __iter__(self) -> Iterator[Broken]:
        """All faults by number."""
        return iter([self._faults[number] for number in sorted(self._faults)])

    def add(self, broken: Broken, size: float) -> None:
        """A fault begins; ``size`` is what acts (of a stuck sensor its value, NaN: unknown)."""
        self.add_all([broken], [size])

    def add_all(self, begin: Sequence[Broken], sizes: Sequence[float]) -> None:
        """Faults begin, one after another; see :meth:`add`."""
        while len(self._free) < len(begin):
            self._grow()
        slots, news = [self._free.pop() for _ in begin], []
        for slot, broken in zip(slots, begin, strict=True):
            begun = broken.salt if broken.kind == "sensor_zero" else broken.from_ms
            news.append((_RANK[broken.kind], broken.channel, begun, broken.number))
            self._slots[broken.number], self._faults[broken.number] = slot, broken
        hang_in(
            *self.columns, np.array(slots), np.array([broken.device for broken in begin]),
            np.array(news), np.array(sizes, dtype=np.float64),
        )  # fmt: skip

    def end(self, number: int) -> Broken | None:
        """A fault is over; ``None`` if it was before."""
        broken = self._faults.pop(number, None)
        if broken is None:
            return None
        slot = self._slots.pop(number)
        before, here = -1, int(self._head[broken.device])
        while here != slot:
            before, here = here, int(self._after[here])
        self._link(broken.device, before, int(self._after[slot]))
        self._free.append(slot)
        return broken

    def of(self, device: int, channel: int | None = None) -> Sequence[int]:
        """Numbers of the faults of a device, or of one channel of it."""
        found, here = [], int(self._head[device])
        while here >= 0:
            _, at, _, number = self._what[here].tolist()
            if channel in (None, at):
                found.append(number)
            here = int(self._after[here])
        return sorted(found)

    def size(self, number: int, size: float) -> None:
        """What a fault does is known now."""
        self._size[self._slots[number]] = size

    def sizes(self) -> dict[int, float]:
        """What acts of each fault, by number."""
        return {number: float(self._size[slot]) for number, slot in self._slots.items()}

    def _link(self, device: int, before: int, slot: int) -> None:
        if before < 0:
            self._head[device] = slot
        else:
            self._after[before] = slot

    def _grow(self) -> None:
        old = len(self._after)
        self._free += range(old, 2 * old)
        self._after = np.concatenate((self._after, np.full(old, -1)))
        self._what = np.concatenate((self._what, np.zeros_like(self._what)))
        self._size = np.concatenate((self._size, np.zeros(old)))


Wrong = tuple[Columns, tuple[Any, ...]]
"""Broken sensors, and keys, root, log share and columns of natural zeros."""
NEVER = 2**62


def sound(devices: int) -> Wrong:
    """Nothing is wrong with anything."""
    zeros = np.full((2, devices), NEVER)
    return BrokenSensors(devices).columns, (
        np.zeros(devices, dtype=np.uint64), np.uint64(0), 0.0, zeros,
    )  # fmt: skip
