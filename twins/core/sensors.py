"""From truth to what a sensor says, for all devices at once.

Order of effects (twins reference, section 3): truth, lag, bias, drift, noise, stuck or spike, range
clip, quantum, sample. What follows (timestamp, buffer, network) is the device's side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.manifest import SignalSpec
from twins.core.streams import Streams

Columns = NDArray[np.float64]
Spoil = Callable[[Columns, int], None]
"""Lets broken sensors act on readings ``(n, channels)`` of a report, in place."""

BLOCK = 64
"""Reports per block of a device's noise stream."""
SLOW_MEMORY = 0.85
"""AR1 coefficient of slow noise from report to report (twins reference, section 2: 0.85)."""
YEAR_S = 365.25 * 86_400.0


class Sensors:
    """The sensors of a fleet, columns of shape ``(n, channels)``.

    A device's noise comes from one stream for all its channels, in float32 blocks of ``BLOCK``
    reports; report ``j`` always takes row ``j``, whatever happened before. An effect that no
    channel has costs nothing.
    """

    def __init__(
        self,
        signals: Mapping[str, SignalSpec],
        devices: Sequence[str],
        streams: Streams,
        *,
        report_every_ms: int = 600_000,
    ) -> None:
        specs = list(signals.values())
        self._devices, self._streams = tuple(devices), streams
        every_s = report_every_ms / 1000.0

        def column(name: str) -> Columns:
            return np.array([float(getattr(spec, name)) for spec in specs])

        per_reading = 1.0 / np.sqrt(column("samples"))
        self._noise, self._noise_rel = column("noise") * per_reading, column("noise_rel")
        self._noise_rel *= per_reading
        self._min, self._max, self._steps = column("min"), column("max"), column("steps_per_unit")
        draws = [
            streams.open(f"sensor/bias/{device}").standard_normal(2 * len(specs))
            for device in devices
        ]
        drawn = np.array(draws).reshape(len(devices), 2, len(specs))
        self._bias = drawn[:, 0] * column("bias")
        bias_rel = drawn[:, 1] * column("bias_rel")
        self._gain = bias_rel if column("bias_rel").any() else None
        self._slow_noise(column, every_s)
        self._drifting(column, every_s)
        lag_s = column("lag_s")
        self._lag_at = np.flatnonzero(lag_s)
        self._lag_gain = -np.expm1(-every_s / lag_s[self._lag_at])
        self._lagged = np.full((len(devices), len(self._lag_at)), np.nan)
        self._sample_ms = np.maximum(np.rint(column("sample_s") * 1000.0), 1.0).astype(np.int64)
        self._hold_at = np.flatnonzero(self._sample_ms > report_every_ms)
        self._sample_number = np.full(len(self._hold_at), -1, dtype=np.int64)
        self._sampled = np.full((len(devices), len(self._hold_at)), np.nan)
        self._block_number = -1
        self._block = np.empty((0, 0, 0), dtype=np.float32)

    def _slow_noise(self, column: Callable[[str], Columns], every_s: float) -> None:
        rel, absolute, tau_s = column("slow_rel"), column("slow"), column("slow_tau_s")
        at = self._slow_at = np.flatnonzero((rel > 0.0) | (absolute > 0.0))
        own = tau_s[at] > 0.0
        memory = np.where(own, np.exp(-every_s / np.where(own, tau_s[at], 1.0)), SLOW_MEMORY)
        self._slow_memory, self._slow_push = memory, np.sqrt(1.0 - memory**2)
        self._slow_rel, self._slow_abs = rel[at], absolute[at]
        self._slow = np.zeros((len(self._devices), len(at)))

    def _drifting(self, column: Callable[[str], Columns], every_s: float) -> None:
        rel, absolute = column("drift_rel"), column("drift")
        at = self._drift_at = np.flatnonzero((rel > 0.0) | (absolute > 0.0))
        self._drift_push = np.sqrt(every_s / YEAR_S)
        self._drift_rel, self._drift_abs = rel[at], absolute[at]
        self._drift = np.zeros((len(self._devices), len(at)))

    def read(
        self, truth: Columns, report: int, *, at_ms: int = 0, spoil: Spoil | None = None
    ) -> Columns:
        """What the sensors say at report number ``report`` (from 0, one after another).

        Args:
            truth: True values, shape ``(n, channels)``; NaN where nothing was measured.
            report: Running number; row of the noise streams.
            at_ms: When that is (for channels that sample more seldom than they report).
            spoil: What broken sensors make of it, before range and quantum.

        Returns:
            Measured values, shape ``(n, channels)``, on the quantum of each channel.
        """
        row = self._row(report)
        channels = len(self._steps)
        if len(self._lag_at):
            truth = self._lag(truth)
        seen = truth * self._noise_rel
        seen += self._noise
        seen *= row[:, :channels]
        seen += truth
        seen += self._bias
        if self._gain is not None:
            seen += truth * self._gain
        if len(self._drift_at):
            self._drift += self._drift_push * row[:, channels + len(self._slow_at) :]
            seen[:, self._drift_at] += self._drift * (
                self._drift_abs + self._drift_rel * truth[:, self._drift_at]
            )
        if len(self._slow_at):
            end = channels + len(self._slow_at)
            self._slow *= self._slow_memory
            self._slow += self._slow_push * row[:, channels:end]
            seen[:, self._slow_at] += self._slow * (
                self._slow_abs + self._slow_rel * truth[:, self._slow_at]
            )
        if spoil is not None:
            spoil(seen, report)
        np.maximum(seen, self._min, out=seen)
        np.minimum(seen, self._max, out=seen)
        seen *= self._steps
        np.rint(seen, out=seen)
        seen /= self._steps
        if len(self._hold_at):
            self._hold(seen, at_ms)
        return seen

    def adjust(self, device: int, channel: int | None = None) -> None:
        """Somebody calibrated a device (or one channel of it): what has drifted is gone."""
        at = slice(None) if channel is None else self._drift_at == channel
        self._drift[device, at] = 0.0

    def dump(self) -> dict[str, Any]:
        """What is remembered from report to report."""
        return {
            "slow": self._slow,
            "drift": self._drift,
            "lagged": self._lagged,
            "sampled": self._sampled,
            "sample_number": self._sample_number,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._slow, self._drift, self._lagged = state["slow"], state["drift"], state["lagged"]
        self._sampled, self._sample_number = state["sampled"], state["sample_number"]

    def _lag(self, truth: Columns) -> Columns:
        """First-order response, exact over a report interval for a truth that stood still."""
        now = truth[:, self._lag_at]
        lagged = self._lagged
        lagged = np.where(np.isnan(lagged), now, lagged + self._lag_gain * (now - lagged))
        measured = ~np.isnan(now)
        self._lagged = np.where(measured, lagged, self._lagged)
        slowed = truth.copy()
        slowed[:, self._lag_at] = np.where(measured, lagged, np.nan)
        return slowed

    def _hold(self, seen: Columns, at_ms: int) -> None:
        """Channels that look more seldom than they report repeat what they saw."""
        number = at_ms // self._sample_ms[self._hold_at]
        fresh = number != self._sample_number
        self._sample_number = number
        self._sampled[:, fresh] = seen[:, self._hold_at[fresh]]
        seen[:, self._hold_at] = self._sampled

    def _row(self, report: int) -> NDArray[np.float32]:
        """Draws of this report, shape ``(n, width)``: white, then slow, then drift."""
        number, row = divmod(report, BLOCK)
        if number != self._block_number:
            width = len(self._steps) + len(self._slow_at) + len(self._drift_at)
            block = np.empty((BLOCK, len(self._devices), width), dtype=np.float32)
            for index, device in enumerate(self._devices):
                rng = self._streams.block(f"sensor/noise/{device}", number)
                block[:, index] = rng.standard_normal((BLOCK, width), dtype=np.float32)
            self._block, self._block_number = block, number
        drawn: NDArray[np.float32] = self._block[row]
        return drawn
