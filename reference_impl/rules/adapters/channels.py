"""Ways to reach people: mail by SMTP, SMS by an HTTP gateway, or a file on this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import aiosmtplib
import httpx
import stamina

from reference_impl.kernel.rows import Row
from reference_impl.rules.courier import Channel, Undelivered

TRIES, TRIES_S = 3, 5.0
"""At once: a connection that breaks is tried again within seconds; the rest is the courier's."""
DOMAIN = "notices.dps"
"""Of message ids and of the sender, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class SmtpChannel:
    """Mail, handed to one server."""

    host: str
    port: int
    sender: str = f"service@{DOMAIN}"

    async def send(self, notice: Row) -> None:
        """See Channel."""
        message = EmailMessage()
        message["From"], message["To"] = self.sender, notice["address"]
        message["Subject"] = notice["title"]
        message["Message-ID"] = f"<{notice['id']}@{DOMAIN}>"
        message.set_content(notice["text"])
        wrong = (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected)
        try:
            async for attempt in stamina.retry_context(on=wrong, attempts=TRIES, timeout=TRIES_S):
                with attempt:
                    await aiosmtplib.send(
                        message, hostname=self.host, port=self.port, start_tls=None, timeout=TRIES_S
                    )
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise Undelivered(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """See Channel; each message has a connection of its own."""


class GatewayChannel:
    """SMS, posted to a gateway as ``{"id", "to", "text"}``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = httpx.AsyncClient(timeout=TRIES_S)

    async def send(self, notice: Row) -> None:
        """See Channel."""
        text = f"{notice['title']}. {notice['text']}"
        body = {"id": notice["id"], "to": notice["address"], "text": text}
        headers = {"Idempotency-Key": notice["id"]}
        try:
            async for attempt in stamina.retry_context(
                on=httpx.TransportError, attempts=TRIES, timeout=TRIES_S
            ):
                with attempt:
                    answer = await self._client.post(self._url, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise Undelivered(f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise Undelivered(f"the gateway answers {answer.status_code}")

    async def close(self) -> None:
        """See Channel."""
        await self._client.aclose()


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
        found["email"] = SmtpChannel(parts.hostname, parts.port or 25)
    if sms_gateway is not None:
        found["sms"] = GatewayChannel(sms_gateway)
    return found
