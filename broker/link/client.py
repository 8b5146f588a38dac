"""One MQTT connection: gmqtt 0.8 with the traps taken out.

What is changed, and why: writes of one loop round leave as one (gmqtt writes each packet), the
Linux kernel acknowledges at once (``TCP_QUICKACK``; brokers that leave Nagle's algorithm on would
wait 40 ms otherwise), each publish is acknowledged by its number, gmqtt neither reconnects nor
forgets by itself (:mod:`broker.link.line` does both), and acknowledgements can be withheld.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import gmqtt
from gmqtt.mqtt.connection import MQTTConnection
from gmqtt.mqtt.constants import MQTTCommands, MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError
from gmqtt.mqtt.protocol import MQTTProtocol

from broker.link.address import Address
from broker.link.port import Packet

KEEP_ALIVE_S = 60
"""Above 0, which rumqttd refuses."""
ANSWER_WITHIN_S = 5.0
"""How long one attempt to connect and subscribe may take."""
LEAVE_WITHIN_S = 1.0
"""How long the last bytes of a connection may take."""
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_GRANTED_MAX = 2

# A lost connection is no news for the log: the link tells its owner.
logging.getLogger("gmqtt").addHandler(logging.NullHandler())


class Refused(Exception):  # noqa: N818
    """The broker is there and says no, for a reason that waiting does not cure."""


def acknowledge_at_once(sock: socket.socket) -> None:
    """Re-arm immediate TCP acknowledgement; Linux forgets it after use. Nothing elsewhere."""
    if _QUICKACK is not None and sock.fileno() != -1:
        sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)


class _Protocol(MQTTProtocol):  # type: ignore[misc]
    """Parses as bytes arrive, gathers writes."""

    def __init__(self, sock: socket.socket, **kwargs: Any) -> None:  # noqa: ANN401 - gmqtt's own
        super().__init__(**kwargs)
        self._sock = sock
        self._rest = b""
        self._outgoing: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        """Take in what the socket had."""
        acknowledge_at_once(self._sock)
        data = self._rest + data
        parsed = self._read_packet(data)
        if parsed < 0:  # not MQTT
            self._transport.abort()
            return
        self._rest = data[parsed:]

    def write_data(self, data: bytes) -> None:
        """Send at the end of this loop round, together with what else is to be sent."""
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self.flush)
        self._outgoing.append(data)

    def flush(self) -> None:
        """Send now."""
        if self._outgoing:
            data = b"".join(self._outgoing)
            self._outgoing.clear()
            if self._transport is not None and not self._transport.is_closing():
                super().write_data(data)
                acknowledge_at_once(self._sock)


class _Connection(MQTTConnection):  # type: ignore[misc]
    """Sends what is gathered before it closes."""

    async def close(self) -> None:
        """Close the socket, at the latest after ``LEAVE_WITHIN_S``."""
        self._protocol.flush()
        try:
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await super().close()
        except OSError:  # it was gone already, or takes nothing any more (TimeoutError)
            self._transport.abort()


class _Acknowledgements:
    """In the place of gmqtt's store of publishes in flight; the line keeps them itself."""

    is_empty = True

    def __init__(self, on_acknowledged: Callable[[int], None]) -> None:
        self.last_number = 0
        self._on_acknowledged = on_acknowledged

    def push_message(self, number: int, _raw: bytes) -> None:
        """Note the packet number that a publish got."""
        self.last_number = number

    def remove_message_by_mid(self, number: int) -> None:
        """Tell that the broker has it."""
        self._on_acknowledged(number)

    async def wait_empty(self) -> None:
        """Return at once: nothing of an earlier connection is sent again by gmqtt."""

    def clear(self) -> None:
        """Forget nothing, because nothing is kept here."""

    def get_all(self) -> list[tuple[int, bytes]]:
        """Return nothing to send again."""
        return []


