"""What the DPS believes of a component's wear stays near the truth."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from harness.checks.base import Args, Brief, Check, Decision, Ending
from harness.events import Event, FeedSeen, TruthSampled


class WearArgs(Args):
    """``points``: largest distance in percent points; only while the truth is at ``from_pct``."""

    device: str
    points: float = Field(gt=0)
    component: str | None = None
    from_pct: float = Field(default=0.0, ge=0, le=100)
    to_pct: float = Field(default=100.0, ge=0, le=100)


class WearEstimateWithin(Check):
    """Compares ``condition.evaluated`` with the latest sample of the truth before it."""

    name = "wear_estimate_within"
    title = "The DPS's belief of wear is near the truth"
    hears = (TruthSampled, FeedSeen)
    Arguments = WearArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._truth_pct: dict[str, float] = {}
        self._off: list[float] = []
        """Distances in percent points, of every estimate that is judged."""

    def headline(self) -> str:
        """See Check."""
        args = self.args
        what = f"{args.component} wear" if args.component else "wear"
        return f"{args.device}: the DPS's belief of {what} is within {args.points:g} points"

    def on_event(self, event: Event) -> None:
        """See Check."""
        args = self.args
        if isinstance(event, TruthSampled) and event.device == args.device:
            self._truth_pct[event.component] = event.damage * 100
        elif (
            isinstance(event, FeedSeen)
            and event.kind == "condition.evaluated"
            and event.subject == args.device
        ):
            self._compare(event)

    def _compare(self, event: FeedSeen) -> None:
        position = event.data.get("position")
        truth = self._truth_pct.get(str(position))
        belief = event.data.get("wear_pct")
        if truth is None or belief is None or self.args.component not in (None, position):
            return
        if not self.args.from_pct <= truth <= self.args.to_pct:
            return
        self._off.append(abs(belief - truth))
        if self._off[-1] > self.args.points:
            expected = f"{position} within {self.args.points} points of {truth:.1f} %"
            self.violate(event.at_ms, expected, f"the DPS believes {belief:.1f} %")

    def decide(self, ending: Ending) -> Decision:
        """See Check; how far off the estimates were is told of a good run too."""
        decision = super().decide(ending)
        if decision.passed and self._off:
            mean, most = sum(self._off) / len(self._off), max(self._off)
            decision.seen = (
                f"{len(self._off)} estimates, {mean:.3g} points off in the mean, {most:.3g} at most"
            )
        return decision
