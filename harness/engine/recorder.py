"""Takes note of a run: into the trace hash, to checks, to handlers, and into the trace file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import IO, Any

import msgspec

from broker.wire.messages import Sample, Telemetry, TelemetryBatch, Uplink
from broker.wire.reports import plain
from harness.checks.base import Check
from harness.engine.history import History
from harness.engine.trace import Trace
from harness.engine.windows import Windows
from harness.errors import ScenarioError
from harness.events import (
    ActorActed,
    Event,
    EventHandler,
    FaultApplied,
    FeedSeen,
    StepDone,
    TelemetrySeen,
    TruthHappened,
    TruthSampled,
    hears,
)
from twins.core.ports import Intent, Truth

THIN_MS = 3_600_000
"""Handlers see one report per device and simulated hour."""
BELIEVED_MS = 31 * 86_400_000
"""A report that says it is older than that comes from a wrong clock, not from a buffer."""


class EngineRecorder:
    """See ``harness.world.port.Recorder``; this is the one there is."""

    def __init__(
        self,
        *,
        trace: Trace,
        checks: Sequence[Check],
        handlers: Sequence[EventHandler],
        trace_file: IO[bytes],
        begun_s: float,
    ) -> None:
        self.trace, self.checks, self.handlers = trace, checks, handlers
        self.history, self.windows = History(), Windows()
        self.published = self.ingested = 0
        self.counts: dict[str, int] = {}
        """Feed events by kind."""
        self._tappers = [check for check in checks if check.wants_messages]
        self._file, self._begun_s = trace_file, begun_s
        self._thin: dict[str, int] = {}
        self._told: dict[type[Event], list[Callable[[Event], None]]] = {}
        """Who is told of each kind of event that there was."""

    def emit(self, event: Event) -> None:
        """Tell all who look at events of its kind, checks first."""
        kind = type(event)
        told = self._told.get(kind)
        if told is None:
            told = self._told[kind] = self._listeners(kind)
        for tell in told:
            tell(event)

    def _listeners(self, kind: type[Event]) -> list[Callable[[Event], None]]:
        return [
            *([self.history.add] if hears(self.history, kind) else []),
            *[check.take for check in self.checks if hears(check, kind)],
            *[handler.on_event for handler in self.handlers if hears(handler, kind)],
        ]

    def _write(self, what: str, record: object) -> None:
        self._file.write(msgspec.json.encode([what, record]) + b"\n")

    def truths(self, truths: Sequence[Truth], now_ms: int) -> None:
        """See Recorder."""
        self.trace.truths(truths, now_ms)
        for t in truths:
            self._write("truth", [t.at_ms, t.kind, t.subject, t.data])
            self.emit(TruthHappened(at_ms=t.at_ms, kind=t.kind, subject=t.subject, data=t.data))

    def messages(
        self,
        messages: Sequence[tuple[str, Uplink]],
        now_ms: int,
        sent_ms: Sequence[int] = (),
        payloads: Sequence[bytes] = (),
    ) -> None:
        """See Recorder."""
        self.trace.messages(messages, now_ms, sent_ms, payloads)
        self.windows.take(messages, now_ms, payloads)
        thin, oldest_ms = self._thin, now_ms - BELIEVED_MS
        for (_, message), at_ms in zip(messages, sent_ms or repeat(now_ms), strict=False):
            if isinstance(message, Telemetry):
                if oldest_ms <= message.at_ms < thin.get(message.device, 0):
                    continue  # this device was seen lately
                self._seen(message.device, message, at_ms)
            elif isinstance(message, TelemetryBatch):
                for sample in message.samples:
                    self._seen(message.device, sample, at_ms)

    def _seen(self, device: str, report: Telemetry | Sample, sent_ms: int) -> None:
        """Let handlers see a report; one whose clock is wrong when it came, not when it says."""
        at_ms, thin = report.at_ms, self._thin
        if not sent_ms - BELIEVED_MS <= at_ms <= sent_ms:
            at_ms = sent_ms
        if at_ms >= thin.get(device, 0):
            thin[device] = at_ms - at_ms % THIN_MS + THIN_MS
            signals = plain(report.signals)
            self.emit(TelemetrySeen(at_ms=at_ms, device=device, signals=signals))

    def arrived(self, messages: Sequence[tuple[str, Uplink]], now_ms: int) -> None:
        """See Recorder."""
        self.published += len(messages)
        for check in self._tappers:
            check.on_messages(messages, now_ms)

    def verdicts(self, records: Sequence[Any]) -> None:
        """See Recorder."""
        for record in records:
            self.trace.fault(["verdict", record])
            self._write("verdict", record)

    def feed(self, events: Sequence[FeedSeen]) -> None:
        """See Recorder."""
        self.trace.feed(events)
        for e in events:
            self.counts[e.kind] = self.counts.get(e.kind, 0) + 1
            self._write("feed", [e.at_ms, e.kind, e.subject, e.data])
            self.emit(e)
            if (window := self.windows.of(e)) is not None:
                self.emit(window)

    def acted(self, intent: Intent, refused: str | None) -> None:
        """See Recorder."""
        self._write("act", [intent.at_ms, intent.actor, intent.verb, intent.subject, refused])
        self.emit(
            ActorActed(
                at_ms=intent.at_ms,
                actor=intent.actor,
                verb=intent.verb,
                subject=intent.subject,
                data=intent.data,
                refused=refused,
            )
        )

    def fault(
        self,
        at_ms: int,
        kind: str,
        target: str,
        params: Mapping[str, Any],
        *,
        ended: bool,
        by: str = "scenario",
    ) -> None:
        """See Recorder."""
        self.trace.fault(["fault", at_ms, kind, target, params, ended])
        self._write("fault", [at_ms, kind, target, params, ended])
        self.emit(
            FaultApplied(at_ms=at_ms, kind=kind, target=target, params=params, ended=ended, by=by)
        )

    def sampled(self, samples: Iterable[Any], now_ms: int) -> None:
        """See Recorder."""
        for s in samples:
            self.emit(
                TruthSampled(
                    at_ms=now_ms,
                    device=s.device,
                    component=s.component,
                    damage=s.damage,
                    signals=s.signals,
                    remaining_h=s.remaining_h,
                )
            )

    def state(self) -> dict[str, Any]:
        """All that a run remembers, for a snapshot."""
        return {
            "trace": self.trace.state(),
            "checks": [(check.name, vars(check)) for check in self.checks],
            "history": self.history,
            "windows": self.windows.state(),
            "counts": self.counts,
            "published": self.published,
            "ingested": self.ingested,
            "thin": self._thin,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what the snapshot was taken of.

        Raises:
            ScenarioError: If the scenario has other checks than it had then.
        """
        names = [name for name, _ in state["checks"]]
        if names != [check.name for check in self.checks]:
            raise ScenarioError(f"the snapshot was taken with other checks: {', '.join(names)}")
        for check, (_, values) in zip(self.checks, state["checks"], strict=True):
            for name, value in values.items():
                setattr(check, name, value)
        self.trace.restore(state["trace"])
        self.history, self.counts = state["history"], state["counts"]
        self.windows.restore(state["windows"])
        self.published, self.ingested = state["published"], state["ingested"]
        self._thin = state["thin"]
        self._told = {}  # the history is another one now

    def step(self, now_ms: int, ingested: int) -> None:
        """See Recorder."""
        self.ingested = ingested
        self.emit(
            StepDone(
                now_ms=now_ms,
                published=self.published,
                ingested=ingested,
                wall_s=time.perf_counter() - self._begun_s,
            )
        )
