"""A DPS with twelve containers around a depot, that say how full they are."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import httpx
import pytest

from broker.link.memory import MemoryBus
from broker.link.port import Packet
from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import encode
from reference_impl.bootstrap import Settings, build

MINUTE = 60_000
H = 60 * MINUTE
START = 1_767_571_200_000
"""Monday 2026-01-05, midnight UTC."""
DEPOT = {"latitude_deg": 53.0, "longitude_deg": 10.0}
SIGNALS = {
    "fill": {"unit": "%", "min": 0.0, "max": 100.0},
    "north": {"unit": "deg", "min": -90.0, "max": 90.0},
    "east": {"unit": "deg", "min": -180.0, "max": 180.0},
    "smell": {"unit": "1", "min": 0.0, "max": 100.0},
    "uses": {"unit": "1", "min": 0.0, "max": 1e9},
}
RULES = {
    "pack": "filling", "version": "1", "model": "skip-1", "owner": "service", "every": "10m",
    "stale_after": "3h",
    "rules": [
        {"id": "urgent", "let": {"fill": {"signal": "fill", "take": "last", "over": "2h"}},
         "when": "fill >= 95.0", "for": "0s", "severity": "major", "then": [{"alert": {}}],
         "why": "It is about to overflow"},
        {"id": "ready", "let": {"fill": {"signal": "fill", "take": "last", "over": "2h"}},
         "when": "fill >= 80.0", "for": "0s", "severity": "operation", "then": [{"alert": {}}],
         "why": "It is worth a stop"},
    ],
}  # fmt: skip
NAMES = [f"skip-{n:02}" for n in range(12)]
BODY = {
    "title": "Old town", "depot": DEPOT, "models": ["skip-1"], "fill_signal": "fill",
    "latitude_signal": "north", "longitude_signal": "east", "holds_l": 500, "steps": 30,
    "must_rules": ["urgent"], "ready_rules": ["ready"],
    "trucks": [{"id": "truck-1", "capacity_l": 4000, "capacity_kg": 900}],
}  # fmt: skip


class Town:
    """The DPS, the time it has, and calls of it."""

    def __init__(self):
        self.runner, self.now, self.seq, self.delivered = asyncio.Runner(), START, 0, {}
        bus = MemoryBus()
        self.dps = build("sqlite://", bus.service_link(), Settings(wall_s=lambda: 0.0))
        self.devices = bus.device_link()
        self.runner.run(self.devices.open(["old-town"], lambda _packet: None))
        self.runner.run(self.dps.start())
        transport = httpx.ASGITransport(app=self.dps.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://dps")
        self.put("/v1/customers/city", {"name": "City"})
        self.put("/v1/sites/old-town", {"customer": "city", "name": "Old town"})
        self.put("/v1/models/skip-1", {"product": "skip", "signals": SIGNALS, "title": "A skip"})
        for name in NAMES:
            self.put(f"/v1/things/{name}", {"model": "skip-1", "site": "old-town"})
        self.done("POST", "/v1/rule-packs", RULES)
        self.until(START)

    def close(self):
        self.runner.run(self.client.aclose())
        self.runner.run(self.devices.close())
        self.runner.run(self.dps.stop())
        self.runner.close()

    def done(self, method, path, body=None, status=200):
        answer = self.runner.run(self.client.request(method, path, json=body))
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path, status=200):
        return self.done("GET", path, status=status)

    def put(self, path, body, status=200):
        return self.done("PUT", path, body, status)

    def post(self, path, status=200, **body):
        return self.done("POST", path, {"by": "somebody", **body}, status)

    def items(self, path):
        return self.get(path)["items"]

    def until(self, at_ms):
        self.now = at_ms
        body = {"now_ms": at_ms, "delivered": self.delivered, "wait_s": 5.0}
        self.done("POST", "/v1/clock", body)

    def wait(self, hours=0, minutes=0):
        self.until(self.now + hours * H + minutes * MINUTE)

    def say(self, fills, **more):
        """Every skip that is named says how full it is, and where it stands."""
        said = []
        for name, fill in fills.items():
            number = NAMES.index(name)
            where = {"north": 53.0 + 0.004 * (number % 4 + 1), "east": 10.0 + 0.005 * (number // 4)}
            if not self.seq:
                known = {n: m.Signal(**s) for n, s in SIGNALS.items()}
                said += [
                    m.Birth(device=one, boot=1, at_ms=self.now, product="skip", model="skip-1",
                            serial=one, firmware="1", signals=known, seq=0)
                    for one in NAMES
                ]  # fmt: skip
            self.seq += 1
            said.append(
                m.Telemetry(device=name, boot=1, seq=self.seq, at_ms=self.now,
                            signals={"fill": fill, **where, **more})
            )  # fmt: skip
        self.delivered["old-town"] = self.delivered.get("old-town", 0) + len(said)
        packets = [Packet(topics.uplink("old-town", one), encode(one)) for one in said]
        self.runner.run(self.devices.publish(packets))

    def collect(self, name="town", **other):
        return self.put(f"/v1/collections/{name}", {**BODY, **other})

    def morning(self, fills, *, hour=5, **more):
        """The skips tell their fill through the night; then it is the hour of the plan."""
        while self.now % (24 * H) != (hour - 1) * H:
            self.wait(hours=1)
        self.say(dict.fromkeys(NAMES, 10.0) | fills, **more)
        self.wait(hours=1)

    def routes(self):
        routes = self.items("/v1/collection-routes")
        return [self.get(f"/v1/collection-routes/{route['id']}") for route in routes]

    def feed(self, *kinds):
        events, after = [], 0
        while True:
            page = self.get(f"/v1/feed?after={after}&limit=1000")
            events += page["events"]
            if len(page["events"]) < 1000:
                return [e for e in events if not kinds or e["type"].startswith(kinds)]
            after = page["cursor"]


@pytest.fixture
def town():
    """One town."""
    made = Town()
    yield made
    made.close()


@pytest.fixture(scope="session")
def kit():
    """Lengths of time, names, the body of a collection."""
    return SimpleNamespace(H=H, MINUTE=MINUTE, START=START, NAMES=NAMES, BODY=BODY)
