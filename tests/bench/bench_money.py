"""A month of a thousand contracts, measured, closed, invoiced and sent out.

Customers, contracts and pricings are installed through the public API, and what the things said in
a month comes over the link. Measured is what the DPS does when the month is over, by CPU time of
one core: first the periods of the contracts, then the invoices.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS, CUSTOMERS = 1000, 100
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
BEGIN_MS, END_MS = 1_767_225_600_000, 1_769_904_000_000
"""January 2026."""
GRACE_S = 172_800.0
GOAL_S = 20.0


async def installed(client: Any) -> None:
    """Customers, things, contracts and their pricings."""

    async def put(path: str, body: dict[str, Any]) -> None:
        answer = await client.put(path, json=body)
        assert answer.status_code == 200, answer.text

    signals = {"available": {"unit": "1", "min": 0.0, "max": 1.0}}
    await put("/v1/models/m", {"product": "p", "title": "P", "signals": signals})
    for n in range(CUSTOMERS):
        await put(f"/v1/customers/c-{n}", {"name": f"C {n}"})
        await put(f"/v1/sites/s-{n}", {"customer": f"c-{n}", "name": f"S {n}"})
        pricing = {"by": "x", "customer": f"c-{n}", "model": "outcome", "from_ms": BEGIN_MS}
        await put(f"/v1/pricings/p-{n}", pricing)
    for n in range(CONTRACTS):
        await put(f"/v1/things/t-{n}", {"model": "m", "site": f"s-{n % CUSTOMERS}"})
        contract = {
            "customer": f"c-{n % CUSTOMERS}", "things": [f"t-{n}"], "fee_eur": 180.0,
            "target": 0.997, "up_when": "available > 0.5", "unknown_after_s": 7200.0,
            "grace_s": GRACE_S, "start_ms": BEGIN_MS,
        }  # fmt: skip
        await put(f"/v1/contracts/k-{n}", contract)


def said(number: int) -> list[Any]:
    """A month of a thing, a report an hour, in batches of a day; some stop for some hours."""
    from broker.wire.messages import Sample, TelemetryBatch

    down = range(10 * (number % 50), 10 * (number % 50) + number % 13)
    hours = range((END_MS - BEGIN_MS) // HOUR_MS)
    samples = [
        Sample(at_ms=BEGIN_MS + n * HOUR_MS, seq=n + 1, signals={"available": float(n not in down)})
        for n in hours
    ]
    return [
        TelemetryBatch(device=f"t-{number}", boot=1, samples=samples[n : n + 24])
        for n in range(0, len(samples), 24)
    ]


async def measured() -> dict[str, float]:
    """CPU seconds for periods and for invoices; and what the invoices come to."""
    import httpx

    from broker.link.memory import MemoryBus
    from broker.link.port import Packet
    from broker.wire import topics
    from broker.wire.codec import encode
    from reference_impl.bootstrap import Settings, build

    bus = MemoryBus()
    dps = build("sqlite://", bus.service_link(), Settings())
    devices = bus.device_link()
    await devices.open([f"s-{n}" for n in range(CUSTOMERS)], lambda _: None)
    await dps.start()
    transport = httpx.ASGITransport(app=dps.app)
    delivered: dict[str, int] = {}
    async with httpx.AsyncClient(transport=transport, base_url="http://dps") as client:

        async def until(at_ms: int) -> float:
            begun_s = time.process_time()
            body = {"now_ms": at_ms, "delivered": delivered, "wait_s": 600.0}
            answer = await client.post("/v1/clock", json=body, timeout=900.0)
            assert answer.status_code == 200, answer.text
            return time.process_time() - begun_s

        await installed(client)
        for n in range(CONTRACTS):
            site, batches = f"s-{n % CUSTOMERS}", said(n)
            delivered[site] = delivered.get(site, 0) + sum(len(b.samples) for b in batches)
            await devices.publish([Packet(topics.uplink(site, b), encode(b)) for b in batches])
        await until(END_MS)
        periods_s = await until(END_MS + round(GRACE_S * 1000))
        invoices_s = await until(END_MS + 5 * DAY_MS)
        invoices = (await client.get("/v1/invoices?month=2026-01")).json()["items"]
        periods = (await client.get("/v1/outcomes")).json()["items"]
    await devices.close()
    await dps.stop()
    assert len(periods) == CONTRACTS
    assert {row["state"] for row in invoices} == {"ISSUED"}
    promised = sum(Decimal(str(p["fee_eur"])) - Decimal(str(p["credit_eur"])) for p in periods)
    assert sum(Decimal(str(row["total_eur"])) for row in invoices) == promised
    return {"periods_s": periods_s, "invoices_s": invoices_s, "total_eur": float(promised)}


def bare_s() -> float:
    """CPU seconds to add up as many prices, each read from JSON, and write them again."""
    lines = [json.dumps({"fee": 180.0 + n, "credit": n / 100}) for n in range(CONTRACTS)]
    begun_s = time.process_time()
    rows = [json.loads(line) for line in lines]
    total = sum(Decimal(str(row["fee"])) - Decimal(str(row["credit"])) for row in rows)
    json.dumps([rows, float(total)])
    return time.process_time() - begun_s


def money_rows(row: Any) -> list[dict[str, Any]]:
    """One line for the whole, one for what of it are the invoices."""
    command = [sys.executable, __file__]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(out.stdout.splitlines()[-1])
    whole_s = found["periods_s"] + found["invoices_s"]
    return [
        row(
            f"a month of {CONTRACTS:,} contracts measured and invoiced", whole_s, "s", GOAL_S,
            "reading, adding and writing as many prices", bare_s(),
        ),
        row("of that, the invoices", round(found["invoices_s"], 2), "s", None),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    print(json.dumps(asyncio.run(measured())))
