"""One supervised connection: reconnects, and publishes again what was not acknowledged."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from broker.link.address import Address
from broker.link.client import Client, Refused
from broker.link.patience import wait_at_most
from broker.link.port import LinkLost, Packet

IN_FLIGHT_MAX = 1000
"""Publishes sent and not yet acknowledged, per connection: rumqttd keeps a log without bounds, so
its publishers must hold back."""
_PAUSE_S_MIN, _PAUSE_S_MAX = 0.02, 1.0


class _Call:
    """One publish call: how many of its packets the broker does not have yet."""

    __slots__ = ("done", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Line:
    """A connection under one client id that outlives the sockets under it.

    Args:
        address: The broker.
        client_id: As the broker knows us.
        filters: What to subscribe to, at QoS 1, with a session that survives.
        receive: Awaited for each packet; it is acknowledged when this returns.
        patience_s: How long the broker may be of no use before the line gives up.
        on_dropped: Called when a connection has ended.
    """

    def __init__(
        self,
        address: Address,
        client_id: str,
        *,
        filters: Sequence[str],
        receive: Callable[[Packet], Awaitable[None]],
        patience_s: float,
        on_dropped: Callable[[], None] | None = None,
    ) -> None:
        self._address, self._client_id, self._filters = address, client_id, list(filters)
        self._receive, self._patience_s = receive, patience_s
        self._on_dropped = on_dropped or (lambda: None)
        self._client: Client | None = None
        self._waiting: deque[tuple[Packet, _Call]] = deque()
        self._flying: dict[int, tuple[Packet, _Call]] = {}
        self._away_since_s: float | None = None  # None: it was of use since it came back
        self._task: asyncio.Task[None] | None = None
        self.error: Exception | None = None
        self.ended = asyncio.Event()

    async def open(self) -> None:
        """Connect and subscribe, waiting for the broker as long as the patience lasts.

        Raises:
            LinkLost: If it did not come in time, or refuses us.
        """
        self._away_since_s = asyncio.get_running_loop().time()
        client = await self._established()
        self._task = asyncio.create_task(self._supervise(client))

    async def _supervise(self, client: Client) -> None:
        now_s = asyncio.get_running_loop().time
        pause_s = _PAUSE_S_MIN
        try:
            while True:
                attached_s = now_s()
                self._attach(client)
                await client.lost.wait()
                self._detach()
                await client.leave()
                if self.ended.is_set():
                    return
                if self._away_since_s is None or now_s() - attached_s > self._patience_s:
                    self._away_since_s, pause_s = now_s(), _PAUSE_S_MIN
                else:
                    # Dropped again before anything went through: what we send may be the cause.
                    self._check_patience(attached_s, "it drops the connection each time")
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, _PAUSE_S_MAX)
                client = await self._established()
        except Exception as error:  # noqa: BLE001 - told to every caller
            self.fail(error)

    async def _established(self) -> Client:
        """Connect, again and again with growing pauses, until the patience is over."""
        pause_s = _PAUSE_S_MIN
        while True:
            began_s = asyncio.get_running_loop().time()
            client = Client(
                self._client_id,
                clean=False,
                receive=self._received,
                on_acknowledged=self._acknowledged,
            )
            try:
                await client.establish(self._address, self._filters)
            except Refused as error:
                await client.leave()
                raise LinkLost(f"the broker at {self._address.url} refuses us: {error}") from error
            except OSError as error:
                await client.leave()
                self._on_dropped()  # what it delivered comes again
                self._check_patience(began_s, error.strerror or str(error))
            except BaseException:
                await client.leave()
                raise
            else:
                return client
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_S_MAX)

    def _check_patience(self, began_s: float, reason: str) -> None:
        """Give up if even the attempt that began at ``began_s`` began after the patience was over.

        The end of an attempt says little: where the whole machine stood still in the middle of it,
        the broker had no time either.
        """
        if self._away_since_s is None:
            # A session that is taken up again delivers before it confirms the subscription, so
            # that a connection which never came to be was of use all the same.
            self._away_since_s = asyncio.get_running_loop().time()
        if began_s - self._away_since_s >= self._patience_s:
            raise LinkLost(
                f"the broker at {self._address.url} is lost: {reason}; waited "
                f"{self._patience_s:g} s for it to come back"
            )

    def _attach(self, client: Client) -> None:
        self._client = client
        again = list(self._flying.values())
        self._flying.clear()
        self._waiting.extendleft(reversed(again))
        self._push_on()

    def _detach(self) -> None:
        self._client = None
        self._on_dropped()

    async def _received(self, packet: Packet) -> None:
        self._away_since_s = None
        await self._receive(packet)

    def _acknowledged(self, number: int) -> None:
        flown = self._flying.pop(number, None)
        if flown is None:
            return
        self._away_since_s = None
        call = flown[1]
        call.left -= 1
        if call.left == 0 and not call.done.done():
            call.done.set_result(None)
        if self._waiting:
            self._push_on()

    def _push_on(self) -> None:
        client = self._client
        while client is not None and self._waiting and len(self._flying) < IN_FLIGHT_MAX:
            item = self._waiting.popleft()
            self._flying[client.send(item[0])] = item

    async def publish(self, packets: Sequence[Packet]) -> None:
        """Publish in order; returns when the broker has acknowledged all.

        Raises:
            LinkLost: If it was away, or took nothing, for longer than the patience, or if the line
                is closed before all are acknowledged.
        """
        if self.ended.is_set():
            raise self.error or self._closed()
        if not packets:
            return
        call = _Call(len(packets))
        self._waiting.extend((packet, call) for packet in packets)
        self._push_on()
        while not call.done.done():
            before = call.left
            done = await wait_at_most(call.done, self._patience_s)
            if not done and call.left == before and self._client is not None:
                self.fail(
                    LinkLost(
                        f"the broker at {self._address.url} is connected, but acknowledged none "
                        f"of {before:,} packets within {self._patience_s:g} s"
                    )
                )
        call.done.result()

    def fail(self, error: Exception) -> None:
        """End the line: every publish under way, and each later one, raises the error."""
        if self.ended.is_set():
            return
        self.error = error
        self.ended.set()
        self._settle(error)
        if self._client is not None:
            self._client.withhold()
            self._client.lost.set()

    def _settle(self, error: Exception) -> None:
        calls = {id(call): call for _, call in [*self._flying.values(), *self._waiting]}
        self._flying.clear()
        self._waiting.clear()
        for call in calls.values():
            if not call.done.done():
                call.done.set_exception(error)
                call.done.exception()  # a caller that has gone does not come for it

    def _closed(self) -> LinkLost:
        return LinkLost(
            f"the connection {self._client_id!r} to the broker at {self._address.url} was closed; "
            "what the broker has not acknowledged may be lost"
        )

    def withhold(self) -> None:
        """Acknowledge nothing more on the present connection."""
        if self._client is not None:
            self._client.withhold()

    async def close(self, *, forget: bool = False) -> None:
        """Disconnect; with ``forget``, tell the broker to drop the session. Safe to call twice.

        Publishes under way raise LinkLost.
        """
        self.ended.set()
        self._settle(self._closed())
        task, self._task = self._task, None
        client, self._client = self._client, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        if client is None:
            return
        await client.leave()
        if forget and self.error is None:
            last = Client(
                self._client_id,
                clean=True,
                receive=self._received,
                on_acknowledged=self._acknowledged,
            )
            try:
                await last.establish(self._address, [])
            except (OSError, Refused):
                pass  # the broker went first, and its sessions with it
            finally:
                await last.leave()
