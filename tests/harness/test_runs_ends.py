"""Runs that cannot come to their end: what is said, the exit code, and that it takes no ages."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest
from waiting import GUARD_S

from broker.servers import Broker, open_broker
from harness.engine import assembly
from harness.errors import InvalidRun, SutError
from harness.scenario import build as b
from harness.sut.reference import ChildReference

RUN = b.run("2026-01-05T00:00:00Z", "3d", sync="6h")
FLAGSHIP = Path(__file__).parents[2] / "scenarios/pumps/bearing-wears-out.yaml"
SECOND_DAY_MS = RUN.start + 86_400_000


@pytest.fixture
def short(story) -> b.Scenario:
    return story(
        run=RUN,
        timeline=(),
        eventually=(b.check("nothing_lost"),),
        service=b.Service(contract=None),
    )


def at_second_day(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Call ``act(sut)`` once, when the first clock call of the second day is answered."""
    done: list[bool] = []

    class Watched(ChildReference):
        async def clock(self, now_ms, delivered, wait_s):
            answer = await super().clock(now_ms, delivered, wait_s)
            if now_ms > SECOND_DAY_MS and not done:
                done.append(True)
                act(self)
            return answer

    monkeypatch.setattr(assembly, "ChildReference", Watched)


def test_a_dps_that_cannot_store_a_batch_ends_and_says_why_in_its_last_line(
    short, play, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its link has ended, so that it would wait for messages for ever."""

    def spoil(_sut: ChildReference) -> None:
        (store,) = tmp_path.rglob(assembly.DPS_FILE)
        with sqlite3.connect(store, isolation_level=None) as other:
            other.execute("DROP TABLE site_counts")
        other.close()

    at_second_day(monkeypatch, spoil)
    begun_s = time.monotonic()
    result, _ = play(short, link="mqtt", broker="rumqttd")

    assert (result.verdict, result.exit_code) == ("error", 4)
    assert "the DPS ended by itself (status 1)" in result.error
    last = result.error.splitlines()[-1]
    assert last.startswith("reference DPS: it cannot go on: OperationalError: ")
    assert "no such table" in last
    assert time.monotonic() - begun_s < 30


@pytest.mark.parametrize(
    "kind", ["rumqttd", pytest.param("mosquitto", marks=[pytest.mark.mosquitto, pytest.mark.deep])]
)
def test_a_broker_that_dies_in_mid_run_ends_the_run_with_its_address(
    short, play, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    opened: list[Broker] = []

    def noted(stack, options) -> Broker:
        opened.append(original(stack, options))
        return opened[0]

    original = assembly._enter_broker
    monkeypatch.setattr(assembly, "OUR_BROKER_BACK_WITHIN_S", 0.5)
    monkeypatch.setattr(assembly, "_enter_broker", noted)
    at_second_day(monkeypatch, lambda _sut: opened[0].kill())
    begun_s = time.monotonic()
    result, _ = play(short, link="mqtt", broker=kind)

    assert (result.verdict, result.exit_code) == ("error", 6)
    assert f"the broker at {opened[0].url} is lost" in result.error
    assert time.monotonic() - begun_s < 30


def test_a_busy_port_for_the_broker_is_named_with_what_to_do(short, play) -> None:
    with open_broker("rumqttd") as other, pytest.raises(InvalidRun) as caught:
        play(short, link="mqtt", broker="rumqttd", broker_port=other.port)
    assert f"port {other.port} on 127.0.0.1 is in use by another program" in str(caught.value)
    assert "--broker-port" in str(caught.value)
    assert caught.value.exit_code == 6


class _NotReady(BaseHTTPRequestHandler):
    """A DPS that answers and never subscribes."""

    def do_GET(self) -> None:
        body = b'{"name": "theirs", "ready": false}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def not_ready() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _NotReady)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_dps_elsewhere_that_never_subscribes_is_told_with_url_and_broker(
    short, play, not_ready: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "SUBSCRIBED_WITHIN_S", 0.3)
    said: list[str] = []
    with pytest.raises(SutError) as caught:
        play(short, link="mqtt", broker="rumqttd", sut=not_ready, notice=said.append)

    (broker_url,) = (word.rstrip(";") for word in said[0].split() if word.startswith("mqtt://"))
    assert str(caught.value) == (
        f"the DPS at {not_ready} has not subscribed to the broker at {broker_url} within 0.3 s: "
        "GET /v1/info: the DPS says that it is not ready"
    )
    assert caught.value.exit_code == 4


def test_a_dps_that_listens_to_another_broker_is_told_to_look_there(
    short, play, tmp_path: Path
) -> None:
    """It is ready, and hears nothing."""
    with open_broker("rumqttd") as wrong, asyncio.Runner() as runner:
        dps = ChildReference(
            broker_url=wrong.url,
            store=tmp_path / "x.sqlite",
            clock="driven",
            log=tmp_path / "log",
            crash_file=tmp_path / "crash",
        )
        runner.run(dps.open())
        try:
            result, _ = play(short, link="mqtt", broker="rumqttd", sut=dps.url, wait_s=0.05)
        finally:
            runner.run(dps.close())

    assert (result.verdict, result.exit_code) == ("error", 4)
    assert "it has stored nothing so far: does it listen to the broker at mqtt://" in result.error


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.deep)]
)
def test_a_run_that_is_stopped_leaves_nothing_behind_and_says_how_to_replay_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C in a terminal, or a CI job that is cancelled."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-m", "harness", "run", str(FLAGSHIP), "--seed", "7"]
    process = subprocess.Popen(
        [*command, "--broker", "rumqttd", "--report-dir", str(tmp_path / "runs")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch)},
        start_new_session=True,  # the signal is for it alone
    )
    with process:
        assert process.stdout is not None
        said = [next(line for line in process.stdout if "seed 7" in line)]
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        said += process.stdout.readlines()
        code = process.wait(30)

    text = "".join(said)
    assert code == 128 + number, text
    assert "Traceback" not in text
    assert text.rstrip().splitlines()[-1] == (
        f"replay: twinrig run {FLAGSHIP} --seed 7 --broker rumqttd"
    )
    assert len(children) == 2, "broker and DPS"
    assert psutil.wait_procs(children, timeout=GUARD_S)[1] == []
    assert list(scratch.iterdir()) == []
