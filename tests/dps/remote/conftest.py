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
MODEL = {
    "product": "mixer", "title": "A mixer", "signals": SIGNALS, "obeys": OBEYS,
    "constants": {"reports_every_s": 28_800.0},
}  # fmt: skip
"""They report every eight hours, and are offline after a day without a word."""


class Yard:
    """A DPS, the time it has, and its devices ``mix-1`` ... ``mix-n``, all on one site."""

    def __init__(self, url="sqlite://", things=2, hardware=None, open_store=False):
        self.url, self.names = url, [f"mix-{n}" for n in range(1, things + 1)]
        self.runner = asyncio.Runner()
        self.bus, self.down = MemoryBus(), []
        self.devices = self.bus.device_link()
        self.now, self.boots, self.seq, self.delivered = START, {}, {}, 0
        self.taken, self.running = 0, {}
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

    def update(self, command, ends="updated"):
        """What a device says of an update, as docs/reference/device.md has it; and its births."""
        version, was = command.args["version"], self.running.get(command.device, "1.0.0")
        at = iter(range(self.now + SECOND, self.now + 100 * SECOND, SECOND))

        def say(stage, status="running", **more):
            said = {"stage": stage, "version": version, **more}
            self.ack(command, status, said, at_ms=next(at))

        if ends == "refused":
            self.ack(command, "refused", "no update while busy", at_ms=next(at))
            return
        say("downloading", percent=0)
        if ends == "silent":
            return
        say("downloaded", percent=100)
        if ends == "failed":
            say("failed", "refused", why="the digest of the image is another")
            return
        for stage in ("verified", "updating"):
            say(stage, percent=100)
        self.birth(command.device, version, at_ms=next(at))
        if ends == "dumb":
            return
        say("testing")
        if ends == "rolled_back":
            self.birth(command.device, was, at_ms=next(at))
            say("rolled_back", "refused", why="it failed its test")
        else:
            self.running[command.device] = version
            say("updated", "done")

    def package(self, ident="p-1", version="2.0.0", status=200, **more):
        body = {"name": "mixer", "version": version, "size_bytes": 1000, "checksum": "a" * 64}
        path = f"/firmware/packages/{ident}"
        return self.done("PUT", path, {**body, "models": ["mixer-1"], **more}, status)

    def rollout(self, ident="r-1", *, package="p-1", start=True, status=200, **plan):
        """Write a rollout, and let it go."""
        body = {"by": "ada", "package": package, "groups": [{"share": 1.0}], "approval": False}
        path = f"/firmware/rollouts/{ident}"
        made = self.done("PUT", path, {**body, **plan}, status)
        for step in ("submit", "start") if start else ():
            made = self.decide(ident, step)
        return made

    def decide(self, ident, step, status=200, by="ada", **more):
        return self.done("POST", f"/firmware/rollouts/{ident}/{step}", {"by": by, **more}, status)

    def states(self, ident="r-1"):
        """The state of each device of a rollout."""
        items = self.get(f"/firmware/rollouts/{ident}/devices?limit=1000")["items"]
        return {one["thing"]: one["state"] for one in items}

    def heard(self, span_ms=SECOND):
        """Let the clock go on, and give the updates that devices were asked for."""
        self.wait(span_ms)
        return [one for one in self.told() if one.name == "update_firmware"]

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
