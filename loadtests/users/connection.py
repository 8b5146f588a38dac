"""One device's MQTT connection: a paho client driven by gevent, no thread and no select().

paho's own loop stops without a word at file descriptor 1024 (about 340 devices); here each device's
greenlet waits on its own gevent watcher, so only the limit of open files counts.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any, cast

import gevent
from gevent import get_hub
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from broker.link.address import Address

KEEP_ALIVE_S = 60
"""rumqttd refuses 0."""
TCP_CONNECT_S = 5.0
"""How long one try for a TCP connection may take."""
_MISC_EVERY_S = 5.0
"""How often paho may look after its keep-alive."""
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class ConnectFailed(Exception):  # noqa: N818
    """The broker could not be reached, or refused; the text says why."""


class Connection:
    """A connection that is driven by the greenlet that calls :meth:`wait`.

    Args:
        client_id: MQTT client id.
        address: Broker, with credentials if it wants some.
        on_ack: Called with the packet id when a publish was acknowledged.
    """

    def __init__(self, client_id: str, *, address: Address, on_ack: Callable[[int], None]) -> None:
        self.connected = False
        self._address = address
        self._refused: str | None = None
        self._watcher: Any = None
        self._writable: Any = None
        self._misc_due_s = 0.0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv311
        )
        if address.username is not None:
            self._client.username_pw_set(address.username, address.password)
        self._client.connect_timeout = TCP_CONNECT_S
        # Our own window rules; paho's would hide unsent messages in its queue.
        self._client.max_inflight_messages_set(0)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = lambda _c, _u, packet_id, _r, _p: on_ack(packet_id)

    def _on_connect(
        self, _client: object, _user: object, _flags: object, reason: ReasonCode, _props: object
    ) -> None:
        if reason.is_failure:
            self._refused = f"refused: {reason}"
        else:
            self.connected = True

    def _on_disconnect(self, *_arguments: object) -> None:
        self.connected = False

    def open(self, *, until_s: float) -> None:
        """Connect and wait for the CONNACK. paho then sends again what was not acknowledged.

        Raises:
            ConnectFailed: If it is not there at ``until_s`` (of ``time.perf_counter``).
        """
        self._refused = None
        self._unwatch()
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=KEEP_ALIVE_S)
        except OSError as error:
            raise ConnectFailed(error.strerror or str(error)) from error
        self._watch()
        while not self.connected:
            if self._refused is not None:
                raise ConnectFailed(self._refused)
            if self._client.socket() is None:
                raise ConnectFailed("closed before CONNACK")
            if time.perf_counter() >= until_s:
                raise ConnectFailed("no CONNACK in time")
            self.wait(until_s=until_s)

    def publish(self, topic: str, payload: bytes) -> int:
        """Hand one QoS 1 message to the socket; returns its packet id.

        Call it only while ``connected``. If the connection dies meanwhile, paho keeps the message
        and sends it after the next :meth:`open`.
        """
        return self._client.publish(topic, payload, qos=1).mid

    def wait(self, *, until_s: float) -> None:
        """Let packets flow until something came in or ``until_s`` is reached; 0 only looks."""
        if self._client.socket() is None:
            self.connected = False
            return
        left_s = until_s - time.perf_counter()
        watcher = self._writable if self._client.want_write() else self._watcher
        if left_s > 0:
            with gevent.Timeout(left_s, False):
                get_hub().wait(watcher)
        else:
            gevent.sleep(0)
        self._work()

    def _work(self) -> None:
        if self._client.want_write():
            self._client.loop_write()
        if self._client.loop_read() is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            return
        sock = self._client.socket()
        if sock is None:
            return
        if _QUICKACK is not None:
            # Linux forgets it after a while. Without it, a broker that leaves Nagle's algorithm on
            # keeps small acknowledgements back for 40 ms.
            _switch_on(sock, _QUICKACK)
        now_s = time.perf_counter()
        if now_s >= self._misc_due_s:
            self._misc_due_s = now_s + _MISC_EVERY_S
            self._client.loop_misc()

    def _watch(self) -> None:
        sock = self._client.socket()
        if sock is None:
            raise ConnectFailed("closed at once")
        _switch_on(sock, socket.TCP_NODELAY)
        loop = get_hub().loop
        self._watcher = loop.io(sock.fileno(), 1)
        self._writable = loop.io(sock.fileno(), 3)

    def _unwatch(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._writable.close()
            self._watcher = None

    def close(self) -> None:
        """Say goodbye and free the socket; safe to call twice."""
        self._client.disconnect()
        if self._client.socket() is not None:
            self._client.loop_write()
            self._client.loop_misc()
        self._unwatch()


def _switch_on(sock: object, option: int) -> None:
    """Switch a TCP option on; paho's type for a socket knows no options."""
    cast("socket.socket", sock).setsockopt(socket.IPPROTO_TCP, option, 1)
