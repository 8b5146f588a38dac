"""The portal in a real browser: machines, one machine, and no request that leaves this computer."""

from __future__ import annotations

import asyncio

import pytest


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
