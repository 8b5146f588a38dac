"""The readings that a rule looked at when it fired, kept for whoever asks why.

Reports are kept by step, as the bytes in which they went out, and sorted by device and read only
when a rule fires: a run in which nothing fires pays nothing for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from broker.wire import codec
from broker.wire.messages import Sample, Telemetry, Uplink, samples_of
from harness.events import FeedSeen, WindowSeen
from harness.scenario.units import parse_duration
from harness.sut.port import Call

FIRED = frozenset({"alert.raised", "recommendation.issued"})
KEPT_MS = 86_400_000
"""Reports that are older are let go: of longer windows the last day is shown."""
KEPT_REPORTS = 100_000
"""Of large fleets even fewer are kept, so that memory stays small (about 0.6 kB each)."""
DEFAULT_STALE, LAST_WITHIN = "1h", "7d"
"""Where a pack does not say how far back a last reading is looked for."""
SHOWN = 48
"""Readings of a window that are told one by one; count, least, mean and most are of all."""


class Input(NamedTuple):
    """A variable of a rule that is taken from a signal."""

    signal: str
    take: str
    over_ms: int
    ago_ms: int = 0


class _Step:
    """What devices sent in one step."""

    __slots__ = ("_by_device", "at_ms", "devices", "payloads")

    def __init__(self, at_ms: int, devices: Sequence[str], payloads: Sequence[bytes]) -> None:
        self.at_ms, self.devices, self.payloads = at_ms, devices, payloads
        self._by_device: dict[str, list[bytes]] | None = None

    def of(self, device: str) -> Iterable[bytes]:
        """The messages of one device."""
        if self._by_device is None:
            self._by_device = {}
            for one, payload in zip(self.devices, self.payloads, strict=True):
                self._by_device.setdefault(one, []).append(payload)
        return self._by_device.get(device, ())


class Windows:
    """Takes messages, and tells what a rule that fires has seen."""

    def __init__(self) -> None:
        self._rules: dict[tuple[str, str], dict[str, Input]] = {}
        self._steps: deque[_Step] = deque()
        self._count = 0

    def learn(self, calls: Iterable[Call]) -> None:
        """Know the windows of the packs among what is installed; a pack replaces its rules."""
        for call in calls:
            if call.path == "/v1/rule-packs":
                pack = str(call.body.get("pack", ""))
                stale = call.body.get("stale_after", DEFAULT_STALE)
                for rule in call.body.get("rules") or ():
                    self._rules[pack, str(rule.get("id"))] = dict(_inputs(rule, stale))

    def take(
        self,
        messages: Sequence[tuple[str, Uplink]],
        now_ms: int,
        payloads: Sequence[bytes] = (),
    ) -> None:
        """Keep what devices sent in a step; ``payloads``: what it is as bytes, where known."""
        payloads = payloads or [codec.encode(message) for _, message in messages]
        devices = [message.device for _, message in messages]
        steps = self._steps
        steps.append(_Step(now_ms, devices, payloads))
        self._count += len(devices)
        while steps and (steps[0].at_ms < now_ms - KEPT_MS or self._count > KEPT_REPORTS):
            self._count -= len(steps.popleft().devices)

    def of(self, event: FeedSeen) -> WindowSeen | None:
        """What the rule saw that an event tells of; None if it reads no signal."""
        if event.kind not in FIRED:
            return None
        data = event.data
        inputs = self._rules.get((str(data.get("pack")), str(data.get("rule"))))
        if not inputs:
            return None
        thing = str(data.get("thing", ""))
        reports = self._reports(thing)
        return WindowSeen(
            at_ms=event.at_ms,
            subject=event.subject,
            thing=thing,
            rule=str(data.get("rule")),
            inputs={name: _seen(reports, one, event.at_ms) for name, one in inputs.items()},
        )

    def _reports(self, device: str) -> list[Telemetry | Sample]:
        found: list[Telemetry | Sample] = []
        for step in self._steps:
            for payload in step.of(device):
                found += samples_of(codec.decode(payload))
        return found

    def state(self) -> dict[str, Any]:
        """What is kept, for a snapshot."""
        return {"steps": [(step.at_ms, step.devices, step.payloads) for step in self._steps]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what the snapshot was taken of."""
        self._steps = deque(_Step(*step) for step in state["steps"])
        self._count = sum(len(step.devices) for step in self._steps)


def _inputs(rule: Mapping[str, Any], stale: str) -> Iterable[tuple[str, Input]]:
    """The windows of a rule; of the last so many readings, those that may lie that far back."""
    for name, entry in (rule.get("let") or {}).items():
        if isinstance(entry, Mapping) and entry.get("signal"):
            back = "within" if "last" in entry else "over"
            over = entry.get(
                back, LAST_WITHIN if "last" in entry else rule.get("stale_after", stale)
            )
            take = str(entry.get("take", "last"))
            ago_ms = parse_duration(entry["ago"]) if "ago" in entry else 0
            yield str(name), Input(str(entry["signal"]), take, parse_duration(over), ago_ms)


def _seen(reports: Iterable[Telemetry | Sample], one: Input, at_ms: int) -> dict[str, Any]:
    """The readings in (at - over, at], sorted; each instant once; ``ago`` before the event."""
    at_ms -= one.ago_ms
    found = {
        report.at_ms: float(report.signals[one.signal])
        for report in reports
        if at_ms - one.over_ms < report.at_ms <= at_ms and one.signal in report.signals
    }
    rows = sorted(found.items())
    values = [value for _, value in rows]
    told = {"signal": one.signal, "take": one.take, "over_ms": one.over_ms, "count": len(rows)}
    if not rows:
        return told
    every = -(-len(rows) // SHOWN)
    shown = rows[::-every][::-1]  # the last one is always among them
    return {
        **told, "min": min(values), "mean": fmean(values), "max": max(values), "last": values[-1],
        "sum": sum(values), "at_ms": [at for at, _ in shown], "values": [v for _, v in shown],
    }  # fmt: skip
