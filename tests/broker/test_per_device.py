"""One client per device: real ids, wills and downlinks."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from waiting import GUARD_S

from broker.link.mqtt import MqttDeviceLink, MqttServiceLink
from broker.link.per_device import PerDeviceLink
from broker.link.port import LinkLost, Packet
from broker.wire import codec, topics
from broker.wire.messages import Command, RebirthRequest, Telemetry, Will

FLEET = {"site-a": ["dev-1", "dev-2"], "site-b": ["dev-3"]}


def told(device: str, seq: int, boot: int = 1, site: str = "site-a") -> Packet:
    message = Telemetry(device=device, boot=boot, seq=seq, at_ms=seq, signals={})
    return Packet(topics.uplink(site, message), codec.encode(message))


def will(seq: int, boot: int = 1) -> bytes:
    return codec.encode(Will(device="dev-1", boot=boot, seq=seq))


def test_devices_speak_in_order_and_hear_what_is_meant_for_them(server, run, new_handler):
    async def story() -> None:
        handler, heard, all_heard = new_handler(), [], asyncio.Event()

        def hear(packet: Packet) -> None:
            heard.append(packet)
            if len(heard) == 2:
                all_heard.set()

        service = MqttServiceLink(server.url, "service")
        await service.open([topics.UP_ALL], handler)
        devices = PerDeviceLink(server.url, FLEET)
        await devices.open(list(FLEET), hear)
        packets = [told(d, n) for n in range(1, 40) for d in FLEET["site-a"]]
        packets += [told("dev-3", n, site="site-b") for n in range(1, 40)]
        await devices.publish(packets)
        await handler.has({p.payload for p in packets})
        for device in ("dev-1", "dev-2", "dev-3"):
            mine = [p for p in handler.packets if f"/{device}/" in p.topic]
            assert mine == [p for p in packets if f"/{device}/" in p.topic]
        order = Command(command_id="c-1", device="dev-3", name="go", issued_ms=0, expires_ms=9)
        ask = RebirthRequest(command_id="r-1")
        down = [
            Packet(topics.downlink("site-b", order), codec.encode(order)),
            Packet(topics.DOWN_BROADCAST, codec.encode(ask)),
        ]
        await service.publish(down)
        async with asyncio.timeout(GUARD_S):
            await all_heard.wait()
        assert sorted(heard) == sorted(down)
        await devices.close()
        await devices.close()
        await service.close()

    run(story())
    assert not [t for t in threading.enumerate() if t.name.startswith("paho")]


def test_a_person_who_looks_in_later_finds_the_births_of_both_ways_to_connect(server) -> None:
    """They are kept for people; services are not given the copies."""
    seen: list[tuple[str, bytes, bool]] = []
    all_seen = threading.Event()

    async def story() -> None:
        per_device, per_site = PerDeviceLink(server.url, FLEET), MqttDeviceLink(server.url, "sites")
        births = [
            Packet(f"twinrig/v1/up/{site}/{device}/birth", device.encode(), retain=True)
            for site, devices in FLEET.items()
            for device in devices
        ]
        for link, said in ((per_device, births[:2]), (per_site, births[2:])):
            await link.open(list(FLEET), lambda _: None)
            await link.publish([*said, told("dev-1", 1)])
            await link.close()

    asyncio.run(story())

    def note(_client: object, _data: object, message: MQTTMessage) -> None:
        seen.append((message.topic, message.payload, message.retain))
        if len({payload for _, payload, _ in seen}) == 3:
            all_seen.set()

    person = Client(CallbackAPIVersion.VERSION2, client_id="person")
    person.on_message = note
    person.connect(server.host, server.port)
    person.subscribe("twinrig/v1/up/#", qos=1)
    person.loop_start()
    try:
        assert all_seen.wait(10), seen
    finally:
        person.disconnect()
        person.loop_stop()
    assert {topic.split("/", 4)[4] for topic, _, _ in seen} == {
        "dev-1/birth",
        "dev-2/birth",
        "dev-3/birth",
    }
    assert all(retained for _, _, retained in seen)


def test_the_broker_tells_the_will_of_a_device_that_is_cut_and_none_after_a_goodbye(
    server, run, new_handler
):
    async def story() -> None:
        handler = new_handler()
        service = MqttServiceLink(server.url, "service")
        await service.open([topics.UP_ALL], handler)
        devices = PerDeviceLink(server.url, FLEET)
        await devices.open(["site-a"], lambda _: None)
        for connection in (1, 2):
            await devices.publish([told("dev-1", connection)])
            await devices.cut("dev-1")
            await handler.has({will(-connection)})
        # A new boot says goodbye to the old connection and counts its own from 1.
        await devices.publish([told("dev-1", 3), told("dev-1", 1, boot=2)])
        await devices.cut("dev-1")
        await handler.has({will(-1, boot=2)})
        await devices.publish([told("dev-1", 2, boot=2), told("dev-2", 1)])
        await devices.close()
        await service.close()
        wills = [p.payload for p in handler.packets if p.topic.endswith("/will")]
        assert wills == [will(-1), will(-2), will(-1, boot=2)]

    run(story())


def test_more_devices_than_clients_are_refused_in_words():
    many = {"site-a": [f"dev-{n}" for n in range(201)]}
    with pytest.raises(ValueError, match=r"201 devices are too many .* allowed: up to 200"):
        PerDeviceLink("mqtt://127.0.0.1:1883", many)
    with pytest.raises(ValueError, match=r"twice: .'dev-1'."):
        PerDeviceLink("mqtt://127.0.0.1:1883", {"site-a": ["dev-1"], "site-b": ["dev-1"]})


def test_unknown_sites_and_devices_are_refused_in_words():
    async def story() -> None:
        devices = PerDeviceLink("mqtt://127.0.0.1:1883", FLEET)
        with pytest.raises(ValueError, match=r"no devices are known of .'site-x'."):
            await devices.open(["site-x"], lambda _: None)
        await devices.open(["site-a"], lambda _: None)
        with pytest.raises(ValueError, match="dev-3/telemetry: not a topic of an open device"):
            await devices.publish([told("dev-3", 1, site="site-b")])
        await devices.close()

    asyncio.run(story())


def test_a_broker_that_is_not_there_is_named_after_the_wait():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"mqtt://127.0.0.1:{taken.getsockname()[1]}"

        async def story() -> None:
            devices = PerDeviceLink(url, FLEET, patience_s=0.1)
            await devices.open(["site-a"], lambda _: None)
            with pytest.raises(LinkLost, match=f"{url} is lost; waited"):
                await devices.publish([told("dev-1", 1)])
            await devices.close()

        asyncio.run(story())
