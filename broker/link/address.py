"""Where a broker is: ``mqtt://[user[:password]@]host[:port]``."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

DEFAULT_PORT = 1883


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A broker's address, taken apart. The password never shows in a text."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The address without its credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt://{host}:{self.port}"


def parse(url: str) -> Address:
    """Take a broker's URL apart.

    Raises:
        ValueError: If it is not such a URL; the text says what is wrong and what is allowed.
    """
    allowed = "allowed: mqtt://[user:password@]host[:port], for example mqtt://127.0.0.1:1883"
    try:
        parts = urlsplit(url)
        port = DEFAULT_PORT if parts.port is None else parts.port
    except ValueError as error:
        raise ValueError(f"broker URL {url!r}: {error}; {allowed}") from error
    problems = []
    if parts.scheme != "mqtt":
        problems.append(f"the scheme is {parts.scheme or 'missing'!r}, not 'mqtt'")
    if not parts.hostname:
        problems.append("the host is missing")
    if port == 0:
        problems.append("port 0 is no address of a running broker")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        problems.append("nothing may follow the port")
    if problems:
        raise ValueError(f"broker URL {url!r}: {'; '.join(problems)}; {allowed}")
    return Address(
        host=parts.hostname or "",
        port=port,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )
