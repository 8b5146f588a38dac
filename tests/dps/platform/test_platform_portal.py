"""The portal in a real browser: machines, one machine, and no request that leaves this computer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

import broker

CHROMIUM = Path("/usr/bin/chromium")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium")
def test_the_portal_lists_machines_and_shows_one_without_the_internet(kit, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    store = f"sqlite:///{tmp_path}/dps.sqlite"

    async def fill():
        async with kit.open_rig(store, things={"mix-1": "site-01"}) as rig:
            await rig.send("site-01", kit.birth("mix-1"), kit.reading("mix-1", 1, kit.START_MS))
            await rig.clock(kit.START_MS)

    asyncio.run(fill())
    with broker.open("embedded") as server, sync_api.sync_playwright() as playwright:
        command = [sys.executable, "-m", "reference_impl", "--broker", server.url, "--web"]
        with subprocess.Popen(
            [*command, "--store", store, "--exit-with-parent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            url = json.loads(child.stdout.readline())["url"]
            browser = playwright.chromium.launch(
                executable_path=str(CHROMIUM), args=["--no-sandbox"]
            )
            page = browser.new_page()
            asked, errors = [], []
            page.on("request", lambda request: asked.append(request.url))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(f"{url}/portal")
            page.get_by_role("link", name="mix-1").click()
            page.wait_for_selector("canvas")
            assert page.get_by_text("21 °C").count() == 1
            assert page.get_by_text("2026-01-01 00:00 UTC").count() == 1
            page.goto(f"{url}/portal/things/mix-9")
            assert page.get_by_text("there is no thing 'mix-9'").count() == 1
            browser.close()
            child.stdin.close()
            assert child.wait(20) == 0
    foreign = [u for u in asked if not u.startswith((url, url.replace("http", "ws"), "data:"))]
    assert (foreign, errors) == ([], [])
