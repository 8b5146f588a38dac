"""Things from the factory to their owners: activation, reset, parts of a whole, bulk import."""

from __future__ import annotations

import asyncio

import pytest

from broker.link.memory import MemoryBus
from broker.link.port import Packet
from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import encode
from reference_impl.bootstrap import Settings, build
from reference_impl.registry.domain import STATUS, Status, Step

HOUR_MS = 3_600_000
START_MS = 1_767_225_600_000
TOKEN = "label-token-1"


def activation(site="acme-1", serial="s1", token=TOKEN):
    return {"model": "mixer-1", "serial": serial, "token": token, "site": site}


async def boxed(desk, **more):
    """A thing that has left the factory and has no owner."""
    body = {"model": "mixer-1", "serial": "s1", "token": TOKEN, **more}
    return await desk.operator("PUT", "/v1/things/mix-1", body)


@pytest.mark.feature("DS5")
def test_the_cloud_status_is_this_table():
    assert STATUS == {
        Status.UNASSIGNED: {Step.ACTIVATE: Status.ACTIVE},
        Status.ACTIVE: {Step.RESET: Status.INACTIVE},
        Status.INACTIVE: {Step.ACTIVATE: Status.ACTIVE},
    }


@pytest.mark.feature("DS5", "ST1")
def test_an_owner_activates_once_with_serial_and_token_at_a_site_of_his_own(office):
    async def story(desk):
        await desk.estate()
        assert (await boxed(desk))["status"] == "UNASSIGNED"
        acme = await desk.key("a", "site-manager", "acme")
        cole = await desk.key("c", "site-manager", "cole")

        async def activate(key, **how):
            status, body = await desk.call(key, "POST", "/v1/activations", activation(**how))
            return status, body.get("error", {}).get("code")

        assert await activate(acme, token="guessed-token") == (403, "wrong_token")
        assert await activate(acme, serial="s2") == (404, "unknown")
        assert await activate(acme, site="cole-1") == (422, "invalid")
        assert await activate(acme) == (200, None)
        assert await activate(acme) == (409, "illegal_step")
        assert await activate(cole, site="cole-1") == (409, "illegal_step")
        thing = (await desk.call(acme, "GET", "/v1/things/mix-1"))[1]
        known = ("model", "serial", "customer", "status", "site")
        assert [thing[k] for k in known] == ["mixer-1", "s1", "acme", "ACTIVE", "acme-1"]

    office(story)


class Field:
    """Devices on the memory link beside a desk."""

    def __init__(self, bus):
        self.link, self.seq, self.sent = bus.device_link(), 0, {}

    async def say(self, desk, at_ms, *, thing="mix-1", site="acme-1", signals=None):
        self.seq += 1
        message = m.Telemetry(
            device=thing,
            boot=1,
            seq=self.seq,
            at_ms=at_ms,
            signals=signals or {"temp_c": at_ms % 97},
        )
        await self.link.publish([Packet(topics.uplink(site, message), encode(message))])
        self.sent[site] = self.sent.get(site, 0) + 1
        await desk.clock(at_ms, self.sent)


@pytest.fixture
def field(names):
    """Runs ``story(desk, field)``: an open desk whose DPS hears devices."""

    def run(story):
        async def whole():
            bus = MemoryBus()
            dps = build("sqlite://", bus.service_link(), Settings(operator_key=names.OPERATOR_KEY))
            devices = Field(bus)
            await devices.link.open(["acme-1", "bell-1", "cole-1"], lambda _p: None)
            await dps.start()
            try:
                await story(names.Desk(dps, None), devices)
            finally:
                await devices.link.close()
                await dps.stop()

        asyncio.run(whole())

    return run


async def series(desk, key, thing="mix-1"):
    path = f"/v1/things/{thing}/telemetry?signal=temp_c"
    status, body = await desk.call(key, "GET", path)
    return body["at_ms"] if status == 200 else status


@pytest.mark.feature("DS5")
def test_data_flow_only_while_a_thing_is_active_and_the_rest_is_counted_and_put_aside(field):
    async def story(desk, devices):
        await desk.estate()
        await boxed(desk)
        acme = await desk.key("a", "site-manager", "acme")
        await devices.say(desk, START_MS)
        stored = await desk.operator("GET", "/v1/ingestion/stored")
        assert (stored["dead"], "mix-1" in stored["devices"]) == (1, False)
        assert (await desk.call(acme, "POST", "/v1/activations", activation()))[0] == 200
        await devices.say(desk, START_MS + HOUR_MS)
        assert await series(desk, acme) == [START_MS + HOUR_MS]
        reset = {"reason": "sold"}
        assert (await desk.call(acme, "POST", "/v1/things/mix-1/reset", reset))[0] == 200
        await devices.say(desk, START_MS + 2 * HOUR_MS)
        assert (await desk.operator("GET", "/v1/ingestion/stored"))["dead"] == 2

    field(story)


