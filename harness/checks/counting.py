"""The common part of checks that wait for something to happen to a device so many times."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from harness.checks.base import Args, Brief, Check, Decision, Ending
from harness.scenario.units import Duration, show_duration, show_instant


class CountArgs(Args):
    """To which device, how often, and by when (counted from the start of the run)."""

    device: str
    times: int = Field(default=1, ge=0)
    within: Duration | None = None


class CountingCheck(Check):
    """Exactly ``times`` occurrences, all of them ``within``. Subclasses call :meth:`count`."""

    Arguments = CountArgs
    what: ClassVar[str]
    done: ClassVar[str]
    """They complete the sentence "<device>: one <what> is <done> within 45 d"."""

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._times_ms: list[int] = []

    def count(self, device: object, at_ms: int) -> None:
        """One more, if it is our device."""
        if device == self.args.device:
            self._times_ms.append(at_ms)

    def subject(self) -> str:
        """What is counted, where it has a name of its own; ``what`` if not."""
        return self.what

    def headline(self) -> str:
        """See Check."""
        args, what = self.args, self.subject()
        much = f"one {what} is" if args.times == 1 else f"{args.times or 'no'} {what}s are"
        when = "" if args.within is None else f" within {_spaced(args.within)}"
        return f"{args.device}: {much} {self.done}{when}"

    def decide(self, ending: Ending) -> Decision:
        """Exactly as often as asked for, and in time."""
        args, count = self.args, len(self._times_ms)
        bound_ms = None if args.within is None else self.brief.start_ms + args.within
        late = [t for t in self._times_ms if bound_ms is not None and t > bound_ms]
        by = "" if bound_ms is None else f" by {show_instant(bound_ms)}"
        expected = f"{args.times} {self.done}{by}"
        at = ", ".join(show_instant(t) for t in self._times_ms)
        if count == args.times and not late:
            return Decision(passed=True, expected=expected, seen=at)
        at_ms = self._times_ms[args.times] if count > args.times else ending.at_ms
        return Decision(
            passed=False,
            expected=expected,
            seen=f"{count} {self.done}" + (f": {at}" if at else ", not one in the whole run"),
            at_ms=late[0] if late and count <= args.times else at_ms,
            device=args.device,
        )


def _spaced(span_ms: int) -> str:
    """``45 d``: for reading, where a scenario's file writes ``45d``."""
    text = show_duration(span_ms)
    number = text.rstrip("dhms")
    return f"{number} {text[len(number) :]}"
