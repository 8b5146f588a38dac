"""Something holds (or never happens) until something else comes, and that does come."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from harness.checks.asking import Asked, Titled
from harness.checks.base import Brief, Check, Decision, Ending
from harness.checks.expressions import ExpressionText, Undecidable
from harness.events import Event
from harness.scenario.units import show_instant


class UntilArgs(Titled):
    """``until``: what must come; ``holds`` or ``never``: what holds, or does not, before that."""

    until: ExpressionText
    holds: ExpressionText | None = None
    never: ExpressionText | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> UntilArgs:
        if (self.holds is None) == (self.never is None):
            raise ValueError("until needs one of holds and never: what is true before it comes")
        return self


class Until(Check):
    """The event that ends the wait is asked about last: it need not obey any more."""

    name = "until"
    title = "Until"
    Arguments = UntilArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._end = Asked(args.until, brief.start_ms)
        self._before = Asked(args.holds or args.never, brief.start_ms)
        self._came_ms: int | None = None

    def headline(self) -> str:
        """See Check."""
        return self.args.title or self._rule()

    def _rule(self) -> str:
        word, what = ("never ", self.args.never) if self.args.never else ("", self.args.holds)
        return f"Until {self.args.until}: {word}{what}"

    def on_event(self, event: Event) -> None:
        """See Check."""
        if self._came_ms is not None or self.violation is not None:
            return
        at_ms = getattr(event, "at_ms", self.brief.start_ms)
        try:
            end, before = self._end.ask(event), self._before.ask(event)
        except Undecidable as error:
            self.violate(at_ms, "an expression that can be decided", str(error))
            return
        if end is not None and end.holds:
            self._came_ms = end.at_ms
        elif before is not None and before.holds == (self.args.never is not None):
            self.violate(before.at_ms, self._rule(), before.seen, before.event)

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        if self.violation is not None:
            return super().decide(ending)
        if self._came_ms is None:
            why = self._end.never_decided() or f"{self.args.until} never came"
            return Decision(passed=False, expected=self._rule(), seen=why, at_ms=ending.at_ms)
        seen = f"it came at {show_instant(self._came_ms)}"
        return Decision(passed=True, expected=self._rule(), seen=seen)
