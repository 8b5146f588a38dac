"""What conditions read, gathered while the run goes on. Its memory is plain data."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from broker.wire.messages import Uplink, samples_of
from harness.events import FeedSeen
from harness.scenario.conditions import Ref
from twins.core.ports import Truth
from twins.world import World

Memory = dict[str, Any]
ABOUT = ("thing", "site", "device")
"""Fields of an event that say whom it is about, besides its subject."""


class Watch:
    """Counts events and keeps the latest readings, of what some condition reads.

    Args:
        reads: What the conditions of a timeline read.
    """

    def __init__(self, reads: Collection[Ref]) -> None:
        self._truth = sorted(ref for ref in reads if ref.word == "truth")
        self._events = sorted(ref for ref in reads if ref.word == "events")
        self._truths = sorted(ref for ref in reads if ref.word == "truths")
        self._signals: dict[str, list[Ref]] = {}
        for ref in sorted(reads):
            if ref.word == "signal":
                self._signals.setdefault(ref.about, []).append(ref)

    def begin(self) -> Memory:
        """Nothing counted, nothing read."""
        return {_key(ref): 0.0 for ref in (*self._events, *self._truths)}

    def messages(self, memory: Memory, messages: Iterable[tuple[str, Uplink]]) -> None:
        """Devices sent something (whether or not it arrives): keep the latest readings."""
        if not self._signals:
            return
        for _, message in messages:
            refs = self._signals.get(message.device, ())
            for sample in samples_of(message) if refs else ():
                for ref in refs:
                    if ref.kind in sample.signals:
                        memory[_key(ref)] = float(sample.signals[ref.kind])

    def truths(self, memory: Memory, truths: Sequence[Truth]) -> None:
        """Something really happened."""
        for ref in self._truths:
            memory[_key(ref)] += sum(
                t.kind == ref.kind and (not ref.about or t.subject == ref.about) for t in truths
            )

    def feed(self, memory: Memory, events: Sequence[FeedSeen]) -> None:
        """The DPS told something."""
        for ref in self._events:
            memory[_key(ref)] += sum(
                e.kind == ref.kind and (not ref.about or _is_about(e, ref.about)) for e in events
            )

    def values(self, memory: Memory, world: World) -> dict[Ref, float]:
        """What is known now; hidden values are taken from the world as it stands."""
        found: dict[Ref, float] = {}
        rows = {
            (sample.device, sample.component): sample
            for sample in (world.sample_truth() if self._truth else ())
        }
        for ref in self._truth:
            for (device, component), sample in rows.items():
                if device != ref.about or (ref.part and component != ref.kind):
                    continue
                value = (
                    sample.damage if ref.part == "damage"
                    else sample.remaining_h if ref.part
                    else sample.signals.get(ref.kind)
                )  # fmt: skip
                if value is not None and not math.isnan(value):
                    found[ref] = value
                break
        known = (
            *self._events,
            *self._truths,
            *(r for refs in self._signals.values() for r in refs),
        )
        found |= {ref: memory[_key(ref)] for ref in known if _key(ref) in memory}
        return found


def _is_about(event: FeedSeen, whom: str) -> bool:
    return event.subject == whom or any(event.data.get(name) == whom for name in ABOUT)


def _key(ref: Ref) -> str:
    return "/".join(ref)
