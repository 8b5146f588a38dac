"""The way from simulated devices to the broker, with its faults, in simulated time.

Faults apply to application messages before they reach a link, so that memory and MQTT behave the
same. Time is an argument; chance comes from named streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec

from broker.faults.state import Draws, Held, PathState, Presence
from broker.faults.verdict import Drop, Fault, Hold, Streams, VerdictRecord
from broker.ledger import DeliveryLedger
from broker.link.port import MAX_PAYLOAD_BYTES, DeviceLink, Packet
from broker.wire import codec, topics
from broker.wire.messages import Birth, Downlink, Sample, Telemetry, TelemetryBatch, Uplink, Will

_WILL, _RELEASE, _MESSAGE = range(3)


class Sent(NamedTuple):
    """What became of one :meth:`FaultyLink.send`."""

    packets: int
    """How many packets the broker has acknowledged."""
    records: list[VerdictRecord]
    """What the faults decided, in order, for the trace hash."""


class _Out(NamedTuple):
    site: str
    message: Uplink
    late: bool


class FaultyLink:
    """Wraps the devices' end of a link for a driver that knows the simulated time.

    Args:
        inner: The link that carries bytes.
        faults: What goes wrong, and when; more can be added while it runs.
        ledger: Told of all that is produced, dropped and handed over.
        streams: Gives a new generator by name (``twins.core.streams``).
        payload_bytes_max: Batches are split to stay below.
    """

    def __init__(
        self,
        inner: DeviceLink,
        *,
        faults: Iterable[Fault] = (),
        ledger: DeliveryLedger,
        streams: Streams,
        payload_bytes_max: int = MAX_PAYLOAD_BYTES,
    ) -> None:
        self._inner, self._ledger, self._draws = inner, ledger, Draws(streams)
        self._faults: dict[str, Fault] = {}
        self._payload_bytes_max = payload_bytes_max
        self._now_ms = -1
        self._held: list[Held] = []
        self._presences: dict[str, Presence] = {}
        self._inbox: list[tuple[str, Downlink]] = []
        self._reached: dict[str, None] = {}
        self._arrival = asyncio.Event()
        self.malformed: list[str] = []
        """Why downlinks could not be read, one text each."""
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Add a fault.

        Raises:
            ValueError: If one of that name is there already.
        """
        if fault.name in self._faults:
            raise ValueError(f"two link faults are named {fault.name!r}; give each its own name")
        self._faults[fault.name] = fault

    async def open(self, sites: Sequence[str]) -> None:
        """Connect the devices."""
        await self._inner.open(sites, self._hear)

    async def close(self) -> None:
        """Disconnect; safe to call twice."""
        await self._inner.close()

    # Up.

    async def send(
        self,
        messages: Sequence[tuple[str, Uplink]],
        now_ms: int,
        payloads: Sequence[bytes] = (),
    ) -> Sent:
        """Send what the devices said since the last call, and what became due in that time.

        Due are wills of devices that are cut off, and what waited in devices that came back.

        Args:
            messages: Pairs of site and message, in the order in which they were made. One with a
                time of its own is sent at that time, others (batches, answers) at ``now_ms``.
            now_ms: The simulated time; must not go back.
            payloads: What each message is as bytes, where somebody knows already.

        Returns:
            When the broker has acknowledged everything that got through.

        Raises:
            ValueError: If time goes back.
            LinkLost: If the broker is away for too long.
        """
        if now_ms < self._now_ms:
            raise ValueError(f"time went back from {self._now_ms} ms to {now_ms} ms")
        since_ms, self._now_ms = self._now_ms, now_ms
        records: list[VerdictRecord] = []
        for site, message in messages:
            self._ledger.produced(site, message)
        if self._calm(since_ms, now_ms):
            for site, message in messages:
                self._note_presence(site, message)
            outs = [_Out(site, message, late=False) for site, message in messages]
        else:
            outs, payloads = self._through_faults(messages, since_ms, now_ms, records), ()
        payloads = payloads or [codec.encode(out.message) for out in outs]
        if any(len(payload) > self._payload_bytes_max for payload in payloads):
            outs = [part for out in outs for part in self._fitting(out)]
            payloads = [codec.encode(out.message) for out in outs]
        if outs:
            await self._inner.publish(
                [
                    Packet(topics.uplink(site, message), payload, isinstance(message, Birth))
                    for (site, message, _), payload in zip(outs, payloads, strict=True)
                ]
            )
            for site, message, late in outs:
                self._ledger.handed(site, message, late=late)
        return Sent(len(outs), records)

    def _calm(self, since_ms: int, now_ms: int) -> bool:
        return not self._held and not any(
            fault.window.from_ms <= now_ms and since_ms <= fault.window.to_ms
            for fault in self._faults.values()
        )

    def _through_faults(
        self,
        messages: Sequence[tuple[str, Uplink]],
        since_ms: int,
        now_ms: int,
        records: list[VerdictRecord],
    ) -> list[_Out]:
        """Take messages, wills and returns in the order of simulated time."""
        events: list[tuple[int, int, int, Fault | tuple[str, Uplink] | None]] = []
        for fault in self._faults.values():
            will_ms = fault.will_ms()
            if will_ms is not None and since_ms < will_ms <= now_ms:
                events.append((will_ms, _WILL, len(events), fault))
            if since_ms < fault.window.to_ms <= now_ms:
                events.append((fault.window.to_ms, _RELEASE, len(events), None))
        for site, message in messages:
            at_ms = getattr(message, "at_ms", None)
            # What bears an old time is an answer that is given now.
            sent_ms = at_ms if at_ms is not None and since_ms < at_ms <= now_ms else now_ms
            events.append((sent_ms, _MESSAGE, len(events), (site, message)))
        outs: list[_Out] = []
        for at_ms, kind, _, what in sorted(events, key=lambda event: event[:3]):
            if kind == _RELEASE:
                outs.extend(self._releases(at_ms, records))
            elif isinstance(what, tuple):
                outs.extend(self._offer(*what, at_ms, records, late=False))
            elif what is not None:
                outs.extend(self._wills(what, at_ms, records))
        return outs

    def _offer(
        self,
        site: str,
        message: Uplink,
        at_ms: int,
        records: list[VerdictRecord],
        *,
        late: bool,
    ) -> Iterator[_Out]:
        """Ask the faults; about a message that has to wait, the others are asked when it leaves."""
        if isinstance(message, Will):  # the broker says it, not the device
            self._note_presence(site, message)
            yield _Out(site, message, late)
            return
        cut = self._cut_off(site, message.device, at_ms)
        if cut is not None:
            name, until_ms = cut
            self._held.append(Held(site, message, until_ms))
            records.append(_record(at_ms, name, "hold", site, message))
            return
        for fault in self._faults.values():
            if isinstance(fault.judge(site, message.device, at_ms, self._draws), Drop):
                self._ledger.dropped(site, message)
                records.append(_record(at_ms, fault.name, "drop", site, message))
                return
        self._note_presence(site, message)
        yield _Out(site, message, late)

    def _cut_off(self, site: str, device: str, at_ms: int) -> tuple[str, int] | None:
        """Which fault cuts the device off, and until when, with those that overlap it."""
        name, until_ms = None, at_ms
        extended = True
        while extended:
            extended = False
            for fault in self._faults.values():
                if not fault.cuts_off:
                    continue
                verdict = fault.judge(site, device, until_ms, self._draws)
                if isinstance(verdict, Hold) and verdict.until_ms > until_ms:
                    name, until_ms, extended = name or fault.name, verdict.until_ms, True
        return None if name is None else (name, until_ms)

    def _note_presence(self, site: str, message: Uplink) -> None:
        """Follow what the broker knows of a device's connection."""
        device, boot = message.device, message.boot
        presence = self._presences.get(device)
        if presence is None or presence.boot != boot:
            presence = self._presences[device] = Presence(site, boot)
        if isinstance(message, Will):
            presence.online, presence.connection = False, -message.seq
        elif not presence.online:
            presence.online, presence.connection = True, presence.connection + 1

    def _wills(self, fault: Fault, at_ms: int, records: list[VerdictRecord]) -> Iterator[_Out]:
        """The broker notices that connections are gone."""
        for device, presence in sorted(self._presences.items()):
            if not (presence.online and fault.window.place(presence.site, device)):
                continue
            presence.online = False
            will = Will(device=device, boot=presence.boot, seq=-presence.connection, at_ms=at_ms)
            self._ledger.produced(presence.site, will)
            records.append(_record(at_ms, fault.name, "will", presence.site, will))
            yield _Out(presence.site, will, late=False)

    def _releases(self, at_ms: int, records: list[VerdictRecord]) -> Iterator[_Out]:
        """Devices are back: what waited in each leaves in order, reports as batches."""
        due = [held for held in self._held if held.until_ms <= at_ms]
        self._held = [held for held in self._held if held.until_ms > at_ms]
        due.sort(key=lambda held: (held.site, held.message.device))  # stable: order is kept
        for (site, _), of_device in groupby(due, key=lambda held: (held.site, held.message.device)):
            for message in _as_batches([held.message for held in of_device]):
                records.append(_record(at_ms, "", "release", site, message))
                yield from self._offer(site, message, at_ms, records, late=True)

    def _fitting(self, out: _Out) -> Iterator[_Out]:
        """A batch in as many parts as the payload limit asks for; all else as it is."""
        message = out.message
        if (
            not isinstance(message, TelemetryBatch)
            or len(message.samples) == 1
            or len(codec.encode(message)) <= self._payload_bytes_max
        ):
            yield out
            return
        middle = len(message.samples) // 2
        for part in (message.samples[:middle], message.samples[middle:]):
            batch = TelemetryBatch(device=message.device, boot=message.boot, samples=part)
            yield from self._fitting(out._replace(message=batch))

    # Down.

    def _hear(self, packet: Packet) -> None:
        try:
            message = codec.decode_downlink(packet.topic, packet.payload)
        except codec.MalformedMessage as error:
            self.malformed.append(str(error))
            return
        address = topics.parse(packet.topic)
        assert address is not None  # it was decoded
        self._inbox.append((address.site, message))
        self._reached[message.command_id] = None
        self._arrival.set()

    async def reached(self, command_ids: Collection[str], within_s: float) -> set[str]:
        """Wait until each of these commands and requests has come out of the broker.

        Returns:
            The ids that have not, after ``within_s`` seconds of wall time; empty when all have.
        """
        missing = set(command_ids).difference(self._reached)
        try:
            async with asyncio.timeout(within_s):
                while missing:
                    self._arrival.clear()
                    await self._arrival.wait()
                    missing.difference_update(self._reached)
        except TimeoutError:
            pass
        return missing

    async def any_downlink(self, within_s: float) -> bool:
        """Wait until something is there to be taken, at most ``within_s`` seconds of wall time."""
        try:
            async with asyncio.timeout(within_s):
                while not self._inbox:
                    self._arrival.clear()
                    await self._arrival.wait()
        except TimeoutError:
            return False
        return True

    def take_downlinks(self, now_ms: int) -> list[tuple[str, Downlink]]:
        """Give what devices hear at this time, each message once, in an order that is no accident.

        What is said to a device that is cut off stays here until it is back. The site of a
        broadcast is ``topics.ALL``.
        """
        heard: dict[tuple[str, str], Downlink] = {}
        waiting = []
        for site, message in self._inbox:
            if message.device is not None and self._cut_off(site, message.device, now_ms):
                waiting.append((site, message))
            else:
                heard[site, message.command_id] = message
        self._inbox = waiting
        return [(site, message) for (site, _), message in sorted(heard.items(), key=_by_key)]

    # State.

    def next_due_ms(self) -> int | None:
        """When the path next does something by itself: a will, or the return of devices."""
        times = [held.until_ms for held in self._held]
        times += [
            at_ms for fault in self._faults.values() if (at_ms := fault.will_ms()) is not None
        ]
        return min((at_ms for at_ms in times if at_ms > self._now_ms), default=None)

    def snapshot(self) -> PathState:
        """All that is remembered, the ledger too; not the faults, which a scenario gives again."""
        state = PathState(
            now_ms=self._now_ms,
            held=list(self._held),
            presences=dict(sorted(self._presences.items())),
            inbox=list(self._inbox),
            reached=list(self._reached),
            draws=self._draws.snapshot(),
            ledger=self._ledger.snapshot(),
        )
        return _copied(state)

    def restore(self, state: PathState) -> None:
        """Become what the snapshot was taken of; the faults must be the same ones."""
        state = _copied(state)
        self._now_ms = state.now_ms
        self._held, self._presences = state.held, state.presences
        self._inbox, self._reached = state.inbox, dict.fromkeys(state.reached)
        self._draws.restore(state.draws)
        self._ledger.restore(state.ledger)


