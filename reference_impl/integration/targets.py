"""Where webhooks may go: never into a private network, unless the operator says so (SSRF).

A URL is looked at when it is given, and every address that its name stands for each time before
something is sent there, because a name may come to mean another address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
ALLOWED = "https to a public address, http or https to this machine (localhost, 127.0.0.1)"
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "2002::/16", "2001::/32")))
"""IPv6 that stands for an IPv4 address (NAT64, 6to4, Teredo): it may lead anywhere."""


class Targets:
    """The policy.

    Args:
        ranges: Networks besides this machine and the public internet that may be called, such as
            ``10.20.0.0/16``; plain http is allowed there.

    Raises:
        ValueError: If one is no network.
    """

    def __init__(self, ranges: Iterable[str] = ()) -> None:
        self._ranges: tuple[Network, ...] = tuple(map(ipaddress.ip_network, ranges))

    @property
    def allowed(self) -> str:
        """In words."""
        more = ", ".join(map(str, self._ranges))
        return f"{ALLOWED}; {more}" if more else ALLOWED

    def problem_of(self, url: str) -> str | None:
        """What is wrong with a URL, before its name is looked up; None if nothing is."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            return f"is no URL: {error}"
        if parts.scheme not in ("http", "https") or not host:
            return "is no http or https URL"
        if any(c <= " " or c == "\x7f" for c in url):
            return "has a space or a control character"
        if parts.username is not None or parts.password is not None or parts.fragment:
            return "has a user, a password or a fragment"
        return self._problem_of_host(parts.scheme, host)

    def _problem_of_host(self, scheme: str, host: str) -> str | None:
        address = address_of(host)
        if address is not None:
            allowed = self.may_reach(scheme, address)
            return None if allowed else f"{address} may not be called with {scheme}"
        if scheme == "http" and host != "localhost" and not self._ranges:
            return "is http to another machine"
        return None

    def may_reach(self, scheme: str, address: Address) -> bool:
        """Whether an address may be called so."""
        mapped = getattr(address, "ipv4_mapped", None)
        plain: Address = mapped or address
        if plain.is_loopback or any(
            plain.version == network.version and plain in network for network in self._ranges
        ):
            return True
        translated = any(
            plain.version == network.version and plain in network for network in _TRANSLATED
        )
        public = plain.is_global and not plain.is_multicast and not translated
        return scheme == "https" and public


def address_of(host: str) -> Address | None:
    """The address that ``host`` writes out; None if it is a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
