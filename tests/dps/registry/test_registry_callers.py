"""Keys, sessions, roles and tenants: who gets in, and what he may do there."""

from __future__ import annotations

import json

import pytest

from reference_impl.kernel.access import Group
from reference_impl.kernel.http.guard import permission_of
from reference_impl.kernel.http.routes import routes_of
from reference_impl.registry.areas import PAGES
from reference_impl.registry.callers import FAILURES_MAX, FAILURES_WITHIN_S, SESSION_S
from reference_impl.registry.roles import (
    GROUPS,
    OPERATORS_ONLY,
    PERMISSIONS,
    ROLES,
    refused_permissions,
)
from reference_impl.registry.secrets import is_password, kept_password

PASSWORD = "correct horse battery"


def test_without_a_key_only_info_health_and_login_answer(office):
    async def story(desk):
        for path in ("/v1/info", "/v1/health"):
            assert (await desk.call(None, "GET", path))[0] == 200
        for key in (None, "not-the-key"):
            assert (await desk.call(key, "GET", "/v1/things"))[0] == 401
            assert (await desk.call(key, "PUT", "/v1/customers/a", {"name": "A"}))[0] == 401
        return await desk.operator("GET", "/v1/info")

    assert office(story)["auth"] == "key"


def test_a_dps_that_was_started_without_a_key_is_open_to_its_machine_and_says_so(office):
    async def story(desk):
        assert (await desk.call(None, "PUT", "/v1/customers/a", {"name": "A"}))[0] == 200
        assert (await desk.call("some-key", "GET", "/v1/things"))[0] == 401
        return (await desk.call(None, "GET", "/v1/info"))[1]

    assert office(story, operator_key=None)["auth"] == "open"


def test_a_session_ends_with_its_day_with_its_user_and_with_the_logout(office, names, monkeypatch):
    monkeypatch.setattr("reference_impl.registry.secrets.HASHER", names.QUICK)

    async def story(desk):
        await desk.estate()
        user = {"name": "Ann", "role": "machine-user", "party": "acme", "password": PASSWORD}
        await desk.operator("PUT", "/v1/users/ann", user)
        said = {"user": "ann", "password": PASSWORD}

        async def login():
            status, answer = await desk.call(None, "POST", "/v1/login", said)
            assert status == 200, answer
            return answer["token"]

        token = await login()
        assert (await desk.call(token, "GET", "/v1/me"))[1]["party"] == "acme"
        desk.wall.now_s += SESSION_S
        assert (await desk.call(token, "GET", "/v1/me"))[0] == 401
        token = await login()
        assert (await desk.call(token, "POST", "/v1/logout"))[0] == 204
        assert (await desk.call(token, "GET", "/v1/me"))[0] == 401
        token = await login()
        await desk.operator("DELETE", "/v1/users/ann", status=204)
        assert (await desk.call(token, "GET", "/v1/me"))[0] == 401

    office(story)


def test_guessing_passwords_is_locked_for_a_while_also_for_the_right_one(
    office, names, monkeypatch
):
    monkeypatch.setattr("reference_impl.registry.secrets.HASHER", names.QUICK)

    async def story(desk):
        await desk.estate()
        user = {"name": "Ann", "role": "machine-user", "party": "acme", "password": PASSWORD}
        await desk.operator("PUT", "/v1/users/ann", user)

        async def login(password, user="ann"):
            body = {"user": user, "password": password}
            return await desk.call(None, "POST", "/v1/login", body)

        unknown, wrong = await login("x", "nobody"), await login("wrong")
        assert unknown == wrong, "an answer does not tell which names there are"
        for _ in range(FAILURES_MAX - 1):
            assert (await login("wrong"))[0] == 401
        assert (await login(PASSWORD))[0] == 429
        desk.wall.now_s += FAILURES_WITHIN_S
        assert (await login(PASSWORD))[0] == 200

    office(story)


def test_passwords_are_kept_salted_and_no_secret_is_ever_answered(office, names):
    kept = kept_password(PASSWORD)
    assert kept != kept_password(PASSWORD), "each has its salt"
    assert is_password(PASSWORD, kept)
    assert not is_password("another", kept)

    async def story(desk):
        await desk.estate()
        secret = await desk.key("k1", "site-manager", "acme")
        thing = {"model": "mixer-1", "serial": "s9", "token": "label-token-9"}
        said = [await desk.operator("PUT", "/v1/things/mix-9", thing)]
        paths = ("/v1/api-keys", "/v1/users", "/v1/things", "/v1/me", "/v1/feed")
        said += [await desk.operator("GET", path) for path in paths]
        text = json.dumps(said)
        with desk.dps.store.read() as conn:
            stored = str(desk.dps.directory.items(conn, "api_key"))
            stored += str(desk.dps.directory.items(conn, "thing"))
        for hidden in (secret, "label-token-9", names.OPERATOR_KEY):
            assert hidden not in text
            assert hidden not in stored
        assert (await desk.call(secret, "GET", "/v1/things"))[0] == 200

    office(story)


def test_nobody_gets_the_kept_answer_of_another_by_his_idempotency_key(office):
    async def story(desk):
        await desk.estate()
        acme = await desk.key("a", "site-manager", "acme")
        cole = await desk.key("c", "site-manager", "cole")
        body = {"by": "x", "name": "identify"}
        path = "/v1/things/mix-acme/commands"
        first = await desk.call(acme, "POST", path, body, idempotency_key="k")
        assert first[0] == 200
        assert await desk.call(acme, "POST", path, body, idempotency_key="k") == first
        assert (await desk.call(cole, "POST", path, body, idempotency_key="k"))[0] == 404

    office(story)


# ----- permissions


