"""Ingestion: once, whole, counted; what cannot be read is put aside and named."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.link.port import Packet
from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import encode
from broker.wire.reports import UplinkReader
from reference_impl.ingestion import domain
from reference_impl.ingestion.domain import pack, pack_all, unpack

THINGS = {"mix-1": "site-01", "mix-2": "site-02"}

signals = st.dictionaries(
    st.sampled_from(["a_c", "b_kw", "c_m"]),
    st.floats(allow_nan=False, allow_infinity=False),
    max_size=3,
)
readings = st.lists(
    st.builds(
        m.Sample,
        seq=st.integers(1, 2**40),
        at_ms=st.integers(0, 2**50),
        signals=signals,
    ),
    min_size=1,
)


@given(readings)
def test_a_packed_block_gives_back_exactly_what_was_packed(taken):
    block = pack(taken)
    times, numbers, values = unpack(block)
    columns = dict(zip(block.names, values, strict=True))
    assert (block.first_ms, block.last_ms) == (min(times), max(times))
    assert times.tolist() == [r.at_ms for r in taken]
    assert numbers.tolist() == [r.seq for r in taken]
    for place, reading in enumerate(taken):
        back = {n: v[place] for n, v in columns.items() if not math.isnan(v[place])}
        assert back == reading.signals


@given(st.lists(st.lists(signals, min_size=1, max_size=3), max_size=4), st.booleans())
def test_blocks_of_many_devices_hold_what_a_block_of_each_would_hold(devices, announced):
    reader = UplinkReader()
    signal = m.Signal(unit="m", min=0.0, max=1.0)
    taken = {}
    for number, reports in enumerate(devices):
        device = f"dev-{number}"
        birth = m.Birth(
            device=device, boot=1, at_ms=0, product="p", model="p", serial="s", firmware="1",
            signals={"c_m": signal, "a_c": signal, **({"b_kw": signal} if announced else {})},
        )  # fmt: skip
        reader.learn("site-a", birth)
        taken[device, 1] = [
            m.Telemetry(device=device, boot=1, seq=seq, at_ms=10 - seq, signals=measured)
            for seq, measured in enumerate(reports, start=1)
        ]
    read = {
        key: [reader.read(topics.uplink("site-a", one), encode(one))[1] for one in reports]
        for key, reports in taken.items()
    }
    blocks = pack_all(read)
    assert [key for key, _ in blocks] == list(taken)
    for key, block in blocks:
        plain = pack(taken[key])
        assert sorted(block.names) == sorted(plain.names)
        assert block[1:4] == plain[1:4]
        order = [block.names.index(name) for name in plain.names]
        for mine, theirs in zip(unpack(block), unpack(plain), strict=True):
            kept = mine if mine.ndim == 1 else mine[order]
            np.testing.assert_array_equal(kept, theirs)


def test_a_message_that_comes_again_is_stored_once_and_counted_once(kit, new_store):
    async def story():
        async with kit.open_rig(new_store(), things=THINGS) as rig:
            one, two = (kit.reading("mix-1", seq, kit.START_MS + seq) for seq in (1, 2))
            await rig.send("site-01", kit.birth("mix-1"), one, one, two)
            await rig.send("site-01", one, kit.birth("mix-1"))
            again = m.TelemetryBatch(
                device="mix-1",
                boot=1,
                samples=[
                    m.Sample(seq=s, at_ms=kit.START_MS + s, signals={"temp_c": 20.0 + s})
                    for s in (2, 3)
                ],
            )
            await rig.send("site-01", again)
            assert (await rig.clock(kit.START_MS + 10))["ingested"] == 4
            stored = await rig.get("/v1/ingestion/stored")
            assert stored == {"devices": {"mix-1": {"1": [[0, 3]]}}, "dead": 0, "total": 4}
            series = await rig.get("/v1/things/mix-1/telemetry?signal=temp_c")
            assert series["values"] == [21.0, 22.0, 23.0]
            assert len(await rig.feed("device.born")) == 1

    asyncio.run(story())


def test_what_cannot_be_read_is_put_aside_once_with_the_reason_and_does_not_stop_the_rest(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            topic = "twinrig/v1/up/site-01/mix-1/telemetry"
            bad = Packet(topic, b'{"type":"telemetry.v1","device":"mix-1","boot":1,"seq":"x"}')
            ok = kit.packet("site-01", kit.reading("mix-1", 1, kit.START_MS))
            await rig.devices.publish([bad, ok, bad, Packet(topic, b"\xff\x00")])
            answer = await rig.clock(kit.START_MS, delivered={"site-01": 3})
            assert answer["ingested"] == 3
            dead = await rig.feed("message.dead")
            assert [(e["subject"], e["at_ms"]) for e in dead] == [("site-01", kit.START_MS)] * 2
            reasons = sorted(e["data"]["reason"] for e in dead)
            assert "Expected `int`, got `str` - at `$.seq`" in reasons[0]
            listed = (await rig.get("/v1/ingestion/dead-letters"))["items"]
            assert {one["received_ms"] for one in listed} == {kit.START_MS}
            assert (await rig.get("/v1/ingestion/stored"))["devices"] == {"mix-1": {"1": [[1, 1]]}}

    asyncio.run(story())


def test_an_unregistered_device_is_put_aside_asked_who_it_is_once_and_welcome_later(kit):
    async def story():
        async with kit.open_rig(things={"mix-2": "site-02"}) as rig:
            await rig.send("site-01", kit.birth("mix-1"), kit.reading("mix-1", 1, kit.START_MS))
            await rig.send("site-01", kit.reading("mix-1", 2, kit.START_MS + 1))
            assert (await rig.clock(kit.START_MS))["commands"] == ["rebirth-mix-1-1"]
            assert (await rig.get("/v1/ingestion/stored"))["dead"] == 3
            await rig.install({"mix-1": "site-01"})
            answer = await rig.clock(kit.START_MS + 1)
            assert "rebirth-mix-1-at-site-01" in answer["commands"]
            assert await rig.feed("device.born") == []
            await rig.send("site-01", kit.birth("mix-1"), kit.reading("mix-1", 3, kit.START_MS + 2))
            answer = await rig.clock(kit.START_MS + 2)
            assert answer["ingested"] == 4  # the birth was counted when it was put aside
            assert answer["commands"] == ["resend-mix-1-1-1-2-1"]
            assert len(await rig.feed("device.born")) == 1

    asyncio.run(story())


def test_a_device_at_the_wrong_site_is_put_aside_with_a_reason_a_person_can_act_on(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.send("site-02", kit.reading("mix-1", 1, kit.START_MS))
            await rig.clock(kit.START_MS)
            (dead,) = (await rig.get("/v1/ingestion/dead-letters"))["items"]
            assert dead["reason"] == "device mix-1 is not registered at site site-02"

    asyncio.run(story())


def test_a_telemetry_before_any_birth_makes_the_dps_ask_for_it_once_per_boot(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            for seq in (1, 2):
                await rig.send("site-01", kit.reading("mix-1", seq, kit.START_MS + seq))
            await rig.send("site-01", kit.reading("mix-1", 1, kit.START_MS + 9, boot=2))
            answer = await rig.clock(kit.START_MS + 9)
            assert answer["commands"] == ["rebirth-mix-1-1", "rebirth-mix-1-2"]

    asyncio.run(story())


def test_every_start_asks_all_devices_for_their_birth_under_a_new_id(kit, new_store):
    url = new_store()

    async def story():
        for number in (1, 2):
            async with kit.open_rig(url) as rig:
                assert [c.command_id for c in rig.down] == [f"rebirth-all-{number}"]

    asyncio.run(story())


def test_a_will_says_that_a_device_is_lost_until_it_is_heard_again(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.send("site-01", kit.birth("mix-1"))
            await rig.send(
                "site-01", m.Will(device="mix-1", boot=1, seq=-1, at_ms=kit.START_MS + 7)
            )
            await rig.clock(kit.START_MS + 10)
            (lost,) = await rig.feed("device.lost")
            assert (lost["subject"], lost["at_ms"]) == ("mix-1", kit.START_MS + 7)
            assert lost["data"] == {"boot": 1, "model": "mixer-1", "firmware": "1.0"}
            assert (await rig.get("/v1/things/mix-1"))["born"]["lost_ms"] == kit.START_MS + 7
            await rig.send("site-01", kit.reading("mix-1", 1, kit.START_MS + 11))
            await rig.clock(kit.START_MS + 11)
            assert (await rig.get("/v1/things/mix-1"))["born"]["lost_ms"] is None

    asyncio.run(story())


def test_a_batch_that_fails_to_commit_is_forgotten_whole_and_taken_in_when_it_comes_again(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            ingestion = rig.dps.contexts.ingestion
            packets = [kit.packet("site-01", kit.reading("mix-1", 1, kit.START_MS))]
            write = ingestion._rows.write

            def fail(*args, **named):
                write(*args, **named)
                raise OSError("disk full")

            ingestion._rows.write = fail
            with pytest.raises(OSError, match="disk full"):
                ingestion.take(packets)
            assert ingestion.total == 0
            ingestion._rows.write = write
            ingestion.take(packets)
            assert ingestion.total == 1
            _, values = rig.dps.telemetry.series("mix-1", "temp_c", after_ms=-1, to_ms=2**60)
            assert values.tolist() == [21.0]

    asyncio.run(story())


def test_a_report_from_a_wrong_year_is_stored_and_nobody_decides_by_it(kit, new_store):
    """Wrong clocks are common (0.5 % of devices); one of them must not become the newest word."""

    async def story():
        async with kit.open_rig(new_store(), things=THINGS) as rig:
            ok = kit.reading("mix-1", 1, kit.START_MS + 1000, temp_c=21.0)
            await rig.send("site-01", kit.birth("mix-1"), ok)
            await rig.clock(kit.START_MS + 2000)
            old, ahead = (
                kit.reading("mix-1", q, at, temp_c=99.0) for q, at in ((2, 5), (3, 2**42))
            )
            late = m.TelemetryBatch(
                device="mix-1",
                boot=1,
                samples=[m.Sample(seq=4, at_ms=kit.START_MS + 500, signals={"temp_c": 20.0})],
            )
            await rig.send("site-01", old, ahead, late, kit.birth("mix-1", boot=2, at_ms=7))
            await rig.clock(kit.START_MS + 3000)
            stored = await rig.get("/v1/ingestion/stored")
            assert stored["devices"] == {"mix-1": {"1": [[0, 4]], "2": [[0, 0]]}}
            [_, born] = await rig.feed("device.born")
            assert born["at_ms"] == kit.START_MS + 2000
            series = await rig.get("/v1/things/mix-1/telemetry?signal=temp_c")
            assert series["values"] == [20.0, 21.0]

    asyncio.run(story())


@given(st.integers(0, 2**50))
def test_a_time_can_be_true_only_near_the_present(at_ms):
    now_ms = 1_767_225_600_000
    assert domain.dated(at_ms, now_ms) == (
        now_ms - domain.BACK_MS <= at_ms <= now_ms + domain.AHEAD_MS
    )
    assert domain.dated(at_ms, 0) == (at_ms >= domain.DATED_FROM_MS)
