"""Tests that a user writes in Python, run once as a user runs them: a project, and its pytest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
OPTIONS = ("-p", "no:twinrig", "-p", "harness.pytest_plugin", "-p", "no:cacheprovider")
STORY = """schema: 1
title: A day at the station
run: {start: 2026-01-05T00:00:00Z, until: 12h, sync: 6h}
fleets: [{product: pump, report_every: 1h}]
service: {rules: []}
eventually: [nothing_lost]
"""
FILES = {
    "pytest.ini": "[pytest]\naddopts = --strict-markers\ntwinrig_scenarios = stories\n",
    "stories/day.yaml": STORY,
    "red/red.yaml": STORY.replace(
        "[nothing_lost]", "[{check: order_delivered, device: pump-01-1}]"
    ),
    "red/wrong.yaml": STORY.replace("pump", "pmup"),
    "test_marks.py": """
import pytest
from harness.scenario import build as b


@pytest.mark.scenario("stories/day.yaml", seed=11)
def test_it_gets_result_and_events(twinrig_result, twinrig_events):
    assert (twinrig_result.verdict, twinrig_result.seed) == ("passed", 11)
    names = [type(event).__name__ for event in twinrig_events]
    assert names[0] == "RunStarted" and names[-1] == "RunFinished"


@pytest.mark.scenario("stories/day.yaml", seed=12)
def test_without_a_fixture():
    pass


@pytest.mark.scenario("stories/day.yaml", seeds=[13, 14])
def test_seeds_without_a_fixture():
    pass


@pytest.mark.scenario("red/red.yaml", seed=3)
def test_red(twinrig_result):
    raise RuntimeError("its own code is " + "reached")


@pytest.mark.scenario("red/red.yaml", expect="failed")
def test_planted(twinrig_result):
    assert [c.check for c in twinrig_result.failed_checks] == ["order_delivered"]


@pytest.mark.scenario("stories/day.yaml", expect="failed")
def test_it_does_not_fail():
    pass


@pytest.mark.scenario("stories/day.yaml", seeds=[1, 2])
def test_seeds(twinrig_result, twinrig_seed):
    assert twinrig_result.seed == twinrig_seed


DAY = b.Scenario(title="x", run=b.run("2026-01-05T00:00:00Z", "6h"), fleets=(b.fleet("pump"),))


@pytest.mark.scenario(DAY, mode="paced", speed=1e9)
def test_options(twinrig_result):
    assert twinrig_result.mode == "paced"


@pytest.mark.scenario("red/wrong.yaml")
def test_mistakes():
    pass


@pytest.mark.scenario("stories/none.yaml")
def test_no_file():
    pass


@pytest.mark.scenario()
def test_nothing_named():
    pass


@pytest.mark.scenario("stories/day.yaml", seed=1, seeds=[2])
def test_seed_and_seeds():
    pass


@pytest.mark.scenario("stories/day.yaml", expect="green")
def test_unknown_verdict():
    pass
""",
    "test_fixtures.py": """
def test_the_rig(twinrig_rig):
    told = []
    handler = type("Handler", (), {"on_event": lambda self, event: told.append(event)})()
    assert twinrig_rig("stories/day.yaml", seed=5, handlers=[handler]).verdict == "passed"
    assert told
""",
}


class Outcomes:
    """What a project's pytest said: outcome and text by test."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        for name, text in FILES.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        command = [sys.executable, "-m", "pytest", *OPTIONS, "--junitxml=out.xml"]
        ran = subprocess.run(
            [*command, "--twinrig-runs=kept", *arguments],
            cwd=folder, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.folder, self.stdout = folder, ran.stdout
        self.outcome: dict[str, str] = {}
        self.text: dict[str, str] = {}
        for case in ET.parse(folder / "out.xml").iter("testcase"):
            bad = next(iter(case), None)
            name = case.attrib["name"]
            self.outcome[name] = "passed" if bad is None else bad.tag
            self.text[name] = "" if bad is None else f"{bad.attrib['message']}\n{bad.text}"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    return Outcomes(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize(
    "test",
    [
        "test_it_gets_result_and_events", "test_without_a_fixture", "test_planted",
        "test_seeds[seed-1]", "test_seeds[seed-2]", "test_options", "test_the_rig", "day",
    ],
)  # fmt: skip
def test_what_a_user_writes_passes(told: Outcomes, test: str) -> None:
    assert told.outcome[test] == "passed", told.text[test]


def test_a_red_run_fails_its_test_in_words_and_without_a_traceback(told: Outcomes) -> None:
    text = told.text["test_red"]
    assert told.outcome["test_red"] == "failure"
    assert "A day at the station: failed" in text
    assert re.search(r"where:    .*red\.yaml:6:14", text)
    assert "expected: " in text
    assert "seen:     0 delivered" in text
    assert re.search(r"replay:   twinrig run .*red\.yaml --seed 3", text)
    assert "pytest_plugin.py" not in told.stdout
    assert "its own code is reached" not in told.stdout
    assert "Traceback" not in told.stdout


def test_a_run_that_should_fail_and_does_not_is_red(told: Outcomes) -> None:
    assert "expected the verdict 'failed'" in told.text["test_it_does_not_fail"]


def test_mistakes_of_a_scenario_file_are_a_failure_with_their_places(told: Outcomes) -> None:
    assert told.outcome["test_mistakes"] == "failure"
    assert re.search(r"wrong\.yaml:4:20: unknown product 'pmup'", told.text["test_mistakes"])


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("test_no_file", "no scenario 'stories/none.yaml'; looked in"),
        ("test_nothing_named", "takes one file or Scenario"),
        ("test_seed_and_seeds[seed-2]", "then seed or seeds"),
        ("test_unknown_verdict", "expect .one of passed, failed, error, any"),
    ],
)
def test_a_mark_that_cannot_mean_anything_is_told(told: Outcomes, test: str, said: str) -> None:
    assert re.search(said, told.text[test]), told.text[test]


def test_runs_are_kept_with_their_reports_where_asked(told: Outcomes) -> None:
    """Marked tests have their runs, also those that ask for nothing."""
    for seed in (11, 12, 13, 14):
        assert (told.folder / "kept" / f"day-{seed}-1" / "report.html").stat().st_size > 1000


@pytest.mark.deep
def test_parallel_workers_come_to_the_same_outcomes(told: Outcomes, tmp_path: Path) -> None:
    """Each with brokers, ports, stores and run folders of its own."""
    parallel = Outcomes(tmp_path, "-p", "xdist", "-n", "2")
    assert parallel.outcome == told.outcome
    kept = [sorted(p.name for p in (o.folder / "kept").iterdir()) for o in (told, parallel)]
    assert kept[0] == kept[1]