@pytest.mark.feature("CC12")
def test_a_role_does_what_its_permissions_say_and_nothing_else(office):
    """The matrix: each role times each permission; 403 exactly where it is missing."""

    async def story(desk):
        await desk.estate()
        await desk.operator("PUT", "/v1/recipients/lab", {"name": "Lab"})
        party = {"organisation": "north", "partner": "dealer", "customer": "acme"}
        routes = {
            permission_of(route): (route.path, method)
            for route in routes_of(desk.dps.app.router)
            for method in route.methods
            if route.path.startswith("/v1/") and permission_of(route) is not None
        }
        assert len(routes) > 60
        for role in ROLES.values():
            key = await desk.key(f"k-{role.id}", role.id, party.get(role.group.value, "lab"))
            for permission, (path, method) in routes.items():
                status, body = await desk.call(key, method, path, {} if method != "GET" else None)
                refused = status == 403 and body["error"]["problems"][0]["where"] == "permission"
                assert refused == (permission not in role.permissions), (role.id, method, path)

    office(story)


@pytest.mark.feature("CC12")
def test_no_role_has_what_its_group_may_not_have_or_what_is_the_operators():
    wrong = {
        role.id: refused_permissions(role.group, role.permissions)
        for role in ROLES.values()
        if refused_permissions(role.group, role.permissions)
    }

    assert wrong == {}
    assert not any(role.permissions & OPERATORS_ONLY for role in ROLES.values())
    assert set(GROUPS) <= PERMISSIONS
    assert {page.permission for page in PAGES} <= PERMISSIONS


@pytest.mark.feature("CC12")
def test_every_role_that_a_product_service_knows_is_in_the_catalogue():
    by_group = {group: {r.id for r in ROLES.values() if r.group is group} for group in Group}

    assert len(by_group[Group.CUSTOMER]) == 6
    assert len(by_group[Group.PARTNER]) == 5
    assert len(by_group[Group.ORGANISATION]) == 9
    assert by_group[Group.RECIPIENT] == {"recipient"}
    assert not by_group[Group.OPERATOR]


@pytest.mark.feature("CC12")
def test_what_asks_for_no_permission_is_the_operators_alone(office, names, monkeypatch):
    from reference_impl.kernel.http import guard

    assert guard.NOBODY_ELSE in OPERATORS_ONLY

    async def story(desk):
        await desk.estate()
        console = await desk.key("k", "console", "main")
        assert (await desk.call(console, "POST", "/v1/clock", {"now_ms": 1}))[0] == 403
        assert (await desk.call(console, "POST", "/v1/snapshot", {"path": "x"}))[0] == 403

    office(story)


@pytest.mark.feature("CC12")
def test_nobody_gives_more_than_he_has_or_to_whom_he_does_not_see(office):
    async def story(desk):
        await desk.estate()
        manager = await desk.key("m", "site-manager", "acme")
        user = {"name": "Bob", "role": "machine-user", "party": "acme"}
        assert (await desk.call(manager, "PUT", "/v1/users/bob", user))[0] == 200
        for wrong in ({"party": "cole"}, {"role": "console", "party": "main"}, {"role": "king"}):
            body = {**user, **wrong}
            assert (await desk.call(manager, "PUT", "/v1/users/eve", body))[0] == 422
        role = {"title": "R", "group": "customer", "view": "portal"}
        for permissions in (["models:write"], ["clock:write"], ["nothing:read"]):
            body = {**role, "permissions": permissions}
            await desk.operator("PUT", "/v1/roles/odd", body, 422)
        await desk.operator("PUT", "/v1/roles/reader", {**role, "permissions": ["things:read"]})
        reader = await desk.key("r", "reader", "acme")
        assert (await desk.call(reader, "GET", "/v1/things"))[0] == 200
        assert (await desk.call(reader, "GET", "/v1/alerts"))[0] == 403

    office(story)


@pytest.mark.feature("CC11")
def test_a_branch_adds_suppliers_and_invoicing_that_the_other_branch_does_not_see(office):
    async def story(desk):
        await desk.estate()
        keys = {b: await desk.key(f"k-{b}", "console", b) for b in ("main", "north", "south")}
        supplier = {"organisation": "north", "name": "Local parts"}
        assert (await desk.call(keys["north"], "PUT", "/v1/suppliers/local", supplier))[0] == 200
        bank = {"name": "North Ltd", "tax_number": "IT1", "account": "X1"}
        assert (await desk.call(keys["north"], "PUT", "/v1/invoicing/north", bank))[0] == 200
        for path, field in (("/v1/suppliers", "id"), ("/v1/invoicing", "organisation")):
            seen = {
                name: [row[field] for row in (await desk.call(key, "GET", path))[1]["items"]]
                for name, key in keys.items()
            }
            ours = ["local"] if field == "id" else ["north"]
            assert seen == {"main": ours, "north": ours, "south": []}
        assert (await desk.call(keys["south"], "PUT", "/v1/suppliers/local", supplier))[0] == 404
        assert (await desk.call(keys["south"], "PUT", "/v1/invoicing/north", bank))[0] == 404

    office(story)


@pytest.mark.feature("CC23")
def test_calls_beyond_the_limit_of_the_minute_are_told_when_to_come_again(office):
    async def story(desk):
        await desk.estate()
        limits = {"limits": {"api_calls_per_minute": 3}}
        await desk.operator("PUT", "/v1/tenants/main", limits)
        key = await desk.key("k", "machine-user", "acme")
        desk.wall.now_s = 6000.0
        assert [(await desk.call(key, "GET", "/v1/me"))[0] for _ in range(4)] == [200] * 3 + [429]
        desk.wall.now_s += 60.0
        assert (await desk.call(key, "GET", "/v1/me"))[0] == 200

    office(story)
