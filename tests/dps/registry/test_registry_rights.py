"""Whose data they are: agreements, consent by purpose, recipients, export, retention, flags."""

from __future__ import annotations

import asyncio

import pytest

from broker.link.memory import MemoryBus
from broker.link.port import Packet
from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import encode
from reference_impl.bootstrap import Settings, build
from reference_impl.registry.tenancy import MONTH_MS

DAY_MS = 86_400_000
START_MS = 1_767_225_600_000
PASSWORD = "correct horse battery"


@pytest.mark.feature("CC13")
def test_a_new_version_of_the_terms_ends_sessions_and_bars_the_login_until_accepted(
    office, names, monkeypatch
):
    monkeypatch.setattr("reference_impl.registry.secrets.HASHER", names.QUICK)

    async def story(desk):
        await desk.estate()
        for name, role, party in (("ann", "machine-user", "acme"), ("sue", "console", "main")):
            user = {"name": name, "role": role, "party": party, "password": PASSWORD}
            await desk.operator("PUT", f"/v1/users/{name}", user)

        async def login(user="ann", **accept):
            body = {"user": user, "password": PASSWORD, "accept": accept}
            return await desk.call(None, "POST", "/v1/login", body)

        token = (await login())[1]["token"]
        terms = {"version": "1", "title": "Terms", "text": "...", "groups": ["customer"]}
        await desk.operator("PUT", "/v1/agreements/terms", terms)
        assert (await desk.call(token, "GET", "/v1/me"))[0] == 401
        status, refused = await login()
        assert (status, refused["error"]["problems"][0]["where"]) == (403, "accept.terms")
        assert (await login(terms="2"))[0] == 403
        assert (await login(terms="1"))[0] == 200
        assert (await login())[0] == 200, "it is asked once"
        assert (await login("sue"))[0] == 200, "others are not asked"
        await desk.operator("PUT", "/v1/agreements/terms", {**terms, "version": "2"})
        assert (await login(terms="1"))[0] == 403
        assert (await login(terms="2"))[0] == 200

    office(story)


@pytest.fixture
def measured(names):
    """Runs ``story(desk, devices)`` with a thing of acme that reports once a day."""

    def run(story, days=3):
        async def whole():
            bus = MemoryBus()
            dps = build("sqlite://", bus.service_link(), Settings(operator_key=names.OPERATOR_KEY))
            link = bus.device_link()
            await link.open(["acme-1", "bell-1", "cole-1"], lambda _p: None)
            await dps.start()
            desk = names.Desk(dps, None)
            try:
                await desk.estate()
                for seq in range(1, days + 1):
                    message = m.Telemetry(
                        device="mix-acme", boot=1, seq=seq, at_ms=START_MS + seq * DAY_MS,
                        signals={"temp_c": float(seq), "speed_rpm": 100.0 * seq},
                    )  # fmt: skip
                    await link.publish([Packet(topics.uplink("acme-1", message), encode(message))])
                    await desk.clock(START_MS + seq * DAY_MS, {"acme-1": seq})
                await story(desk)
            finally:
                await link.close()
                await dps.stop()

        asyncio.run(whole())

    return run


EXPORT = "/v1/things/mix-acme/export"
SERIES = "/v1/things/mix-acme/telemetry?signal=temp_c"


@pytest.mark.feature("CC13")
def test_a_recipient_reads_what_the_customer_opened_until_the_moment_it_is_revoked(measured):
    async def story(desk):
        await desk.operator("PUT", "/v1/recipients/lab", {"name": "Lab", "organisation": "north"})
        lab = await desk.key("lab", "recipient", "lab")
        acme = await desk.key("acme", "site-manager", "acme")
        cole = await desk.key("cole", "site-manager", "cole")
        assert (await desk.call(lab, "GET", EXPORT))[0] == 404
        assert (await desk.call(cole, "PUT", "/v1/grants/lab/acme", {}))[0] == 404
        foreign = {"things": ["mix-cole"]}
        assert (await desk.call(acme, "PUT", "/v1/grants/lab/acme", foreign))[0] == 422
        opened = {"things": ["mix-acme"]}
        assert (await desk.call(acme, "PUT", "/v1/grants/lab/acme", opened))[0] == 200
        for path in (EXPORT, SERIES):
            assert (await desk.call(lab, "GET", path))[0] == 200
        assert (await desk.call(lab, "GET", "/v1/alerts"))[0] == 403
        secret = {"purposes": ["service"], "sets": ["Internal"]}
        await desk.operator("PUT", "/v1/models/mixer-1/metadata/temp_c", secret)
        assert list((await desk.call(lab, "GET", EXPORT))[1]["signals"]) == ["speed_rpm"]
        assert (await desk.call(lab, "GET", SERIES))[0] == 409
        assert (await desk.call(acme, "DELETE", "/v1/grants/lab/acme"))[0] == 204
        for path in (EXPORT, SERIES):
            assert (await desk.call(lab, "GET", path))[0] == 404

    measured(story)


