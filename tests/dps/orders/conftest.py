"""A whole DPS in this process with one model, its parts, things and customers; driven by HTTP."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest

from broker.link.memory import MemoryBus
from reference_impl.bootstrap import Settings, build
from reference_impl.kernel.access import Group, Principal
from reference_impl.published import (
    ConditionEvaluated,
    DataFlagged,
    PartFitted,
    ReplacementAdvised,
    ThingActivated,
    ThingReleased,
)

H = 3_600_000
DAY = 24 * H
START = 1_767_225_600_000
MODEL = {
    "product": "mixer",
    "title": "A mixer",
    "signals": {"temp_c": {"unit": "°C", "min": -20.0, "max": 150.0}},
    "parts": [
        {"part": "seal-kit", "position": "seal", "quantity": 1},
        {"part": "blade", "position": "blade", "quantity": 2},
    ],
}
SEAL = {
    "title": "Seal kit", "price_eur": 100.0, "supplier": "acme",
    "lead_time_h": {"p50": 24.0, "p90": 48.0}, "models": ["mixer-1"],
}  # fmt: skip
BLADE = {**SEAL, "title": "Blade", "price_eur": 12.5}
FOREIGN = {**SEAL, "title": "Something else", "models": []}
THINGS = {"mix-1": "site-a", "mix-2": "site-a", "mix-3": "site-b"}
OWNERS = {"site-a": "alpha", "site-b": "beta"}


class Shop:
    """A DPS, the time it has, and calls of it that must succeed or be refused."""

    def __init__(self, url="sqlite://", things=THINGS):
        self.runner = asyncio.Runner()
        self.wall_s = 0.0
        self.dps = build(url, MemoryBus().service_link(), Settings(wall_s=lambda: self.wall_s))
        self.runner.run(self.dps.start())
        transport = httpx.ASGITransport(app=self.dps.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://dps")
        self.now = START
        self.cycles = {}
        for customer in ("alpha", "beta"):
            self.put(f"/v1/customers/{customer}", {"name": customer})
        for site, customer in OWNERS.items():
            self.put(f"/v1/sites/{site}", {"customer": customer, "name": site})
        for sku, part in (("seal-kit", SEAL), ("blade", BLADE), ("foreign", FOREIGN)):
            self.put(f"/v1/parts/{sku}", part)
        self.put("/v1/models/mixer-1", MODEL)
        for thing, site in things.items():
            self.put(f"/v1/things/{thing}", {"model": "mixer-1", "site": site})
        self.until(START)

    @contextmanager
    def acting_as(self, who):
        """Let calls be somebody's, as if a key had said so."""
        self.dps.callers.who = lambda *_: who
        try:
            yield
        finally:
            del self.dps.callers.who

    def close(self):
        self.runner.run(self.client.aclose())
        self.runner.run(self.dps.stop())
        self.runner.close()

    def ask(self, method, path, body=None, **headers):
        call = self.client.request(method, path, json=body, headers=headers)
        return self.runner.run(call)

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

    def step(self, order, step, status=200, **body):
        return self.post(f"/v1/orders/{order}/{step}", status, **body)

    def until(self, at_ms):
        self.now = at_ms
        self.done("POST", "/v1/clock", {"now_ms": at_ms, "delivered": {}, "wait_s": 0.0})

    def wait(self, hours):
        self.until(self.now + round(hours * H))

    def policy(self, customer="alpha", mode="auto", **limits):
        self.put(f"/v1/policies/{customer}", {"mode": mode, **limits})

    def tell(self, event):
        with self.dps.store.begin() as uow:
            uow.publish(event)

    def advise(self, thing="mix-1", part="seal-kit", position="seal", quantity=1, **values):
        self.tell(
            ReplacementAdvised(
                at_ms=self.now, seen_from_ms=self.now, thing=thing, part=part, position=position,
                quantity=quantity, rule="order-point", pack="standard", pack_version="1",
                why="lead time", values=values or {"runout_h": 400.0},
            )
        )  # fmt: skip

    def wear(self, thing="mix-1", position="seal", wear=50.0, left_h=None, **data):
        runouts = {}
        if left_h is not None:
            runouts = {
                f"runout_p{q}_ms": self.now + round(left_h * factor * H)
                for q, factor in ((10, 1.0), (50, 1.2), (90, 1.5))
            }
        cycle = self.cycles.get((thing, position), 1)
        said = {"condition": "c", "position": position, "wear_pct": wear, "cycle": cycle}
        said |= {"algorithm": "x/1", **runouts, **data}
        kind = "condition.evaluated"
        self.tell(ConditionEvaluated(at_ms=self.now, kind=kind, subject=thing, data=said))

    def fit(self, thing="mix-1", position="seal"):
        cycle = self.cycles[thing, position] = self.cycles.get((thing, position), 1) + 1
        said = {"position": position, "part": "seal-kit", "serial": f"s{cycle}", "cycle": cycle}
        said["work_order"] = ""
        kind = "part.fitted"
        self.tell(PartFitted(at_ms=self.now, kind=kind, subject=thing, data=said))

    def flag(self, thing="mix-1", positions=("seal",), kind="data.flagged"):
        said = {"signal": "temp_c", "flag": "jump", "positions": list(positions)}
        said |= {"since_ms": self.now, "evidence": {}}
        self.tell(DataFlagged(at_ms=self.now, kind=kind, subject=thing, data=said))

    def release(self, thing="mix-1", customer="alpha", reason="sold"):
        self.tell(ThingReleased(at_ms=self.now, thing=thing, customer=customer, reason=reason))

    def activate(self, thing="mix-1", customer="beta"):
        self.tell(ThingActivated(at_ms=self.now, thing=thing, site="site-b", customer=customer))

    def feed(self, *kinds):
        events = self.get("/v1/feed?after=0&limit=1000")["events"]
        return [e for e in events if not kinds or e["type"] in kinds]

    def rec(self, thing="mix-1", position="seal"):
        return self.get(f"/v1/recommendations/rec-{thing}-{position}-1")

    def need(self, thing="mix-1", position="seal"):
        key = f"{thing}/{position}/{self.cycles.get((thing, position), 1)}"
        return next(n for n in self.items("/v1/needs") if n["need_key"] == key)


def customer(name="alpha", *, things=None):
    """A purchaser of a customer."""
    return Principal(
        user=f"buyer@{name}", group=Group.CUSTOMER, party=name, permissions=None,
        customers=frozenset({name}), things=things,
    )  # fmt: skip


def partner(name="dealer", customers=("alpha",)):
    """The back office of a partner."""
    return Principal(
        user=f"desk@{name}", group=Group.PARTNER, party=name, permissions=None,
        customers=frozenset(customers), things=None,
    )  # fmt: skip


MAKER = Principal(
    user="desk@maker", group=Group.ORGANISATION, party="", permissions=None, customers=None,
    parties=None, things=None,
)  # fmt: skip


@pytest.fixture
def open_shop():
    """Makes shops, and closes them."""
    made = []

    def make(*args, **named):
        made.append(Shop(*args, **named))
        return made[-1]

    yield make
    for shop in made:
        shop.close()


@pytest.fixture
def shop(open_shop):
    """One shop."""
    return open_shop()


@pytest.fixture(scope="session")
def people():
    """Who calls."""
    return SimpleNamespace(customer=customer, partner=partner, maker=MAKER)


@pytest.fixture(scope="session")
def clockwork():
    """Lengths of time, and when stories begin."""
    return SimpleNamespace(H=H, DAY=DAY, START=START, Shop=Shop, OWNERS=OWNERS)
