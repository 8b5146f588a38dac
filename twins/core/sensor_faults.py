"""Broken sensors: what they make of readings, until they recover or somebody adjusts them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.broken import NEVER, Broken, BrokenSensors, Wrong
from twins.core.draw_kernel import DRAWS, VALUES, breaks, uniforms
from twins.core.errors import InvalidFault
from twins.core.manifest import SignalSpec
from twins.core.pending import PendingTable, Row
from twins.core.sensor_kernel import KINDS, first_zeros
from twins.core.streams import Streams, keys
from twins.core.truth import TruthLedger

Columns = NDArray[np.float64]
Values = Mapping[str, float]
"""Parameters of a fault, checked."""
PARTS = ("signal", "with")
"""Which channels of a fault may be named."""
ZERO_SHARE = 0.00075
"""Share of rows in which a channel reads 0 by itself (M:windesheim: 15 in 20,000)."""
_KIND = {kind: number for number, kind in enumerate(KINDS)}


def table(values: Mapping[str, Values]) -> Columns:
    """Parameters of faults of sensors by their kinds, shape ``(kinds, VALUES)``."""
    return np.array([[values.get(kind, {}).get(name, 0.0) for name in VALUES] for kind in KINDS])


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
        self._span = np.array([float(spec.max - spec.min) for spec in signals.values()])
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
        given = [self._names.index(named[part]) if part in named else -1 for part in PARTS]
        [begun] = self._broken(
            now_ms, [(device, kind)], table({kind: values}), np.array([given]), grain_ms=1
        )
        name = self._devices[device]
        self._tell(now_ms, begun)
        self._begin([begun[0]])
        if begun[0].until_ms < NEVER:
            self._pending.add(begun[0].until_ms, self._kind, name, {"number": begun[0].number})

    def arrive(self, now_ms: int, arrivals: Sequence[tuple[int, str]], values: Columns) -> None:
        """Let natural faults begin, with a report: ``(device, kind)`` each, in their order.

        They end with a report, too, and need no row to wait for that. ``values``: see
        :func:`table`.
        """
        nobody = np.full((len(arrivals), len(PARTS)), -1)
        begun = self._broken(now_ms, arrivals, values, nobody, grain_ms=self._every_ms)
        for one in begun:
            self._tell(now_ms, one)
            if one[0].until_ms < NEVER:
                self._ends.setdefault(one[0].until_ms, []).append(one[0].number)
        self._begin([broken for broken, _ in begun])

    def _broken(
        self,
        now_ms: int,
        faults: Sequence[tuple[int, str]],
        values: Columns,
        named: NDArray[np.int64],
        *,
        grain_ms: int,
    ) -> list[tuple[Broken, int]]:
        """Faults that are about to begin, each with its other channel.

        They last ``grain_ms``, or a multiple of that.
        """
        numbers = []
        for device, _ in faults:
            self._count[device] += 1
            numbers.append(self._count[device] * DRAWS)
        devices, kinds = [device for device, _ in faults], [_KIND[kind] for _, kind in faults]
        draws = np.empty((len(faults), DRAWS))
        uniforms(self._keys[devices], self._root, np.array(numbers), draws)
        made, sizes = np.empty((len(faults), 4), dtype=np.int64), np.empty(len(faults))
        breaks(
            draws, now_ms, self._every_ms, grain_ms, np.array(kinds), values[kinds], self._span,
            named, made, sizes,
        )  # fmt: skip
        begun, number = [], self._numbered
        for (device, kind), (channel, other, until_ms, salt), size, (_, told) in zip(
            faults, made.tolist(), sizes.tolist(), named.tolist(), strict=True
        ):
            if told == channel:
                name = self._names[channel]
                raise InvalidFault([f"fault {kind}: {name!r} is swapped with itself"])
            broken = Broken(number, kind, device, channel, now_ms, until_ms, size, salt)
            begun.append((broken, other))
            number += 1
        self._numbered = number
        return begun

    def _tell(self, now_ms: int, begun: tuple[Broken, int]) -> None:
        (_, kind, device, channel, *_), other = begun
        told = {"signal": self._names[channel], "fault": kind}
        if kind == "sensor_swapped":
            told["with"] = self._names[other]
        self._ledger.tell(now_ms, "sensor.faulty", self._devices[device], **told)

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
