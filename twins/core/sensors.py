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
from twins.core.noise import Noise, pieces
from twins.core.streams import Streams

Columns = NDArray[np.float64]
Spoil = Callable[[Columns, int], None]
"""Lets broken sensors act on readings ``(n, channels)`` of a report, in place."""

ONE_BY_ONE_FROM = 4096
"""Fleets from here on are worked at channel by channel."""
SLOW_MEMORY = 0.85
"""AR1 coefficient of slow noise from report to report (twins reference, section 2: 0.85)."""
YEAR_S = 365.25 * 86_400.0


class Sensors:
    """The sensors of a fleet.

    Inside, columns have shape ``(channels, n)``: whatever is done to a channel runs along devices
    that lie side by side. Noise is that of :class:`Noise`, report ``j`` always takes row ``j``,
    whatever happened before. An effect that no channel has costs nothing, and one that only some
    have is worked out for those.
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
        self._devices = len(devices)
        every_s = report_every_ms / 1000.0

        def column(name: str) -> Columns:
            return np.array([float(getattr(spec, name)) for spec in specs])

        white, of_value = column("noise"), column("noise_rel")
        at = self._noisy_at = np.flatnonzero((white > 0.0) | (of_value > 0.0))
        per_reading = 1.0 / np.sqrt(column("samples")[at])
        self._noise, self._noise_rel = _tall(white[at] * per_reading, of_value[at] * per_reading)
        self._min, self._max, self._steps = _tall(*map(column, ("min", "max", "steps_per_unit")))
        drawn = Noise(streams, "sensor/bias", devices, 2 * len(specs)).row(0).astype(np.float64)
        bias, bias_rel = _tall(column("bias"), column("bias_rel"))
        self._bias_at = np.flatnonzero(bias)
        self._bias = (drawn[: len(specs)] * bias)[self._bias_at]
        self._gain_at = np.flatnonzero(bias_rel)
        self._gain = (drawn[len(specs) :] * bias_rel)[self._gain_at]
        self._slow_noise(column, every_s)
        self._drifting(column, every_s)
        lag_s = column("lag_s")
        self._lag_at = np.flatnonzero(lag_s)
        (self._lag_gain,) = _tall(-np.expm1(-every_s / lag_s[self._lag_at]))
        self._lagged = np.full((len(self._lag_at), len(devices)), np.nan)
        self._sample_ms = np.maximum(np.rint(column("sample_s") * 1000.0), 1.0).astype(np.int64)
        self._hold_at = np.flatnonzero(self._sample_ms > report_every_ms)
        self._sample_number = np.full(len(self._hold_at), -1, dtype=np.int64)
        self._sampled = np.full((len(self._hold_at), len(devices)), np.nan)
        width = len(self._noisy_at) + len(self._slow_at) + len(self._drift_at)
        self._pieces = pieces(len(specs), len(devices))
        self._draws = Noise(streams, "sensor/noise", devices, width)

    def _slow_noise(self, column: Callable[[str], Columns], every_s: float) -> None:
        rel, absolute, tau_s = column("slow_rel"), column("slow"), column("slow_tau_s")
        at = self._slow_at = np.flatnonzero((rel > 0.0) | (absolute > 0.0))
        own = tau_s[at] > 0.0
        memory = np.where(own, np.exp(-every_s / np.where(own, tau_s[at], 1.0)), SLOW_MEMORY)
        self._slow_memory, self._slow_push = _tall(memory, np.sqrt(1.0 - memory**2))
        self._slow_rel, self._slow_abs = _tall(rel[at], absolute[at])
        self._slow = np.zeros((len(at), self._devices))

    def _drifting(self, column: Callable[[str], Columns], every_s: float) -> None:
        rel, absolute = column("drift_rel"), column("drift")
        at = self._drift_at = np.flatnonzero((rel > 0.0) | (absolute > 0.0))
        self._drift_push = np.sqrt(every_s / YEAR_S)
        self._drift_rel, self._drift_abs = _tall(rel[at], absolute[at])
        self._drift = np.zeros((len(at), self._devices))

    def read(
        self, truth: Columns, report: int, *, at_ms: int = 0, spoil: Spoil | None = None
    ) -> Columns:
        """What the sensors say at report number ``report`` (from 0, one after another).

        Args:
            truth: True values, shape ``(n, channels)``; NaN where nothing was measured. Cheapest
                if the devices of a channel lie side by side (a transposed ``(channels, n)``).
            report: Running number; row of the noise streams.
            at_ms: When that is (for channels that sample more seldom than they report).
            spoil: What broken sensors make of it, before range and quantum.

        Returns:
            Measured values, shape ``(n, channels)``, on the quantum of each channel.
        """
        true = np.ascontiguousarray(truth.T)
        row = self._draws.row(report)
        if len(self._lag_at):
            true = self._lag(true)
        seen = true.copy()
        white, slow = len(self._noisy_at), len(self._slow_at)
        _add(seen, true, self._noisy_at, row[:white], self._noise, self._noise_rel)
        if len(self._bias_at):
            seen[self._bias_at] += self._bias
        if len(self._gain_at):
            seen[self._gain_at] += true[self._gain_at] * self._gain
        if len(self._drift_at):
            self._drift += self._drift_push * row[white + slow :]
            _add(seen, true, self._drift_at, self._drift, self._drift_abs, self._drift_rel)
        if slow:
            self._slow *= self._slow_memory
            self._slow += self._slow_push * row[white : white + slow]
            _add(seen, true, self._slow_at, self._slow, self._slow_abs, self._slow_rel)
        if spoil is not None:
            spoil(seen.T, report)
        for some in self._pieces:
            _round(seen[some], self._min[some], self._max[some], self._steps[some])
        if len(self._hold_at):
            self._hold(seen, at_ms)
        return seen.T

    def adjust(self, device: int, channel: int | None = None) -> None:
        """Somebody calibrated a device (or one channel of it): what has drifted is gone."""
        at = slice(None) if channel is None else self._drift_at == channel
        self._drift[at, device] = 0.0

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

    def _lag(self, true: Columns) -> Columns:
        """First-order response, exact over a report interval for a truth that stood still."""
        now = true[self._lag_at]
        lagged = self._lagged
        lagged = np.where(np.isnan(lagged), now, lagged + self._lag_gain * (now - lagged))
        measured = ~np.isnan(now)
        self._lagged = np.where(measured, lagged, self._lagged)
        slowed = true.copy()
        slowed[self._lag_at] = np.where(measured, lagged, np.nan)
        return slowed

    def _hold(self, seen: Columns, at_ms: int) -> None:
        """Channels that look more seldom than they report repeat what they saw."""
        number = at_ms // self._sample_ms[self._hold_at]
        fresh = number != self._sample_number
        self._sample_number = number
        self._sampled[fresh] = seen[self._hold_at[fresh]]
        seen[self._hold_at] = self._sampled


def _tall(*rows: Columns) -> tuple[Columns, ...]:
    """Figures of channels, to be spread over devices: shape ``(channels, 1)``."""
    return tuple(row[:, None] for row in rows)


def _round(seen: Columns, low: Columns, high: Columns, steps: Columns) -> None:
    """Clip to the range and go to the quantum, in place."""
    np.maximum(seen, low, out=seen)
    np.minimum(seen, high, out=seen)
    seen *= steps
    np.rint(seen, out=seen)
    seen /= steps


def _add(  # noqa: PLR0917
    seen: Columns,
    true: Columns,
    at: NDArray[np.int64],
    factor: NDArray[np.floating[Any]],
    absolute: Columns,
    relative: Columns,
) -> None:
    """Add ``factor * (absolute + relative * truth)`` to the channels ``at``, in place.

    One channel after another where fleets are large, which then stay in the cache.
    """
    if seen.shape[1] < ONE_BY_ONE_FROM:
        seen[at] += factor * (absolute + relative * true[at])
        return
    for index, channel in enumerate(at.tolist()):
        size: Columns | float = float(absolute[index, 0])
        if relative[index, 0] > 0.0:
            size = relative[index, 0] * true[channel] + size
        seen[channel] += factor[index] * size
