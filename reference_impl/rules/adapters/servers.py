"""Mail by SMTP and SMS by an HTTP gateway, whose clients are big: imported where one is named."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage

import aiosmtplib
import httpx
import stamina

from reference_impl.kernel.rows import Row
from reference_impl.rules.courier import Undelivered

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
