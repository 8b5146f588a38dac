"""What leaves a fleet's devices, and what in them feels that the power comes and goes."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from twins.core.clocks import Stamps
from twins.core.device import Ack, Held, Yes
from twins.core.twin import Columns


class Said(NamedTuple):
    """A report of the moment: what leaves the devices, now or later."""

    seqs: NDArray[np.int32]
    stamps: Stamps
    values: Columns
    """Shape ``(n, signals)``; all NaN in the row of a device that is silent or not heard."""
    leave: Yes | None
    """Whose report leaves now, shape ``(n,)``; all if ``None``."""
    lost: NDArray[np.int64]
    """Whose report is lost on the air."""
    late: NDArray[np.int64]
    """Whose report will be overtaken by the next one."""


class Sending(NamedTuple):
    """What leaves a device besides the reports of the moment."""

    at_ms: int
    device: int
    what: Literal["birth", "will", "reports", "ack", "gone", "back"]
    """``gone``: reports that nobody will ever see, the ring buffer was too small. ``back``: nothing
    leaves, but the device hears again what waits for it."""
    boot: int = 1
    number: int = 0
    """Of a will: which connection of this boot it ends."""
    reports: tuple[Held, ...] = ()
    ack: Ack | None = None


class Board(Protocol):
    """What runs on a device's electronics and feels their power."""

    def cut(self, now_ms: int, device: int) -> None:
        """Power goes off."""
        ...

    def comes_up(self, device: int) -> bool:
        """One try to start; ``False`` if the watchdog has to try again."""
        ...

    def started(self, now_ms: int, device: int) -> None:
        """The device runs again and has said its birth."""
        ...


NOBODY = np.empty(0, dtype=np.int64)


def silent(values: Columns, heard: Yes | None) -> Columns:
    """The readings, made all NaN in rows of devices that are not heard."""
    if heard is None or heard.all():
        return values
    values[np.flatnonzero(~heard)] = np.nan  # few: quicker than by a mask
    return values
