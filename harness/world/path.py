"""The way of messages from the devices to the broker: the scenario's link faults on it."""

from __future__ import annotations

from collections.abc import Sequence

from broker.faults.loss import Loss
from broker.faults.outage import Outage
from broker.faults.verdict import Fault, Window
from broker.link.port import DeviceLink, Downlinks, Packet
from broker.wire import codec
from harness.scenario.schema import LinkFault, Scenario
from harness.world.port import Sent
from harness.world.timeline import is_planned


def link_faults(scenario: Scenario) -> list[Fault]:
    """The link faults of the timeline whose time is known, named by their place in it."""
    return [
        link_fault(scenario, index, scenario.run.start + entry.at)
        for index, entry in enumerate(scenario.timeline)
        if isinstance(entry, LinkFault) and is_planned(entry) and entry.at is not None
    ]


def link_fault(scenario: Scenario, index: int, from_ms: int) -> Fault:
    """The link fault at a place of the timeline (from 0), from a time on."""
    entry = scenario.timeline[index]
    assert isinstance(entry, LinkFault)
    window = Window(
        from_ms=from_ms, to_ms=from_ms + entry.for_, site=entry.site, device=entry.device
    )
    name = f"{entry.link}-{index + 1}" + ("" if is_planned(entry) else f"@{from_ms}")
    if entry.link == "outage":
        return Outage(name=name, window=window)
    assert entry.ratio is not None  # the schema asks for it
    return Loss(name=name, window=window, ratio=entry.ratio)


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
        """The messages of the latest call, decoded; each only once."""
        packets, self._last = self._last, ()
        return [codec.decode_uplink(packet.topic, packet.payload) for packet in packets]
