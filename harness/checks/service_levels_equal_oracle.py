"""What was promised and missed is what the log of work orders says, to the millisecond.

Levels are those that the scenario installs by calls (``PUT /v1/service-levels/{id}``). The priority
of an incident is what the DPS says it is; limits, hours, pauses and due times are not. Incidents
that begin with a ticket, or with a fault's beginning (``begins: event``), are not computed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from harness.checks.base import Args, Brief, Check, Decision, Ending
from harness.events import Event, FaultApplied, FeedSeen
from harness.oracles import service_levels as oracle

PATH = "/v1/service-levels/"


class LevelsArgs(Args):
    """``kept`` and ``missed``: so many limits there must be at least of each."""

    kept: int = Field(default=1, ge=0)
    missed: int = Field(default=0, ge=0)


class ServiceLevelsEqualOracle(Check):
    """Compares every ``sla.breached`` with the oracle, and every limit that was kept."""

    name = "service_levels_equal_oracle"
    title = "Limits run out when the work-order log says so"
    Arguments = LevelsArgs
    hears = (FaultApplied, FeedSeen)

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._levels: dict[str, Mapping[str, Any]] = {}
        self._of: dict[str, str] = {}
        self._visits: dict[str, oracle.Visit] = {}
        self._told: dict[tuple[str, str], int] = {}
        self._twice: list[str] = []

    def on_event(self, event: Event) -> None:
        """See Check."""
        if isinstance(event, FaultApplied):
            for call in event.params.get("calls", ()):
                path = str(call["path"])
                if call.get("method", "PUT") == "PUT" and path.startswith(PATH):
                    self._levels[path.removeprefix(PATH)] = call["body"]
        elif isinstance(event, FeedSeen):
            self._take(event)

    def _take(self, event: FeedSeen) -> None:
        name = event.subject
        if event.kind == "work_order.requested":
            self._visits[name] = oracle.Visit(event.at_ms)
        elif event.kind.startswith("work_order.") and name in self._visits:
            level = self._levels.get(self._of.get(name, ""), {})
            self._visits[name].take(event, tuple(level.get("pause_reasons") or ()))
        elif event.kind in ("sla.started", "sla.changed") and name in self._visits:
            self._of[name] = str(event.data.get("level", self._of.get(name)))
            self._visits[name].priority = str(event.data["priority"])
        elif event.kind == "sla.breached":
            key = name, str(event.data["what"])
            self._twice += [f"{key[1]} of {name} is told twice"] if key in self._told else []
            self._told[key] = int(event.data["due_ms"])

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        wanted: dict[tuple[str, str], int] = {}
        promised = 0
        for name, visit in self._visits.items():
            level = self._levels.get(self._of.get(name, ""))
            if level is None:
                continue
            promised += len(oracle.limits_of(level, visit.priority))
            missed = oracle.missed(level, visit, end_ms=ending.at_ms)
            wanted |= {(name, limit): due_ms for limit, due_ms in missed.items()}
        wrong = [*self._twice]
        for incident, limit in sorted(wanted.keys() | self._told.keys()):
            due_ms, told_ms = wanted.get((incident, limit)), self._told.get((incident, limit))
            if due_ms != told_ms:
                wrong.append(f"{limit} of {incident}: due {due_ms}, told {told_ms}")
        kept = promised - len(wanted)
        args: LevelsArgs = self.args
        if kept < args.kept or len(wanted) < args.missed:
            wrong.append(f"{kept} limits kept, {len(wanted)} missed: too few to say anything")
        expected = f"each limit as the log says; {args.kept} kept, {args.missed} missed at least"
        seen = "; ".join(wrong[:5]) or f"{kept} limits kept, {len(wanted)} missed, each in its time"
        return Decision(passed=not wrong, expected=expected, seen=seen)
