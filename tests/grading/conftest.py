"""Short worlds (a bearing wears out, a shaft is uneven), and packs that differ in one rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.grading import arms
from harness.grading.grade import RunGrade
from harness.grading.packs import pack_set

SCENARIO = """
schema: 1
title: A bearing wears out in two weeks
run: {start: 2026-01-05T00:00:00Z, until: 22d, sync: 12h}
fleets:
  - {product: pump, sites: 1, devices_per_site: 2, report_every: 1h}
service: {rules: [standard]}
timeline:
  - {at: 4d, fault: bearing_wear, device: pump-01-1, params: {onset: 0h, pf_interval: 14d}}
  - {at: 2d, fault: imbalance, device: pump-01-2, params: {ratio: 1.55}}
"""
PACK = """
pack: pump-try
version: "1.0.0"
model: pump-duplex-7k5
owner: service
every: 1h
stale_after: 6h
rules:
  - id: shakes
    let: {vib_mm_s: {signal: vibration_mm_s, take: mean, over: 6h}}
    when: vib_mm_s > LIMIT
    for: 0s
    keep_for: 6h
    severity: minor
    then: [{alert: {}}]
    why: It shakes
  - id: floods
    let: {level_m: {signal: level_m, take: max, over: 1h}}
    when: level_m > 2.4
    for: 0s
    keep_for: 1h
    severity: failure
    then: [{alert: {}}]
    why: The well is too full
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario, and packs: ``base``, ``low`` (limit 20 % lower), ``gone`` (rule removed)."""
    place = tmp_path_factory.mktemp("packs")
    (place / "story.yaml").write_text(SCENARIO, "utf-8")
    (place / "base.yaml").write_text(PACK.replace("LIMIT", "1.8"), "utf-8")
    (place / "low.yaml").write_text(PACK.replace("LIMIT", "1.44"), "utf-8")
    begin, end = PACK.index("  - id: shakes"), PACK.index("  - id: floods")
    (place / "gone.yaml").write_text(PACK[:begin] + PACK[end:], "utf-8")
    return place


@pytest.fixture(scope="session")
def played(folder: Path) -> Callable[[str, str], RunGrade]:
    """The grade of one arm of a comparison of two packs, each run once."""
    known: dict[tuple[str, str, str], RunGrade] = {}
    really_play = arms.play  # a test puts this fixture into its place

    def play(base: str, candidate: str, arm: str = "candidate") -> RunGrade:
        key = (base, candidate, arm)
        if key not in known:
            packs = (pack_set(folder / f"{base}.yaml"), pack_set(folder / f"{candidate}.yaml"))
            jobs = arms.jobs(*packs, [folder / "story.yaml"], [7])
            grade = really_play(jobs[arms.ARMS.index(arm)])
            assert isinstance(grade, RunGrade), grade
            known[key] = grade
        return known[key]

    return play


@pytest.fixture(scope="session")
def rules(folder: Path) -> Mapping[str, Path]:
    """The packs by name."""
    return {path.stem: path for path in folder.glob("*.yaml") if path.stem != "story"}
