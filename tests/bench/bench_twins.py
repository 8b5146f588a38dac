"""How fast the twins are: channel-steps a second, a small fleet, memory, a year exported.

A channel-step is one signal of one device (or of one that came with it) at one step of the state:
physics, damage, sensors and noise. Devices report at every state step here, so each step pays for
all of it. Every measurement runs in a process of its own and counts CPU time of one core.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STEP_S = {"pump": 600, "ventilation": 300, "bin": 600}
"""Length of a state step; a pump's own steps follow its starts and stops, in closed form."""
SIZES = (1_000, 10_000, 100_000)
GOAL_PER_S = {1_000: 30e6, 10_000: 60e6}
RATIO_AT, RATIO_GOALS = 10_000, {"SimPy process per device": 15.0, "ProgPy loop": 500.0}
"""How many times as many channel-steps a second as these, for so many devices."""
BEGINS, HOURS = "2026-01-05T06:00", {1_000: 72, 10_000: 24, 100_000: 24}
"""A Monday; at night units stand and nobody throws anything in, so whole days are measured."""
EXPORT_GOAL_S = {"bin": 90.0}
DAY_MS = 86_400_000


MEMORY_AT = {"pump": 10_000, "bin": 10_000, "ventilation": 1_000}
"""Fleets whose memory is counted; a unit comes with its 20 rooms."""


def wanted(product: str, devices: int, *, days: float, every_s: int) -> Any:
    """A fleet of that many devices, two to a site, as nature would treat it."""
    from twins.core.realism import Wanted

    return Wanted(
        product=product, sites=devices // 2, devices_per_site=2, days=days, report_every_s=every_s,
        seed=7, random_faults=1.0,
    )  # fmt: skip


def step(product: str, devices: int) -> dict[str, float]:
    """CPU time of a state step of a whole fleet."""
    from twins.history import world_spec
    from twins.world import World

    every_s = STEP_S.get(product, 600)
    steps = HOURS[devices] * 3600 // every_s
    asked = replace(wanted(product, devices, days=1.0, every_s=every_s), start=BEGINS)
    spec = world_spec(asked)
    begun = time.process_time()
    world = World(spec, seed=7, hear=lambda report: None)
    world.start()
    built_s = time.process_time() - begun
    world.run_until(world.now_ms + 2 * every_s * 1000)  # first draws and caches
    begun = time.process_time()
    world.run_until(world.now_ms + steps * every_s * 1000)
    took_s = (time.process_time() - begun) / steps
    channels = sum(len(fleet.signal_names) * len(fleet.index) for fleet in world.fleets)
    return {
        "channels": channels / devices,
        "step_s": every_s,
        "channel_steps_per_s": channels / took_s,
        "device_steps_per_s": devices / took_s,
        "build_s": built_s,
    }


def memory(product: str, devices: int) -> dict[str, float]:
    """Bytes that Python and numpy hold for a fleet, two reports in each ring buffer included.

    Traced after a world of two devices has run, so that modules and tables which any fleet needs
    are not counted. The ring buffer is telemetry in flight: it is told apart.
    """
    import tracemalloc

    from twins.history import world_spec
    from twins.world import World

    every_s = STEP_S.get(product, 600)

    def run(size: int) -> World:
        spec = world_spec(wanted(product, size, days=1.0, every_s=every_s))
        world = World(spec, seed=7, hear=lambda report: None)
        world.start()
        world.run_until(world.now_ms + 2 * every_s * 1000)
        return world

    run(2)
    gc.collect()
    tracemalloc.start(1)
    world = run(devices)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    ring = sum(4 * len(fleet.signal_names) * len(fleet.index) for fleet in world.fleets)
    count = sum(len(fleet.index) for fleet in world.fleets)
    return {
        "devices": count,
        "kb_per_device": held / count / 1024,
        "ring_kb_a_report": ring / count / 1024,
    }


def small(product: str) -> dict[str, float]:
    """CPU time of 20 devices for 90 days, a report per 10 minutes: as columns, as messages."""
    from twins.history import world_spec
    from twins.world import World

    spec = world_spec(wanted(product, 20, days=90.0, every_s=600))
    took = {}
    for kind, hear in (("columns_s", lambda report: None), ("messages_s", None)):
        begun = time.process_time()
        world = World(spec, seed=7, hear=hear)
        world.start()
        for day in range(90):
            world.run_until(spec.start_ms + (day + 1) * DAY_MS)
        took[kind] = time.process_time() - begun
    return took


