"""Clocks of devices: crystals that drift between two looks at a time server, and wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Keys, Streams

CRYSTAL_PPM = 20.0
"""A crystal is off by up to so many millionths, 1.7 s a day (K, twins reference section 3)."""
NTP_MS = 21_600_000
"""Devices ask a time server every 6 h, which keeps them within 1 s (S22)."""
WRONG_SHARE = 0.005
"""Share of devices that are off by an hour or in 1970 (E, section 3)."""
HOUR_MS = 3_600_000

Whole = NDArray[np.int64]


class Stamps(NamedTuple):
    """What the clocks of a fleet say at a moment; ``off_ms`` is never changed in place."""

    now_ms: int
    off_ms: Whole | None = None
    """How much each clock is fast, shape ``(n,)``; nobody's is if ``None``."""

    def of(self, device: int) -> int:
        """What the clock of one device says, not before 1970."""
        return (
            self.now_ms if self.off_ms is None else max(self.now_ms + int(self.off_ms[device]), 0)
        )

    def tolist(self, devices: int) -> list[int]:
        """What the clocks of all ``devices`` say."""
        if self.off_ms is None:
            return [self.now_ms] * devices
        stamps: list[int] = np.maximum(self.now_ms + self.off_ms, 0).tolist()
        return stamps


class Clocks:
    """What the devices of a fleet believe the time to be, columns of shape ``(n,)``.

    Args:
        keys: Of the devices, for their draws.
        streams: Of the world.
        free: Whether crystals drift; a wired device is told the time all along.
        random: Scales the share of devices whose clock is wrong from the start.
        start_ms: When the world begins.
    """

    def __init__(
        self, *, keys: Keys, streams: Streams, free: bool, random: float, start_ms: int
    ) -> None:
        self._ppm = np.zeros(len(keys))
        self._phase_ms = np.zeros(len(keys), dtype=np.int64)
        self._skew_ms = np.zeros(len(keys), dtype=np.int64)
        self._free = free
        self._all_right: bool | None = None
        if free:
            self._ppm = CRYSTAL_PPM * (2.0 * streams.uniforms("clock/ppm", keys, 1) - 1.0)
            phase = streams.uniforms("clock/phase", keys, 1) * NTP_MS
            self._phase_ms = phase.astype(np.int64)
        if random > 0.0:
            drawn = streams.uniforms("clock/wrong", keys, 1) / min(WRONG_SHARE * random, 1.0)
            self._skew_ms[drawn < 1.0] = -start_ms
            self._skew_ms[drawn < 0.5] = -HOUR_MS
            self._skew_ms[drawn < 0.25] = HOUR_MS

    def stamps(self, now_ms: int) -> Stamps:
        """What the clocks say now."""
        if self._all_right is None:
            self._all_right = not self._skew_ms.any()
        if not self._free and self._all_right:
            return Stamps(now_ms)
        if not self._free:
            return Stamps(now_ms, self._skew_ms)
        since_ms = (now_ms + self._phase_ms) % NTP_MS
        off_ms = np.rint(self._ppm * 1e-6 * since_ms).astype(np.int64) + self._skew_ms
        return Stamps(now_ms, off_ms)

    def stamp(self, now_ms: int, device: int) -> int:
        """What the clock of one device says now."""
        return self.stamps(now_ms).of(device)

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which clocks are wrong by more than a crystal can be, shape ``(n,)``."""
        return np.asarray(self._skew_ms != 0)

    def skew(self, device: int, skew_ms: int) -> None:
        """The clock of a device is off by ``skew_ms`` from now on; 0: right again."""
        self._skew_ms = self._skew_ms.copy()  # stamps of before hold the old one
        self._skew_ms[device], self._all_right = skew_ms, None

    def begin_in(self, now_ms: int, device: int, year: int) -> None:
        """The clock of a device begins at the first of January of ``year``, and runs on."""
        begun_ms = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000
        self.skew(device, begun_ms - now_ms)

    def dump(self) -> dict[str, Any]:
        """What changes."""
        return {"skew_ms": self._skew_ms}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._skew_ms, self._all_right = state["skew_ms"], None
