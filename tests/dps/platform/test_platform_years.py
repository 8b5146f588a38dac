"""Readings of a wrong year are kept apart: nobody decides, computes or shows by them."""

from __future__ import annotations

import asyncio
from collections import Counter

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from mixing_rules import HOT
from msgspec import json

from broker.wire import messages as m
from reference_impl.ingestion.domain import Block, pack, reports
from reference_impl.insight.adapters.series import MetricSeries
from reference_impl.kernel import migrate
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.store import Store

M, H, DAY = 60_000, 3_600_000, 86_400_000
IN_1970, IN_2099 = 5, 4_070_908_800_000
METRICS = [
    {
        "id": f"warmth_{kind}",
        "kind": kind,
        "let": {"t": {"signal": "temp_c", **take}},
        "formula": "t + 0.0",
    }
    for kind, take in (("daily", {"take": "max"}), ("continuous", {}))
]


def test_a_reading_of_a_wrong_year_changes_no_decision_and_costs_no_more_than_any_other(
    kit, new_store, monkeypatch
):
    """Machines alike but for one odd reading of 120 °C; a minute ahead is no wrong year."""
    start, url = kit.START_MS, new_store()
    odd = {"plain": None, "old": IN_1970, "far": IN_2099, "ahead": start + 46 * DAY}
    odd["soon"] = start + 5 * H + M
    read, windows = Counter(), MetricSeries.windows

    def counted(self, things, wanted, *, ends_ms):
        read.update({thing: len(ends_ms) for thing in things})
        return windows(self, things, wanted, ends_ms=ends_ms)

    monkeypatch.setattr(MetricSeries, "windows", counted)

    async def story():
        async with kit.open_rig(url, things=dict.fromkeys(odd, "site-01")) as rig:
            await rig.put("/v1/models/mixer-1", {**kit.MODEL, "metrics": METRICS})
            await rig.post("/v1/rule-packs", HOT)
            for hour in range(1, 60):
                at_ms, seq = start + hour * H, hour + (hour > 5)
                said = [kit.reading(thing, seq, at_ms, temp_c=20.0) for thing in odd]
                if hour == 5:
                    wrong = {thing: at for thing, at in odd.items() if at is not None}
                    said += [kit.reading(t, 6, at, temp_c=120.0) for t, at in wrong.items()]
                    said.append(kit.reading("plain", 6, at_ms + M, temp_c=20.0))
                await rig.send("site-01", *said)
                if hour % 6 == 5:
                    await rig.clock(at_ms)
            whole = await seen(rig)
        async with kit.open_rig(url) as rig:
            assert await seen(rig) == whole, "the same from the store"
            return whole

    async def seen(rig):
        found, feed = {}, await rig.feed()
        for thing in odd:
            events = [e for e in feed if thing in (e["subject"], e["data"].get("thing"))]
            names = ("temp_c", "warmth_daily", "warmth_continuous")
            found[thing] = {
                "events": sorted((e["type"], e["at_ms"]) for e in events),
                **{n: await rig.get(f"/v1/things/{thing}/telemetry?signal={n}") for n in names},
                "latest": (await rig.get(f"/v1/things/{thing}"))["latest"],
            }
            apart = await rig.get(f"/v1/things/{thing}/telemetry/undated")
            found[thing]["apart"] = [(r["said_ms"], r["received_ms"]) for r in apart["items"]]
        stored = await rig.get("/v1/ingestion/stored")
        assert stored["devices"] == {thing: {"1": [[1, 60]]} for thing in sorted(odd)}
        return found

    whole = asyncio.run(story())
    received_ms = start + 5 * H
    for thing in ("old", "far", "ahead"):
        assert whole[thing].pop("apart") == [(odd[thing], received_ms)]
        assert len(whole[thing]["temp_c"]["at_ms"]) == 59
        assert whole[thing]["events"] == whole["plain"]["events"]
        assert max(whole[thing]["warmth_daily"]["values"]) == 20.0
        assert read[thing] == read["plain"]
    assert whole["soon"].pop("apart") == whole["plain"].pop("apart") == []
    assert whole["soon"]["temp_c"]["at_ms"] == whole["plain"]["temp_c"]["at_ms"]
    assert max(whole["soon"]["warmth_daily"]["values"]) == 120.0
    assert read["soon"] == read["plain"] < 10
    raised = ("alert.raised", start + 5 * H + 10 * M)
    assert raised in set(whole["soon"]["events"]) - set(whole["plain"]["events"])


def test_readings_that_stood_among_the_others_are_moved_apart_when_an_old_store_is_opened(
    new_store,
):
    store, config = Store(new_store(), Bus()), Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    now_ms = 1_767_225_600_000
    times = {1: now_ms - H, 2: 5, 3: now_ms, 4: IN_2099}
    said = [m.Sample(seq=q, at_ms=at, signals={"temp_c": float(q)}) for q, at in times.items()]
    blocks = {"mix-1": pack(said), "mix-2": pack([said[1]]), "mix-3": pack([said[0]])}
    names = ("thing", "boot", "first_ms", "last_ms", "size", "names", "payload")
    old = sa.table("telemetry_blocks", sa.column("id"), *map(sa.column, names))
    with store.begin() as uow:
        config.attributes["connection"] = uow.conn
        command.upgrade(config, "0022")
        sites = ("site", "messages", "first_ms", "newest_ms")
        counts = sa.table("site_counts", *map(sa.column, sites))
        row = dict(zip(sites, ("s", 4, now_ms - H, now_ms), strict=True))
        uow.conn.execute(counts.insert().values(row))
        for thing, b in blocks.items():
            row = (thing, 1, b.first_ms, b.last_ms, b.size, ",".join(b.names), b.payload)
            uow.conn.execute(old.insert().values(dict(zip(names, row, strict=True))))

    migrate.bring_up_to_date(store)

    undated = sa.table("telemetry_undated", *map(sa.column, ("thing", "seq", "said_ms", "signals")))
    with store.read() as conn:
        apart = conn.execute(sa.select(undated).order_by("thing", "seq")).all()
        left = conn.execute(sa.select(old).order_by("id")).all()
    assert [(r.thing, r.seq, r.said_ms) for r in apart] == [
        ("mix-1", 2, 5),
        ("mix-1", 4, IN_2099),
        ("mix-2", 2, 5),
    ]
    assert json.decode(apart[0].signals) == {"temp_c": 2.0}
    assert [r.thing for r in left] == ["mix-1", "mix-3"]
    r = left[0]
    assert (r.first_ms, r.last_ms) == (now_ms - H, now_ms)
    assert reports(Block(("temp_c",), r.size, r.first_ms, r.last_ms, r.payload)) == [
        said[0],
        said[2],
    ]
    store.close()
