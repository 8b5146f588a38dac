"""What the port promises, proved by one body over memory and every broker."""

from __future__ import annotations

import asyncio

import pytest
from waiting import GUARD_S

from broker.link.port import MAX_PAYLOAD_BYTES, Packet, PayloadTooLarge
from broker.wire import topics


def up(number: int, site: str = "site-a") -> Packet:
    return Packet(f"twinrig/v1/up/{site}/device-1/telemetry", b"%s %d" % (site.encode(), number))


def payloads(packets) -> set[bytes]:
    return {packet.payload for packet in packets}


def test_every_packet_arrives_and_sites_stay_in_order(place, run, new_handler):
    async def story() -> None:
        handler, sites = new_handler(), ("site-a", "site-b")
        service, devices = place.service_link(), place.device_link()
        await service.open([topics.UP_ALL], handler)
        await devices.open(sites, lambda _: None)
        packets = [up(n, site) for n in range(350) for site in sites]
        await devices.publish(packets)
        await handler.has(payloads(packets))
        for site in sites:
            mine = [p for p in handler.packets if f"/{site}/" in p.topic]
            assert mine == [p for p in packets if f"/{site}/" in p.topic]
        await devices.close()
        await service.close()
        await service.ended()

    run(story())


def test_a_service_is_given_births_when_they_are_said_and_never_the_copies_kept_for_people(
    keeping_place, run, new_handler
):
    async def story() -> None:
        devices, first = keeping_place.device_link(), keeping_place.service_link()
        early, late = new_handler(), new_handler()
        await devices.open(["site-a"], lambda _: None)
        await first.open([topics.UP_ALL], early)
        births = [
            Packet(f"twinrig/v1/up/site-a/device-{n}/birth", b"%d" % n, retain=True)
            for n in range(150)
        ]
        await devices.publish(births)
        await early.has(payloads(births))
        assert early.packets == [birth._replace(retain=False) for birth in births]
        # A broker may read the next connection before the last bytes of this one, and then send
        # again what they acknowledge; once it has answered on this one, it has read them. The
        # first word goes out before the last acknowledgements do, the second one after them.
        for _ in range(2):
            await first.publish([Packet("twinrig/v1/down/site-a/device-1/request", b"{}")])
        await first.close()
        await devices.publish([up(0)])
        # Subscribing again is when brokers hand out their copies.
        second = keeping_place.service_link()
        await second.open([topics.UP_ALL], late)
        await devices.publish([up(n) for n in range(1, 250)])
        await late.has({up(n).payload for n in range(250)})
        assert late.packets == [up(n) for n in range(250)]
        await second.close()
        await devices.close()

    run(story())


def test_a_service_that_was_away_finds_its_packets(keeping_place, run, new_handler):
    async def story() -> None:
        devices = keeping_place.device_link()
        first = keeping_place.service_link()
        await first.open([topics.UP_ALL], new_handler())
        await devices.open(["site-a"], lambda _: None)
        await first.close()
        packets = [up(n) for n in range(250)]
        await devices.publish(packets)
        handler, second = new_handler(), keeping_place.service_link()
        await second.open([topics.UP_ALL], handler)
        await handler.has(payloads(packets))
        assert [p.payload for p in handler.packets] == [p.payload for p in packets]
        await second.close()
        await devices.close()

    run(story())


def test_what_a_handler_did_not_finish_comes_again(keeping_place, run, new_handler):
    async def story() -> None:
        devices, failing = keeping_place.device_link(), new_handler(fail=True)
        first = keeping_place.service_link()
        await first.open([topics.UP_ALL], failing)
        await devices.open(["site-a"], lambda _: None)
        packets = [up(n) for n in range(30)]
        await devices.publish(packets)
        with pytest.raises(OSError, match="the disk is full"):
            await first.ended()
        with pytest.raises(OSError, match="the disk is full"):
            await first.publish([Packet("twinrig/v1/down/site-a/device-1/request", b"{}")])
        handler, second = new_handler(), keeping_place.service_link()
        await second.open([topics.UP_ALL], handler)
        await handler.has(payloads(packets))
        await first.close()
        await second.close()
        await devices.close()

    run(story())


