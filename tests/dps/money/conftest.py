"""A whole DPS in this process with metered things of two customers; driven by HTTP and by wire."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from broker.wire import messages as m
from dps_rig import DAY, START, Rig
from dps_rig import HOUR as H
from reference_impl.kernel.access import Group, Principal
from reference_impl.published import OrderChanged, PeriodClosed, WorkOrderChanged

SIGNALS = {
    name: {"unit": unit, "min": 0.0, "max": 1e9}
    for name, unit in (("hours", "h"), ("kwh_in", "kWh"), ("kwh_out", "kWh"), ("drawn", "m3"))
}
OWNERS = {"gen-1": "alpha", "gen-2": "alpha", "gen-3": "beta"}


def ms(*when):
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)


CLOSE = 3 * DAY
SENT = 5 * DAY


class Desk(Rig):
    """The DPS of things that are paid for."""

    BY = "finance"

    def __init__(self, url="sqlite://"):
        self.sites = {thing: f"site-{thing}" for thing in OWNERS}
        super().__init__(url, sites=self.sites.values())
        self.seq = dict.fromkeys(OWNERS, 0)
        for customer in ("alpha", "beta", "city-data"):
            self.put(f"/v1/customers/{customer}", {"name": customer})
        self.put("/v1/models/gen", {"product": "gen", "title": "Gen", "signals": SIGNALS})
        for thing, customer in OWNERS.items():
            site = self.sites[thing]
            self.put(f"/v1/sites/{site}", {"customer": customer, "name": site})
            self.put(f"/v1/things/{thing}", {"model": "gen", "site": site})
        self.until(START)

    def send(self, thing, *readings, again=False):
        """Readings ``(at_ms, {signal: value})``, the way a device sends them."""
        site = self.sites[thing]
        if not self.seq[thing]:
            signals = {n: m.Signal(unit=s["unit"], min=0.0, max=1e9) for n, s in SIGNALS.items()}
            self.publish(site, m.Birth(device=thing, boot=1, at_ms=self.now, product="gen",
                                    model="gen", serial=thing, firmware="1",
                                    signals=signals))  # fmt: skip
        said = [
            m.Telemetry(device=thing, boot=1, seq=seq, at_ms=at_ms, signals=signals)
            for seq, (at_ms, signals) in enumerate(readings, self.seq[thing] + 1)
        ]
        self.seq[thing] += len(said)
        self.publish(site, *said, copies=2 if again else 1)

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
