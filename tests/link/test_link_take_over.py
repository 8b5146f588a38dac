"""Devices with connections of their own lose their sessions to somebody else, really."""

from __future__ import annotations

import asyncio

import pytest
from paho.mqtt.client import Client
from waiting import GUARD_S

import broker
from broker.link.mqtt import MqttServiceLink
from broker.link.per_device import PerDeviceLink
from broker.link.port import Packet
from broker.wire import codec, topics
from broker.wire.messages import Telemetry


def told(seq: int) -> Packet:
    message = Telemetry(device="dev-1", boot=1, seq=seq, at_ms=seq, signals={})
    return Packet(topics.uplink("site-a", message), codec.encode(message))


@pytest.mark.parametrize(
    "kind", ["rumqttd", pytest.param("mosquitto", marks=pytest.mark.mosquitto)]
)
def test_a_device_whose_session_is_taken_over_comes_back_and_loses_nothing(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[str] = []

    async def story(url: str) -> list[int]:
        came: list[int] = []
        all_there = asyncio.Event()

        async def note(batch) -> None:
            came.extend(codec.decode_uplink(*packet[:2])[1].seq for packet in batch)
            if set(came) >= {1, 2, 3}:
                all_there.set()

        service = MqttServiceLink(url, "service")
        await service.open([topics.UP_ALL], note)
        link = PerDeviceLink(url, {"site-a": ["dev-1"]}, patience_s=GUARD_S)
        await link.open(["site-a"], lambda _: None)
        await link.publish([told(1)])
        await link.take_over("dev-1")
        await link.publish([told(2)])
        await link.take_over("dev-1")
        await link.publish([told(3)])
        await asyncio.wait_for(all_there.wait(), GUARD_S)
        await link.close()
        await service.close()
        return came

    original = Client.on_disconnect.fset

    def spied(client, callback) -> None:
        def told_of(*args) -> None:
            lost.append("lost")
            callback(*args)

        original(client, callback and told_of)

    monkeypatch.setattr(Client, "on_disconnect", property(Client.on_disconnect.fget, spied))
    with broker.open(kind) as running:
        came = asyncio.run(story(running.url))
    assert sorted(set(came)) == [1, 2, 3]
    assert len(lost) >= 2, "each take-over ends a connection of the device"
