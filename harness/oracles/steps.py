"""Which step may follow which: the tables of states by the feed's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.events import FeedSeen

RECOMMENDATION_STEPS: Mapping[str, frozenset[str]] = {
    "": frozenset({"issued"}),
    "issued": frozenset({"approved", "discarded", "fulfilled"}),
    "approved": frozenset({"issued", "discarded", "fulfilled"}),
    "discarded": frozenset(),
    "fulfilled": frozenset(),
}
ORDER_STEPS: Mapping[str, frozenset[str]] = {
    "": frozenset({"placed"}),
    "placed": frozenset({"confirmed", "rejected", "cancelled"}),
    "confirmed": frozenset({"shipped", "cancelled"}),
    "shipped": frozenset({"delivered"}),
    "rejected": frozenset(),
    "delivered": frozenset(),
    "cancelled": frozenset(),
}
"""What may follow what, by the feed's words (docs/reference/dps-contract.md)."""
WORK_ORDER_STEPS: Mapping[str, frozenset[str]] = {
    "": frozenset({"requested"}),
    "requested": frozenset({"planned", "cancelled"}),
    "planned": frozenset({"planned", "departed", "cancelled"}),
    "departed": frozenset({"arrived", "cancelled"}),
    "arrived": frozenset({"completed", "cancelled"}),
    "completed": frozenset({"verified", "reopened"}),
    "verified": frozenset({"closed"}),
    "reopened": frozenset({"planned", "cancelled"}),
    "closed": frozenset(),
    "cancelled": frozenset(),
}


@dataclass(slots=True)
class Steps:
    """Follows every subject of one kind through its table."""

    kind: str
    table: Mapping[str, frozenset[str]]
    state: dict[str, str] = field(default_factory=dict)

    def take(self, event: FeedSeen) -> str | None:
        """Take an event; says what is wrong with it, if anything is."""
        what, _, step = event.kind.partition(".")
        if what != self.kind:
            return None
        before = self.state.get(event.subject, "")
        allowed = self.table.get(before, frozenset())
        self.state[event.subject] = step
        if step in allowed:
            return None
        shown = ", ".join(sorted(allowed)) or "nothing: it was final"
        return f"{event.subject} went from {before or 'nothing'} to {step}; allowed: {shown}"


@dataclass(slots=True)
class OncePerNeed:
    """Counts what begins for a need, and forgets what ended without effect."""

    begins: str
    ends: frozenset[str]
    open: dict[str, set[str]] = field(default_factory=dict)

    def take(self, event: FeedSeen) -> str | None:
        """Take an event; says what is wrong with it, if anything is."""
        if event.kind != self.begins and event.kind not in self.ends:
            return None
        need = str(event.data.get("need_key", "?"))
        there = self.open.setdefault(need, set())
        if event.kind in self.ends:
            there.discard(event.subject)
            return None
        there.add(event.subject)
        if len(there) <= 1:
            return None
        return f"need {need} has {len(there)}: {', '.join(sorted(there))}"
