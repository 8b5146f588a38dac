"""JUnit XML, which every CI server reads: one suite per run, one case per check."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from harness.events import CheckDecided, Event, RunFinished, RunResult

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0, production 2 (Char): what may stand in a document at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case; ``failure`` or ``error`` says what was wrong, empty if nothing."""

    name: str
    group: str
    wall_s: float = 0.0
    failure: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A run, or a rule pack."""

    name: str
    cases: tuple[Case, ...]
    wall_s: float = 0.0
    properties: tuple[tuple[str, str], ...] = ()


def write(path: Path, suites: Iterable[Suite]) -> None:
    """Write ``suites`` to ``path``, making its folder."""
    root = ET.Element("testsuites", name="twinrig")
    totals = {"tests": 0, "failures": 0, "errors": 0}
    for suite in suites:
        counts = {
            "tests": len(suite.cases),
            "failures": sum(bool(case.failure) for case in suite.cases),
            "errors": sum(bool(case.error) for case in suite.cases),
        }
        about = {"name": suite.name, "time": f"{suite.wall_s:.3f}", "skipped": "0"}
        about |= {key: str(count) for key, count in counts.items()}
        element = ET.SubElement(root, "testsuite", about)
        if suite.properties:
            listed = ET.SubElement(element, "properties")
            for name, value in suite.properties:
                ET.SubElement(listed, "property", name=name, value=_clean(value))
        for case in suite.cases:
            _add_case(element, case)
        totals = {key: totals[key] + counts[key] for key in totals}
    for key, count in totals.items():
        root.set(key, str(count))
    path.parent.mkdir(parents=True, exist_ok=True)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _add_case(suite: ET.Element, case: Case) -> None:
    element = ET.SubElement(
        suite, "testcase", name=_clean(case.name), classname=_clean(case.group),
        time=f"{case.wall_s:.3f}",
    )  # fmt: skip
    for tag, text in (("failure", case.failure), ("error", case.error)):
        if text:
            first = _clean(text.splitlines()[0])
            ET.SubElement(element, tag, message=first, type=tag).text = _clean(text)


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)


def failure_text(check: CheckDecided, replay: str) -> str:
    """What a person needs to see of a failed check, ending with how to see it again."""
    lines = [check.title, f"where:    {check.where}"]
    if check.expected:
        lines.append(f"expected: {check.expected}")
    if check.seen:
        lines.append(f"seen:     {check.seen}")
    if check.around:
        lines += ["trace around it:", *(f"  {line}" for line in check.around)]
    if check.causes:
        lines += ["causes:", *(f"  {line}" for line in check.causes)]
    lines.append(f"replay:   {check.replay or replay}")
    return "\n".join(lines)


def suite_of(result: RunResult, *, variant: str = "") -> Suite:
    """A run as a suite. An error that ended the run is a case of its own.

    Args:
        result: Of the run.
        variant: Which of a matrix it is (a title says so by itself).
    """
    scenario = f"{result.scenario} [{variant}]" if variant else result.scenario
    cases = [
        Case(
            name=f"{check.phase}: {check.title}",
            group=f"{scenario}.{check.check}",
            failure="" if check.passed else failure_text(check, result.replay),
        )
        for check in result.checks
    ]
    if result.error:
        text = f"{result.error}\nreplay: {result.replay}"
        cases.append(Case(name="the run ends in order", group=scenario, error=text))
    if not cases:
        cases.append(Case(name="the run ends in order", group=scenario))
    return Suite(
        name=result.title or scenario,
        cases=tuple(cases),
        wall_s=result.wall_s,
        properties=(
            ("scenario", result.scenario),
            ("seed", str(result.seed)),
            ("link", result.link),
            ("broker", result.broker),
            ("trace_hash", result.trace_hash),
            ("replay", result.replay),
        ),
    )


class JunitReport:
    """Collects the results of one or more runs and writes ``path`` after each."""

    hears = (RunFinished,)

    def __init__(self, path: Path) -> None:
        self.path = path
        self.suites: list[Suite] = []

    def on_event(self, event: Event) -> None:
        """Write the file anew when a run is over."""
        if isinstance(event, RunFinished):
            self.add(suite_of(event.result))

    def add(self, suite: Suite) -> None:
        """Append a suite and write the file anew."""
        self.suites.append(suite)
        write(self.path, self.suites)

    def add_run(self, result: RunResult, *, variant: str) -> None:
        """Append a run of a matrix."""
        self.add(suite_of(result, variant=variant))

    def add_broken_off(self, name: str, error: str) -> None:
        """Append a run that came to no result."""
        case = Case(name="the run ends in order", group=name, error=error)
        self.add(Suite(name=name, cases=(case,)))
