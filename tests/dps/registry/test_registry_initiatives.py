"""The four initiatives of table 2.0 and the steps of the staircase, each switched on alone."""

from __future__ import annotations

import pytest

# Table 2.0, re-stated: what each initiative, alone, opens; and what it leaves shut.
DIGITAL, PARTS, FIELD, ADVANCED = (
    "digital-services", "smart-parts", "field-services", "advanced-services",
)  # fmt: skip
OPEN = {
    DIGITAL: {"/v1/things/mix-acme/telemetry?signal=temp_c", "/v1/alerts", "/v1/tickets",
              "/v1/commands", "/v1/conditions"},
    PARTS: {"/v1/parts", "/v1/orders", "/v1/policies", "/v1/recommendations", "/v1/needs",
            "/v1/conditions"},
    FIELD: {"/v1/things/mix-acme/telemetry?signal=temp_c", "/v1/alerts", "/v1/tickets",
            "/v1/commands", "/v1/work-orders", "/v1/register", "/v1/parts", "/v1/conditions"},
    ADVANCED: {"/v1/things/mix-acme/telemetry?signal=temp_c", "/v1/alerts", "/v1/tickets",
               "/v1/commands", "/v1/work-orders", "/v1/register", "/v1/contracts",
               "/v1/outcomes", "/v1/parts", "/v1/conditions"},
}  # fmt: skip
EVERY_AREA = set().union(*OPEN.values())
PORTAL = {
    DIGITAL: {"overview", "machine", "charts", "alerts", "wear", "actions", "remote-control",
              "tickets", "data-sharing", "profile"},
    PARTS: {"overview", "machine", "wear", "store", "order-policies", "data-sharing", "profile"},
    FIELD: {"overview", "machine", "charts", "alerts", "wear", "actions", "remote-control",
            "tickets", "visits", "data-sharing", "profile"},
    ADVANCED: {"overview", "machine", "charts", "alerts", "wear", "actions", "remote-control",
               "tickets", "visits", "outcomes", "data-sharing", "profile"},
}  # fmt: skip
ROOM = {
    DIGITAL: set(),
    PARTS: set(),
    FIELD: {"overview", "machine-diagnostics", "tickets", "planning"},
    ADVANCED: {"overview", "machine-diagnostics", "tickets", "planning", "outcomes"},
}


def face(me, name):
    return {page.partition("/")[2] for page in me["pages"] if page.startswith(f"{name}/")}


async def with_only(desk, *initiatives, step=8):
    body = {"initiatives": list(initiatives), "step": step}
    await desk.operator("PUT", "/v1/tenants/main", body)


@pytest.fixture
def tenant(office):
    """Runs ``story(desk, customer, service)`` with keys that may do all that their group may."""

    def run(story):
        async def whole(desk):
            await desk.estate()
            customer = await desk.key("cust", "site-manager", "acme")
            await story(desk, customer, await desk.key("serv", "service-manager", "main"))

        office(whole)

    return run


@pytest.mark.feature("IN1")
@pytest.mark.parametrize("initiative", list(OPEN))
def test_what_data_are_used_for_decides_which_parts_of_the_api_an_initiative_opens(
    tenant, initiative
):
    async def story(desk, customer, service):
        await with_only(desk, initiative)
        for key in (customer, service):
            opened = set()
            for path in EVERY_AREA:
                status, body = await desk.call(key, "GET", path)
                if status == 403:
                    reason = body["error"]["problems"][0]["what"]
                    assert "need the initiative" in reason or "is missing" in reason, path
                else:
                    opened.add(path)
            granted = {"/v1/things/mix-acme/telemetry?signal=temp_c", "/v1/commands"}
            assert opened <= OPEN[initiative]
            assert opened >= OPEN[initiative] & granted

    tenant(story)


@pytest.mark.feature("IN7")
@pytest.mark.parametrize("initiative", list(PORTAL))
def test_the_customer_portal_shows_the_pages_of_the_initiative_and_no_others(tenant, initiative):
    async def story(desk, customer, service):
        del service
        await with_only(desk, initiative)
        me = (await desk.call(customer, "GET", "/v1/me"))[1]
        assert face(me, "portal") == PORTAL[initiative]
        hidden = set(me["off"])
        assert not hidden & set(me["permissions"])

    tenant(story)


@pytest.mark.feature("IN8")
@pytest.mark.parametrize("initiative", list(ROOM))
def test_only_field_and_advanced_services_come_with_a_control_room(tenant, initiative):
    async def story(desk, customer, service):
        await with_only(desk, initiative)
        assert (
            face((await desk.call(service, "GET", "/v1/me"))[1], "control-room") == ROOM[initiative]
        )
        assert face((await desk.call(customer, "GET", "/v1/me"))[1], "control-room") == set()

    tenant(story)


