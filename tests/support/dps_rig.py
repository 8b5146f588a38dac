"""A whole DPS in this process, its devices over the memory link, and the time it has.

Tests of a context derive a rig of their own from it: what is installed, and the words of its field.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from broker.link.memory import MemoryBus
from broker.link.port import Packet
from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import decode_downlink, encode
from reference_impl.bootstrap import Dps, Settings
from reference_impl.kernel.access import Principal
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.store import Store

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_767_225_600_000
"""2026-01-01, midnight UTC, a Thursday."""


class Rig:
    """A DPS, and calls of it that must succeed or be refused."""

    BY = "somebody"
    """Who does it, unless a test says another."""

    def __init__(
        self, url: str = "sqlite://", *, sites: Sequence[str] = (), start: int = START,
        again: Rig | None = None, **settings: Any,
    ) -> None:  # fmt: skip
        """Start a DPS.

        Args:
            url: Of its store.
            sites: Whose devices there are.
            start: When it is, ms.
            again: Whose loop, time and counts it takes over, as after a restart.
            settings: Of the DPS.
        """
        self.url, self.settings = url, Settings(**settings)
        self.runner = asyncio.Runner() if again is None else again.runner
        self.now = start if again is None else again.now
        self.delivered: dict[str, int] = {} if again is None else again.delivered
        self.bus = MemoryBus()
        self.devices = self.bus.device_link()
        self.down: list[Any] = []
        """What devices were told."""
        self.run(self.devices.open(tuple(sites), self._hear))
        self.begin()

    def _hear(self, packet: Packet) -> None:
        self.down.append(decode_downlink(packet.topic, packet.payload))

    # ----- begin and end

    def begin(self) -> None:
        """Start the DPS on its store."""
        self.dps = Dps(Store(self.url, Bus()), self.bus.service_link(), self.settings)
        self.prepare()
        self.run(self.dps.start())
        transport = httpx.ASGITransport(app=self.dps.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://dps")

    def prepare(self) -> None:
        """What a test listens to from the start."""

    def stop(self) -> None:
        """Stop the DPS; its devices stay."""
        self.run(self.client.aclose())
        self.run(self.dps.stop())

    def leave(self) -> None:
        """Stop the DPS and its devices; another may be begun on its store."""
        self.stop()
        self.run(self.devices.close())

    def close(self) -> None:
        self.leave()
        self.runner.close()

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    # ----- calls

    @contextmanager
    def acting_as(self, who: Principal) -> Iterator[None]:
        """Let calls be somebody's, as if a key had said so."""
        self.dps.callers.who = lambda *_: who
        try:
            yield
        finally:
            del self.dps.callers.who

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """The answer, whatever it is; a path may leave out ``/v1``."""
        whole = path if path.startswith("/v1/") else f"/v1{path}"
        return self.run(self.client.request(method, whole, json=body, headers=headers))

    def done(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status_code == status, (path, answer.text)
        return answer.json()

    def get(self, path: str, status: int = 200) -> Any:
        return self.done("GET", path, status=status)

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        return self.done("PUT", path, body, status)

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        return self.done("POST", path, {"by": self.BY, **body}, status)

    def items(self, path: str) -> list[dict[str, Any]]:
        return self.get(path)["items"]

    def feed(self, *kinds: str) -> list[dict[str, Any]]:
        """Events of these kinds, or all; a kind that ends with a point stands for all under it."""
        found: list[dict[str, Any]] = []
        after = "0"
        while True:
            page = self.get(f"/v1/feed?after={after}&limit=1000")
            found += page["events"]
            after = page["cursor"]
            if len(page["events"]) < 1000:
                return [e for e in found if not kinds or _is_of(e["type"], kinds)]

    def tell(self, event: Any) -> None:
        """Let it be published, as another context would."""
        with self.dps.store.begin() as uow:
            uow.publish(event)

    # ----- time

    def until(self, at_ms: int) -> Any:
        """Let it be ``at_ms``, with all that was sent by then."""
        self.now = at_ms
        body = {"now_ms": at_ms, "delivered": self.delivered, "wait_s": 5.0}
        return self.done("POST", "/v1/clock", body)

    def wait(self, hours: float = 0, minutes: float = 0) -> None:
        self.until(self.now + round(hours * HOUR + minutes * MINUTE))

    # ----- devices

    def publish(self, site: str, *messages: m.Uplink, copies: int = 1) -> None:
        """Devices of a site say this; of ``copies`` each counts once."""
        for said in messages:
            batch = isinstance(said, m.TelemetryBatch)
            count = len(said.samples) if batch else 1
            self.delivered[site] = self.delivered.get(site, 0) + count
        packets = [Packet(topics.uplink(site, said), encode(said)) for said in messages]
        self.run(self.devices.publish([one for one in packets for _ in range(copies)]))


def _is_of(kind: str, kinds: Sequence[str]) -> bool:
    return kind in kinds or any(kind.startswith(one) for one in kinds if one.endswith("."))


R = TypeVar("R", bound=Rig)


def opening(kind: Callable[..., R]) -> Iterator[Callable[..., R]]:
    """For a fixture: makes rigs of a kind, and closes them."""
    made: list[R] = []

    def make(*args: Any, **named: Any) -> R:
        made.append(kind(*args, **named))
        return made[-1]

    yield make
    for one in made:
        one.close()
