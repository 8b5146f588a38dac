"""pytest plugin: fixtures for brokers, worlds, DPS and runs, and scenarios as tests.

It does not intrude: nothing of Twinrig is imported until a fixture is used, and YAML files are
collected only below the folders that the project's ini names::

    [tool.pytest.ini_options]
    twinrig_scenarios = ["scenarios"]
    twinrig_marks = ["slow: scenarios/seasons/*.yaml"]
    twinrig_seed = "7"

A test of one's own is about a run: ``@pytest.mark.scenario("story.yaml", seed=7)`` with the
fixtures ``twinrig_result`` and ``twinrig_events``. docs/howto/pytest.md tells it in steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.pytest_scenarios import ScenarioFile, explain, in_a_folder, run_scenario_file, seed_of

if TYPE_CHECKING:
    from broker.servers import Broker
    from harness.engine.bench import DpsBench, WorldBench
    from harness.events import Event, RunResult
    from harness.scenario.schema import Scenario

Rig = Callable[..., "RunResult"]
MARK = "scenario"
RED = pytest.StashKey[str]()
"""Why the run of a marked test is not as expected."""
VERDICTS = ("passed", "failed", "error", "any")
_IS_SCENARIO = re.compile(r"^schema\s*:", re.MULTILINE)
BROKEN = ".bad.yaml"
"""Files that have mistakes on purpose end so."""
SEED = "7"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the ini options; by default nothing is collected."""
    parser.addini(
        "twinrig_scenarios",
        "folders (relative to the ini file) whose scenario files are collected as tests",
        type="linelist",
        default=[],
    )
    parser.addini(
        "twinrig_marks",
        "lines 'MARK: PATTERN ...': scenario files (relative to the ini file) that get a marker",
        type="linelist",
        default=[],
    )
    parser.addini("twinrig_seed", "seed of collected scenarios and of twinrig_rig", default=SEED)
    parser.getgroup("twinrig").addoption(
        "--twinrig-runs",
        metavar="DIR",
        type=Path,
        help="keep the folder of every run here, with its report (default: gone after the test)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "scenario(file, seed=None, seeds=None, expect='passed', **options): run a scenario before "
        "the test (once per seed), and fail if it does not come to the expected verdict",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One case per seed of a mark."""
    mark = metafunc.definition.get_closest_marker(MARK)
    if mark is not None and "seeds" in mark.kwargs:
        if "twinrig_seed" not in metafunc.fixturenames:
            metafunc.fixturenames.append("twinrig_seed")
        metafunc.parametrize("twinrig_seed", list(mark.kwargs["seeds"]), ids="seed-{}".format)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let a marked test have its run, whether it asks for the result or not."""
    names = getattr(item, "fixturenames", None)
    if names is not None and item.get_closest_marker(MARK) and "twinrig_result" not in names:
        names.append("twinrig_result")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """Collect a scenario file below a folder that the ini names."""
    folders = parent.config.getini("twinrig_scenarios")
    if not folders or file_path.suffix not in (".yaml", ".yml"):
        return None
    if file_path.name.endswith(BROKEN):
        return None
    roots = [(parent.config.rootpath / folder).resolve() for folder in folders]
    if not any(file_path.resolve().is_relative_to(root) for root in roots):
        return None
    if not _IS_SCENARIO.search(file_path.read_text("utf-8", errors="replace")):
        return None  # a rule pack or other data beside the scenarios
    return ScenarioFile.from_parent(parent, path=file_path)


@pytest.fixture
def twinrig_broker() -> Iterator[Broker]:
    """A running MQTT broker on a free loopback port; gone after the test."""
    from broker.servers import open_broker  # noqa: PLC0415

    with open_broker("embedded") as broker:
        yield broker


@pytest.fixture
def twinrig_seed(request: pytest.FixtureRequest) -> int:
    """The seed of this test: the mark's, else the ini option's."""
    mark = request.node.get_closest_marker(MARK)
    given = mark.kwargs.get("seed") if mark is not None else None
    return seed_of(request.config) if given is None else int(given)


@pytest.fixture
def twinrig_rig(request: pytest.FixtureRequest, tmp_path: Path, twinrig_seed: int) -> Rig:
    """Runs a scenario and returns its RunResult.

    ``twinrig_rig(path, seed=7, link="mqtt")``: the first argument is a path or a Scenario,
    ``handlers`` are told of every event, the others are fields of
    ``harness.engine.runner.RunOptions``.
    """
    folder = request.config.getoption("--twinrig-runs") or tmp_path / "runs"

    def run(
        scenario: Path | str | Scenario,
        *,
        seed: int = twinrig_seed,
        **options: Any,  # noqa: ANN401 - the run's own
    ) -> RunResult:
        return run_scenario_file(scenario, seed=seed, runs_dir=folder, **options)

    return run


@pytest.fixture
def twinrig_events() -> list[Event]:
    """Everything that happened in the run of the mark, in order (``harness.events``)."""
    return []


@pytest.fixture
def twinrig_result(
    request: pytest.FixtureRequest, twinrig_seed: int, twinrig_events: list[Event]
) -> RunResult | None:
    """What the run of ``@pytest.mark.scenario`` came to; the test is red if not as expected.

    None only if there was no run, and then the test's own code is not reached.
    """
    mark = request.node.get_closest_marker(MARK)
    if mark is None:
        raise pytest.UsageError(
            f"twinrig_result needs a mark: @pytest.mark.{MARK}('story.yaml', seed=7)"
        )
    try:
        file, expect, options = _read_mark(mark, request)
    except pytest.UsageError as error:
        request.node.stash[RED] = str(error)
        return None
    from harness.engine.bench import Notes  # noqa: PLC0415
    from harness.errors import HarnessError, OurBug  # noqa: PLC0415

    notes = Notes(twinrig_events)

    def run(folder: Path, more: dict[str, Any]) -> RunResult:
        handlers = [notes, *more.pop("handlers", [])]
        return run_scenario_file(
            file, seed=twinrig_seed, runs_dir=folder, handlers=handlers, **options
        )

    try:
        result = in_a_folder(request.config, run)
    except OurBug:
        raise
    except HarnessError as error:
        request.node.stash[RED] = str(error)
        return None
    if expect not in ("any", result.verdict):
        wanted = "" if expect == "passed" else f"expected the verdict {expect!r}\n"
        request.node.stash[RED] = wanted + explain(result)
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """A red run is a failure of its test, not an error of a fixture; no traceback of ours."""
    red = item.stash.get(RED, "")
    if red:
        pytest.fail(red, pytrace=False)


def _read_mark(
    mark: pytest.Mark, request: pytest.FixtureRequest
) -> tuple[Path | Scenario, str, dict[str, Any]]:
    """File, expected verdict and options of a mark.

    Raises:
        pytest.UsageError: It cannot mean anything.
    """
    options = {k: v for k, v in mark.kwargs.items() if k not in ("seed", "seeds", "expect")}
    expect = mark.kwargs.get("expect", "passed")
    if len(mark.args) != 1 or expect not in VERDICTS or {"seed", "seeds"} <= set(mark.kwargs):
        raise pytest.UsageError(
            f"@pytest.mark.{MARK} takes one file or Scenario, then seed or seeds, expect (one of "
            f"{', '.join(VERDICTS)}) and options of a run; not {mark.args!r}, {mark.kwargs!r}"
        )
    given = mark.args[0]
    if not isinstance(given, str | Path):
        return given, expect, options
    folders = (request.path.parent, request.config.rootpath)
    found = next((folder / given for folder in folders if (folder / given).is_file()), None)
    if found is None:
        raise pytest.UsageError(
            f"no scenario {str(given)!r}; looked in {' and '.join(map(str, folders))}"
        )
    return found, expect, options


@pytest.fixture
def twinrig_world(twinrig_seed: int) -> Callable[..., WorldBench]:
    """Devices alone: ``twinrig_world("product", devices_per_site=2)`` gives a WorldBench.

    ``run("2d")`` lets time pass and gives what was said; ``break_(fault, device)`` injects;
    ``truths``, ``messages``, ``readings(device, signal)`` tell.
    """

    def make(
        product: str,
        *,
        seed: int = twinrig_seed,
        **fleet: Any,  # noqa: ANN401 - each product has its own
    ) -> WorldBench:
        from harness.engine.bench import WorldBench  # noqa: PLC0415

        return WorldBench(product, seed=seed, **fleet)

    return make


@pytest.fixture
def twinrig_dps(twinrig_broker: Broker, tmp_path: Path) -> Iterator[DpsBench]:
    """The reference DPS beside ``twinrig_broker``: ``url``, ``install``, ``ask``, ``wait_for``."""
    from harness.engine.bench import DpsBench  # noqa: PLC0415

    dps = DpsBench(twinrig_broker.url, tmp_path)
    try:
        dps.open()
        yield dps
    finally:
        dps.close()
