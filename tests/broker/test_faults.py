"""Loss and outage, in simulated time, over memory and over a broker alike."""

from __future__ import annotations

import asyncio

import msgspec
import numpy as np
import pytest

import broker
from broker.faults.loss import Loss
from broker.faults.outage import Outage
from broker.faults.path import FaultyLink
from broker.faults.state import PathState
from broker.faults.verdict import Window
from broker.ledger import DeliveryLedger
from broker.link.memory import MemoryBus
from broker.link.mqtt import MqttDeviceLink, MqttServiceLink
from broker.link.port import Packet
from broker.wire import codec, topics
from broker.wire.messages import (
    Command,
    CommandAck,
    RebirthRequest,
    Telemetry,
    TelemetryBatch,
    Will,
)

MINUTE = 60_000


def streams(name: str) -> np.random.Generator:
    return np.random.default_rng(list(name.encode()))


def told(seq: int, at_ms: int, device: str = "dev-1") -> Telemetry:
    return Telemetry(device=device, boot=1, seq=seq, at_ms=at_ms, signals={"level_m": 1.5})


class Wire:
    """A devices' end that only notes what it is given."""

    def __init__(self) -> None:
        self.calls: list[list[Packet]] = []

    async def open(self, sites, on_downlink) -> None:
        self.say = on_downlink

    async def publish(self, packets) -> None:
        self.calls.append(list(packets))

    async def close(self) -> None:
        pass

    @property
    def messages(self):
        return [codec.decode_uplink(*packet[:2])[1] for call in self.calls for packet in call]


def path(*faults, **kwargs) -> tuple[FaultyLink, Wire, DeliveryLedger]:
    wire, ledger = Wire(), DeliveryLedger()
    return (
        FaultyLink(wire, faults=faults, ledger=ledger, streams=streams, **kwargs),
        wire,
        ledger,
    )


def outage(start: int = 10, end: int = 30, name: str = "cut", **where) -> Outage:
    window = Window(from_ms=start * MINUTE, to_ms=end * MINUTE, **where)
    return Outage(name=name, window=window, keep_alive_ms=2 * MINUTE)


async def minutes(link: FaultyLink, first: int, last: int, *, step: int, devices=("dev-1",)):
    """A report of each device every minute, sent in steps of so many minutes."""
    records = []
    for start in range(first, last + 1, step):
        stop = min(start + step - 1, last)
        said = [
            ("site-a", told(minute, minute * MINUTE, device))
            for minute in range(start, stop + 1)
            for device in devices
        ]
        records += (await link.send(said, stop * MINUTE)).records
    return records


@pytest.mark.parametrize("step", [1, 7, 60])
def test_an_outage_holds_reports_tells_the_will_and_delivers_a_batch(step):
    async def story() -> None:
        link, wire, ledger = path(outage())
        await link.open(["site-a"])
        records = await minutes(link, 1, 40, step=step)
        kinds = [(type(m).__name__, getattr(m, "seq", None)) for m in wire.messages]
        assert kinds == [
            *(("Telemetry", n) for n in range(1, 10)),
            ("Will", -1),
            ("TelemetryBatch", None),
            *(("Telemetry", n) for n in range(30, 41)),
        ]
        will, batch = wire.messages[9], wire.messages[10]
        assert will == Will(device="dev-1", boot=1, seq=-1, at_ms=13 * MINUTE)
        assert [(s.seq, s.at_ms) for s in batch.samples] == [(n, n * MINUTE) for n in range(10, 30)]
        assert ledger.counts().late == 20
        assert ledger.delivered == {"site-a": 41}
        assert [r.verdict for r in records] == [*["hold"] * 3, "will", *["hold"] * 17, "release"]

    # 13 min is the will's moment: the report of that minute comes after it.
    asyncio.run(story())


def test_a_short_outage_tells_no_will_and_a_second_long_one_counts_on():
    async def story() -> None:
        link, wire, _ = path(outage(5, 8, "short"), outage(10, 15, "one"), outage(20, 26, "two"))
        await minutes(link, 1, 30, step=3)
        wills = [m for m in wire.messages if isinstance(m, Will)]
        assert [(w.seq, w.at_ms) for w in wills] == [(-1, 13 * MINUTE), (-2, 23 * MINUTE)]

    asyncio.run(story())


