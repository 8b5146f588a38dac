"""Systems under test that are elsewhere, or that break the contract."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from broker.servers import open_broker
from harness.engine import assembly
from harness.errors import InvalidRun
from harness.scenario import build as b
from harness.sut.port import ClockAnswer, Short
from harness.sut.process import ChildProcess, python_module
from harness.sut.reference import ChildReference, InProcessReference

TWO_DAYS = b.run("2026-01-05T00:00:00Z", "2d", sync="6h")


@pytest.fixture
def short(story) -> b.Scenario:
    return story(
        run=TWO_DAYS,
        timeline=(),
        eventually=(b.check("nothing_lost"),),
        service=b.Service(contract=None),
    )


@pytest.mark.parametrize("clock", ["driven", "live"])
def test_a_dps_elsewhere_is_driven_or_live_as_it_says(
    short, play, tmp_path: Path, clock: str
) -> None:
    """Started by hand against the run's broker, like somebody else's."""
    driven, _ = play(short)
    with open_broker("rumqttd") as broker, asyncio.Runner() as runner:
        command = python_module(
            "reference_impl",
            *("--broker", broker.url, "--store", f"sqlite:///{tmp_path}/x.sqlite"),
            *("--port", "0", "--clock", clock, "--exit-with-parent"),
        )
        dps = ChildProcess(command, log=tmp_path / "log", env={})
        url = runner.run(dps.start())
        try:
            said: list[str] = []
            result, _ = play(
                short,
                link="mqtt",
                broker=broker.url,
                sut=url,
                speed=400_000.0,
                notice=said.append,
            )
        finally:
            runner.run(dps.end())

    assert result.verdict == "passed", (result.error, result.checks)
    assert broker.url in said[0]
    if clock == "driven":
        assert result.trace_hash == driven.trace_hash
    else:
        assert result.mode == "live"
        assert "the DPS has no driven clock: the run is live" in result.notes


def test_a_dps_that_dies_by_itself_ends_the_run_with_its_last_words(
    short, play, monkeypatch: pytest.MonkeyPatch
) -> None:
    born: list[ChildReference] = []

    class Mortal(ChildReference):
        async def open(self) -> None:
            await super().open()
            born.append(self)

        async def clock(self, now_ms, delivered, wait_s):
            if len(born) == 1 and now_ms > TWO_DAYS.start + 86_400_000:
                await self._process.kill()
            return await super().clock(now_ms, delivered, wait_s)

    monkeypatch.setattr(assembly, "ChildReference", Mortal)
    result, _ = play(short, link="mqtt", broker="rumqttd")

    assert (result.verdict, result.exit_code) == ("error", 4)
    assert "the DPS ended by itself (signal SIGKILL)" in result.error
    assert len(born) == 1, "nobody ordered its death, so nobody starts it again"


def test_a_dps_that_misses_messages_twice_is_told_by_site(
    short, play, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    async def forgetful(self, now_ms, delivered, wait_s):
        calls.append(dict(delivered))
        return Short(missing={"station-01": 3})

    monkeypatch.setattr(InProcessReference, "clock", forgetful)
    result, _ = play(short)

    assert result.exit_code == 4
    assert "still misses messages that the broker has acknowledged (station-01: 3)" in result.error
    assert len(calls) == 2


def test_a_command_that_is_announced_and_never_sent_is_found(
    short, play, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = InProcessReference.clock

    async def boastful(self, now_ms, delivered, wait_s):
        answer = await original(self, now_ms, delivered, wait_s)
        assert isinstance(answer, ClockAnswer)
        return ClockAnswer(
            now_ms=answer.now_ms,
            commands=("cmd-ghost",),
            next_due_ms=answer.next_due_ms,
            feed_cursor=answer.feed_cursor,
            ingested=answer.ingested,
        )

    monkeypatch.setattr(InProcessReference, "clock", boastful)
    result, _ = play(short, wait_s=0.05)

    assert result.exit_code == 4
    assert "announced cmd-ghost in its answer to /v1/clock" in result.error


def test_a_client_for_every_device_gives_the_same_hash(short, play) -> None:
    memory, _ = play(short)
    per_device, _ = play(short, link="mqtt", broker="rumqttd", clients="per-device")

    assert per_device.verdict == "passed", (per_device.error, per_device.checks)
    assert per_device.trace_hash == memory.trace_hash


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("flie", "--store is 'flie'; allowed: memory, file, or a URL"),
        ("nosuchdb://x/y", "'nosuchdb://x/y' is no store; allowed: sqlite://"),
        ("sqlite:////no/such/folder/x", "cannot be opened: unable to open database file"),
    ],
)
def test_a_store_that_cannot_be_used_is_named_before_the_run_begins(
    short, play, store: str, said: str
) -> None:
    with pytest.raises(InvalidRun, match=said):
        play(short, store=store)
