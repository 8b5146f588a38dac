"""Broken sensors: what they make of readings, until they recover or somebody adjusts them."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.device import DAY_MS
from twins.core.errors import InvalidFault
from twins.core.manifest import SignalSpec
from twins.core.pending import PendingTable, Row
from twins.core.streams import Streams, keys
from twins.core.truth import TruthLedger

Columns = NDArray[np.float64]
HOUR_MS = 3_600_000
NEVER_MS = 2**62
Values = Mapping[str, float]
"""Parameters of a fault, checked."""
ZERO_SHARE = 0.00075
"""Share of rows in which a channel reads 0 by itself (M:windesheim: 15 in 20,000)."""
DROPOUT_H = (12.5, 0.93)
"""Median and log sigma of a gap: 52 of a plant historian, median 12.5 h, longest 105 h (M:dhi)."""
DRAWS = 6
"""Draws of a device's stream that belong to one fault."""
STUCK_H = (48.0, 1.0)
"""Level and pressure instruments stick for days (E, section 2)."""


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


class SensorFaults:
    """The faults of a fleet's sensors.

    Args:
        key: Distinguishes the fleet's pending rows.
        signals: Of the product, in the order of the columns.
        random: Scales natural zeros; 0 for none.
    """

    def __init__(
        self,
        *,
        key: str,
        signals: Mapping[str, SignalSpec],
        devices: Sequence[str],
        streams: Streams,
        pending: PendingTable,
        ledger: TruthLedger,
        report_every_ms: int,
        random: float = 0.0,
    ) -> None:
        self._names = tuple(signals)
        self._span = np.array([spec.max - spec.min for spec in signals.values()])
        self._devices, self._streams = tuple(devices), streams
        self._pending, self._ledger, self._kind = pending, ledger, f"{key}.sensor"
        self._every_ms = report_every_ms
        self._zero_share = min(ZERO_SHARE * random, 1.0)
        self._keys = keys(devices)
        # Cell of each device's next zero, counting channels from report to report.
        self._zero_cell = np.full(len(devices), -1, dtype=np.int64)
        self._zeros = np.zeros(len(devices), dtype=np.int64)
        self._soonest_zero = 0
        if self._zero_share > 0.0:
            self._next_zero(np.arange(len(devices)))
        self._active: dict[str, dict[int, Broken]] = {kind: {} for kind in _ACTS}
        self._kinds: dict[int, str] = {}
        self._ends: list[tuple[int, int]] = []
        self._count = [0] * len(devices)
        self._numbered = 0
        self._stuck_at: dict[int, float] = {}
        self._last: Columns | None = None
        self._plan: dict[str, tuple[Any, ...]] = {}
        self._changed: set[str] = set()
        pending.serve(self._kind, rank=1, handler=self._on_over)

    def inject(
        self,
        now_ms: int,
        kind: str,
        device: int,
        values: Mapping[str, float],
        named: Mapping[str, str],
    ) -> None:
        """Let a fault begin.

        Args:
            now_ms: When.
            kind: A name of ``SENSOR_FAULTS``.
            device: Which device.
            values: Its parameters, checked.
            named: The signals that were named; chance takes those that were not.

        Raises:
            InvalidFault: If a signal is to be swapped with itself.
        """
        [draws] = self._draws(np.array([device]))
        self._one(now_ms, kind, device, values, named, draws)

    def arrive(
        self, now_ms: int, arrivals: Sequence[tuple[int, str]], values: Mapping[str, Values]
    ) -> None:
        """Let natural faults begin, with a report: ``(device, kind)`` each, in their order.

        They end with a report, too, and need no row to wait for that.
        """
        draws = self._draws(np.array([device for device, _ in arrivals]))
        for (device, kind), drawn in zip(arrivals, draws, strict=True):
            self._one(now_ms, kind, device, values[kind], {}, drawn, natural=True)

    def _draws(self, devices: NDArray[np.int64]) -> list[list[float]]:
        """Uniform draws of a fault that begins at each of ``devices`` (one may come twice)."""
        numbers = []
        for device in devices.tolist():
            self._count[device] += 1
            numbers.append(self._count[device] * DRAWS)
        draws = np.array(numbers, dtype=np.int64) + np.arange(DRAWS)[:, None]
        drawn: list[list[float]] = self._streams.uniforms(
            "sensor/fault", self._keys[devices], draws
        ).T.tolist()
        return drawn

    def _one(  # noqa: PLR0917
        self,
        now_ms: int,
        kind: str,
        device: int,
        values: Values,
        named: Mapping[str, str],
        draws: Sequence[float],
        *,
        natural: bool = False,
    ) -> None:
        name = self._devices[device]
        normal, uniform = _normal(draws[2], draws[3]), draws[4]
        channel = self._channel(named, "signal", int(draws[0] * len(self._names)))
        other = self._channel(named, "with", int(draws[1] * len(self._names)))
        if other == channel and "with" in named:
            raise InvalidFault([f"fault {kind}: {self._names[channel]!r} is swapped with itself"])
        if other == channel:
            other = (channel + 1) % len(self._names)
        sign = 1.0 if uniform < 0.5 else -1.0
        size = self._size(kind, values, channel, normal=normal, sign=sign)
        if kind == "sensor_swapped":
            size = float(other)
        until_ms = self._until_ms(kind, now_ms, values["lasting"], normal)
        if natural and until_ms < NEVER_MS:
            until_ms = now_ms - (now_ms - until_ms) // self._every_ms * self._every_ms
        salt = int(draws[5] * 2**31)
        broken = Broken(self._numbered, kind, device, channel, now_ms, until_ms, size, salt)
        self._numbered += 1
        self._keep(broken)
        told = {"signal": self._names[channel], "fault": kind}
        if kind == "sensor_swapped":
            told["with"] = self._names[other]
        self._ledger.tell(now_ms, "sensor.faulty", name, **told)
        if natural and until_ms < NEVER_MS:
            heapq.heappush(self._ends, (until_ms, broken.number))
        elif until_ms < NEVER_MS:
            self._pending.add(until_ms, self._kind, name, {"number": broken.number})

    def adjust(self, now_ms: int, device: int, channel: int | None = None) -> None:
        """Somebody adjusted the sensors of a device (or one of them): they work again."""
        mended = [
            number
            for active in self._active.values()
            for number, broken in active.items()
            if broken.device == device and channel in (None, broken.channel)
        ]
        for number in sorted(mended):
            self._end(now_ms, number)

    def reports(self, now_ms: int) -> None:
        """A report is about to be made: natural faults that were to last until now are over."""
        while self._ends and self._ends[0][0] <= now_ms:
            self._end(now_ms, heapq.heappop(self._ends)[1])

    def spoil(self, seen: Columns, report: int, at_ms: int) -> None:
        """Let broken sensors act on the readings of a report, shape ``(n, channels)``, in place."""
        if self._changed:
            for kind in self._changed:
                self._compile(kind)
            # A sensor that sticks before it ever spoke, or while its device is silent, sticks at
            # what it says first.
            waits = len(self._stuck_at) < len(self._active["sensor_stuck"])
            self._changed = {"sensor_stuck"} if waits else set()
        for kind, act in _ACTS.items():
            if kind in self._plan:
                act(seen, at_ms, *self._plan[kind])
        if self._zero_share > 0.0:
            self._natural_zeros(seen, report)

    @property
    def any(self) -> bool:
        """Whether :meth:`spoil` would change anything."""
        return bool(self._kinds) or self._zero_share > 0.0

    def said(self, values: Columns) -> None:
        """Note what the sensors said last, shape ``(n, channels)``: a stuck one repeats it."""
        self._last = values

    def dump(self) -> dict[str, Any]:
        """What changes, as plain data."""
        return {
            "active": [
                list(self._active[kind][number]) for number, kind in sorted(self._kinds.items())
            ],
            "ends": [list(end) for end in self._ends],
            "zero_cell": self._zero_cell,
            "zeros": self._zeros,
            "count": self._count,
            "numbered": self._numbered,
            "stuck_at": [[number, value] for number, value in self._stuck_at.items()],
            "last": self._last,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for row in state["active"]:
            self._keep(Broken(*row))
        self._ends = [(until_ms, number) for until_ms, number in state["ends"]]
        self._zero_cell, self._zeros = state["zero_cell"], state["zeros"]
        self._soonest_zero = int(self._zero_cell.min())
        self._count, self._numbered = list(state["count"]), state["numbered"]
        self._stuck_at = dict(state["stuck_at"])
        self._last = state["last"]

    def _keep(self, broken: Broken) -> None:
        self._active[broken.kind][broken.number] = broken
        self._kinds[broken.number] = broken.kind
        self._changed.add(broken.kind)

    def _channel(self, named: Mapping[str, str], param: str, drawn: int) -> int:
        return self._names.index(named[param]) if param in named else drawn

    def _size(
        self, kind: str, values: Mapping[str, float], channel: int, *, normal: float, sign: float
    ) -> float:
        span = float(self._span[channel])
        if kind == "sensor_spike":
            share = values["size_pct"] or sign * 10.0 * np.exp(normal)
            return float(np.clip(share, -100.0, 100.0)) / 100.0 * span
        if kind == "sensor_bias":
            share = values["size_pct"] or sign * (2.0 + 8.0 * min(abs(normal) / 3.0, 1.0))
            return values["offset"] or share / 100.0 * span
        if kind == "sensor_drift":
            return (values["per_day"] or values["pct_per_day"] / 100.0 * span) / DAY_MS
        return values["share_pct"] / 100.0 if kind == "sensor_zero" else 0.0

    def _until_ms(self, kind: str, now_ms: int, lasting_h: float, normal: float) -> int:
        if lasting_h > 0.0:
            return now_ms + max(round(lasting_h * HOUR_MS), 1)
        if kind == "sensor_spike":
            return now_ms + self._every_ms
        if kind in ("sensor_bias", "sensor_drift", "sensor_swapped"):
            return NEVER_MS
        median_h, sigma = DROPOUT_H if kind == "sensor_dropout" else STUCK_H
        return now_ms + max(round(median_h * float(np.exp(sigma * normal)) * HOUR_MS), 1)

    def _on_over(self, row: Row) -> None:
        self._end(row.due_ms, row.args["number"])

    def _end(self, now_ms: int, number: int) -> None:
        kind = self._kinds.pop(number, None)
        if kind is None:
            return
        broken = self._active[kind].pop(number)
        self._stuck_at.pop(number, None)
        self._changed.add(kind)
        self._ledger.tell(
            now_ms, "sensor.mended", self._devices[broken.device],
            signal=self._names[broken.channel], fault=broken.kind,
        )  # fmt: skip

    def _compile(self, kind: str) -> None:
        """What faults of a kind do in every report, as columns."""
        mine = list(self._active[kind].values())
        if not mine:
            self._plan.pop(kind, None)
            return
        size = [broken.size for broken in mine]
        if kind == "sensor_stuck":
            for broken in mine:
                if broken.number not in self._stuck_at and self._last is not None:
                    value = float(self._last[broken.device, broken.channel])
                    if not math.isnan(value):
                        self._stuck_at[broken.number] = value
            size = [self._stuck_at.get(broken.number, np.nan) for broken in mine]
        which = "salt" if kind == "sensor_zero" else "from_ms"
        begun = [getattr(broken, which) for broken in mine]
        at = (
            np.array([broken.device for broken in mine]),
            np.array([broken.channel for broken in mine]),
        )
        self._plan[kind] = at, np.array(size), np.array(begun, dtype=np.int64)

    def _natural_zeros(self, seen: Columns, report: int) -> None:
        """Zeros that come by themselves: cells in which chance struck, by geometric gaps."""
        channels = len(self._names)
        end = (report + 1) * channels
        while self._soonest_zero < end:
            here = np.flatnonzero(self._zero_cell < end)
            channel = self._zero_cell[here] - report * channels
            value = seen[here, channel]
            seen[here, channel] = np.where(np.isnan(value), np.nan, 0.0)
            self._next_zero(here)

    def _next_zero(self, devices: NDArray[np.int64]) -> None:
        self._zeros[devices] += 1
        draw = self._streams.uniforms("sensor/zero", self._keys[devices], self._zeros[devices])
        gap = np.floor(np.log(draw) / np.log1p(-self._zero_share))
        self._zero_cell[devices] += 1 + gap.astype(np.int64)
        self._soonest_zero = int(self._zero_cell.min())


def _normal(radius: float, angle: float) -> float:
    """A standard normal from two uniforms (Box and Muller)."""
    return math.sqrt(-2.0 * math.log(radius)) * math.cos(2.0 * math.pi * angle)


def _uniform(salt: NDArray[np.int64], at_ms: int) -> Columns:
    """A number in [0, 1) per salt and moment: splitmix64, so that nothing has to be remembered."""
    x = salt.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(at_ms)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


_At = tuple[NDArray[np.int64], NDArray[np.int64]]


def _swapped(seen: Columns, at_ms: int, at: _At, size: Columns, begun: Columns) -> None:
    del at_ms, begun
    device, channel, other = *at, size.astype(np.int64)
    if len(set(device.tolist())) == len(device):
        seen[device, channel], seen[device, other] = seen[device, other], seen[device, channel]
        return
    for row, one, two in zip(device, channel, other, strict=True):  # one swap after the other
        seen[row, [one, two]] = seen[row, [two, one]]


def _bias(seen: Columns, at_ms: int, at: _At, size: Columns, begun: Columns) -> None:
    del at_ms, begun
    np.add.at(seen, at, size)


def _drift(seen: Columns, at_ms: int, at: _At, size: Columns, begun: Columns) -> None:
    np.add.at(seen, at, size * (at_ms - begun))


def _stuck(seen: Columns, at_ms: int, at: _At, size: Columns, begun: Columns) -> None:
    del at_ms, begun
    seen[at] = np.where(np.isnan(seen[at]) | np.isnan(size), seen[at], size)


def _zero(seen: Columns, at_ms: int, at: _At, size: Columns, salt: NDArray[np.int64]) -> None:
    hit = _uniform(salt, at_ms) < size
    seen[at] = np.where(hit & ~np.isnan(seen[at]), 0.0, seen[at])


def _dropout(seen: Columns, at_ms: int, at: _At, size: Columns, begun: Columns) -> None:
    del at_ms, begun, size
    seen[at] = np.nan


_ACTS: Mapping[str, Callable[..., None]] = {
    "sensor_swapped": _swapped,
    "sensor_bias": _bias,
    "sensor_drift": _drift,
    "sensor_stuck": _stuck,
    "sensor_spike": _bias,
    "sensor_zero": _zero,
    "sensor_dropout": _dropout,
}
"""In the order in which they act: wiring, then offsets, then what hides everything."""
