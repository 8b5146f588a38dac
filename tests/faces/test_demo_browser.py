"""The demo in a real browser: it moves, it obeys, and a fault shows in all three places."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="needs the program chromium"),
]
STORY = """\
schema: 1
title: A short demo
run: {start: 2026-01-05T00:00:00Z, until: 3650d, sync: 6h, mode: paced, speed: 1000000}
fleets: [{product: pump, sites: 1, devices_per_site: 2, report_every: 20m}]
service: {policy: {mode: auto, max_unit_price_eur: 500.0}}
"""
PATIENCE_MS = 90_000
"""Longest wait for something to be seen; the machine may be busy."""


@pytest.fixture
def demo_url(tmp_path: Path) -> Iterator[str]:
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
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        assert process.poll() is None
        yield found.group()
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stdout.close()


@pytest.fixture
def page(demo_url: str) -> Iterator[object]:
    """The page, open; errors of its scripts and requests to elsewhere fail the test."""
    from playwright.sync_api import sync_playwright

    errors: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1280, "height": 1100})
        opened.set_default_timeout(PATIENCE_MS)
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


def until(page, name: str, pattern: str) -> str:
    """Wait until the element tagged ``name`` shows ``pattern``; its text."""
    from playwright.sync_api import expect

    place = page.get_by_test_id(name)
    expect(place).to_have_text(re.compile(pattern), timeout=PATIENCE_MS)
    return place.inner_text()


def test_charts_move_and_a_fault_shows_in_truth_telemetry_and_service(page):
    """One test, because a demo takes seconds to come up."""
    until(page, "title", "A short demo")
    first = until(page, "date", r"2026-01-\d\d")
    until(page, "device-state", "vibration_mm_s")
    chart = page.get_by_test_id("chart-signal")
    before = chart.screenshot()
    page.wait_for_function(
        "first => document.querySelector('[data-testid=date]').innerText > first", arg=first
    )
    page.wait_for_timeout(1_500)
    assert chart.screenshot() != before

    healthy = until(page, "device-state", r"true damage 0 %.*vibration_mm_s (0\.|1\.[01])")
    page.get_by_test_id("break").click()
    until(page, "story", "bearing wear is injected")
    until(page, "device-state", r"true damage [3-9]\d(\.\d)? %.*believes [1-9]\d(\.\d)? %")
    until(page, "device-state", r"vibration_mm_s (1\.[4-9]|[2-9])")
    assert "stands still" not in healthy
    until(page, "story", "orders bearing-set")
    until(page, "without-hours", r"[1-9]")  # without the service it broke
    until(page, "story", "telemetry confirms the repair")
    assert page.get_by_test_id("with-hours").inner_text() == "0"
    until(page, "saved-euros", r"^[1-9]")  # once the emergency visit is paid

    page.get_by_test_id("play").click()
    until(page, "play", "Play")
    page.wait_for_timeout(1_000)
    held = page.get_by_test_id("date").inner_text()
    page.wait_for_timeout(1_500)
    assert page.get_by_test_id("date").inner_text() == held

    page.get_by_test_id("reset").click()
    until(page, "date", r"2026-01-\d\d")
    until(page, "without-hours", r"^0$")
