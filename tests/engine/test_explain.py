"""From a decision back to rule version, window, readings and truth; reports from a run's folder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from broker.wire.messages import Sample, Telemetry, TelemetryBatch
from harness.cli.main import app
from harness.engine.windows import Windows
from harness.errors import ScenarioError
from harness.events import FeedSeen
from harness.grading.explain import between
from harness.grading.record import Foresight
from harness.sut.port import Call

HOUR = 3_600_000
ORDER = "ord-pump-01-1-bearing-1-1"


def told(*words: str):
    return CliRunner().invoke(app, list(words))


def explained(folder: Path, ident: str) -> dict:
    return json.loads(told("explain", str(folder), ident, "--json").stdout)


def test_an_order_is_explained_down_to_rule_version_belief_and_true_damage(forked) -> None:
    found = explained(forked.run, ORDER)
    kinds = [link["what"] for link in found["chain"]]
    for what in ("order", "recommendation", "rule", "belief", "readings", "truth", "fault"):
        assert what in kinds, kinds
    assert kinds.index("order") < kinds.index("rule") < kinds.index("truth")
    rule = found["rule"]
    assert (rule["id"], rule["pack"]) == ("bearing-order-point", "pump-standard")
    assert re.fullmatch(r"\d+\.\d+\.\d+", rule["version"])
    assert rule["body"]["when"].startswith("runout_h <= ")
    assert found["values"]["runout_h"] <= found["values"]["lead_h"] + 336
    [bearing] = [line for line in found["truth"] if " bearing: " in line]
    damage = float(re.search(r"damage ([\d.]+) %", bearing)[1])
    placed_ms = found["decided_ms"]
    days = (placed_ms - 1_768_003_200_000) / (24 * HOUR) - 3  # damage began on the third day
    assert damage == pytest.approx(100 * days / 18, abs=12), "7 % spread of the interval"


def test_the_service_s_own_account_shows_rule_inputs_window_forecast_readings_and_chain(
    forked, tmp_path: Path
) -> None:
    found = explained(forked.run, ORDER)
    account = found["account"]
    rule = account["rule"]
    assert (rule["id"], rule["version"]) == (found["rule"]["id"], found["rule"]["version"])
    assert account["inputs"] == found["values"]
    (forecast,) = account["forecasts"]
    (window,) = account["windows"]
    assert (window["name"], forecast["condition"]) == ("bearing_wear", "bearing_wear")
    assert window["to_ms"] == forecast["at_ms"] <= found["decided_ms"]
    assert len(window["values"]) > 10
    assert [link["kind"] for link in account["chain"]][:2] == ["recommendation", "order"]
    text = told("explain", str(forked.run), ORDER).stdout
    assert "what the service says itself:\n  rule bearing-order-point of pump-standard" in text
    assert "  forecast bearing_wear: wear" in text
    forkless = explained(forked.changed, "contract-01/2026-01")
    assert forkless["account"] is None
    assert "this run did not ask" in forkless["account_missing"]


def test_an_alert_shows_the_readings_of_its_window_and_they_give_what_the_service_said(
    forked,
) -> None:
    names = told("explain", str(forked.run)).stdout.split()
    alert = next(name for name in names if "P12-vibration-zone-c" in name)
    found = explained(forked.run, alert)
    [window] = found["windows"]
    seen = window["inputs"]["vib_mm_s"]
    assert seen["count"] == len(seen["values"]) >= 1
    assert all(found["decided_ms"] - HOUR < at <= found["decided_ms"] for at in seen["at_ms"])
    mean = sum(seen["values"]) / len(seen["values"])
    assert mean == pytest.approx(found["values"]["vib_mm_s"], rel=1e-6)
    assert mean > 1.8, "the limit of the rule"


@pytest.mark.parametrize("ident", ["rec-pump-01-1-bearing-1", "pump-01-1/bearing/1"])
def test_needs_and_recommendations_are_explained_too(forked, ident: str) -> None:
    assert explained(forked.run, ident)["rule"]["id"] == "bearing-order-point"


def test_a_period_is_explained_by_the_hours_that_things_were_not_available(forked) -> None:
    found = explained(forked.changed, "contract-01/2026-01")
    shares = [link["text"] for link in found["chain"] if link["what"] == "share"]
    assert len(shares) == 1
    assert shares[0].startswith("pump-01-1: down ")
    assert any("device.down" in link["text"] for link in found["chain"])


def test_words_in_the_terminal_name_rule_and_truth_and_unknown_names_are_refused(forked) -> None:
    text = told("explain", str(forked.run), ORDER).stdout
    assert "the rule: bearing-order-point of pump-standard" in text
    assert "pump-01-1 bearing: damage" in text
    wrong = told("explain", str(forked.run), "ord-pump-01-1-bearing-1-9")
    assert isinstance(wrong.exception, ScenarioError)
    assert ORDER in str(wrong.exception)
    none = told("explain", str(forked.run.parent), ORDER)
    assert "name the folder" in str(none.exception)


def test_every_report_comes_again_from_the_folder_even_a_moved_one(forked, tmp_path: Path) -> None:
    import shutil

    moved = tmp_path / "moved"
    shutil.copytree(forked.run, moved)
    (moved / "report.html").unlink()
    for kind, name in (("html", "report.html"), ("markdown", "report.md"), ("junit", "report.xml")):
        ran = told("report", str(moved), "--format", kind)
        assert ran.exit_code == 0, ran.output
        assert f"report: {moved / name}" in ran.stdout
    page = (moved / "report.html").read_text("utf-8")
    for anchor in set(re.findall(r'href="#(why-\d+)"', page)):
        assert f'<details id="{anchor}">' in page
    assert page.count('class="because"') >= 4, "story rows lead to their why"
    assert "runout_h &lt;= lead_h" in page, "the rule as it was, out of the moved folder"
    text = (moved / "report.md").read_text("utf-8")
    assert text.startswith("## PASSED: A bearing wears out in 18 days")
    assert "| pump-01-1 | bearing-set |" in text
    assert ET.parse(moved / "report.xml").getroot().attrib["failures"] == "0"
    shown = told("report", str(moved), "--format", "console")
    assert "PASSED" in shown.stdout


def test_an_unfinished_run_is_refused(forked, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(
        "".join((forked.run / "events.jsonl").read_text().splitlines(keepends=True)[:5])
    )
    assert "breaks off" in str(told("report", str(tmp_path)).exception)


def message(hour: int, value: float, device: str = "d-1") -> tuple[str, Telemetry]:
    return "s", Telemetry(
        device=device, boot=1, seq=hour, at_ms=hour * HOUR, signals={"hum": value}
    )  # fmt: skip


def fired(hour: int, kind: str = "alert.raised") -> FeedSeen:
    data = {"thing": "d-1", "rule": "loud", "pack": "p"}
    return FeedSeen(at_ms=hour * HOUR, kind=kind, subject="a", data=data, event_id="")


def test_a_window_holds_what_lay_in_it_whenever_it_came() -> None:
    windows = Windows()
    rule = {"id": "loud", "let": {"x": {"signal": "hum", "take": "mean", "over": "3h"}}}
    windows.learn([Call("POST", "/v1/rule-packs", {"pack": "p", "rules": [rule]}, "")])
    windows.take([message(h, float(h)) for h in (1, 2, 4, 6)], 6 * HOUR)
    late = TelemetryBatch(
        device="d-1", boot=1, samples=[Sample(seq=5, at_ms=5 * HOUR, signals={"hum": 5.0})]
    )  # fmt: skip
    windows.take([("s", late), message(5, 50.0, "other")], 7 * HOUR)

    seen = windows.of(fired(5))
    assert seen is not None
    assert seen.inputs["x"]["values"] == [4.0, 5.0], "(2, 5] of this device, the late one too"
    assert windows.of(fired(5, "alert.cleared")) is None
    state = windows.state()
    again = Windows()
    again.learn([Call("POST", "/v1/rule-packs", {"pack": "p", "rules": [rule]}, "")])
    again.restore(state)
    assert again.of(fired(5)) == seen


def test_windows_forget_what_is_older_than_a_day() -> None:
    windows = Windows()
    rule = {"id": "loud", "let": {"x": {"signal": "hum", "take": "last", "over": "90h"}}}
    windows.learn([Call("POST", "/v1/rule-packs", {"pack": "p", "rules": [rule]}, "")])
    for hour in range(1, 61):
        windows.take([message(hour, float(hour))], hour * HOUR)
        if hour == 40:
            assert windows.of(fired(40)) is not None  # an index that has to be made anew
    seen = windows.of(fired(60))
    assert seen is not None
    assert seen.inputs["x"]["count"] == 25
    assert (seen.inputs["x"]["min"], seen.inputs["x"]["last"]) == (36.0, 60.0)


def test_truth_between_two_samples_lies_on_a_line_but_not_across_a_repair() -> None:
    samples = [Foresight(0, 0.2, 100.0), Foresight(10, 0.4, 80.0), Foresight(20, 0.0, None)]
    assert between(samples, 5) == Foresight(5, pytest.approx(0.3), 90.0)
    assert between(samples, 15) == Foresight(15, 0.4, 80.0)
    assert between(samples, 25) == Foresight(25, 0.0, None)
    assert between(samples, -1) is None
