"""A month's outcome of a thousand contracts.

A thousand things have reported for a month, each ten minutes, and some stood for a while; the
readings are in the store, six hours to a block. Each thing is under a contract with a rectification
period, an exclusion and time for objections. Measured is the clock call that closes all periods, by
CPU time of one core: reading, classes, figure, credit, frozen inputs, events, one transaction.
Beside it stands the least: the same blocks read from the same store and unpacked, and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = 1_000
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
START_MS = 1_767_225_600_000
MONTH_MS = 31 * DAY_MS
GRACE_MS = 2 * DAY_MS
GOAL_S = 20.0
MODEL = {
    "product": "mixer",
    "title": "A mixer",
    "signals": {"able": {"unit": "1", "min": 0.0, "max": 1.0}},
}
TERMS: dict[str, Any] = {
    "customer": "alpha", "fee_eur": 180.0, "target": 0.997, "up_when": "able > 0.5",
    "rectify_s": 7200.0, "grace_s": GRACE_MS / 1000, "objection_s": 0.0, "start_ms": START_MS,
    "exclusions": ["mains"],
}  # fmt: skip


def lives(thing: int) -> list[Any]:
    """A month of readings as blocks; it stood for five hours on a day of its own."""
    from broker.wire.messages import Telemetry
    from reference_impl.ingestion.domain import pack

    stood_ms = START_MS + thing % 31 * DAY_MS
    blocks = []
    for begin_ms in range(START_MS, START_MS + MONTH_MS, 6 * HOUR_MS):
        said = [
            Telemetry(
                device=f"mix-{thing}", boot=1, seq=n, at_ms=at_ms,
                signals={"able": float(not stood_ms <= at_ms < stood_ms + 5 * HOUR_MS)},
            )
            for n, at_ms in enumerate(range(begin_ms, begin_ms + 6 * HOUR_MS, 10 * MINUTE_MS), 1)
        ]  # fmt: skip
        blocks.append(((f"mix-{thing}", 1), pack(said)))
    return blocks


async def measured() -> dict[str, float]:
    """CPU seconds of closing all periods, and of the yardstick."""
    import httpx

    from broker.link.memory import MemoryBus
    from reference_impl.bootstrap import build
    from reference_impl.ingestion.domain import unpack

    dps = build("sqlite://", MemoryBus().service_link())
    await dps.start()
    transport = httpx.ASGITransport(app=dps.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://dps") as client:

        async def done(method: str, path: str, body: dict[str, Any]) -> Any:
            answer = await client.request(method, path, json=body, timeout=600.0)
            assert answer.status_code == 200, answer.text
            return answer.json()

        async def clock(now_ms: int) -> None:
            await done("POST", "/v1/clock", {"now_ms": now_ms, "delivered": {}, "wait_s": 0.0})

        await done("PUT", "/v1/customers/alpha", {"name": "Alpha"})
        await done("PUT", "/v1/sites/site-a", {"customer": "alpha", "name": "A"})
        await done("PUT", "/v1/models/mixer-1", MODEL)
        for n in range(CONTRACTS):
            body = {"model": "mixer-1", "site": "site-a"}
            await done("PUT", f"/v1/things/mix-{n}", body)
        await clock(START_MS)
        for n in range(CONTRACTS):
            await done("PUT", f"/v1/contracts/c-{n}", {**TERMS, "things": [f"mix-{n}"]})
            excluded = {"by": "provider", "reason": "mains", "evidence": "a letter"}
            excluded |= {"from_ms": START_MS + DAY_MS, "to_ms": START_MS + DAY_MS + HOUR_MS}
            asked = await done("POST", f"/v1/contracts/c-{n}/exclusions", excluded)
            await done("POST", f"/v1/exclusions/{asked['id']}/approve", {"by": "customer"})
            with dps.store.begin() as uow:
                dps.ground.raw.write(uow, blocks=lives(n), logs={}, counts={}, latest={})
        end_ms = START_MS + MONTH_MS + GRACE_MS
        await clock(end_ms - 1)
        begun_s = time.process_time()
        await clock(end_ms)
        took_s = time.process_time() - begun_s
        found = (await client.get("/v1/outcomes")).json()["items"]
        assert len(found) == CONTRACTS, len(found)
        assert {row["state"] for row in found} == {"FINAL"}
        begun_s = time.process_time()
        with dps.store.read() as conn:
            blocks = dps.ground.raw.blocks(conn, after_ms=-1)
            readings = sum(unpack(block)[0].size for _, block in blocks)
        bare_s = time.process_time() - begun_s
    await dps.stop()
    return {"took_s": took_s, "bare_s": bare_s, "readings": readings}


def outcome_rows(row: Any) -> list[dict[str, Any]]:
    """The line of the table."""
    command = [sys.executable, __file__]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(out.stdout.splitlines()[-1])
    return [
        row(
            f"a month's outcome of {CONTRACTS:,} contracts ({found['readings']:,} readings)",
            found["took_s"], "s", GOAL_S, "their readings read from the store", found["bare_s"],
        )
    ]  # fmt: skip


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    print(json.dumps(asyncio.run(measured())))
