"""Which step may follow which: the tables of states by the feed's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.events import FeedSeen

_ENDED = frozenset({"discarded", "withdrawn", "fulfilled"})
RECOMMENDATION_STEPS: Mapping[str, frozenset[str]] = {
    "": frozenset({"issued", "held"}),
    "held": _ENDED | {"issued"},
    "issued": _ENDED | {"approved", "served", "snoozed"},
    "snoozed": _ENDED | {"issued", "approved"},
    "approved": _ENDED | {"issued"},
    "served": frozenset({"withdrawn", "fulfilled"}),
    "discarded": frozenset(),
    "withdrawn": frozenset(),
    "fulfilled": frozenset(),
}
_LEFT = frozenset({"shipped_in_part", "delivered_in_part", "backordered", "shipped"})
ORDER_STEPS: Mapping[str, frozenset[str]] = {
    "": frozenset({"placed"}),
    "placed": frozenset({"confirmed", "offered", "rejected", "cancelled"}),
    "offered": frozenset({"accepted", "cancelled"}),
    "accepted": frozenset({"shipped", "shipped_in_part", "backordered", "cancelled"}),
    "confirmed": frozenset({"shipped", "shipped_in_part", "backordered", "cancelled"}),
    "backordered": _LEFT | {"cancelled"},
    "shipped_in_part": _LEFT,
    "delivered_in_part": _LEFT | {"delivered", "lost", "reshipped"},
    "shipped": frozenset({"delivered", "delivered_in_part", "lost"}),
    "lost": frozenset({"reshipped", "delivered_in_part"}),
    "reshipped": frozenset({"delivered", "delivered_in_part", "lost"}),
    "delivered": frozenset({"return_requested"}),
    "return_requested": frozenset({"return_refused", "replacement_shipped", "returned"}),
    "return_refused": frozenset({"return_requested"}),
    "replacement_shipped": frozenset({"replaced"}),
    "replaced": frozenset({"return_requested"}),
    "returned": frozenset(),
    "rejected": frozenset(),
    "cancelled": frozenset(),
}
"""What may follow what, by the feed's words (docs/reference/dps-contract.md). A word does not say
how much is still to come, so that ``shipped_in_part``, ``delivered_in_part`` may be followed by
more than the state of one order allows."""
WORK_ORDER_STEPS: Mapping[str, frozenset[str]] = {
    "": frozenset({"requested"}),
    "requested": frozenset({"planned", "cancelled", "triaged"}),
    "triaged": frozenset({"planned", "cancelled", "remote_begun"}),
    "remote_begun": frozenset({"completed", "planned", "cancelled", "remote_failed"}),
    "remote_failed": frozenset({"planned", "cancelled", "remote_begun"}),
    "planned": frozenset({"planned", "departed", "cancelled", "dispatched", "moved", "put_back"}),
    "moved": frozenset({"departed", "cancelled", "dispatched", "moved", "put_back"}),
    "put_back": frozenset({"planned", "cancelled", "triaged"}),
    "dispatched": frozenset({"accepted", "cancelled"}),
    "accepted": frozenset({"departed", "cancelled"}),
    "departed": frozenset({"arrived", "cancelled"}),
    "arrived": frozenset({"completed", "cancelled", "begun"}),
    "begun": frozenset({"held", "completed", "cancelled"}),
    "held": frozenset({"resumed", "cancelled"}),
    "resumed": frozenset({"held", "completed", "cancelled"}),
    "completed": frozenset({"verified", "reopened"}),
    "verified": frozenset({"closed"}),
    "reopened": frozenset({"planned", "cancelled", "triaged"}),
    "closed": frozenset(),
    "cancelled": frozenset(),
}
ASIDES = frozenset({"attached", "prioritised", "noted"})
"""Words of work orders that tell something and move nothing."""


@dataclass(slots=True)
class Steps:
    """Follows every subject of one kind through its table."""

    kind: str
    table: Mapping[str, frozenset[str]]
    state: dict[str, str] = field(default_factory=dict)

    def take(self, event: FeedSeen) -> str | None:
        """Take an event; says what is wrong with it, if anything is."""
        what, _, step = event.kind.partition(".")
        if what != self.kind or (what == "work_order" and step in ASIDES):
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
        if event.data.get("kind") == "corrective":  # a fault may come again: W1 looks at those
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
