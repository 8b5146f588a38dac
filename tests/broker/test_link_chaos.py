"""Links over a path that cuts connections after so many bytes, wherever that is in a packet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import NamedTuple, Self

import msgspec
import numpy as np
import pytest
from waiting import GUARD_S

import broker
from broker.ledger import DeliveryLedger
from broker.link.mqtt import MqttDeviceLink, MqttServiceLink
from broker.link.per_device import PerDeviceLink
from broker.link.port import LinkLost, Packet
from broker.wire import codec, topics
from broker.wire.messages import Telemetry
from harness.engine.runner import RunOptions, run_scenario
from harness.scenario import build as b

BOTH = pytest.mark.parametrize("server", ["rumqttd", "mosquitto"], indirect=True)
"""The brokers that keep sessions."""
REPORTS = 700
DOWN = Packet("twinrig/v1/down/site-a/device-1/request", b"{}")


class Cut(NamedTuple):
    """Where a connection ends: after so many bytes to the broker, or from it."""

    up: int
    down: int


ENDLESS = Cut(2**62, 2**62)


def drawn(seed: int, number: int) -> Iterator[Cut]:
    """Cut points of all sizes, from inside the first packet to hundreds of packets later."""
    for up, down in 10 ** np.random.default_rng(seed).uniform(0.6, 4.3, size=(number, 2)):
        yield Cut(int(up), int(down))


class Cutter:
    """A way to the broker on which the n-th connection ends at the n-th cut; later ones last."""

    def __init__(self, port: int, cuts: Iterable[Cut]) -> None:
        self._to, self._cuts, self.made = port, iter(cuts), 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"mqtt://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for end in self._ends:
            end.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        cut = next(self._cuts, ENDLESS)
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._ends += [writer, back]
        ways = [
            asyncio.create_task(_carry(reader, back, cut.up)),
            asyncio.create_task(_carry(there, writer, cut.down)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            self.made += cut is not ENDLESS
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, back):
                end.transport.abort()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, left: int) -> None:
    """Carry at most ``left`` bytes; the last ones arrive before the end does."""
    try:
        while left > 0 and (data := await source.read(min(left, 65536))):
            target.write(data)
            await target.drain()
            left -= len(data)
        await asyncio.sleep(0)
    except OSError:
        pass


def report(number: int) -> Telemetry:
    return Telemetry(
        device="device-1", boot=1, seq=number, at_ms=1000 * number, signals={"level_m": 1.5}
    )


def packed(message: Telemetry) -> Packet:
    return Packet(topics.uplink("site-a", message), codec.encode(message))


def counted(packets: list[Packet], ledger: DeliveryLedger) -> list[int]:
    """Numbers in the order of their first arrival; the ledger is told of every arrival."""
    numbers: dict[int, None] = {}
    for packet in packets:
        site, message = codec.decode_uplink(packet.topic, packet.payload)
        ledger.stored(site, message.device, message.boot, message.seq)
        numbers[message.seq] = None
    return list(numbers)


@BOTH
@pytest.mark.parametrize("seed", [1, 2])
def test_wherever_connections_are_cut_each_message_is_counted_once_and_in_order(
    server, run, new_handler, seed: int
) -> None:
    """Devices and service both lose their connections again and again, in mid-packet."""

    async def story() -> None:
        handler, ledger = new_handler(), DeliveryLedger()
        messages = [report(n) for n in range(1, REPORTS + 1)]
        async with (
            Cutter(server.port, drawn(seed, 9)) as of_devices,
            Cutter(server.port, drawn(seed + 100, 9)) as of_service,
        ):
            service = MqttServiceLink(of_service.url, "service", patience_s=GUARD_S)
            devices = MqttDeviceLink(of_devices.url, "devices", patience_s=GUARD_S)
            await service.open([topics.UP_ALL], handler)
            await devices.open(["site-a"], lambda _: None)
            for start in range(0, REPORTS, 140):
                some = messages[start : start + 140]
                await devices.publish([packed(message) for message in some])
                for message in some:
                    ledger.produced("site-a", message)
                    ledger.handed("site-a", message)
            await handler.has({codec.encode(message) for message in messages})
            await devices.close()
            await service.close()
            assert min(of_devices.made, of_service.made) >= 3, "hardly anything was cut"
        assert counted(handler.packets, ledger) == list(range(1, REPORTS + 1))
        assert ledger.delivered == {"site-a": REPORTS}
        assert (ledger.counts().lost, ledger.counts().unexpected) == (0, 0)

    run(story())


@BOTH
@pytest.mark.parametrize("heard", [40, 300, 2000])
def test_a_cut_between_the_first_delivery_and_the_subscription_is_just_one_more_try(
    server, run, new_handler, heard: int
) -> None:
    """A session that is taken up again delivers before the broker confirms the subscription."""

    async def story() -> None:
        first = MqttServiceLink(server.url, "service")
        await first.open([topics.UP_ALL], new_handler())
        await first.close()
        devices = MqttDeviceLink(server.url, "devices")
        await devices.open(["site-a"], lambda _: None)
        packets = [packed(report(n)) for n in range(1, 151)]
        await devices.publish(packets)
        handler = new_handler()
        # The subscription goes out at once; the cut stops it, so that nothing confirms it.
        connect_only = 14 + len("service")
        cuts = [Cut(ENDLESS.up, heard), Cut(ENDLESS.up, heard), Cut(connect_only + 1, ENDLESS.down)]
        async with Cutter(server.port, cuts) as cutter:
            second = MqttServiceLink(cutter.url, "service", patience_s=GUARD_S)
            await second.open([topics.UP_ALL], handler)
            await handler.has({packet.payload for packet in packets})
            assert cutter.made == len(cuts)
            await second.close()
        assert list(dict.fromkeys(handler.packets)) == packets
        await devices.close()

    run(story())


@BOTH
def test_closing_the_devices_ends_a_publish_under_way_instead_of_hanging_it(server, run) -> None:
    async def story() -> None:
        devices = MqttDeviceLink(server.url, "devices", patience_s=60.0)
        await devices.open(["site-a"], lambda _: None)
        publishing = asyncio.create_task(devices.publish([packed(report(1))]))
        await asyncio.sleep(0)  # it is sent now, and nothing was read since
        await devices.close()
        async with asyncio.timeout(GUARD_S):
            with pytest.raises(LinkLost, match=r"connection 'devices-site-a' .* was closed"):
                await publishing

    run(story())


def test_closing_a_service_ends_a_publish_under_way_and_later_ones(
    run, new_handler, stopped
) -> None:
    async def story() -> None:
        with broker.open("rumqttd") as server:
            service = MqttServiceLink(server.url, "service", patience_s=60.0)
            await service.open([topics.UP_ALL], new_handler())
            stopped(server.server.pid)  # it acknowledges nothing any more
            publishing = asyncio.create_task(service.publish([DOWN]))
            await asyncio.sleep(0)
            await service.close()
            for late in (publishing, service.publish([DOWN])):
                async with asyncio.timeout(GUARD_S):
                    with pytest.raises(LinkLost, match=r"connection 'service' .* was closed"):
                        await late

    run(story())


def test_closing_clients_of_devices_ends_their_publishes_under_way(run, stopped) -> None:
    """One is in flight, another waits for its connection."""

    async def story() -> None:
        with broker.open("rumqttd") as server:
            fleet = {"site-a": ["device-1", "device-2"]}
            devices = PerDeviceLink(server.url, fleet, patience_s=60.0)
            await devices.open(["site-a"], lambda _: None)
            await devices.publish([packed(report(1))])
            stopped(server.server.pid)
            other = msgspec.structs.replace(report(1), device="device-2")
            under_way = [
                asyncio.create_task(devices.publish([packed(message)]))
                for message in (report(2), other)
            ]
            for _ in range(5):  # until both are at the broker's end
                await asyncio.sleep(0)
            await devices.close()
            for publishing in under_way:
                async with asyncio.timeout(GUARD_S):
                    with pytest.raises(LinkLost, match=r"connection 'device-[12]' .* was closed"):
                        await publishing

    run(story())


@contextmanager
def cutter_in_a_thread(port: int, cuts: Iterable[Cut]) -> Iterator[Cutter]:
    """For users with an event loop of their own."""
    with asyncio.Runner() as runner:
        loop, cutter = runner.get_loop(), Cutter(port, cuts)
        runner.run(cutter.__aenter__())
        thread = Thread(target=loop.run_forever)
        thread.start()
        try:
            yield cutter
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            runner.run(cutter.__aexit__())


@BOTH
def test_a_whole_run_over_a_path_that_cuts_has_the_hash_of_the_memory_link(
    server, tmp_path: Path
) -> None:
    """Every connection of both sites and of the DPS is cut several times."""
    two_days = b.Scenario(
        title="Two days",
        run=b.run("2026-01-05T00:00:00Z", "2d", sync="2h"),
        fleets=(b.fleet("pump", sites=2, devices_per_site=2, report_every="30m"),),
        eventually=(b.check("nothing_lost"),),
    )
    memory = run_scenario(
        two_days, seed=7, options=RunOptions(link="memory", runs_dir=tmp_path / "memory")
    )
    with cutter_in_a_thread(server.port, drawn(5, 24)) as cutter:
        options = RunOptions(broker=cutter.url, runs_dir=tmp_path / "cut")
        cut = run_scenario(two_days, seed=7, options=options)

    assert cut.verdict == "passed", (cut.error, cut.checks)
    assert cutter.made >= 8, "hardly anything was cut"
    assert cut.trace_hash == memory.trace_hash
    assert cut.ledger == memory.ledger
    assert cut.ingested == memory.ingested == memory.published
