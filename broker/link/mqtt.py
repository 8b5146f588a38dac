"""A link over any MQTT 3.1.1 broker, with gmqtt (see :mod:`broker.link.client` for its traps)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from broker.link import address
from broker.link.batches import Batcher
from broker.link.line import Line
from broker.link.port import Batches, Downlinks, Packet, check_sizes
from broker.wire import topics

PATIENCE_S = 30.0
"""How long a link waits for a broker that went away, unless told otherwise."""
_ROUNDS_TO_ACKNOWLEDGE = 4
"""Rounds of the event loop from a stored batch to its acknowledgements in the socket: a round for
the waiting tasks, one for gmqtt's callbacks, one for the write, and one to spare."""


class MqttDeviceLink:
    """The devices' end, one connection per site (port: :class:`broker.link.port.DeviceLink`).

    Args:
        url: ``mqtt://host:port``.
        client_prefix: Begins the client ids, ``<prefix>-<site>``. Each run takes another one:
            the sessions under it hold what a service said while a connection was down.
        patience_s: How long a broker may be away.

    Raises:
        ValueError: If the URL is none.
    """

    def __init__(self, url: str, client_prefix: str, patience_s: float = PATIENCE_S) -> None:
        self._address = address.parse(url)
        self._prefix, self._patience_s = client_prefix, patience_s
        self._lines: dict[str, Line] = {}

    async def open(self, sites: Sequence[str], on_downlink: Downlinks) -> None:
        """Connect every site; what is said to all sites is heard once.

        Raises:
            LinkLost: If the broker does not come in time.
        """

        async def receive(packet: Packet) -> None:
            try:
                on_downlink(packet)
            except Exception as error:  # noqa: BLE001 - raised to who publishes
                for line in self._lines.values():
                    line.fail(error)

        for site in dict.fromkeys(sites):
            filters = [topics.down_of_site(site)]
            if not self._lines:
                filters.append(topics.DOWN_BROADCAST)
            self._lines[site] = Line(
                self._address,
                f"{self._prefix}-{site}",
                filters=filters,
                receive=receive,
                patience_s=self._patience_s,
            )
        try:
            async with asyncio.TaskGroup() as group:
                for line in self._lines.values():
                    group.create_task(line.open())
        except ExceptionGroup as errors:
            await self.close()
            raise errors.exceptions[0] from errors

    async def publish(self, packets: Sequence[Packet]) -> None:
        """Publish, each packet on its site's connection (see the port for the promises).

        Raises:
            ValueError: If a topic names a site that was not opened; nothing was sent then.
        """
        check_sizes(packets)
        by_site: dict[str, list[Packet]] = {}
        for packet in packets:
            site = packet.topic.split("/", 4)[3:4]
            if not site or site[0] not in self._lines:
                raise ValueError(
                    f"{packet.topic}: not a topic of an open site; open: {', '.join(self._lines)}"
                )
            by_site.setdefault(site[0], []).append(packet)
        if len(by_site) == 1:
            ((only, its),) = by_site.items()
            await self._lines[only].publish(its)
            return
        results = await asyncio.gather(
            *(self._lines[site].publish(its) for site, its in by_site.items()),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def close(self) -> None:
        """Say goodbye, leaving no session behind; safe to call twice."""
        lines, self._lines = self._lines, {}
        await asyncio.gather(*(line.close(forget=True) for line in lines.values()))


class MqttServiceLink:
    """The service's end (port: :class:`broker.link.port.ServiceLink`).

    Args:
        url: ``mqtt://host:port``.
        client_id: Names the session that survives; the same one after a restart.
        groups: Number of connections over which the filters are spread, in turn. A broker lets
            only so many packets be unacknowledged per connection (rumqttd 100), so more rate
            needs more of them. Packets of one filter stay in order.
        patience_s: How long a broker may be away.

    Raises:
        ValueError: If the URL is none, or ``groups`` is not positive.
    """

    def __init__(
        self, url: str, client_id: str, groups: int = 1, patience_s: float = PATIENCE_S
    ) -> None:
        if groups < 1:
            raise ValueError(f"groups is {groups}; allowed: 1 or more")
        self._address = address.parse(url)
        self._client_id, self._groups, self._patience_s = client_id, groups, patience_s
        self._lines: list[Line] = []
        self._batchers: list[Batcher] = []
        self._runs: list[asyncio.Task[None]] = []
        self._watch: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._error: BaseException | None = None

    async def open(self, filters: Sequence[str], on_batch: Batches) -> None:
        """Connect, subscribe and hand over batches, those first that waited for us.

        Raises:
            LinkLost: If the broker does not come in time.
        """
        turn = asyncio.Lock()
        for number in range(min(self._groups, len(filters))):
            batcher = Batcher(on_batch, turn)
            suffix = f"-{number + 1}" if self._groups > 1 else ""
            line = Line(
                self._address,
                self._client_id + suffix,
                filters=list(filters[number :: self._groups]),
                receive=batcher.receive,
                patience_s=self._patience_s,
                on_dropped=batcher.drop,
            )
            self._lines.append(line)
            self._batchers.append(batcher)
        self._runs = [asyncio.create_task(batcher.run()) for batcher in self._batchers]
        try:
            for line in self._lines:
                await line.open()
        except BaseException:
            await self.close()
            raise
        self._watch = asyncio.create_task(self._end_on_failure())

    async def _end_on_failure(self) -> None:
        """Wait for the first failure of a handler or a connection, and end everything."""
        ends = [asyncio.create_task(line.ended.wait()) for line in self._lines]
        try:
            await asyncio.wait([*self._runs, *ends], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        for run in self._runs:
            if run.done() and not run.cancelled() and run.exception() is not None:
                self._error = run.exception()
        for line in self._lines:
            self._error = self._error or line.error
        await self._disconnect()

    async def publish(self, packets: Sequence[Packet]) -> None:
        """Publish at QoS 1; returns when the broker has acknowledged every packet."""
        if self._error is not None:
            raise self._error
        check_sizes(packets)
        await self._lines[0].publish(packets)

    async def ended(self) -> None:
        """Wait for the end; raises why, unless the end was :meth:`close`."""
        await self._over.wait()
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """Let a running handler finish, acknowledge its batch, go; safe to call twice."""
        for batcher in self._batchers:
            batcher.close()
        me = asyncio.current_task()
        if me in self._runs:
            return  # called by the handler: the watch ends the link when the handler returns
        if self._runs:
            await asyncio.wait(self._runs)
        if self._watch is None:
            await self._disconnect()
        else:
            await self._over.wait()

    async def _disconnect(self) -> None:
        for batcher in self._batchers:
            batcher.close()
        pending = [run for run in self._runs if not run.done()]
        if pending:
            await asyncio.wait(pending)
        for _ in range(_ROUNDS_TO_ACKNOWLEDGE):
            await asyncio.sleep(0)
        for line, batcher in zip(self._lines, self._batchers, strict=True):
            line.withhold()
            batcher.drop()
        await asyncio.gather(*(line.close() for line in self._lines))
        self._over.set()
