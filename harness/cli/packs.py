"""Checks and tests rule packs by asking a DPS (``POST /v1/rule-packs?dry_run=true``).

The DPS answers with JSON paths; here they become ``file:line:column`` of the author's file.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from harness.cli.pack_dps import Ask, rules_dps
from harness.errors import Problem, ScenarioError, Spot
from harness.report.junit import Case, Suite, write
from harness.scenario import yamlspots

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class PackFile:
    """A pack as its author wrote it, perhaps with a file of unit tests."""

    path: Path
    pack: yamlspots.Read
    tests: yamlspots.Read | None = None


@dataclass(frozen=True, slots=True)
class TestResult:
    """One unit test of a pack; ``text`` says what was wrong, empty if it passed."""

    name: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class PackVerdict:
    """What the DPS says of one pack."""

    path: Path
    problems: tuple[Problem, ...] = ()
    tests: tuple[TestResult, ...] = ()
    rules: int = 0

    @property
    def ok(self) -> bool:
        """Nothing wrong and every test passed."""
        return not self.problems and not any(test.text for test in self.tests)


def read_pack(path: Path, *, tests: Path | None, with_tests: bool) -> PackFile:
    """Read a pack and the tests that belong to it.

    Raises:
        ScenarioError: If a file cannot be read, or tests are wanted and there are none.
    """
    pack = _read(path)
    if not with_tests:
        return PackFile(path, pack)
    place = tests or path.with_name(f"{path.stem}_test{path.suffix}")
    if tests is None and not place.is_file():
        raise ScenarioError(f"{path}: its tests are missing; write them into {place}")
    return PackFile(path, pack, _read(place))


def _read(path: Path) -> yamlspots.Read:
    try:
        return yamlspots.read(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise ScenarioError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path} cannot be read: it is not UTF-8 text") from error


async def judge(file: PackFile, ask: Ask) -> PackVerdict:
    """Let a DPS judge a pack. It must know the pack's model already.

    Raises:
        SutError: Through ``ask``, or ScenarioError if the DPS refuses without saying why.
    """
    syntax = [*file.pack.problems, *(file.tests.problems if file.tests else ())]
    if not isinstance(file.pack.data, dict) and not syntax:
        spot = file.pack.spot(())
        syntax.append(Problem(spot, "a rule pack is a mapping with pack, version, model, rules"))
    tests = _tests(file, syntax)
    if syntax:
        return PackVerdict(file.path, tuple(sorted(syntax)))
    body = {"pack": file.pack.data, "tests": tests}
    status, answer = await ask("POST", "/v1/rule-packs?dry_run=true", body)
    said = answer.get("error", answer) if isinstance(answer, dict) else {}
    problems = sorted(_placed(file, item) for item in said.get("problems", ()))
    if status >= 400 and not problems:
        raise ScenarioError(f"{file.path}: the DPS refuses it: {said.get('title', status)}")
    results = [] if problems else [_result(item) for item in said.get("tests", ())]
    rules = file.pack.data.get("rules")
    count = len(rules) if isinstance(rules, list) else 0
    return PackVerdict(file.path, tuple(problems), tuple(results), count)


def _tests(file: PackFile, problems: list[Problem]) -> list[Any]:
    if file.tests is None:
        return []
    data = file.tests.data
    tests = data.get("tests") if isinstance(data, dict) else None
    if isinstance(tests, list) and tests:
        return tests
    if not file.tests.problems:
        problems.append(Problem(file.tests.spot(()), "a test file is a mapping with a list: tests"))
    return []


def path_of(where: str) -> tuple[str | int, ...]:
    """``rules[2].when`` as ``("rules", 2, "when")``."""
    return tuple(
        int(number) if number else name for name, number in _STEP.findall(where.removeprefix("$."))
    )


def _placed(file: PackFile, item: dict[str, Any]) -> Problem:
    path = path_of(str(item.get("where", "")))
    source = file.pack
    if path[:1] == ("pack",) and ("pack",) in file.pack.values and len(path) > 1:
        path = path[1:]
    elif path[:1] == ("tests",) and file.tests is not None:
        source = file.tests
    text = str(item.get("what", "wrong"))
    if item.get("allowed"):
        text += f"; allowed: {item['allowed']}"
    spot = source.spot(path, key="unknown" in text)
    return Problem(spot, f"{_name(source, path)}{text}")


def _name(source: yamlspots.Read, path: tuple[str | int, ...]) -> str:
    """Which rule it is about: a line number alone does not tell."""
    if len(path) < 2 or path[0] not in ("rules", "tests") or not isinstance(path[1], int):
        return f"{'.'.join(map(str, path))}: " if path else ""
    try:
        entry = source.data[path[0]][path[1]]
        name = entry.get("id") or entry.get("name")
    except (KeyError, IndexError, AttributeError, TypeError):
        name = None
    kind = str(path[0]).removesuffix("s")
    inner = ".".join(map(str, path[2:]))
    return f"{kind} {name or path[1] + 1}{', ' + inner if inner else ''}: "


def _result(item: dict[str, Any]) -> TestResult:
    name = str(item.get("name", "?"))
    if item.get("passed"):
        return TestResult(name)
    at = f" at {item['at']}" if item.get("at") is not None else ""
    expected, seen = _listed(item.get("expected")), _listed(item.get("seen"))
    return TestResult(name, f"expected{at}: {expected}; seen: {seen}")


def _listed(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "no rule firing"
    return "nothing" if value is None else str(value)


def suite_of(verdict: PackVerdict) -> Suite:
    """A pack as a JUnit suite."""
    group = str(verdict.path)
    problems = "\n".join(map(str, verdict.problems))
    cases = [Case(name="the pack is well formed", group=group, failure=problems)]
    cases += [Case(name=test.name, group=group, failure=test.text) for test in verdict.tests]
    return Suite(name=group, cases=tuple(cases))


def show(verdict: PackVerdict) -> None:
    """Print a verdict: problems to stderr, what is right to stdout."""
    for problem in verdict.problems:
        typer.echo(f"error: {problem}", err=True)
    for test in verdict.tests:
        mark = "FAIL" if test.text else "ok"
        typer.echo(f"{mark:<5}{verdict.path}: {test.name}", err=bool(test.text))
        if test.text:
            typer.echo(f"     {test.text}", err=True)
    if verdict.ok:
        tested = f", {len(verdict.tests)} tests pass" if verdict.tests else ""
        typer.echo(f"ok   {verdict.path}: {verdict.rules} rules{tested}")


def main(
    paths: Sequence[Path], *, tests: Path | None, with_tests: bool, junit: Path | None,
    sut: str | None,
) -> int:  # fmt: skip
    """Judge every pack and print; returns the exit code.

    A failed unit test is 1, a pack that is wrong is 2.
    """
    if tests is not None and len(paths) != 1:
        raise ScenarioError("--tests names the tests of one pack; give one pack with it")
    files = [read_pack(path, tests=tests, with_tests=with_tests) for path in paths]
    models = {model for file in files if (model := _model(file.pack))}
    verdicts = asyncio.run(_judge_all(files, rules_dps(models, sut)))
    for verdict in verdicts:
        show(verdict)
    if junit is not None:
        write(junit, [suite_of(verdict) for verdict in verdicts])
        typer.echo(f"junit: {junit}", err=True)
    if any(verdict.problems for verdict in verdicts):
        return ScenarioError.exit_code
    return 0 if all(verdict.ok for verdict in verdicts) else 1


def _model(pack: yamlspots.Read) -> str | None:
    model = pack.data.get("model") if isinstance(pack.data, dict) else None
    return model if isinstance(model, str) else None


async def _judge_all(
    files: Sequence[PackFile], dps: AbstractAsyncContextManager[Ask]
) -> list[PackVerdict]:
    async with dps as ask:
        return [await judge(file, ask) for file in files]


__all__ = ["PackFile", "PackVerdict", "Spot", "TestResult", "judge", "main", "path_of", "read_pack"]
