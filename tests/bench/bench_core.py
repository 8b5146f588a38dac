"""The harness core: long and short runs, what a snapshot costs, what trace and checks cost."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bare_loop import bare_loop_s
from bare_mqtt import bare_mqtt_s

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
LONG, SHORT = HERE / "100-devices-by-30-days.yaml", HERE / "20-devices-by-7-days.yaml"
LONG_MESSAGES, LONG_DEVICE_DAYS = 864_000, 3_000
SHORT_MESSAGES = 20_160
DAY_MS = 86_400_000
PAIRS = 5
"""Runs with and without trace and checks, in turn."""
Row = Callable[..., dict[str, Any]]


class Ran(NamedTuple):
    """A whole command: what it printed, and its seconds by the clock and by the processor."""

    result: Mapping[str, Any]
    wall_s: float
    cpu_s: float


def command(scenario: Path, *options: str) -> Ran:
    """``twinrig run`` as a user starts it: imports, run, checks and report.

    The processor's time is that of the command and all its children (a broker, a DPS).
    """
    # some machines tell Python not to keep what it has compiled: that is none of ours to measure
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        words = [
            sys.executable, "-m", "harness", "run", str(scenario), "--seed", "7", "--json",
            "--quiet", "--store", "file", "--report-dir", folder, *options,
        ]  # fmt: skip
        before, begun_s = _children_s(), time.perf_counter()
        run = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        wall_s, cpu_s = time.perf_counter() - begun_s, _children_s() - before
    if run.returncode != 0:
        sys.exit(f"the scenario did not pass (exit {run.returncode}):\n{run.stderr[-3000:]}")
    return Ran(json.loads(run.stdout), wall_s, cpu_s)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def core_rows(row: Row) -> list[dict[str, Any]]:
    """Every line of this module."""
    return [*_long_rows(row), *_short_rows(row), *_saved_rows(row), *_share_rows(row)]


def _long_rows(row: Row) -> list[dict[str, Any]]:
    from broker.servers import open_broker

    memory = command(LONG, "--link", "memory")
    with tempfile.TemporaryDirectory() as folder:
        bare_s = bare_loop_s(Path(folder) / "bare.sqlite", LONG_MESSAGES)
    mqtt = command(LONG, "--link", "mqtt")
    with open_broker("embedded") as broker:
        bare_wire_s = bare_mqtt_s(broker.host, broker.port, LONG_MESSAGES)
        kind = broker.kind
    name = "30 d x 100 devices, a report per 5 min"
    return [
        row(f"{name}, memory link, durable", memory.wall_s, "s", 60.0,
            "bare loop: encode, decode, deduplicate, threshold, SQLite", bare_s),
        row(f"{name}, MQTT ({kind}), durable", mqtt.wall_s, "s", 90.0,
            f"bare publish and receive of as many messages over {kind}", bare_wire_s),
        row("device-days per CPU second, memory link",
            round(LONG_DEVICE_DAYS / memory.cpu_s, 1), "1/s", None),
        row("device-days per CPU second, MQTT (world, broker and DPS)",
            round(LONG_DEVICE_DAYS / mqtt.cpu_s, 1), "1/s", None),
    ]  # fmt: skip


def _short_rows(row: Row) -> list[dict[str, Any]]:
    command(SHORT, "--link", "memory")  # the first one may compile
    ran = [command(SHORT, "--link", "memory") for _ in range(3)]
    with tempfile.TemporaryDirectory() as folder:
        bare_s = bare_loop_s(Path(folder) / "bare.sqlite", SHORT_MESSAGES)
    return [
        row("7 d x 20 devices, from command to verdict", statistics.median(r.wall_s for r in ran),
            "s", 3.0, "bare loop of as many messages", bare_s),
        row("the same, CPU", round(statistics.median(r.cpu_s for r in ran), 2), "s", None),
    ]  # fmt: skip


def _saved_rows(row: Row) -> list[dict[str, Any]]:
    """A snapshot of a hundred devices after two days, and a fork from it up to its first step."""
    from harness.engine import snapshot
    from harness.engine.options import RunOptions, Save
    from harness.engine.runner import load, run_scenario
    from harness.events import Event, StepDone
    from harness.world.control import Control

    took: list[float] = []
    save = snapshot.save

    async def timed(*args: Any, **named: Any) -> None:
        begun_s = time.process_time()
        await save(*args, **named)
        took.append(time.process_time() - begun_s)

    class Stop:
        """Ends a run at its first step from a time on."""

        hears = (StepDone,)

        def __init__(self, after_ms: int) -> None:
            self.control, self.stepped_s, self._after_ms = Control(), 0.0, after_ms

        def on_event(self, event: Event) -> None:
            if isinstance(event, StepDone) and event.now_ms >= self._after_ms:
                self.stepped_s = self.stepped_s or time.process_time()
                self.control.stop()

    scenario = load(LONG)
    at_ms = scenario.run.start + 2 * DAY_MS
    with tempfile.TemporaryDirectory() as folder:
        snapshot.save = timed
        try:
            first = Stop(at_ms)
            options = RunOptions(
                link="memory", store="file", runs_dir=Path(folder), control=first.control,
                saves=(Save(2 * DAY_MS, "two-days"),),
            )  # fmt: skip
            ran = run_scenario(scenario, seed=7, options=options, handlers=[first])
        finally:
            snapshot.save = save
        place = ran.run_dir / snapshot.FOLDER / "two-days"
        again = Stop(at_ms)
        begun_s = time.process_time()
        options = RunOptions(
            link="memory", store="file", runs_dir=Path(folder), control=again.control,
            resume_from=place,
        )  # fmt: skip
        run_scenario(scenario, seed=7, options=options, handlers=[again])
        size_mb = sum(file.stat().st_size for file in place.iterdir()) / 1e6
    return [
        row("snapshot of 100 devices, CPU", took[0], "s", 2.0),
        row("fork of 100 devices up to its first step, CPU", again.stepped_s - begun_s, "s", 2.0),
        row("size of the snapshot after two days", round(size_mb, 1), "MB", None),
    ]


@contextmanager
def _without_trace_and_checks() -> Iterator[None]:
    """Nothing is hashed or checked, and no check hears of anything; all else goes on."""
    from harness.checks.base import Check
    from harness.engine.trace import Trace

    def nothing(*_args: Any, **_named: Any) -> None:
        return None

    kept = [(Trace, name, getattr(Trace, name)) for name in ("messages", "truths", "feed")]
    kept.append((Check, "hears", Check.hears))
    every = [cls for cls in _all_of(Check) if "hears" in vars(cls)]
    kept += [(cls, "hears", vars(cls)["hears"]) for cls in every]
    try:
        for cls, name, _ in kept:
            setattr(cls, name, () if name == "hears" else nothing)
        yield
    finally:
        for cls, name, value in kept:
            setattr(cls, name, value)


def _all_of(cls: type) -> list[type]:
    return [one for sub in cls.__subclasses__() for one in (sub, *_all_of(sub))]


def _share_rows(row: Row) -> list[dict[str, Any]]:
    """What part of a run trace and checks take: CPU with and without them, in turn."""
    from harness.engine.options import RunOptions
    from harness.engine.runner import load, run_scenario

    scenario = load(SHORT)

    def cpu_s() -> float:
        with tempfile.TemporaryDirectory() as folder:
            begun_s = time.process_time()
            options = RunOptions(link="memory", store="file", runs_dir=Path(folder))
            run_scenario(scenario, seed=7, options=options)
            return time.process_time() - begun_s

    cpu_s()  # imports and compiled code
    whole, bare = [], []
    for _ in range(PAIRS):
        whole.append(cpu_s())
        with _without_trace_and_checks():
            bare.append(cpu_s())
    share = 100.0 * (1.0 - min(bare) / min(whole))
    return [
        row("trace and checks of a run", share, "% of its CPU", 15.0),
        row("CPU of that run without them", round(min(bare), 2), "s", None),
    ]
