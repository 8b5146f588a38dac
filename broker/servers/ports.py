"""Free ports that stay ours until the broker listens on them."""

from __future__ import annotations

import errno
import socket

from broker.servers.model import HOST, BrokerError


def reserve(port: int | None) -> socket.socket:
    """Bind, but do not listen: nobody else is given the port, and our own broker can still take it.

    Both sockets set SO_REUSEADDR, which lets the second bind as long as the first does not listen.
    Close the reservation when the broker is up.

    Args:
        port: The wanted one, or ``None`` for any free one.

    Raises:
        BrokerError: If the wanted port is taken, or not one that this user may open.
    """
    if port is not None and not 1 <= port <= 65535:
        raise BrokerError(f"broker port {port} does not exist; allowed: 1 to 65535, or none given")
    reservation = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind((HOST, port or 0))
    except OSError as error:
        reservation.close()
        raise BrokerError(_why(port, error)) from error
    return reservation


def port_of(reservation: socket.socket) -> int:
    """The port that a reservation holds."""
    number: int = reservation.getsockname()[1]
    return number


def _why(port: int | None, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {HOST} is in use by another program; stop that program, name "
            "another port with --broker-port, or leave the option out for a free one"
        )
    if error.errno == errno.EACCES:
        return f"port {port} needs administrator rights; name a port from 1024 to 65535"
    return f"no port could be opened on {HOST} for the broker: {error}"
