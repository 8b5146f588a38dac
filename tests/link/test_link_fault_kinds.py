"""Each kind of link fault does what its name says, in simulated time, whatever the steps."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from broker.faults.corrupt import Corrupt
from broker.faults.delay import Delay
from broker.faults.duplicate import Duplicate
from broker.faults.flaky import Flaky
from broker.faults.partition import Partition
from broker.faults.puback import LostPuback
from broker.faults.reorder import Reorder
from broker.faults.script import Script
from broker.faults.state import PathState
from broker.faults.storm import Storm
from broker.faults.takeover import Takeover
from broker.faults.verdict import Window
from broker.link.port import Packet
from broker.wire import codec, topics
from broker.wire.messages import Birth, Command, Telemetry, TelemetryBatch, Will

MINUTE = 60_000
STEPS = pytest.mark.parametrize("step", [1, 7, 120])


def window(first: int = 0, last: int = 1000, **place) -> Window:
    return Window(from_ms=first * MINUTE, to_ms=last * MINUTE, **place)


def said(records) -> list[tuple[str, int]]:
    return [(record.verdict, record.seq) for record in records]


@STEPS
def test_a_script_does_exactly_what_it_says_by_number(line, step):
    script = Script(
        name="s", window=window(), drop=(17,), double=(23,), swap=((40, 41),), no_puback=(50,),
        corrupt=(60,),
    )  # fmt: skip
    bus = line(script)
    records = asyncio.run(bus.minutes(1, 100, step=step))

    assert said(records) == [
        ("drop", 17), ("double", 23), ("swap", 40), ("no_puback", 50), ("corrupt", 60),
    ]  # fmt: skip
    spoilt = [p for p in bus.wire.packets if not readable(p)]
    assert len(spoilt) == 1
    bus.wire.packets.remove(spoilt[0])
    seqs = bus.wire.seqs
    assert [n for n in range(1, 101) if n not in seqs] == [17, 60]
    assert [n for n in range(1, 101) if seqs.count(n) == 2] == [23, 50]
    assert seqs[seqs.index(39) :][:4] == [39, 41, 40, 42]
    counts = bus.ledger.counts()
    assert (counts.dropped, counts.duplicated, counts.reordered) == (2, 2, 1)
    assert (counts.handed, counts.undecodable) == (98, 1)


def readable(packet: Packet) -> bool:
    try:
        codec.decode_uplink(packet.topic, packet.payload)
    except codec.MalformedMessage:
        return False
    return True


def test_a_number_of_a_script_goes_wrong_once_so_that_a_resend_arrives(line):
    bus = line(Script(name="s", window=window(), drop=(17,)))

    async def story() -> None:
        await bus.minutes(1, 20)
        again = Telemetry(device="dev-1", boot=1, seq=17, at_ms=17 * MINUTE, signals={})
        await bus.path.send([("site-a", again)], 21 * MINUTE)

    asyncio.run(story())
    assert bus.wire.seqs[-1] == 17
    assert bus.ledger.counts().recovered == 1


@STEPS
def test_every_third_lost_acknowledgement_brings_that_message_again(line, step):
    bus = line(LostPuback(name="p", window=window(), every=3), devices=("dev-1", "dev-2"))
    records = asyncio.run(bus.minutes(1, 10, step=step))

    # Publishes of a device: 1 2 3 | 3 4 5 | 5 6 7 | 7 8 9 | 9 10: the third of each is not
    # acknowledged, and the repetition counts as the next.
    mine = [m.seq for m in bus.wire.messages if m.device == "dev-1"]
    assert [record.seq for record in records if record.device == "dev-1"] == [3, 5, 7, 9]
    assert sorted(mine) == sorted([*range(1, 11), 3, 5, 7, 9])
    assert bus.ledger.counts().duplicated == 2 * (len(mine) - 10)
    assert bus.ledger.delivered == {"site-a": 20}


@STEPS
def test_what_fails_twice_passes_at_the_third_attempt_and_is_late(line, step):
    bus = line(Flaky(name="f", window=window(), times=2, retry_ms=20_000))
    records = asyncio.run(bus.minutes(1, 5, step=step))

    assert said(records) == [("fail", 1), ("fail", 1)]
    assert [record.at_ms for record in records] == [60_000, 80_000]
    assert bus.wire.seqs == [1, 2, 3, 4, 5]
    counts = bus.ledger.counts()
    assert (counts.late, counts.recovered, counts.duplicated) == (1, 1, 0)


@STEPS
def test_a_delay_beyond_the_interval_lets_reports_overtake_each_other(line, step):
    bus = line(Delay(name="d", window=window(0, 50), by_ms=MINUTE, jitter_ms=5 * MINUTE))
    records = asyncio.run(bus.minutes(1, 70, step=step))

    seqs = bus.wire.seqs
    assert sorted(seqs) == list(range(1, 71))
    assert seqs != sorted(seqs)
    assert {verdict for verdict, _ in said(records)} == {"delay"}
    assert max(abs(n - place) for place, n in enumerate(seqs, 1)) <= 6
    assert bus.ledger.counts().late == 49


def test_what_is_on_its_way_arrives_at_its_time_and_not_before(line):
    bus = line(Delay(name="d", window=window(1, 2), by_ms=3 * MINUTE))

    async def story() -> None:
        await bus.minutes(1, 3)
        assert bus.wire.seqs == [2, 3]
        await bus.minutes(4, 4)

    asyncio.run(story())
    assert bus.wire.seqs == [2, 3, 1, 4]


@STEPS
def test_copies_of_the_way_are_counted_and_seeded(line, step):
    bus = line(Duplicate(name="d", window=window(), ratio=0.4, after_ms=90_000))
    asyncio.run(bus.minutes(1, 60, step=step))

    doubled = [n for n in range(1, 57) if bus.wire.seqs.count(n) == 2]
    other = line(Duplicate(name="d", window=window(), ratio=0.4), devices=("dev-0", "dev-1"))
    asyncio.run(other.minutes(1, 60))
    mine = [m.seq for m in other.wire.messages if m.device == "dev-1"]
    assert doubled == [n for n in range(1, 57) if mine.count(n) == 2]
    assert 10 < len(doubled) < 40


@STEPS
def test_reordering_lets_the_next_ones_by_and_loses_nothing(line, step):
    bus = line(Reorder(name="r", window=window(0, 61), ratio=0.2, depth=2))
    records = asyncio.run(bus.minutes(1, 70, step=step))

    seqs = bus.wire.seqs
    assert sorted(seqs) == list(range(1, 71))
    first = records[0].seq
    others = [n for n in seqs if n > first and n not in {r.seq for r in records}]
    assert seqs.index(first) > seqs.index(others[1])
    assert bus.ledger.counts().reordered == sum(
        n < max(seqs[:place], default=0) for place, n in enumerate(seqs)
    )


@STEPS
def test_corruption_hands_over_what_nobody_can_read_and_the_number_is_missing(line, step):
    bus = line(Corrupt(name="c", window=window(), ratio=0.3))
    records = asyncio.run(bus.minutes(1, 60, step=step))

    spoilt = [p for p in bus.wire.packets if not readable(p)]
    assert len(spoilt) == len(records) > 8
    assert bus.ledger.counts().undecodable == len(records)
    assert bus.ledger.delivered == {"site-a": 60}
    assert bus.ledger.counts().handed == 60 - len(records)


def test_no_flip_of_a_bit_and_no_cut_leaves_a_message_that_can_be_read(line):
    from broker.faults.corrupt import spoilt

    birth = Birth(
        device="dev-1", boot=1, at_ms=0, product="x", model="x", serial="x", firmware="1",
        signals={},
    )  # fmt: skip
    size = len(codec.encode(birth))
    for how in ("flip", "cut"):
        for at in range(size):
            data = spoilt(birth, how, at / size)
            assert not readable(Packet(topics.uplink("site-a", birth), data)), (how, at)


@STEPS
def test_a_partition_heals_for_each_device_at_its_own_moment(line, step):
    devices = ("dev-1", "dev-2", "dev-3")
    split = Partition(
        name="p", window=window(10, 20, sites=("site-a",)), heal_ms=10 * MINUTE,
        keep_alive_ms=MINUTE,
    )  # fmt: skip
    bus = line(split, devices=devices)
    records = asyncio.run(bus.minutes(1, 40, step=step))

    back = {r.device: r.at_ms for r in records if r.verdict == "release"}
    assert set(back) == set(devices)
    assert len(set(back.values())) == 3
    assert all(20 * MINUTE <= at_ms <= 30 * MINUTE for at_ms in back.values())
    assert sum(isinstance(m, Will) for m in bus.wire.messages) == 3
    for batch in (m for m in bus.wire.messages if isinstance(m, TelemetryBatch)):
        assert batch.samples[0].seq == 10
        assert batch.samples[-1].at_ms <= back[batch.device]


@pytest.mark.parametrize(("direction", "up", "down"), [
    ("both", False, False), ("up", False, True), ("down", True, False),
])  # fmt: skip
def test_a_partition_can_be_one_sided(line, direction, up, down):
    bus = line(Partition(name="p", window=window(10, 20), direction=direction))

    async def story() -> None:
        await bus.path.open(["site-a"])
        order = Command(command_id="c-1", device="dev-1", name="go", issued_ms=0, expires_ms=9)
        await bus.minutes(1, 15)
        bus.wire.say(Packet(topics.downlink("site-a", order), codec.encode(order)))
        heard = bus.path.take_downlinks(15 * MINUTE)
        assert (15 in bus.wire.seqs, bool(heard)) == (up, down)
        await bus.minutes(16, 25)
        assert bool(bus.path.take_downlinks(25 * MINUTE)) is not down

    asyncio.run(story())
    assert sum(isinstance(m, Will) for m in bus.wire.messages) == (not up)


@STEPS
def test_a_storm_throws_all_out_and_lets_each_come_back_with_a_birth(line, step):
    devices = tuple(f"dev-{n}" for n in range(8))
    bus = line(
        Storm(name="s", window=window(10, 30), times=2, within_ms=5 * MINUTE), devices=devices
    )

    async def story():
        await bus.births()
        return await bus.minutes(1, 40, step=step)

    records = asyncio.run(story())
    wills = [m for m in bus.wire.messages if isinstance(m, Will)]
    assert [(w.at_ms, w.seq) for w in wills] == [
        *[(10 * MINUTE, -1)] * 8, *[(20 * MINUTE, -2)] * 8,
    ]  # fmt: skip
    assert sum(isinstance(m, Birth) for m in bus.wire.messages) == 3 * 8
    spread = {r.at_ms for r in records if r.verdict == "release"}
    assert len(spread) == 16
    assert bus.ledger.counts().handed == 8 * (40 + 1 + 2)
    for device in devices:
        mine = [m for m in bus.wire.messages if m.device == device]
        back = next(i for i, m in enumerate(mine) if isinstance(m, Will)) + 1
        assert isinstance(mine[back], Birth), "a new connection says first what it is"


@STEPS
@pytest.mark.parametrize("will", [True, False])
def test_a_take_over_costs_a_birth_perhaps_a_will_and_no_report(line, step, will):
    bus = line(Takeover(name="t", window=window(10, 30, device="dev-1"), times=2, will=will))

    async def story() -> None:
        await bus.births()
        await bus.minutes(1, 40, step=step)

    asyncio.run(story())
    kinds = [type(m).__name__ for m in bus.wire.messages if not isinstance(m, Telemetry)]
    assert kinds == ["Birth", *(["Will"] * will), "Birth", *(["Will"] * will), "Birth"]
    assert bus.wire.seqs == list(range(1, 41))


ALL = (
    Delay(name="delay", window=window(5, 30), by_ms=30_000, jitter_ms=4 * MINUTE),
    Duplicate(name="duplicate", window=window(10, 60), ratio=0.3, after_ms=90_000),
    LostPuback(name="puback", window=window(20, 70), every=3),
    Reorder(name="reorder", window=window(40, 80), ratio=0.3, depth=3),
    Partition(name="partition", window=window(50, 60), heal_ms=5 * MINUTE),
    Storm(name="storm", window=window(70, 90), times=3, within_ms=3 * MINUTE),
    Takeover(name="takeover", window=window(92, 99), times=2),
    Flaky(name="flaky", window=window(1, 99), times=2),
    Corrupt(name="corrupt", window=window(30, 50), ratio=0.2),
    Script(name="script", window=window(1, 99), drop=(33,), swap=((15, 16),)),
)


@pytest.mark.parametrize("until", [3, 16, 29, 45, 55, 61, 75, 93])
def test_a_restored_path_goes_on_through_all_faults_as_if_nothing_had_happened(line, until):
    async def story() -> None:
        straight = line(*ALL)
        await straight.births()
        await straight.minutes(1, until)
        again = line(*ALL)
        text = msgspec.json.encode(straight.path.snapshot())
        again.path.restore(msgspec.json.decode(text, type=PathState))
        straight.wire.packets.clear()
        first = await straight.minutes(until + 1, 120, step=4)
        assert first == await again.minutes(until + 1, 120, step=4)
        assert again.wire.packets == straight.wire.packets
        assert again.ledger.snapshot() == straight.ledger.snapshot()

    asyncio.run(story())


def test_all_faults_together_lose_only_what_they_say_they_lost(line):
    bus = line(*ALL)

    async def story():
        await bus.births()
        return await bus.minutes(1, 120)

    records = asyncio.run(story())
    gone = {r.seq for r in records if r.verdict in ("drop", "corrupt")}
    handed = {
        seq
        for packet in bus.wire.packets
        if readable(packet)
        for _, m in [codec.decode_uplink(*packet[:2])]
        for seq in ([s.seq for s in m.samples] if isinstance(m, TelemetryBatch) else [m.seq])
    }
    assert {n for n in range(1, 121) if n not in handed} <= gone
    assert bus.ledger.counts().produced - bus.ledger.counts().handed == len(
        {n for n in range(1, 121) if n not in handed}
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Delay(name="x", window=window(), by_ms=0), "delays by 0 ms"),
        (lambda: Duplicate(name="x", window=window(), ratio=2.0), "ratio is 2.0; allowed: 0 to 1"),
        (lambda: LostPuback(name="x", window=window(), every=1), "would acknowledge nothing, ever"),
        (lambda: Reorder(name="x", window=window(), ratio=1.0, depth=0), "allowed: 1 to 1000"),
        (lambda: Partition(name="x", window=window(), heal_ms=-1), "heal is -1 ms"),
        (
            lambda: Storm(name="x", window=window(0, 10), times=10, within_ms=2 * MINUTE),
            "the next break comes after 60000 ms",
        ),
        (lambda: Takeover(name="x", window=window(), times=0), "times is 0; allowed: 1 or more"),
        (lambda: Flaky(name="x", window=window(), retry_ms=0), "retry is 0 ms; allowed: above 0"),
        (lambda: Corrupt(name="x", window=window(), ratio=0.5, how="x"), "allowed: flip, cut"),
        (lambda: Script(name="x", window=window()), "it has nothing to do"),
        (lambda: Script(name="x", window=window(), swap=((40, 42),)), "takes neighbours"),
        (lambda: Script(name="x", window=window(), drop=(4,), double=(4,)), r"twice: \[4\]"),
    ],
)
def test_impossible_faults_are_refused_in_words(make, text):
    with pytest.raises(ValueError, match=text):
        make()
