"""Invariants W of work orders, as far as a DPS of today can show them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from harness.events import Event, FeedSeen, TruthHappened, TruthSampled
from harness.oracles.alert_invariants import reads_signals_only
from harness.oracles.brief import Brief
from harness.oracles.invariants import SAMPLE, TRUTH, Invariant, need_of, place_of

ENDED = ("work_order.closed", "work_order.cancelled")
SLOTTED = ("work_order.planned", "work_order.moved")
FREES = (*ENDED, "work_order.completed", "work_order.put_back")
"""After these a technician's slot is free."""
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


class OnePlaceAtATime(Invariant):
    """Technician qualified, not double-booked.

    Looked at where a work order tells its technician, and from when to when he is taken; what he
    knows is what the scenario entered.
    """

    ident = "W6"
    families = ("work_order",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._taken: dict[str, tuple[str, int, int]] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant. A slot is judged when time has passed it: until then it may be moved."""
        wrong = self._clash(event.at_ms)
        if event.kind in FREES:
            self._taken.pop(event.subject, None)
        data = event.data
        if event.kind not in SLOTTED or not data.get("technician"):
            return wrong
        who = str(data["technician"])
        self._taken[event.subject] = who, int(data["from_ms"]), _end(data)
        lacking = set(data.get("skills") or ()) - self.brief.technicians.get(who, frozenset())
        if lacking and who in self.brief.technicians:
            return f"{who} is sent for {event.subject}, and lacks {', '.join(sorted(lacking))}"
        return wrong

    def close(self, at_ms: int) -> tuple[int, str] | None:
        """See Invariant."""
        wrong = self._clash(at_ms)
        return None if wrong is None else (at_ms, wrong)

    def _clash(self, at_ms: int) -> str | None:
        """Two slots of one technician that overlap, of which both have begun before ``at_ms``."""
        begun = sorted(
            (who, from_ms, to_ms, order)
            for order, (who, from_ms, to_ms) in self._taken.items()
            if from_ms < at_ms
        )
        for one, two in pairwise(begun):
            if one[0] == two[0] and two[1] < one[2]:
                return f"{one[0]} is booked for {one[3]} and {two[3]} at once"
        return None


def _end(data: Mapping[str, Any]) -> int:
    """When a slot ends; one without an end takes no time that could clash."""
    return int(data["from_ms"] if data.get("to_ms") is None else data["to_ms"])


class PlannedInsideTheWindow(Invariant):
    """Planned visits consume planned-downtime allowance only inside the agreed window.

    And only while somebody was there for it.
    """

    ident = "W10"
    families = ("planned_work", "work_order")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._agreed: dict[str, tuple[int, int]] = {}
        self._arrived_ms: dict[str, int] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data, name = event.data, event.subject
        if event.kind == "work_order.arrived":
            self._arrived_ms[name] = event.at_ms
        elif event.kind == "planned_work.agreed":
            self._agreed[name] = int(data["from_ms"]), int(data["to_ms"])
        elif event.kind == "planned_work.done":
            from_ms, to_ms = int(data["used_from_ms"]), int(data["used_to_ms"])
            window = self._agreed.get(name)
            if window is None:
                return f"{name} uses planned downtime, and no window was agreed on"
            if from_ms < to_ms and not window[0] <= from_ms <= to_ms <= window[1]:
                return f"{name} uses planned downtime outside the window that was agreed on"
            arrived_ms = self._arrived_ms.get(str(data.get("work_order")), from_ms)
            if from_ms < to_ms and (from_ms < arrived_ms or event.at_ms < to_ms):
                return f"{name} uses planned downtime while nobody was there"
        elif event.kind in ("planned_work.rescheduled", "planned_work.missed"):
            self._agreed.pop(name, None)
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
