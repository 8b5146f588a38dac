"""One paho-mqtt client per device, with its own id, connection and will: live mode and load.

A device connects with its first message (its birth), because the will names the boot. From then on
it hears what is said to it. The broker itself publishes a will when a connection is lost.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any

import msgspec
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from broker.link import address
from broker.link.client import KEEP_ALIVE_S, acknowledge_at_once
from broker.link.port import Downlinks, LinkLost, Packet, check_sizes
from broker.wire import codec, topics
from broker.wire.messages import Will

DEVICES_MAX = 200
"""Each device has a thread and a socket; more belong on one connection per site."""
PATIENCE_S = 30.0


class _Boot(msgspec.Struct):
    """The part of any uplink that names the connection's will."""

    boot: int


_boot = msgspec.json.Decoder(_Boot)


class _Device:
    """One client. paho's thread calls back; the event loop is told thread-safely."""

    def __init__(
        self,
        place: address.Address,
        site: str,
        device: str,
        *,
        client_prefix: str,
        filters: Sequence[str],
        on_packet: Callable[[Packet], None],
    ) -> None:
        self._place, self._site, self._device = place, site, device
        self._client_id = f"{client_prefix}{device}"
        self._filters, self._on_packet = filters, on_packet
        self._loop = asyncio.get_running_loop()
        self._client: Client | None = None
        self._boot, self._connection = -1, 0
        self._up: asyncio.Future[None] = self._loop.create_future()
        self._lock = threading.Lock()
        self._flying: dict[int, asyncio.Future[None]] = {}
        self._early: set[int] = set()

    async def publish(self, packets: Sequence[Packet]) -> None:
        """Publish in order; a boot that is new connects anew, with a will of its own."""
        for boot, of_boot in groupby(packets, key=_boot_of):
            if boot is not None and boot != self._boot:
                await self.leave()
                self._boot, self._connection = boot, 0
            if self._client is None:
                await self._connect()
            await asyncio.gather(*self._send(of_boot))

    def _send(self, packets: Iterable[Packet]) -> list[asyncio.Future[None]]:
        assert self._client is not None
        waits = []
        for packet in packets:
            wait: asyncio.Future[None] = self._loop.create_future()
            number = self._client.publish(
                packet.topic, packet.payload, qos=1, retain=packet.retain
            ).mid
            with self._lock:
                if number in self._early:
                    self._early.discard(number)
                    wait.set_result(None)
                else:
                    self._flying[number] = wait
            waits.append(wait)
        return waits

    def _new_will(self, client: Client) -> None:
        self._connection += 1
        will = Will(device=self._device, boot=max(self._boot, 0), seq=-self._connection)
        client.will_set(topics.uplink(self._site, will), codec.encode(will), qos=1)

    async def _connect(self) -> None:
        client = Client(CallbackAPIVersion.VERSION2, client_id=self._client_id, clean_session=False)
        if self._place.username is not None:
            client.username_pw_set(self._place.username, self._place.password)
        client.reconnect_delay_set(min_delay=1, max_delay=2)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_message, client.on_publish = self._on_message, self._on_publish
        client.on_subscribe = self._on_subscribe
        self._new_will(client)
        self._up = self._loop.create_future()
        client.connect_async(self._place.host, self._place.port, keepalive=KEEP_ALIVE_S)
        self._client = client
        client.loop_start()
        await self._up

    async def leave(self) -> None:
        """Say goodbye: no will is published. Publishes under way raise LinkLost."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)
            with self._lock:
                flying, self._flying = self._flying, {}
            for wait in (self._up, *flying.values()):
                self._tell(
                    wait,
                    LinkLost(
                        f"the connection {self._client_id!r} to the broker at {self._place.url} "
                        "was closed; what the broker has not acknowledged may be lost"
                    ),
                )

    async def cut(self) -> None:
        """Lose the connection without a goodbye, as in a power cut: the broker sends the will."""
        client, self._client = self._client, None
        if client is not None:
            client.on_disconnect = None
            # The thread must be told to stop first, or it would connect again; the dead socket
            # then wakes it, which spares the second that paho would sleep on.
            stopping = threading.Thread(target=client.loop_stop)
            stopping.start()
            sock = client.socket()
            if isinstance(sock, socket.socket):
                with suppress(OSError):  # it was dead already
                    sock.shutdown(socket.SHUT_RDWR)
            await asyncio.to_thread(stopping.join)

    async def taken_over(self) -> None:
        """Lose the session to a rival that leaves at once, and come back; nothing without one."""
        if self._client is None:
            return
        self._up = self._loop.create_future()
        there: asyncio.Future[None] = self._loop.create_future()
        rival = Client(CallbackAPIVersion.VERSION2, client_id=self._client_id, clean_session=False)
        if self._place.username is not None:
            rival.username_pw_set(self._place.username, self._place.password)
        rival.on_connect = lambda *_: self._tell(there, None)
        rival.connect_async(self._place.host, self._place.port, keepalive=KEEP_ALIVE_S)
        rival.loop_start()
        try:
            await there
        finally:
            rival.disconnect()
            await asyncio.to_thread(rival.loop_stop)
        await self._up

    # On paho's thread.

    def _on_connect(
        self,
        client: Client,
        _data: Any,  # noqa: ANN401 - paho's own
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._tell(self._up, LinkLost(f"the broker at {self._place.url} refuses: {reason}"))
            return
        client.subscribe([(name, 1) for name in self._filters])

    def _on_subscribe(self, *_args: object) -> None:
        self._tell(self._up, None)

    def _on_disconnect(
        self,
        client: Client,
        _data: Any,  # noqa: ANN401 - paho's own
        _flags: DisconnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        # paho connects again by itself, and publishes again what was not acknowledged.
        self._new_will(client)

    def _on_message(self, client: Client, _data: Any, message: MQTTMessage) -> None:  # noqa: ANN401
        self._arm(client)
        packet = Packet(message.topic, bytes(message.payload))
        self._loop.call_soon_threadsafe(self._on_packet, packet)

    def _on_publish(self, client: Client, _data: object, number: int, *_more: object) -> None:
        self._arm(client)
        with self._lock:
            wait = self._flying.pop(number, None)
            if wait is None:  # before publish() could say which number it got
                self._early.add(number)
                return
        self._tell(wait, None)

    def _arm(self, client: Client) -> None:
        sock = client.socket()
        if isinstance(sock, socket.socket):
            acknowledge_at_once(sock)

    def _tell(self, wait: asyncio.Future[None], error: Exception | None) -> None:
        def tell() -> None:
            if not wait.done():
                wait.set_result(None) if error is None else wait.set_exception(error)

        self._loop.call_soon_threadsafe(tell)


def _boot_of(packet: Packet) -> int | None:
    try:
        return _boot.decode(packet.payload).boot
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # a corrupted payload is sent on the connection that there is


class PerDeviceLink:
    """The devices' end with real ids and wills (port: :class:`broker.link.port.DeviceLink`).

    Args:
        url: ``mqtt://host:port``.
        devices: The devices of each site.
        client_prefix: Begins the client ids, ``<prefix><device>``.
        patience_s: How long a publish call may wait for a broker that is away.

    Raises:
        ValueError: If there are more than ``DEVICES_MAX`` devices, or one stands twice.
    """

    def __init__(
        self,
        url: str,
        devices: Mapping[str, Sequence[str]],
        *,
        client_prefix: str = "",
        patience_s: float = PATIENCE_S,
    ) -> None:
        names = [device for of_site in devices.values() for device in of_site]
        if len(names) > DEVICES_MAX:
            raise ValueError(
                f"{len(names)} devices are too many for one client each; allowed: up to "
                f"{DEVICES_MAX}, or --clients site"
            )
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"a client id per device needs ids of their own; twice: {twice}")
        self._place = address.parse(url)
        self._names = {site: tuple(of_site) for site, of_site in devices.items()}
        self._prefix, self._patience_s = client_prefix, patience_s
        self._devices: dict[str, _Device] = {}
        self._error: Exception | None = None

    async def open(self, sites: Sequence[str], on_downlink: Downlinks) -> None:
        """Get ready; each device connects when it first speaks.

        Raises:
            ValueError: If a site has no devices here.
        """
        if unknown := [site for site in sites if site not in self._names]:
            raise ValueError(f"no devices are known of {unknown}; known: {list(self._names)}")

        def hear(packet: Packet) -> None:
            try:
                on_downlink(packet)
            except Exception as error:  # noqa: BLE001 - raised to who publishes
                self._error = error

        for site in sites:
            for device in self._names[site]:
                filters = [topics.down_of_device(site, device)]
                if not self._devices:
                    filters.append(topics.DOWN_BROADCAST)
                self._devices[device] = _Device(
                    *(self._place, site, device),
                    client_prefix=self._prefix,
                    filters=filters,
                    on_packet=hear,
                )

    async def publish(self, packets: Sequence[Packet]) -> None:
        """Publish, each packet on its device's connection (see the port for the promises).

        Raises:
            ValueError: If a topic names a device that was not opened; nothing was sent then.
        """
        if self._error is not None:
            raise self._error
        check_sizes(packets)
        by_device: dict[str, list[Packet]] = {}
        for packet in packets:
            place = topics.parse(packet.topic)
            if place is None or place.device not in self._devices:
                raise ValueError(f"{packet.topic}: not a topic of an open device")
            by_device.setdefault(place.device, []).append(packet)
        try:
            async with asyncio.timeout(self._patience_s):
                async with asyncio.TaskGroup() as group:
                    for device, its in by_device.items():
                        group.create_task(self._devices[device].publish(its))
        except TimeoutError as error:
            raise LinkLost(
                f"the broker at {self._place.url} is lost; waited {self._patience_s:g} s for it"
            ) from error
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors

    async def cut(self, device: str) -> None:
        """Lose one device's connection without a goodbye; it connects again when it next speaks."""
        await self._devices[device].cut()

    async def take_over(self, device: str) -> None:
        """Let another client connect under a device's id; returns when the device is back.

        The broker throws the device out; its client connects again, and publishes again what was
        not acknowledged.

        Raises:
            LinkLost: If the rival or the device does not get through in time.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                await self._devices[device].taken_over()
        except TimeoutError as error:
            raise LinkLost(
                f"the session of {device} at {self._place.url} was not taken over and back "
                f"within {self._patience_s:g} s"
            ) from error

    async def close(self) -> None:
        """Say goodbye for every device; safe to call twice."""
        devices, self._devices = self._devices, {}
        await asyncio.gather(*(device.leave() for device in devices.values()))