def test_overlapping_outages_are_one_and_only_their_place_is_cut_off():
    async def story() -> None:
        link, wire, _ = path(
            outage(10, 20, "one", device="dev-1"), outage(15, 25, "two", device="dev-1")
        )
        await minutes(link, 1, 30, step=30, devices=("dev-1", "dev-2"))
        batches = [m for m in wire.messages if isinstance(m, TelemetryBatch)]
        assert [(b.device, b.samples[0].seq, b.samples[-1].seq) for b in batches] == [
            ("dev-1", 10, 24)
        ]
        assert sum(isinstance(m, Will) for m in wire.messages) == 1
        assert sum(m.device == "dev-2" for m in wire.messages) == 30

    asyncio.run(story())


def test_what_is_no_report_keeps_its_place_between_batches():
    async def story() -> None:
        link, wire, _ = path(outage(1, 10))
        done = CommandAck(
            device="dev-1", boot=1, seq=3, at_ms=3 * MINUTE, command_id="c-1", status="done"
        )
        await link.send(
            [("site-a", told(n, n * MINUTE)) if n != 3 else ("site-a", done) for n in range(1, 6)],
            12 * MINUTE,
        )
        first, ack, second = wire.messages
        assert [s.seq for s in first.samples] == [1, 2]
        assert ack == done
        assert [s.seq for s in second.samples] == [4, 5]

    asyncio.run(story())


def test_a_batch_above_the_payload_limit_leaves_in_parts():
    async def story() -> None:
        link, wire, ledger = path(outage(1, 50), payload_bytes_max=400)
        await minutes(link, 1, 60, step=60)
        batches = [m for m in wire.messages if isinstance(m, TelemetryBatch)]
        assert len(batches) > 5
        assert all(len(p.payload) <= 400 for call in wire.calls for p in call)
        assert [s.seq for b in batches for s in b.samples] == list(range(1, 50))
        assert ledger.counts().handed == 60

    asyncio.run(story())


def loss(ratio: float = 0.3, **where) -> Loss:
    window = Window(from_ms=0, to_ms=1000 * MINUTE, **where)
    return Loss(name="bad-radio", window=window, ratio=ratio)


def test_loss_is_seeded_and_does_not_depend_on_steps_or_other_devices():
    async def lost(step: int, devices) -> list[int]:
        link, _, ledger = path(loss())
        records = await minutes(link, 1, 400, step=step, devices=devices)
        mine = [r.seq for r in records if r.device == "dev-1"]
        assert {r.verdict for r in records} == {"drop"}
        assert ledger.counts().dropped == len(records)
        assert ledger.counts().handed == 400 * len(devices) - len(records)
        return mine

    alone = asyncio.run(lost(1, ["dev-1"]))
    assert 80 < len(alone) < 160
    assert asyncio.run(lost(60, ["dev-0", "dev-1", "dev-2"])) == alone


def test_a_resend_recovers_what_was_lost():
    async def story() -> None:
        link, _, ledger = path(loss(0.5))
        records = await minutes(link, 1, 50, step=10)
        gone = [r.seq for r in records]
        link2_now = 2000 * MINUTE  # the fault is over
        await link.send([("site-a", told(n, n * MINUTE)) for n in gone], link2_now)
        counts = ledger.counts()
        assert (counts.handed, counts.recovered, counts.dropped) == (50, len(gone), len(gone))

    asyncio.run(story())


def test_downlinks_wait_for_a_device_that_is_cut_off():
    async def story() -> None:
        link, wire, _ = path(outage(10, 30, device="dev-1"))
        await link.open(["site-a"])
        orders = [
            Command(command_id=f"c-{n}", device=device, name="go", issued_ms=0, expires_ms=9)
            for n, device in enumerate(["dev-2", "dev-1", "dev-2"])
        ]
        wanted = asyncio.create_task(link.reached({"c-0", "c-1", "c-2"}, 10.0))
        await asyncio.sleep(0)
        for order in reversed([*orders, orders[2]]):
            wire.say(Packet(topics.downlink("site-a", order), codec.encode(order)))
        assert await wanted == set()
        assert [m.command_id for _, m in link.take_downlinks(20 * MINUTE)] == ["c-0", "c-2"]
        assert link.take_downlinks(29 * MINUTE) == []
        assert link.take_downlinks(30 * MINUTE) == [("site-a", orders[1])]

    asyncio.run(story())


