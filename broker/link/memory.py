"""A link without sockets: the same promises as over MQTT, in one event loop.

A service that is away finds its packets when it comes back; what its handler did not finish is
delivered again. Packets on topics to which nobody subscribed go nowhere.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from broker.link.filters import matches, overlap
from broker.link.port import Batches, Downlinks, LinkLost, Packet, check_sizes
from broker.wire import topics

BACKLOG_MAX = 5_000_000
"""Packets kept for one service; beyond it, publishers are told instead of the memory filled."""


class _Session:
    """What the bus keeps of a service, whether it is there or not."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.filters: tuple[str, ...] = ()
        self.backlog: deque[Sequence[Packet]] = deque()
        self.size = 0
        self.wake = asyncio.Event()
        self.link: MemoryServiceLink | None = None


class MemoryBus:
    """Stands where a broker would stand."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._routes: dict[str, _Session | None] = {}
        self._devices: list[MemoryDeviceLink] = []

    def device_link(self) -> MemoryDeviceLink:
        """Make a devices' end."""
        return MemoryDeviceLink(self)

    def service_link(self, client_id: str = "service") -> MemoryServiceLink:
        """Make a service's end; one with the same id takes over the session of the one before."""
        return MemoryServiceLink(self, client_id)

    def attach(self, link: MemoryServiceLink, filters: Sequence[str]) -> _Session:
        """Give a service its session, new or kept.

        Raises:
            ValueError: If another service holds one of these filters, or one that overlaps.
        """
        problems = [
            f"{mine!r} overlaps {theirs!r} of service {other.client_id!r}"
            for mine in filters
            for other in self._sessions.values()
            for theirs in other.filters
            if other.client_id != link.client_id and overlap(mine, theirs)
        ]
        if problems:
            raise ValueError(
                f"service {link.client_id!r} may not share filters: {'; '.join(problems)}; "
                "allowed: each service its own sites"
            )
        session = self._sessions.setdefault(link.client_id, _Session(link.client_id))
        if session.link is not None:
            session.link.taken_over()
        session.link, session.filters = link, tuple(filters)
        self._routes.clear()
        return session

    def attach_devices(self, link: MemoryDeviceLink) -> None:
        """Let a devices' end hear what is said to its sites."""
        self._devices.append(link)

    def detach_devices(self, link: MemoryDeviceLink) -> None:
        """Let it hear nothing more."""
        if link in self._devices:
            self._devices.remove(link)

    def up(self, packets: Sequence[Packet]) -> None:
        """Accept packets of devices, and wake the services that they are for."""
        check_sizes(packets)
        routes = self._routes
        batches: dict[_Session, list[Packet]] = {}
        for packet in packets:
            if packet.retain:
                packet = packet._replace(retain=False)  # noqa: PLW2901 - as it leaves a broker
            topic = packet.topic
            session = routes[topic] if topic in routes else self._route(topic)
            if session is None:
                continue
            if session in batches:
                batches[session].append(packet)
            else:
                batches[session] = [packet]
        for session, batch in batches.items():
            if session.size + len(batch) > BACKLOG_MAX:
                raise LinkLost(
                    f"service {session.client_id!r} takes nothing: {session.size:,} packets wait "
                    f"for it; the bus keeps at most {BACKLOG_MAX:,}"
                )
            session.backlog.append(batch)
            session.size += len(batch)
            session.wake.set()

    def _route(self, topic: str) -> _Session | None:
        found = None
        for session in self._sessions.values():
            if any(matches(topic_filter, topic) for topic_filter in session.filters):
                found = session
                break
        self._routes[topic] = found
        return found

    def down(self, packets: Sequence[Packet]) -> None:
        """Hand packets of a service to the devices' ends that they are for."""
        check_sizes(packets)
        for packet in packets:
            address = topics.parse(packet.topic)
            if address is not None and address.direction == "down":
                for link in list(self._devices):
                    link.hear(address.site, packet)


class MemoryDeviceLink:
    """The devices' end (port: :class:`broker.link.port.DeviceLink`)."""

    def __init__(self, bus: MemoryBus) -> None:
        self._bus = bus
        self._sites: frozenset[str] = frozenset()
        self._on_downlink: Downlinks | None = None
        self._error: Exception | None = None

    async def open(self, sites: Sequence[str], on_downlink: Downlinks) -> None:
        """Listen to what is said to the sites, and once to what is said to all."""
        self._sites, self._on_downlink = frozenset(sites), on_downlink
        self._bus.attach_devices(self)

    def hear(self, site: str, packet: Packet) -> None:
        """Take a packet if it is for one of our sites."""
        if self._on_downlink is not None and (site in self._sites or site == topics.ALL):
            try:
                self._on_downlink(packet)
            except Exception as error:  # noqa: BLE001 - told to the devices' end
                self._error = error

    async def publish(self, packets: Sequence[Packet]) -> None:
        """Hand packets over; returns when the bus has them (see the port for the promises)."""
        if self._error is not None:
            raise self._error
        self._bus.up(packets)

    async def close(self) -> None:
        """Hear nothing more."""
        self._on_downlink = None
        self._bus.detach_devices(self)


class MemoryServiceLink:
    """The service's end (port: :class:`broker.link.port.ServiceLink`)."""

    def __init__(self, bus: MemoryBus, client_id: str) -> None:
        self.client_id = client_id
        self._bus = bus
        self._session: _Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._over = asyncio.Event()
        self._error: Exception | None = None

    async def open(self, filters: Sequence[str], on_batch: Batches) -> None:
        """Take the session up and hand over what waits, one batch for each publish call."""
        self._session = self._bus.attach(self, filters)
        self._task = asyncio.create_task(self._consume(self._session, on_batch))

    async def _consume(self, session: _Session, on_batch: Batches) -> None:
        while not self._closing:
            if not session.backlog:
                session.wake.clear()
                await session.wake.wait()
                continue
            batch = session.backlog[0]
            try:
                await on_batch(batch)
            except Exception as error:  # noqa: BLE001 - told by ended() and publish()
                self._error = error
                break
            if session.link is not self:  # taken over while the handler ran
                break
            session.backlog.popleft()
            session.size -= len(batch)
        self._leave()

    def _leave(self) -> None:
        if self._session is not None and self._session.link is self:
            self._session.link = None
        self._over.set()

    def taken_over(self) -> None:
        """End at once: another link with our id has opened."""
        assert self._task is not None
        self._task.cancel()
        self._error = LinkLost(f"another service link took over the session {self.client_id!r}")
        self._leave()

    async def publish(self, packets: Sequence[Packet]) -> None:
        """Say something to devices; returns when it has reached their end."""
        if self._error is not None:
            raise self._error
        self._bus.down(packets)

    async def ended(self) -> None:
        """Wait for the end; raises why, unless the end was :meth:`close`."""
        await self._over.wait()
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """Let a running handler finish and go; the session stays. Safe to call twice."""
        self._closing = True
        if self._task is None or self._session is None:
            self._leave()
            return
        self._session.wake.set()
        if asyncio.current_task() is not self._task:
            await self._over.wait()
