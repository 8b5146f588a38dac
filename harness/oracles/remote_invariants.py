"""Invariants FW and R of firmware and remote control, as far as a feed can show them."""

from __future__ import annotations

from collections import Counter

from harness.events import FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.invariants import Invariant

ERRORS = frozenset({"failed", "rolled_back", "timed_out"})
ENDED = ERRORS | {"updated", "skipped", "requeued"}
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
