"""What leaves the devices of a fleet: reports of the moment, and everything besides."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.device import Columns, Held, Yes


class Said(NamedTuple):
    """A report of the moment: what leaves the devices, now or later."""

    seqs: list[int]
    stamps: int | NDArray[np.int64]
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
    what: Literal["birth", "will", "reports", "gone", "back"]
    """``gone``: reports that nobody will ever see, the ring buffer was too small. ``back``: nothing
    leaves, but the device hears again what waits for it."""
    boot: int = 1
    number: int = 0
    """Of a will: which connection of this boot it ends."""
    reports: tuple[Held, ...] = ()
