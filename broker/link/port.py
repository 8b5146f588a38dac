"""What a link offers to each end. ``memory`` and ``mqtt`` are the two implementations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol


class Packet(NamedTuple):
    """One application message on its way: the topic it goes to and its bytes."""

    topic: str
    payload: bytes
    retain: bool = False
    """Whether the broker keeps a copy of it for people who look in later. A service is never given
    such copies: nothing may rest on them (brokers hand out a part of them, or of a run before)."""


Downlinks = Callable[[Packet], None]
"""Called on the event loop for each packet that reaches the devices' end."""
Batches = Callable[[Sequence[Packet]], Awaitable[None]]
"""Awaited with packets in arrival order; when it returns they are stored, and get acknowledged."""


class LinkLost(Exception):  # noqa: N818
    """The broker went away and did not come back in time. The text names broker and wait."""


MAX_PAYLOAD_BYTES = 1 << 20
"""Largest payload that a link takes (1 MiB): what every broker of ours lets through."""


class PayloadTooLarge(ValueError):  # noqa: N818
    """A packet is above the limit; nothing of its publish call was sent."""


def check_sizes(packets: Sequence[Packet]) -> None:
    """Refuse packets that a broker would drop, or drop us for.

    Raises:
        PayloadTooLarge: Naming topic, size and limit of the first one.
    """
    for packet in packets:
        if len(packet.payload) > MAX_PAYLOAD_BYTES:
            raise PayloadTooLarge(
                f"{packet.topic}: a payload of {len(packet.payload):,} bytes is above the limit of "
                f"{MAX_PAYLOAD_BYTES:,}; send it as several batches"
            )


class DeviceLink(Protocol):
    """The devices' end."""

    async def open(self, sites: Sequence[str], on_downlink: Downlinks) -> None:
        """Connect (one connection per site, in order) and listen to what is said to the sites."""
        ...

    async def publish(self, packets: Sequence[Packet]) -> None:
        """Publish at QoS 1; returns when the broker has acknowledged every packet.

        Order within a site is kept. What a lost session dropped is published again.

        Raises:
            LinkLost: If the broker stays away longer than the link's ``patience_s``, or the link
                is closed meanwhile.
            PayloadTooLarge: If one payload is above the limit.
        """
        ...

    async def close(self) -> None:
        """Say goodbye and free every socket; safe to call twice."""
        ...


class ServiceLink(Protocol):
    """The service's end: a durable subscriber that acknowledges after its batch is stored."""

    async def open(self, filters: Sequence[str], on_batch: Batches) -> None:
        """Connect with a session that survives, subscribe, and hand over batches.

        A batch closes when the broker's window is full or the socket is idle. If ``on_batch``
        raises, nothing of that batch is acknowledged and the error ends the link.
        """
        ...

    async def publish(self, packets: Sequence[Packet]) -> None:
        """Publish at QoS 1; returns when the broker has acknowledged every packet."""
        ...

    async def ended(self) -> None:
        """Wait until the link has ended: returns after :meth:`close`, otherwise raises why.

        Raises:
            Exception: What ``on_batch`` raised.
            LinkLost: If the broker stays away longer than the link's ``patience_s``.
        """
        ...

    async def close(self) -> None:
        """Let a running ``on_batch`` finish, disconnect, keep the session; safe to call twice."""
        ...
