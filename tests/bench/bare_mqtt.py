"""Bare MQTT 3.1.1 over asyncio: as many reports published and received at QoS 1, nothing else.

No client library, no decoding, no store: what the broker and two sockets take in this Python.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time

from bare_loop import report

from broker.wire import codec, topics

IN_FLIGHT = 2_000
"""Published but not yet received; bounded, because rumqttd loses data when its log grows."""
QUICKACK = socket.TCP_QUICKACK if sys.platform == "linux" else None
PUBLISH_QOS1, PUBACK = 0x32, 0x40


def _length(size: int) -> bytes:
    out = bytearray()
    while True:
        size, low = divmod(size, 128)
        out.append(low | 0x80 if size else low)
        if not size:
            return bytes(out)


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _length(len(body)) + body


def publish_packet(number: int) -> bytes:
    """A QoS 1 PUBLISH of one report; packet ids go round from 1 to 65,535."""
    site, message = report(number)
    topic = topics.uplink(site, message)
    packet_id = (number % 65_535 + 1).to_bytes(2, "big")
    return _packet(PUBLISH_QOS1, _text(topic) + packet_id + codec.encode(message))


class Client(asyncio.Protocol):
    """Reads packets as they come; a PUBLISH is acknowledged at once."""

    def __init__(self, name: str) -> None:
        self.name, self.transport = name, None
        self.rest = b""
        self.received = self.acknowledged = 0
        self.waiting: list[tuple[int, asyncio.Future[bytes]]] = []
        self.progress = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        connect = _text("MQTT") + b"\x04\x02" + (60).to_bytes(2, "big") + _text(self.name)
        transport.write(_packet(0x10, connect))

    async def answer(self, kind: int) -> bytes:
        """The body of the next packet of a kind."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.waiting.append((kind, future))
        return await asyncio.wait_for(future, 10)

    def data_received(self, data: bytes) -> None:
        buffer, at, acks = self.rest + data, 0, bytearray()
        while (end := self._end(buffer, at)) is not None:
            start, stop = end
            kind = buffer[at] & 0xF0
            if kind == 0x30:
                topic_size = int.from_bytes(buffer[start : start + 2], "big")
                after = start + 2 + topic_size
                acks += b"\x40\x02" + buffer[after : after + 2]
                self.received += 1
            elif kind == PUBACK:
                self.acknowledged += 1
            else:
                self._answer(kind, buffer[start:stop])
            at = stop
        self.rest = buffer[at:]
        assert self.transport is not None
        if acks:
            self.transport.write(bytes(acks))
        if QUICKACK is not None:
            self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
        self.progress.set()

    def _answer(self, kind: int, body: bytes) -> None:
        for wanted, future in self.waiting:
            if wanted == kind and not future.done():
                future.set_result(body)
                return

    @staticmethod
    def _end(buffer: bytes, at: int) -> tuple[int, int] | None:
        """Where the body of the packet at ``at`` starts and stops; ``None``: not all there yet."""
        size = shift = 0
        for place in range(at + 1, min(at + 5, len(buffer))):
            size |= (buffer[place] & 0x7F) << shift
            shift += 7
            if not buffer[place] & 0x80:
                stop = place + 1 + size
                return (place + 1, stop) if stop <= len(buffer) else None
        return None


async def _connect(host: str, port: int, name: str) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(lambda: Client(name), host, port)
    assert (await client.answer(0x20))[1] == 0, "the broker refused the connection"
    return client


async def _run(host: str, port: int, messages: int) -> float:
    reader, writer = await _connect(host, port, "bare-in"), await _connect(host, port, "bare-out")
    assert reader.transport is not None
    assert writer.transport is not None
    reader.transport.write(_packet(0x82, b"\x00\x01" + _text(topics.UP_ALL) + b"\x01"))
    await reader.answer(0x90)
    begun, sent = time.perf_counter(), 0
    while min(reader.received, writer.acknowledged) < messages:
        room = IN_FLIGHT - (sent - min(reader.received, writer.acknowledged))
        last = min(sent + min(room, 120), messages)
        if last > sent:
            writer.transport.write(b"".join(map(publish_packet, range(sent, last))))
            sent = last
            await asyncio.sleep(0)  # Let the reader have its turn.
            continue
        reader.progress.clear()
        writer.progress.clear()
        waits = [asyncio.ensure_future(end.progress.wait()) for end in (reader, writer)]
        _, late = await asyncio.wait(waits, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert len(late) < 2, f"stalled: {sent} sent, {reader.received} received"
        for wait in late:
            wait.cancel()
    took_s = time.perf_counter() - begun
    reader.transport.close()
    writer.transport.close()
    return took_s


def bare_mqtt_s(host: str, port: int, messages: int) -> float:
    """Seconds from the first publish until all are received and acknowledged."""
    return asyncio.run(_run(host, port, messages))
