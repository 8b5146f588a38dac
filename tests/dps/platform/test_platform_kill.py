"""kill -9 at every point that the architecture names, over a real broker, and what comes after."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import httpx
import pytest
from waiting import GUARD_S

import broker
from broker.link.mqtt import MqttDeviceLink
from broker.wire.codec import decode_downlink

THINGS = {"mix-1": "site-01", "mix-2": "site-02"}


class Process:
    """The DPS as a child process."""

    def __init__(self, url, store, *more, **environment):
        self.child = subprocess.Popen(
            [
                *(sys.executable, "-m", "reference_impl", "--broker", url, "--store", store),
                *("--exit-with-parent", *more),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
            text=True,
        )

    def ready(self):
        line = self.child.stdout.readline()
        assert line, self.child.stderr.read()
        return json.loads(line)["url"]

    def stop(self):
        """Close its standard input, as a parent that died does."""
        if self.child.poll() is None:
            self.child.stdin.close()
        code = self.child.wait(20)
        errors = self.child.stderr.read()
        for pipe in (self.child.stdin, self.child.stdout, self.child.stderr):
            pipe.close()
        return code, errors


@asynccontextmanager
async def devices_at(url, heard):
    link = MqttDeviceLink(url, "test-devices")
    await link.open(
        sorted(set(THINGS.values())),
        lambda p: heard.append(decode_downlink(p.topic, p.payload).command_id),
    )
    try:
        yield link
    finally:
        await link.close()


async def install(client, kit):
    async def put(path, body):
        assert (await client.put(path, json=body)).status_code == 200

    await put("/v1/customers/acme", {"name": "Acme"})
    await put("/v1/models/mixer-1", kit.MODEL)
    for thing, site in THINGS.items():
        await put(f"/v1/sites/{site}", {"customer": "acme", "name": site})
        await put(f"/v1/things/{thing}", {"model": "mixer-1", "site": site})


async def live_through(kit, store, address, point, crash_file):
    """Run four steps; the process is killed at ``point`` in the second one and started again."""
    heard = []
    environment = {"TWINRIG_CRASH_FILE": str(crash_file)}
    process = Process(address, store, **environment)
    kills = 0
    async with devices_at(address, heard) as devices:
        client = httpx.AsyncClient(base_url=process.ready(), timeout=GUARD_S)
        await install(client, kit)
        delivered = dict.fromkeys(THINGS.values(), 0)
        for number in range(4):
            if number == 1 and point is not None:
                crash_file.write_text(point)
            at_ms = kit.START_MS + number * kit.HOUR_MS
            if number == 1:  # a command in the outbox, so that there is something to publish
                body = {"by": "ada", "name": "stop"}
                await client.post(
                    "/v1/things/mix-1/commands", json=body, headers={"Idempotency-Key": "c1"}
                )
            for thing, site in THINGS.items():
                message = kit.reading(thing, number, at_ms) if number else kit.birth(thing)
                await devices.publish([kit.packet(site, message)])
                delivered[site] += 1
            call = {"now_ms": at_ms, "delivered": delivered, "wait_s": 15}
            try:
                answer = (await client.post("/v1/clock", json=call)).json()
            except httpx.TransportError:
                await client.aclose()
                assert process.stop()[0] == -signal.SIGKILL
                kills += 1
                process = Process(address, store, **environment)
                client = httpx.AsyncClient(base_url=process.ready(), timeout=GUARD_S)
                answer = (await client.post("/v1/clock", json=call)).json()
            assert answer["now_ms"] == at_ms, answer
            wanted = set(answer["commands"])
            await kit.until(lambda wanted=wanted: wanted <= set(heard))
        feed = (await client.get("/v1/feed")).json()["events"]
        stored = (await client.get("/v1/ingestion/stored")).json()
        await client.aclose()
    code, errors = process.stop()
    assert (code, errors) == (0, "")
    return sorted((e["at_ms"], e["type"], e["subject"], e["id"]) for e in feed), stored, kills


def run(kit, store, crash_file, point):
    with broker.open("embedded") as server:
        if not server.keeps_sessions:
            pytest.skip(f"{server.kind} keeps no session for a DPS that is away")
        return asyncio.run(live_through(kit, store, server.url, point, crash_file))


@pytest.fixture(scope="module")
def calm(kit, tmp_path_factory):
    """The story without a kill, on SQLite."""
    folder = tmp_path_factory.mktemp("calm")
    return run(kit, f"sqlite:///{folder}/calm.sqlite", folder / "crash", None)


@pytest.mark.parametrize("point", ["before_commit", "after_commit", "in_clock", "before_publish"])
def test_a_killed_dps_comes_to_the_same_outcome_as_one_that_lived(
    kit, calm, new_store, tmp_path, point
):
    calm_feed, calm_stored, no_kills = calm
    feed, stored, kills = run(kit, new_store(), tmp_path / "crash", point)
    assert (no_kills, kills) == (0, 1)
    assert feed == calm_feed
    assert stored == calm_stored
    assert stored["devices"] == {"mix-1": {"1": [[0, 3]]}, "mix-2": {"1": [[0, 3]]}}
    assert [kind for _, kind, _, _ in feed if "command" in kind].count("command.requested") == 1


def test_sigterm_ends_the_process_cleanly_and_quickly():
    with broker.open("embedded") as server:
        process = Process(server.url, "sqlite://")
        url = process.ready()
        assert httpx.get(f"{url}/v1/info").json()["broker"] == server.url
        process.child.send_signal(signal.SIGTERM)
        assert process.stop() == (0, "")


def test_a_busy_port_an_absent_broker_and_a_wrong_address_are_said_in_one_line():
    with broker.open("embedded") as server:
        port = server.url.rsplit(":", 1)[1]
        busy = Process(server.url, "sqlite://", "--port", port)
        code, errors = busy.stop()
        assert code == 2
        assert f"port {port} on 127.0.0.1 is not free" in errors
    for url, word in (("http://x", "mqtt://"), ("mqtt://127.0.0.1:port", "mqtt://")):
        code, errors = Process(url, "sqlite://").stop()
        assert code == 2
        assert word in errors
        assert "Traceback" not in errors
