"""A small DPS of somebody else, started beside a broker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from broker.servers import Broker, open_broker
from harness.engine.bench import Notes
from harness.engine.runner import RunOptions, run_scenario
from harness.events import Event, RunResult
from harness.scenario import build as b


@pytest.fixture
def broker() -> Iterator[Broker]:
    with open_broker("rumqttd") as running:
        yield running


@contextmanager
def launched(file: Path, *arguments: str, address: str) -> Iterator[str]:
    """A Python file with ``--broker HOST:PORT`` and more; gives the URL that it prints."""
    process = subprocess.Popen(
        [sys.executable, str(file), "--broker", address, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield str(json.loads(process.stdout.readline())["url"])
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@pytest.fixture
def start(broker: Broker) -> Iterator[Callable[..., str]]:
    """Start a DPS from its file, by default beside ``broker``; ended with the test."""
    with ExitStack() as stack:

        def launch(file: Path, *arguments: str, address: str = "") -> str:
            address = address or f"{broker.host}:{broker.port}"
            return stack.enter_context(launched(file, *arguments, address=address))

        yield launch


def played(runs: Path, scenario: b.Scenario, **options: Any) -> tuple[RunResult, list[Event]]:
    """A run over MQTT, and its events."""
    notes = Notes([])
    chosen = RunOptions(**{"link": "mqtt", "runs_dir": runs, **options})
    return run_scenario(scenario, seed=7, options=chosen, handlers=[notes]), notes.events


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., tuple[RunResult, list[Event]]]:
    """Run a scenario against a DPS elsewhere."""
    return partial(played, tmp_path / "runs")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Run a scenario with a broker and a DPS of its own, both gone afterwards."""

    def run(scenario: b.Scenario, file: Path, *arguments: str) -> tuple[RunResult, list[Event]]:
        with (
            open_broker("rumqttd") as broker,
            launched(file, *arguments, address=f"{broker.host}:{broker.port}") as url,
        ):
            folder = tmp_path_factory.mktemp("alone")
            return played(folder, scenario, broker=broker.url, sut=url)

    return run