def test_closing_lets_the_handler_finish_and_its_batch_is_acknowledged(
    keeping_place, run, new_handler
):
    async def story() -> None:
        devices, slow = keeping_place.device_link(), new_handler(gate=asyncio.Event())
        first = keeping_place.service_link()
        await first.open([topics.UP_ALL], slow)
        await devices.open(["site-a"], lambda _: None)
        await devices.publish([up(1)])
        await slow.entered.wait()
        closing = asyncio.create_task(first.close())
        await asyncio.sleep(0)
        assert not closing.done()
        slow.gate.set()
        await closing
        await first.close()
        assert slow.packets == [up(1)]
        handler, second = new_handler(), keeping_place.service_link()
        await second.open([topics.UP_ALL], handler)
        await devices.publish([up(2)])
        await handler.has({up(2).payload})
        assert handler.packets == [up(2)]
        await second.close()
        await devices.close()
        await devices.close()

    run(story())


def test_devices_hear_what_is_said_to_their_sites_and_a_broadcast_once(place, run, new_handler):
    async def story() -> None:
        heard: list[Packet] = []
        last = asyncio.Event()

        def on_downlink(packet: Packet) -> None:
            heard.append(packet)
            if packet.payload == b"last":
                last.set()

        devices, service = place.device_link(), place.service_link()
        await service.open([topics.UP_ALL], new_handler())
        await devices.open(["site-a", "site-b"], on_downlink)
        said = [
            Packet("twinrig/v1/down/site-b/device-2/command", b"to b"),
            Packet("twinrig/v1/down/site-c/device-3/command", b"to nobody here"),
            Packet(topics.DOWN_BROADCAST, b"to all"),
            Packet("twinrig/v1/down/site-a/device-1/command", b"to a"),
        ]
        await service.publish(said)
        # The connection of each site is in order: what is said last shows that all is there.
        for site in ("site-b", "site-a"):
            last.clear()
            await service.publish([Packet(f"twinrig/v1/down/{site}/device-1/command", b"last")])
            async with asyncio.timeout(GUARD_S):
                await last.wait()
        assert sorted(p.payload for p in heard if p.payload != b"last") == [
            b"to a",
            b"to all",
            b"to b",
        ]
        await service.close()
        await devices.close()

    run(story())


def test_a_payload_at_the_limit_passes_and_one_above_is_refused_with_a_text(
    place, run, new_handler
):
    async def story() -> None:
        handler, service, devices = new_handler(), place.service_link(), place.device_link()
        await service.open([topics.UP_ALL], handler)
        await devices.open(["site-a"], lambda _: None)
        largest = Packet(up(0).topic, b"x" * MAX_PAYLOAD_BYTES)
        with pytest.raises(PayloadTooLarge) as refused:
            await devices.publish([up(1), Packet(up(0).topic, largest.payload + b"x")])
        assert str(refused.value) == (
            "twinrig/v1/up/site-a/device-1/telemetry: a payload of 1,048,577 bytes is above the "
            "limit of 1,048,576; send it as several batches"
        )
        await devices.publish([largest])
        await handler.has({largest.payload})
        assert handler.packets == [largest]
        await service.close()
        await devices.close()

    run(story())


def test_a_handler_is_never_run_twice_at_a_time(place, run):
    async def story() -> None:
        inside, seen, over = 0, 0, asyncio.Event()

        async def handler(batch) -> None:
            nonlocal inside, seen
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            inside -= 1
            seen += len(batch)
            if seen == 240:
                over.set()

        service, devices = place.service_link(), place.device_link()
        await service.open([topics.UP_ALL], handler)
        await devices.open(["site-a"], lambda _: None)
        for start in range(0, 240, 80):
            await devices.publish([up(n) for n in range(start, start + 80)])
        async with asyncio.timeout(GUARD_S):
            await over.wait()
        await service.close()
        await service.ended()
        await devices.close()

    run(story())


def test_an_error_in_the_devices_end_is_raised_to_who_publishes(place, run, new_handler):
    async def story() -> None:
        came = asyncio.Event()

        def on_downlink(_: Packet) -> None:
            came.set()
            raise KeyError("no such device")

        service, devices = place.service_link(), place.device_link()
        await service.open([topics.UP_ALL], new_handler())
        await devices.open(["site-a"], on_downlink)
        await service.publish([Packet("twinrig/v1/down/site-a/device-1/command", b"x")])
        async with asyncio.timeout(GUARD_S):
            await came.wait()
        await asyncio.sleep(0)
        with pytest.raises(KeyError, match="no such device"):
            await devices.publish([up(1)])
        await service.close()
        await devices.close()

    run(story())
