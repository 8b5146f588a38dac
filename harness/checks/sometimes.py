"""Something happens at least once: in this run, or in one of all runs of a matrix.

A check that never sees what it is about proves nothing; this one says whether a suite reaches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.checks.asking import Answer, AskingCheck, Titled
from harness.checks.base import Brief, Decision, Ending
from harness.checks.expressions import ExpressionText
from harness.events import CheckDecided, RunResult
from harness.scenario.units import show_instant

ELSEWHERE = "in another run of the family"
"""What is seen of a ``sometimes`` that only others of the family have reached."""


class SometimesArgs(Titled):
    """``sometimes``: the expression."""

    sometimes: ExpressionText


class Sometimes(AskingCheck):
    """Counts how often the answer was yes."""

    name = "sometimes"
    title = "Sometimes"
    Arguments = SometimesArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._times_ms: list[int] = []

    def hear(self, answer: Answer) -> None:
        """See AskingCheck."""
        if answer.holds:
            self._times_ms.append(answer.at_ms)

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        if self.violation is not None:
            return super().decide(ending)
        if self._times_ms:
            seen = f"{len(self._times_ms)} times, first at {show_instant(self._times_ms[0])}"
            return Decision(passed=True, expected=self.source(), seen=seen)
        why = self.asked.never_decided() or "it never happened in this run"
        return Decision(passed=False, expected=self.source(), seen=why, at_ms=ending.at_ms)


def over_all(results: Sequence[RunResult]) -> list[RunResult]:
    """The same runs, where what happened in one counts for all of them.

    Args:
        results: Of one family: the variants of a scenario's matrix, or one scenario over seeds.

    Returns:
        The results; a ``sometimes`` that another run reached holds there, too, and a run that had
        nothing else against it passes.
    """
    reached = {
        _key(check)
        for result in results
        for check in result.checks
        if check.check == Sometimes.name and check.passed
    }
    return [_settled(result, reached) for result in results]


Key = tuple[str, str]


def _key(check: CheckDecided) -> Key:
    """What makes it the same check in another run: its place in the file; its title may vary."""
    placed = ":" in check.where
    return (check.where, "" if placed else check.title)


def _settled(result: RunResult, reached: set[Key]) -> RunResult:
    checks = tuple(
        replace(check, passed=True, seen=ELSEWHERE, around=(), causes=(), replay="")
        if not check.passed and check.check == Sometimes.name and _key(check) in reached
        else check
        for check in result.checks
    )
    if checks == result.checks:
        return result
    fails = any(not check.passed for check in checks)
    if result.verdict != "failed" or fails:
        return replace(result, checks=checks)
    return replace(result, checks=checks, verdict="passed", exit_code=0)
