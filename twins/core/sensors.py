"""From truth to what a sensor says: bias, noise, range, quantum, for all devices at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.manifest import SignalSpec
from twins.core.streams import Streams

Columns = NDArray[np.float64]

BLOCK = 64
"""Reports per block of a device's noise stream."""
SLOW_MEMORY = 0.85
"""AR1 coefficient of slow noise from report to report (twins reference, section 2: 0.85)."""


class Sensors:
    """The sensors of a fleet, columns of shape ``(n, channels)``.

    Order of effects (twins reference, section 3): slow and white noise, bias, range, quantum. A
    device's noise comes from one stream for all its channels, in float32 blocks of ``BLOCK``
    reports; report ``j`` always takes row ``j``, whatever happened before.
    """

    def __init__(
        self, signals: Mapping[str, SignalSpec], devices: Sequence[str], streams: Streams
    ) -> None:
        specs = list(signals.values())
        self._devices, self._streams = tuple(devices), streams

        def column(name: str) -> Columns:
            return np.array([float(getattr(spec, name)) for spec in specs])

        self._noise, self._noise_rel = column("noise"), column("noise_rel")
        self._min, self._max, self._steps = column("min"), column("max"), column("steps_per_unit")
        slow = column("slow_rel")
        self._slow_at = np.flatnonzero(slow)
        self._slow_push = slow[self._slow_at] * np.sqrt(1.0 - SLOW_MEMORY**2)
        draws = [
            streams.open(f"sensor/bias/{device}").standard_normal(len(specs)) for device in devices
        ]
        self._bias = np.array(draws) * column("bias")
        # Of all channels, so that no report has to pick columns; zero where nothing is slow.
        self._slow = np.zeros((len(devices), len(specs)))
        self._block_number = -1
        self._white, self._pushes = np.empty(0), np.empty(0)

    def read(self, truth: Columns, report: int) -> Columns:
        """What the sensors say at report number ``report`` (from 0, one after another).

        Args:
            truth: True values, shape ``(n, channels)``; NaN where nothing was measured.
            report: Running number; row of the noise streams.

        Returns:
            Measured values, shape ``(n, channels)``, on the quantum of each channel.
        """
        row = self._row(report)
        self._slow *= SLOW_MEMORY
        self._slow += self._pushes[row]
        seen = truth * self._noise_rel
        seen += self._noise
        seen *= self._white[row]
        seen += truth
        seen += self._bias
        seen += truth * self._slow
        np.maximum(seen, self._min, out=seen)
        np.minimum(seen, self._max, out=seen)
        seen *= self._steps
        np.rint(seen, out=seen)
        seen /= self._steps
        return seen

    def dump(self) -> dict[str, Any]:
        """What is remembered from report to report."""
        return {"slow": self._slow[:, self._slow_at]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._slow[:, self._slow_at] = state["slow"]

    def _row(self, report: int) -> int:
        """The row of this report in its block, which is drawn if it is another than the last."""
        number, row = divmod(report, BLOCK)
        if number != self._block_number:
            channels = self._bias.shape[1]
            width = channels + len(self._slow_at)
            block = np.empty((BLOCK, len(self._devices), width), dtype=np.float32)
            for index, device in enumerate(self._devices):
                rng = self._streams.block(f"sensor/noise/{device}", number)
                block[:, index] = rng.standard_normal((BLOCK, width), dtype=np.float32)
            noise = block.astype(np.float64)
            self._white, self._block_number = noise[:, :, :channels].copy(), number
            self._pushes = np.zeros_like(self._white)
            self._pushes[:, :, self._slow_at] = self._slow_push * noise[:, :, channels:]
        return row
