"""Lines that people read: one per thing that happened, for the trace file and around failures."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from harness.engine.history import Told
from harness.events import ActorActed, Event, FaultApplied, FeedSeen, TruthHappened
from harness.scenario.units import show_instant

AROUND = 20
"""Lines shown around a failure."""


def line_of(event: Event) -> str | None:
    """One line, or None for events that are only numbers."""
    if isinstance(event, TruthHappened):
        return _line(event.at_ms, "truth", f"{event.kind} {event.subject}", event.data)
    if isinstance(event, FeedSeen):
        return _line(event.at_ms, "dps", f"{event.kind} {event.subject}", event.data)
    if isinstance(event, ActorActed):
        refused = f" REFUSED: {event.refused}" if event.refused else ""
        what = f"{event.verb} {event.subject}{refused}"
        return _line(event.at_ms, event.actor, what, event.data)
    if isinstance(event, FaultApplied):
        ended = " ends" if event.ended else ""
        return _line(event.at_ms, "fault", f"{event.kind} {event.target}{ended}", event.params)
    return None


def _line(at_ms: int, who: str, what: str, data: Mapping[str, Any]) -> str:
    shown = msgspec.json.encode(data).decode() if data else ""
    return f"{show_instant(at_ms)} {who:<9} {what} {shown}".rstrip()


def around(told: Sequence[Told], at_ms: int) -> tuple[str, ...]:
    """Up to 20 lines, half of them before the moment. Periodic evaluations are left out."""
    events = sorted(
        (e for e in told if getattr(e, "kind", "") != "condition.evaluated"), key=lambda e: e.at_ms
    )
    place = bisect_left(events, at_ms, key=lambda e: e.at_ms)
    first = max(0, min(place - AROUND // 2, len(events) - AROUND))
    lines = (line_of(event) for event in events[first : first + AROUND])
    return tuple(line for line in lines if line is not None)
