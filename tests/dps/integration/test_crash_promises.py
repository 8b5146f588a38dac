"""kill -9 at every named point in every step of a story of promises: the same story in the end.

The story: a fault is reported, a field service system is told and sends somebody, a time limit runs
out; firmware is rolled out, a command is given; two months are measured, closed and invoiced, one
invoice is paid and settled between parties, the other taken back and written again. Work orders,
timers, rollouts, invoices and payouts are then those of a DPS that lived, event by event.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import httpx
import pytest
from waiting import GUARD_S

import broker
from broker.wire import messages as m
from reference_impl.kernel.crashpoints import Point

_spec = importlib.util.spec_from_file_location(
    "platform_kill", Path(__file__).parents[1] / "platform/test_platform_kill.py"
)
_kill = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_kill)

MINUTE, HOUR = 60_000, 3_600_000
FEB, MARCH = (round(datetime(2026, month, 1, tzinfo=UTC).timestamp() * 1000) for month in (2, 3))
ORDER = "wo-mix-1-machine-1"
LEVEL = {
    "title": "Gold", "priorities": {"P2": {"acknowledge": 60, "respond": 90, "restore": 90}},
    "pause_reasons": ["customer_access"], "covers": {"customers": ["acme"]},
}  # fmt: skip
CONTRACT = {
    "customer": "acme", "things": ["mix-2"], "fee_eur": 1000.0, "target": 0.99, "step": 0.01,
    "credit_pct_per_step": 5.0, "cap_pct": 30.0, "up_when": "temp_c < 60.0",
    "unknown_after_s": 3600.0, "grace_s": 86400.0, "start_ms": 1_767_225_600_000,
}  # fmt: skip
PACKAGE = {"name": "mixer", "version": "2.0.0", "size_bytes": 1000, "checksum": "a" * 64,
           "models": ["mixer-1"]}  # fmt: skip
ROLLOUT = {
    "by": "ada",
    "package": "p-1",
    "things": ["mix-1"],
    "groups": [{"share": 1.0}],
    "approval": False,
}
SALE = {"pricing": "data", "owner": "acme", "what": "air quality", "records": 1000,
        "unit_price_eur": 0.05}  # fmt: skip
STEPS = (
    "report", "tell the fsm", "the fsm plans", "late", "the fsm is done", "verified",
    "roll out", "start", "ask devices", "updated", "sell data", "command", "obeyed", "month",
    "invoices", "pay", "pay out", "take back", "second month",
)  # fmt: skip

MAIN = "/v1/invoices/inv-main"
CALLS = {
    "report": [
        ("POST", "/v1/things/mix-1/work-orders",
         {"by": "ann", "title": "It hums", "priority": "P2"}),
    ],
    "roll out": [
        ("PUT", "/v1/firmware/rollouts/r-1", ROLLOUT),
        ("POST", "/v1/firmware/rollouts/r-1/submit", {"by": "ada"}),
    ],
    "start": [("POST", "/v1/firmware/rollouts/r-1/start", {"by": "ada"})],
    "sell data": [("POST", "/v1/data-sales", SALE)],
    "command": [("POST", "/v1/things/mix-2/commands", {"by": "ada", "name": "stop"})],
    "pay": [
        ("POST", f"{MAIN}-city-2026-01/payments",
         {"by": "city", "payment": "pay-1", "amount_eur": 50.0}),
    ],
    "pay out": [("POST", "/v1/settlements/acme/payouts", {"by": "finance"})],
    "take back": [
        ("POST", f"{MAIN}-acme-2026-01/cancel",
         {"by": "finance", "reason": "wrong address", "again": True}),
    ],
}  # fmt: skip
REPORTS = {
    "the fsm plans": {"status": "IN_PROGRESS", "number": 2},
    "the fsm is done": {"status": "COMPLETED", "number": 3, "cause": "worn", "remedy": "fitted"},
}
SPANS = {
    "tell the fsm": 30 * MINUTE, "late": 2 * HOUR, "verified": 3 * HOUR,
    "ask devices": MINUTE, "updated": HOUR, "command": MINUTE, "obeyed": MINUTE,
    "month": 2 * 24 * HOUR, "invoices": 4 * 24 * HOUR, "second month": 9 * 24 * HOUR,
}  # fmt: skip


class Teller:
    """Calls the DPS; when it dies under a call, starts it again and calls again."""

    def __init__(self, store, address, crash_file):
        self._start = lambda: _kill.Process(address, store, TWINRIG_CRASH_FILE=str(crash_file))
        self.kills = 0
        self._open()

    def _open(self):
        self.process = self._start()
        self.client = httpx.AsyncClient(base_url=self.process.ready(), timeout=GUARD_S)

    async def __call__(self, method, path, body=None, **headers):
        key = {} if method == "GET" or headers else {"Idempotency-Key": f"{method} {path}"}
        content = body if isinstance(body, str) else json.dumps(body or {})
        for _ in range(3):
            try:
                answer = await self.client.request(
                    method, path, content=content, headers={**key, **headers}
                )
            except httpx.TransportError:
                await self.close(-signal.SIGKILL)
                self.kills += 1
                self._open()
                continue
            assert answer.status_code == 200, (path, answer.text)
            return answer.json()
        raise AssertionError("it dies again and again")

    async def close(self, code=0):
        await self.client.aclose()
        assert self.process.stop() == (code, "")


class Life:
    """One telling of the story."""

    def __init__(self, kit, linked, call, devices):
        self.kit, self.linked, self.call, self.devices = kit, linked, call, devices
        self.now, self.sent, self.seq = kit.START_MS, dict.fromkeys(("site-01", "site-02"), 0), {}
        self.boot = {"mix-1": 1, "mix-2": 1}

    async def install(self):
        kit = self.kit
        for path, body in {
            "/v1/customers/acme": {"name": "Acme"}, "/v1/customers/city": {"name": "City"},
            "/v1/sites/site-01": {"customer": "acme", "name": "One"},
            "/v1/sites/site-02": {"customer": "acme", "name": "Two"},
            "/v1/models/mixer-1": kit.MODEL,
            "/v1/things/mix-1": {"model": "mixer-1", "site": "site-01"},
            "/v1/things/mix-2": {"model": "mixer-1", "site": "site-02"},
            "/v1/service-levels/gold": LEVEL,
            "/v1/contracts/c-1": CONTRACT,
            "/v1/pricings/visits": price("acme", "mix-1", "transaction", {"visit_eur": 180.0}),
            "/v1/pricings/result": price("acme", "mix-2", "outcome", {"contract": "c-1"}),
            "/v1/pricings/data": {**price("city", "", "ecosystem", {}),
                                  "shares": {"acme": 70.0, "main": 30.0}},
            "/v1/customers/acme/consents/monetisation": {"granted": True},
            "/v1/firmware/packages/p-1": PACKAGE,
        }.items():  # fmt: skip
            await self.call("PUT", path, body)
        link = {"role": "fsm", "url": self.linked.server.url}
        self.linked.secrets = await self.call("POST", "/v1/connectors", link)
        await self.say(kit.birth("mix-1"), kit.birth("mix-2"))
        await self.clock(0)

    async def say(self, *messages):
        for message in messages:
            site = _kill.THINGS[message.device]
            self.sent[site] += 1
            await self.devices.publish([self.kit.packet(site, message)])

    def number(self, thing):
        self.seq[thing] = self.seq.get(thing, 0) + 1
        return self.seq[thing]

    async def read(self, thing, boot=1, temp_c=20.0):
        at_ms = self.now
        await self.say(self.kit.reading(thing, self.number(thing), at_ms, boot, temp_c=temp_c))

    async def clock(self, span_ms):
        self.now += span_ms
        body = {"now_ms": self.now, "delivered": self.sent, "wait_s": 15}
        await self.call(
            "POST", "/v1/clock", json.dumps(body), **{"content-type": "application/json"}
        )

    async def back(self, **said):
        body, headers = self.linked.signed(ORDER, **said)
        await self.call("POST", "/v1/callbacks", body, **headers)

    def ack(self, thing, command, status="done", detail="", at_ms=None):
        return m.CommandAck(
            device=thing, boot=self.boot[thing], seq=self.number(thing), at_ms=at_ms or self.now,
            command_id=command, status=status, detail=detail,
        )  # fmt: skip

    async def updated(self):
        """What a device says of an update, and its birth with the new version."""
        command, at_ms = "cmd-mix-1-fw-r-1-1", self.now
        for stage in ("downloading", "downloaded", "verified", "updating"):
            at_ms += 1000
            said = json.dumps({"stage": stage, "version": "2.0.0", "percent": 100})
            await self.say(self.ack("mix-1", command, "running", said, at_ms))
        self.seq["mix-1"], self.boot["mix-1"] = 0, 2
        await self.say(m.Birth(**{**fields(self.kit.birth("mix-1", boot=2, at_ms=at_ms + 1000)),
                                  "firmware": "2.0.0"}))  # fmt: skip
        said = json.dumps({"stage": "updated", "version": "2.0.0"})
        await self.say(self.ack("mix-1", command, "done", said, at_ms + 2000))

    async def take(self, step):
        """A step of the story: a call, a report of the FSM, or time."""
        if step in CALLS:
            for method, path, body in CALLS[step]:
                self.last = await self.call(method, path, body)
        if step in REPORTS:
            await self.back(**REPORTS[step])
        if step == "updated":
            await self.updated()
        if step == "obeyed":
            await self.say(self.ack("mix-2", self.last["id"]))
        if step in ("verified", "ask devices"):
            await self.read("mix-1")
        if step == "month":
            self.now = FEB + 2 * 24 * HOUR
            await self.read("mix-2")
        if step == "second month":
            self.now = MARCH
        if step in SPANS:
            await self.clock(SPANS[step])

    async def seen(self):
        get = self.call
        invoices = (await get("GET", "/v1/invoices"))["items"]
        paths = [f"/v1/invoices/{row['id']}" for row in invoices]
        paths += [
            f"/v1/work-orders/{ORDER}", "/v1/work-orders", "/v1/sla", "/v1/commands",
            "/v1/firmware/rollouts/r-1", "/v1/firmware/rollouts/r-1/devices", "/v1/outcomes",
            "/v1/settlements", "/v1/settlements/acme", "/v1/billables",
            f"/v1/connectors/{self.linked.secrets['id']}/jobs",
        ]  # fmt: skip
        feed, after = [], 0
        while page := (await get("GET", f"/v1/feed?after={after}&limit=1000"))["events"]:
            feed += page
            after += len(page)
        told = sorted((e["at_ms"], e["type"], e["subject"], e["id"]) for e in feed)
        return told, {path: await get("GET", path) for path in paths}


def fields(struct):
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def price(customer, thing, model, terms):
    return {"by": "sales", "customer": customer, "thing": thing, "model": model, "terms": terms,
            "from_ms": 1_767_225_600_000}  # fmt: skip


async def live_through(kit, linked, store, address, crash_file, point, at_step):
    call = Teller(store, address, crash_file)
    try:
        async with _kill.devices_at(address, []) as devices:
            life = Life(kit, linked, call, devices)
            await life.install()
            for step in STEPS:
                if step == at_step and point is not None:
                    crash_file.write_text(point)
                await life.take(step)
            told, views = await life.seen()
            waiting = (await call("GET", "/v1/webhook-deliveries?state=PENDING"))["items"]
    except BaseException:
        call.process.child.kill()
        await call.close(-signal.SIGKILL)
        raise
    await call.close()
    assert waiting == []
    return told, views, call.kills


def run(kit, linked, folder, point=None, at_step=""):
    linked.forget()
    with broker.open("embedded") as server:
        if not server.keeps_sessions:
            pytest.skip(f"{server.kind} keeps no session for a DPS that is away")
        store, crash_file = f"sqlite:///{folder}/dps.sqlite", folder / "crash"
        return asyncio.run(live_through(kit, linked, store, server.url, crash_file, point, at_step))


@pytest.fixture(scope="module")
def linked(new_linked):
    """One field service system for all: where it listens is what a connector is known by."""
    with new_linked() as one:
        yield one


@pytest.fixture(scope="module")
def calm(kit, linked, tmp_path_factory):
    """The story without a kill."""
    told, views, _ = run(kit, linked, tmp_path_factory.mktemp("calm"))
    kinds = [kind for _, kind, _, _ in told]
    for kind, times in {
        "work_order.requested": 1, "work_order.closed": 1, "sla.breached": 1,
        "firmware.initiated": 1, "firmware.updated": 1, "command.requested": 2,
        "command.confirmed": 2, "outcome.period_closed": 2, "invoice.issued": 3,
        "invoice.paid": 1, "invoice.credited": 1, "payout.made": 1,
    }.items():  # fmt: skip
        assert kinds.count(kind) == times, (kind, kinds.count(kind), sorted(set(kinds)))
    return told, views, dict(linked.told)


@pytest.mark.deep
@pytest.mark.feature("FS11", "CC15", "W1", "W8", "SU4")
@pytest.mark.timeout(300)
@pytest.mark.sampled(37)
@pytest.mark.parametrize("point", get_args(Point))
@pytest.mark.parametrize("step", STEPS)
def test_promises_are_kept_and_billed_alike_by_a_dps_that_was_killed_there(
    kit, calm, linked, tmp_path, point, step
):
    told, views, kills = run(kit, linked, tmp_path, point, step)
    assert kills <= 1
    assert (told, views) == calm[:2]
    assert linked.told == calm[2], "each work order once, and its steps in order"
    if kills == 0:
        assert (tmp_path / "crash").exists(), "no later step reaches the point"
