"""The way of messages from the devices to the broker: the scenario's link faults on it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from broker.faults.verdict import Fault
from broker.link.port import DeviceLink, Downlinks, Packet
from broker.wire import codec
from harness.scenario.links import LinkFault, fault_of
from harness.scenario.schema import Scenario
from harness.world.port import Sent


def link_faults(scenario: Scenario) -> list[Fault]:
    """The link faults of the timeline whose time is known, named by their place in it."""
    return [
        link_fault(scenario, index, scenario.run.start + entry.at.first)
        for index, entry in enumerate(scenario.timeline)
        if isinstance(entry, LinkFault) and entry.is_planned and entry.at is not None
    ]


def link_fault(scenario: Scenario, index: int, from_ms: int) -> Fault:
    """The link fault at a place of the timeline (from 0), from a time on."""
    entry = scenario.timeline[index]
    assert isinstance(entry, LinkFault)
    number = str(index + 1) if entry.is_planned else f"{index + 1}@{from_ms}"
    return fault_of(entry, number=number, from_ms=from_ms)


class Tap:
    """A devices' end that lets the harness see what went over it last."""

    def __init__(self, inner: DeviceLink) -> None:
        self._inner = inner
        self._last: Sequence[Packet] = ()

    async def open(self, sites: Sequence[str], on_downlink: Downlinks) -> None:
        """See DeviceLink."""
        await self._inner.open(sites, on_downlink)

    async def publish(self, packets: Sequence[Packet]) -> None:
        """See DeviceLink."""
        await self._inner.publish(packets)
        self._last = packets

    async def close(self) -> None:
        """See DeviceLink."""
        await self._inner.close()

    def last(self) -> Sent:
        """The messages of the latest call that can be read, decoded; each only once."""
        packets, self._last = self._last, ()
        read = []
        for packet in packets:
            with suppress(codec.MalformedMessage):  # a fault spoilt it
                read.append(codec.decode_uplink(packet.topic, packet.payload))
        return read
