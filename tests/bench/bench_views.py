"""Reading the list of ten thousand machines, and one of them, while 500 reports a second come in.

A task sends the reports at that rate of the wall's clock while another reads: every filter, page by
page, and the pages of single machines, 40 requests a second. A request's latency runs from when it
was meant to begin to its answer, so that waiting behind a batch of reports counts: by the clock on
the wall, as its reader waits, and without the time in which this process did not compute, so that
other processes do not count. Beside it stands the same stack answering ``/v1/info``, which
looks nothing up.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

THINGS, ROUNDS = 10_000, 250
PER_S, BATCHES_PER_S = 500, 20
RATE_MIN = 0.95
"""Of the reports that should have come in while it was read; below, the figures are of no use."""
READS_PER_S = 40
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
    """The 99th percentile of latencies in ms, also of requests that look nothing up."""
    import httpx

    from broker.link.memory import MemoryBus
    from reference_impl.bootstrap import build
    from reference_impl.entrypoints.http import spare_the_old

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
        _install(dps, things)
        await call("POST", "/rule-packs", PACK)
        contract = {
            "customer": "c-1", "things": things[::10], "fee_eur": 1.0, "target": 0.9,
            "up_when": "heat < 99.0", "start_ms": START_MS,
        }  # fmt: skip
        await call("PUT", "/contracts/k-1", contract)
        link = bus.device_link()
        await link.open([], lambda _packet: None)
        for second in range(THINGS // PER_S):
            await _report(dps, link, things, second)
        await call("POST", "/clock", {"now_ms": START_MS + 60_000, "delivered": {}, "wait_s": 60.0})
        spare_the_old()  # as in the process of a DPS
        found = await _read_meanwhile(dps, link, things, client)
    await dps.stop()
    return found


async def _read_meanwhile(dps: Any, link: Any, things: list[str], client: Any) -> dict[str, float]:
    """Read while reports come in; how long requests took, and what came in."""
    before, begun_s = dps.contexts.ingestion.total, time.perf_counter()
    writing = asyncio.create_task(_keep_reporting(link, things))
    lists, pages, bare = [], [], []
    for number in range(ROUNDS):
        query, thing = QUERIES[number % len(QUERIES)], things[number * 37 % THINGS]
        page = f"/things/{thing}" if number % 2 else f"/alerts?thing={thing}&state=open"
        for place, (took, path) in enumerate(
            ((lists, f"/views/machines?{query}"), (pages, page), (bare, "/info"))
        ):
            due_s = begun_s + (number * 3 + place) / READS_PER_S
            took.append(await _latency_ms(client, path, due_s))
    writing.cancel()
    rate = (dps.contexts.ingestion.total - before) / (time.perf_counter() - begun_s)
    assert rate >= RATE_MIN * PER_S, f"only {rate:.0f} reports a second came in"
    found = {"per_s": rate}
    for name, took in (("lists", lists), ("pages", pages), ("bare", bare)):
        found[f"{name}_ms"] = _p99([computed for computed, _ in took])
        found[f"{name}_wall_ms"] = _p99([waited for _, waited in took])
    return found


async def _until(due_s: float) -> None:
    """Wait for a time of the wall's clock: the pace is what is measured at."""
    reached = asyncio.Event()
    wait_s = max(0.0, due_s - time.perf_counter())
    asyncio.get_running_loop().call_later(wait_s, reached.set)
    await reached.wait()


async def _latency_ms(client: Any, path: str, due_s: float) -> tuple[float, float]:
    """From when a request was meant to begin to its answer, without other processes and with."""
    before_s = time.process_time()
    await _until(due_s)
    begun_s, late_s = time.process_time(), time.perf_counter() - due_s
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    waited_s = min(late_s, begun_s - before_s)
    return (waited_s + time.process_time() - begun_s) * 1000, (time.perf_counter() - due_s) * 1000


def _p99(took: list[float]) -> float:
    return sorted(took)[len(took) * 99 // 100]


async def _keep_reporting(link: Any, things: list[str]) -> None:
    """Send what the machines report, at 500 a second, whoever else is served meanwhile."""
    many = PER_S // BATCHES_PER_S
    begun_s = time.perf_counter()
    for batch in range(10**9):
        first = batch * many % THINGS
        boot = 2 + batch * many // THINGS
        await link.publish([_message(things, n, 0, boot) for n in range(first, first + many)])
        due_s = begun_s + (batch + 1) / BATCHES_PER_S
        await _until(due_s)


def _install(dps: Any, things: list[str]) -> None:
    """Ten thousand things at once, as the registry's rows and its news."""
    from reference_impl.published import ThingInstalled
    from reference_impl.registry.adapters.tables import things as table

    rows = [
        {"id": thing, "model": "mixer-1", "site": f"site-{number % 50:02}", "serial": thing,
         "title": thing}
        for number, thing in enumerate(things)
    ]  # fmt: skip
    with dps.store.begin() as uow:
        uow.conn.execute(table.insert(), rows)
        for row in rows:
            uow.publish(ThingInstalled(thing=row["id"], model="mixer-1", site=row["site"]))


async def _report(dps: Any, link: Any, things: list[str], second: int, boot: int = 1) -> None:
    """What comes in during one second: every 20th thing's report, some of them too hot."""
    numbers = range(second, len(things), THINGS // PER_S)
    packets = [_message(things, number, second, boot) for number in numbers]
    wanted = dps.contexts.ingestion.total + len(packets)
    await link.publish(packets)
    while dps.contexts.ingestion.total < wanted:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0)


def _message(things: list[str], number: int, second: int, boot: int) -> Any:
    """The report of one machine."""
    from broker.link.port import Packet
    from broker.wire import topics
    from broker.wire.codec import encode
    from broker.wire.messages import Telemetry

    message = Telemetry(
        device=things[number], boot=boot, seq=1, at_ms=START_MS + second * 1000 + boot,
        signals={"heat": 95.0 if number % 50 == 0 else 40.0},
    )  # fmt: skip
    return Packet(topics.uplink(f"site-{number % 50:02}", message), encode(message))


def view_rows(row: Any) -> list[dict[str, Any]]:
    """The lines of the table."""
    found = asyncio.run(measured())
    stack = "the same HTTP stack with nothing to look up"
    while_s = f"while {found['per_s']:.0f} reports/s come in"
    kinds = {"lists": f"list of {THINGS:,} machines, filtered", "pages": "page of a machine"}
    lines = []
    for kind, what in kinds.items():
        for unit, how in (("_ms", ""), ("_wall_ms", " on the wall")):
            title = f"{what}, p99{how}, {while_s}"
            lines.append(row(title, found[kind + unit], "ms", GOAL_MS, stack, found["bare" + unit]))
    return lines
