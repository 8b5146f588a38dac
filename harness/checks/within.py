"""After each of one thing comes another, within a time: and if asked for, exactly so often."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any, NamedTuple

from pydantic import Field, field_validator

from harness.checks.asking import Answer, Asked, Titled
from harness.checks.base import Brief, Check, Decision, Ending
from harness.checks.expressions import EventText, ExpressionText, Undecidable, thing_of
from harness.events import ActorActed, Event, FaultApplied, FeedSeen, TruthHappened
from harness.scenario.units import Duration, show_duration, show_instant

THING = "thing"


class WithinArgs(Titled):
    """``within``: how long; ``after`` each of these ``comes`` one of those.

    ``same``: about the same ``thing``, or with the same value of that name among the data.
    ``times``: exactly so many come. ``at_least``: so many ``after`` there must be at all.
    """

    within: Duration
    after: ExpressionText
    comes: EventText
    same: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")
    times: int | None = Field(default=None, ge=1)
    at_least: int = Field(default=0, ge=0)

    @field_validator("within")
    @classmethod
    def _takes_time(cls, value: int) -> int:
        if value <= 0:
            raise ValueError("within must be longer than 0")
        return value


class _Begin(NamedTuple):
    at_ms: int
    key: str
    event: Event | None
    seen: str


class Within(Check):
    """Keeps what began and what came; decides at the end, by the times of the events."""

    name = "within"
    title = "Within a time"
    Arguments = WithinArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._after = Asked(args.after, brief.start_ms)
        self._comes = Asked(args.comes, brief.start_ms)
        self._held = False
        self._begins: list[_Begin] = []
        self._came_ms: dict[str, list[int]] = {}

    def headline(self) -> str:
        """See Check."""
        return self.args.title or self._rule()

    def _rule(self) -> str:
        args = self.args
        often = "" if args.times is None else f" {args.times} times"
        return f"Within {show_duration(args.within)} after {args.after} comes{often} {args.comes}"

    def on_event(self, event: Event) -> None:
        """See Check."""
        try:
            after, comes = self._after.ask(event), self._comes.ask(event)
        except Undecidable as error:
            at_ms = getattr(event, "at_ms", self.brief.start_ms)
            self.violate(at_ms, "an expression that can be decided", str(error))
            return
        if comes is not None and comes.holds:
            self._came_ms.setdefault(self._key(comes), []).append(comes.at_ms)
        if after is not None:
            # A state begins when it becomes true; each event is a begin.
            begins = after.holds and not (self._after.of_state and self._held)
            self._held = after.holds
            if begins:
                key = self._key(after)
                self._begins.append(_Begin(after.at_ms, key, after.event, after.seen))

    def _key(self, answer: Answer) -> str:
        same, event = self.args.same, answer.event
        if same is None or event is None:
            return ""
        assert isinstance(event, FeedSeen | TruthHappened | ActorActed | FaultApplied)
        if same == THING:
            return thing_of(event)
        data = event.params if isinstance(event, FaultApplied) else event.data
        return str(data.get(same, "?"))

    def decide(self, ending: Ending) -> Decision:
        """See Check. What began too late to be judged is counted, not judged."""
        if self.violation is not None:
            return super().decide(ending)
        args, still_open = self.args, 0
        slowest_ms: int | None = None
        expected = self._rule()
        for begin in sorted(self._begins, key=lambda b: b.at_ms):
            bound_ms = begin.at_ms + args.within
            times = sorted(self._came_ms.get(begin.key, []))
            count = bisect_right(times, bound_ms) - bisect_left(times, begin.at_ms)
            if count == args.times or (args.times is None and count):
                if count:
                    waited_ms = times[bisect_left(times, begin.at_ms)] - begin.at_ms
                    slowest_ms = max(slowest_ms or 0, waited_ms)
                continue
            if bound_ms > ending.at_ms and count < (args.times or 1):
                still_open += 1
                continue
            later = [t for t in times if t > bound_ms]
            seen = f"{begin.seen} at {show_instant(begin.at_ms)}; {count} came by then"
            seen += f", the next at {show_instant(later[0])}" if later else ""
            return Decision(
                passed=False, expected=expected, seen=seen, at_ms=bound_ms, event=begin.event
            )
        if len(self._begins) < args.at_least:
            why = self._after.never_decided() or f"{len(self._begins)} times {args.after}"
            expected = f"at least {args.at_least} times {args.after}"
            return Decision(passed=False, expected=expected, seen=why, at_ms=ending.at_ms)
        seen = f"{len(self._begins)} times, {still_open} of them open at the end"
        seen += (
            "" if slowest_ms is None else f"; the slowest came after {slowest_ms / 60_000:.4g} min"
        )
        return Decision(passed=True, expected=expected, seen=seen)


def _long(ms: int) -> str:
    """A time for a reader: minutes, or hours from two on."""
    return f"{ms / 60_000:.3g} min" if ms < 7_200_000 else f"{ms / 3_600_000:.4g} h"