@pytest.mark.feature("CC13")
def test_the_export_is_complete_and_says_of_each_metric_what_it_is_for(measured):
    async def story(desk):
        acme = await desk.key("acme", "site-manager", "acme")
        note = {"purposes": ["service", "benchmark"], "owner": "customer", "personal": True}
        await desk.operator("PUT", "/v1/models/mixer-1/metadata/temp_c", note)
        whole = (await desk.call(acme, "GET", EXPORT))[1]["signals"]
        times = [START_MS + n * DAY_MS for n in range(1, 31)]
        assert whole["temp_c"]["at_ms"] == whole["speed_rpm"]["at_ms"] == times
        assert whole["temp_c"]["values"] == [float(n) for n in range(1, 31)]
        said = [whole["temp_c"][k] for k in ("unit", "purposes", "owner", "personal")]
        assert said == ["°C", ["service", "benchmark"], "customer", True]
        part = (await desk.call(acme, "GET", f"{EXPORT}?from_ms={times[3]}&to_ms={times[5]}"))[1]
        assert part["signals"]["temp_c"]["at_ms"] == times[3:6]

    measured(story, days=30)


@pytest.mark.feature("CC16")
def test_a_lead_is_raised_only_while_the_customer_consents(office):
    async def story(desk):
        await desk.estate()
        seller = await desk.key("s", "account-manager", "north")
        acme = await desk.key("a", "site-manager", "acme")
        lead = {"thing": "mix-acme", "reason": "runs at its limit every day"}

        async def raised():
            status, body = await desk.call(seller, "POST", "/v1/leads", lead)
            return status, body.get("error", {}).get("code")

        assert await raised() == (403, "no_consent")
        path = "/v1/customers/acme/consents/crm"
        assert (await desk.call(seller, "PUT", path, {"granted": True}))[0] == 403
        assert (await desk.call(acme, "PUT", path, {"granted": True}))[0] == 200
        assert await raised() == (200, None)
        assert (await desk.call(acme, "PUT", path, {"granted": False}))[0] == 200
        assert await raised() == (403, "no_consent")
        assert len((await desk.call(seller, "GET", "/v1/leads"))[1]["items"]) == 1

    office(story)


@pytest.mark.feature("CC26")
def test_data_are_read_for_what_they_are_collected_for_and_the_owner_consented_to(measured):
    async def story(desk):
        cleaner = await desk.key(
            "c", "partner-technician", "dealer", purposes=["service", "secondary-use"]
        )
        plain = await desk.key("p", "partner-technician", "dealer")
        acme = await desk.key("a", "site-manager", "acme")

        async def read(key, purpose):
            status, body = await desk.call(key, "GET", f"{SERIES}&purpose={purpose}")
            return status, body.get("error", {}).get("code")

        assert await read(cleaner, "service") == (200, None)
        assert await read(cleaner, "secondary-use") == (409, "other_purpose")
        note = {"purposes": ["service", "secondary-use"]}
        await desk.operator("PUT", "/v1/models/mixer-1/metadata/temp_c", note)
        assert await read(cleaner, "secondary-use") == (403, "no_consent")
        path = "/v1/customers/acme/consents/secondary-use"
        assert (await desk.call(acme, "PUT", path, {"granted": True}))[0] == 200
        assert await read(cleaner, "secondary-use") == (200, None)
        assert await read(plain, "secondary-use") == (403, "forbidden")
        assert await read(cleaner, "gossip") == (422, "invalid")
        assert (await desk.call(acme, "PUT", path, {"granted": False}))[0] == 200
        assert await read(cleaner, "secondary-use") == (403, "no_consent")

    measured(story)


@pytest.mark.feature("CC23")
def test_raw_data_are_deleted_after_the_months_that_a_tenant_keeps_them(measured):
    async def story(desk):
        await desk.operator("PUT", "/v1/tenants/main", {"raw_months": 1}, 422)
        await desk.operator("PUT", "/v1/tenants/main", {"raw_months": 2})
        times = [START_MS + n * DAY_MS for n in (1, 2, 3)]
        await desk.clock(times[1] + 2 * MONTH_MS, {"acme-1": 3})
        kept = (await desk.operator("GET", EXPORT))["signals"]["temp_c"]["at_ms"]
        assert kept == times[1:], "what is just as old as allowed stays"
        assert (await desk.operator("GET", "/v1/ingestion/stored"))["total"] == 3

    measured(story)


@pytest.mark.feature("CC20")
def test_a_feature_goes_to_its_cohort_and_a_larger_share_only_adds_customers(office):
    async def story(desk):
        await desk.estate()
        names = [f"cust-{n}" for n in range(15)]
        for name in names:
            await desk.operator("PUT", f"/v1/customers/{name}", {"name": name})
        keys = {name: await desk.key(f"k-{name}", "machine-user", name) for name in names}
        keys["acme"] = await desk.key("k-acme", "machine-user", "acme")

        async def on(**cohort):
            await desk.operator("PUT", "/v1/flags/new-charts", cohort)
            found = set()
            for name, key in keys.items():
                if "new-charts" in (await desk.call(key, "GET", "/v1/me"))[1]["flags"]:
                    found.add(name)
            return found

        assert await on() == set()
        assert await on(customers=["cust-1"]) == {"cust-1"}
        assert await on(organisations=["north"]) == {"acme"}
        few, many = await on(share=0.2), await on(share=0.6)
        assert few < many < set(keys)
        assert await on(share=1.0) == set(keys)

    office(story)
