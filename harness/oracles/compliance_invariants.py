"""Invariants C1 to C7: were recommendations followed? Classes are worked out anew from the feed."""

from __future__ import annotations

from dataclasses import dataclass

from harness.events import FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.invariants import Invariant, need_of, needs_of

ORDERED = ("ORDERED_AS_RECOMMENDED", "ORDERED_MODIFIED")
CLASSES = (*ORDERED, "REPLACED_WITHOUT_ORDER", "DISCARDED", "SNOOZED", "EXPIRED", "WITHDRAWN")


@dataclass(slots=True)
class Told:
    """A recommendation, and what became of it by the rest of the feed."""

    need: str
    customer: str
    due_ms: int
    expected: str = ""
    seen: str = ""
    held: bool = False
    snoozed: bool = False


class Followed(Invariant):
    """Each recommendation has exactly one final class."""

    ident = "C1"
    families = ("recommendation", "order", "part", "compliance")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._told: dict[str, Told] = {}
        self._open: dict[str, str] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        self._decided(event)
        if event.kind != "compliance.classed":
            return None
        told = self._told.get(event.subject)
        if told is None:
            return f"{event.subject} has a class, and was never recommended"
        if told.seen:
            return f"{event.subject} was {told.seen}, and now is {event.data.get('class')}"
        told.seen = str(event.data.get("class"))
        return self.judge(event, told)

    def judge(self, event: FeedSeen, told: Told) -> str | None:
        """What is wrong with a class; the class must be one there is."""
        del told
        given = event.data.get("class")
        return None if given in CLASSES else f"{event.subject}: {given} is no class"

    def _decided(self, event: FeedSeen) -> None:
        kind, need = event.kind, need_of(event)
        if kind in ("recommendation.issued", "recommendation.held"):
            if event.subject not in self._told:
                due_ms = int(event.data.get("due_ms") or 0)
                customer = str(event.data.get("customer"))
                self._told[event.subject] = Told(need, customer, due_ms)
                self._open[need] = event.subject
            self._told[event.subject].held = kind == "recommendation.held"
            self._told[event.subject].snoozed = False
        told = self._told.get(self._open.get(need, ""))
        if told is None or told.expected:
            return
        if kind == "recommendation.snoozed":
            told.snoozed = True
        elif kind == "recommendation.discarded":
            told.expected = "WITHDRAWN" if told.held else "DISCARDED"
        elif kind == "recommendation.withdrawn":
            told.expected = "WITHDRAWN"
        elif kind in ("recommendation.approved", "recommendation.served"):
            told.expected = "ORDERED"
        elif kind == "recommendation.fulfilled":
            told.expected = "REPLACED_WITHOUT_ORDER"

    def close(self, at_ms: int) -> tuple[int, str] | None:
        """See Invariant."""
        for ident, told in self._told.items():
            if told.due_ms and told.due_ms < at_ms and not told.seen:
                return told.due_ms, f"{ident} was due, and has no class"
        return None


class ClassesSum(Followed):
    """Classes sum to the total: each class is what the rest of the feed says of it."""

    ident = "C2"

    def judge(self, event: FeedSeen, told: Told) -> str | None:
        """See Followed."""
        given = told.seen
        late = told.due_ms and event.at_ms >= told.due_ms
        if late and given in ("EXPIRED", "SNOOZED") and not told.expected:
            return None
        same = given in ORDERED if told.expected == "ORDERED" else given == told.expected
        if same or not told.expected:
            # a part that was fitted is told after the class that follows from it
            return (
                None if told.expected or given != "EXPIRED" else f"{event.subject}: EXPIRED early"
            )
        return f"{event.subject} is {given}; by the rest of the feed it was {told.expected}"

    def close(self, at_ms: int) -> tuple[int, str] | None:
        """See Invariant."""
        del at_ms
        return None


class NotDueIsOpen(Followed):
    """Still-open-not-due ones are excluded from the rate: nothing expires before it is due."""

    ident = "C3"

    def judge(self, event: FeedSeen, told: Told) -> str | None:
        """See Followed."""
        early = told.seen in ("EXPIRED", "SNOOZED") and event.at_ms < told.due_ms
        return f"{event.subject} is {told.seen} before it was due" if early else None

    def close(self, at_ms: int) -> tuple[int, str] | None:
        """See Invariant."""
        del at_ms
        return None


class WithdrawnApart(Followed):
    """Withdrawn by engine (sensor fault, contract end) excluded and counted apart."""

    ident = "C4"

    def judge(self, event: FeedSeen, told: Told) -> str | None:
        """See Followed."""
        withdrawn = told.expected == "WITHDRAWN"
        if withdrawn == (told.seen == "WITHDRAWN"):
            return None
        return f"{event.subject} is {told.seen}; withdrawn: {withdrawn}"

    def close(self, at_ms: int) -> tuple[int, str] | None:
        """See Invariant."""
        del at_ms
        return None


class OneOrderOneNeed(Invariant):
    """One order cannot satisfy two needs unless quantity covers both."""

    ident = "C5"
    families = ("order",)

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind != "order.placed":
            return None
        needs = needs_of(event)
        if len(set(needs)) != len(needs):
            return f"{event.subject} has two lines for one need"
        lines = event.data.get("lines", [event.data])
        empty = [str(one.get("need_key")) for one in lines if not one.get("quantity")]
        return f"{event.subject} holds nothing for {', '.join(empty)}" if empty else None


class ReasonGiven(Invariant):
    """Discard when mandatory-reason is set requires a reason."""

    ident = "C6"
    families = ("recommendation",)

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind != "recommendation.discarded" or event.data.get("reason"):
            return None
        return f"{event.subject} was discarded, and no reason is given"


class OwnCustomersOnly(Followed):
    """Compliance of a partner is computed only on customers it serves: each class is counted for
    the customer to whom it was recommended.
    """  # noqa: D205 - the domain's sentence

    ident = "C7"

    def judge(self, event: FeedSeen, told: Told) -> str | None:
        """See Followed."""
        counted = str(event.data.get("customer"))
        if counted == told.customer:
            return None
        return f"{event.subject} of {told.customer} counts for {counted}"

    def close(self, at_ms: int) -> tuple[int, str] | None:
        """See Invariant."""
        del at_ms
        return None