@pytest.mark.feature("DS6")
def test_after_a_sale_the_old_owner_sees_nothing_and_the_new_one_nothing_old(field):
    async def story(desk, devices):
        await desk.estate()
        await boxed(desk)
        acme = await desk.key("a", "site-manager", "acme")
        cole = await desk.key("c", "site-manager", "cole")
        served = await desk.key("s", "service-manager", "main")
        assert (await desk.call(acme, "POST", "/v1/activations", activation()))[0] == 200
        await devices.say(desk, START_MS)
        sold = {"reason": "sold", "token": "label-token-2"}
        assert (await desk.call(acme, "POST", "/v1/things/mix-1/reset", sold))[0] == 200
        assert await series(desk, acme) == 404
        stolen = activation()
        assert (await desk.call(acme, "POST", "/v1/activations", stolen))[0] == 403
        bought = activation(site="cole-1", token="label-token-2")
        assert (await desk.call(cole, "POST", "/v1/activations", bought))[0] == 200
        thing = (await desk.call(cole, "GET", "/v1/things/mix-1"))[1]
        assert (thing["latest"], thing["born"]) == (None, None)
        await devices.say(desk, START_MS + HOUR_MS, site="cole-1")
        assert await series(desk, cole) == [START_MS + HOUR_MS]
        assert await series(desk, acme) == 404
        assert await series(desk, served) == [START_MS, START_MS + HOUR_MS]
        for key in (acme, cole):
            events = (await desk.call(key, "GET", "/v1/feed"))[1]["events"]
            assert [e for e in events if e["at_ms"] <= START_MS] == []
        told = (await desk.call(served, "GET", "/v1/feed"))[1]["events"]
        assert [e["type"] for e in told if e["subject"] == "mix-1"] == [
            "thing.activated", "thing.released", "thing.activated",
        ]  # fmt: skip

    field(story)


@pytest.mark.feature("DS6")
def test_the_owner_changes_by_a_reset_only(office):
    async def story(desk):
        await desk.estate()
        thing = {"model": "mixer-1", "site": "cole-1", "serial": "sn-acme"}
        await desk.operator("PUT", "/v1/things/mix-acme", thing, 409)
        await desk.operator("PUT", "/v1/things/mix-acme", {**thing, "site": ""}, 409)
        site = {"customer": "cole", "name": "Works"}
        await desk.operator("PUT", "/v1/sites/acme-1", site, 422)
        await desk.operator("PUT", "/v1/sites/acme-2", {**site, "customer": "acme"})
        await desk.operator("PUT", "/v1/things/mix-acme", {**thing, "site": "acme-2"})

    office(story)


@pytest.mark.feature("ST1")
def test_a_whole_and_its_parts_are_activated_and_reset_together(office):
    async def story(desk):
        await desk.estate()
        await boxed(desk)
        part = {"model": "mixer-1", "serial": "s1-a", "token": TOKEN, "parent": "mix-1"}
        await desk.operator("PUT", "/v1/things/mix-1-a", part)
        await desk.operator("POST", "/v1/activations", activation(serial="s1-a"), 422)
        circle = {"model": "mixer-1", "serial": "s1", "parent": "mix-1-a"}
        await desk.operator("PUT", "/v1/things/mix-1", circle, 422)
        await desk.operator("POST", "/v1/activations", activation())
        both = [(await desk.operator("GET", f"/v1/things/{t}")) for t in ("mix-1", "mix-1-a")]
        assert [(t["status"], t["customer"]) for t in both] == [("ACTIVE", "acme")] * 2
        await desk.operator("POST", "/v1/things/mix-1/reset", {"reason": "moved"})
        part = await desk.operator("GET", "/v1/things/mix-1-a")
        assert (part["status"], part["customer"]) == ("INACTIVE", "")

    office(story)


