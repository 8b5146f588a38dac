"""Broken sensors: what they make of readings, until they recover or somebody adjusts them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.broken import NEVER, Broken, BrokenSensors, Wrong
from twins.core.device import DAY_MS
from twins.core.errors import InvalidFault
from twins.core.manifest import SignalSpec
from twins.core.pending import PendingTable, Row
from twins.core.sensor_kernel import first_zeros, uniforms
from twins.core.streams import Streams, keys
from twins.core.truth import TruthLedger

Columns = NDArray[np.float64]
HOUR_MS = 3_600_000
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
        self._span = [float(spec.max - spec.min) for spec in signals.values()]
        self._devices = tuple(devices)
        self._pending, self._ledger, self._kind = pending, ledger, f"{key}.sensor"
        self._every_ms = report_every_ms
        self._zero_share = min(ZERO_SHARE * random, 0.5)  # more is no sensor
        self._keys, self._root = keys(devices), streams.root("sensor/fault")
        # Cell of each device's next zero, counting channels from report to report; its number.
        self._zeros = np.full((2, len(devices)), NEVER)
        self._zero_root = streams.root("sensor/zero")
        self._log_share = math.log1p(-self._zero_share)
        if self._zero_share > 0.0:
            first_zeros(self._keys, self._zero_root, self._log_share, self._zeros)
        self._active = BrokenSensors(len(devices))
        self._unsure: dict[int, Broken] = {}
        """Stuck sensors that have not said yet what they stick at."""
        self._ends: dict[int, list[int]] = {}
        """Natural faults that are over with the report of a moment."""
        self._count = [0] * len(devices)
        self._numbered = 0
        self._last: Columns | None = None
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
        [draws] = self._draws([device])
        broken = self._one(now_ms, kind, device, values, named, draws=draws)
        self._begin([broken])
        if broken.until_ms < NEVER:
            name = self._devices[device]
            self._pending.add(broken.until_ms, self._kind, name, {"number": broken.number})

    def arrive(
        self, now_ms: int, arrivals: Sequence[tuple[int, str]], values: Mapping[str, Values]
    ) -> None:
        """Let natural faults begin, with a report: ``(device, kind)`` each, in their order.

        They end with a report, too, and need no row to wait for that.
        """
        draws, begun = self._draws([device for device, _ in arrivals]), []
        for (device, kind), own in zip(arrivals, draws, strict=True):
            grain_ms = self._every_ms
            broken = self._one(now_ms, kind, device, values[kind], {}, draws=own, grain_ms=grain_ms)
            if broken.until_ms < NEVER:
                self._ends.setdefault(broken.until_ms, []).append(broken.number)
            begun.append(broken)
        self._begin(begun)

    def _draws(self, devices: Sequence[int]) -> list[list[float]]:
        """Uniform draws of the faults that begin at these devices."""
        numbers = []
        for device in devices:
            self._count[device] += 1
            numbers.append(self._count[device] * DRAWS)
        draws = np.empty((len(devices), DRAWS))
        uniforms(self._keys[np.array(devices)], self._root, np.array(numbers), draws)
        drawn: list[list[float]] = draws.tolist()
        return drawn

    def _one(
        self,
        now_ms: int,
        kind: str,
        device: int,
        values: Values,
        named: Mapping[str, str],
        *,
        draws: Sequence[float],
        grain_ms: int = 1,
    ) -> Broken:
        """A fault that is about to begin; the ledger knows it already.

        It lasts ``grain_ms``, or a multiple of that.
        """
        name, normal, uniform = self._devices[device], _normal(draws[2], draws[3]), draws[4]
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
        if until_ms < NEVER:
            until_ms = now_ms - (now_ms - until_ms) // grain_ms * grain_ms
        salt = int(draws[5] * 2**31)
        broken = Broken(self._numbered, kind, device, channel, now_ms, until_ms, size, salt)
        self._numbered += 1
        told = {"signal": self._names[channel], "fault": kind}
        if kind == "sensor_swapped":
            told["with"] = self._names[other]
        self._ledger.tell(now_ms, "sensor.faulty", name, **told)
        return broken

    def _begin(self, begin: Sequence[Broken]) -> None:
        sizes = []
        for broken in begin:
            stuck = broken.kind == "sensor_stuck"
            if stuck:
                self._unsure[broken.number] = broken
            sizes.append(math.nan if stuck else broken.size)
        self._active.add_all(begin, sizes)

    def adjust(self, now_ms: int, device: int, channel: int | None = None) -> None:
        """Somebody adjusted the sensors of a device (or one of them): they work again."""
        for number in self._active.of(device, channel):
            self._end(now_ms, number)

    def reports(self, now_ms: int) -> None:
        """A report is about to be made: natural faults that were to last until now are over."""
        for number in self._ends.pop(now_ms, ()):
            self._end(now_ms, number)

    def wrong(self) -> Wrong:
        """What is wrong with the sensors in this report."""
        # A sensor that sticks before it ever spoke, or while its device is silent, sticks at what
        # it says first.
        for number, broken in list(self._unsure.items()):
            value = math.nan if self._last is None else self._last[broken.device, broken.channel]
            if not math.isnan(value):
                self._active.size(number, float(value))
                del self._unsure[number]
        return self._active.columns, (self._keys, self._zero_root, self._log_share, self._zeros)

    def said(self, values: Columns) -> None:
        """Note what the sensors said last, shape ``(n, channels)``: a stuck one repeats it."""
        self._last = values

    def dump(self) -> dict[str, Any]:
        """What changes, as plain data."""
        return {
            "active": [list(broken) for broken in self._active],
            "sizes": list(self._active.sizes().items()),
            "unsure": list(self._unsure),
            "ends": [[until_ms, numbers] for until_ms, numbers in self._ends.items()],
            "zeros": self._zeros,
            "count": self._count,
            "numbered": self._numbered,
            "last": self._last,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        sizes, unsure = dict(state["sizes"]), set(state["unsure"])
        for row in state["active"]:
            broken = Broken(*row)
            self._active.add(broken, sizes[broken.number])
            if broken.number in unsure:
                self._unsure[broken.number] = broken
        self._ends = {until_ms: list(numbers) for until_ms, numbers in state["ends"]}
        self._zeros = state["zeros"]
        self._count, self._numbered = list(state["count"]), state["numbered"]
        self._last = state["last"]

    def _channel(self, named: Mapping[str, str], param: str, drawn: int) -> int:
        return self._names.index(named[param]) if param in named else drawn

    def _size(
        self, kind: str, values: Mapping[str, float], channel: int, *, normal: float, sign: float
    ) -> float:
        span = self._span[channel]
        if kind == "sensor_spike":
            share = values["size_pct"] or sign * 10.0 * math.exp(normal)
            return min(max(share, -100.0), 100.0) / 100.0 * span
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
            return NEVER
        median_h, sigma = DROPOUT_H if kind == "sensor_dropout" else STUCK_H
        return now_ms + max(round(median_h * math.exp(sigma * normal) * HOUR_MS), 1)

    def _on_over(self, row: Row) -> None:
        self._end(row.due_ms, row.args["number"])

    def _end(self, now_ms: int, number: int) -> None:
        broken = self._active.end(number)
        if broken is None:
            return
        self._unsure.pop(number, None)
        self._ledger.tell(
            now_ms, "sensor.mended", self._devices[broken.device],
            signal=self._names[broken.channel], fault=broken.kind,
        )  # fmt: skip


def _normal(radius: float, angle: float) -> float:
    """A standard normal from two uniforms (Box and Muller)."""
    return math.sqrt(-2.0 * math.log(radius)) * math.cos(2.0 * math.pi * angle)
