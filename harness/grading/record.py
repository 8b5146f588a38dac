"""What grading keeps of a run: truth, decisions and the bill; readings are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.events import (
    Event,
    FaultApplied,
    FeedSeen,
    RunFinished,
    RunResult,
    RunStarted,
    TruthHappened,
    TruthSampled,
)

DECISIONS = ("alert.", "recommendation.", "order.", "work_order.", "part.", "outcome.")
"""Beginnings of the feed's kinds that grading looks at."""
SPILLS: Mapping[str, bool] = {"spilled_m3": True, "spilled_l": False}
"""True values that grow while something flows over; whether they are those of the whole site."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """What was true of a component at a time: damage (0-1) and hours left, if foreseeable."""

    at_ms: int
    damage: float
    remaining_h: float | None


class Overflow(NamedTuple):
    """A sampling interval in which something flowed over."""

    device: str
    of_site: bool
    from_ms: int
    to_ms: int


@dataclass(slots=True)
class Record:
    """Listens to a run (or to its events read back from a file). Product-agnostic."""

    started: RunStarted | None = None
    result: RunResult | None = None
    truths: list[TruthHappened] = field(default_factory=list)
    feed: list[FeedSeen] = field(default_factory=list)
    faults: list[FaultApplied] = field(default_factory=list)
    samples: dict[tuple[str, str], list[Foresight]] = field(default_factory=dict)
    """By device and component, oldest first."""
    overflows: list[Overflow] = field(default_factory=list)
    _spilled: dict[tuple[str, str], float] = field(default_factory=dict)
    _sampled_ms: dict[str, int] = field(default_factory=dict)

    def on_event(self, event: Event) -> None:
        """Take note of one event."""
        if isinstance(event, TruthSampled):
            self._sampled(event)
        elif isinstance(event, FeedSeen):
            if event.kind.startswith(DECISIONS):
                self.feed.append(event)
        elif isinstance(event, TruthHappened):
            self.truths.append(event)
        elif isinstance(event, FaultApplied):
            self.faults.append(event)
        elif isinstance(event, RunStarted):
            self.started = event
        elif isinstance(event, RunFinished):
            self.result = event.result

    def _sampled(self, event: TruthSampled) -> None:
        key = (event.device, event.component)
        seen = Foresight(event.at_ms, event.damage, event.remaining_h)
        self.samples.setdefault(key, []).append(seen)
        before_ms = self._sampled_ms.get(event.device)
        if before_ms == event.at_ms:  # another component of the same device
            return
        self._sampled_ms[event.device] = event.at_ms
        for name, of_site in SPILLS.items():
            value, last = event.signals.get(name), self._spilled.get((event.device, name))
            if value is None:
                continue
            self._spilled[event.device, name] = value
            if last is not None and value > last and before_ms is not None:
                self.overflows.append(Overflow(event.device, of_site, before_ms, event.at_ms))

    @property
    def end_ms(self) -> int:
        """When the run ended; 0 if it did not."""
        return self.result.end_ms if self.result else 0
