"""The wire: message types and topics, embedded brokers, links, network faults, delivery ledger.

Imports nothing of ours. Who needs a running broker calls :func:`broker.open`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from broker.servers import Broker

__all__ = ["open"]


def open(  # noqa: A001 - read as ``broker.open("embedded")``
    spec: str = "embedded", *, port: int | None = None
) -> AbstractContextManager[Broker]:
    """Give a running broker as a context manager; see :func:`broker.servers.open_broker`."""
    # Late, so that who only reads the wire does not pay for servers.
    from broker.servers import open_broker  # noqa: PLC0415

    return open_broker(spec, port=port)
