"""``twinrig run`` as a person calls it, with a DPS of one's own and with a client per device."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import GUARD_S

from broker.servers import ports
from harness.engine.runner import RunOptions, run_scenario

STORY = """\
schema: 1
title: Two days
run: {start: 2026-01-05T00:00:00Z, until: 2d, sync: 4h}
fleets:
  - {product: pump, sites: 2, devices_per_site: 2, report_every: 30m}
service:
  rules: [standard]
timeline:
  - {at: 6h, fault: bearing_wear, device: pump-01-1, params: {onset: 0h, pf_interval: 20h}}
eventually:
  - nothing_lost
"""


@pytest.fixture
def story(tmp_path: Path) -> Path:
    file = tmp_path / "two-days.yaml"
    file.write_text(STORY, "utf-8")
    return file


@pytest.fixture
def memory_hash(story: Path, tmp_path: Path) -> str:
    options = RunOptions(link="memory", runs_dir=tmp_path / "memory")
    return run_scenario(story, seed=7, options=options).trace_hash


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that stays ours until somebody listens on it."""
    with ports.reserve(None) as reservation:
        yield ports.port_of(reservation)


def twinrig_run(story: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "harness", "run", str(story), "--seed", "7", "--json", "-q"]
    return subprocess.Popen(
        [*command, "--report-dir", str(story.parent / "runs"), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_dps_started_by_hand_after_the_run_gives_the_same_hash(
    story: Path, memory_hash: str, free_port: int, tmp_path: Path
) -> None:
    """The run names its broker and waits; whoever tries their DPS starts it then."""
    url = f"http://127.0.0.1:{free_port}"
    with twinrig_run(story, "--sut", url, "--broker", "rumqttd") as run:
        assert run.stderr is not None
        assert run.stdout is not None
        told = next(line for line in run.stderr if "waiting until the DPS has subscribed" in line)
        (broker_url,) = re.findall(r"mqtt://127\.0\.0\.1:\d+", told)
        dps = subprocess.Popen(
            [
                *(sys.executable, "-m", "reference_impl", "--broker", broker_url),
                *("--store", f"sqlite:///{tmp_path / 'theirs.sqlite'}", "--port", str(free_port)),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            said = json.loads(run.stdout.read())
            story_told = run.stderr.read()
            code = run.wait(30)
        finally:
            dps.terminate()
            assert dps.wait(15) == 0

    assert (code, said["verdict"]) == (0, "passed"), story_told
    assert said["trace_hash"] == memory_hash
    assert said["messages_ingested"] == said["messages_published"] > 300
    assert f"--sut {url}" in said["replay"]


@pytest.mark.deep
def test_a_client_for_each_device_gives_the_same_hash(story: Path, memory_hash: str) -> None:
    with twinrig_run(story, "--clients", "per-device", "--broker", "rumqttd") as run:
        told, errors = run.communicate(timeout=GUARD_S)

    said = json.loads(told)
    assert (run.returncode, said["verdict"]) == (0, "passed"), errors
    assert said["trace_hash"] == memory_hash
    assert "--clients per-device" in said["replay"]
