"""How reports lie in a device's memory: whole numbers of quanta, each as narrow as it may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.manifest import SignalSpec

Columns = NDArray[np.float64]
Room = tuple[NDArray[np.int8], NDArray[np.int16], NDArray[np.int32], Columns]
"""Quanta of one report by width, each of shape ``(channels of that width, n)``."""

_WIDTHS: tuple[type[Any], ...] = (np.int8, np.int16, np.int32, np.float64)
_LEAST = (-(2**7), -(2**15), -(2**31), np.nan)
"""Stands for a signal that was not said. The last width is for what no other has room for."""


class Packing:
    """Where the quanta of each channel lie in a :data:`Room`, and what stands there.

    A channel with so few quanta that they fit into 8, 16 or 32 bits is kept as its quanta less
    ``base``, the one in the middle of its range.
    """

    def __init__(self, signals: Sequence[SignalSpec]) -> None:
        self.steps = np.array([float(signal.steps_per_unit) for signal in signals])
        low = np.rint(np.array([signal.min for signal in signals]) * self.steps)
        high = np.rint(np.array([signal.max for signal in signals]) * self.steps)
        room = [2 * np.iinfo(width).max for width in _WIDTHS[:-1]]
        self.width = np.searchsorted(room, high - low)
        self.row = np.zeros(len(signals), dtype=np.int64)
        self.rows = [int((self.width == width).sum()) for width in range(len(_WIDTHS))]
        for width, rows in enumerate(self.rows):
            self.row[self.width == width] = np.arange(rows)
        middle = low + np.array([*room, 0])[self.width] // 2
        self.base = np.where(self.width < len(room), middle, 0.0)
        self.bytes = sum(
            rows * np.dtype(width).itemsize for rows, width in zip(self.rows, _WIDTHS, strict=True)
        )
        """Of a report of one device."""

    def blocks(self, reports: int, devices: int) -> tuple[NDArray[Any], ...]:
        """Memory for so many reports: by width, shape ``(reports, channels, devices)``."""
        return tuple(
            np.empty((reports, rows, devices), dtype=width)
            for rows, width in zip(self.rows, _WIDTHS, strict=True)
        )

    def leave_out(self, room: Room, unsaid: NDArray[np.bool_]) -> None:
        """Strike out of a report what was not said, shape ``(n, channels)``."""
        at = zip(self.width.tolist(), self.row.tolist(), strict=True)
        for channel, (width, row) in enumerate(at):
            room[width][row, unsaid[:, channel]] = _LEAST[width]

    def readings(self, room: Room, device: int) -> list[float]:
        """What a device said in a report; NaN where it said nothing."""
        quanta = np.empty(len(self.steps))
        blocks: tuple[NDArray[Any], ...] = room
        for width, said in enumerate(blocks):
            own = said[:, device].astype(np.float64)
            own[own == _LEAST[width]] = np.nan
            quanta[self.width == width] = own
        values: list[float] = ((quanta + self.base) / self.steps).tolist()
        return values


NO_ROOM: Room = (
    np.empty((0, 0), np.int8), np.empty((0, 0), np.int16), np.empty((0, 0), np.int32),
    np.empty((0, 0)),
)  # fmt: skip
"""For readings that nobody keeps."""
