"""Ten thousand open time limits, and a simulated day in which some or all of them run out.

Incidents of a service level with office hours in a zone with summer time, each with three limits.
Measured is the clock call of the day, by CPU time of one core: what is due is found, noted and told
in the feed. Beside it stands a heap of as many due times that is emptied in order.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OPEN = 10_000
DAY_MS = 86_400_000
MONDAY_MS = 1_767_571_200_000
"""2026-01-05T00:00:00Z."""
GOAL_S = 1.0
HOURS = [["07:00", "19:00"]]
LEVEL = {
    "id": "gold", "tier": "standard", "time_zone": "Europe/Rome", "begins": "report",
    "hours": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), HOURS), "holidays": [],
    "pause_reasons": [],
}  # fmt: skip


async def measured(share: float) -> dict[str, float]:
    """CPU seconds of a day in which ``share`` of the limits run out, each at its own instant."""
    from broker.link.memory import MemoryBus
    from reference_impl.bootstrap import Settings, build

    dps = build("sqlite://", MemoryBus().service_link(), Settings())
    await dps.start()
    dps.timekeeper.advance(MONDAY_MS)
    incidents = dps.contexts.work.incidents
    with dps.store.begin() as uow:
        for number in range(OPEN // 3 + 1):
            # twelve open hours of the day; what runs out later does so on days after it
            first = 1 + number * 200 // (OPEN // 3)
            later = 0 if number < share * OPEN / 3 else 5_000
            limits = {"acknowledge": first, "respond": first + 200, "restore": first + 400}
            terms = {"P1": {what: minutes + later for what, minutes in limits.items()}}
            subject = {"id": f"wo-{number}", "thing": f"t-{number}", "site": "s", "customer": "c",
                       "priority": "P1"}  # fmt: skip
            at_ms = MONDAY_MS
            incidents.begin(uow, subject, {**LEVEL, "priorities": terms}, t0_ms=at_ms - number,
                            at_ms=at_ms)  # fmt: skip
    begun_s = time.process_time()
    dps.timekeeper.advance(MONDAY_MS + DAY_MS)
    took_s = time.process_time() - begun_s
    with dps.store.read() as conn:
        told = len(incidents.breached(conn))
    await dps.stop()
    return {"took_s": took_s, "bare_s": bare_s(), "incidents": told}


def bare_s() -> float:
    """CPU seconds of a heap with as many due times that is filled and emptied."""
    begun_s = time.process_time()
    heap: list[tuple[int, str]] = []
    for number in range(OPEN):
        heapq.heappush(heap, (number * 7919 % DAY_MS, f"wo-{number}"))
    while heap:
        heapq.heappop(heap)
    return time.process_time() - begun_s


def sla_rows(row: Any) -> list[dict[str, Any]]:
    """One line for a usual day, one for a day on which everything runs out."""
    lines = []
    for share, which in ((0.1, "a tenth of them"), (1.0, "all of them")):
        command = [sys.executable, __file__, str(share)]
        out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        found = json.loads(out.stdout.splitlines()[-1])
        lines.append(
            row(
                f"{OPEN:,} open time limits, a day in which {which} run out", found["took_s"], "s",
                GOAL_S, "a heap of as many due times, emptied", found["bare_s"],
            )
        )  # fmt: skip
    return lines


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    print(json.dumps(asyncio.run(measured(float(sys.argv[1])))))
