"""One place to meet for two ends of a link: memory, or one of the brokers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop
from waiting import GUARD_S

import broker
from broker.link.memory import MemoryBus
from broker.link.mqtt import MqttDeviceLink, MqttServiceLink
from broker.link.port import DeviceLink, Packet, ServiceLink
from broker.servers import Broker, mosquitto


@dataclass
class Place:
    kind: str
    bus: MemoryBus | None = None
    broker: Broker | None = None

    def device_link(self) -> DeviceLink:
        if self.bus is not None:
            return self.bus.device_link()
        return MqttDeviceLink(self.broker.url, "devices", patience_s=GUARD_S)

    def service_link(self, client_id: str = "service") -> ServiceLink:
        if self.bus is not None:
            return self.bus.service_link(client_id)
        return MqttServiceLink(self.broker.url, client_id, patience_s=GUARD_S)


@dataclass
class Handler:
    """A service's handler that remembers, and can be told to wait or to fail."""

    packets: list[Packet] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    fail: bool = False
    gate: asyncio.Event | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, batch) -> None:
        self.entered.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fail:
            raise OSError("the disk is full")
        self.packets.extend(batch)
        self.batches.append(len(batch))
        self._news.set()

    async def has(self, payloads: set[bytes]) -> None:
        """Wait until all of these have come."""
        await self._until(lambda come: payloads <= set(come))

    async def has_again(self, payload: bytes) -> None:
        """Wait until this one has come twice."""
        await self._until(lambda come: come.count(payload) == 2)

    async def _until(self, holds: Callable[[list[bytes]], bool]) -> None:
        async with asyncio.timeout(GUARD_S):
            while not holds([packet.payload for packet in self.packets]):
                self._news.clear()
                await self._news.wait()


def skip_if_absent(kind: str) -> None:
    if kind == "mosquitto" and mosquitto.find() is None:
        pytest.skip("mosquitto is not installed (on Debian: apt-get install mosquitto)")


@contextmanager
def placed(kind: str) -> Iterator[Place]:
    skip_if_absent(kind)
    if kind == "memory":
        yield Place("memory", bus=MemoryBus())
        return
    with broker.open(kind) as running:
        yield Place(kind, broker=running)


@pytest.fixture(params=["memory", "rumqttd", "amqtt", "mosquitto"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with placed(request.param) as there:
        yield there


@pytest.fixture(params=["memory", "rumqttd", "mosquitto"])
def keeping_place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """One that keeps sessions of who is away; which do is tested in ``test_servers.py``."""
    with placed(request.param) as there:
        yield there


@pytest.fixture(params=["rumqttd", "amqtt", "mosquitto"])
def server(request: pytest.FixtureRequest) -> Iterator[Broker]:
    skip_if_absent(request.param)
    with broker.open(request.param) as running:
        yield running


Runner = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Runner:
    return asyncio.run if request.param == "asyncio" else uvloop.run


@pytest.fixture
def new_handler() -> type[Handler]:
    return Handler


@pytest.fixture
def stopped() -> Callable[[int], None]:
    """Stops a child process, and returns once all of its threads stand still."""

    def stop(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)

    return stop
