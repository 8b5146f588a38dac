"""From truth to what a sensor says, for all devices at once.

Order of effects (twins reference, section 3): truth, lag, noise, bias, drift, stuck or spike, range
clip, quantum, sample. What follows (timestamp, buffer, network) is the device's side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.broken import Wrong, sound
from twins.core.manifest import SignalSpec
from twins.core.noise import NORMAL, Noise
from twins.core.packing import NO_ROOM, Packing, Room
from twins.core.sensor_kernel import FIGURES, PLACES, sense
from twins.core.streams import Streams

Columns = NDArray[np.float64]

SLOW_MEMORY = 0.85
"""AR1 coefficient of slow noise from report to report (twins reference, section 2: 0.85)."""
YEAR_S = 365.25 * 86_400.0


class Readings(NamedTuple):
    """A report of every device."""

    values: Columns
    """Shape ``(n, channels)``, on the quantum of each channel; NaN where nothing was measured."""
    quanta: Room
    """The same in quanta, where they were asked for."""
    mute: NDArray[np.bool_] | None
    """Who has nothing to say, shape ``(n,)``; nobody if ``None``."""


class Sensors:
    """The sensors of a fleet.

    Inside, columns have shape ``(channels, n)``: whatever is done to a channel runs along devices
    that lie side by side. Noise is that of :class:`Noise`, report ``j`` always takes row ``j``,
    whatever happened before. An effect that a channel does not have costs nothing.
    """

    def __init__(
        self,
        signals: Mapping[str, SignalSpec],
        devices: Sequence[str],
        streams: Streams,
        *,
        report_every_ms: int = 600_000,
    ) -> None:
        specs, n = list(signals.values()), len(devices)
        figures = _figures(specs, report_every_ms / 1000.0)
        sample_ms = np.array([spec.sample_s * 1000.0 for spec in specs])
        has = {
            "white": (figures["white"] > 0.0) | (figures["white_rel"] > 0.0),
            "slow": (figures["slow"] > 0.0) | (figures["slow_rel"] > 0.0),
            "drift": (figures["drift"] > 0.0) | (figures["drift_rel"] > 0.0),
            "lag": figures["lag"] < 1.0,
            "hold": np.maximum(np.rint(sample_ms), 1.0) > report_every_ms,
            "bias": np.array([spec.bias != 0.0 for spec in specs]),
            "gain": np.array([spec.bias_rel != 0.0 for spec in specs]),
        }
        has |= {"slow_draw": has["slow"], "drift_draw": has["drift"]}
        packing = Packing(specs)
        figures["base"] = packing.base
        self._figures = np.array([figures[name] for name in FIGURES]).T.copy()
        self._places = np.full((len(specs), len(PLACES)), -1)
        self._places[:, PLACES.index("row")] = packing.row
        self._width = packing.width
        for rows in (("white", "slow_draw", "drift_draw"), _FIXED, _STATE):
            count = 0
            for name in rows:
                at = np.flatnonzero(has[name])
                self._places[at, PLACES.index(name)] = count + np.arange(len(at))
                count += len(at)
        drawn = Noise(streams, "sensor/bias", devices, 2 * len(specs)).row(0)
        spread = np.array([[spec.bias, spec.bias_rel] for spec in specs]).T.reshape(-1, 1)
        kept = np.concatenate((has["bias"], has["gain"]))
        self._fixed = np.ascontiguousarray((drawn * spread)[kept], dtype=np.float32)
        remembered = {name: int(has[name].sum()) for name in _STATE}
        fill = np.repeat([0.0, 0.0, np.nan, np.nan], list(remembered.values()))
        self._state = np.repeat(fill[:, None], n, axis=1)
        self._drift_at = np.flatnonzero(has["drift"])
        self._drift_row = remembered["slow"]
        self._sample_ms = np.rint(sample_ms[has["hold"]]).astype(np.int64)
        self._sample_number = np.full(len(self._sample_ms), -1)
        self._fresh = np.ones(len(self._state), dtype=np.int64)
        self._keys = Noise(streams, "sensor/noise", devices, 0).keys
        self._sound = sound(n)

    def read(
        self,
        truth: Columns | Iterable[Columns],
        report: int,
        *,
        at_ms: int = 0,
        wrong: Wrong | None = None,
        room: Room | None = None,
        into: Columns | None = None,
    ) -> Readings:
        """What the sensors say at report number ``report`` (from 0, one after another).

        Args:
            truth: True values, shape ``(n, channels)``; NaN where nothing was measured. Or parts of
                that, one after another: what fits into a cache is not written to memory and read
                again.
            report: Running number; row of the noise streams.
            at_ms: When that is (for channels that sample more seldom than they report).
            wrong: With them, acting before range and quantum; nothing if left out.
            room: Where the quanta go; left out, there is no need for them.
            into: Where the readings go, shape ``(channels, n)``; new memory if left out, which
                costs more than to make them if they are many.
        """
        n, channels = len(self._keys), len(self._figures)
        room = NO_ROOM if room is None else room
        values = np.empty((channels, n)) if into is None else into
        self._places[:, _WIDTH] = -1 if room is NO_ROOM else self._width
        mute = np.empty(n, dtype=np.bool_)
        if len(self._sample_ms):
            self._look(at_ms)
        broken, nature = wrong or self._sound
        silent = first = 0
        for part in (truth,) if isinstance(truth, np.ndarray) else truth:
            flat, spacing = _flat(part)
            silent += sense(
                flat, spacing, (first, first + len(part)), self._keys, report, at_ms,
                self._figures, self._places, self._fixed, self._state, self._fresh, NORMAL,
                broken, nature, values, room, mute,
            )  # fmt: skip
            first += len(part)
        assert first == n, f"truth of {first} devices out of {n}"
        return Readings(values.T, room, mute if silent else None)

    def adjust(self, device: int, channel: int | None = None) -> None:
        """Somebody calibrated a device (or one channel of it): what has drifted is gone."""
        rows = self._drift_row + np.arange(len(self._drift_at))
        some = rows if channel is None else rows[self._drift_at == channel]
        self._state[some, device] = 0.0

    def dump(self) -> dict[str, Any]:
        """What is remembered from report to report."""
        return {"state": self._state, "sample_number": self._sample_number}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._state, self._sample_number = state["state"], state["sample_number"]

    def _look(self, at_ms: int) -> None:
        """Which channels look again, of those that do so more seldom than they report."""
        number = at_ms // self._sample_ms
        self._fresh[len(self._state) - len(number) :] = number != self._sample_number
        self._sample_number = number


_WIDTH = PLACES.index("width")
_FIXED, _STATE = ("bias", "gain"), ("slow", "drift", "lag", "hold")
"""Rows of what stays and of what is remembered, in their order."""


def _figures(specs: Sequence[SignalSpec], every_s: float) -> dict[str, Columns]:
    """What the kernel needs of each channel, columns ``(channels,)`` by its names."""

    def column(name: str) -> Columns:
        return np.array([float(getattr(spec, name)) for spec in specs])

    tau_s, lag_s = column("slow_tau_s"), column("lag_s")
    own = tau_s > 0.0
    memory = np.where(own, np.exp(-every_s / np.where(own, tau_s, 1.0)), SLOW_MEMORY)
    per_reading = 1.0 / np.sqrt(column("samples"))
    return {
        "white": column("noise") * per_reading,
        "white_rel": column("noise_rel") * per_reading,
        "slow": column("slow"),
        "slow_rel": column("slow_rel"),
        "memory": memory,
        "push": np.sqrt(1.0 - memory**2),
        "drift": column("drift"),
        "drift_rel": column("drift_rel"),
        "wander": np.full(len(specs), np.sqrt(every_s / YEAR_S)),
        "lag": np.where(lag_s > 0.0, -np.expm1(-every_s / np.where(lag_s > 0.0, lag_s, 1.0)), 1.0),
        "low": column("min"),
        "high": column("max"),
        "steps": column("steps_per_unit"),
    }


def _flat(truth: Columns) -> tuple[Columns, tuple[int, int]]:
    """The numbers in the order in which they lie, and the way to the next channel and device."""
    n, channels = truth.shape
    if truth.flags.f_contiguous:
        return truth.T.reshape(-1), (n, 1)
    return np.ascontiguousarray(truth).reshape(-1), (1, channels)
