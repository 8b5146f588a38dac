"""Ways to reach people: mail by SMTP, SMS by an HTTP gateway, or a file on this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from reference_impl.kernel.rows import Row
from reference_impl.rules.courier import Channel, Undelivered


@dataclass(frozen=True, slots=True)
class FileChannel:
    """One line of JSON per notice at the end of a file: what goes nowhere else."""

    path: Path

    async def send(self, notice: Row) -> None:
        """See Channel."""
        names = ("id", "channel", "address", "title", "text", "created_ms")
        line = json.dumps({name: notice[name] for name in names}, ensure_ascii=False)
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise Undelivered(f"{self.path}: {error}") from error

    async def close(self) -> None:
        """See Channel."""


def channels(*, smtp: str | None, sms_gateway: str | None, sink: Path) -> dict[str, Channel]:
    """The channels that leave the DPS.

    Args:
        smtp: ``smtp://host:port``; None: mail goes to the file.
        sms_gateway: A URL; None: SMS go to the file.
        sink: The file.

    Raises:
        ValueError: If the address of the mail server is none.
    """
    found: dict[str, Channel] = {"email": FileChannel(sink), "sms": FileChannel(sink)}
    if smtp is not None:
        parts = urlsplit(smtp)
        if parts.scheme != "smtp" or not parts.hostname:
            raise ValueError(f"{smtp!r} is no mail server; allowed: smtp://host:port")
        from reference_impl.rules.adapters.servers import SmtpChannel  # noqa: PLC0415 - if named

        found["email"] = SmtpChannel(parts.hostname, parts.port or 25)
    if sms_gateway is not None:
        from reference_impl.rules.adapters.servers import GatewayChannel  # noqa: PLC0415

        found["sms"] = GatewayChannel(sms_gateway)
    return found