@pytest.mark.feature("IN2", "IN3", "IN4", "IN5", "IN6")
def test_each_initiative_says_its_goal_its_contracts_who_leads_it_and_which_teams_it_has(tenant):
    wanted = {
        DIGITAL: (["free", "subscription"], "product-manager", []),
        PARTS: (["transaction", "subscription"], "parts-sales", []),
        FIELD: (
            ["transaction", "subscription"], "service-manager",
            ["assistance", "repair", "maintenance"],
        ),
        ADVANCED: (["subscription"], "service-manager", ["maintenance"]),
    }  # fmt: skip
    pays = {DIGITAL: "access", PARTS: "parts", FIELD: "repair", ADVANCED: "outcomes"}
    goals = {DIGITAL: "loyalty", PARTS: "supply", FIELD: "proactive", ADVANCED: "risk"}

    async def story(desk, customer, service):
        del service
        for initiative, (contracts, led_by, teams) in wanted.items():
            await with_only(desk, initiative)
            told = (await desk.call(customer, "GET", "/v1/me"))[1]["initiatives"]
            assert list(told) == [initiative]
            terms = told[initiative]
            assert (terms["contracts"], terms["led_by"], terms["field_teams"]) == (
                contracts, led_by, teams,
            )  # fmt: skip
            assert pays[initiative] in terms["customer_pays_for"]
            assert goals[initiative] in terms["goal"]

    tenant(story)


@pytest.mark.feature("IN4", "IN6")
def test_where_an_initiative_has_no_field_teams_and_no_outcomes_nothing_of_them_may_be_done(tenant):
    async def story(desk, customer, service):
        await with_only(desk, PARTS)
        for key, method, path, body in (
            (service, "POST", "/v1/work-orders/w/plan", {"by": "x", "start_ms": 1, "crew": "c"}),
            (service, "PUT", "/v1/contracts/c1", {}),
            (customer, "GET", "/v1/outcomes", None),
        ):
            status, answer = await desk.call(key, method, path, body)
            assert status == 403, path
            assert "need the initiative" in answer["error"]["problems"][0]["what"]

    tenant(story)


@pytest.mark.feature("ST1")
def test_a_tenant_at_step_1_registers_and_activates_products_and_the_rest_is_hidden(tenant):
    async def story(desk, customer, service):
        await with_only(desk, *OPEN, step=1)
        thing = (await desk.call(customer, "GET", "/v1/things/mix-acme"))[1]
        assert (thing["model"], thing["serial"], thing["customer"]) == (
            "mixer-1", "sn-acme", "acme",
        )  # fmt: skip
        assert (await desk.call(customer, "GET", "/v1/parts"))[0] == 200
        for path in ("/v1/orders", "/v1/alerts", "/v1/work-orders", "/v1/outcomes"):
            status, body = await desk.call(customer, "GET", path)
            assert status == 403, path
            assert "the services staircase" in body["error"]["problems"][0]["what"]
        me = (await desk.call(service, "GET", "/v1/me"))[1]
        assert face(me, "control-room") == set()
        for step, path in ((2, "/v1/orders"), (3, "/v1/alerts"), (6, "/v1/outcomes")):
            await with_only(desk, *OPEN, step=step - 1)
            assert (await desk.call(customer, "GET", path))[0] == 403
            await with_only(desk, *OPEN, step=step)
            assert (await desk.call(customer, "GET", path))[0] == 200

    tenant(story)


@pytest.mark.feature("IN1")
def test_a_contract_gives_its_customer_a_part_of_what_the_tenant_offers(tenant):
    async def story(desk, customer, service):
        contract = {"customer": "acme", "step": 8, "initiatives": [PARTS]}
        await desk.operator("PUT", "/v1/entitlements/contract-1", contract)
        assert (await desk.call(customer, "GET", "/v1/orders"))[0] == 200
        assert (await desk.call(customer, "GET", "/v1/outcomes"))[0] == 403
        assert (await desk.call(service, "GET", "/v1/outcomes"))[0] == 200
        await with_only(desk, DIGITAL)
        assert (await desk.call(customer, "GET", "/v1/orders"))[0] == 403

    tenant(story)


def test_a_tenant_that_nobody_configured_has_everything(tenant):
    async def story(desk, customer, service):
        for key in (customer, service):
            me = (await desk.call(key, "GET", "/v1/me"))[1]
            assert (me["off"], me["step"], set(me["initiatives"])) == ({}, 8, set(OPEN))

    tenant(story)
