"""The sensors of a fleet with what is wrong with them: from truth to readings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from twins.core.packing import Room
from twins.core.pending import PendingTable
from twins.core.sensor_faults import SensorFaults
from twins.core.sensors import Columns, Readings, Sensors
from twins.core.truth import TruthLedger
from twins.core.twin import Build, Manifest


class Sensing:
    """See :class:`Sensors` and :class:`SensorFaults`."""

    def __init__(
        self,
        *,
        key: str,
        manifest: Manifest,
        build: Build,
        pending: PendingTable,
        ledger: TruthLedger,
    ) -> None:
        signals = manifest.signals
        self._names = tuple(signals)
        self._values = np.empty((len(signals), len(build.devices)))
        self._sensors = Sensors(
            signals, build.devices, build.streams, report_every_ms=build.report_every_ms
        )
        self.faults = SensorFaults(
            key=key,
            signals=signals,
            devices=build.devices,
            streams=build.streams,
            pending=pending,
            ledger=ledger,
            report_every_ms=build.report_every_ms,
            random=build.random_faults,
        )

    def read(
        self, truth: Columns | Iterable[Columns], report: int, now_ms: int, room: Room
    ) -> Readings:
        """What the devices measure of ``truth`` (see :meth:`Sensors.read`); quanta go to ``room``.

        Readings are good until the next ones.
        """
        self.faults.reports(now_ms)
        readings = self._sensors.read(
            truth, report, at_ms=now_ms, wrong=self.faults.wrong(), room=room, into=self._values
        )
        self.faults.said(readings.values)
        return readings

    def adjust(self, now_ms: int, device: int, signal: str | None) -> None:
        """Somebody calibrated the sensors of a device, or the one of ``signal``."""
        channel = None if signal is None else self._names.index(signal)
        self._sensors.adjust(device, channel)
        self.faults.adjust(now_ms, device, channel)

    def dump(self) -> dict[str, Any]:
        """What changes."""
        return {"sensors": self._sensors.dump(), "faults": self.faults.dump()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._sensors.load(state["sensors"])
        self.faults.load(state["faults"])