class Client(gmqtt.Client):  # type: ignore[misc]
    """One connection, used once.

    Args:
        client_id: As the broker knows us.
        clean: Start without a session, and leave none.
        receive: Awaited for each message; when it returns, the message is acknowledged.
        on_acknowledged: Called with the number of each publish that the broker has.
    """

    def __init__(
        self,
        client_id: str,
        *,
        clean: bool,
        receive: Callable[[Packet], Awaitable[None]],
        on_acknowledged: Callable[[int], None],
    ) -> None:
        self._numbers = _Acknowledgements(on_acknowledged)
        super().__init__(
            client_id,
            clean_session=clean,
            optimistic_acknowledgement=False,
            persistent_storage=self._numbers,
        )
        self.lost = asyncio.Event()
        self._withheld = False
        self._receive = receive
        self._granted: asyncio.Future[Sequence[int]] = asyncio.get_running_loop().create_future()
        self.on_message = self._take
        self.on_disconnect = self._on_lost
        self.on_subscribe = self._on_subscribed

    async def establish(self, address: Address, filters: Sequence[str]) -> None:
        """Connect and subscribe.

        Raises:
            Refused: If the broker says no.
            OSError: If it is not there, or not for long.
        """
        if address.username is not None:
            self.set_auth_credentials(address.username, address.password)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._unless_lost(
                    self.connect(
                        address.host, port=address.port, keepalive=KEEP_ALIVE_S, version=MQTTv311
                    )
                )
                if filters:
                    self.subscribe([gmqtt.Subscription(name, qos=1) for name in filters])
                    await self._unless_lost(self._granted)
        except MQTTConnectError as error:
            raise Refused(str(error)) from error
        except TimeoutError as error:
            raise ConnectionError(f"no answer within {ANSWER_WITHIN_S:g} s") from error
        if filters:
            refused = [
                name
                for name, qos in zip(filters, self._granted.result(), strict=True)
                if qos > _GRANTED_MAX
            ]
            if refused:
                raise Refused(f"it refuses the subscription to {', '.join(refused)}")

    async def _unless_lost(self, step: Awaitable[Any]) -> None:
        doing, lost = asyncio.ensure_future(step), asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait({doing, lost}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise ConnectionError("it closed the connection")
            doing.result()
        finally:
            doing.cancel()
            lost.cancel()

    def send(self, packet: Packet) -> int:
        """Publish at QoS 1; returns the number under which it will be acknowledged."""
        self.publish(packet.topic, packet.payload, qos=1, retain=packet.retain)
        return self._numbers.last_number

    def withhold(self) -> None:
        """Acknowledge nothing from now on."""
        self._withheld = True

    async def leave(self) -> None:
        """Say goodbye and free the socket, whatever state it is in."""
        self._withheld = True
        await self.disconnect()
        self.lost.set()

    # What gmqtt calls.

    async def _take(
        self, _client: object, topic: str, payload: bytes, _qos: int, properties: Mapping[str, Any]
    ) -> int:
        await self._receive(Packet(topic, payload, bool(properties["retain"])))
        return 0

    def _on_lost(self, *_args: object) -> None:
        self._withheld = True
        self.lost.set()

    def _on_subscribed(
        self, _client: object, _number: int, granted: Sequence[int], _more: object
    ) -> None:
        if not self._granted.done():
            self._granted.set_result(granted)

    def _send_command_with_mid(self, cmd: int, mid: int, dup: bool, reason_code: int = 0) -> None:
        if not (self._withheld and cmd == MQTTCommands.PUBACK):
            super()._send_command_with_mid(cmd, mid, dup, reason_code)

    async def reconnect(self, delay: bool = False) -> None:
        """Do nothing: the line makes a new client."""

    async def _create_connection(
        self,
        host: str,
        port: int,
        ssl: object,
        clean_session: bool,
        keepalive: int,
    ) -> _Connection:
        del ssl  # no TLS in this link
        sock = await _open_socket(host, port)
        handler = self._package_handler
        try:
            transport, protocol = await asyncio.get_running_loop().create_connection(
                lambda: _Protocol(
                    sock,
                    connection_state=self._connection_state,
                    id_generator=handler.id_generator,
                ),
                sock=sock,
            )
        except BaseException:
            sock.close()
            raise
        return _Connection(transport, protocol, clean_session, keepalive, package_handler=handler)


async def _open_socket(host: str, port: int) -> socket.socket:
    """Connect a socket of our own: uvloop's transports let nobody set options."""
    loop = asyncio.get_running_loop()
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, proto, _, place in await loop.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        sock = socket.socket(family, kind, proto)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(sock, place)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            acknowledge_at_once(sock)
            return sock
    raise failure
