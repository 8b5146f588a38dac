"""The address under load, and the rule that nobody loads a foreign machine by accident."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from loadtests.errors import BadRequest

DEFAULT = "mqtt://127.0.0.1:1883"


class Target(NamedTuple):
    """Where the broker listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address as one string."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt://{host}:{self.port}"


def parse(url: str, *, i_may_load: str | None = None) -> Target:
    """Read ``mqtt://host:port``.

    Args:
        url: The broker under load.
        i_may_load: Name of the one host beyond this machine that the caller may load.

    Raises:
        BadRequest: If it is no such address, or leads off this machine without leave.
    """
    hint = f"write it as mqtt://HOST:PORT, for instance {DEFAULT}"
    try:
        parts = urlsplit(url)
        port = parts.port or 1883
    except ValueError as error:
        raise BadRequest([f"target {url!r}: {error}; {hint}"]) from error
    if parts.scheme != "mqtt" or not parts.hostname or parts.path not in ("", "/"):
        raise BadRequest([f"target {url!r} is no broker's address; {hint}"])
    host = parts.hostname
    if not is_loopback(host) and host != i_may_load:
        raise BadRequest(
            [
                f"target {host} is not this machine; a load test can harm it. If you are allowed to,"
                f" say so by name: --i-may-load {host}"
            ]
        )
    return Target(host, port)


def is_loopback(host: str) -> bool:
    """Whether ``host`` can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
