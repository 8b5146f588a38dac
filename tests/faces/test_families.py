"""A file with a matrix: one verdict over all variants, a table, JSON and JUnit that agree."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from harness.cli.main import app

TEXT = """schema: 1
title: Rain or none
run: {start: 2026-01-26T00:00:00Z, until: 1d, sync: 6h}
parameters:
  when: {type: duration, default: 2h, max: 90d}
matrix: {axes: {when: [2h, 20h, 40h]}}
fleets: [{product: pump, sites: 1, devices_per_site: 1, report_every: 1h}]
timeline: [{at: 2h, fault: seal_leak, device: pump-01-1, params: {onset: $(when)}}]
checks:
  - {sometimes: kind == "truth.damage.onset", title: a seal begins to leak}
"""


@pytest.fixture
def ran(tmp_path: Path):
    def run(text: str, *more: str):
        (tmp_path / "rain.yaml").write_text(text, "utf-8")
        call = ["run", str(tmp_path / "rain.yaml"), "--seed", "7", "--link", "memory"]
        call += ["--report-dir", str(tmp_path / "runs"), "--junit", str(tmp_path / "j.xml"), *more]
        return CliRunner().invoke(app, call)

    return run


def test_what_one_variant_reaches_holds_for_all_in_every_report(ran, tmp_path: Path) -> None:
    answer = ran(TEXT, "--json")
    told = json.loads(answer.stdout)

    assert (answer.exit_code, told["verdict"]) == (0, "passed"), answer.stderr
    assert [run["variant"] for run in told["runs"]] == ["when=2h", "when=20h", "when=40h"]
    assert "a seal begins to leak: in 2 of 3 variants: when=2h, when=20h" in answer.stderr
    assert "PASSED: Rain or none (3 of 3 variants pass)" in answer.stderr
    suites = ET.parse(tmp_path / "j.xml").getroot()
    assert [suite.get("name") for suite in suites] == [
        f"Rain or none [when={when}]" for when in ("2h", "20h", "40h")
    ]
    assert suites.get("failures") == "0"
    missed = Path(told["runs"][2]["run_dir"])
    assert json.loads((missed / "result.json").read_text())["verdict"] == "passed"
    again = CliRunner().invoke(app, ["report", str(missed), "--format", "console"])
    assert "PASSED: Rain or none [when=40h]" in again.stdout
    page = (missed / "report.html").read_text("utf-8")
    assert "in another run of the family" in page


def test_what_no_variant_reaches_is_red_in_all_and_told_with_its_variants(ran) -> None:
    answer = ran(TEXT.replace("[2h, 20h, 40h]", "[40h, 50h]"))

    assert answer.exit_code == 1
    assert "FAILED: Rain or none (0 of 2 variants pass)" in answer.stdout
    assert "a seal begins to leak: in 0 of 2 variants" in answer.stdout
    assert answer.stdout.count("FAIL  a seal begins to leak") == 2
    assert "replay    twinrig run" in answer.stdout
    assert "--variant when=50h" in answer.stdout
