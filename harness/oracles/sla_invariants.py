"""Invariants W2, W3, W7 and W8 of time limits, worked out again from what the feed tells of them.

When a limit is due is counted here minute by minute, by the calendar that ``sla.started`` names: it
is the definition, and shares nothing with how a service computes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from harness.events import FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.invariants import Invariant

MINUTE_MS = 60_000
COUNTED_MS_MAX = 400 * 86_400_000
"""So far is counted; what would be due later than that is not looked at."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OWN_LACK = ("provider_part", "provider_staff")
"""The provider's own lack is no reason to wait, whatever a contract says."""
RESUMED_WORK = "held no longer"
CAME_AGAIN = "came again"
Span = tuple[int, int]


@dataclass(slots=True)
class Promise:
    """What is known of one incident."""

    calendar: Mapping[str, Any]
    reasons: tuple[str, ...]
    t0_ms: int
    told_ms: int
    due: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Limits that run: how long they are, and when they are said to be due."""
    breached: dict[str, int] = field(default_factory=dict)
    pauses: list[Span] = field(default_factory=list)
    held_ms: int | None = None
    restored_ms: int | None = None

    def take(self, event: FeedSeen) -> None:
        """Follow an event of the incident."""
        data, self.told_ms = event.data, event.at_ms
        if event.kind == "sla.paused":
            self.held_ms = event.at_ms
        elif event.kind == "sla.stopped":
            self.due.pop(str(data.get("what")), None)
            if data.get("what") == "restore":
                self._resume(event.at_ms)
                worked = data.get("outcome") == "restored"
                self.restored_ms = event.at_ms if worked else None
        elif event.kind == "sla.breached":
            what = str(data.get("what"))
            self.breached[what] = event.at_ms
            self.due.pop(what, None)
        elif event.kind == "sla.resumed" and data.get("reason") == RESUMED_WORK:
            self._resume(event.at_ms)
        elif event.kind == "sla.resumed" and data.get("reason") == CAME_AGAIN:
            gap = [] if self.restored_ms is None else [(self.restored_ms, event.at_ms)]
            self.pauses += gap
        self.t0_ms = int(data.get("t0_ms", self.t0_ms))
        for what, limit in (data.get("limits") or {}).items():
            if what not in self.breached:
                self.due[what] = int(limit["limit_ms"]), int(limit["due_ms"])

    def _resume(self, at_ms: int) -> None:
        if self.held_ms is not None:
            self.pauses.append((self.held_ms, at_ms))
        self.held_ms = None

    def counted(self, limit_ms: int) -> int | None:
        """When so much time has counted since t0; None: not within what is looked at."""
        at_ms, left, ended_ms = self.t0_ms, limit_ms, self.t0_ms + COUNTED_MS_MAX
        while at_ms < ended_ms:
            until_ms = (at_ms // MINUTE_MS + 1) * MINUTE_MS
            if _is_open(_frozen(self.calendar), at_ms // MINUTE_MS):
                for begin, end in _without(self.pauses, at_ms, until_ms):
                    if end - begin >= left:
                        return begin + left
                    left -= end - begin
            at_ms = until_ms
        return None


def _without(pauses: list[Span], from_ms: int, to_ms: int) -> list[Span]:
    """What is left of a span without the pauses in it."""
    left = [(from_ms, to_ms)]
    for begin, end in pauses:
        left = [
            part
            for a, b in left
            for part in ((a, min(b, begin)), (max(a, end), b))
            if part[0] < part[1]
        ]
    return left


Frozen = tuple[str, tuple[tuple[Span, ...], ...] | None, frozenset[str]]


def _frozen(calendar: Mapping[str, Any]) -> Frozen:
    """A calendar that can be looked up: zone, minutes of the day by weekday, holidays."""
    hours = calendar.get("hours")
    week = None
    if hours is not None:
        week = tuple(tuple((_minute(a), _minute(b)) for a, b in hours.get(day, ())) for day in DAYS)
    return str(calendar["time_zone"]), week, frozenset(calendar.get("holidays") or ())


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


@lru_cache(maxsize=200_000)
def _is_open(calendar: Frozen, minute: int) -> bool:
    zone, week, holidays = calendar
    if week is None:
        return True
    there = datetime.fromtimestamp(minute * 60, UTC).astimezone(ZoneInfo(zone))
    if f"{there:%F}" in holidays:
        return False
    of_day = there.hour * 60 + there.minute
    return any(begin <= of_day < end for begin, end in week[there.weekday()])


class Promises:
    """All incidents that a feed tells of."""

    def __init__(self) -> None:
        self._known: dict[str, Promise] = {}

    def take(self, event: FeedSeen) -> Promise | None:
        """Follow an event; gives its incident, None if that was never begun."""
        data = event.data
        if event.kind == "sla.started":
            self._known[event.subject] = Promise(
                calendar=data["calendar"],
                reasons=tuple(data.get("pause_reasons") or ()),
                t0_ms=int(data["t0_ms"]),
                told_ms=event.at_ms,
            )
        found = self._known.get(event.subject)
        if found is not None:
            found.take(event)
        return found

    def before(self, event: FeedSeen) -> Promise | None:
        """What was known of an event's incident so far."""
        return self._known.get(event.subject)

    def items(self) -> list[tuple[str, Promise]]:
        """Every incident by its id."""
        return sorted(self._known.items())


