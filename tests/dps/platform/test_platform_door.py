"""Who may see the portal: sign-in, the session's cookie, what a role sees, sign-out."""

from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from reference_impl.kernel.access import acting_as

KEY = "the-operators-own-key"
WORD = "correct horse battery"
TERMS = {"version": "1", "title": "Terms", "text": "Be <kind>.", "groups": ["customer"]}


async def people(rig):
    """Two customers with a machine each, and somebody of each kind."""
    await rig.install({"mix-1": "site-01"})
    await rig.put("/v1/customers/bell", {"name": "Bell"})
    await rig.put("/v1/sites/site-02", {"customer": "bell", "name": "Yard"})
    await rig.put("/v1/things/mix-2", {"model": "mixer-1", "site": "site-02"})
    for name, role, party in (
        ("ann", "machine-user", "acme"),
        ("pat", "purchaser", "acme"),
        ("fin", "finance", "main"),
    ):
        body = {"name": name.title(), "role": role, "party": party, "password": WORD}
        await rig.put(f"/v1/users/{name}", body)


def test_pages_open_with_a_session_of_their_own_and_close_with_it(kit):
    """The cookie cannot be read by scripts nor be sent from elsewhere; sign-out ends it at once."""
    door = pytest.importorskip("reference_impl.entrypoints.web.door")

    async def page(_request):
        return PlainTextResponse("a page")

    async def story():
        async with kit.open_rig(operator_key=KEY) as rig:
            rig.client.headers["Authorization"] = f"Bearer {KEY}"
            await people(rig)
            await rig.put("/v1/agreements/terms", TERMS)
            one = door.Door(rig.dps)
            rig.dps.app.router.routes.extend([*one.routes(), Route("/portal/things/x", page)])
            app = door.Guarded(rig.dps.app, one)
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://dps") as client:
                await visit(client)
            (told,) = await socket(app)
            assert (told["type"], told["code"]) == ("websocket.close", 1008)

    async def socket(app):
        told = []

        async def send(message):
            told.append(message)

        scope = {"type": "websocket", "path": "/portal/_nicegui_ws/socket.io", "headers": []}
        await app(scope, None, send)
        return told

    async def visit(client):
        asked = await client.get("/portal/things/x")
        assert (asked.status_code, asked.headers["location"]) == (
            303,
            "/portal/sign-in?next=/portal/things/x",
        )
        form = {"user": "ann", "password": "wrong wrong wrong", "next": "/portal/things/x"}
        wrong = await client.post("/portal/sign-in", data=form)
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
        assert "User or password is wrong." in wrong.text
        form["password"] = WORD
        elsewhere = {"Origin": "http://elsewhere"}
        foreign = await client.post("/portal/sign-in", data=form, headers=elsewhere)
        assert foreign.status_code == 400
        terms = await client.post("/portal/sign-in", data=form)
        assert terms.status_code == 403
        assert "Be &lt;kind&gt;." in terms.text
        form["accept.terms"] = "1"
        entered = await client.post("/portal/sign-in", data=form)
        assert (entered.status_code, entered.headers["location"]) == (303, "/portal/things/x")
        cookie = SimpleCookie(entered.headers["set-cookie"])["twinrig_session"]
        flags = (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"])
        assert flags == (True, "strict", "/portal", "")
        token = f"twinrig_session={cookie.value}"
        assert (await client.get("/portal/things/x")).text == "a page"
        far = {**form, "next": "//evil.example/portal/"}
        entered = await client.post("/portal/sign-in", data=far)
        assert entered.headers["location"] == "/portal"
        left = await client.post("/portal/sign-out")
        assert left.headers["location"] == "/portal/sign-in"
        client.cookies.clear()
        again = await client.get("/portal/things/x", headers={"Cookie": token})
        assert again.text == "a page", "the other session of the same user goes on"
        await client.post("/portal/sign-out", headers={"Cookie": token})
        client.cookies.clear()
        assert (await client.get("/portal/things/x", headers={"Cookie": token})).status_code == 303

    asyncio.run(story())


@pytest.mark.feature("CC12")
def test_a_page_shows_what_the_role_may_read_and_only_the_partys_machines(kit):
    views = pytest.importorskip("reference_impl.entrypoints.web.views")

    async def story():
        async with kit.open_rig() as rig:
            await people(rig)
            await rig.send("site-01", kit.birth("mix-1"), kit.reading("mix-1", 1, kit.START_MS))
            await rig.clock(kit.START_MS)
            with rig.dps.store.read() as conn:
                who = {n: rig.dps.callers.principal(conn, n) for n in ("ann", "pat", "fin")}
            with acting_as(who["ann"]):
                (row,) = views.machines(rig.dps)
                seen = views.machine(rig.dps, "mix-1")
                with pytest.raises(Exception, match="there is no thing 'mix-2'"):
                    views.machine(rig.dps, "mix-2")
            assert (row["thing"], row["heard"]) == ("mix-1", "2026-01-01 00:00")
            assert seen.orders is None, "a machine user reads no orders"
            assert seen.signals[1][1] == "21 °C"
            with acting_as(who["pat"]):
                (row,) = views.machines(rig.dps)
                seen = views.machine(rig.dps, "mix-1")
            assert (row["heard"], seen.signals) == ("–", None), "a purchaser reads no telemetry"
            assert seen.orders == []
            with acting_as(who["fin"]), pytest.raises(Exception, match="may not do this"):
                views.machines(rig.dps)
            assert len(views.machines(rig.dps)) == 2, "the operator sees all"

    asyncio.run(story())


@pytest.mark.deep
@pytest.mark.browser
def test_somebody_signs_in_sees_his_machine_and_signs_out_in_a_browser(kit, tmp_path):
    store = f"sqlite:///{tmp_path}/dps.sqlite"

    async def fill():
        async with kit.open_rig(store) as rig:
            await people(rig)
            await rig.send("site-01", kit.birth("mix-1"), kit.reading("mix-1", 1, kit.START_MS))
            await rig.clock(kit.START_MS)

    asyncio.run(fill())
    with kit.browsing(store, TWINRIG_DPS_KEY=KEY) as (page, url, _, errors):
        page.goto(f"{url}/portal/things/mix-1")
        page.get_by_label("User").fill("ann")
        page.get_by_label("Password").fill("wrong wrong wrong")
        page.get_by_role("button", name="Sign in").click()
        assert page.get_by_role("alert").inner_text() == "User or password is wrong."
        page.get_by_label("Password").fill(WORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("21 °C").wait_for()
        assert page.get_by_text("Orders", exact=True).count() == 0
        page.goto(f"{url}/portal/things/mix-2")
        page.get_by_text("there is no thing 'mix-2'").wait_for()
        page.get_by_role("link", name="← Machines").click()
        page.get_by_role("link", name="mix-1").wait_for()
        assert page.get_by_role("link", name="mix-2").count() == 0
        rest = httpx.delete(f"{url}/v1/users/ann", headers={"Authorization": f"Bearer {KEY}"})
        assert rest.status_code == 204
        page.get_by_role("heading", name="Sign in").wait_for()  # by itself: her session ended
        assert page.url == f"{url}/portal/sign-in?next=/portal/"
        page.get_by_label("User").fill("fin")
        page.get_by_label("Password").fill(WORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("No page for your role").wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("heading", name="Sign in").wait_for()
        page.goto(f"{url}/portal")
        page.get_by_role("heading", name="Sign in").wait_for()
    assert errors == []
