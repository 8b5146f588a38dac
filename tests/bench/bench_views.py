"""Reading the list of ten thousand machines: every filter, page by page, while reports come in.

The machines report 500 times a second of simulated time between the readings; each request goes
through the whole HTTP stack in this process, and its CPU time is taken. Beside it stands the same
stack answering ``/v1/info``, which looks nothing up.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

THINGS, REQUESTS = 10_000, 400
PER_S = 500
START_MS = 1_767_225_600_000
GOAL_MS = 50.0
QUERIES = (
    "limit=100", "limit=100&after=mixer-05000", "search=mixer-0777", "connection=offline",
    "operating=error", "failures=true&contract=true", "customer=c-3&connection=online",
    "search=site-42&operating=standby",
)  # fmt: skip
MODEL = {
    "product": "mixer",
    "title": "Mixer",
    "signals": {"heat": {"unit": "1", "min": 0.0, "max": 100.0}},
}
PACK = {
    "pack": "p", "version": "1", "model": "mixer-1", "owner": "bench", "every": "1m",
    "stale_after": "1h",
    "rules": [{
        "id": "hot", "let": {"heat": {"signal": "heat", "take": "last", "over": "1h"}},
        "when": "heat > 90.0", "severity": "failure", "then": [{"alert": {}}], "why": "hot",
    }],
}  # fmt: skip


async def measured() -> dict[str, float]:
    """The 99th percentile of CPU milliseconds of a request, and of one that looks nothing up."""
    import httpx

    from broker.link.memory import MemoryBus
    from reference_impl.bootstrap import build

    bus = MemoryBus()
    dps = build("sqlite://", bus.service_link())
    await dps.start()
    things = [f"mixer-{number:05}" for number in range(THINGS)]
    sites = [f"site-{number:02}" for number in range(50)]
    transport = httpx.ASGITransport(app=dps.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://dps/v1") as client:

        async def call(method: str, path: str, body: Any) -> None:
            answer = await client.request(method, path, json=body)
            assert answer.status_code == 200, answer.text

        for number in range(10):
            await call("PUT", f"/customers/c-{number}", {"name": f"Customer {number}"})
        for number, site in enumerate(sites):
            await call("PUT", f"/sites/{site}", {"customer": f"c-{number % 10}", "name": site})
        await call("PUT", "/models/mixer-1", MODEL)
        for number, thing in enumerate(things):
            site = sites[number % len(sites)]
            await call("PUT", f"/things/{thing}", {"model": "mixer-1", "site": site})
        await call("POST", "/rule-packs", PACK)
        contract = {
            "customer": "c-1", "things": things[::10], "fee_eur": 1.0, "target": 0.9,
            "up_when": "heat < 99.0", "start_ms": START_MS,
        }  # fmt: skip
        await call("PUT", "/contracts/k-1", contract)
        link = bus.device_link()
        await link.open([], lambda _packet: None)
        for second in range(THINGS // PER_S):
            await _report(link, things, sites, second)
        await call("POST", "/clock", {"now_ms": START_MS + 60_000, "delivered": {}, "wait_s": 60.0})
        took, bare = [], []
        for number in range(REQUESTS):
            await _report(link, things, sites, number % 20, boot=2 + number // 20)
            took.append(await _cpu_ms(client, f"/views/machines?{QUERIES[number % len(QUERIES)]}"))
            bare.append(await _cpu_ms(client, "/info"))
    await dps.stop()
    return {"p99_ms": sorted(took)[REQUESTS * 99 // 100], "bare_ms": sorted(bare)[REQUESTS // 2]}


async def _cpu_ms(client: Any, path: str) -> float:
    begun_s = time.process_time()
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return (time.process_time() - begun_s) * 1000


async def _report(
    link: Any, things: list[str], sites: list[str], second: int, boot: int = 1
) -> None:
    """What comes in during one second: every 20th thing's report, some of them too hot."""
    from broker.link.port import Packet
    from broker.wire import topics
    from broker.wire.codec import encode
    from broker.wire.messages import Telemetry

    packets = []
    for number in range(second, len(things), THINGS // PER_S):
        heat = 95.0 if number % 50 == 0 else 40.0
        message = Telemetry(
            device=things[number], boot=boot, seq=1, at_ms=START_MS + second * 1000 + boot,
            signals={"heat": heat},
        )  # fmt: skip
        packets.append(Packet(topics.uplink(sites[number % len(sites)], message), encode(message)))
    await link.publish(packets)
    await asyncio.sleep(0.001)  # let the service take them


def view_rows(row: Any) -> list[dict[str, Any]]:
    """The line of the table."""
    found = asyncio.run(measured())
    return [
        row(
            f"list of {THINGS:,} machines, filtered, p99", found["p99_ms"], "ms", GOAL_MS,
            "the same HTTP stack with nothing to look up", found["bare_ms"],
        )
    ]  # fmt: skip
