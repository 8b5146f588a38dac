"""A whole DPS in this process with things that report, contracts, and time; driven by HTTP."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime
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
from reference_impl.published import DataFlagged, PlannedWindow

M, H = 60_000, 3_600_000
DAY = 24 * H


def ms(*when):
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)


START = ms(2026, 1, 1)
SIGNALS = {"able": 1.0, "load": 1.0, "energy": 1e9, "people": 1e3}
MODEL = {
    "product": "mixer",
    "title": "A mixer",
    "signals": {name: {"unit": "1", "min": 0.0, "max": most} for name, most in SIGNALS.items()},
}
TERMS = {
    "customer": "alpha", "things": ["mix-1"], "fee_eur": 1000.0, "target": 0.99, "step": 0.01,
    "credit_pct_per_step": 5.0, "cap_pct": 30.0, "up_when": "able > 0.5",
    "unknown_after_s": 3600.0, "grace_s": 2 * 86400.0, "objection_s": 5 * 86400.0,
    "start_ms": START,
}  # fmt: skip


class Desk:
    """A DPS, the time it has, and calls of it that must succeed or be refused."""

    def __init__(self, url="sqlite://", things=("mix-1", "mix-2", "mix-3")):
        self.runner = asyncio.Runner()
        bus = MemoryBus()
        self.dps = build(url, bus.service_link(), Settings())
        self.devices = bus.device_link()
        self.runner.run(self.devices.open(("site-a",), lambda _: None))
        self.runner.run(self.dps.start())
        transport = httpx.ASGITransport(app=self.dps.app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://dps")
        self.now, self.sent = START, 0
        self.seq = {}
        for customer in ("alpha", "beta"):
            self.put(f"/v1/customers/{customer}", {"name": customer})
        self.put("/v1/sites/site-a", {"customer": "alpha", "name": "site-a"})
        self.put("/v1/models/mixer-1", MODEL)
        for thing in things:
            self.put(f"/v1/things/{thing}", {"model": "mixer-1", "site": "site-a"})
        self.until(START)

    def close(self):
        self.runner.run(self.client.aclose())
        self.runner.run(self.devices.close())
        self.runner.run(self.dps.stop())
        self.runner.close()

    @contextmanager
    def acting_as(self, group, party):
        """Let calls be somebody's, as if a key had said so."""
        who = Principal(
            user="somebody", group=group, party=party, permissions=None, things=None,
            customers=frozenset({party}) if group is Group.CUSTOMER else None,
        )  # fmt: skip
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

    def until(self, at_ms):
        self.now = at_ms
        delivered = {"site-a": self.sent} if self.sent else {}
        self.done("POST", "/v1/clock", {"now_ms": at_ms, "delivered": delivered, "wait_s": 5.0})

    def report(self, thing, at_ms, **signals):
        """Readings of a thing; each signal a number for all, or one for each time."""
        first = self.seq.get(thing, 0)
        samples = tuple(
            m.Sample(
                seq=first + n + 1, at_ms=int(at),
                signals={
                    k: float(v[n] if hasattr(v, "__len__") else v) for k, v in signals.items()
                },
            )
            for n, at in enumerate(at_ms)
        )  # fmt: skip
        if not samples:
            return
        self.seq[thing] = first + len(samples)
        if not first:
            self._send(
                m.Birth(
                    device=thing, boot=1, at_ms=samples[0].at_ms, product="mixer",
                    model="mixer-1", serial=f"SN-{thing}", firmware="1.0",
                    signals={n: m.Signal(unit="1", min=0.0, max=x) for n, x in SIGNALS.items()},
                )
            )  # fmt: skip
            self.sent += 1
        for begin in range(0, len(samples), 500):
            part = samples[begin : begin + 500]
            self._send(m.TelemetryBatch(device=thing, boot=1, samples=part))
        self.sent += len(samples)

    def _send(self, message):
        packet = Packet(topics.uplink("site-a", message), encode(message))
        self.runner.run(self.devices.publish([packet]))

    def tell(self, event):
        with self.dps.store.begin() as uow:
            uow.publish(event)

    def flag(self, thing, since_ms, kind="data.flagged", signal="able"):
        data = {"signal": signal, "flag": "jump", "positions": [], "evidence": {}}
        data["since_ms"] = since_ms
        self.tell(DataFlagged(at_ms=self.now, kind=kind, subject=thing, data=data))

    def window(self, thing, from_ms, to_ms, contract="", work_order="wo-1"):
        self.tell(
            PlannedWindow(
                thing=thing, from_ms=from_ms, to_ms=to_ms, contract=contract,
                work_order=work_order,
            )
        )  # fmt: skip

    def sign(self, name="c-1", **terms):
        """The short way."""
        return self.put(f"/v1/contracts/{name}", {**TERMS, **terms})

    def exclude(self, name="c-1", *, thing, from_ms, to_ms, reason="mains", side="customer"):
        """Asked for by the provider, approved by the customer."""
        asked = self.post(
            f"/v1/contracts/{name}/exclusions", by="provider", thing=thing, from_ms=from_ms,
            to_ms=to_ms, reason=reason, evidence="a letter",
        )  # fmt: skip
        return self.post(f"/v1/exclusions/{asked['id']}/approve", by="plant", side=side)

    def feed(self, *kinds):
        found, after = [], 0
        while True:
            page = self.get(f"/v1/feed?after={after}&limit=1000")
            found += page["events"]
            if not page["events"]:
                return [e for e in found if not kinds or e["type"] in kinds]
            after = page["cursor"]

    def month(self, thing, *, down=(), year=2026, month=1, every=30 * M, **more):
        """A month of reports, up but within ``down`` (pairs of times)."""
        end = ms(year + month // 12, month % 12 + 1, 1)
        at = list(range(ms(year, month, 1), end, every))
        able = [0.0 if any(a <= t < b for a, b in down) else 1.0 for t in at]
        self.report(thing, at, able=able, **more)


@pytest.fixture
def open_desk():
    """Makes desks, and closes them."""
    made = []

    def make(*args, **named):
        made.append(Desk(*args, **named))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def desk(open_desk):
    """One desk."""
    return open_desk()


@pytest.fixture(scope="session")
def clockwork():
    """Lengths of time, and what contracts say if nothing else is said."""
    return SimpleNamespace(M=M, H=H, DAY=DAY, START=START, ms=ms, Desk=Desk, TERMS=TERMS)
