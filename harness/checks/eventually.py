"""Something comes true: an event once, a state so that it holds in the end, after all faults.

``within`` counts from when the last fault of path or DPS is over (from the start if there is none).
A state must hold when that time is over; without ``within``, at the end of the run.
"""

from __future__ import annotations

from typing import Any

from harness.checks.asking import Answer, AskingCheck, Titled
from harness.checks.base import Brief, Decision, Ending
from harness.checks.expressions import ExpressionText
from harness.events import Event, FaultApplied
from harness.scenario.units import Duration, show_duration, show_instant


class EventuallyArgs(Titled):
    """``eventually``: the expression; ``within``: so soon after the last fault is over."""

    eventually: ExpressionText
    within: Duration | None = None


class Eventually(AskingCheck):
    """Remembers since when an event has come, and all changes of a state."""

    name = "eventually"
    title = "Eventually"
    Arguments = EventuallyArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._healed_ms = brief.start_ms
        self._turns: list[tuple[int, bool]] = []
        self._last = ""

    def on_event(self, event: Event) -> None:
        """See Check. Faults of devices are the service's to heal; these are ours."""
        if isinstance(event, FaultApplied) and (
            event.ended or event.target not in self.brief.devices
        ):
            self._healed_ms = max(self._healed_ms, event.at_ms)
        super().on_event(event)

    def hear(self, answer: Answer) -> None:
        """See AskingCheck."""
        self._last = answer.seen
        held = self._turns[-1][1] if self._turns else None
        if answer.holds != held and (answer.holds or self.asked.of_state):
            self._turns.append((answer.at_ms, answer.holds))

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        if self.violation is not None:
            return super().decide(ending)
        within = self.args.within
        bound_ms = ending.at_ms if within is None else self._healed_ms + within
        by = f" by {show_instant(bound_ms)}"
        if within is not None:
            by += f", {show_duration(within)} after the last fault"
        before = [turn for turn in self._turns if turn[0] <= bound_ms]
        if before and before[-1][1]:
            seen = f"since {show_instant(before[-1][0])}"
            return Decision(passed=True, expected=self.source() + by, seen=seen)
        later = next((at_ms for at_ms, holds in self._turns if holds and at_ms > bound_ms), None)
        came = "it never did" if later is None else f"only at {show_instant(later)}"
        if before:
            came = f"not any more since {show_instant(before[-1][0])}" if len(before) > 1 else came
        why = self.asked.never_decided() or f"{came}; last seen: {self._last}"
        at_ms = min(bound_ms, ending.at_ms)
        return Decision(passed=False, expected=self.source() + by, seen=why, at_ms=at_ms)
