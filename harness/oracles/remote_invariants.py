"""Invariants R of commands and automations, and FW of rollouts, as far as a feed shows them."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping
from math import isclose
from typing import Any

from harness.events import FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.invariants import Invariant

ERRORS = frozenset({"failed", "rolled_back", "timed_out"})
ENDED = ERRORS | {"updated", "skipped", "requeued"}
HOUR_MS = 3_600_000
RUNS_PER_H_MAX = 3
"""The domain's estimate for automations that cause themselves (R5)."""
ANSWERS = frozenset({"progressed", "acknowledged", "confirmed"})
SET, GET = "set_settings", "get_settings"
SAFE_TWICE = ("get_settings", "set_settings")
"""What may be asked for again; the harness calls no command of a product idempotent."""


def step_of(event: FeedSeen) -> str:
    """The step of a device or a command, without its family."""
    return event.kind.partition(".")[2]


class ReportedVersion(Invariant):
    """UPDATED only when the reported version equals the target."""

    ident = "FW2"
    families = ("firmware", "device")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._runs: dict[str, str] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind == "device.born":
            self._runs[event.subject] = str(event.data.get("firmware"))
        elif event.kind == "firmware.updated":
            thing, target = str(event.data.get("thing")), str(event.data.get("version"))
            runs = self._runs.get(thing, "nothing")
            if runs != target:
                return f"{thing} is told to be updated to {target}, and reported {runs}"
        return None


class OneUpdateAtATime(Invariant):
    """One active update per device."""

    ident = "FW4"
    families = ("firmware",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._under_way: dict[str, str] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        thing = str(event.data.get("thing", ""))
        if event.kind == "firmware.initiated":
            other = self._under_way.get(thing)
            self._under_way[thing] = event.subject
            if other is not None:
                return f"{event.subject} was begun, and {other} is under way"
        elif step_of(event) in ENDED and self._under_way.get(thing) == event.subject:
            del self._under_way[thing]
        return None


class EmergencyStop(Invariant):
    """Error share above the threshold stops group i+1 from starting and un-sent devices of
    group i.
    """  # noqa: D205 - the domain's sentence

    ident = "FW7"
    families = ("firmware",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._share: dict[tuple[str, int], float] = {}
        self._judged: Counter[tuple[str, int]] = Counter()
        self._errors: Counter[tuple[str, int]] = Counter()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        rollout, step = str(event.data.get("rollout")), step_of(event)
        group = (rollout, int(event.data.get("group", 0)))
        if step in ("group_started", "initiated"):
            for known, share in self._share.items():
                errors, judged = self._errors[known], self._judged[known]
                if known[0] == rollout and errors > share * judged:
                    wrong = f"{errors} of {judged} of group {known[1]} went wrong"
                    return f"{event.kind} {event.subject}, though {wrong}"
        if step == "group_started":
            self._share[group] = float(event.data.get("error_share", 1.0))
            self._judged[group] += int(event.data.get("size", 0))
        elif group in self._share:
            self._errors[group] += step in ERRORS
            self._judged[group] -= step == "skipped"
        return None


class ConfirmedOnce(Invariant):
    """Never shown as applied before confirmed.

    What is confirmed was asked for, and has not ended before.
    """

    ident = "R1"
    families = ("command",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._open: set[str] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind == "command.requested":
            self._open.add(event.subject)
            return None
        if event.subject not in self._open:
            return f"{event.kind} {event.subject}, which is not under way"
        if event.kind in ("command.confirmed", "command.failed"):
            self._open.discard(event.subject)
        return None


class NoBlindRetry(Invariant):
    """Non-idempotent commands not retried blindly."""

    ident = "R3"
    families = ("command",)

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind != "command.retried":
            return None
        name, args = str(event.data.get("name")), event.data.get("args", {})
        if name not in SAFE_TWICE or "if_version" in args:
            return f"{event.subject} was tried again, and {name} may do more when it is done twice"
        return None


class NotTooLate(Invariant):
    """Expired commands are not delivered to a device that returns hours later unless marked
    durable.

    What is seen of it: a device first answers a command before it expires, or the command said
    that it would wait.
    """  # noqa: D205 - the domain's sentence

    ident = "R2"
    families = ("command",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._expires_ms: dict[str, int] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data = event.data
        if event.kind == "command.requested":
            if "expires_ms" in data and not data.get("durable"):
                self._expires_ms[event.subject] = int(data["expires_ms"])
            return None
        if step_of(event) not in ANSWERS:
            return None
        expires_ms = self._expires_ms.pop(event.subject, None)
        if expires_ms is None or event.at_ms <= expires_ms:
            return None
        late_s = (event.at_ms - expires_ms) // 1000
        return f"{event.subject} was answered {late_s} s after it expired, and is not durable"


class LastConfirmedWins(Invariant):
    """Concurrent changes: last confirmed wins, both logged."""

    ident = "R4"
    families = ("command",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._last: dict[tuple[str, str], tuple[int, float]] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind != "command.confirmed" or event.data.get("name") not in (SET, GET):
            return None
        thing, applied = str(event.data.get("thing")), event.data.get("applied")
        for name, value in settings_of(event.data).items():
            known = self._last.get((thing, name))
            if known is None or event.at_ms >= known[0]:
                known = self._last[thing, name] = (event.at_ms, value)
            shown = None if applied is None else applied.get(name)
            if applied is not None and not (shown is not None and same(shown, known[1])):
                return f"{name} of {thing} is {shown}, and the last confirmed was {known[1]:g}"
        return None


def same(shown: float, value: float) -> bool:
    """Whether two settings are the same, as far as single precision tells."""
    return isclose(shown, value, rel_tol=1e-6)


def settings_of(data: Mapping[str, Any]) -> dict[str, float]:
    """The settings that a confirmed command set, or that its answer has."""
    said = data.get("args") or {}
    if data.get("name") == GET:
        try:
            said = json.loads(data.get("detail") or "")["settings"]
        except (ValueError, KeyError, TypeError):
            said = {}
    return {
        str(name): float(value)
        for name, value in dict(said).items()
        if name != "if_version" and isinstance(value, int | float) and not isinstance(value, bool)
    }


class NoLoop(Invariant):
    """No automation loop (command → metric → same automation) beyond N (E: 3/h)."""

    ident = "R5"
    families = ("automation",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._ran_ms: dict[str, deque[int]] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind != "automation.ran":
            return None
        ran = self._ran_ms.setdefault(event.subject, deque())
        ran.append(event.at_ms)
        while ran[0] <= event.at_ms - HOUR_MS:
            ran.popleft()
        if len(ran) > RUNS_PER_H_MAX:
            return f"{event.subject} ran {len(ran)} times within an hour"
        return None
