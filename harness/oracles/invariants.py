"""Numbered invariants of the domain as checkers over the event log of any DPS.

Each looks at what the service tells (its feed), at truth, and at what the harness installed; none
looks into the service. The docstring of a checker is the domain's sentence. Families without a
checker are listed in docs/reference/checks.md with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from harness.events import (
    ActorActed,
    Event,
    FaultApplied,
    FeedSeen,
    StepDone,
    TruthHappened,
    TruthSampled,
)
from harness.oracles.brief import Brief

REGISTRY: dict[str, type[Invariant]] = {}
"""Every invariant by its number, in the order of the domain."""
SAMPLE, FAULT, DEED, TRUTH, STEP = "sample", "fault", "deed", "truth", "step"
"""Families of events that are not of the feed."""


class Invariant:
    """Takes events one by one, and says what is wrong with one, if anything is.

    Subclasses set ``ident`` (a number of the domain) and ``families`` (first words of the feed's
    kinds, or one of the words above), and keep only plain data as their state.
    """

    ident: ClassVar[str]
    families: ClassVar[tuple[str, ...]]

    def __init__(self, brief: Brief) -> None:
        self.brief = brief
        self.culprit: Event | None = None
        """What was wrong, where it is not the event that was taken."""

    def __init_subclass__(cls) -> None:
        if "ident" not in vars(cls):
            return  # what several invariants share is none itself
        assert cls.ident not in REGISTRY, f"two invariants are numbered {cls.ident}"
        REGISTRY[cls.ident] = cls

    @classmethod
    def sentence(cls) -> str:
        """The domain's sentence: the docstring's first paragraph."""
        return " ".join((cls.__doc__ or "").split("\n\n")[0].split())

    def take(self, event: Event) -> str | None:
        """Take an event; says what is wrong with it, if anything is."""
        if isinstance(event, FeedSeen):
            return self.feed(event)
        return self.other(event)

    def feed(self, event: FeedSeen) -> str | None:
        """Take an event of the feed; overridden where one is asked for."""
        del event
        return None

    def other(self, event: Event) -> str | None:
        """Take an event of truth, a deed or a fault; overridden where one is asked for."""
        del event
        return None

    def close(self, at_ms: int) -> tuple[int, str] | None:
        """What is still missing at the end, and since when; overridden where something can be."""
        del at_ms
        return None


def family(event: Event) -> str:
    """The family that an event belongs to; empty for those that no invariant takes."""
    if isinstance(event, FeedSeen):
        return event.kind.split(".", 1)[0]
    return OTHERS.get(type(event), "")


OTHERS: Mapping[type[Event], str] = {
    TruthSampled: SAMPLE,
    TruthHappened: TRUTH,
    ActorActed: DEED,
    FaultApplied: FAULT,
    StepDone: STEP,
}


def need_of(event: FeedSeen) -> str:
    """The need that an event is about."""
    return str(event.data.get("need_key", "?"))


def needs_of(event: FeedSeen) -> list[str]:
    """The needs that an event is about: one for each line of an order."""
    lines = event.data.get("lines")
    if isinstance(lines, list):
        return [str(line.get("need_key", "?")) for line in lines]
    return [need_of(event)]


def place_of(event: FeedSeen) -> tuple[str, str]:
    """Thing and position, from the data or from the need's key."""
    thing, position, *_ = [*need_of(event).split("/"), "", ""]
    if event.kind.startswith(("condition.", "part.")):
        return event.subject, str(event.data.get("position", ""))
    return str(event.data.get("thing") or thing), str(event.data.get("position") or position)


def cycle_of(event: FeedSeen) -> int | None:
    """The replacement cycle, from the data or from the need's key; None if neither says it."""
    cycle = event.data.get("cycle")
    if cycle is None:
        cycle = need_of(event).rpartition("/")[2]
    try:
        return int(cycle)
    except (TypeError, ValueError):
        return None
