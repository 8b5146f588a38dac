"""Signed webhooks: durable, at least once, in order per subject, given up visibly, kept inside."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from standardwebhooks import Webhook

from reference_impl.integration import domain
from reference_impl.integration.adapters.poster import HttpPoster
from reference_impl.integration.targets import Targets
from reference_impl.kernel.errors import IllegalStep
from reference_impl.kernel.machines import after

THINGS = {"mix-1": "site-01", "mix-2": "site-02"}
pytestmark = pytest.mark.feature("CC17")


async def tell(rig, kit, thing, at_ms, boot=1):
    """A thing is born: one event of the feed."""
    await rig.send(THINGS[thing], kit.birth(thing, boot=boot, at_ms=at_ms))
    await rig.clock(at_ms)


async def dead_list(rig):
    return (await rig.get("/v1/webhook-deliveries?state=DEAD"))["items"]


def test_a_receiver_can_verify_what_it_is_sent_with_the_secret_that_was_told_once(kit, receiver):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            call = {"url": receiver.url, "kinds": ["device.*"], "title": "FSM"}
            made = await rig.post("/v1/webhooks", call)
            await rig.post("/v1/webhooks", {**call, "kinds": ["order.placed"]})
            await tell(rig, kit, "mix-1", kit.START_MS)
            ((_, headers, body),) = receiver.heard
            Webhook(made["secret"]).verify(body, headers)
            (event,) = await rig.feed("device.born")
            assert json.loads(body) == event
            assert headers["content-type"] == "application/cloudevents+json"
            again = await rig.post("/v1/webhooks", call, 409)
            assert again["error"]["code"] == "already_there"
            shown = [await rig.get("/v1/webhooks"), await rig.get(f"/v1/webhooks/{made['id']}")]
            assert "secret" not in json.dumps(shown)
            rotated = await rig.post(f"/v1/webhooks/{made['id']}/rotate", {})
            await tell(rig, kit, "mix-2", kit.START_MS + 1)
            _, headers, body = receiver.heard[-1]
            Webhook(rotated["secret"]).verify(body, headers)
            assert rotated["secret"] != made["secret"]

    asyncio.run(story())


def test_while_a_receiver_is_down_everything_waits_for_it_and_comes_in_order_afterwards(
    kit, receiver, new_store
):
    """Also over a restart: what waits stands in the store."""
    url, at_ms = new_store(), kit.START_MS

    async def story():
        async with kit.open_rig(url, things=THINGS) as rig:
            await rig.post("/v1/webhooks", {"url": receiver.url, "kinds": ["*"]})
            receiver.close()
            for boot in (1, 2, 3):
                await tell(rig, kit, "mix-1", at_ms + boot, boot=boot)
        async with kit.open_rig(url) as rig:
            waiting = (await rig.get("/v1/webhook-deliveries?state=PENDING"))["items"]
            assert [d["attempts"] for d in waiting] == [1, 0, 0]
            assert "ConnectError" in waiting[0]["error"]
            receiver.open()
            await rig.clock(at_ms + 4)
            assert receiver.heard == []  # its next attempt is due five seconds after the first
            await rig.clock(at_ms + 1 + 5_000)
            boots = [json.loads(body)["data"]["boot"] for _, _, body in receiver.heard]
            assert boots == [1, 2, 3]
            assert [d["id"] for d in waiting] == receiver.ids()

    asyncio.run(story())


def test_a_subject_that_fails_holds_up_its_own_later_events_and_no_others(kit, receiver):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.post("/v1/webhooks", {"url": receiver.url, "kinds": ["*"]})
            receiver.refuse = {"mix-1"}
            for boot in (1, 2):
                for number, thing in enumerate(THINGS):
                    await tell(rig, kit, thing, kit.START_MS + 10 * boot + number, boot=boot)
            heard = [subject for _, subject in receiver.events()]
            assert (heard.count("mix-1"), heard.count("mix-2")) == (1, 2)
            receiver.refuse = set()
            await rig.clock(kit.START_MS + 10 + 5_000)
            last = [json.loads(body) for _, _, body in receiver.heard[-2:]]
            assert [(e["subject"], e["data"]["boot"]) for e in last] == [("mix-1", 1), ("mix-1", 2)]

    asyncio.run(story())


def test_after_eight_attempts_a_delivery_is_dead_stands_in_a_list_and_can_be_sent_again_by_hand(
    kit, receiver
):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.post("/v1/webhooks", {"url": receiver.url, "kinds": ["device.born"]})
            receiver.status = 500
            at_ms = kit.START_MS
            await tell(rig, kit, "mix-1", at_ms)
            for number, wait_ms in enumerate(domain.WAITS_MS, 1):
                assert await dead_list(rig) == []
                await rig.clock(at_ms + wait_ms - 1)
                assert len(receiver.heard) == number
                at_ms += wait_ms
                await rig.clock(at_ms)
            (dead,) = await dead_list(rig)
            assert (dead["attempts"], dead["status"], len(set(receiver.ids()))) == (8, 500, 1)
            await rig.clock(at_ms + 10 * kit.HOUR_MS)
            assert len(receiver.heard) == 8
            receiver.status = 200
            await rig.post(f"/v1/webhook-deliveries/{dead['id']}/redeliver", {})
            await rig.clock(at_ms + 11 * kit.HOUR_MS)
            assert (len(receiver.heard), await dead_list(rig)) == (9, [])
            refused = await rig.post(f"/v1/webhook-deliveries/{dead['id']}/redeliver", {}, 409)
            assert refused["error"]["code"] == "illegal_step"

    asyncio.run(story())


def test_a_receiver_that_says_gone_is_asked_no_more_until_somebody_resumes_it(kit, receiver):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            made = await rig.post("/v1/webhooks", {"url": receiver.url, "kinds": ["*"]})
            path = f"/v1/webhooks/{made['id']}"
            receiver.status = 410
            await tell(rig, kit, "mix-1", kit.START_MS)
            assert (await rig.get(path))["state"] == "GONE"
            await tell(rig, kit, "mix-2", kit.START_MS + kit.HOUR_MS)
            assert len(receiver.heard) == 1
            receiver.status = 200
            await rig.post(f"{path}/resume", {})
            await rig.clock(kit.START_MS + 2 * kit.HOUR_MS)
            assert [subject for _, subject in receiver.events()] == ["mix-1", "mix-1", "mix-2"]
            await rig.post(f"{path}/pause", {})
            await tell(rig, kit, "mix-1", kit.START_MS + 3 * kit.HOUR_MS, boot=2)
            assert len(receiver.heard) == 3
            await rig.client.delete(path)
            assert (await rig.get("/v1/webhook-deliveries"))["items"] == []

    asyncio.run(story())


def test_what_happens_between_clock_calls_goes_out_without_waiting_for_one(kit, receiver):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.clock(kit.START_MS)
            await rig.post("/v1/webhooks", {"url": receiver.url, "kinds": ["command.requested"]})
            await rig.post("/v1/things/mix-1/commands", {"by": "ada", "name": "stop"})
            await kit.until(lambda: receiver.heard)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://10.0.0.5/x", "10.0.0.5 may not be called"),
        ("https://192.168.1.1/x", "192.168.1.1 may not be called"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254 may not be called"),
        ("https://[fd00::1]/x", "fd00::1 may not be called"),
        ("https://[::ffff:10.0.0.5]/x", "may not be called"),
        ("https://[64:ff9b::a00:5]/x", "may not be called"),
        ("https://0.0.0.0/x", "0.0.0.0 may not be called"),
        ("http://93.184.216.34/x", "may not be called with http"),
        ("http://example.com/x", "is http to another machine"),
        ("ftp://example.com/x", "is no http or https URL"),
        ("https://user:pw@example.com/x", "has a user, a password or a fragment"),
        ("https://example.com:99999/x", "is no URL"),
        ("https://exa mple.com/x", "space"),
    ],
)
def test_an_address_inside_a_private_network_is_refused(url, why):
    assert why in Targets().problem_of(url)


def test_a_refused_url_says_what_is_allowed(kit):
    async def story():
        async with kit.open_rig() as rig:
            call = {"url": "http://10.0.0.5/x", "kinds": ["*"]}
            refused = await rig.post("/v1/webhooks", call, 422)
            (problem,) = refused["error"]["problems"]
            assert problem["where"] == "url"
            assert "10.0.0.5 may not be called" in problem["what"]
            assert "https to a public address" in problem["allowed"]

    asyncio.run(story())


@pytest.mark.parametrize("url", ["https://93.184.216.34/x", "https://example.com/x",
                                 "http://localhost:1/x", "http://[::1]:9/x"])  # fmt: skip
def test_the_internet_by_https_and_this_machine_may_be_called(url):
    assert Targets().problem_of(url) is None


def test_a_range_that_the_operator_names_may_be_called_and_only_that():
    targets = Targets(["10.20.0.0/16"])
    assert targets.problem_of("http://10.20.1.1/x") is None
    assert targets.problem_of("http://10.21.1.1/x") is not None


def test_a_name_that_turns_out_to_be_inside_a_private_network_is_not_called(monkeypatch):
    """The name was fine when the webhook was made; what it stands for is looked at each time."""

    async def post(address):
        async def found(*_, **__):
            return [(2, 1, 6, "", (address, 443))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found, raising=False)
        poster = HttpPoster(Targets(), timeout_s=0.2)
        try:
            return await poster.post("https://inside.example.com/x", b"{}", {})
        finally:
            await poster.close()

    reply = asyncio.run(post("10.0.0.5"))
    assert reply == (None, "inside.example.com is 10.0.0.5, which may not be called")


def test_a_redirect_is_not_followed(kit, receiver):
    async def story():
        poster = HttpPoster(Targets())
        receiver.status, receiver.location = 302, "http://169.254.169.254/"
        reply = await poster.post(receiver.url, b"{}", {})
        await poster.close()
        assert reply.status == 302

    asyncio.run(story())
    assert len(receiver.heard) == 1


def test_the_life_of_a_delivery_and_of_a_webhook_is_what_the_tables_say():
    for table in (domain.DELIVERIES, domain.HOOKS):
        steps = {step for row in table.values() for step in row}
        for state, row in table.items():
            for step in steps - set(row):
                with pytest.raises(IllegalStep):
                    after(table, subject="x", state=state, step=step)
    assert domain.DELIVERIES[domain.Delivery.DELIVERED] == {}


def test_an_event_is_delivered_once_per_webhook_though_it_was_asked_for_twice(kit, receiver):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            for kinds in (["device.*", "device.born", "*"], ["device.born"]):
                await rig.post("/v1/webhooks", {"url": receiver.url, "kinds": kinds})
            await tell(rig, kit, "mix-1", kit.START_MS)
            assert len(receiver.heard) == len(set(receiver.ids())) == 2

    asyncio.run(story())


def test_a_slow_receiver_does_not_hold_up_another(kit, receiver):
    """The first never answers; the second hears everything in the same clock call."""

    async def story():
        async def never(reader, writer):
            await reader.read()  # until the other side gives up
            writer.close()

        slow = await asyncio.start_server(never, "127.0.0.1", 0)
        port = slow.sockets[0].getsockname()[1]
        async with kit.open_rig(things=THINGS) as rig:
            rig.dps.courier._new_poster = lambda: HttpPoster(Targets(), timeout_s=0.2)
            await rig.post("/v1/webhooks", {"url": f"http://127.0.0.1:{port}/", "kinds": ["*"]})
            await rig.post("/v1/webhooks", {"url": receiver.url, "kinds": ["*"]})
            await tell(rig, kit, "mix-1", kit.START_MS)
            assert len(receiver.heard) == 1
            (stuck,) = (await rig.get("/v1/webhook-deliveries?state=PENDING"))["items"]
            assert "ReadTimeout" in stuck["error"]
            slow.close()

    asyncio.run(story())


def test_httpx_connects_to_the_address_that_was_looked_at_and_names_the_host(receiver):
    async def story():
        poster = HttpPoster(Targets())
        reply = await poster.post(f"http://localhost:{receiver.port}/hear", b"{}", {})
        await poster.close()
        assert reply == (204, "")

    asyncio.run(story())
    assert receiver.heard[0][1]["host"] == f"localhost:{receiver.port}"
    assert httpx.URL("http://localhost").host == "localhost"
