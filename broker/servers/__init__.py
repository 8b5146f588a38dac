"""Brokers: the embedded ones, mosquitto where installed, and those that run elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import cast

from broker.link import address
from broker.servers import external, ports, rumqttd
from broker.servers.model import HOST, Broker, BrokerError, Kind, Server

__all__ = ["SPECS", "Broker", "BrokerError", "open_broker"]

SPECS = ("embedded", "rumqttd", "amqtt", "mosquitto")
"""What may be asked for, beside a broker's URL."""
_TRIES = 5
"""Free ports tried before giving up; one is enough unless the machine is very busy."""


def open_broker(
    spec: str = "embedded", *, port: int | None = None
) -> AbstractContextManager[Broker]:
    """Give a running broker; leaving the context ends it where it is ours.

    Args:
        spec: ``embedded`` (rumqttd, or amqtt where it has no wheel), ``rumqttd``, ``amqtt``,
            ``mosquitto``, or ``mqtt://host:port`` of one that runs elsewhere.
        port: Where a broker of ours listens, on loopback; a free one if not given.

    Raises:
        BrokerError: On entering, if it cannot be had; the text says what to do.
    """
    if "://" in spec:
        return _open_external(spec, port)
    if spec not in SPECS:
        raise BrokerError(
            f"unknown broker {spec!r}; allowed: {', '.join(SPECS)}, or a URL as mqtt://host:port"
        )
    kind, note = spec, ""
    if spec == "embedded":
        kind = "rumqttd" if rumqttd.available() else "amqtt"
        if kind == "amqtt":
            note = (
                "rumqttd has no wheel here, amqtt stands in: it is slower, and keeps nothing for "
                "a service that is away"
            )
    return _open_ours(cast("Kind", kind), port, note)


@contextmanager
def _open_external(url: str, port: int | None) -> Iterator[Broker]:
    try:
        place = address.parse(url)
    except ValueError as error:
        raise BrokerError(str(error)) from error
    if port is not None:
        raise BrokerError(
            f"--broker-port {port} is for a broker of ours; the URL {place.url} has its own port"
        )
    external.check(place)
    yield Broker(
        kind="external",
        host=place.host,
        port=place.port,
        url=url,
        keeps_sessions=True,
        note=f"the broker at {place.url} runs elsewhere; it is taken to keep sessions",
    )


def _server(kind: Kind) -> Server:
    # amqtt takes 0.2 s to import: only where it is used.
    module = import_module(f"broker.servers.{kind}")
    return cast("Server", module.AmqttServer() if kind == "amqtt" else module.server())


@contextmanager
def _open_ours(kind: Kind, port: int | None, note: str) -> Iterator[Broker]:
    server = _server(kind)
    try:
        number = _start(server, port)
        yield Broker(
            kind=kind,
            host=HOST,
            port=number,
            url=f"mqtt://{HOST}:{number}",
            keeps_sessions=server.keeps_sessions,
            note=note,
            server=server,
        )
    finally:
        server.kill()


def _start(server: Server, port: int | None) -> int:
    """Start on the wanted port, or on a free one, and again on another if that got lost."""
    for left in reversed(range(_TRIES if port is None else 1)):
        with ports.reserve(port) as reservation:
            number = ports.port_of(reservation)
            try:
                server.start(number)
            except BrokerError:
                if left == 0:
                    raise
            else:
                return number
    raise AssertionError("the last try returns or raises")
