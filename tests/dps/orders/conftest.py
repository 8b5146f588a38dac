"""A whole DPS in this process with one model, its parts, things and customers; driven by HTTP."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dps_rig import DAY, START, Rig, opening
from dps_rig import HOUR as H
from reference_impl.kernel.access import Group, Principal
from reference_impl.published import (
    ConditionEvaluated,
    DataFlagged,
    PartFitted,
    ReplacementAdvised,
    ThingActivated,
    ThingReleased,
)

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


class Shop(Rig):
    """The DPS of mixers and their parts."""

    def __init__(self, url="sqlite://", things=THINGS):
        self.wall_s = 0.0
        super().__init__(url, wall_s=lambda: self.wall_s)
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

    def step(self, order, step, status=200, **body):
        return self.post(f"/v1/orders/{order}/{step}", status, **body)

    def policy(self, customer="alpha", mode="auto", **limits):
        self.put(f"/v1/policies/{customer}", {"mode": mode, **limits})

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
    yield from opening(Shop)


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
