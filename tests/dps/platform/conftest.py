"""A DPS in this process over the memory link, and what a rig would do with it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace

import httpx
import pytest
from waiting import GUARD_S

import broker
from broker.link.memory import MemoryBus
from broker.link.port import Packet
from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import decode_downlink, encode
from reference_impl.bootstrap import Settings, build

HOUR_MS = 3_600_000
START_MS = 1_767_225_600_000
MODEL = {
    "product": "mixer",
    "title": "A mixer",
    "signals": {
        "speed_rpm": {"unit": "rpm", "min": 0.0, "max": 3000.0},
        "temp_c": {"unit": "°C", "min": -20.0, "max": 150.0},
    },
}


def birth(device, boot=1, at_ms=START_MS):
    return m.Birth(
        device=device,
        boot=boot,
        at_ms=at_ms,
        product="mixer",
        model="mixer-1",
        serial=f"SN-{device}",
        firmware="1.0",
        signals={"temp_c": m.Signal(unit="°C", min=-20.0, max=150.0)},
    )


def reading(device, seq, at_ms, boot=1, **signals):
    return m.Telemetry(
        device=device, boot=boot, seq=seq, at_ms=at_ms, signals=signals or {"temp_c": 20.0 + seq}
    )


def packet(site, message):
    return Packet(topics.uplink(site, message), encode(message))


class Rig:
    """Devices and HTTP client of one DPS, with the counts that a harness keeps."""

    def __init__(self, dps, bus, devices, client):
        self.dps, self.bus, self.devices, self.client = dps, bus, devices, client
        self.down = []
        self.seen = set()
        self.delivered = {}

    async def send(self, site, *messages):
        for message in messages:
            numbers = (
                [s.seq for s in message.samples]
                if isinstance(message, m.TelemetryBatch)
                else [message.seq]
            )
            for seq in numbers:
                key = (message.device, message.boot, seq)
                if key not in self.seen:
                    self.seen.add(key)
                    self.delivered[site] = self.delivered.get(site, 0) + 1
        await self.devices.publish([packet(site, message) for message in messages])

    async def clock(self, now_ms, wait_s=5.0, delivered=None, status=200):
        body = {"now_ms": now_ms, "delivered": delivered or self.delivered, "wait_s": wait_s}
        answer = await self.client.post("/v1/clock", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def get(self, path, status=200):
        answer = await self.client.get(path)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def put(self, path, body, status=200):
        answer = await self.client.put(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(self, path, body, status=200, **headers):
        answer = await self.client.post(path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def feed(self, kind=None, after=0):
        events = (await self.get(f"/v1/feed?after={after}"))["events"]
        return [e for e in events if kind is None or e["type"] == kind]

    async def stored(self):
        """Wait until the DPS has taken in all that was sent."""
        event, intake = asyncio.Event(), self.dps.contexts.ingestion
        intake.on_stored(event.set)
        async with asyncio.timeout(GUARD_S):
            while intake.short_of(self.delivered):
                event.clear()
                await event.wait()

    async def install(self, things):
        await self.put("/v1/customers/acme", {"name": "Acme"})
        for site in sorted(set(things.values())):
            await self.put(f"/v1/sites/{site}", {"customer": "acme", "name": site})
        await self.put("/v1/models/mixer-1", MODEL)
        for thing, site in things.items():
            await self.put(f"/v1/things/{thing}", {"model": "mixer-1", "site": site})


async def until(holds):
    """Let others run until ``holds()``; for what has no event of its own to wait for."""
    async with asyncio.timeout(GUARD_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0)


@asynccontextmanager
async def open_rig(
    url="sqlite://",
    *,
    things=None,
    bus=None,
    clock="driven",
    sites=("site-01", "site-02"),
    restore_from=None,
    **how,
):
    bus = bus or MemoryBus()
    dps = build(url, bus.service_link(), Settings(clock=clock, **how), restore_from=restore_from)
    devices = bus.device_link()
    down = []
    await devices.open(sites, lambda p: down.append(decode_downlink(p.topic, p.payload)))
    await dps.start()
    transport = httpx.ASGITransport(app=dps.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://dps") as client:
        rig = Rig(dps, bus, devices, client)
        rig.down = down
        try:
            if things:
                await rig.install(things)
            yield rig
        finally:
            await devices.close()
            await dps.stop()


@contextmanager
def browsing(store, **environ):
    """A DPS of its own with pages, on a store that is filled, and a page of a browser.

    Gives the page, the address of the DPS, the addresses asked for, and the errors of scripts.
    """
    sync_api = pytest.importorskip("playwright.sync_api")
    asked, errors = [], []
    with broker.open("embedded") as server, sync_api.sync_playwright() as playwright:
        command = [sys.executable, "-m", "reference_impl", "--broker", server.url, "--web"]
        with subprocess.Popen(
            [*command, "--store", store, "--exit-with-parent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
        ) as child:
            url = json.loads(child.stdout.readline())["url"]
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page()
            page.on("request", lambda request: asked.append(request.url))
            page.on("pageerror", lambda error: errors.append(str(error)))
            yield page, url, asked, errors
            browser.close()
            child.stdin.close()
            assert child.wait(20) == 0


@contextmanager
def acting_as(rig, principal):
    """Every request is one of this caller, whatever it brings."""
    callers = rig.dps.callers
    callers.who = lambda authorization, tenant: principal
    try:
        yield
    finally:
        del callers.who


ON_POSTGRES = (pytest.mark.deep, pytest.mark.postgres, pytest.mark.timeout(240))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=ON_POSTGRES)])
def new_store(request, tmp_path):
    """Gives the URL of another empty store at each call, on either kind of database."""
    if request.param == "postgresql":
        return request.getfixturevalue("new_database")
    numbers = itertools.count(1)
    return lambda: f"sqlite:///{tmp_path}/dps-{next(numbers)}.sqlite"


@pytest.fixture(scope="session")
def kit():
    """What tests of the platform share (tests are no package, so it comes as a fixture)."""
    return SimpleNamespace(
        HOUR_MS=HOUR_MS,
        START_MS=START_MS,
        MODEL=MODEL,
        birth=birth,
        reading=reading,
        packet=packet,
        until=until,
        open_rig=open_rig,
        acting_as=acting_as,
        browsing=browsing,
    )
