"""What every broker looks like to its user, and what a server of ours must offer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from broker.link.port import MAX_PAYLOAD_BYTES

HOST = "127.0.0.1"
"""Brokers of ours listen on loopback only."""
MAX_PACKET_BYTES = MAX_PAYLOAD_BYTES + (1 << 16)
"""Largest packet that a broker of ours takes: a full payload, and the longest topic MQTT allows."""
START_WITHIN_S = 30.0
"""A broker that does not listen by then counts as failed; 0.1 s to 0.2 s is usual."""

Kind = Literal["rumqttd", "amqtt", "mosquitto", "external"]


class BrokerError(Exception):
    """A broker could not be had. The text says what to do about it."""


class Server(Protocol):
    """A broker that is ours to start and to end."""

    keeps_sessions: bool

    def start(self, port: int) -> None:
        """Listen on ``HOST:port``; returns when connections are accepted."""
        ...

    def kill(self) -> None:
        """End at once, as in a power cut; safe to call twice."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A running broker and its address."""

    kind: Kind
    host: str
    port: int
    url: str
    keeps_sessions: bool
    """Whether it keeps QoS 1 messages for a service that is away, and delivers them again."""
    note: str = ""
    """What the reader of a run should know, e.g. which broker stands in for another."""
    server: Server | None = field(default=None, repr=False, compare=False)
    """``None`` for one that runs elsewhere."""

    def kill(self) -> None:
        """End it at once, without goodbyes; what it held in memory is gone.

        Raises:
            BrokerError: If the broker is not ours.
        """
        self._ours().kill()

    def restart(self) -> None:
        """Start it again on the same port, empty. Kills it first where it still runs.

        Raises:
            BrokerError: If the broker is not ours, or does not come up.
        """
        server = self._ours()
        server.kill()
        server.start(self.port)

    def _ours(self) -> Server:
        if self.server is None:
            raise BrokerError(
                f"the broker at {self.url} is not ours to end or restart; "
                "allowed for: embedded, rumqttd, amqtt, mosquitto"
            )
        return self.server
