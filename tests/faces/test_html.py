"""The HTML report: one file that explains a run without the internet."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.events import FeedSeen, TelemetrySeen, TruthHappened
from harness.report.html import HtmlReport, render
from harness.report.jsonl import JsonLinesReport, read_events
from harness.report.runlog import RunLog, Series


def page_of(events: list, path: Path) -> str:
    report = HtmlReport(path)
    for event in events:
        report.on_event(event)
    return path.read_text("utf-8")


def without_library(page: str) -> str:
    """The page but for plotly's own source, which mentions addresses in its comments."""
    scripts = re.findall(r"<script>.*?</script>", page, flags=re.DOTALL)
    return page.replace(max(scripts, key=len), "")


def data_of(page: str) -> dict:
    found = re.search(r'id="data">(.*?)</script>', page, flags=re.DOTALL)
    assert found
    return json.loads(found.group(1))


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path, red_events):
    page = without_library(page_of(red_events, tmp_path / "r.html"))

    assert "http://" not in page
    assert "https://" not in page
    asked_for = re.findall(r'(?:src|href)="([^"#][^"]*)"', page)  # "#..." is in the page
    assert asked_for == ["data:,"]
    assert "@import" not in page


def test_a_failed_check_shows_expected_seen_trace_and_replay_as_text(tmp_path: Path, red_events):
    page = page_of(red_events, tmp_path / "r.html")

    assert "1 delivered order for pump-01-1 within 45 d" in page
    assert "0 delivered orders &lt;none&gt;" in page  # escaped, so that nothing is run
    assert "Feb 19 00:00 end of the bound" in page
    assert "twinrig run scenarios/story.yaml --seed 7 --link memory" in page
    assert "story.yaml:24:5" in page


def test_truth_and_belief_are_two_curves_of_the_worn_device(tmp_path: Path, green_events):
    data = data_of(page_of(green_events, tmp_path / "r.html"))

    curves = {curve["kind"]: curve for curve in data["devices"]["pump-01-1"]["curves"]}
    assert max(curves["truth"]["y"]) == pytest.approx(81.25, abs=0.1)
    assert max(curves["belief"]["y"]) == pytest.approx(78.6, abs=0.1)
    assert curves["signal"]["title"] == "vibration_mm_s"  # what the condition looks at


def test_the_lanes_hold_the_order_from_placed_to_delivered(tmp_path: Path, green_events):
    data = data_of(page_of(green_events, tmp_path / "r.html"))

    orders = [bar for bar in data["devices"]["pump-01-1"]["lanes"] if bar["lane"] == "order"]
    assert len(orders) == 1
    assert [step["name"] for step in orders[0]["steps"]] == [
        "placed", "confirmed", "shipped", "delivered",
    ]  # fmt: skip
    assert orders[0]["to_ms"] - orders[0]["from_ms"] == 7 * 86_400_000


def test_one_healthy_device_stands_beside_those_with_a_story(green_events):
    log = RunLog()
    for event in green_events:
        log.on_event(event)

    assert log.telling_devices(8) == ["pump-01-1", "pump-01-2"]


def test_text_that_would_end_the_script_stays_data(tmp_path: Path, green_events):
    evil = TruthHappened(
        at_ms=1_767_600_000_000, kind="noted", subject="pump-01-1", data={"a": "</script><b>"}
    )
    page = page_of([*green_events[:-1], evil, green_events[-1]], tmp_path / "r.html")

    assert "</script><b>" not in page
    texts = [mark["text"] for mark in data_of(page)["devices"]["pump-01-1"]["marks"]]
    assert "noted: a = </script><b> (truth)" in texts


def test_what_failed_and_the_replay_stand_before_everything_else(tmp_path: Path, red_events):
    """The first screen of a red run is for whoever has to mend it."""
    page = page_of(red_events, tmp_path / "r.html")
    [failed] = red_events[-1].result.failed_checks
    body = page[page.index("<body>") :]

    for text in (failed.title, failed.where, "0 delivered orders &lt;none&gt;", "Replay"):
        assert body.index(text) < body.index('class="story"'), text


def test_an_unfinished_run_has_no_page():
    with pytest.raises(ValueError, match="has no result"):
        render(RunLog())


def test_a_page_made_again_from_the_event_lines_is_the_same(tmp_path: Path, green_events):
    lines = JsonLinesReport(tmp_path / "events.jsonl")
    for event in green_events:
        lines.on_event(event)

    first = page_of(green_events, tmp_path / "a.html")
    again = page_of(list(read_events(tmp_path / "events.jsonl")), tmp_path / "b.html")

    assert again == first


def test_a_line_that_is_no_event_is_named_by_its_number(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"event": "Coffee"}\n')

    with pytest.raises(ValueError, match=r"events\.jsonl:1: this is no event"):
        list(read_events(path))


def test_thinning_keeps_the_lowest_and_the_highest_point():
    series = Series()
    for i in range(10_000):
        series.add(i, 100.0 if i == 4_321 else -50.0 if i == 777 else float(i % 7))

    at_ms, values = series.thinned(100)

    assert len(values) <= 102
    assert (max(values), min(values)) == (100.0, -50.0)
    assert at_ms == sorted(at_ms)
    assert (at_ms[0], at_ms[-1]) == (0, 9_999)


def test_an_alert_that_comes_back_is_a_second_bar():
    log = RunLog()
    for at_ms, step in ((1, "raised"), (2, "cleared"), (3, "raised"), (4, "cleared")):
        log.on_event(
            FeedSeen(
                at_ms=at_ms,
                kind=f"alert.{step}",
                subject="a",
                data={"thing": "d", "rule": "r"},
                event_id=str(at_ms),
            )
        )

    bars = [alert.steps for alert in log.of_kind("alert")]
    assert bars == [{"raised": 1, "cleared": 2}, {"raised": 3, "cleared": 4}]


def test_hours_down_count_to_the_end_for_a_device_that_still_stands(green_events):
    log = RunLog()
    for event in green_events[:-1]:
        log.on_event(event)
    end_ms = green_events[-1].result.end_ms
    hour_ms = 3_600_000
    for at_ms, kind in (
        (end_ms - 10 * hour_ms, "device.down"), (end_ms - 8 * hour_ms, "device.up"),
        (end_ms - 3 * hour_ms, "device.down"),
    ):  # fmt: skip
        log.on_event(TruthHappened(at_ms=at_ms, kind=kind, subject="pump-02-1"))
    log.on_event(green_events[-1])

    assert log.downtime_h() == {"pump-02-1": 5.0}


def test_without_conditions_the_first_signal_is_plotted():
    log = RunLog()
    log.on_event(TelemetrySeen(at_ms=1, device="d", signals={"b_c": 1.0, "a_c": 2.0}))

    assert log.watched_signals() == ["b_c"]
