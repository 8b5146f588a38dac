"""Invariants A of events and alerts, as far as a feed can show them.

A7, A9, A10 and A11 have no checker here: a feed tells neither of single readings nor of what
customers are offered, and no story sells a thing; tests of the reference DPS assert them.
"""

from __future__ import annotations

from harness.events import Event, FaultApplied, FeedSeen, StepDone, TruthHappened
from harness.oracles.brief import Brief
from harness.oracles.invariants import FAULT, STEP, TRUTH, Invariant
from harness.scenario.conditions import compile_cel
from harness.scenario.units import parse_duration, show_instant

RAISED, CLEARED, NOTICE = "alert.raised", "alert.cleared", "notice.written"


def subject_of(event: FeedSeen) -> str:
    """What an alert is about: thing, pack and rule."""
    return f"{event.data.get('thing')} {event.data.get('pack', '')}/{event.data.get('rule')}"


class OneActiveInstance(Invariant):
    """At most one active instance per (thing, event definition, subject)."""

    ident = "A1"
    families = ("alert",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._active: dict[str, set[str]] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        active = self._active.setdefault(subject_of(event), set())
        if event.kind == CLEARED:
            active.discard(event.subject)
        elif event.kind == RAISED:
            active.add(event.subject)
            if len(active) > 1:
                return f"{subject_of(event)} has {len(active)} active alerts"
        return None


class NoOverlap(Invariant):
    """Start before end, no overlap, active duration = sum of intervals."""

    ident = "A2"
    families = ("alert",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._last_ms: dict[str, int] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind not in (RAISED, CLEARED):
            return None
        about = subject_of(event)
        last_ms, self._last_ms[about] = self._last_ms.get(about, event.at_ms), event.at_ms
        if event.at_ms < last_ms:
            at, before = show_instant(event.at_ms), show_instant(last_ms)
            return f"{event.kind} of {about} at {at}, after its step at {before}"
        return None


class Pairs(Invariant):
    """Notification pair per instance, none if cleared before the delay."""

    ident = "A3"
    families = ("alert", "notice")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._open: set[str] = set()
        self._told: set[tuple[str, ...]] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind == NOTICE:
            return self._notice(event)
        if event.kind == RAISED:
            self._open.add(event.subject)
        elif event.kind == CLEARED:
            if event.subject not in self._open:
                return f"{event.subject} was cleared, and is not raised"
            self._open.discard(event.subject)
        return None

    def _notice(self, event: FeedSeen) -> str | None:
        """One notice of each kind per contact, channel and instance; an end only after a begin."""
        about, what, contact, channel = (
            str(event.data.get(key)) for key in ("alert", "what", "contact", "channel")
        )
        to = f"{contact} by {channel} of {about}"
        if what in ("raised", "cleared"):
            if (about, what, contact, channel) in self._told:
                return f"{to} is told twice that it is {what}"
            self._told.add((about, what, contact, channel))
        if what == "cleared" and (about, "raised", contact, channel) not in self._told:
            return f"{to} is told of the end, and was not told of the begin"
        return None


class NewInstance(Invariant):
    """Manual clear and later re-trigger makes a new instance."""

    ident = "A4"
    families = ("alert",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._seen: set[str] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind != RAISED:
            return None
        if event.subject in self._seen:
            return f"{event.subject} was raised a second time; a new alert is a new instance"
        self._seen.add(event.subject)
        return None


class Deadband(Invariant):
    """With deadband, oscillation inside it makes no transitions.

    Looked at for rules with a clear condition of their own: what they clear by must fulfil it.
    """

    ident = "A5"
    families = ("alert",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._sources = {
            name: str(rule["clear_when"])
            for name, rule in brief.rules.items()
            if "clear_when" in rule
        }

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        source = self._sources.get(str(event.data.get("rule")))
        if source is None or event.kind != CLEARED or not of_the_condition(event):
            return None
        program, values = compile_cel(source), event.data.get("values") or {}
        if not set(program.variables()) <= set(values) or program.execute(values) is True:
            return None
        shown = ", ".join(f"{name} = {value:g}" for name, value in sorted(values.items()))
        return f"{event.subject} is cleared at {shown}, which is not {source}"


class StaleIsUnknown(Invariant):
    """Offline is a state, not a measurement: rules on stale data go UNKNOWN, they neither clear nor
    fire.

    Looked at for rules that read signals only, while a device is known to be away for longer than
    the rule's ``stale_after``. One that comes back within the same step has told by then what it
    had to say: the service may decide by that.
    """  # noqa: D205 - the domain's sentence

    ident = "A6"
    families = ("alert", TRUTH, FAULT, STEP)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._away_ms: dict[str, dict[str, int]] = {}
        self._doubted: list[tuple[FeedSeen, int, bool]] = []
        self._stale_ms = {
            name: parse_duration(rule.get("stale_after", "0s"))
            for name, rule in brief.rules.items()
            if reads_signals_only(rule)
        }

    def other(self, event: Event) -> str | None:
        """See Invariant."""
        if isinstance(event, StepDone):
            return self._judged()
        if isinstance(event, TruthHappened):
            cause, _, step = event.kind.partition(".")
            if cause in ("link", "power") and step in ("down", "up", "cut", "back"):
                self._note([event.subject], cause, event.at_ms, begins=step in ("down", "cut"))
        elif isinstance(event, FaultApplied) and event.kind == "outage":
            devices = [
                device
                for device, site in self.brief.devices.items()
                if event.target in (device, site)
            ]
            self._note(devices, "outage", event.at_ms, begins=not event.ended)
        return None

    def _note(self, devices: list[str], cause: str, at_ms: int, *, begins: bool) -> None:
        for device in devices:
            causes = self._away_ms.setdefault(device, {})
            if begins:
                causes.setdefault(cause, at_ms)
            else:
                causes.pop(cause, None)

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        stale_ms = self._stale_ms.get(str(event.data.get("rule")))
        away = self._away_ms.get(str(event.data.get("thing")))
        if stale_ms is None or not away or event.kind not in (RAISED, CLEARED):
            return None
        if event.kind == CLEARED and not of_the_condition(event):
            return None
        since_ms = min(away.values())
        if event.at_ms > since_ms + stale_ms:
            self._doubted.append((event, since_ms, False))
        return None

    def _judged(self) -> str | None:
        """At the end of a step: who is still away after the step before it was so all along."""
        doubted, self._doubted = self._doubted, []
        for event, since_ms, seen in doubted:
            thing = str(event.data.get("thing"))
            if since_ms not in self._away_ms.get(thing, {}).values():
                continue
            if seen:
                word = "fired" if event.kind == RAISED else "cleared"
                self.culprit = event
                return f"{event.subject} {word}; {thing} is away since {show_instant(since_ms)}"
            self._doubted.append((event, since_ms, True))
        return None


class OneForTwoPoints(Invariant):
    """Duplicates or two near-simultaneous points make one instance."""

    ident = "A8"
    families = ("alert",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._raised_ms: dict[str, int] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind != RAISED:
            return None
        about = subject_of(event)
        last_ms, self._raised_ms[about] = self._raised_ms.get(about, -1), event.at_ms
        if last_ms == event.at_ms:
            return f"{about} was raised twice at {show_instant(event.at_ms)}"
        return None


class CauseHidesSymptoms(Invariant):
    """Parent cause suppresses children (mains loss hides "pump off").

    Looked at where cause and symptom are rules of the same thing: none is raised while its cause
    has been active since before.
    """

    ident = "A12"
    families = ("alert",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._active_ms: dict[tuple[str, str], int] = {}
        self._causes: dict[str, set[str]] = {}
        for name, rule in brief.rules.items():
            causes = [cause for cause in rule.get("suppressed_by", ()) if isinstance(cause, str)]
            self._causes.setdefault(name, set()).update(causes)
            for lower in rule.get("supersedes", ()):
                self._causes.setdefault(str(lower), set()).add(name)

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        thing, rule = str(event.data.get("thing")), str(event.data.get("rule"))
        if event.kind == CLEARED:
            self._active_ms.pop((thing, rule), None)
        elif event.kind == RAISED:
            self._active_ms[thing, rule] = event.at_ms
            for cause in sorted(self._causes.get(rule, ())):
                since_ms = self._active_ms.get((thing, cause))
                if since_ms is not None and since_ms < event.at_ms:
                    since = show_instant(since_ms)
                    return f"{event.subject} is raised; its cause {cause} is active since {since}"
        return None


def of_the_condition(event: FeedSeen) -> bool:
    """Whether an alert ended by its condition: not by a person, a cause or a sale."""
    by, state = event.data.get("by", "rules"), event.data.get("state", "CLEARED")
    return bool(by == "rules" and state == "CLEARED")


def reads_signals_only(rule: object) -> bool:
    """Whether all that a rule of a pack reads are readings of its thing, which may be stale."""
    inputs = rule.get("let", {}) if isinstance(rule, dict) else {}
    return bool(inputs) and all(
        isinstance(i, dict) and "signal" in i and "peers" not in i and i.get("take") != "age_s"
        for i in inputs.values()
    )
