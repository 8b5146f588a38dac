"""One evaluation round of a product's whole rule pack on ten thousand things.

A few devices live a day in a world of their own; what they say is said by ten thousand. The packs
are installed through the public API, and the clock call that holds the round is measured, by CPU
time of one core. Beside it stands the CEL library evaluating the same conditions row by row.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
THINGS, LIVING = 10_000, 20
PRODUCTS = ("pump", "ventilation", "bin")
HOUR_MS = 3_600_000
EVERY_MS = 600_000
PAST_MS = 26 * HOUR_MS
"""Longer than any window of the packs."""
GOAL_S = 2.0


def scenario(product: str, sites: int) -> Any:
    """A fleet of two devices a site."""
    from harness.scenario import build
    from harness.scenario.schema import Scenario

    fleet = build.fleet(product, sites=sites, devices_per_site=2, report_every="10m")
    return Scenario(title=product, run=build.run("2026-01-05T00:00:00Z", "3d"), fleets=(fleet,))


def lives(product: str) -> list[Any]:
    """What the few devices say: births, a day and a bit, and one report more, in three parts."""
    from harness.engine.assembly import build_world
    from harness.scenario.products import installed

    world = build_world(scenario(product, LIVING // 2), installed(), seed=7)[0]
    start_ms, own = world.now_ms, set[str]()
    parts: list[Any] = [[message for _, message in world.start().messages]]
    own = {message.device for message in parts[0] if message.product == product}
    for to_ms in (start_ms + PAST_MS, start_ms + PAST_MS + EVERY_MS):
        parts += [[message for _, message in world.run_until(to_ms).messages]]
    return [[message for message in part if message.device in own] for part in parts]


def said_by_all(parts: Sequence[Any], things: Sequence[tuple[str, str]]) -> Iterator[list[Any]]:
    """The same parts, said by each of ``things`` (site, id) as packets; reports as batches."""
    from broker.link.port import Packet
    from broker.wire import codec, topics
    from broker.wire.messages import Sample, Telemetry, TelemetryBatch

    for part in parts:
        said: dict[str, list[Any]] = {}
        for message in part:
            said.setdefault(message.device, []).append(message)
        templates = []
        for device, messages in said.items():
            one = messages[0]
            if isinstance(one, Telemetry):
                samples = [
                    Sample(seq=m.seq, at_ms=m.at_ms, signals=m.signals)
                    for m in messages
                    if isinstance(m, Telemetry)
                ]
                one = TelemetryBatch(device=device, boot=1, samples=samples)
            templates.append((device, one, codec.encode(one)))
        packets = []
        for number, (site, thing) in enumerate(things):
            device, message, payload = templates[number % len(templates)]
            topic = topics.uplink(site, message).replace(f"/{device}/", f"/{thing}/")
            packets.append(Packet(topic, payload.replace(device.encode(), thing.encode())))
        yield packets


async def measured(product: str) -> dict[str, float]:
    """CPU seconds of the clock call with one round of the standard pack, and of the yardstick."""
    from broker.link.memory import MemoryBus
    from harness.scenario.products import installed
    from harness.sut.reference import InProcessReference
    from harness.sut.setup import installation

    bus, folder = MemoryBus(), tempfile.TemporaryDirectory()
    store = f"sqlite:///{folder.name}/rules.sqlite"
    sut = InProcessReference(bus.service_link, store_url=store, clock="driven")
    await sut.open()
    calls = installation(scenario(product, THINGS // 2), installed(), rules=None)
    packs = [call for call in calls if call.path == "/v1/rule-packs"]
    await sut.install([call for call in calls if call not in packs])
    things = [
        (call.body["site"], call.path.rpartition("/")[2])
        for call in calls
        if call.path.startswith("/v1/things/") and call.body["model"] == packs[0].body["model"]
    ]
    link = bus.device_link()
    await link.open([], lambda _packet: None)
    delivered: dict[str, int] = {}
    now_ms = 1_767_571_200_000
    took_s = 0.0
    for number, packets in enumerate(said_by_all(lives(product), things)):
        now_ms += (0, PAST_MS, EVERY_MS)[number]
        for begin in range(0, len(packets), 500):
            await link.publish(packets[begin : begin + 500])
            await asyncio.sleep(0.001)  # let the service take them
        if number == 2:
            await sut.install(packs)
        begun_s = time.process_time()
        await sut.clock(now_ms, delivered, 60.0)
        took_s = time.process_time() - begun_s
    await sut.close()
    folder.cleanup()
    rules = packs[0].body["rules"]
    return {"took_s": took_s, "rules": len(rules), "bare_s": bare_s(rules), "things": len(things)}


def bare_s(rules: Sequence[Any]) -> float:
    """CPU seconds of the CEL library for the same conditions on as many rows, one by one."""
    from cel import compile as compile_cel

    begun_s = time.process_time()
    for rule in rules:
        program = compile_cel(rule["when"])
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
                f"one round of the {found['rules']} {product} rules on {found['things']:,} things",
                found["took_s"], "s", GOAL_S,
                "the CEL library on the same conditions, row by row", found["bare_s"],
            )
        )  # fmt: skip
    return lines


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    print(json.dumps(asyncio.run(measured(sys.argv[1]))))
