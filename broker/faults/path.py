"""The way from simulated devices to the broker, with its faults, in simulated time.

Faults apply to application messages before they reach a link, so that memory and MQTT behave the
same. Time is an argument; chance comes from named streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from broker.faults.flow import Flow, Out
from broker.faults.state import PathState, Remembered
from broker.faults.verdict import Fault, Streams, VerdictRecord
from broker.ledger import DeliveryLedger, Run, runs_of
from broker.link.patience import wait_at_most
from broker.link.port import MAX_PAYLOAD_BYTES, DeviceLink, Packet
from broker.wire import codec, topics
from broker.wire.messages import Birth, Downlink, TelemetryBatch, Uplink


class Sent(NamedTuple):
    """What became of one :meth:`FaultyLink.send`."""

    packets: int
    """How many packets the broker has acknowledged."""
    records: list[VerdictRecord]
    """What the faults decided, in order, for the trace hash."""


class FaultyLink:
    """Wraps the devices' end of a link for a driver that knows the simulated time.

    Args:
        inner: The link that carries bytes.
        faults: What goes wrong, and when; more can be added while it runs.
        ledger: Told of all that is produced, dropped and handed over.
        streams: Gives a new generator by name (``twins.core.streams``).
        payload_bytes_max: Batches are split to stay below.
        take_over: Takes the session of a device's own connection over, where it has one.
    """

    def __init__(
        self,
        inner: DeviceLink,
        *,
        faults: Iterable[Fault] = (),
        ledger: DeliveryLedger,
        streams: Streams,
        payload_bytes_max: int = MAX_PAYLOAD_BYTES,
        take_over: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._take_over = take_over
        self._inner, self._ledger, self._memory = inner, ledger, Remembered(streams)
        self._faults: dict[str, Fault] = {}
        self._flow = Flow(self._faults, ledger, self._memory)
        self._payload_bytes_max = payload_bytes_max
        self._now_ms = -1
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
        calm = self._flow.calm(since_ms, now_ms)
        runs = runs_of(messages) if calm and payloads else None
        if runs is not None and max(map(len, payloads)) <= self._payload_bytes_max:
            return await self._send_runs(messages, payloads, runs)
        for site, message in messages:
            self._ledger.produced(site, message)
        if calm:
            for site, message in messages:
                self._flow.note_presence(site, message)
            outs = [Out(site, message) for site, message in messages]
        else:
            outs, records = self._flow.through(messages, since_ms, now_ms)
        sized = [(out, payload) for whole in outs for out, payload in self._fitting(whole)]
        if sized:
            await self._inner.publish(
                [
                    Packet(
                        topics.uplink(out.site, out.message), data, isinstance(out.message, Birth)
                    )
                    for out, data in sized
                ]
            )
            for out, data in sized:
                if out.spoilt is None:
                    self._ledger.handed(out.site, out.message, late=out.late)
                else:
                    topic = topics.uplink(out.site, out.message)
                    self._ledger.handed_raw(out.site, topic, data)
        await self._have_taken_over()
        return Sent(len(sized), records)

    async def _send_runs(
        self,
        messages: Sequence[tuple[str, Uplink]],
        payloads: Sequence[bytes],
        runs: Sequence[Run],
    ) -> Sent:
        """Send reports as they are: nothing is wrong, nothing too long."""
        self._ledger.produced_runs(runs)
        for site, first, _ in runs:
            self._flow.note_presence(site, first)
        names = [topics.telemetry(site, message.device) for site, message in messages]
        await self._inner.publish(list(map(Packet, names, payloads)))
        self._ledger.handed_runs(runs)
        return Sent(len(names), [])

    async def _have_taken_over(self) -> None:
        """Let it really happen, where devices have connections of their own."""
        devices, self._flow.taken_over = self._flow.taken_over, []
        if self._take_over is not None:
            for device in devices:
                await self._take_over(device)

    def _fitting(self, out: Out) -> Iterator[tuple[Out, bytes]]:
        """Encode, a batch in as many parts as the payload limit asks for."""
        if out.spoilt is not None:
            yield out, out.spoilt
            return
        payload = codec.encode(out.message)
        message = out.message
        if (
            len(payload) <= self._payload_bytes_max
            or not isinstance(message, TelemetryBatch)
            or len(message.samples) == 1
        ):
            yield out, payload
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
        await self._until(lambda: self._reached.keys() >= set(command_ids), within_s)
        return set(command_ids).difference(self._reached)

    async def any_downlink(self, within_s: float) -> bool:
        """Wait until something is there to be taken, at most ``within_s`` seconds of wall time."""
        await self._until(lambda: bool(self._inbox), within_s)
        return bool(self._inbox)

    async def _until(self, holds: Callable[[], bool], within_s: float) -> None:
        async def come() -> None:
            while not holds():
                self._arrival.clear()
                await self._arrival.wait()

        if holds():
            return
        coming = asyncio.create_task(come())
        try:
            await wait_at_most(coming, within_s)
        finally:
            coming.cancel()

    def take_downlinks(self, now_ms: int) -> list[tuple[str, Downlink]]:
        """Give what devices hear at this time, each message once, in an order that is no accident.

        What is said to a device that is cut off stays here until it is back. The site of a
        broadcast is ``topics.ALL``.
        """
        heard: dict[tuple[str, str], Downlink] = {}
        waiting = []
        for site, message in self._inbox:
            if message.device is not None and self._flow.cut_off(
                site, message.device, now_ms, "down"
            ):
                waiting.append((site, message))
            else:
                heard[site, message.command_id] = message
        self._inbox = waiting
        return [(site, message) for (site, _), message in sorted(heard.items(), key=_by_key)]

    # State.

    def next_due_ms(self) -> int | None:
        """When the path next does something by itself: a will, or the return of devices.

        What is merely on its way arrives with the first step that ends after its time.
        """
        times = [held.until_ms for held in self._flow.held if held.where == "device"]
        times += [at_ms for fault in self._faults.values() for at_ms in fault.will_times_ms()]
        return min((at_ms for at_ms in times if at_ms > self._now_ms), default=None)

    def snapshot(self) -> PathState:
        """All that is remembered, the ledger too; not the faults, which a scenario gives again."""
        state = PathState(
            now_ms=self._now_ms,
            held=list(self._flow.held),
            presences=dict(sorted(self._flow.presences.items())),
            inbox=list(self._inbox),
            reached=list(self._reached),
            draws=self._memory.positions(),
            numbers=self._memory.numbers(),
            ledger=self._ledger.snapshot(),
        )
        return _copied(state)

    def restore(self, state: PathState) -> None:
        """Become what the snapshot was taken of; the faults must be the same ones."""
        state = _copied(state)
        self._now_ms = state.now_ms
        self._flow.held, self._flow.presences = state.held, state.presences
        self._inbox, self._reached = state.inbox, dict.fromkeys(state.reached)
        self._memory.restore(state.draws, state.numbers)
        self._ledger.restore(state.ledger)


def _copied(state: PathState) -> PathState:
    """A copy that shares nothing with the running path."""
    return msgspec.json.decode(msgspec.json.encode(state), type=PathState)


def _by_key(item: tuple[tuple[str, str], Downlink]) -> tuple[str, str]:
    return item[0]
