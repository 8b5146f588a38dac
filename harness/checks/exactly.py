"""Something happens exactly so many times; per thing, need or site if asked for."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pydantic import Field

from harness.checks.asking import Answer, AskingCheck, Spanned
from harness.checks.base import Brief, Decision, Ending
from harness.checks.expressions import EventText, thing_of
from harness.events import ActorActed, Event, FaultApplied, FeedSeen, TruthHappened
from harness.scenario.units import show_instant

THING = "thing"


class ExactlyArgs(Spanned):
    """``exactly``: the number; ``of``: what; ``per``: ``thing``, or a name among its data."""

    exactly: int = Field(ge=0)
    of: EventText
    per: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")


class Exactly(AskingCheck):
    """Violated by the first one too many; too few are told at the end."""

    name = "exactly"
    title = "Exactly"
    Arguments = ExactlyArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._counts: Counter[str] = Counter()
        self._last_ms = brief.start_ms
        if args.per == THING and args.exactly:
            self._counts.update(dict.fromkeys(brief.devices, 0))

    def source(self) -> str:
        """See AskingCheck."""
        return str(self.args.of)

    def headline(self) -> str:
        """See Check."""
        per = f" per {self.args.per}" if self.args.per else ""
        return self.args.title or f"Exactly {self.args.exactly}{per}: {self.args.of}"

    def hear(self, answer: Answer) -> None:
        """See AskingCheck."""
        if not answer.holds:
            return
        assert answer.event is not None, "the model takes expressions about events only"
        group = self._group(answer.event)
        self._counts[group] += 1
        self._last_ms = answer.at_ms
        if self._counts[group] == self.args.exactly + 1:
            seen = f"{answer.seen} is number {self._counts[group]}{_of(group)}"
            self.violate(answer.at_ms, self._expected(), seen, answer.event)

    def _group(self, event: Event) -> str:
        per = self.args.per
        assert isinstance(event, FeedSeen | TruthHappened | ActorActed | FaultApplied)
        if per is None:
            return ""
        if per == THING:
            return thing_of(event)
        data = event.params if isinstance(event, FaultApplied) else event.data
        return str(data.get(per, "?"))

    def _expected(self) -> str:
        per = f" per {self.args.per}" if self.args.per else ""
        return f"exactly {self.args.exactly}{per} of {self.args.of}"

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        if self.violation is not None:
            return super().decide(ending)
        wanted, counts = self.args.exactly, self._counts or Counter({"": 0})
        short = [group for group, count in counts.items() if count < wanted]
        if not short:
            return Decision(passed=True, expected=self._expected(), seen=f"{counts.total()} in all")
        seen = ", ".join(f"{counts[group]}{_of(group)}" for group in sorted(short)[:8])
        last = f"; the last one at {show_instant(self._last_ms)}" if counts.total() else ""
        device = short[0] if self.args.per == THING else None
        return Decision(
            passed=False,
            expected=self._expected(),
            seen=seen + last,
            at_ms=ending.at_ms,
            device=device,
        )


def _of(group: str) -> str:
    return f" of {group}" if group else ""