@pytest.mark.feature("ST1")
def test_a_model_has_what_its_parent_has_and_follows_it(office, names):
    async def story(desk):
        body = {**names.MODEL, "parts": [{"part": "seal", "position": "shaft"}]}
        await desk.operator("PUT", "/v1/models/base", body)
        part = {"part": "gold-seal", "position": "shaft"}
        heir = {"product": "mixer", "parent": "base", "parts": [part]}
        hot = {"unit": "°C", "min": 0.0, "max": 900.0}
        made = await desk.operator("PUT", "/v1/models/hot", {**heir, "signals": {"temp_c": hot}})
        assert made["signals"]["temp_c"]["max"] == 900.0
        assert "speed_rpm" in made["signals"]
        assert [p["part"] for p in made["parts"]] == ["gold-seal"]
        more = {**body, "signals": {**body["signals"], "oil_pct": hot}}
        await desk.operator("PUT", "/v1/models/base", more)
        assert "oil_pct" in (await desk.operator("GET", "/v1/models/hot"))["signals"]
        await desk.operator("PUT", "/v1/models/base", {**more, "parent": "hot"}, 422)
        await desk.operator("PUT", "/v1/models/bare", {"product": "mixer"}, 422)

    office(story)


@pytest.mark.feature("CC22")
def test_a_file_is_taken_whole_or_every_mistake_is_reported(office):
    async def story(desk):
        await desk.estate()
        head = "id,model,site,serial,title,property.colour\n"
        good = head + "mix-1,mixer-1,acme-1,s1,One,red\nmix-2,mixer-1,,s2,Two,\n"
        bad = good + "mix-3,nothing,nowhere,s3,,\nMIX,mixer-1,acme-1,s4,,\nmix-1,mixer-1,,s5,,\n"
        refused = await desk.operator("POST", "/v1/imports/things", {"csv": bad}, 422)
        assert [p["where"] for p in refused["error"]["problems"]] == [
            "row 4.model", "row 4.site", "row 5.id", "row 6.id",
        ]  # fmt: skip
        assert len((await desk.operator("GET", "/v1/things"))["items"]) == 3
        for _ in range(2):
            assert await desk.operator("POST", "/v1/imports/things", {"csv": good}) == {
                "imported": 2
            }
        one = await desk.operator("GET", "/v1/things/mix-1")
        assert (one["properties"], one["status"]) == ({"colour": "red"}, "ACTIVE")
        people = "id,name,organisation,partners\nnew,New,north,dealer\n"
        await desk.operator("POST", "/v1/imports/customers", {"csv": people})
        listed = (await desk.operator("GET", "/v1/customers"))["items"]
        assert next(c for c in listed if c["id"] == "new")["partners"] == ["dealer"]
        odd = await desk.operator("POST", "/v1/imports/sites", {"csv": "id,nam\na,b\n"}, 422)
        assert odd["error"]["problems"][0]["where"] == "row 1.nam"

    office(story)


@pytest.mark.feature("CC22")
def test_everybody_and_everything_has_properties_of_the_tenants_own(office):
    async def story(desk):
        await desk.estate()
        own = {"properties": {"colour": "red", "floor": 3.0, "leased": True}}
        bodies = {
            "/v1/customers/acme": {"name": "Acme", "organisation": "north"},
            "/v1/sites/acme-1": {"customer": "acme", "name": "Works"},
            "/v1/things/mix-acme": {"model": "mixer-1", "site": "acme-1", "serial": "sn-acme"},
            "/v1/partners/dealer": {"name": "Dealer", "organisation": "north"},
            "/v1/users/ann": {"name": "Ann", "role": "machine-user", "party": "acme"},
        }
        for path, body in bodies.items():
            said = await desk.operator("PUT", path, {**body, **own})
            assert said["properties"] == own["properties"], path

    office(story)


@pytest.mark.feature("CC23")
def test_as_many_as_the_limit_are_taken_and_one_more_is_refused_clearly(office):
    async def story(desk):
        await desk.estate()
        limits = {"limits": {"things": 4, "customers": 4, "users": 1}}
        await desk.operator("PUT", "/v1/tenants/main", limits)
        new = {
            "things": {"model": "mixer-1"},
            "customers": {"name": "N"},
            "users": {"name": "U", "role": "machine-user", "party": "acme"},
        }
        for kind, body in new.items():
            await desk.operator("PUT", f"/v1/{kind}/new-1", body)
            refused = await desk.operator("PUT", f"/v1/{kind}/new-2", body, 409)
            assert refused["error"]["code"] == "limit_reached"
            assert refused["error"]["problems"][0]["allowed"] == str(limits["limits"][kind])
            await desk.operator("PUT", f"/v1/{kind}/new-1", body)

    office(story)
