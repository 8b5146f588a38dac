"""A path over a wire that only notes, and scenarios over any link."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from broker.faults.path import FaultyLink
from broker.ledger import DeliveryLedger
from broker.link.port import Packet
from broker.servers import mosquitto
from broker.wire import codec
from broker.wire.messages import Birth, Telemetry
from harness.engine.runner import RunOptions, run_scenario
from harness.events import RunResult
from harness.scenario import build as b

MINUTE = 60_000


def streams(name: str) -> np.random.Generator:
    return np.random.default_rng(list(name.encode()))


class Wire:
    """A devices' end that only notes what it is given."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []

    async def open(self, sites, on_downlink) -> None:
        self.say = on_downlink

    async def publish(self, packets) -> None:
        self.packets += packets

    async def close(self) -> None:
        pass

    @property
    def messages(self) -> list[Any]:
        return [codec.decode_uplink(*packet[:2])[1] for packet in self.packets]

    @property
    def seqs(self) -> list[int]:
        return [m.seq for m in self.messages if isinstance(m, Telemetry)]


class Line:
    """One site whose devices report every minute through faults."""

    def __init__(self, *faults, devices=("dev-1",)) -> None:
        self.wire, self.ledger, self.devices = Wire(), DeliveryLedger(), devices
        self.path = FaultyLink(self.wire, faults=faults, ledger=self.ledger, streams=streams)

    async def births(self) -> None:
        said = [
            Birth(
                device=device, boot=1, at_ms=0, product="x", model="x", serial="x",
                firmware="1", signals={},
            )
            for device in self.devices
        ]  # fmt: skip
        await self.path.send([("site-a", birth) for birth in said], 0)

    async def minutes(self, first: int, last: int, *, step: int = 1) -> list[Any]:
        """Reports of these minutes, in steps of so many; what the faults decided."""
        records = []
        for start in range(first, last + 1, step):
            stop = min(start + step - 1, last)
            said = [
                ("site-a", Telemetry(device=device, boot=1, seq=n, at_ms=n * MINUTE, signals={}))
                for n in range(start, stop + 1)
                for device in self.devices
            ]
            records += (await self.path.send(said, stop * MINUTE)).records
        return records


@pytest.fixture
def line() -> Callable[..., Line]:
    return Line


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., RunResult]:
    """Run a scenario over the memory link unless told otherwise."""

    def run(scenario: b.Scenario | Path, *, seed: int = 7, **options: Any) -> RunResult:
        chosen = RunOptions(**{"link": "memory", "runs_dir": tmp_path / "runs", **options})
        return run_scenario(scenario, seed=seed, options=chosen)

    return run


def skip_without(kind: str) -> None:
    if kind == "mosquitto" and mosquitto.find() is None:
        pytest.skip("mosquitto is not installed (on Debian: apt-get install mosquitto)")
