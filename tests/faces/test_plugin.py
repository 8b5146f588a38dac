"""The pytest plugin: there when asked for, silent otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import pytest_plugin, pytest_scenarios

pytest_plugins = ["pytester"]
SCENARIO = "schema: 1\ntitle: x\n"
OPTIONS = (
    # by its module, whether the distribution is installed (and names it) or not
    "-p", "no:twinrig", "-p", "harness.pytest_plugin", "-p", "no:cacheprovider",
)  # fmt: skip


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A foreign project that has the plugin, with a scenario and a rule pack in one folder."""
    monkeypatch.setenv("PYTHONPATH", str(Path(pytest_plugin.__file__).parents[1]))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # a foreign project's are not ours
    pytester.makeini("[pytest]\n")  # whatever stands in the folders above
    folder = pytester.mkdir("stories")
    (folder / "one.yaml").write_text(SCENARIO)
    (folder / "rules.yaml").write_text("pack: x\n")
    return pytester


def collected(project: pytest.Pytester, *arguments: str) -> list[str]:
    result = project.runpytest("--collect-only", "-q", *OPTIONS, *arguments)
    return [line for line in result.outlines if "::" in line]


def test_without_the_ini_option_no_yaml_file_is_collected(project: pytest.Pytester):
    assert collected(project, "stories") == []


def test_with_the_ini_option_scenarios_below_the_folder_are_collected(project: pytest.Pytester):
    project.makeini("[pytest]\ntwinrig_scenarios = stories\n")
    (project.mkdir("elsewhere") / "two.yaml").write_text(SCENARIO)

    assert collected(project, "stories", "elsewhere") == ["stories/one.yaml::one"]


def test_the_ini_marks_the_scenarios_that_fit_a_pattern(project: pytest.Pytester):
    project.makeini(
        "[pytest]\ntwinrig_scenarios = stories\nmarkers = slow\n"
        "twinrig_marks =\n  slow: none/* stories/y*.yaml\n"
    )
    (project.path / "stories" / "year.yaml").write_text(SCENARIO)

    assert collected(project, "-m", "slow", "stories") == ["stories/year.yaml::year"]
    assert collected(project, "-m", "not slow", "stories") == ["stories/one.yaml::one"]


@pytest.mark.parametrize("line", ["slow", "slow:", "very slow: stories/*", ": stories/*"])
def test_a_line_of_marks_that_cannot_be_read_is_told(project: pytest.Pytester, line: str):
    project.makeini(f"[pytest]\ntwinrig_scenarios = stories\ntwinrig_marks =\n  {line}\n")
    result = project.runpytest(*OPTIONS, "stories")

    told = result.stdout.str() + str(result.stderr)
    assert f"twinrig_marks must be 'MARK: PATTERN ...', not {line!r}" in told
    assert result.ret != pytest.ExitCode.OK


def test_a_red_scenario_fails_with_expected_seen_and_replay_and_no_traceback(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, red_events
):
    project.makeini("[pytest]\ntwinrig_scenarios = stories\ntwinrig_seed = 11\n")
    asked = []

    def run(scenario, *, seed, runs_dir, **options):
        asked.append((scenario.name, seed))
        return red_events[-1].result

    monkeypatch.setattr(pytest_scenarios, "run_scenario_file", run)
    result = project.runpytest_inprocess(*OPTIONS, "stories")

    assert asked == [("one.yaml", 11)]
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "expected: 1 delivered order for pump-01-1 within 45 d" in text
    assert "seen:     0 delivered orders <none>" in text
    assert "replay:   twinrig run scenarios/story.yaml --seed 7" in text
    assert "Traceback" not in text
    assert "pytest_plugin.py" not in text


def test_a_green_scenario_passes(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, green_events
):
    project.makeini("[pytest]\ntwinrig_scenarios = stories\n")
    monkeypatch.setattr(
        pytest_scenarios, "run_scenario_file", lambda *_, **__: green_events[-1].result
    )

    result = project.runpytest_inprocess(*OPTIONS, "stories")
    result.assert_outcomes(passed=1)


def test_the_rig_fixture_runs_what_it_is_given(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, green_events
):
    asked = []

    def run(scenario, *, seed, runs_dir, **options):
        asked.append((scenario, seed, options))
        return green_events[-1].result

    monkeypatch.setattr(pytest_plugin, "run_scenario_file", run)
    project.makepyfile(
        "def test_it(twinrig_rig):\n"
        "    assert twinrig_rig('x.yaml', seed=3, link='mqtt').verdict == 'passed'\n"
    )
    project.runpytest_inprocess(*OPTIONS).assert_outcomes(passed=1)

    assert asked == [("x.yaml", 3, {"link": "mqtt"})]


def test_the_broker_fixture_gives_a_broker_that_answers(project: pytest.Pytester):
    project.makepyfile(
        "import socket\n"
        "def test_it(twinrig_broker):\n"
        "    socket.create_connection((twinrig_broker.host, twinrig_broker.port), 5).close()\n"
    )
    result = project.runpytest(*OPTIONS)
    result.assert_outcomes(passed=1)


def test_loading_the_plugin_imports_nothing_of_twinrig(project: pytest.Pytester):
    project.makepyfile(
        "import sys\n"
        "def test_it():\n"
        "    ours = ('harness.', 'broker', 'twins', 'reference_impl', 'loadtests')\n"
        "    loaded = [m for m in sys.modules if m.startswith(ours)]\n"
        "    assert sorted(loaded) == ['harness.pytest_plugin', 'harness.pytest_scenarios']\n"
        "    assert 'numpy' not in sys.modules\n"
    )
    result = project.runpytest_subprocess(*OPTIONS)
    result.assert_outcomes(passed=1)


def test_a_seed_that_is_no_number_is_told(project: pytest.Pytester):
    project.makeini("[pytest]\ntwinrig_scenarios = stories\ntwinrig_seed = many\n")
    result = project.runpytest(*OPTIONS, "stories")

    assert "twinrig_seed must be a whole number, not 'many'" in result.stdout.str() + str(
        result.stderr
    )


MATRIX = """schema: 1
title: Rain or none
run: {start: 2026-01-26T00:00:00Z, until: 6h, sync: 6h}
parameters: {when: {type: duration, default: 2h, max: 90d}}
matrix: {axes: {when: [2h, 40h]}}
fleets: [{product: pump, sites: 1, devices_per_site: 1, report_every: 1h}]
timeline: [{at: 1h, fault: seal_leak, device: pump-01-1, params: {onset: $(when)}}]
checks:
  - {sometimes: kind == "truth.damage.onset", title: a seal begins to leak}
"""


def test_each_variant_of_a_matrix_is_a_test_and_sometimes_is_one_of_all(
    project: pytest.Pytester,
):
    project.makeini("[pytest]\ntwinrig_scenarios = stories\n")
    (project.path / "stories/one.yaml").write_text(MATRIX)
    (project.path / "stories/two.yaml").write_text(MATRIX.replace("[2h, 40h]", "[40h, 50h]"))
    result = project.runpytest_subprocess("-q", "-rA", *OPTIONS, "stories")
    ended = [
        line.split(" - ")[0] for line in result.outlines if line.startswith(("PASSED", "FAIL"))
    ]

    assert [line.replace("stories/", "") for line in ended] == [
        "PASSED one.yaml::one[when=2h]", "PASSED one.yaml::one[when=40h]",
        "PASSED one.yaml::one[sometimes]", "PASSED two.yaml::two[when=40h]",
        "PASSED two.yaml::two[when=50h]", "FAILED two.yaml::two[sometimes]",
    ]  # fmt: skip