def test_commands_that_do_not_come_are_named_after_the_wait():
    async def story() -> None:
        link, wire, _ = path()
        await link.open(["site-a"])
        ask = RebirthRequest(command_id="r-1")
        wire.say(Packet(topics.DOWN_BROADCAST, codec.encode(ask)))
        assert await link.reached({"r-1", "c-9"}, 0.01) == {"c-9"}
        assert await link.any_downlink(0.01)
        assert link.take_downlinks(0) == [(topics.ALL, ask)]
        assert not await link.any_downlink(0.01)

    asyncio.run(story())


def test_a_downlink_that_cannot_be_read_is_noted_in_words():
    async def story() -> None:
        link, wire, _ = path()
        await link.open(["site-a"])
        wire.say(Packet("twinrig/v1/down/site-a/dev-1/command", b'{"type":"command.v1"}'))
        assert link.take_downlinks(0) == []
        assert link.malformed == [
            "twinrig/v1/down/site-a/dev-1/command: Object missing required field `command_id`"
        ]

    asyncio.run(story())


@pytest.mark.parametrize("until", [5, 12, 20, 29, 35])
def test_a_restored_path_goes_on_as_if_nothing_had_happened(until):
    faults = [outage(), loss()]

    async def story() -> None:
        straight, wire, ledger = path(*faults)
        await minutes(straight, 1, until, step=1)
        again, wire2, ledger2 = path(*faults)
        text = msgspec.json.encode(straight.snapshot())
        again.restore(msgspec.json.decode(text, type=PathState))
        wire.calls.clear()
        first, second = [await minutes(p, until + 1, 60, step=4) for p in (straight, again)]
        assert first == second
        assert wire2.calls == wire.calls
        assert ledger2.counts() == ledger.counts()
        assert ledger2.snapshot() == ledger.snapshot()

    asyncio.run(story())


def test_a_snapshot_does_not_change_when_the_path_goes_on():
    async def story() -> None:
        link, _, _ = path(outage())
        await minutes(link, 1, 12, step=1)
        state = link.snapshot()
        before = msgspec.json.encode(state)
        await minutes(link, 13, 40, step=1)
        assert msgspec.json.encode(state) == before

    asyncio.run(story())


def test_the_path_says_when_it_next_does_something_by_itself():
    async def story() -> None:
        link, _, _ = path(outage())
        await minutes(link, 1, 9, step=1)
        assert link.next_due_ms() == 13 * MINUTE
        await minutes(link, 10, 14, step=1)
        assert link.next_due_ms() == 30 * MINUTE
        await minutes(link, 15, 31, step=1)
        assert link.next_due_ms() is None

    asyncio.run(story())


def test_impossible_faults_are_refused_in_words():
    with pytest.raises(ValueError, match=r"ratio is 1\.5; allowed: 0 to 1"):
        loss(1.5)
    with pytest.raises(ValueError, match="not after its start"):
        Window(from_ms=5, to_ms=5)
    with pytest.raises(ValueError, match="two link faults are named 'cut'"):
        path(outage(), outage())
    with pytest.raises(ValueError, match="time went back from 5 ms to 4 ms"):
        asyncio.run(_backwards())


async def _backwards() -> None:
    link, _, _ = path()
    await link.send([], 5)
    await link.send([], 4)


def test_memory_and_a_broker_carry_the_same_messages_through_the_same_faults(new_handler):
    async def story(url: str | None) -> tuple[set[bytes], list]:
        bus = MemoryBus()
        inner = bus.device_link() if url is None else MqttDeviceLink(url, "devices")
        service = bus.service_link() if url is None else MqttServiceLink(url, "service")
        handler, ledger = new_handler(), DeliveryLedger()
        await service.open([topics.UP_ALL], handler)
        link = FaultyLink(inner, faults=[outage(), loss()], ledger=ledger, streams=streams)
        await link.open(["site-a"])
        records = await minutes(link, 1, 60, step=7)
        last = told(1000, 1500 * MINUTE)
        await link.send([("site-a", last)], 1500 * MINUTE)  # every fault is over
        await handler.has({codec.encode(last)})
        assert len(handler.packets) < 60
        await link.close()
        await service.close()
        return {p.payload for p in handler.packets}, records

    with broker.open("rumqttd") as running:
        assert asyncio.run(story(running.url)) == asyncio.run(story(None))
