"""What the DPS says to devices: collected as it arrives, obeyed in an order that is the same
every time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from broker.link.port import Packet
from broker.wire import codec, topics
from broker.wire.messages import Command, Downlink
from harness.errors import SutError

Told = tuple[str, Downlink]


class Inbox:
    """The devices' end of the downlink. Every id is handed out once."""

    def __init__(self) -> None:
        self._waiting: dict[str, Told] = {}
        self._seen: set[str] = set()
        self._news = asyncio.Event()

    def on_packet(self, packet: Packet) -> None:
        """Take a packet from the link.

        Raises:
            SutError: If it is none of the messages that a service may send.
        """
        try:
            message = codec.decode_downlink(packet.topic, packet.payload)
        except codec.MalformedMessage as error:
            raise SutError(f"the DPS published what no device understands: {error}") from error
        address = topics.parse(packet.topic)
        assert address is not None
        if message.command_id not in self._seen:
            self._seen.add(message.command_id)
            self._waiting[message.command_id] = (address.site, message)
        self._news.set()

    async def wait_for(self, ids: Sequence[str], within_s: float) -> None:
        """Wait until all of these have arrived.

        Raises:
            SutError: If one does not come in time.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while missing := [one for one in ids if one not in self._seen]:
            self._news.clear()
            left = deadline - loop.time()
            try:
                await asyncio.wait_for(self._news.wait(), max(left, 0.0))
            except TimeoutError:
                raise SutError(
                    f"the DPS announced {', '.join(missing)} in its answer to /v1/clock, "
                    f"but did not publish it within {within_s:g} s"
                ) from None

    async def wait_any(self, within_s: float) -> bool:
        """Wait until something is there; false if nothing came."""
        if not self._waiting:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), within_s)
            except TimeoutError:
                return False
        return True

    def take(self, announced: Sequence[str] | None) -> list[Told]:
        """What is to be obeyed now, in a fixed order.

        Commands only if they are announced (``None``: all), in that order, so that the moment
        does not depend on the wire's speed; requests for births and resends always.
        """
        order = {one: i for i, one in enumerate(announced or ())}
        ready = [
            one
            for one, (_, message) in self._waiting.items()
            if announced is None or one in order or not isinstance(message, Command)
        ]
        ready.sort(key=lambda one: (order.get(one, len(order)), one))
        return [self._waiting.pop(one) for one in ready]
