"""The common part of checks that ask an expression: about every event, or after every step."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import Field

from harness.checks.base import Args, Brief, Check, Decision, Ending
from harness.checks.expressions import (
    EventExpression,
    Expression,
    StateExpression,
    Undecidable,
    expression,
)
from harness.events import (
    ActorActed,
    Event,
    FaultApplied,
    FeedSeen,
    StepDone,
    TruthHappened,
)
from harness.scenario.units import Duration

TITLE_MAX = 200


class Titled(Args):
    """Every check with an expression may have a title of its own."""

    title: str | None = Field(default=None, min_length=1, max_length=TITLE_MAX)


class Spanned(Titled):
    """Only from and to a time after the start of the run."""

    from_: Duration | None = Field(default=None, alias="from")
    to: Duration | None = None


class Answer(NamedTuple):
    """What an expression said, when, and of which event (None: of the state)."""

    at_ms: int
    holds: bool
    event: Event | None
    seen: str


class Asked:
    """One expression through a run: takes events, gives an answer where there is one."""

    def __init__(self, source: str, start_ms: int) -> None:
        self.source, self._start_ms = source, start_ms
        self._expression: Expression = expression(source)
        self.answers = 0

    def ask(self, event: Event) -> Answer | None:
        """The answer that this event brings; None if it brings none.

        Raises:
            Undecidable: If it reads what this event has not.
        """
        if isinstance(self._expression, EventExpression):
            if not isinstance(event, FeedSeen | TruthHappened | ActorActed | FaultApplied):
                return None
            holds = self._expression.holds(event, self._start_ms)
            self.answers += 1
            return Answer(event.at_ms, holds, event, told(event))
        self._expression.take(event)
        if not isinstance(event, StepDone):
            return None
        state = self._expression.holds((event.now_ms - self._start_ms) / 3_600_000)
        if state is None:
            return None
        self.answers += 1
        return Answer(event.now_ms, state, None, self._expression.shown())

    @property
    def of_state(self) -> bool:
        """Whether it is about the state, not about events."""
        return isinstance(self._expression, StateExpression)

    def never_decided(self) -> str:
        """Why there was not one answer; empty if there was."""
        if self.answers:
            return ""
        if isinstance(self._expression, StateExpression):
            missing = ", ".join(self._expression.missing())
            return f"{self.source!r} could never be asked: nothing was heard of {missing}"
        return f"{self.source!r} could never be asked: nothing happened"


class AskingCheck(Check):
    """Subclasses say what an answer means. ``main`` names the argument with the expression."""

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self.asked = Asked(self.source(), brief.start_ms)

    def source(self) -> str:
        """The expression."""
        return str(getattr(self.args, self.name))

    def headline(self) -> str:
        """See Check."""
        return self.args.title or f"{self.title}: {self.source()}"

    def on_event(self, event: Event) -> None:
        """See Check."""
        try:
            answer = self.asked.ask(event)
        except Undecidable as error:
            at_ms = getattr(event, "at_ms", self.brief.start_ms)
            self.violate(at_ms, "an expression that can be decided", str(error))
            return
        if answer is not None and self.concerned(answer.at_ms):
            self.hear(answer)

    def concerned(self, at_ms: int) -> bool:
        """Whether the check looks at this time at all."""
        begin = getattr(self.args, "from_", None) or 0
        end = getattr(self.args, "to", None)
        gone_ms = at_ms - self.brief.start_ms
        return gone_ms >= begin and (end is None or gone_ms <= end)

    def hear(self, answer: Answer) -> None:
        """Take an answer; overridden."""

    def decide(self, ending: Ending) -> Decision:
        """See Check. What was never asked has not held."""
        why = self.asked.never_decided()
        if self.violation is None and why:
            return Decision(passed=False, expected=self.source(), seen=why, at_ms=ending.at_ms)
        return super().decide(ending)


def told(event: FeedSeen | TruthHappened | ActorActed | FaultApplied) -> str:
    """An event in a few words."""
    if isinstance(event, FaultApplied):
        return f"{event.kind} on {event.target}"
    if isinstance(event, ActorActed):
        return f"{event.actor}: {event.verb} {event.subject}"
    return f"{event.kind} {event.subject}"
