"""The HTTP client of webhooks: looks at every address before it connects, follows nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping

import httpx
import stamina

from reference_impl.integration.ports import Reply
from reference_impl.integration.targets import Address, Targets, address_of

TIMEOUT_S = 5.0
"""For connecting, and again for the answer."""
CONNECTS = 3
"""A connection that is refused is tried again so often, within half a second."""


class HttpPoster:
    """Posts to what ``targets`` allows."""

    def __init__(self, targets: Targets, *, timeout_s: float = TIMEOUT_S) -> None:
        self._targets, self._timeout_s = targets, timeout_s
        self._client: httpx.AsyncClient | None = None
        stamina.instrumentation.set_on_retry_hooks([])  # it is noted on the delivery, not in a log

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """See Poster."""
        problem = self._targets.problem_of(url)
        if problem is not None:
            return Reply(None, problem)
        try:
            return await self._post(httpx.URL(url), body, headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            return Reply(None, f"{type(error).__name__}: {error}"[:300])

    async def _post(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> Reply:
        addresses = await _addresses(url)
        wrong = [a for a in addresses if not self._targets.may_reach(url.scheme, a)]
        if wrong:
            return Reply(None, f"{url.host} is {wrong[0]}, which may not be called")
        if self._client is None:
            # no proxy of the environment: it would look names up in our place
            self._client = httpx.AsyncClient(timeout=self._timeout_s, trust_env=False)
        request = self._client.build_request(
            "POST",
            url.copy_with(host=str(addresses[0])),  # the one that was looked at, not another look
            content=body,
            headers={**headers, "host": url.netloc.decode("ascii")},
            extensions={"sni_hostname": url.host},
        )
        async for attempt in stamina.retry_context(
            on=httpx.ConnectError, attempts=CONNECTS, wait_initial=0.05, wait_jitter=0.0
        ):
            with attempt:
                response = await self._client.send(request, stream=True)
                await response.aclose()
        return Reply(response.status_code, "" if response.is_success else response.reason_phrase)

    async def close(self) -> None:
        """See Poster."""
        if self._client is not None:
            await self._client.aclose()


async def _addresses(url: httpx.URL) -> list[Address]:
    """All that the host stands for, IPv4 first: not every receiver on this machine hears IPv6."""
    written = address_of(url.host)
    if written is not None:
        return [written]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(url.host, url.port or 0, type=socket.SOCK_STREAM)
    addresses = {a for *_, where in found if (a := address_of(str(where[0]))) is not None}
    return sorted(addresses, key=lambda a: (a.version, a.packed))
