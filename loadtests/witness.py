"""An independent subscriber: counts what the broker delivers, for targets without a DPS to ask.

It runs as a process of its own (``python -m loadtests.witness``), answers each line on stdin with
one of JSON on stdout, and ends when its stdin closes. It shares no counting code with the ledger.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from itertools import groupby
from typing import IO, Annotated, cast

import msgspec
from msgspec import Meta
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from broker.link.address import Address
from broker.link.address import parse as parse_address
from broker.wire import topics

KEEP_ALIVE_S = 60
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class Say(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of the witness."""

    ready: bool = False
    devices: dict[str, dict[int, list[tuple[int, int]]]] = {}
    reordered: int = 0
    foreign: int = 0
    """Packets of other boots, or none of ours."""
    error: str = ""


class _Key(msgspec.Struct):
    """What of a message the witness wants to know; it reads nothing else."""

    device: str
    boot: int
    seq: Annotated[int, Meta(ge=0)] | None = None
    samples: list[_Sample] = []


class _Sample(msgspec.Struct):
    seq: Annotated[int, Meta(ge=0)]


_decoder = msgspec.json.Decoder(_Key)


class Tally:
    """How often each number of each device came, and how many came after a later one.

    Args:
        boot: The only boot that counts.
    """

    def __init__(self, boot: int) -> None:
        self._boot = boot
        self._counts: dict[str, bytearray] = {}
        self.reordered = self.foreign = 0

    def add(self, payload: bytes) -> None:
        """Count one packet."""
        try:
            key = _decoder.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.foreign += 1
            return
        seqs = [sample.seq for sample in key.samples] or ([] if key.seq is None else [key.seq])
        if key.boot != self._boot or not seqs:
            self.foreign += 1
            return
        counts = self._counts.setdefault(key.device, bytearray())
        for seq in seqs:
            if seq >= len(counts):
                counts.extend(bytes(seq + 1 - len(counts)))
            elif seq < len(counts) - 1 and counts[seq] == 0:
                self.reordered += 1
            counts[seq] = min(counts[seq] + 1, 255)

    def say(self) -> Say:
        """All ranges; a number that came n times stands in n of them."""
        return Say(
            devices={
                device: {self._boot: list(_ranges(counts))}
                for device, counts in self._counts.items()
            },
            reordered=self.reordered,
            foreign=self.foreign,
        )


def _ranges(counts: bytearray) -> Iterator[tuple[int, int]]:
    first = 0
    for times, run in groupby(counts):
        length = sum(1 for _ in run)
        for _ in range(times):
            yield (first, first + length - 1)
        first += length


class _Subscriber:
    """The MQTT side: a session that survives a lost connection, and is removed at the end."""

    def __init__(self, address: Address, tally: Tally, name: str) -> None:
        self._address, self._tally, self._name = address, tally, name
        self.lock = threading.Lock()
        self._answered = threading.Event()
        self._refused = ""
        self._socket: socket.socket | None = None
        self._client = self._new(clean=False)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_socket_open = self._on_socket_open

    def _new(self, *, clean: bool) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._name,
            clean_session=clean,
            protocol=paho.MQTTv311,
        )
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        return client

    def _on_connect(
        self, client: paho.Client, _user: object, _flags: object, reason: ReasonCode, _props: object
    ) -> None:
        if reason.is_failure:
            self._refused = f"refused: {reason}"
            self._answered.set()
        else:
            client.subscribe(topics.UP_ALL, qos=1)

    def _on_subscribe(
        self, _client: object, _user: object, _id: int, reasons: list[ReasonCode], _props: object
    ) -> None:
        if reasons[0].is_failure:
            self._refused = f"subscription refused: {reasons[0]}"
        self._answered.set()

    def _on_socket_open(self, _client: object, _user: object, sock: object) -> None:
        self._socket = cast("socket.socket", sock)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_message(self, _client: object, _user: object, message: paho.MQTTMessage) -> None:
        if _QUICKACK is not None and self._socket is not None:
            # A broker with a window (rumqttd: 100) and Nagle's algorithm would else stand still for
            # 40 ms again and again, and hold the devices back: we must not be what is measured.
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        with self.lock:
            self._tally.add(bytes(message.payload))

    def open(self, within_s: float) -> str:
        """Subscribe; returns what went wrong, or nothing."""
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=KEEP_ALIVE_S)
        except OSError as error:
            return error.strerror or str(error)
        self._client.loop_start()
        if not self._answered.wait(within_s):
            return f"no answer to the subscription within {within_s:g} s"
        return self._refused

    def close(self) -> None:
        """Leave, and leave no session behind."""
        self._client.disconnect()
        self._client.loop_stop()
        cleaner = self._new(clean=True)
        cleaner.on_connect = lambda client, *_: client.disconnect()
        try:
            cleaner.connect(self._address.host, self._address.port, keepalive=KEEP_ALIVE_S)
        except OSError:
            return  # the broker is gone, and the session with it
        cleaner.loop_forever(retry_first_connection=False)


def serve(url: str, *, boot: int, name: str, within_s: float, asks: IO[str], says: IO[str]) -> int:
    """Subscribe, then answer each line of ``asks`` with the tally, until they end."""
    tally = Tally(boot)
    subscriber = _Subscriber(parse_address(url), tally, name)
    problem = subscriber.open(within_s)
    _write(says, Say(ready=not problem, error=problem))
    if problem:
        return 4
    for _ in asks:
        with subscriber.lock:
            said = tally.say()
        _write(says, said)
    subscriber.close()
    return 0


def _write(says: IO[str], what: Say) -> None:
    says.write(msgspec.json.encode(what).decode() + "\n")
    says.flush()


if __name__ == "__main__":
    _url, _boot, _name, _within_s = sys.argv[1:]
    sys.exit(
        serve(
            _url,
            boot=int(_boot),
            name=_name,
            within_s=float(_within_s),
            asks=sys.stdin,
            says=sys.stdout,
        )
    )
