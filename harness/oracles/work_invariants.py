"""Invariants W of work orders, as far as a DPS of today can show them."""

from __future__ import annotations

from harness.events import Event, FeedSeen, TruthHappened, TruthSampled
from harness.oracles.alert_invariants import reads_signals_only
from harness.oracles.brief import Brief
from harness.oracles.invariants import SAMPLE, TRUTH, Invariant, need_of, place_of

ENDED = ("work_order.closed", "work_order.cancelled")
BROKEN = 0.9
"""From this true damage on a component shows in telemetry, whatever the noise."""


class OneOpenWorkOrder(Invariant):
    """One open corrective work order per active failure (new alerts attach)."""

    ident = "W1"
    families = ("work_order",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._open: dict[str, list[str]] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        there = self._open.setdefault(need_of(event), [])
        if event.kind == "work_order.requested":
            there.append(event.subject)
            if len(there) > 1:
                return f"need {need_of(event)} has {len(there)} open: {', '.join(there)}"
        elif event.kind in ENDED and event.subject in there:
            there.remove(event.subject)
        return None


class BadTelemetryVerifiesNothing(Invariant):
    """Completed-but-telemetry-bad does not verify.

    Looked at where a condition watches the position and truth says that it is still broken.
    """

    ident = "W4"
    families = ("work_order", TRUTH, SAMPLE)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._broken: set[str] = set()

    def other(self, event: Event) -> str | None:
        """See Invariant."""
        if isinstance(event, TruthSampled):
            self._note(f"{event.device}/{event.component}", broken=event.damage >= BROKEN)
        elif isinstance(event, TruthHappened) and event.data.get("component"):
            place = f"{event.subject}/{event.data['component']}"
            if event.kind == "component.failed":
                self._note(place, broken=True)
            elif event.kind in ("part.fitted", "component.maintained"):
                self._note(place, broken=False)
        return None

    def _note(self, place: str, *, broken: bool) -> None:
        if broken:
            self._broken.add(place)
        else:
            self._broken.discard(place)

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        thing, position = place_of(event)
        watched = {str(c.get("position")) for c in self.brief.conditions.get(thing, ())}
        bad = event.kind == "work_order.verified" and f"{thing}/{position}" in self._broken
        if bad and position in watched:
            return f"{event.subject} was verified; {position} of {thing} is really still broken"
        return None


class ConsumedOnce(Invariant):
    """Part consumption decreases stock once: one part is fitted once."""

    ident = "W5"
    families = ("part",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._fitted: dict[str, str] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        serial = str(event.data.get("serial"))
        place = "/".join(place_of(event))
        if serial in self._fitted:
            return f"part {serial} was fitted to {place}, and is in {self._fitted[serial]} already"
        self._fitted[serial] = place
        return None


class WorkClosesNoAlert(Invariant):
    """A work order never closes an alert by itself.

    An alert of a rule that reads signals clears by readings: not without them in the same instant
    in which a work order takes a step or a part is fitted.
    """

    ident = "W9"
    families = ("work_order", "part", "alert")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._worked_ms: dict[str, int] = {}
        self._cleared: dict[str, tuple[int, str]] = {}
        self._of_signals = {n for n, rule in brief.rules.items() if reads_signals_only(rule)}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        thing, _ = place_of(event)
        if event.kind == "alert.cleared":
            rule = str(event.data.get("rule"))
            if rule in self._of_signals and not event.data.get("values"):
                self._cleared[thing] = (event.at_ms, event.subject)
        elif not event.kind.startswith("alert."):
            self._worked_ms[thing] = event.at_ms
        cleared_ms, alert = self._cleared.get(thing, (-1, ""))
        if cleared_ms >= 0 and cleared_ms == self._worked_ms.get(thing):
            return f"{alert} was cleared by work, without a reading"
        return None