def _wrong_due(found: Promise | None, event: FeedSeen) -> str | None:
    """The first limit that is not due when it should be."""
    if found is None:
        return f"{event.kind} of {event.subject}, which never began"
    for what in sorted(event.data.get("limits") or {}):
        if what in found.breached:
            continue
        limit_ms, due_ms = found.due[what]
        counted_ms = found.counted(limit_ms)
        if counted_ms is not None and counted_ms != due_ms:
            late = (due_ms - counted_ms) / MINUTE_MS
            return f"{what} of {event.subject} is said to be due {late:+.0f} min from when it is"
    return None


class _OfPromises(Invariant):
    """What follows the promises of each incident."""

    families = ("sla",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._promises = Promises()


class ContractHours(_OfPromises):
    """Timers count only contract hours, calendar and time zone, incl. DST."""

    ident = "W2"

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        found = self._promises.take(event)
        return _wrong_due(found, event) if event.kind == "sla.started" else None


class PermittedPauses(_OfPromises):
    """Pause total = sum of permitted pauses, no overlap."""

    ident = "W3"

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        before = self._promises.before(event)
        held = before is not None and before.held_ms is not None
        found = self._promises.take(event)
        if event.kind == "sla.paused":
            reason = str(event.data.get("reason"))
            if held:
                return f"{event.subject} is paused, and was already"
            if found is None or reason not in found.reasons or reason in OWN_LACK:
                return f"{event.subject} is paused for {reason}, which is not permitted"
        return _wrong_due(found, event) if event.kind == "sla.resumed" else None


class FromTheBeginning(_OfPromises):
    """Priority upgrade re-computes due from t0."""

    ident = "W7"

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        before = self._promises.before(event)
        t0_ms = None if before is None else before.t0_ms
        held = before is not None and before.held_ms is not None
        found = self._promises.take(event)
        if event.kind != "sla.changed":
            return None
        if t0_ms is not None and found is not None and found.t0_ms > t0_ms:
            return f"{event.subject} counts from {found.t0_ms}, and did from {t0_ms}"
        return None if held else _wrong_due(found, event)


class BreachedOnce(_OfPromises):
    """Breach recorded exactly once, at due time, even if no user looks.

    Later than that only in the instant in which something is told that makes it so.
    """

    ident = "W8"

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        before = self._promises.before(event)
        what = str(event.data.get("what"))
        wrong = None
        if before is not None and event.kind == "sla.breached":
            if what in before.breached:
                wrong = f"{what} of {event.subject} is breached twice"
            elif what not in before.due:
                wrong = f"{what} of {event.subject} is breached, and was not promised"
            elif event.at_ms not in (before.due[what][1], before.told_ms):
                wrong = f"the breach of {what} of {event.subject} is told at the wrong time"
        elif before is not None and event.kind == "sla.stopped" and what in before.due:
            late = before.held_ms is None and before.due[what][1] <= event.at_ms
            said = f"{what} of {event.subject} ran out before it stopped, and nobody told"
            wrong = said if late else None
        self._promises.take(event)
        return wrong

    def close(self, at_ms: int) -> tuple[int, str] | None:
        """See Invariant."""
        for incident, found in self._promises.items():
            for what, (_, due_ms) in sorted(found.due.items()):
                if found.held_ms is None and due_ms < at_ms:
                    return due_ms, f"{what} of {incident} ran out, and nobody told"
        return None
