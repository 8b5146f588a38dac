"""A whole DPS in this process with metered things of two customers; driven by HTTP and by wire."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import numpy as np
import pytest

from broker.link.memory import MemoryBus
from broker.link.port import Packet
from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import encode
from reference_impl.bootstrap import Settings, build
from reference_impl.kernel.access import Group, Principal
from reference_impl.published import OrderChanged, PeriodClosed, WorkOrderChanged

H = 3_600_000
DAY = 24 * H
SIGNALS = {
    name: {"unit": unit, "min": 0.0, "max": 1e9}
    for name, unit in (("hours", "h"), ("kwh_in", "kWh"), ("kwh_out", "kWh"), ("drawn", "m3"))
}
OWNERS = {"gen-1": "alpha", "gen-2": "alpha", "gen-3": "beta"}


def ms(*when):
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)


START = ms(2026, 1, 1)
CLOSE = 3 * DAY
SENT = 5 * DAY


class Desk:
    """A DPS, the time it has, its devices, and calls of it that must succeed or be refused."""

    def __init__(self, url="sqlite://"):
        self.runner = asyncio.Runner()
        self.bus = MemoryBus()
        self.dps = build(url, self.bus.service_link(), Settings())
        self.devices = self.bus.device_link()
        self.sites = {thing: f"site-{thing}" for thing in OWNERS}
        self.runner.run(self.devices.open(list(self.sites.values()), lambda _: None))
        self.runner.run(self.dps.start())
        transport = httpx.ASGITransport(app=self.dps.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://dps")
        self.delivered, self.seq = {}, dict.fromkeys(OWNERS, 0)
        for customer in ("alpha", "beta", "city-data"):
            self.put(f"/v1/customers/{customer}", {"name": customer})
        self.put("/v1/models/gen", {"product": "gen", "title": "Gen", "signals": SIGNALS})
        for thing, customer in OWNERS.items():
            site = self.sites[thing]
            self.put(f"/v1/sites/{site}", {"customer": customer, "name": site})
            self.put(f"/v1/things/{thing}", {"model": "gen", "site": site})
        self.now = 0
        self.until(START)

    def close(self):
        self.runner.run(self.client.aclose())
        self.runner.run(self.devices.close())
        self.runner.run(self.dps.stop())
        self.runner.close()

    @contextmanager
    def acting_as(self, who):
        self.dps.callers.who = lambda *_: who
        try:
            yield
        finally:
            del self.dps.callers.who

    def ask(self, method, path, body=None, **headers):
        return self.runner.run(self.client.request(method, path, json=body, headers=headers))

    def done(self, method, path, body=None, status=200):
        answer = self.ask(method, path, body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path, status=200):
        return self.done("GET", path, status=status)

    def put(self, path, body, status=200):
        return self.done("PUT", path, body, status)

    def post(self, path, status=200, **body):
        return self.done("POST", path, {"by": "finance", **body}, status)

    def items(self, path):
        return self.get(path)["items"]

    def until(self, at_ms):
        self.now = at_ms
        body = {"now_ms": at_ms, "delivered": self.delivered, "wait_s": 5.0}
        self.done("POST", "/v1/clock", body)

    def tell(self, event):
        with self.dps.store.begin() as uow:
            uow.publish(event)

    def send(self, thing, *readings, again=False):
        """Readings ``(at_ms, {signal: value})``, the way a device sends them."""
        site, packets = self.sites[thing], []
        if not self.seq[thing]:
            signals = {n: m.Signal(unit=s["unit"], min=0.0, max=1e9) for n, s in SIGNALS.items()}
            birth = m.Birth(device=thing, boot=1, at_ms=self.now, product="gen", model="gen",
                            serial=thing, firmware="1", signals=signals)  # fmt: skip
            packets.append(Packet(topics.uplink(site, birth), encode(birth)))
        self.delivered.setdefault(site, 0)
        self.delivered[site] += len(packets)
        for at_ms, signals in readings:
            self.seq[thing] += 1
            said = m.Telemetry(device=thing, boot=1, seq=self.seq[thing], at_ms=at_ms,
                               signals=signals)  # fmt: skip
            packet = Packet(topics.uplink(site, said), encode(said))
            packets += [packet, packet] if again else [packet]
            self.delivered[site] += 1
        self.runner.run(self.devices.publish(packets))

    def price(self, name, customer="alpha", thing="", status=200, **body):
        whole = {"by": "sales", "customer": customer, "thing": thing, "from_ms": START, **body}
        return self.put(f"/v1/pricings/{name}", whole, status)

    def deliver(self, order, thing="gen-1", kind="order.delivered", at_ms=None, **data):
        said = {"thing": thing, "customer": OWNERS[thing], "part": "seal", "quantity": 2,
                "unit_price_eur": 12.5, "total_eur": 25.0, "state": "DELIVERED",
                "need_key": f"{thing}/seal/1", "position": "seal", "site": self.sites[thing],
                **data}  # fmt: skip
        at_ms = self.now if at_ms is None else at_ms
        self.tell(OrderChanged(at_ms=at_ms, kind=kind, subject=order, data=said))

    def visit(self, work_order, thing="gen-1"):
        data = {"thing": thing, "state": "CLOSED"}
        self.tell(WorkOrderChanged(at_ms=self.now, kind="work_order.closed", subject=work_order,
                                   data=data))  # fmt: skip

    def period(self, contract, month, customer="alpha", kind="outcome.period_closed", **data):
        said = {"contract": contract, "period": month, "fee_eur": 0.0, "credit_eur": 0.0, **data}
        self.tell(PeriodClosed(at_ms=self.now, kind=kind, subject=f"{contract}/{month}", data=said,
                               customer=customer))  # fmt: skip

    def sent(self, year, month):
        """Let a month be closed and its invoices go out; gives them."""
        self.until(ms(year + month // 12, month % 12 + 1, 1) + SENT)
        label = f"{year}-{month:02d}"
        rows = self.items(f"/v1/invoices?month={label}")
        return [self.get(f"/v1/invoices/{row['id']}") for row in rows]

    def feed(self, prefix):
        page = self.get("/v1/feed?after=0&limit=10000")
        return [e for e in page["events"] if e["type"].startswith(prefix)]


def caller(group, *permissions, customers=(), parties=()):
    return Principal(user="u", group=group, party="p", permissions=frozenset(permissions),
                     customers=frozenset(customers), parties=frozenset(parties),
                     things={})  # fmt: skip


@pytest.fixture
def desk():
    made = Desk()
    yield made
    made.close()


@pytest.fixture(scope="session")
def money():
    return SimpleNamespace(
        ms=ms, H=H, DAY=DAY, START=START, CLOSE=CLOSE, SENT=SENT, Desk=Desk, Group=Group,
        caller=caller, np=np,
    )  # fmt: skip
