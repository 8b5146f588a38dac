"""A whole DPS in this process with three mixers that can run hot, and who looks after them."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest

from broker.link.memory import MemoryBus
from broker.link.port import Packet
from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import encode
from reference_impl.bootstrap import Settings, build
from reference_impl.kernel.access import Group, Principal
from reference_impl.published import PlannedWindow

MINUTE = 60_000
H = 60 * MINUTE
START = 1_767_225_600_000
MODEL = {
    "product": "mixer",
    "title": "A mixer",
    "signals": {"temp_c": {"unit": "°C", "min": -20.0, "max": 150.0}},
    "parts": [{"part": "seal-kit", "position": "seal", "quantity": 1}],
    "diagnosis": [
        {"cause": "worn-seal", "title": "The seal is worn", "position": "seal",
         "alerts": {"too-hot": 1.0},
         "signs": [{"signal": "temp_c", "figure": "mean", "way": "up", "weight": 1.0}]},
    ],
}  # fmt: skip
SEAL = {
    "title": "Seal kit", "price_eur": 100.0, "supplier": "acme",
    "lead_time_h": {"p50": 24.0, "p90": 48.0}, "models": ["mixer-1"],
}  # fmt: skip
HOT = {
    "pack": "mixing", "version": "1", "model": "mixer-1", "owner": "service", "every": "10m",
    "stale_after": "30m",
    "rules": [
        {"id": "too-hot", "let": {"temp": {"signal": "temp_c", "take": "last", "over": "20m"}},
         "when": "temp > 90.0", "for": "0s", "severity": "failure", "then": [{"alert": {}}],
         "why": "It burns"},
        {"id": "warm", "let": {"temp": {"signal": "temp_c", "take": "last", "over": "20m"}},
         "when": "temp > 70.0", "for": "0s", "severity": "major", "then": [{"alert": {}}],
         "why": "It is warm"},
    ],
}  # fmt: skip
THINGS = {"mix-1": "site-a", "mix-2": "site-a", "mix-3": "site-b"}
OWNERS = {"site-a": "alpha", "site-b": "beta"}
LEVEL = {
    "title": "Gold",
    "priorities": {
        "P1": {"acknowledge": 30, "respond": 120, "restore": 480},
        "P2": {"acknowledge": 60, "respond": 240, "restore": 960},
        "P3": {"acknowledge": 120, "respond": 480, "restore": 1440},
    },
    "pause_reasons": ["customer_access", "force_majeure"],
    "covers": {"customers": ["alpha", "beta"]},
}


class Yard:
    """A DPS, the time it has, and calls of it that must succeed or be refused."""

    def __init__(self, url="sqlite://", *, again=None):
        self.url, self.runner = url, asyncio.Runner() if again is None else again.runner
        self.windows = [] if again is None else again.windows
        bus = MemoryBus()
        self.dps = build(url, bus.service_link(), Settings(wall_s=lambda: 0.0))
        self.dps.store.bus.subscribe(PlannedWindow, lambda _, event: self.windows.append(event))
        self.devices = bus.device_link()
        self.runner.run(self.devices.open(sorted(OWNERS), lambda _packet: None))
        self.runner.run(self.dps.start())
        transport = httpx.ASGITransport(app=self.dps.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://dps")
        if again is None:
            self.now, self.seq, self.delivered = START, 0, {}
            self._install()
        else:
            self.now, self.seq, self.delivered = again.now, again.seq, again.delivered

    def _install(self):
        for customer in sorted(set(OWNERS.values())):
            self.put(f"/v1/customers/{customer}", {"name": customer})
        for site, customer in OWNERS.items():
            self.put(f"/v1/sites/{site}", {"customer": customer, "name": site})
        self.put("/v1/parts/seal-kit", SEAL)
        self.put("/v1/models/mixer-1", MODEL)
        for thing, site in THINGS.items():
            self.put(f"/v1/things/{thing}", {"model": "mixer-1", "site": site})
        self.done("POST", "/v1/rule-packs", HOT)
        self.until(START)
        for thing in THINGS:
            self.say(thing, temp_c=20.0, birth=True)

    def restarted(self):
        """The same store and time, everything else new, as after kill -9."""
        self._end()
        return Yard(self.url, again=self)

    def _end(self):
        self.runner.run(self.client.aclose())
        self.runner.run(self.devices.close())
        self.runner.run(self.dps.stop())

    def close(self):
        self._end()
        self.runner.close()

    @contextmanager
    def acting_as(self, who):
        """Let calls be somebody's, as if a key had said so."""
        self.dps.callers.who = lambda *_: who
        try:
            yield
        finally:
            del self.dps.callers.who

    def ask(self, method, path, body=None):
        return self.runner.run(self.client.request(method, path, json=body))

    def done(self, method, path, body=None, status=200):
        answer = self.ask(method, path, body)
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

    def level(self, name="gold", **other):
        return self.put(f"/v1/service-levels/{name}", {**LEVEL, **other})

    def report(self, thing="mix-1", **body):
        return self.post(f"/v1/things/{thing}/work-orders", title="It hums", **body)

    def step(self, order, step, status=200, **body):
        return self.post(f"/v1/work-orders/{order}/{step}", status, **body)

    def steps(self, order, *steps):
        for step in steps:
            last = self.step(order, step)
        return last

    def visit(self, order, **plan):
        self.step(order, "plan", **{"start_ms": self.now, "crew": "van-1", **plan})
        self.steps(order, "depart", "arrive")

    def sla(self, incident):
        return self.get(f"/v1/sla/{incident}")

    def say(self, thing, *, birth=False, **signals):
        """A device reports now."""
        self.seq += 1
        site = THINGS[thing]
        said = [m.Telemetry(device=thing, boot=1, seq=self.seq, at_ms=self.now, signals=signals)]
        if birth:
            known = {"temp_c": m.Signal(unit="°C", min=-20.0, max=150.0)}
            said.insert(0, m.Birth(device=thing, boot=1, at_ms=self.now, product="mixer",
                                   model="mixer-1", serial=thing, firmware="1",
                                   signals=known, seq=0))  # fmt: skip
        self.delivered[site] = self.delivered.get(site, 0) + len(said)
        packets = [Packet(topics.uplink(site, one), encode(one)) for one in said]
        self.runner.run(self.devices.publish(packets))

    def heat(self, thing, temp_c):
        """Ten minutes in which a thing says how hot it is, and the rules look."""
        self.wait(minutes=10 - (self.now // MINUTE) % 10)
        self.say(thing, temp_c=temp_c)
        self.wait(minutes=10)

    def until(self, at_ms):
        self.now = at_ms
        body = {"now_ms": at_ms, "delivered": self.delivered, "wait_s": 5.0}
        self.done("POST", "/v1/clock", body)

    def wait(self, hours=0, minutes=0):
        self.until(self.now + hours * H + minutes * MINUTE)

    def feed(self, *kinds):
        events, after = [], 0
        while True:
            page = self.get(f"/v1/feed?after={after}&limit=1000")
            events += page["events"]
            if len(page["events"]) < 1000:
                return [e for e in events if not kinds or e["type"].startswith(kinds)]
            after = page["cursor"]


def somebody(group, party, *, customers, things, permissions=None, parties=frozenset()):
    """A caller."""
    return Principal(
        user=f"{group}@{party}", group=group, party=party, permissions=permissions,
        customers=frozenset(customers), things=dict.fromkeys(things, 0), parties=parties,
    )  # fmt: skip


@pytest.fixture
def open_yard():
    """Makes yards, and closes them."""
    made = []

    def make(*args, **named):
        made.append(Yard(*args, **named))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def yard(open_yard):
    """One yard."""
    return open_yard()


@pytest.fixture(scope="session")
def kit():
    """Lengths of time, and who calls."""
    return SimpleNamespace(
        H=H, MINUTE=MINUTE, START=START, LEVEL=LEVEL, THINGS=THINGS, Yard=Yard,
        customer=somebody(Group.CUSTOMER, "alpha", customers=["alpha"], things=["mix-1", "mix-2"]),
        partner=somebody(Group.PARTNER, "dealer", customers=["alpha"], things=["mix-1", "mix-2"],
                         parties=frozenset({"partner:dealer"})),
    )  # fmt: skip
