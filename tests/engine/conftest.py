"""One run on disk with a worn bearing, and a fork of it: shared by the tests that only read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from harness.cli.main import app

SCENARIO = """
schema: 1
title: A bearing wears out in 18 days
run: {start: 2026-01-10T00:00:00Z, until: 24d, sync: 12h}
fleets:
  - {product: pump, sites: 1, devices_per_site: 1, report_every: 1h}
service:
  rules: [standard]
  contract: {fee_eur: 180.0, target: 0.999, unknown_after_s: 7200}
timeline:
  - {at: 3d, fault: bearing_wear, device: pump-01-1, params: {onset: 0h, pf_interval: 18d}}
"""
SILENT = """
pack: pump-silent
version: "1.0.0"
model: pump-duplex-7k5
owner: service
every: 1h
stale_after: 6h
rules:
  - id: never
    let: {level_m: {signal: level_m, take: max, over: 1h}}
    when: level_m > 1000.0
    for: 0s
    severity: failure
    then: [{alert: {}}]
    why: It cannot be
"""


class Forked(NamedTuple):
    """The folders of a run and of its branches, and what the command printed."""

    run: Path
    unchanged: Path
    changed: Path
    told: str


@pytest.fixture(scope="session")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Forked:
    """A run, forked on its sixth day with a pack that never orders."""
    place = tmp_path_factory.mktemp("fork")
    (place / "story.yaml").write_text(SCENARIO, "utf-8")
    (place / "silent.yaml").write_text(SILENT, "utf-8")
    call = CliRunner().invoke
    runs = str(place / "runs")
    ran = call(app, ["run", str(place / "story.yaml"), "--seed", "7", "--link", "memory",
                     "--report-dir", runs, "--quiet"])  # fmt: skip
    assert ran.exit_code == 0, ran.output
    run = place / "runs" / "story-7-1"
    fork = call(app, ["fork", str(run), "--at", "6d", "--rules", str(place / "silent.yaml"),
                      "--jobs", "1", "--markdown", str(place / "fork.md")])  # fmt: skip
    assert fork.exit_code == 0, (fork.output, fork.exception)
    return Forked(run, run.with_name("story-7-2"), run.with_name("story-7-3"), fork.output)
