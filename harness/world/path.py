"""The way of messages from the devices to the broker: encoded, counted, handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from broker.ledger import DeliveryLedger
from broker.link.port import DeviceLink, Packet
from broker.wire import codec, topics
from harness.world.downlinks import Inbox
from harness.world.port import Sent


class Path:
    """The devices' end of the link, with the ledger of what went over it."""

    def __init__(self, link: DeviceLink, inbox: Inbox) -> None:
        self._link, self._inbox = link, inbox
        self.ledger = DeliveryLedger()

    async def open(self, sites: Sequence[str]) -> None:
        """Connect and listen."""
        await self._link.open(sites, self._inbox.on_packet)

    async def close(self) -> None:
        """Free every socket; safe to call twice."""
        await self._link.close()

    @property
    def delivered(self) -> Mapping[str, int]:
        """Per site, the distinct messages that the broker has."""
        return self.ledger.delivered

    async def send(self, messages: Sent, now_ms: int) -> tuple[Sent, Sequence[Any]]:
        """Send what devices made by now; returns what reached the broker, and the verdicts."""
        del now_ms
        ledger, uplink, encode = self.ledger, topics.uplink, codec.encode
        packets = [Packet(uplink(site, m), encode(m)) for site, m in messages]
        for site, message in messages:
            ledger.produced(site, message)
        if packets:
            await self._link.publish(packets)
        for site, message in messages:
            ledger.handed(site, message)
        return messages, ()

    def snapshot(self) -> dict[str, Any]:
        """Its state as plain data."""
        return {"ledger": self.ledger.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what the snapshot was taken of."""
        self.ledger.restore(state["ledger"])
