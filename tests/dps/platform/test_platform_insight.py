"""Insight in the whole DPS: metrics over stored blocks, read by routes and rules."""

from __future__ import annotations

import asyncio

import pytest

THINGS = {"mix-1": "site-01", "mix-2": "site-02"}
MODEL = {
    "product": "mixer",
    "signals": {
        "speed_rpm": {"unit": "rpm", "min": 0.0, "max": 3000.0},
        "temp_c": {"unit": "degC", "min": -20.0, "max": 150.0},
        "strokes": {"unit": "1", "min": 0.0, "max": 1e6},
    },
    "metrics": [
        {
            "id": "twice_c",
            "unit": "degC",
            "kind": "continuous",
            "let": {"t": {"signal": "temp_c"}},
            "formula": "t * 2.0",
        },
        {
            "id": "used",
            "unit": "1",
            "kind": "continuous",
            "algorithm": "counter_use",
            "params": {"signal": "strokes", "rollover": 100.0},
        },
    ],
    "conditions": [
        {
            "id": "kit",
            "position": "seal",
            "algorithm": "linear_use",
            "every_s": 3600,
            "params": {"signal": "strokes", "standard_use": 200.0, "rollover": 100.0},
        }
    ],
}
PACK = {
    "pack": "mixer-hot",
    "version": "1",
    "model": "mixer-1",
    "owner": "service",
    "every": "10m",
    "stale_after": "3h",
    "rules": [
        {
            "id": "twice-hot",
            "let": {"t": {"signal": "twice_c", "take": "max", "over": "2h"}},
            "when": "t > 100.0",
            "for": "0s",
            "severity": "minor",
            "then": [{"alert": {}}],
            "why": "a metric is a signal like others",
            "purpose": "shows that a metric is a signal",
            "expected_per_year": 1.0,
        }
    ],
}


def report(kit, seq, minutes, temp_c, strokes):
    at_ms = kit.START_MS + minutes * 60_000
    return kit.reading("mix-1", seq, at_ms, temp_c=temp_c, strokes=float(strokes % 100))


def test_a_metric_is_read_like_a_signal_and_late_reports_are_in_it_also_after_a_restart(
    kit, tmp_path
):
    """Report 7 comes two hours late, after the DPS was started anew on the same store."""
    url = f"sqlite:///{tmp_path}/dps.sqlite"

    async def first():
        async with kit.open_rig(url, things=THINGS) as rig:
            await rig.put("/v1/models/mixer-1", MODEL)
            await rig.post("/v1/rule-packs", PACK)
            await rig.send("site-01", kit.birth("mix-1"))
            reports = [report(kit, n, 10 * n, 20.0 + n, 95 + 3 * n) for n in range(1, 13) if n != 7]
            await rig.send("site-01", *reports)
            await rig.clock(kit.START_MS + 2 * kit.HOUR_MS)
            told = await rig.get("/v1/things/mix-1/telemetry?signal=twice_c")
            assert told["values"] == [2.0 * (20.0 + n) for n in range(1, 13) if n != 7]
            used = await rig.get("/v1/things/mix-1/telemetry?signal=used")
            assert sum(used["values"]) == 33.0
            assert await rig.feed("alert.raised") == []
            return rig.seen, rig.delivered

    async def second(seen, delivered):
        async with kit.open_rig(url) as rig:
            rig.seen, rig.delivered = seen, delivered
            await rig.send("site-01", report(kit, 7, 70, 60.0, 95 + 21))
            await rig.send("site-01", report(kit, 13, 130, 33.0, 95 + 39))
            await rig.clock(kit.START_MS + 3 * kit.HOUR_MS)
            told = await rig.get("/v1/things/mix-1/telemetry?signal=twice_c")
            assert (len(told["values"]), told["values"][6]) == (13, 120.0)
            used = await rig.get("/v1/things/mix-1/telemetry?signal=used")
            assert sum(used["values"]) == 36.0
            alerts = await rig.feed("alert.raised")
            assert [e["data"]["rule"] for e in alerts] == ["twice-hot"]
            (kit_wear,) = (await rig.get("/v1/things/mix-1/wear"))["items"]
            assert kit_wear["wear_pct"] == pytest.approx(18.0, abs=1.5)
            assert kit_wear["band"] == "good"

    asyncio.run(second(*asyncio.run(first())))


def test_every_view_answers_and_says_what_is_wrong_with_a_question(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.put("/v1/models/mixer-1", MODEL)
            await rig.send("site-01", kit.birth("mix-1"))
            await rig.send("site-01", *(report(kit, n, 10 * n, 20.0, n) for n in range(1, 7)))
            end = kit.START_MS + kit.HOUR_MS
            await rig.clock(end)
            span = f"from_ms={kit.START_MS}&to_ms={end}"
            thing = "/v1/things/mix-1"
            data = await rig.get(f"{thing}/data?signals=temp_c,used&{span}")
            assert [series["readings"] for series in data["series"]] == [6, 6]
            hours = await rig.get(f"{thing}/aggregates?signal=strokes&kpi=use&by=hour&{span}")
            assert (
                sum(row["value"] or 0.0 for row in hours["items"]) == 4.0
            )  # the last is of the next hour
            mean = await rig.get(f"{thing}/comparison?signal=temp_c&at_ms={end}")
            assert (mean["value"], mean["before"]) == (20.0, None)
            bench = await rig.get(f"{thing}/benchmark?signal=temp_c&{span}")
            assert (bench["value"], bench["peers"]) == (20.0, 0)
            assert (await rig.get(f"{thing}/sessions?{span}"))["items"] == []
            found = await rig.get(f"{thing}/diagnosis")
            assert found["connection"]["index_pct"] == 100.0
            assert len((await rig.get("/v1/algorithms"))["items"]) == 9
            assert (await rig.get("/v1/data-flags"))["items"] == []
            wrong = await rig.get(f"{thing}/data?signals=wet&{span}", 422)
            assert "used" in wrong["error"]["problems"][0]["allowed"]
            await rig.get(f"/v1/things/nobody/data?signals=temp_c&{span}", 404)
            body = {**MODEL["conditions"][0], "revision": "b"}
            added = await rig.post("/v1/models/mixer-1/revisions", body)
            assert added["state"] == "shadow"
            step = {"model": "mixer-1", "by": "ada", "why": "test"}
            await rig.post("/v1/conditions/kit/revisions/b/activate", step)
            await rig.post("/v1/conditions/kit/revisions/b/withdraw", step, 409)
            order = {**step, "from_ms": kit.START_MS, "to_ms": end}
            again = await rig.post("/v1/conditions/kit/recompute", order)
            assert again["revision"] == "b"
            assert len((await rig.get("/v1/recomputations"))["items"]) == 1

    asyncio.run(story())
