"""amqtt, a broker in pure Python, in a thread of our process: portable, open to plugins, slow.

It keeps nothing for a subscriber that is away and delivers nothing again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future

import amqtt.broker

from broker.servers import ports
from broker.servers.model import HOST, START_WITHIN_S, BrokerError

_PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
_END_WITHIN_S = 60.0
"""Ending takes milliseconds; a machine that stands still for a while must not make it fail."""
_ROUNDS_TO_ACCEPT = 6
"""Rounds of the event loop until a connection that was just accepted is one that we know."""


class _Recording(amqtt.broker.Broker):  # type: ignore[misc]
    """Knows its connections, so that they can be cut."""

    def __init__(self, port: int) -> None:
        self.writers: set[asyncio.StreamWriter] = set()
        listener = {"type": "tcp", "bind": f"{HOST}:{port}", "max_connections": 0}
        super().__init__({"listeners": {"default": listener}, "plugins": _PLUGINS})

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """Serve one connection."""
        self.writers.add(writer)
        try:
            await super().stream_connected(reader, writer, listener_name)
        except asyncio.CancelledError:
            writer.transport.abort()  # the broker was killed; asyncio would print each such task
        finally:
            self.writers.discard(writer)
            writer.close()  # amqtt leaves it half open after a client's goodbye

    async def cut(self) -> None:
        """Drop the listeners and every connection, without goodbyes."""
        # A listener that closes while it accepts leaves that socket open (asyncio of Python 3.11).
        for _ in range(_ROUNDS_TO_ACCEPT):
            await asyncio.sleep(0)
        for server in self._servers.values():
            server.instance.close()
        for _ in range(_ROUNDS_TO_ACCEPT):
            for writer in self.writers:
                writer.transport.abort()
            await asyncio.sleep(0)


class AmqttServer:
    """One amqtt in one thread with a loop of its own."""

    keeps_sessions = False

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._stop: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def start(self, port: int) -> None:
        """Start the thread and wait until the broker listens.

        Raises:
            BrokerError: If the port is taken, or amqtt refuses.
        """
        # It warns of each client that leaves without a goodbye; that is daily life here.
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        logging.getLogger("transitions").setLevel(logging.ERROR)
        up: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        with ports.reserve(port):
            self._thread = threading.Thread(
                target=lambda: asyncio.run(self._serve(port, up)), name="amqtt", daemon=True
            )
            self._thread.start()
            try:
                self._stop = up.result(START_WITHIN_S)
            except Exception as error:
                self.kill()
                raise BrokerError(f"amqtt did not start on {HOST}:{port}: {error}") from error

    async def _serve(
        self, port: int, up: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]
    ) -> None:
        stop = asyncio.Event()
        try:
            server = _Recording(port)
            await server.start()
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits for us
            up.set_exception(error)
            return
        up.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        await server.cut()
        # asyncio.run cancels what is left, and waits for it.

    def kill(self) -> None:
        """Cut every connection and end the thread; safe to call twice.

        Raises:
            BrokerError: If the thread does not end.
        """
        if self._stop is not None:
            loop, stop = self._stop
            loop.call_soon_threadsafe(stop.set)
            self._stop = None
        if self._thread is not None:
            self._thread.join(_END_WITHIN_S)
            if self._thread.is_alive():
                raise BrokerError(f"amqtt still runs {_END_WITHIN_S:g} s after it was ended")
            self._thread = None
