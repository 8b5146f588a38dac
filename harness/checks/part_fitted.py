"""A technician really fitted a part (truth), and the DPS knows it (feed), so many times."""

from __future__ import annotations

from typing import Any

from harness.checks.base import Brief, Decision, Ending
from harness.checks.counting import CountingCheck
from harness.events import Event, FeedSeen, TruthHappened


class PartFitted(CountingCheck):
    """Counts ``part.fitted`` in the truth, and wants the DPS to say the same number."""

    name = "part_fitted"
    title = "A part is fitted"
    hears = (TruthHappened, FeedSeen)
    what, done = "part", "fitted"

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._told = 0

    def on_event(self, event: Event) -> None:
        """See Check."""
        if isinstance(event, TruthHappened) and event.kind == "part.fitted":
            self.count(event.subject, event.at_ms)
        elif isinstance(event, FeedSeen) and event.kind == "part.fitted":
            self._told += event.subject == self.args.device

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        decision = super().decide(ending)
        if decision.passed and self._told != self.args.times:
            return Decision(
                passed=False,
                expected=f"the DPS's feed says so {self.args.times} time(s) too",
                seen=f"it says so {self._told} time(s)",
                at_ms=ending.at_ms,
            )
        return decision
