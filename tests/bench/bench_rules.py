"""One evaluation round of a product's whole rule pack on ten thousand things.

A few devices live a day in a world of their own, and what they say is in memory for each of ten
thousand things. The pack is installed through the public API; measured is what the service does in
a round with it: windows, conditions, and the walk over what holds, by CPU time of one core.
Beside it stands the CEL library evaluating the same conditions row by row.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
THINGS, LIVING = 10_000, 20
PRODUCTS = ("pump", "ventilation", "bin")
HOUR_MS = 3_600_000
PAST_MS = 25 * HOUR_MS
"""Longer than most windows of the packs."""
GOAL_S = 2.0


def scenario(product: str) -> Any:
    """A fleet of two devices a site."""
    from harness.scenario import build
    from harness.scenario.schema import Scenario

    fleet = build.fleet(product, sites=LIVING // 2, devices_per_site=2, report_every="10m")
    return Scenario(title=product, run=build.run("2026-01-05T00:00:00Z", "3d"), fleets=(fleet,))


def lives(product: str) -> tuple[int, list[Any]]:
    """What each of the few devices says in a day, as a block of readings, and the time then."""
    from broker.wire.messages import Telemetry
    from harness.engine.assembly import build_world
    from harness.scenario.products import installed
    from reference_impl.ingestion.domain import pack

    world = build_world(scenario(product), installed(), seed=7)[0]
    world.start()
    readings: dict[str, list[Telemetry]] = {}
    for _, message in world.run_until(world.now_ms + PAST_MS).messages:
        if isinstance(message, Telemetry) and world.devices[message.device] == product:
            readings.setdefault(message.device, []).append(message)
    return world.now_ms, [pack(said) for said in readings.values()]


async def measured(product: str) -> dict[str, float]:
    """CPU seconds of a round of the standard pack, and of the yardstick."""
    from broker.link.memory import MemoryBus
    from harness.scenario.products import installed
    from harness.sut.reference import InProcessReference
    from harness.sut.setup import installation
    from reference_impl.ingestion.adapters.telemetry import RecentTelemetry
    from reference_impl.rules.engine import walk
    from reference_impl.rules.inputs import Outlook

    sut = InProcessReference(MemoryBus().service_link, store_url="sqlite://", clock="driven")
    await sut.open()
    await sut.install(installation(scenario(product), installed(), rules=None))
    dps = sut._dps
    assert dps is not None
    model = installed()[product].model
    pack = next(pack for pack in dps.contexts.rules._packs.values() if pack.model == model)
    service, telemetry = dps.contexts.rules, RecentTelemetry(dps.store, dps.ground.raw)
    now_ms, blocks = lives(product)
    time_now = SimpleNamespace(calls=0, to_ms=now_ms)
    outlook = Outlook(
        pack, telemetry=telemetry, scheduler=time_now, conditions=service._conditions,
        parts=service._parts, directory=service._directory, states=service._states,
    )  # fmt: skip
    with dps.store.begin() as uow:
        few = service._directory.things(uow.conn, model)
        refs = [replace(few[n % len(few)], thing=f"thing-{n}") for n in range(THINGS)]
        outlook.at(uow, refs[:1], now_ms)  # names the signals that are to be kept
        for begin in range(0, THINGS, 500):
            some = range(begin, begin + 500)
            telemetry.add([(refs[n].thing, blocks[n % len(blocks)]) for n in some])
        time_now.calls += 1
        begun_s = time.process_time()
        decided, number = outlook.at(uow, refs, now_ms)
        found = walk(pack, decided, number, {}, at_ms=now_ms)
        took_s = time.process_time() - begun_s
    await sut.close()
    bare = bare_s([rule.when.source for rule in pack.rules])
    return {"took_s": took_s, "rules": len(pack.rules), "bare_s": bare, "held": len(found)}


def bare_s(conditions: Sequence[str]) -> float:
    """CPU seconds of the CEL library for conditions on as many rows, one by one."""
    from cel import compile as compile_cel

    begun_s = time.process_time()
    for condition in conditions:
        program = compile_cel(condition)
        names = list(program.variables())
        for number in range(THINGS):
            program.execute(dict.fromkeys(names, number / THINGS))
    return time.process_time() - begun_s


def rules_rows(row: Any) -> list[dict[str, Any]]:
    """One line for each product."""
    lines = []
    for product in PRODUCTS:
        command = [sys.executable, __file__, product]
        out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        found = json.loads(out.stdout.splitlines()[-1])
        lines.append(
            row(
                f"one round of the {found['rules']} {product} rules on {THINGS:,} things",
                found["took_s"], "s", GOAL_S,
                "the CEL library on the same conditions, row by row", found["bare_s"],
            )
        )  # fmt: skip
    return lines


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    print(json.dumps(asyncio.run(measured(sys.argv[1]))))
