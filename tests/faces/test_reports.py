"""What the report handlers write of a run, told from a synthetic stream of events."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

from rich.console import Console

from harness.events import CheckDecided, Event, FeedSeen, RunFinished, TruthHappened
from harness.report.console import ConsoleReport
from harness.report.jsonl import JsonLinesReport
from harness.report.junit import Case, JunitReport, Suite, write
from harness.report.story import Storyteller


def told(events: list[Event], **options: object) -> str:
    """What the console report prints of ``events`` into a pipe."""
    out = io.StringIO()
    report = ConsoleReport(Console(file=out, width=100, highlight=False), **options)
    for event in events:
        report.on_event(event)
    return out.getvalue()


def test_the_story_names_onset_advice_order_visit_and_repair_in_order(green_events):
    text = told(green_events)

    parts = [
        "starts to wear (truth)",
        "raises alert P12-vibration-zone-c",
        "recommends 1 x bearing-set (order point by lead time)",
        "orders bearing-set from nordic-parts for 164.00 EUR",
        "bearing-set is delivered",
        "asks for a visit to fit the bearing",
        "a new bearing is fitted (truth)",
        "telemetry confirms the repair",
        "availability 99.91 % (target 99.70 %), credit 0.00 EUR",
        "PASSED: A bearing wears out (1 of 1 checks hold)",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_a_story_line_begins_with_the_simulated_date(green_events):
    assert "Jan 09 00:00  pump-01-1     the bearing starts to wear (truth)" in told(green_events)


def test_each_wear_step_is_told_once_per_device_and_cycle(green_events):
    lines = [line for line in told(green_events).splitlines() if "DPS: bearing wear" in line]

    assert len(lines) == 4  # 10, 25, 50 and 75 % of the one that wears
    assert "bearing wear 11 %, run-out in 25 d (18 d to 35 d)" in lines[0]


def test_a_step_of_an_actor_that_the_service_took_is_told_once(green_events):
    assert told(green_events).count("confirms the order") == 1


def test_a_red_run_ends_with_expected_seen_place_and_replay(red_events):
    text = told(red_events)

    assert "where    story.yaml:24:5" in text
    assert "expected 1 delivered order for pump-01-1 within 45 d" in text
    assert "seen     0 delivered orders <none>" in text
    assert "Feb 19 00:00 end of the bound" in text
    last = text.rstrip().splitlines()[-1]
    assert last == "replay: twinrig run scenarios/story.yaml --seed 7 --link memory"


def test_a_pipe_gets_a_progress_line_for_each_tenth_and_no_control_codes(green_events):
    text = told(green_events)

    assert text.count("x real time") == 10 + 1  # tenths, and the summary
    assert "\x1b" not in text


def test_a_terminal_breaks_a_long_line_between_words_and_keeps_its_column(green_events):
    out = io.StringIO()
    console = Console(file=out, width=70, highlight=False, force_terminal=True, no_color=True)
    [advice] = [event for event in green_events if getattr(event, "kind", "").endswith(".issued")]
    ConsoleReport(console).on_event(advice)

    lines = [re.sub(r"\x1b\[[\d;]*m", "", line).rstrip() for line in out.getvalue().splitlines()]
    assert len(lines) > 1
    assert all(len(line) <= 70 for line in lines)
    assert all(line.startswith(" " * 28) and line[28] != " " for line in lines[1:])
    sentence = " ".join([lines[0][28:], *(line.strip() for line in lines[1:])])
    assert sentence == "DPS: recommends 1 x bearing-set (order point by lead time)"


def test_quiet_leaves_the_verdict_and_nothing_of_the_story(green_events):
    text = told(green_events, quiet=True)

    assert "PASSED" in text
    assert "Jan 09" not in text


def test_markup_in_a_message_is_printed_and_not_obeyed():
    event = FeedSeen(
        at_ms=0, kind="alert.raised", subject="a", data={"thing": "d", "rule": "[red]"}, event_id=""
    )

    assert "[red]" in told([event])


def test_an_unknown_kind_of_feed_event_is_no_news():
    event = FeedSeen(at_ms=0, kind="coffee.ready", subject="x", data={}, event_id="1")

    assert Storyteller().tell(event) is None


def test_json_lines_hold_every_event_and_close_after_the_last(tmp_path: Path, green_events):
    path = tmp_path / "deep" / "events.jsonl"
    report = JsonLinesReport(path)
    for event in green_events:
        report.on_event(event)

    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == len(green_events)
    assert rows[0]["event"] == "RunStarted"
    assert rows[0]["run_dir"] == str(tmp_path)
    assert rows[-1]["result"]["costs_eur"]["total"] == 444.0


def test_junit_counts_failures_and_carries_what_a_person_needs(tmp_path: Path, red_events):
    report = JunitReport(tmp_path / "junit.xml")
    for event in red_events:
        report.on_event(event)

    root = ET.parse(tmp_path / "junit.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "1", "0")
    failure = root.find(".//failure")
    assert failure is not None
    assert "expected: 1 delivered order" in failure.text
    assert failure.text.endswith(
        "replay:   twinrig run scenarios/story.yaml --seed 7 --link memory"
    )


def test_junit_keeps_all_runs_of_one_call(tmp_path: Path, red_events, green_events):
    report = JunitReport(tmp_path / "junit.xml")
    for events in (red_events, green_events):
        report.on_event(events[-1])

    root = ET.parse(tmp_path / "junit.xml").getroot()
    assert len(root.findall("testsuite")) == 2
    assert root.get("tests") == "3"


def test_junit_replaces_characters_that_xml_forbids(tmp_path: Path):
    path = tmp_path / "x.xml"
    write(path, [Suite(name="s", cases=(Case(name="a\x00b", group="g", failure="\x1b[31m"),))])

    assert ET.parse(path).find(".//testcase").get("name") == "a?b"


def test_a_run_that_ended_by_an_error_is_an_error_case(tmp_path: Path, green_events):
    from dataclasses import replace

    final = green_events[-1]
    assert isinstance(final, RunFinished)
    result = replace(final.result, verdict="error", exit_code=4, error="409 twice", checks=())
    report = JunitReport(tmp_path / "junit.xml")
    report.on_event(RunFinished(result=result))

    error = ET.parse(tmp_path / "junit.xml").find(".//error")
    assert error.get("message") == "409 twice"


def test_a_failed_check_is_told_when_it_is_decided(red_events):
    decided = next(e for e in red_events if isinstance(e, CheckDecided) and not e.passed)

    assert str(Storyteller().tell(decided)).startswith("Feb 19 00:00  check: FAILED: one order")


def alert(at_ms: int, kind: str, thing: str, rule: str, severity: str = "operation") -> FeedSeen:
    data = {"thing": thing, "rule": rule, "severity": severity}
    return FeedSeen(
        at_ms=at_ms, kind=kind, subject=thing, data=data, event_id=f"{at_ms}-{kind}-{thing}"
    )


def test_what_comes_again_and_again_is_told_three_times_and_counted_from_then_on():
    story = Storyteller()
    days = [
        alert(day + end, kind, "a", "R1-full")
        for day in range(0, 100, 10)
        for end, kind in ((0, "alert.raised"), (1, "alert.cleared"))
    ]

    lines = [line for event in days if (line := story.tell(event)) is not None]

    # The first of the device, then three of the fleet, each with its end.
    assert len(lines) == 8
    assert story.untold == len(days) - len(lines)


def test_the_first_alert_of_each_device_is_told_however_many_others_had_theirs():
    story = Storyteller()
    things = [f"a-{number}" for number in range(20)]

    lines = [
        story.tell(alert(at, "alert.raised", thing, "worn")) for at, thing in enumerate(things)
    ]

    assert [line.subject for line in lines if line] == things


def test_what_happens_to_an_order_is_told_about_the_device_that_it_is_for():
    story = Storyteller()
    placed = {"thing": "a-1", "part": "gear", "supplier": "s", "total_eur": 5.0, "by": "Ada"}
    story.tell(FeedSeen(at_ms=1, kind="order.placed", subject="ord-1", data=placed, event_id="1"))
    late = TruthHappened(at_ms=2, kind="order.late", subject="ord-1", data={"reason": "customs"})

    line = story.tell(late)

    assert line is not None
    assert (line.subject, line.text) == ("a-1", "the order will be late: customs (truth)")