def export(product: str, days: float, kind: str, *, faults: float = 0.0) -> dict[str, float]:
    """CPU and wall time of the whole command that writes a data set of 1,000 devices.

    ``faults``: how often natural faults come (``--random-faults``), as a share of their rates.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "twinrig", "twins", "export", product, "--devices", "1000",
            "--days", f"{days:g}", "--format", kind, "--out", f"{folder}/set", "--quiet",
            "--random-faults", f"{faults:g}",
        ]  # fmt: skip
        begun = time.perf_counter()
        code = (
            "import json, resource, subprocess, sys;"
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
            "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
            "print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *command], cwd=ROOT, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        wall_s = time.perf_counter() - begun
        size = sum(path.stat().st_size for path in Path(folder, "set").iterdir())
    cpu_s, peak_kb = json.loads(done.stdout)
    return {"cpu_s": cpu_s, "wall_s": wall_s, "peak_mb": peak_kb / 1024, "size_mb": size / 2**20}


def apart(*words: str) -> dict[str, float]:
    """Run one measurement of this module in a fresh process."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), *words], cwd=ROOT, capture_output=True, text=True,
        check=False, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{words}: {done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def products() -> list[str]:
    """Every product that is a fleet of its own."""
    from twins.products import catalog

    return [product.id for product in catalog().values() if not product.host]


def _others(row: Any) -> tuple[list[dict[str, Any]], list[tuple[str, float, int]]]:
    """SimPy's and ProgPy's own rows; their names, device-steps a second and channels."""
    from scalar_fleet import (
        PROGPY_CHANNELS,
        SIMPY_CHANNELS,
        progpy_steps_per_s,
        simpy_steps_per_s,
    )

    simpy, progpy = simpy_steps_per_s(10_000), progpy_steps_per_s()
    rows = [
        row("SimPy, 10,000 processes with the scalar step", round(simpy), "device-steps/s", None)
    ]
    others = [("SimPy process per device", simpy, SIMPY_CHANNELS)]
    if progpy is None:
        rows.append(
            row("NASA ProgPy CentrifugalPump (progpy is not installed)", 0, "steps/s", None)
        )
    else:
        rows.append(row("NASA ProgPy CentrifugalPump, loop", round(progpy), "device-steps/s", None))
        others.append(("ProgPy loop", progpy, PROGPY_CHANNELS))
    return rows, others


def speed_rows(row: Any) -> list[dict[str, Any]]:
    """Channel-steps a second by product and size, beside SimPy and ProgPy in the same run.

    Beside both in channel-steps, which is what is measured, and in device-steps, which leaves out
    that one of our devices has more channels.
    """
    rows, others = _others(row)
    for product in products():
        for size in SIZES:
            seen = apart("step", product, str(size))
            name = (
                f"{product}, {size:,} devices: {seen['channels']:g} channels, "
                f"step {seen['step_s']:g} s"
            )
            goal, speed = GOAL_PER_S.get(size), seen["channel_steps_per_s"] / 1e6
            unit = "M channel-steps/s"
            rows.append(row(name, speed, unit, goal and goal / 1e6) | {"least": True})
            for other, steps_per_s, channels in others:
                beside_m = steps_per_s / 1e6
                wanted_of = {"ratio_goal": RATIO_GOALS[other]} if size == RATIO_AT else {}
                rows += [
                    row(
                        f"{product}, {size:,} devices: channel-steps", speed, unit, None,
                        f"{other}, {channels} channels", channels * beside_m,
                    ) | wanted_of,
                    row(
                        f"{product}, {size:,} devices: device-steps",
                        seen["device_steps_per_s"] / 1e6, "M device-steps/s", None, other, beside_m,
                    ),
                ]  # fmt: skip
        size = MEMORY_AT.get(product, 1_000)
        held = apart("memory", product, str(size))
        name = f"{product}, {held['devices']:,.0f} devices, its rooms counted: memory"
        if held["devices"] == size:
            name = f"{product}, {size:,} devices: memory"
        rows.append(row(name, held["kb_per_device"], "KB/device", 8.0))
    return rows


def small_rows(row: Any) -> list[dict[str, Any]]:
    """20 devices for 90 days."""
    rows = []
    for product in products():
        seen = apart("small", product)
        rows.append(row(f"{product}, 20 devices x 90 days", seen["columns_s"], "s", 5.0))
        rows.append(
            row(f"{product}, 20 devices x 90 days, as messages", seen["messages_s"], "s", None)
        )
    return rows


def export_rows(row: Any) -> list[dict[str, Any]]:
    """A year of 1,000 devices as a data set with truth."""
    rows = []
    for product in products():
        goal = EXPORT_GOAL_S.get(product, 300.0)
        for faults, how in ((0.0, "exported"), (1.0, "exported with natural faults")):
            seen = export(product, 365.0, "parquet", faults=faults)
            name = f"{product}, 1,000 devices x 365 days {how}"
            rows += [
                row(f"{name}: wall clock", seen["wall_s"], "s", goal),
                row(f"{name}: CPU", seen["cpu_s"], "s", goal),
                row(f"{name}: peak memory", seen["peak_mb"], "MB", 400.0),
                row(f"{name}: size", seen["size_mb"], "MB", None),
            ]
    return rows


if __name__ == "__main__":
    from harness.cli.main import GC_THRESHOLDS

    gc.set_threshold(*GC_THRESHOLDS)  # as every command of ours
    what, *rest = sys.argv[1:]
    if what == "step":
        print(json.dumps(step(rest[0], int(rest[1]))))
    elif what == "memory":
        print(json.dumps(memory(rest[0], int(rest[1]))))
    elif what == "small":
        print(json.dumps(small(rest[0])))
    else:
        faults = float(rest[3]) if len(rest) > 3 else 0.0
        print(json.dumps(export(rest[0], float(rest[1]), rest[2], faults=faults)))
