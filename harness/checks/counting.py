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
    """Completes the sentence "<device>: <what> 1 time(s)"."""

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._times_ms: list[int] = []

    def count(self, device: object, at_ms: int) -> None:
        """One more, if it is our device."""
        if device == self.args.device:
            self._times_ms.append(at_ms)

    def decide(self, ending: Ending) -> Decision:
        """Exactly as often as asked for, and in time."""
        args, count = self.args, len(self._times_ms)
        bound_ms = None if args.within is None else self.brief.start_ms + args.within
        late = [t for t in self._times_ms if bound_ms is not None and t > bound_ms]
        when = "" if args.within is None else f" within {show_duration(args.within)}"
        expected = f"{args.device}: {self.what} {args.times} time(s){when}"
        at = ", ".join(show_instant(t) for t in self._times_ms)
        if count == args.times and not late:
            return Decision(passed=True, expected=expected, seen=at)
        at_ms = self._times_ms[args.times] if count > args.times else ending.at_ms
        return Decision(
            passed=False,
            expected=expected,
            seen=f"{count} time(s)" + (f": {at}" if at else ", not once in the whole run"),
            at_ms=late[0] if late and count <= args.times else at_ms,
        )
