"""Scenario files as tests: what the plugin collects, and how it runs a scenario.

Beside the plugin so that both stay small; imports as little as it does.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr, TracebackStyle

    from harness.events import EventHandler, RunResult
    from harness.scenario.loader import Variant
    from harness.scenario.schema import Scenario

SOMETIMES = "sometimes"
"""The check that a family answers as one."""


class ScenarioFile(pytest.File):
    """A scenario file; it holds one test, or one for each variant of its matrix."""

    def collect(self) -> Iterable[pytest.Item]:
        """Each run passes; what ``sometimes`` asks for comes in one of a family."""
        name, variants = self.path.stem, variants_of(self.path)
        marks: list[str | pytest.MarkDecorator] = [*marks_of(self.path, self.config)]
        if not variants:
            items: list[pytest.Item] = [ScenarioItem.from_parent(self, name=name)]
        else:
            family = Family(self.config, variants)
            items = [
                VariantItem.from_parent(self, name=f"{name}[{one.name}]", family=family, one=one)
                for one in variants
            ]
            if family.has_sometimes:
                items.append(FamilyItem.from_parent(self, name=f"{name}[sometimes]", family=family))
                marks.append(pytest.mark.xdist_group(str(self.path)))
        for item in items:
            for mark in marks:
                item.add_marker(mark)
        yield from items


def variants_of(path: Path) -> list[Variant]:
    """The variants of a file's matrix; none without one, or if the file is wrong (its run says)."""
    if "matrix" not in path.read_text("utf-8", errors="replace"):
        return []
    from harness.engine.runner import load_all  # noqa: PLC0415
    from harness.errors import ScenarioError  # noqa: PLC0415

    try:
        return [one for one in load_all(path) if one.name]
    except ScenarioError:
        return []


class Family:
    """The variants of one file: each is run once, for its own test or for that of all."""

    def __init__(self, config: pytest.Config, variants: Sequence[Variant]) -> None:
        self._config, self._variants = config, variants
        self._results: dict[str, RunResult] = {}
        phases = ("always", "eventually", "checks")
        self.has_sometimes = any(
            ref.check == SOMETIMES
            for one in variants
            for phase in phases
            for ref in getattr(one.scenario, phase)
        )

    def result(self, one: Variant) -> RunResult:
        """What a variant comes to."""
        if one.name not in self._results:
            seed = seed_of(self._config) + one.seed_offset
            self._results[one.name] = in_a_folder(
                self._config,
                lambda folder, handlers: run_scenario_file(
                    one.scenario, seed=seed, runs_dir=folder, **handlers
                ),
            )
        return self._results[one.name]

    def results(self) -> list[RunResult]:
        """What all of them come to, each ``sometimes`` judged over all."""
        from harness.checks.sometimes import over_all  # noqa: PLC0415

        return over_all([self.result(one) for one in self._variants])


class ScenarioFailed(Exception):  # noqa: N818
    """A scenario's run was red; ``str()`` is what a person reads."""


class ScenarioItem(pytest.Item):
    """Runs one scenario over the memory link."""

    def runtest(self) -> None:
        """Run it, and fail with the checks that do not hold."""
        result = self.played()
        if result.exit_code:
            raise ScenarioFailed(explain(result))

    def played(self) -> RunResult:
        """What the run comes to."""
        return in_a_folder(
            self.config,
            lambda folder, handlers: run_scenario_file(
                self.path, seed=seed_of(self.config), runs_dir=folder, **handlers
            ),
        )

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


class VariantItem(ScenarioItem):
    """Runs one variant; what ``sometimes`` asks for is the affair of the whole family."""

    def __init__(self, *, family: Family, one: Variant, **about: Any) -> None:  # noqa: ANN401
        super().__init__(**about)
        self._family, self._one = family, one

    def played(self) -> RunResult:
        """See ScenarioItem."""
        return only(self._family.result(self._one), sometimes=False)


class FamilyItem(ScenarioItem):
    """What ``sometimes`` asks for comes in one variant; those that did not run yet are run."""

    def __init__(self, *, family: Family, **about: Any) -> None:  # noqa: ANN401
        super().__init__(**about)
        self._family = family

    def played(self) -> RunResult:
        """See ScenarioItem: the first variant in which it did not hold, or just the first."""
        results = [only(result, sometimes=True) for result in self._family.results()]
        return next((result for result in results if result.exit_code), results[0])


def only(result: RunResult, *, sometimes: bool) -> RunResult:
    """A result with only its checks of the kind ``sometimes``, or only the others."""
    from dataclasses import replace  # noqa: PLC0415

    checks = tuple(one for one in result.checks if (one.check == SOMETIMES) == sometimes)
    if result.error:
        return result
    fails = any(not check.passed for check in checks)
    verdict = "failed" if fails else "passed"
    return replace(result, checks=checks, verdict=verdict, exit_code=int(fails))


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
    scenario: Path | str | Scenario,
    *,
    seed: int,
    runs_dir: Path,
    handlers: Sequence[EventHandler] = (),
    **options: object,
) -> RunResult:
    """Run a scenario (path or object) over the memory link unless ``options`` say otherwise."""
    from harness.engine.runner import RunOptions, run_scenario  # noqa: PLC0415

    wanted: dict[str, Any] = {"link": "memory", "runs_dir": runs_dir}
    wanted |= options
    return run_scenario(scenario, seed=seed, options=RunOptions(**wanted), handlers=handlers)


def in_a_folder(
    config: pytest.Config, run: Callable[[Path, dict[str, Any]], RunResult]
) -> RunResult:
    """Run with a folder of its own: one that is kept, with a report, or one that goes."""
    kept = config.getoption("--twinrig-runs")
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="twinrig-") as folder:
            return run(Path(folder), {})
    from harness.report.html import HtmlReport  # noqa: PLC0415

    return run(kept, {"handlers": [HtmlReport()]})


def seed_of(config: pytest.Config) -> int:
    """The seed of the ini option.

    Raises:
        pytest.UsageError: It is no whole number.
    """
    text = config.getini("twinrig_seed")
    try:
        return int(text)
    except ValueError:
        raise pytest.UsageError(f"twinrig_seed must be a whole number, not {text!r}") from None
