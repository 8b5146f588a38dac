"""The portal in a real browser: machines, one machine, and no request that leaves this computer."""

from __future__ import annotations

import asyncio

import pytest

from reference_impl.entrypoints.web import views

OIL = {
    "id": "oil_due", "title": "Oil due", "unit": "h", "kind": "forecast", "position": "gear",
    "algorithm": "linear_use", "params": {"standard_use": 240.0},
}  # fmt: skip
HUB = {**OIL, "id": "hub_due", "title": "", "unit": "", "position": "hub",
       "params": {"standard_use": 400.0, "signal": "speed_rpm"}}  # fmt: skip
SEAL = {**HUB, "id": "seal_due", "params": {"standard_use": 9.0, "signal": "temp_c"}}


@pytest.mark.browser
def test_a_machine_s_page_says_what_is_foreseen_and_when(kit, tmp_path):
    """Oil by time, 240 h from the first reading; a hub that turns now more, now less; no seal's
    signal was heard."""
    store, day = f"sqlite:///{tmp_path}/dps.sqlite", 24 * kit.HOUR_MS
    turns = [0.0, 30.0, 50.0, 90.0, 100.0, 140.0]

    async def fill():
        async with kit.open_rig(store, things={"mix-1": "site-01"}) as rig:
            await rig.put("/v1/models/mixer-1", {**kit.MODEL, "metrics": [OIL, HUB, SEAL]})
            readings = [
                kit.reading("mix-1", number + 1, kit.START_MS + number * day, speed_rpm=turned)
                for number, turned in enumerate(turns)
            ]
            await rig.send("site-01", kit.birth("mix-1"), *readings)
            await rig.clock(kit.START_MS + 5 * day)

    asyncio.run(fill())
    with kit.browsing(store) as (page, url, _, errors):
        page.goto(f"{url}/portal/things/mix-1")
        page.get_by_text("Foreseen").wait_for()
        assert page.get_by_text("Oil due · now 120 h").count() == 1
        assert page.get_by_text("2026-01-10", exact=True).count() == 1
        assert page.get_by_text("hub due · now 140").count() == 1
        assert page.get_by_text("about 2026-01-").count() == 1
        assert page.get_by_text("early 2026-01-").count() == 1
        assert page.get_by_text("seal due", exact=True).count() == 1
        assert page.get_by_text("not known yet").count() == 1
    assert errors == []


def test_what_is_foreseen_is_asked_once_an_hour(kit):
    async def look():
        async with kit.open_rig(things={"mix-1": "site-01"}) as rig:
            await rig.put("/v1/models/mixer-1", {**kit.MODEL, "metrics": [OIL]})
            await rig.send("site-01", kit.birth("mix-1"), kit.reading("mix-1", 1, kit.START_MS))
            seen = []
            for at_ms in (0, kit.HOUR_MS - 1, kit.HOUR_MS):
                await rig.clock(kit.START_MS + at_ms)
                seen.append(views.machine(rig.dps, "mix-1", *seen[-1:]))
            return [machine.foreseen for machine in seen]

    first, within, after = asyncio.run(look())
    assert within is first
    assert after is not first
    assert [row["forecast"] for row in after] == ["oil_due"]


@pytest.mark.browser
def test_the_portal_lists_machines_and_shows_one_without_the_internet(kit, tmp_path):
    store = f"sqlite:///{tmp_path}/dps.sqlite"

    async def fill():
        async with kit.open_rig(store, things={"mix-1": "site-01"}) as rig:
            await rig.send("site-01", kit.birth("mix-1"), kit.reading("mix-1", 1, kit.START_MS))
            await rig.clock(kit.START_MS)

    asyncio.run(fill())
    with kit.browsing(store) as (page, url, asked, errors):
        page.goto(f"{url}/portal")
        page.get_by_role("link", name="mix-1").click()
        page.wait_for_selector("canvas")
        assert page.get_by_text("21 °C").count() == 1
        assert page.get_by_text("2026-01-01 00:00 UTC").count() == 1
        page.goto(f"{url}/portal/things/mix-9")
        assert page.get_by_text("there is no thing 'mix-9'").count() == 1
    foreign = [u for u in asked if not u.startswith((url, url.replace("http", "ws"), "data:"))]
    assert (foreign, errors) == ([], [])
