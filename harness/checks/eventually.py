"""Something comes true: once if it is an event, and in the end, after all faults, if it is a state.

``within`` counts from when the last fault of path or DPS is over (from the start if there is none).
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
    """Remembers when it came true; what a fault undoes has to come true again."""

    name = "eventually"
    title = "Eventually"
    Arguments = EventuallyArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._healed_ms = brief.start_ms
        self._came_ms: int | None = None
        self._last = ""

    def on_event(self, event: Event) -> None:
        """See Check. Faults of devices are the service's to heal; these are ours."""
        if isinstance(event, FaultApplied) and (
            event.ended or event.target not in self.brief.devices
        ):
            self._healed_ms = max(self._healed_ms, event.at_ms)
            if self.asked.of_state:
                self._came_ms = None
        super().on_event(event)

    def hear(self, answer: Answer) -> None:
        """See AskingCheck."""
        self._last = answer.seen
        if answer.holds and self._came_ms is None:
            self._came_ms = answer.at_ms

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        if self.violation is not None:
            return super().decide(ending)
        within = self.args.within
        bound_ms = ending.at_ms if within is None else self._healed_ms + within
        by = f" by {show_instant(bound_ms)}"
        if within is not None:
            by += f", {show_duration(within)} after the last fault"
        came = self._came_ms
        if came is not None and came <= bound_ms:
            return Decision(passed=True, expected=self.source() + by, seen=show_instant(came))
        late = "" if came is None else f"only at {show_instant(came)}; "
        why = self.asked.never_decided() or f"{late}last seen: {self._last}"
        return Decision(
            passed=False,
            expected=self.source() + by,
            seen=why if came is not None or not self.asked.answers else f"it never did; {why}",
            at_ms=min(bound_ms, ending.at_ms),
        )