def _copied(state: PathState) -> PathState:
    """A copy that shares nothing with the running path."""
    return msgspec.json.decode(msgspec.json.encode(state), type=PathState)


def _by_key(item: tuple[tuple[str, str], Downlink]) -> tuple[str, str]:
    return item[0]


def _record(at_ms: int, fault: str, verdict: str, site: str, message: Uplink) -> VerdictRecord:
    seq = message.samples[0].seq if isinstance(message, TelemetryBatch) else message.seq
    return VerdictRecord(at_ms, fault, verdict, site, message.device, message.boot, seq)


def _as_batches(messages: Sequence[Uplink]) -> Iterator[Uplink]:
    """Put neighbouring reports of one boot together; leave all else as and where it is."""
    for boot, group in groupby(messages, key=_batch_key):
        if boot is None:
            yield from group
            continue
        samples: list[Sample] = []
        device = ""
        for message in group:
            device = message.device
            if isinstance(message, TelemetryBatch):
                samples.extend(message.samples)
            elif isinstance(message, Telemetry):
                samples.append(
                    Sample(seq=message.seq, at_ms=message.at_ms, signals=message.signals)
                )
        yield TelemetryBatch(device=device, boot=boot, samples=samples)


def _batch_key(message: Uplink) -> int | None:
    return message.boot if isinstance(message, Telemetry | TelemetryBatch) else None
