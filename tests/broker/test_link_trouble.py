"""Links over brokers that die, vanish, refuse, or swallow acknowledgements."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest
from waiting import GUARD_S

import broker
from broker.link import client
from broker.link.mqtt import MqttDeviceLink, MqttServiceLink
from broker.link.port import LinkLost, Packet
from broker.wire import topics

DOWN = Packet("twinrig/v1/down/site-a/device-1/request", b"{}")


def up(number: int) -> Packet:
    return Packet("twinrig/v1/up/site-a/device-1/telemetry", b"%d" % number)


class Gate:
    """A way to the broker that can be shut, and that can swallow what the broker answers."""

    def __init__(self, port: int) -> None:
        self._to, self.swallow, self.shut = port, False, False
        self.swallowed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"mqtt://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader, writer) -> None:
        self._tasks.add(asyncio.current_task())
        self._writers.add(writer)
        if self.shut:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers.add(back)

        async def carry(source, target, *, answers: bool) -> None:
            try:
                while data := await source.read(65536):
                    if answers and self.swallow:
                        self.swallowed.set()
                    else:
                        target.write(data)
            except OSError:
                pass
            finally:
                target.transport.abort()

        await asyncio.gather(carry(reader, back, answers=False), carry(there, writer, answers=True))


def test_publishes_whose_acknowledgement_got_lost_are_published_again(server, run, new_handler):
    async def story() -> None:
        handler = new_handler()
        service = MqttServiceLink(server.url, "service")
        await service.open([topics.UP_ALL], handler)
        async with Gate(server.port) as gate:
            devices = MqttDeviceLink(gate.url, "devices")
            await devices.open(["site-a"], lambda _: None)
            packets = [up(n) for n in range(200)]
            gate.swallow = True
            publishing = asyncio.create_task(devices.publish(packets))
            await gate.swallowed.wait()
            await handler.has({packets[0].payload})
            assert not publishing.done()
            gate.swallow = False
            gate.cut()
            await publishing
            await handler.has({p.payload for p in packets})
            # What fitted into the window before the cut may have come once already, all of it.
            await handler.has_again(packets[0].payload)
            await devices.close()
        await service.close()

    run(story())


def test_nothing_is_lost_when_the_broker_dies_between_publish_and_acknowledgement(
    server, run, new_handler
):
    async def story() -> None:
        handler = new_handler()
        service = MqttServiceLink(server.url, "service")
        await service.open([topics.UP_ALL], handler)
        async with Gate(server.port) as gate:
            devices = MqttDeviceLink(gate.url, "devices")
            await devices.open(["site-a"], lambda _: None)
            packets = [up(n) for n in range(150)]
            gate.swallow = True
            publishing = asyncio.create_task(devices.publish(packets))
            await gate.swallowed.wait()
            server.kill()
            gate.shut = True  # devices stay away until the service listens again
            gate.cut()
            gate.swallow = False
            server.restart()
            await service.publish([DOWN])  # its connection is back, and with it what it listens to
            assert not publishing.done()
            gate.shut = False
            await publishing
            await handler.has({p.payload for p in packets})
            await devices.close()
        await service.close()

    run(story())


def test_a_broker_that_stays_away_ends_publish_with_its_name_and_the_wait(server, run):
    async def story() -> None:
        devices = MqttDeviceLink(server.url, "devices", patience_s=0.2)
        await devices.open(["site-a"], lambda _: None)
        server.kill()
        with pytest.raises(LinkLost) as lost:
            await devices.publish([up(1)])
        assert f"the broker at {server.url} is lost" in str(lost.value)
        assert "waited 0.2 s for it to come back" in str(lost.value)
        with pytest.raises(LinkLost):
            await devices.publish([up(2)])
        await devices.close()

    run(story())


def test_an_attempt_that_took_longer_than_the_patience_is_not_the_last(server, run, monkeypatch):
    monkeypatch.setattr(client, "ANSWER_WITHIN_S", 0.3)

    async def story() -> None:
        async with Gate(server.port) as gate:
            devices = MqttDeviceLink(gate.url, "devices", patience_s=0.1)
            gate.swallow = True
            opening = asyncio.create_task(devices.open(["site-a"], lambda _: None))
            await gate.swallowed.wait()
            gate.swallow = False
            await opening
            await devices.publish([up(1)])
            await devices.close()

    run(story())


def test_a_service_learns_that_its_broker_is_lost(server, run, new_handler):
    async def story() -> None:
        service = MqttServiceLink(server.url, "service", patience_s=0.2)
        await service.open([topics.UP_ALL], new_handler())
        server.kill()
        async with asyncio.timeout(GUARD_S):
            with pytest.raises(LinkLost, match="is lost"):
                await service.ended()
        await service.close()

    run(story())


def test_an_address_where_nobody_answers_is_named(run, new_handler):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody answers there
        url = f"mqtt://127.0.0.1:{taken.getsockname()[1]}"

        async def story() -> None:
            for opening in (
                MqttDeviceLink(url, "devices", patience_s=0.1).open(["site-a"], lambda _: None),
                MqttServiceLink(url, "service", patience_s=0.1).open(["a/#"], new_handler()),
            ):
                with pytest.raises(LinkLost) as lost:
                    await opening
                assert str(lost.value).startswith(f"the broker at {url} is lost: ")

        run(story())


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:1883", "the scheme is 'http', not 'mqtt'"),
        ("127.0.0.1:1883", "not 'mqtt'"),
        ("mqtt://", "the host is missing"),
        ("mqtt://localhost:0", "port 0 is no address of a running broker"),
        ("mqtt://localhost:70000", "Port out of range"),
        ("mqtt://localhost/topic", "nothing may follow the port"),
    ],
)
def test_a_url_that_is_none_is_refused_with_what_is_allowed(url, problem):
    with pytest.raises(ValueError, match="allowed: mqtt://") as refused:
        MqttDeviceLink(url, "devices")
    assert problem in str(refused.value)
    assert url in str(refused.value)


def test_a_topic_of_a_site_that_is_not_open_is_refused(server, run):
    async def story() -> None:
        devices = MqttDeviceLink(server.url, "devices")
        await devices.open(["site-b"], lambda _: None)
        with pytest.raises(ValueError, match="not a topic of an open site; open: site-b"):
            await devices.publish([up(1)])
        await devices.close()

    run(story())


def test_a_broker_that_acknowledges_nothing_is_not_waited_for_without_end(run, stopped):
    """Frozen, not dead: the connection stays, and so do the packets."""

    async def story() -> None:
        with broker.open("rumqttd") as server:
            devices = MqttDeviceLink(server.url, "devices", patience_s=0.2)
            await devices.open(["site-a"], lambda _: None)
            stopped(server.server.pid)
            with pytest.raises(LinkLost, match=r"acknowledged none of 3 packets within 0\.2 s"):
                await devices.publish([up(n) for n in range(3)])
            await devices.close()

    run(story())


def test_groups_spread_sites_over_connections_and_keep_their_order(server, run, new_handler):
    async def story() -> None:
        sites = [f"site-{n}" for n in range(5)]
        handler, devices = new_handler(), MqttDeviceLink(server.url, "devices")
        service = MqttServiceLink(server.url, "service", groups=2)
        await service.open([topics.up_of_site(site) for site in sites], handler)
        await devices.open(sites, lambda _: None)
        packets = [
            Packet(f"twinrig/v1/up/{site}/device-1/telemetry", f"{site} {n}".encode())
            for n in range(150)
            for site in sites
        ]
        await devices.publish(packets)
        await handler.has({p.payload for p in packets})
        for site in sites:
            mine = [p for p in handler.packets if f"/{site}/" in p.topic]
            assert mine == [p for p in packets if f"/{site}/" in p.topic]
        await service.close()
        await devices.close()

    run(story())


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_QUICKACK exists on Linux only")
def test_both_ends_acknowledge_at_once_however_much_was_exchanged(run, new_handler, monkeypatch):
    """Linux forgets TCP_QUICKACK with use; rumqttd then stalls rounds by 40 ms."""
    sockets = []
    plain = client._open_socket

    async def noted(host: str, port: int) -> socket.socket:
        sockets.append(await plain(host, port))
        return sockets[-1]

    monkeypatch.setattr(client, "_open_socket", noted)

    async def story() -> None:
        with broker.open("rumqttd") as server:
            handler = new_handler()
            service = MqttServiceLink(server.url, "service")
            devices = MqttDeviceLink(server.url, "devices")
            await service.open([topics.UP_ALL], handler)
            await devices.open(["site-a"], lambda _: None)
            for number in range(12):
                packets = [up(number * 1000 + n) for n in range(120)]
                await devices.publish(packets)
                await handler.has({p.payload for p in packets})
                armed = [s.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK) for s in sockets]
                assert armed == [1, 1]
            await service.close()
            await devices.close()

    run(story())
