"""A score over events: the mean of one of their numbers, or the share that something holds of."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from harness.checks.asking import Answer, Asked, AskingCheck, Spanned
from harness.checks.base import Brief, Decision, Ending
from harness.checks.expressions import EventText
from harness.events import FeedSeen


class ScoreArgs(Spanned):
    """``score``: which events; ``value``: a number among their data, or ``holds``: what of them.

    The mean (or the share) must lie between ``at_least`` and ``at_most``.
    """

    score: EventText
    value: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")
    holds: EventText | None = None
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _scores_something(self) -> ScoreArgs:
        if (self.value is None) == (self.holds is None):
            raise ValueError("a score is of a number (value) or of what holds (holds): name one")
        if self.at_least is None and self.at_most is None:
            raise ValueError("nothing is asked of the score: give at_least or at_most")
        return self


class Score(AskingCheck):
    """Tells the score, also where it is good."""

    name = "score"
    title = "Score"
    Arguments = ScoreArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._holds = None if args.holds is None else Asked(args.holds, brief.start_ms)
        self._numbers: list[float] = []

    def hear(self, answer: Answer) -> None:
        """See AskingCheck."""
        if not answer.holds or answer.event is None:
            return
        if self._holds is not None:
            said = self._holds.ask(answer.event)
            self._numbers.append(float(said is not None and said.holds))
            return
        event = answer.event
        number = event.data.get(self.args.value) if isinstance(event, FeedSeen) else None
        if isinstance(number, bool) or not isinstance(number, int | float):
            seen = f"{answer.seen} has no number {self.args.value!r}"
            self.violate(answer.at_ms, self._expected(), seen, event)
            return
        self._numbers.append(float(number))

    def _expected(self) -> str:
        low, high = self.args.at_least, self.args.at_most
        bounds = [] if low is None else [f"at least {low:g}"]
        bounds += [] if high is None else [f"at most {high:g}"]
        what = "a share of" if self._holds is not None else f"a mean {self.args.value} of"
        return f"{what} {' and '.join(bounds)}"

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        if self.violation is not None:
            return super().decide(ending)
        expected, count = self._expected(), len(self._numbers)
        if not count:
            seen = f"none of {self.source()}"
            return Decision(passed=False, expected=expected, seen=seen, at_ms=ending.at_ms)
        mean = sum(self._numbers) / count
        low, high = self.args.at_least, self.args.at_most
        fits = (low is None or mean >= low) and (high is None or mean <= high)
        seen = f"{mean:.4g}, of {count}"
        if self._holds is not None:
            seen = f"{mean:.4g}: {round(sum(self._numbers))} of {count}"
        return Decision(
            passed=fits, expected=expected, seen=seen, at_ms=None if fits else ending.at_ms
        )
