"""All contexts together: a part wears, is ordered, fitted and verified; also with restarts."""

from __future__ import annotations

import asyncio
import math

from broker.link.memory import MemoryBus

DAYS = 32
CONDITION = {
    "id": "seal_wear",
    "position": "shaft",
    "algorithm": "exponential_rise",
    "version": "1",
    "every_s": 21_600,
    "params": {
        "signal": "temp_c",
        "limit": 60.0,
        "curvature": 3.6,
        "baseline_s": 172_800,
        "window_s": 86_400,
        "trend_s": 864_000,
    },
}
PACK = {
    "pack": "mixer-standard",
    "version": "1.0.0",
    "model": "mixer-1",
    "owner": "service",
    "every": "1h",
    "stale_after": "6h",
    "rules": [
        {
            "id": "hot",
            "let": {"temp_c": {"signal": "temp_c", "take": "mean", "over": "3h"}},
            "when": "temp_c > 35.0",
            "for": "1h",
            "severity": "minor",
            "then": [{"alert": {}}],
            "why": "above what the seal bears for long",
        },
        {
            "id": "order-point",
            "let": {"wear_pct": {"condition": "seal_wear", "field": "wear_pct"}},
            "when": "wear_pct > 60.0",
            "for": "0s",
            "severity": "operation",
            "then": [{"recommend": {"part": "seal", "position": "shaft", "quantity": 1}}],
            "why": "three fifths are used up",
        },
    ],
}


async def install(rig, kit):
    model = {
        **kit.MODEL,
        "parts": [{"part": "seal", "position": "shaft", "quantity": 1}],
        "conditions": [CONDITION],
    }
    await rig.put("/v1/customers/acme", {"name": "Acme"})
    await rig.put("/v1/sites/site-01", {"customer": "acme", "name": "One"})
    await rig.put("/v1/models/mixer-1", model)
    lead = {"p50": 48.0, "p90": 96.0}
    part = {"title": "Seal", "price_eur": 80.0, "supplier": "sealco", "lead_time_h": lead}
    await rig.put("/v1/parts/seal", {**part, "models": ["mixer-1"]})
    await rig.put("/v1/things/mix-1", {"model": "mixer-1", "site": "site-01"})
    await rig.put("/v1/policies/acme", {"mode": "auto", "max_unit_price_eur": 100.0})
    contract = {"customer": "acme", "things": ["mix-1"], "fee_eur": 100.0, "target": 0.99}
    terms = {"step": 0.001, "credit_pct_per_step": 2.0, "cap_pct": 20.0, "grace_s": 0}
    clause = {"up_when": "temp_c < 100.0", "unknown_after_s": 10_800, "start_ms": kit.START_MS}
    await rig.put("/v1/contracts/c-1", {**contract, **terms, **clause})
    await rig.post("/v1/rule-packs", PACK)


NEXT = {
    "order.placed": ("orders", "confirm", {}),
    "order.confirmed": ("orders", "ship", {}),
    "order.shipped": ("orders", "deliver", {}),
    "work_order.requested": ("work-orders", "plan", {"crew": "crew-1"}),
    "work_order.planned": ("work-orders", "depart", {}),
    "work_order.departed": ("work-orders", "arrive", {}),
    "work_order.arrived": ("work-orders", "complete", {"serial": "S-2", "readings": {}}),
}


async def act(rig, event, now_ms):
    """Do what an actor does about an event; gives whether a part was fitted."""
    if event["type"] not in NEXT:
        return False
    kind, verb, more = NEXT[event["type"]]
    body = {"by": "actor", **more, **({"start_ms": now_ms} if verb == "plan" else {})}
    key = {"Idempotency-Key": f"{verb}-{event['subject']}"}
    path = f"/v1/{kind}/{event['subject']}/{verb}"
    assert await rig.post(path, body, **key) == await rig.post(path, body, **key)
    return verb == "complete"


async def day(rig, kit, number, state):
    """Six hours at a time: reports every hour, the clock, one action of the actors."""
    for hour in range(number * 24, number * 24 + 24):
        now_ms = kit.START_MS + hour * kit.HOUR_MS
        wear = min((hour - state["fitted_h"]) / (24 * 25), 1.0)
        temp_c = 20.0 + 40.0 * math.expm1(3.6 * wear) / math.expm1(3.6)
        await rig.send("site-01", kit.reading("mix-1", hour + 1, now_ms, temp_c=round(temp_c, 2)))
        if hour % 6 == 0:
            answer = await rig.clock(now_ms)
            events = await rig.feed(after=state["cursor"])
            state["cursor"] = answer["feed_cursor"]
            for event in events:
                if await act(rig, event, now_ms):
                    state["fitted_h"] = hour


async def live_through(kit, url, *, restarts):
    bus, state = MemoryBus(), {"cursor": "0", "fitted_h": 0}
    seen, delivered = set(), {}
    span = DAYS if not restarts else 4
    for first in range(0, DAYS, span):
        async with kit.open_rig(url, bus=bus) as rig:
            rig.seen, rig.delivered = seen, delivered
            if first == 0:
                await install(rig, kit)
                await rig.send("site-01", kit.birth("mix-1"))
            for number in range(first, min(first + span, DAYS)):
                await day(rig, kit, number, state)
            await rig.stored()
            feed = (await rig.get("/v1/feed?limit=10000"))["events"]
            views = [
                await rig.get(f"/v1/{name}")
                for name in ("conditions", "alerts", "orders", "work-orders", "outcomes")
            ]
            thing = await rig.get("/v1/things/mix-1")
    return feed, views, thing


def test_the_loop_closes_once_per_cycle_and_restarts_change_nothing(kit, new_store):
    feed, views, thing = asyncio.run(live_through(kit, "sqlite://", restarts=False))
    kinds = [e["type"] for e in feed if e["type"] != "condition.evaluated"]
    once = ("recommendation.issued", "order.placed", "order.delivered", "work_order.closed")
    for kind in (*once, "part.fitted", "recommendation.fulfilled", "outcome.period_closed"):
        assert kinds.count(kind) == 1, (kind, kinds)
    (fitted,) = [e for e in feed if e["type"] == "part.fitted"]
    assert (fitted["data"]["serial"], fitted["data"]["cycle"]) == ("S-2", 2)
    (closed,) = [e for e in feed if e["type"] == "outcome.period_closed"]
    assert closed["data"]["availability"] > 0.99
    assert thing["conditions"][0]["cycle"] == 2
    assert thing["conditions"][0]["wear_pct"] < 60.0
    again = asyncio.run(live_through(kit, new_store(), restarts=True))
    assert again[0] == feed
    assert again[1] == views
