"""The demo in a real browser: it moves, it obeys, and a fault shows in all three places."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from waiting import GUARD_S

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="needs the program chromium"),
]
STORY = """\
schema: 1
title: A short demo
run: {start: 2026-01-05T00:00:00Z, until: 3650d, sync: 12h, mode: paced, speed: 1000000}
fleets: [{product: pump, sites: 1, devices_per_site: 2, report_every: 1h}]
service: {policy: {mode: auto, max_unit_price_eur: 500.0}}
"""
VIBRATION = "Vibration velocity RMS"
PATIENCE_MS = 90_000
"""Longest wait for something to be seen; the machine may be busy."""


@contextmanager
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo of its own, in a process as a presenter would start it."""
    story = tmp_path / "story.yaml"
    story.write_text(STORY)
    root = Path(__file__).parents[2]
    # NiceGUI behaves otherwise when it believes to be under test; a presenter's is not.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    process = subprocess.Popen(
        [sys.executable, "-m", "twinrig", "demo", "--no-browser", "--scenario", str(story)],
        cwd=tmp_path, env={**env, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=GUARD_S)
        process.stdout.close()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[object]:
    """The page, open; errors of its scripts and requests to elsewhere fail the test."""
    from playwright.sync_api import sync_playwright

    errors: list[str] = []
    # The browser starts while the demo does: both take seconds.
    with demo(tmp_path) as process, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1280, "height": 1100})
        opened.set_default_timeout(PATIENCE_MS)
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        demo_url = found.group()
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((demo_url, demo_url.replace("http", "ws"), "data:"))
                else errors.append(f"asked for {request.url}")
            ),
        )
        for _ in range(100):  # the first answer takes as long as the imports
            try:
                opened.goto(demo_url)
                break
            except Exception as error:
                if "ERR_CONNECTION_REFUSED" not in str(error):
                    raise
                opened.wait_for_timeout(100)
        yield opened
        browser.close()
    assert errors == []


def until(page, name: str, pattern: str, *, within_ms: float = PATIENCE_MS) -> str:
    """Wait until the element tagged ``name`` shows ``pattern``; its text."""
    from playwright.sync_api import expect

    place = page.get_by_test_id(name)
    expect(place).to_have_text(re.compile(pattern), timeout=within_ms)
    return place.inner_text()


def until_changed(page, place, before: bytes) -> None:
    """Wait until an element looks otherwise than it did."""
    for _ in range(PATIENCE_MS // 200):
        if place.screenshot() != before:
            return
        page.wait_for_timeout(200)
    raise AssertionError("it looks the same all the time")


def test_charts_move_and_a_fault_shows_in_truth_telemetry_and_service(page):
    """One test, because a demo takes seconds to come up."""
    until(page, "title", "A short demo")
    first = until(page, "date", r"2026-\d\d-\d\d")
    until(page, "device-state", VIBRATION)
    chart = page.get_by_test_id("chart-signal")
    before = chart.screenshot()
    page.wait_for_function(
        "first => document.querySelector('[data-testid=date]').innerText > first", arg=first
    )
    until_changed(page, chart, before)

    until(page, "device-state", rf"true damage 0 %.*{VIBRATION} (0\.|1\.[01])")
    page.get_by_test_id("break").click()
    until(page, "story", "you: bearing wear is injected")
    until(page, "device-state", r"true damage [3-9]\d %.*believes [1-9]\d %")
    until(page, "device-state", rf"{VIBRATION} (1\.[4-9]|[2-9])")
    until(page, "story", "orders bearing-set")
    until(page, "without-hours", r"[1-9]")  # without the service it broke
    until(page, "story", "telemetry confirms the repair")
    assert page.get_by_test_id("with-hours").inner_text() == "0"
    until(page, "saved-euros", r"^[1-9]")  # once the emergency visit is paid

    page.get_by_test_id("play").click()
    until(page, "play", "Play")
    page.wait_for_timeout(500)  # the step that was under way ends
    held = page.get_by_test_id("date").inner_text()
    page.wait_for_timeout(1_000)
    assert page.get_by_test_id("date").inner_text() == held

    page.get_by_test_id("reset").click()
    until(page, "without-hours", r"^0$", within_ms=5_000)  # long before the new DPS is up
    until(page, "date", r"2026-01-\d\d")
    assert page.get_by_test_id("saved-euros").inner_text() == "0"
