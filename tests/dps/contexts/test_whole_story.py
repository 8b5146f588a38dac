"""From a wearing machine to a closed work order, over HTTP where actors act."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import httpx
import numpy as np
from fastapi import FastAPI

from reference_impl.insight.api import router as insight_router
from reference_impl.maintenance.api import router as maintenance_router
from reference_impl.orders.api import router as orders_router
from reference_impl.outcomes.contracts.api import router as outcomes_router
from reference_impl.rules.api import router as rules_router

M, H, DAY = 60_000, 3_600_000, 24 * 3_600_000
PACK = {
    "pack": "standard",
    "version": "1.0.0",
    "model": "pump-duplex-7k5",
    "owner": "service",
    "every": "10m",
    "stale_after": "30m",
    "rules": [
        {
            "id": "order-point",
            "let": {
                "runout_h": {"condition": "bearing_wear", "field": "runout_p10_h"},
                "lead_h": {"part": "bearing-set", "field": "lead_time_p90_h"},
            },
            "when": "runout_h <= lead_h + 336.0",
            "severity": "operation",
            "then": [{"recommend": {"part": "bearing-set", "position": "bearing"}}],
            "why": "order point by lead time",
        }
    ],
}


class Desk:
    """Calls the API of a rig, each call on its own."""

    def __init__(self, rig: Any) -> None:
        app = FastAPI()
        clock = _RigClock(rig)
        for make, service in (
            (insight_router, rig.analytics),
            (orders_router, rig.orders),
            (rules_router, rig.rules),
            (partial(maintenance_router, rig.maintenance, rig.work.desk), rig.work.incidents),
            (outcomes_router, rig.outcomes),
        ):
            app.include_router(make(service, clock, rig.store))
        self._app = app

    def call(self, method: str, path: str, body: Any = None) -> Any:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://dps") as client:
                return await client.request(method, path, json=body)

        answer = asyncio.run(once())
        assert answer.status_code == 200, answer.text
        return answer.json()


class _RigClock:
    def __init__(self, rig: Any) -> None:
        self._rig = rig

    def now_ms(self) -> int:
        return int(self._rig.now_ms)


def wearing(rig: Any, days: int) -> None:
    """Damage from day 4, the end on day 34; vibration at ten-minute intervals."""
    at_ms = np.arange(10 * M, days * DAY, 10 * M)
    u = np.clip((at_ms / DAY - 4) / 30, 0.0, 1.0)
    level = 1.2 + 4.8 * np.expm1(3.6 * u) / np.expm1(3.6)
    noise = np.random.default_rng(1).normal(1.0, 0.02, at_ms.size)
    rig.telemetry.add("pump-01", "vibration_mm_s", at_ms, level * noise)


def test_a_wearing_machine_gets_one_order_and_one_work_order_in_time(rig: Any) -> None:
    rig.install("pump-01", "pump-02", mode="approval")
    desk = Desk(rig)
    assert desk.call("POST", "/v1/rule-packs?dry_run=true", PACK)["ok"] is True
    desk.call("POST", "/v1/rule-packs", PACK)
    wearing(rig, days=20)

    rig.advance(20 * DAY)
    (rec,) = desk.call("GET", "/v1/recommendations")["items"]
    due_h = rec["values"]["runout_h"]
    assert 400 < due_h <= 576
    assert rec["issued_ms"] < 20 * DAY
    by = {"by": "customer-1"}
    desk.call("POST", f"/v1/recommendations/{rec['id']}/approve", by)
    order = desk.call("GET", "/v1/orders")["items"][0]["id"]
    for step in ("confirm", "ship", "deliver"):
        desk.call("POST", f"/v1/orders/{order}/{step}", {"by": "acme"})
    work_order = desk.call("GET", "/v1/work-orders")["items"][0]["id"]
    plan = {"by": "crew-1", "start_ms": 21 * DAY, "crew": "crew-1"}
    desk.call("POST", f"/v1/work-orders/{work_order}/plan", plan)
    for step in ("depart", "arrive"):
        desk.call("POST", f"/v1/work-orders/{work_order}/{step}", {"by": "crew-1"})
    done = {"by": "crew-1", "serial": "sn-7", "readings": {"vibration_mm_s": 1.2}}
    desk.call("POST", f"/v1/work-orders/{work_order}/complete", done)
    after_ms = np.arange(20 * DAY + 10 * M, 30 * DAY, 10 * M)
    rig.telemetry.add("pump-01", "vibration_mm_s", after_ms, np.full(after_ms.size, 1.2))
    rig.advance(30 * DAY)

    told = [e.kind for e in rig.feed if not e.kind.startswith("condition.")]
    assert told == [
        "recommendation.issued",
        "compliance.classed",  # nobody had decided for two weeks
        "recommendation.approved",
        "order.placed",
        "order.confirmed",
        "order.shipped",
        "order.delivered",
        "work_order.requested",
        "work_order.planned",
        "work_order.departed",
        "work_order.arrived",
        "work_order.completed",
        "part.fitted",
        "recommendation.fulfilled",
        "work_order.verified",
        "work_order.closed",
    ]
    (shown,) = desk.call("GET", "/v1/conditions?thing=pump-01")["items"]
    assert (shown["cycle"], shown["wear_pct"]) == (2, 0.0)
    assert desk.call("GET", "/v1/register")["items"][0]["serial"] == "sn-7"
    assert desk.call("GET", "/v1/needs")["items"][0]["state"] == "FULFILLED"


def test_the_dry_run_takes_a_pack_with_its_tests_and_installs_nothing(rig: Any) -> None:
    rig.install("pump-01")
    desk = Desk(rig)
    case = {
        "name": "due",
        "every": "10m",
        "conditions": {"bearing_wear.runout_p10_h": "inf 500"},
        "expect": [{"at": "10m", "firing": []}, {"at": "20m", "firing": ["order-point"]}],
    }
    answer = desk.call("POST", "/v1/rule-packs?dry_run=true", {"pack": PACK, "tests": [case]})
    told = [warning["where"] for warning in answer.pop("warnings")]
    assert told == ["order-point.purpose", "order-point.expected_per_year"]
    assert answer == {
        "ok": True,
        "problems": [],
        "tests": [
            {
                "name": "due",
                "passed": True,
                "expected": ["order-point"],
                "seen": ["order-point"],
                "at": "20m",
            }
        ],
    }
    broken = desk.call("POST", "/v1/rule-packs?dry_run=true", {**PACK, "owner": 3})
    assert [p["where"] for p in broken["problems"]] == ["owner"]
    assert desk.call("GET", "/v1/rule-packs") == {"items": []}


def test_no_answer_of_a_story_holds_a_number_that_json_cannot_write(rig: Any) -> None:
    """Infinite run-outs are known to rules, and never shown."""
    rig.install("pump-01")
    first = PACK["rules"][0]  # type: ignore[index]
    rule = {**first, "when": "runout_h > lead_h", "then": [{"alert": {}}]}
    desk = Desk(rig)
    desk.call("POST", "/v1/rule-packs", {**PACK, "rules": [rule]})
    at_ms = np.arange(10 * M, 3 * DAY, 10 * M)
    rig.telemetry.add("pump-01", "vibration_mm_s", at_ms, np.full(at_ms.size, 1.2))
    rig.advance(3 * DAY)

    (alert,) = desk.call("GET", "/v1/alerts")["items"]
    assert alert["values"] == {"lead_h": 240.0}
