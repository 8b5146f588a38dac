"""kill -9 at every named point in every step of a story of decisions: the same outcome.

The story: a thing runs hot; a rule raises an alert and recommends a part, the policy orders it, the
supplier takes its steps, the alert clears. A receiver of webhooks hears all of it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import signal
from pathlib import Path
from typing import get_args

import httpx
import pytest
from waiting import GUARD_S

import broker
from reference_impl.kernel.crashpoints import Point

_spec = importlib.util.spec_from_file_location(
    "platform_kill", Path(__file__).parents[1] / "platform/test_platform_kill.py"
)
_kill = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_kill)

PACK = {
    "pack": "hot", "version": "1.0.0", "model": "mixer-1", "owner": "service",
    "every": "30m", "stale_after": "6h",
    "rules": [
        {
            "id": "hot",
            "let": {"temp_c": {"signal": "temp_c", "take": "last", "over": "2h"}},
            "when": "temp_c > 60.0", "for": "0s", "severity": "minor", "why": "too hot",
            "remedies": ["grease it"],
            "then": [{"alert": {}},
                     {"recommend": {"part": "seal", "position": "shaft", "quantity": 1}}],
        },
    ],
}  # fmt: skip
TEMPS_C = (20.0, 90.0, 91.0, 20.0, 20.0)
ORDER = "/v1/orders/ord-mix-1-shaft-1-1"
ACTS = {2: f"{ORDER}/confirm", 3: f"{ORDER}/ship", 4: f"{ORDER}/deliver"}
"""Step -> what the supplier does before time moves on."""


ONCE = (
    "alert.raised", "alert.cleared", "recommendation.issued", "order.placed", "order.delivered",
)  # fmt: skip


class Caller:
    """Calls the DPS; when it dies under a call, starts it again and calls again."""

    def __init__(self, store, address, crash_file):
        self._start = lambda: _kill.Process(address, store, TWINRIG_CRASH_FILE=str(crash_file))
        self.kills = 0
        self._open()

    def _open(self):
        self.process = self._start()
        self.client = httpx.AsyncClient(base_url=self.process.ready(), timeout=GUARD_S)

    async def __call__(self, method, path, body=None, key=None):
        headers = {} if key is None else {"Idempotency-Key": key}
        for _ in range(3):
            try:
                answer = await self.client.request(method, path, json=body, headers=headers)
            except httpx.TransportError:
                await self.close(-signal.SIGKILL)
                self.kills += 1
                self._open()
                continue
            assert answer.status_code == 200, answer.text
            return answer.json()
        raise AssertionError("it dies again and again")

    async def close(self, code=0):
        await self.client.aclose()
        assert self.process.stop() == (code, "")


async def install(call, kit, receiver):
    part = {"title": "Seal", "price_eur": 80.0, "supplier": "sealco", "models": ["mixer-1"]}
    parts = [{"part": "seal", "position": "shaft", "quantity": 1}]
    for path, body in {
        "/v1/customers/acme": {"name": "Acme"},
        "/v1/sites/site-01": {"customer": "acme", "name": "One"},
        "/v1/models/mixer-1": {**kit.MODEL, "parts": parts},
        "/v1/parts/seal": {**part, "lead_time_h": {"p50": 48.0, "p90": 96.0}},
        "/v1/things/mix-1": {"model": "mixer-1", "site": "site-01"},
        "/v1/policies/acme": {"mode": "auto", "max_unit_price_eur": 100.0},
    }.items():
        await call("PUT", path, body)
    await call("POST", "/v1/rule-packs", PACK)
    if receiver is not None:
        await call("POST", "/v1/webhooks", {"url": receiver.url, "kinds": ["*"]}, key="hook")


async def live_through(kit, receiver, store, address, crash_file, point, at_step):
    call = Caller(store, address, crash_file)
    async with _kill.devices_at(address, []) as devices:
        await install(call, kit, receiver)
        for step, temp_c in enumerate(TEMPS_C):
            now_ms = kit.START_MS + step * kit.HOUR_MS
            if step == at_step and point is not None:
                crash_file.write_text(point)
            if step in ACTS:
                await call("POST", ACTS[step], {"by": "sealco"}, key=f"act-{step}")
            message = kit.reading("mix-1", step, now_ms, temp_c=temp_c)
            await devices.publish([kit.packet("site-01", message if step else kit.birth("mix-1"))])
            clock = {"now_ms": now_ms, "delivered": {"site-01": step + 1}, "wait_s": 15}
            await call("POST", "/v1/clock", clock)
        views = [
            await call("GET", f"/v1/{name}") for name in ("alerts", "orders", "recommendations")
        ]
        feed = (await call("GET", "/v1/feed"))["events"]
        waiting = (await call("GET", "/v1/webhook-deliveries?state=PENDING"))["items"]
    await call.close()
    assert waiting == []
    return sorted((e["at_ms"], e["type"], e["subject"], e["id"]) for e in feed), views, call.kills


def run(kit, receiver, folder, point=None, at_step=0):
    receiver.heard.clear()
    with broker.open("embedded") as server:
        if not server.keeps_sessions:
            pytest.skip(f"{server.kind} keeps no session for a DPS that is away")
        store, crash_file = f"sqlite:///{folder}/dps.sqlite", folder / "crash"
        return asyncio.run(
            live_through(kit, receiver, store, server.url, crash_file, point, at_step)
        )


def heard_once(receiver):
    """What the receiver has when it leaves out what it knows by its id, in order of arrival."""
    first = {}
    for _, headers, body in receiver.heard:
        first.setdefault(headers["webhook-id"], json.loads(body))
    return list(first.values())


@pytest.fixture(scope="module")
def calm(kit, tmp_path_factory):
    """The story without a kill: its feed and its views."""
    receiver = _receiver().open()
    try:
        feed, views, _ = run(kit, receiver, tmp_path_factory.mktemp("calm"))
    finally:
        receiver.close()
    kinds = [kind for _, kind, _, _ in feed]
    for kind in ONCE:
        assert kinds.count(kind) == 1, kinds
    return feed, views


def _receiver():
    spec = importlib.util.spec_from_file_location("rc", Path(__file__).with_name("conftest.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Receiver()


@pytest.mark.feature("O12", "CC17")
@pytest.mark.timeout(300)
def test_what_was_committed_and_not_sent_when_the_dps_was_killed_is_sent_by_the_next_one(
    kit, receiver, tmp_path
):
    feed, _, kills = run(kit, receiver, tmp_path, "before_delivery", 1)
    assert kills == 1
    heard = heard_once(receiver)
    assert sorted((e["at_ms"], e["type"], e["subject"], e["id"]) for e in heard) == feed
    told = [kind for _, kind, _, _ in feed]
    assert [told.count(kind) for kind in ONCE] == [1] * len(ONCE)


@pytest.mark.deep
@pytest.mark.feature("O12", "CC17")
@pytest.mark.timeout(300)
@pytest.mark.sampled(5)
@pytest.mark.parametrize("point", get_args(Point))
@pytest.mark.parametrize("step", range(1, len(TEMPS_C)))
def test_a_dps_killed_there_comes_to_the_same_outcome_and_its_receiver_misses_nothing(
    kit, calm, receiver, tmp_path, point, step
):
    feed, views, kills = run(kit, receiver, tmp_path, point, step)
    assert kills == 1, "the point was never reached"
    assert (feed, views) == calm
    heard = heard_once(receiver)
    assert sorted((e["at_ms"], e["type"], e["subject"], e["id"]) for e in heard) == feed
    order = [e["type"] for e in heard if e["subject"] == ORDER.rsplit("/", 1)[1]]
    assert order == [f"order.{what}" for what in ("placed", "confirmed", "shipped", "delivered")]
    if point == "after_delivery":
        assert len(receiver.heard) > len(heard), "what was sent and not noted goes out again"
