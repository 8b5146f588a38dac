"""From what leaves a fleet's devices to messages of the wire, in the order in which they leave."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, starmap

import numpy as np

from broker.wire.messages import (
    Birth,
    CommandAck,
    Sample,
    Signal,
    Telemetry,
    TelemetryBatch,
    Uplink,
    Will,
)
from broker.wire.reports import NOT_MEASURED, shape_of
from twins.core.device import Ack, Held
from twins.core.fleet import Fleet, Report
from twins.core.sending import Sending
from twins.products import catalog

BATCH_SAMPLES_MAX = 500
"""Samples in one batch: about 150 KB of JSON, well below the broker's 1 MiB."""

Sent = list[tuple[str, Uplink]]
"""(site, message)."""


_Leaving = tuple[int, str, int, tuple[str, Uplink]]
"""When it leaves, its device, a running number, (site, message): in this order things leave."""


class Post:
    """Collects what leaves the devices of a world until it is handed out."""

    def __init__(self) -> None:
        self._leaving: list[_Leaving] = []
        self._lost: Sent = []
        self._number = count()
        self._sites: dict[Fleet, list[str]] = {}
        """The site of each device of a fleet."""

    def hear(self, report: Report) -> None:
        """Turn one report of a fleet into messages; NaN means not measured, hence absent."""
        fleet = report.fleet
        values = report.values.tolist()
        devices, channels = np.nonzero(np.isnan(report.values))
        for index, channel in zip(devices.tolist(), channels.tolist(), strict=True):
            values[index][channel] = NOT_MEASURED
        signals = starmap(shape_of(fleet.signal_names).signals, values)
        at = report.stamps.tolist(len(values))
        sites = self._sites.get(fleet)
        if sites is None:
            every = range(len(fleet.index))
            sites = self._sites[fleet] = [fleet.site_of(index) for index in every]
        rows = zip(
            sites, fleet.index, fleet.side.boots(), report.seqs.tolist(), at, signals, strict=True
        )
        made: list[tuple[str, Uplink]] = [
            (site, Telemetry(device=device, boot=boot, seq=seq, at_ms=stamp, signals=measured))
            for site, device, boot, seq, stamp, measured in rows
        ]
        self._lost += [made[index] for index in report.lost.tolist()]
        if report.leave is not None:
            made = [made[index] for index in np.flatnonzero(report.leave).tolist()]
        self._leave(report.at_ms, made)

    def _leave(self, at_ms: int, pairs: Sent) -> None:
        self._leaving += [(at_ms, pair[1].device, next(self._number), pair) for pair in pairs]

    def send(self, fleet: Fleet, sending: Sending) -> None:
        """Turn what leaves one device by itself into a message."""
        at_ms, index, boot = sending.at_ms, sending.device, sending.boot
        device, site = fleet.build.devices[index], fleet.site_of(index)
        message: Uplink
        if sending.what == "birth":
            message = birth(fleet, device)
        elif sending.what == "will":
            message = Will(device=device, boot=boot, seq=-sending.number, at_ms=at_ms)
        elif sending.what == "ack":
            assert sending.ack is not None
            message = acknowledgement(device, sending.ack)
        elif sending.what == "gone":
            self._lost += [
                (site, Telemetry(device=device, boot=boot, seq=gone.seq, at_ms=at_ms, signals={}))
                for gone in sending.reports
            ]
            return
        elif len(sending.reports) == 1:
            [held] = sending.reports
            signals = present(fleet.signal_names, held.values)
            message = Telemetry(
                device=device, boot=boot, seq=held.seq, at_ms=held.at_ms, signals=signals
            )
        else:
            [message] = batches(fleet, device, boot, sending.reports)
        self._leave(at_ms, [(site, message)])

    def answer(self, at_ms: int, answers: Sent) -> None:
        """Take what a device answers when it hears again."""
        self._leave(at_ms, answers)

    def take(self) -> tuple[Sent, list[int], Sent]:
        """Hand out messages, the moments in which they left (ascending), and what was lost."""
        leaving, self._leaving = self._leaving, []
        lost, self._lost = self._lost, []
        leaving.sort()
        return [one[3] for one in leaving], [one[0] for one in leaving], lost


def birth(fleet: Fleet, device: str) -> Birth:
    """What a device says it is, in its present boot."""
    index, side = fleet.index[device], fleet.side
    product = catalog()[fleet.manifest.id]
    born_ms = side.born_ms(index)
    return Birth(
        device=device,
        boot=side.boot(index),
        at_ms=fleet.build.start_ms if born_ms is None else born_ms,
        product=product.id,
        model=product.model,
        serial=f"SN-{device}",
        firmware=fleet.obedience.updates.version(index),
        signals={
            name: Signal(unit=signal.unit, min=signal.min, max=signal.max, title=signal.title)
            for name, signal in product.signals.items()
        },
    )


def acknowledgement(device: str, ack: Ack) -> CommandAck:
    """What became of a command."""
    return CommandAck(
        device=device,
        boot=ack.boot,
        seq=ack.seq,
        at_ms=ack.at_ms,
        command_id=ack.command_id,
        status=ack.status,
        detail=ack.detail,
    )


def batches(fleet: Fleet, device: str, boot: int, reports: Sequence[Held]) -> list[TelemetryBatch]:
    """Reports that waited, in as few batches as their bound allows."""
    names = fleet.signal_names
    samples = [
        Sample(seq=held.seq, at_ms=held.at_ms, signals=present(names, held.values))
        for held in reports
    ]
    return [
        TelemetryBatch(device=device, boot=boot, samples=samples[at : at + BATCH_SAMPLES_MAX])
        for at in range(0, len(samples), BATCH_SAMPLES_MAX)
    ]


def present(names: Sequence[str], row: Sequence[float]) -> dict[str, float]:
    """A row as signals by name, without those that are NaN (which alone differs from itself)."""
    pairs = zip(names, row, strict=True)
    return {name: value for name, value in pairs if value == value}  # noqa: PLR0124
