"""What an oracle computes from: the event log, truth, and the wire, as far as it asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from broker.wire.messages import Uplink, samples_of
from harness.events import ActorActed, Event, FeedSeen, TruthHappened, TruthSampled
from harness.oracles.brief import Brief


@dataclass(slots=True)
class Log:
    """A run as oracles see it, each list in the order in which things were told."""

    brief: Brief
    feed: list[FeedSeen] = field(default_factory=list)
    deeds: list[ActorActed] = field(default_factory=list)
    truths: list[TruthHappened] = field(default_factory=list)
    samples: list[TruthSampled] = field(default_factory=list)
    readings: dict[str, list[tuple[int, Mapping[str, float]]]] = field(default_factory=dict)
    """By device, as they reached the broker: the time that they name, and their signals."""
    evaluated: list[tuple[FeedSeen, int]] = field(default_factory=list)
    """Evaluations of conditions, each with the number of readings of its device until then."""
    until_ms: int = 0

    def take(self, event: Event) -> None:
        """Keep an event."""
        if isinstance(event, FeedSeen):
            self.feed.append(event)
            if event.kind == "condition.evaluated":
                self.evaluated.append((event, len(self.readings.get(event.subject, ()))))
        elif isinstance(event, ActorActed):
            self.deeds.append(event)
        elif isinstance(event, TruthHappened):
            self.truths.append(event)
        elif isinstance(event, TruthSampled):
            self.samples.append(event)

    def take_messages(self, messages: Iterable[tuple[str, Uplink]]) -> None:
        """Keep the readings of messages that reached the broker."""
        for _, message in messages:
            rows = samples_of(message)
            if not rows:
                continue
            kept = self.readings.setdefault(message.device, [])
            kept += [(row.at_ms, row.signals) for row in rows]

    def of(self, *families: str) -> Iterator[FeedSeen]:
        """Feed events of these families (first words of their kinds)."""
        return (event for event in self.feed if event.kind.split(".", 1)[0] in families)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that was computed twice: by the oracle, and by the service."""

    key: str
    expected: str
    seen: str
    at_ms: int
    agrees: bool
    event: Event | None = None
    device: str | None = None
