"""A whole DPS over the memory link, and devices that say and do what a test wants."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import httpx
import pytest

from broker.link.memory import MemoryBus
from broker.link.port import Packet
from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import decode_downlink, encode
from reference_impl.bootstrap import Dps, Settings
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.store import Store

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
DAY = 24 * HOUR
START = 1_767_225_600_000
SIGNALS = {
    name: {"unit": "1", "min": -1000.0, "max": 1000.0} for name in ("speed", "level", "battery")
}
OBEYS = {
    "commands": {
        "turn": {"title": "Turn", "idempotent": True},
        "kick": {"title": "Kick once"},
    },
    "settings": {
        "speed": {"unit": "rpm", "min": 10, "max": 90},
        "level": {"unit": "m", "min": 0, "max": 3},
    },
}
MODEL = {"product": "mixer", "title": "A mixer", "signals": SIGNALS, "obeys": OBEYS}


class Yard:
    """A DPS, the time it has, and its devices ``mix-1`` ... ``mix-n``, all on one site."""

    def __init__(self, url="sqlite://", things=2, hardware=None, open_store=False):
        self.url, self.names = url, [f"mix-{n}" for n in range(1, things + 1)]
        self.runner = asyncio.Runner()
        self.bus, self.down = MemoryBus(), []
        self.devices = self.bus.device_link()
        self.now, self.boots, self.seq, self.delivered = START, {}, {}, 0
        self.taken = 0
        hear = self.devices.open(
            ["site-01"], lambda p: self.down.append(decode_downlink(p.topic, p.payload))
        )
        self.runner.run(hear)
        self.begin()
        if not open_store:
            self.install(hardware or {})

    def begin(self):
        """Start the DPS on its store."""
        self.dps = Dps(Store(self.url, Bus()), self.bus.service_link(), Settings())
        self.runner.run(self.dps.start())
        transport = httpx.ASGITransport(app=self.dps.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://dps")

    def stop(self):
        self.runner.run(self.client.aclose())
        self.runner.run(self.dps.stop())

    def close(self):
        self.stop()
        self.runner.run(self.devices.close())
        self.runner.close()

    def install(self, hardware):
        self.done("PUT", "/customers/acme", {"name": "Acme"})
        site = {"customer": "acme", "name": "site-01", "time_zone": "UTC"}
        self.done("PUT", "/sites/site-01", site)
        self.done("PUT", "/models/mixer-1", MODEL)
        self.done("PUT", "/models/mixer-2", MODEL)
        for name in self.names:
            thing = {"model": "mixer-1", "site": "site-01"}
            if name in hardware:
                thing["properties"] = {"hardware_revision": hardware[name]}
            self.done("PUT", f"/things/{name}", thing)

    def ask(self, method, path, body=None):
        return self.runner.run(self.client.request(method, f"/v1{path}", json=body))

    def done(self, method, path, body=None, status=200):
        answer = self.ask(method, path, body)
        assert answer.status_code == status, (path, answer.text)
        return answer.json()

    def get(self, path):
        return self.done("GET", path)

    def send(self, *messages):
        for message in messages:
            packet = Packet(topics.uplink("site-01", message), encode(message))
            self.delivered += 1
            self.runner.run(self.devices.publish([packet]))

    def number(self, name):
        self.seq[name] = self.seq.get(name, 0) + 1
        return self.seq[name]

    def birth(self, name, firmware="1.0.0", at_ms=None):
        boot = self.boots[name] = self.boots.get(name, 0) + 1
        self.seq[name] = 0
        signals = {key: m.Signal(unit="1", min=-1000.0, max=1000.0) for key in SIGNALS}
        self.send(
            m.Birth(
                device=name, boot=boot, at_ms=self.now if at_ms is None else at_ms,
                product="mixer", model="mixer-1", serial=name, firmware=firmware, signals=signals,
            )
        )  # fmt: skip

    def births(self, firmware="1.0.0"):
        for name in self.names:
            self.birth(name, firmware)

    def read(self, name, at_ms=None, **signals):
        at_ms = self.now if at_ms is None else at_ms
        seq, boot = self.number(name), self.boots[name]
        self.send(m.Telemetry(device=name, boot=boot, seq=seq, at_ms=at_ms, signals=signals))

    def ack(self, command, status="done", detail="", at_ms=None):
        name = command.device
        self.send(
            m.CommandAck(
                device=name, boot=self.boots[name], seq=self.number(name),
                at_ms=self.now if at_ms is None else at_ms, command_id=command.command_id,
                status=status, detail=detail if isinstance(detail, str) else json.dumps(detail),
            )
        )  # fmt: skip

    def until(self, at_ms):
        self.now = at_ms
        body = {"now_ms": at_ms, "delivered": {"site-01": self.delivered}, "wait_s": 5.0}
        return self.done("POST", "/clock", body)

    def wait(self, span_ms):
        return self.until(self.now + span_ms)

    def told(self):
        """Commands that devices were sent since the last time."""
        fresh = [one for one in self.down[self.taken :] if isinstance(one, m.Command)]
        self.taken = len(self.down)
        return fresh

    def feed(self, prefix=""):
        events = self.get("/feed?after=0&limit=1000")["events"]
        return [e for e in events if e["type"].startswith(prefix)]


@pytest.fixture
def open_yard():
    """Makes yards, and closes them."""
    made = []

    def make(*args, **named):
        made.append(Yard(*args, **named))
        return made[-1]

    yield make
    for yard in made:
        yard.close()


@pytest.fixture
def yard(open_yard):
    """One yard with two devices that have said what they are."""
    one = open_yard()
    one.births()
    one.until(START)
    return one


@pytest.fixture(scope="session")
def spans():
    """Lengths of time, and when stories begin."""
    return SimpleNamespace(SECOND=SECOND, MINUTE=MINUTE, HOUR=HOUR, DAY=DAY, START=START, Yard=Yard)
