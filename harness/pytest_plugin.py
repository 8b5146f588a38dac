"""pytest plugin: fixtures ``twinrig_broker`` and ``twinrig_rig``, and scenarios as tests.

It does not intrude: nothing of Twinrig is imported until a fixture is used, and YAML files are
collected only below the folders that the project's ini names::

    [tool.pytest.ini_options]
    twinrig_scenarios = ["scenarios"]
    twinrig_marks = ["slow: scenarios/seasons/*.yaml"]
    twinrig_seed = "7"
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr, TracebackStyle

    from broker.servers import Broker
    from harness.events import RunResult
    from harness.scenario.schema import Scenario

Rig = Callable[..., "RunResult"]
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


class ScenarioFile(pytest.File):
    """A scenario file; it holds one test."""

    def collect(self) -> Iterable[pytest.Item]:
        """The one test: the run passes."""
        item = ScenarioItem.from_parent(self, name=self.path.stem)
        for mark in marks_of(self.path, self.config):
            item.add_marker(mark)
        yield item


class ScenarioFailed(Exception):  # noqa: N818
    """A scenario's run was red; ``str()`` is what a person reads."""


class ScenarioItem(pytest.Item):
    """Runs one scenario over the memory link."""

    def runtest(self) -> None:
        """Run it, and fail with the checks that do not hold."""
        with tempfile.TemporaryDirectory(prefix="twinrig-") as folder:
            result = run_scenario_file(self.path, seed=_seed(self.config), runs_dir=Path(folder))
        if result.exit_code:
            raise ScenarioFailed(explain(result))

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: TracebackStyle | None = None
    ) -> str | TerminalRepr:
        """The failed checks, or the mistakes of the file, without a traceback of ours."""
        from harness.errors import HarnessError, OurBug  # noqa: PLC0415

        error = excinfo.value
        plain = isinstance(error, (ScenarioFailed, HarnessError)) and not isinstance(error, OurBug)
        return str(error) if plain else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where pytest says the test is."""
        return self.path, None, f"scenario: {self.path.stem}"


def marks_of(path: Path, config: pytest.Config) -> list[str]:
    """The markers that the ini option twinrig_marks gives to a scenario file.

    Args:
        path: The file.
        config: Where the option stands; patterns are relative to its folder.

    Raises:
        pytest.UsageError: A line is not ``MARK: PATTERN ...``.
    """
    found, relative = [], os.path.relpath(path, config.rootpath)
    for line in config.getini("twinrig_marks"):
        mark, _, patterns = line.partition(":")
        if not mark.isidentifier() or not patterns.strip():
            raise pytest.UsageError(f"twinrig_marks must be 'MARK: PATTERN ...', not {line!r}")
        if any(fnmatchcase(Path(relative).as_posix(), pattern) for pattern in patterns.split()):
            found.append(mark)
    return found


def explain(result: RunResult) -> str:
    """The failed checks of a run: title, expected, seen, trace around, replay."""
    from harness.report.junit import failure_text  # noqa: PLC0415

    texts = [failure_text(check, result.replay) for check in result.failed_checks]
    if result.error:
        texts.append(f"error: {result.error}\nreplay:   {result.replay}")
    return "\n\n".join([f"{result.title}: {result.verdict}", *texts])


def run_scenario_file(
    scenario: Path | str | Scenario, *, seed: int, runs_dir: Path, **options: object
) -> RunResult:
    """Run a scenario (path or object) over the memory link unless ``options`` say otherwise."""
    from harness.engine.runner import RunOptions, run_scenario  # noqa: PLC0415

    wanted: dict[str, Any] = {"link": "memory", "runs_dir": runs_dir}
    wanted |= options
    return run_scenario(scenario, seed=seed, options=RunOptions(**wanted))


def _seed(config: pytest.Config) -> int:
    text = config.getini("twinrig_seed")
    try:
        return int(text)
    except ValueError:
        raise pytest.UsageError(f"twinrig_seed must be a whole number, not {text!r}") from None


@pytest.fixture
def twinrig_broker() -> Iterator[Broker]:
    """A running MQTT broker on a free loopback port; gone after the test."""
    from broker.servers import open_broker  # noqa: PLC0415

    with open_broker("embedded") as broker:
        yield broker


@pytest.fixture
def twinrig_rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """Runs a scenario and returns its RunResult.

    ``twinrig_rig(path, seed=7, link="mqtt")``: the first argument is a path or a Scenario, the
    others are fields of ``harness.engine.runner.RunOptions``.
    """
    default = _seed(request.config)

    def run(
        scenario: Path | str | Scenario, *, seed: int = default, **options: object
    ) -> RunResult:
        return run_scenario_file(scenario, seed=seed, runs_dir=tmp_path / "runs", **options)

    return run
