"""The address under load, and the rule that nobody loads a foreign machine by accident."""

from __future__ import annotations

import ipaddress

from broker.link.address import Address
from broker.link.address import parse as parse_address
from loadtests.errors import BadRequest

DEFAULT = "mqtt://127.0.0.1:1883"


def parse(url: str, *, i_may_load: str | None = None) -> Address:
    """Read ``mqtt://[user:password@]host[:port]``.

    Args:
        url: The broker under load.
        i_may_load: Name of the one host beyond this machine that the caller may load.

    Raises:
        BadRequest: If it is no such address, or leads off this machine without leave.
    """
    try:
        address = parse_address(url)
    except ValueError as error:
        raise BadRequest([str(error)]) from error
    if not is_loopback(address.host) and address.host != i_may_load:
        problem = (
            f"target {address.host} is not this machine, and a load test can harm it."
            f" If you are allowed to, say so by name: --i-may-load {address.host}"
        )
        raise BadRequest([problem])
    return address


def is_loopback(host: str) -> bool:
    """Whether ``host`` can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
