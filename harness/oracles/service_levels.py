"""When each promise of a service level was due and whether it was kept, from the work-order log.

Own code for the clauses of docs/reference/dps-contract.md: the limits are those of the level that
the scenario installed, time is counted minute by minute (sla_invariants), what stops a limit is
what the log of work orders says. Incidents begin with a work order's request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.events import FeedSeen
from harness.oracles.sla_invariants import MINUTE_MS, OWN_LACK, Promise

ACKNOWLEDGES = ("work_order.triaged", "work_order.planned", "work_order.arrived",
                "work_order.completed")  # fmt: skip
RESPONDS = ("work_order.arrived", "work_order.completed")
LIMITS = ("acknowledge", "respond", "restore")
PRIORITIES = ("P1", "P2", "P3", "P4")


@dataclass(slots=True)
class Visit:
    """One incident as its work order tells it."""

    t0_ms: int
    priority: str = ""
    stopped: dict[str, int] = field(default_factory=dict)
    pauses: list[tuple[int, int]] = field(default_factory=list)
    held_ms: int | None = None

    def take(self, event: FeedSeen, reasons: tuple[str, ...]) -> None:
        """Follow an event of the work order."""
        kind, at_ms = event.kind, event.at_ms
        if kind in ACKNOWLEDGES:
            self.stopped.setdefault("acknowledge", at_ms)
        if kind in RESPONDS:
            self.stopped.setdefault("respond", at_ms)
        if kind == "work_order.completed":
            self.stopped["restore"] = at_ms
        elif kind == "work_order.reopened":
            self.stopped.pop("restore", None)
        elif kind == "work_order.cancelled":
            for limit in LIMITS:
                self.stopped.setdefault(limit, at_ms)
        elif kind == "work_order.held" and event.data.get("reason") in set(reasons) - {*OWN_LACK}:
            self.held_ms = at_ms
        if kind in ("work_order.resumed", "work_order.completed") and self.held_ms is not None:
            self.pauses.append((self.held_ms, at_ms))
            self.held_ms = None


def limits_of(level: Mapping[str, Any], priority: str) -> dict[str, int]:
    """Limits of a priority in ms; one that the level does not name has those of the next."""
    said = level["priorities"]
    hurry = PRIORITIES.index(priority)
    later = [name for name in PRIORITIES[hurry:] if name in said]
    name = later[0] if later else [name for name in PRIORITIES if name in said][-1]
    return {limit: minutes * MINUTE_MS for limit, minutes in said[name].items()}


def missed(level: Mapping[str, Any], visit: Visit, *, end_ms: int) -> dict[str, int]:
    """Limits that ran out before ``end_ms``, each with when it was due."""
    if not visit.priority:
        return {}
    pauses = [*visit.pauses, *([] if visit.held_ms is None else [(visit.held_ms, end_ms)])]
    calendar = {
        "time_zone": level.get("time_zone", "UTC"), "hours": level.get("hours"),
        "holidays": level.get("holidays") or (),
    }  # fmt: skip
    promise = Promise(
        calendar=calendar, reasons=(), t0_ms=visit.t0_ms, told_ms=visit.t0_ms, pauses=pauses
    )
    found = {}
    for limit, length_ms in limits_of(level, visit.priority).items():
        due_ms = promise.counted(length_ms)
        if due_ms is not None and due_ms <= min(visit.stopped.get(limit, end_ms), end_ms):
            found[limit] = due_ms
    return found
