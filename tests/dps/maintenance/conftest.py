"""A whole DPS in this process with three mixers that can run hot, and who looks after them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from broker.wire import messages as m
from dps_rig import HOUR as H
from dps_rig import MINUTE, START, Rig, opening
from reference_impl.kernel.access import Group, Principal
from reference_impl.published import PlannedWindow

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


class Yard(Rig):
    """The DPS of mixers."""

    def __init__(self, url="sqlite://", *, again=None):
        self.windows = [] if again is None else again.windows
        super().__init__(url, sites=sorted(OWNERS), again=again, wall_s=lambda: 0.0)
        self.seq = 0 if again is None else again.seq
        if again is None:
            self._install()

    def prepare(self):
        self.dps.store.bus.subscribe(PlannedWindow, lambda _, event: self.windows.append(event))

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
        self.leave()
        return Yard(self.url, again=self)

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
        self.publish(site, *said)

    def heat(self, thing, temp_c):
        """Ten minutes in which a thing says how hot it is, and the rules look."""
        self.wait(minutes=10 - (self.now // MINUTE) % 10)
        self.say(thing, temp_c=temp_c)
        self.wait(minutes=10)


def somebody(group, party, *, customers, things, permissions=None, parties=frozenset()):
    """A caller."""
    return Principal(
        user=f"{group}@{party}", group=group, party=party, permissions=permissions,
        customers=frozenset(customers), things=dict.fromkeys(things, 0), parties=parties,
    )  # fmt: skip


@pytest.fixture
def open_yard():
    """Makes yards, and closes them."""
    yield from opening(Yard)


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
