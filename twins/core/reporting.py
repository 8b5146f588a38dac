"""Reporting on change: what a device leaves out because it has said so already.

Netvox-style (S30 of the twins reference): a signal is said again when it has moved by its
reportable change, not sooner than its min interval, and after its max interval in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.manifest import SignalSpec
from twins.core.packing import NO_ROOM, Packing
from twins.core.sensors import Readings

Columns = NDArray[np.float64]
Yes = NDArray[np.bool_]


class OnChange:
    """What the devices of a fleet said last, columns of shape ``(n, channels)``."""

    def __init__(self, signals: Sequence[SignalSpec], devices: int) -> None:
        self._packing = Packing(signals)
        quantum = np.array([1.0 / signal.steps_per_unit for signal in signals])
        wanted = np.array([float(signal.reportable_change) for signal in signals])
        # Half a quantum less, so that a step of exactly the reportable change counts.
        self._change = np.maximum(wanted, quantum) - 0.5 * quantum
        self._min_ms = np.array([signal.min_interval_s * 1000.0 for signal in signals])
        self._max_ms = np.array([signal.max_interval_s * 1000.0 for signal in signals])
        self._said = np.full((devices, len(signals)), np.nan)
        self._said_ms = np.full((devices, len(signals)), -np.inf)

    def thin(self, readings: Readings, at_ms: int, who: Yes | None) -> Readings:
        """Leave out what needs not be said: quanta in place, values in the copy that is returned.

        Args:
            readings: Of every device.
            at_ms: When.
            who: Which devices can speak, shape ``(n,)``; all if left out.
        """
        values, quanta = readings.values, readings.quanta
        since_ms = at_ms - self._said_ms
        moved = np.abs(values - self._said) >= self._change
        news = moved & (since_ms >= self._min_ms) | (since_ms >= self._max_ms)
        news |= np.isnan(self._said)
        news &= ~np.isnan(values)
        if who is not None:
            news &= who[:, None]
        np.copyto(self._said, values, where=news)
        self._said_ms[news] = at_ms
        if quanta is not NO_ROOM:
            self._packing.leave_out(quanta, ~news)
        mute = ~news.any(axis=1)
        return Readings(np.where(news, values, np.nan), quanta, mute if mute.any() else None)

    def forget(self, device: int) -> None:
        """A device booted: it says everything again."""
        self._said[device], self._said_ms[device] = np.nan, -np.inf

    def dump(self) -> dict[str, Any]:
        """What was said last, and when."""
        return {"said": self._said, "said_ms": self._said_ms}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._said, self._said_ms = state["said"], state["said_ms"]
