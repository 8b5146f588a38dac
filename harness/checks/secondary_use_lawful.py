"""Data of one party serve another with consent only, and say what the wire said (CC26, ST8).

Consents, grants and uses are those that the scenario makes by calls; readings are the wire's. Each
look is computed again: whether it was allowed at that moment, whether it read nothing from before
the consent or after a withdrawal, what it came to, and whether work had to follow.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from broker.wire.messages import Uplink, samples_of
from harness.checks.base import Args, Brief, Check, Decision, Ending
from harness.events import Event, FaultApplied, FeedSeen
from harness.oracles.rights import Rights

PATH = "/v1/secondary-uses/"
PURPOSE = "secondary-use"
CLOSE = 0.0011
"""The DPS rounds to a thousandth."""


class LawfulArgs(Args):
    """``at_least``: so many looks there must be; ``orders``: so many of them order work."""

    at_least: int = Field(default=1, ge=0)
    orders: int | None = Field(default=None, ge=0)


class SecondaryUseLawful(Check):
    """Compares every ``secondary_use.looked`` and ``.ordered`` with the oracle's."""

    name = "secondary_use_lawful"
    title = "Data serve others only while their owner consents"
    Arguments = LawfulArgs
    wants_messages = True
    hears = (FaultApplied, FeedSeen)

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._rights = Rights()
        self._uses: dict[str, Mapping[str, Any]] = {}
        self._readings: dict[tuple[str, str], list[tuple[int, float]]] = {}
        self._proposed: dict[str, int] = {}
        """Planned work that secondary uses brought about, by id, with its time."""
        self._ordered: set[str] = set()
        self._looks = 0

    def on_messages(self, messages: Iterable[tuple[str, Uplink]], at_ms: int) -> None:
        """See Check."""
        del at_ms
        read = {(thing, use["signal"]) for use in self._uses.values() for thing in use["things"]}
        for _, message in messages:
            signals = [signal for thing, signal in read if thing == message.device]
            for row in samples_of(message) if signals else ():
                for signal in signals:
                    if signal in row.signals:
                        said = self._readings.setdefault((message.device, signal), [])
                        insort(said, (row.at_ms, row.signals[signal]))

    def on_event(self, event: Event) -> None:
        """See Check."""
        if isinstance(event, FaultApplied):
            for call in event.params.get("calls", ()):
                if call.get("refused"):
                    continue  # it changed nothing
                path, body = str(call["path"]), call.get("body", {})
                self._rights.called(call.get("method", "PUT"), path, body, event.at_ms)
                if path.startswith(PATH) and call.get("method", "PUT") == "PUT":
                    self._uses[path.removeprefix(PATH)] = body
        elif isinstance(event, FeedSeen):
            if event.kind in ("secondary_use.looked", "secondary_use.ordered"):
                self._look(event)
            elif event.kind == "planned_work.proposed" and str(event.data["by"]).startswith(
                "secondary-use:"
            ):
                self._proposed[event.subject] = event.at_ms

    def _look(self, event: FeedSeen) -> None:
        self._looks += 1
        use, data = self._uses[event.subject], event.data
        if data["ordered"]:
            self._ordered.add(str(data["ordered"]))
        above = False
        for thing in use["things"]:
            since_ms = self._rights.open_since(
                owner=use["owner"], recipient=use["recipient"], thing=thing, purpose=PURPOSE,
                at_ms=event.at_ms,
            )  # fmt: skip
            if since_ms is None:
                expected = f"nothing of {thing} is read without consent"
                self.violate(event.at_ms, expected, f"{event.subject} read it", event)
                return
            value = self._value(use, thing, since_ms, event)
            if value is not None and value > use["above"]:
                above = True
        if above != bool(data["ordered"]):
            expected = "work is ordered" if above else "nothing is ordered"
            self.violate(event.at_ms, expected, f"ordered: {data['ordered'] or 'nothing'}", event)

    def _value(
        self, use: Mapping[str, Any], thing: str, since_ms: int, event: FeedSeen
    ) -> float | None:
        """What a thing says in the span that may be read; compared with what the DPS says."""
        from_ms, to_ms = event.data["spans"][thing]
        if from_ms < since_ms or to_ms > event.at_ms:
            expected = f"{thing} is read from {since_ms} to {event.at_ms} at most"
            self.violate(event.at_ms, expected, f"from {from_ms} to {to_ms}", event)
        begin_ms = max(since_ms, event.at_ms - round(use.get("over_h", 24.0) * 3_600_000) + 1)
        said = self._readings.get((thing, use["signal"]), [])
        values = [value for at_ms, value in said if begin_ms <= at_ms <= event.at_ms]
        told, ours = event.data["values"][thing], None
        if values:
            take = use.get("take", "mean")
            means = {"max": max(values), "min": min(values), "mean": sum(values) / len(values)}
            ours = means[take]
        same = told is None if ours is None else told is not None and abs(told - ours) < CLOSE
        if not same:
            self.violate(event.at_ms, f"{thing}: {ours}", f"{thing}: {told}", event)
        return ours

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        seen = f"{self._looks} looks, {len(self._ordered)} of them ordered work"
        if self._looks < self.args.at_least:
            self.violate(ending.at_ms, f"at least {self.args.at_least} looks", seen)
        if self.args.orders not in (None, len(self._ordered)):
            self.violate(ending.at_ms, f"{self.args.orders} orders", seen)
        if self._ordered != set(self._proposed):
            odd = ", ".join(sorted(self._ordered ^ set(self._proposed)))
            self.violate(ending.at_ms, "work is planned for what was ordered, and for that", odd)
        decision = super().decide(ending)
        if decision.passed:
            decision.seen = seen
        return decision
