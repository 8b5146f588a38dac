"""Gathers arriving packets into batches, and lets them be acknowledged when a batch is stored."""

from __future__ import annotations

import asyncio

from broker.link.port import Batches, Packet

WINDOW = 100
"""Packets at which a batch closes: rumqttd keeps so many unacknowledged per subscriber, then it
waits. Other brokers may have more on the way; their batches close when the socket is idle."""
_QUIET_ROUNDS = 3
"""Rounds of the event loop without a new packet that mean: nothing more is readable. Each round
polls the sockets once; a packet that was read needs one more round until it is here."""


class _Batch:
    __slots__ = ("packets", "settled")

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Batcher:
    """Sits between one connection and the service's handler.

    Args:
        on_batch: The handler.
        turn: Held while the handler runs; shared by the connections of one link.
    """

    def __init__(self, on_batch: Batches, turn: asyncio.Lock) -> None:
        self._on_batch, self._turn = on_batch, turn
        self._open = _Batch()
        self._arrived = asyncio.Event()
        self._closing = False

    async def receive(self, packet: Packet) -> None:
        """Take a packet in; returns when it is stored, or dropped with its connection."""
        batch = self._open
        batch.packets.append(packet)
        self._arrived.set()
        await batch.settled

    def drop(self) -> None:
        """Forget what no handler has seen, without storing it.

        The connection is gone or acknowledges no more, so that the broker sends it again.
        """
        batch, self._open = self._open, _Batch()
        self._arrived.clear()
        _settle(batch)

    async def run(self) -> None:
        """Hand batches over until :meth:`close`.

        Raises:
            Exception: What the handler raises; its batch stays unsettled until :meth:`drop`.
        """
        while not self._closing:
            if not self._open.packets:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            await self._until_full_or_idle()
            async with self._turn:
                # More may have come, or all been dropped, while another connection had its turn.
                if self._open.packets and not self._closing:
                    batch, self._open = self._open, _Batch()
                    # Retained copies are acknowledged in their turn and seen by nobody.
                    fresh = [packet for packet in batch.packets if not packet.retain]
                    try:
                        if fresh:
                            await self._on_batch(fresh)
                    except BaseException:
                        self._open = batch
                        raise
                    _settle(batch)

    async def _until_full_or_idle(self) -> None:
        quiet, batch = 0, self._open
        while quiet < _QUIET_ROUNDS and len(batch.packets) < WINDOW:
            before = len(batch.packets)
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(batch.packets) == before else 0

    def close(self) -> None:
        """Take no further batch; :meth:`run` returns when the one in hand is done."""
        self._closing = True
        self._arrived.set()


def _settle(batch: _Batch) -> None:
    if not batch.settled.done():
        batch.settled.set_result(None)
