"""A whole DPS in this process with things that report, contracts, and time; driven by HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from broker.wire import messages as m
from dps_rig import DAY, START, Rig, opening
from dps_rig import HOUR as H
from dps_rig import MINUTE as M
from reference_impl.kernel.access import Group, Principal
from reference_impl.published import DataFlagged, PlannedWindow


def ms(*when):
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)


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


class Desk(Rig):
    """The DPS of things under contracts."""

    def __init__(self, url="sqlite://", things=("mix-1", "mix-2", "mix-3")):
        super().__init__(url, sites=["site-a"])
        self.seq = {}
        for customer in ("alpha", "beta"):
            self.put(f"/v1/customers/{customer}", {"name": customer})
        self.put("/v1/sites/site-a", {"customer": "alpha", "name": "site-a"})
        self.put("/v1/models/mixer-1", MODEL)
        for thing in things:
            self.put(f"/v1/things/{thing}", {"model": "mixer-1", "site": "site-a"})
        self.until(START)

    def acting_as(self, group, party):
        """Let calls be somebody's, as if a key had said so."""
        who = Principal(
            user="somebody", group=group, party=party, permissions=None, things=None,
            customers=frozenset({party}) if group is Group.CUSTOMER else None,
        )  # fmt: skip
        return super().acting_as(who)

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
            self.publish(
                "site-a",
                m.Birth(
                    device=thing, boot=1, at_ms=samples[0].at_ms, product="mixer",
                    model="mixer-1", serial=f"SN-{thing}", firmware="1.0",
                    signals={n: m.Signal(unit="1", min=0.0, max=x) for n, x in SIGNALS.items()},
                ),
            )  # fmt: skip
        for begin in range(0, len(samples), 500):
            part = samples[begin : begin + 500]
            self.publish("site-a", m.TelemetryBatch(device=thing, boot=1, samples=part))

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

    def month(self, thing, *, down=(), year=2026, month=1, every=30 * M, **more):
        """A month of reports, up but within ``down`` (pairs of times)."""
        end = ms(year + month // 12, month % 12 + 1, 1)
        at = list(range(ms(year, month, 1), end, every))
        able = [0.0 if any(a <= t < b for a, b in down) else 1.0 for t in at]
        self.report(thing, at, able=able, **more)


@pytest.fixture
def open_desk():
    """Makes desks, and closes them."""
    yield from opening(Desk)


@pytest.fixture
def desk(open_desk):
    """One desk."""
    return open_desk()


@pytest.fixture(scope="session")
def clockwork():
    """Lengths of time, and what contracts say if nothing else is said."""
    return SimpleNamespace(M=M, H=H, DAY=DAY, START=START, ms=ms, Desk=Desk, TERMS=TERMS)
