"""What happened in a run, kept so that causes can be looked up: by subject, need and device.

Readings are not in it; what the service measured stands in its own events.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from harness.events import ActorActed, Event, FaultApplied, FeedSeen, TruthHappened, TruthSampled

Told = TruthHappened | FeedSeen | ActorActed | FaultApplied
"""Events that have a place in a chain of causes."""
_TOLD = (TruthHappened, FeedSeen, ActorActed, FaultApplied)
DAMAGE_STEP = 0.01
"""Samples of truth are kept where damage has moved by that much."""


class History:
    """Takes events in the order in which they are told; answers questions about any time."""

    hears: ClassVar = frozenset((*_TOLD, TruthSampled))

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.told: list[Told] = []
        self._by_subject: dict[str, list[Told]] = {}
        self._by_need: dict[str, list[FeedSeen]] = {}
        self._by_thing: dict[str, list[FeedSeen]] = {}
        self._damage: dict[str, dict[str, list[tuple[int, float]]]] = {}
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Keep an event, if it can be a cause or an effect."""
        if isinstance(event, TruthSampled):
            self._sample(event)
            return
        if not isinstance(event, _TOLD):
            return
        self.told.append(event)
        subject = event.target if isinstance(event, FaultApplied) else event.subject
        self._by_subject.setdefault(subject, []).append(event)
        if isinstance(event, FeedSeen):
            if (need := event.data.get("need_key")) is not None:
                self._by_need.setdefault(str(need), []).append(event)
            if (thing := thing_of(event)) is not None:
                self._by_thing.setdefault(thing, []).append(event)

    def _sample(self, event: TruthSampled) -> None:
        rows = self._damage.setdefault(event.device, {}).setdefault(event.component, [])
        if not rows or abs(rows[-1][1] - event.damage) >= DAMAGE_STEP:
            rows.append((event.at_ms, event.damage))

    def of_subject(self, subject: str) -> list[Told]:
        """Everything about an order, a work order, a device, an actor's target."""
        return self._by_subject.get(subject, [])

    def feed_of(self, subject: str, *kinds: str, until_ms: int | None = None) -> FeedSeen | None:
        """The latest feed event of a subject that is one of ``kinds``."""
        return _latest(self._by_subject.get(subject, []), kinds, until_ms)

    def of_need(self, need_key: str, *kinds: str, until_ms: int | None = None) -> FeedSeen | None:
        """The latest feed event of a need that is one of ``kinds``."""
        return _latest(self._by_need.get(need_key, []), kinds, until_ms)

    def of_thing(
        self, thing: str, *kinds: str, until_ms: int | None = None, **data: object
    ) -> FeedSeen | None:
        """The latest feed event about a thing, with these values among its data."""
        return _latest(self._by_thing.get(thing, []), kinds, until_ms, data)

    def truths_of(
        self, device: str, until_ms: int | None = None
    ) -> list[TruthHappened | FaultApplied]:
        """What really happened to a device, and the faults that were put into it."""
        return [
            e
            for e in self._by_subject.get(device, [])
            if isinstance(e, TruthHappened | FaultApplied)
            and (until_ms is None or e.at_ms <= until_ms)
        ]

    def damage(self, device: str, at_ms: int) -> Mapping[str, float]:
        """True damage by component at a time, 0 to 1, as last sampled (to one percent)."""
        found = {}
        for component, rows in self._damage.get(device, {}).items():
            place = bisect_right(rows, (at_ms, float("inf")))
            if place:
                found[component] = rows[place - 1][1]
        return found

    @property
    def devices(self) -> list[str]:
        """Devices that truth knows."""
        return sorted(self._damage)


def _latest(
    events: Iterable[Told],
    kinds: tuple[str, ...],
    until_ms: int | None,
    data: Mapping[str, object] | None = None,
) -> FeedSeen | None:
    rows = []
    for number, event in enumerate(events):
        if not isinstance(event, FeedSeen) or (kinds and event.kind not in kinds):
            continue
        if until_ms is not None and event.at_ms > until_ms:
            continue
        if data and any(event.data.get(name) != value for name, value in data.items()):
            continue
        rows.append((event.at_ms, number, event))
    return max(rows, key=lambda row: row[:2])[2] if rows else None


def thing_of(event: FeedSeen) -> str | None:
    """The thing that a feed event is about."""
    data: Mapping[str, Any] = event.data
    if data.get("thing"):
        return str(data["thing"])
    if data.get("need_key"):
        return str(data["need_key"]).split("/", 1)[0]
    if event.kind.split(".")[0] in ("condition", "device", "part"):
        return event.subject
    return None
