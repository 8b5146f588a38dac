"""What a page needs to know of a run, gathered from its events: series, lanes, tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.events import (
    Event,
    FeedSeen,
    RunFinished,
    RunResult,
    RunStarted,
    TelemetrySeen,
    TruthHappened,
    TruthSampled,
)
from harness.grading.explain import Explainer
from harness.report.story import Line, Storyteller

ORDER_STEPS = ("placed", "confirmed", "shipped", "delivered")
VISIT_STEPS = ("requested", "planned", "departed", "arrived", "completed", "verified")


@dataclass(slots=True)
class Series:
    """One curve: simulated times and values of equal length."""

    at_ms: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, at_ms: int, value: float) -> None:
        """Append one point."""
        self.at_ms.append(at_ms)
        self.values.append(value)

    def thinned(self, most: int) -> tuple[list[int], list[float]]:
        """At most about ``most`` points; of each stretch its lowest and its highest stay."""
        count = len(self.values)
        if count <= most:
            return self.at_ms, self.values
        stretch = -(-2 * count // most)
        keep: set[int] = {0, count - 1}
        for begin in range(0, count, stretch):
            places = range(begin, min(begin + stretch, count))
            keep.add(min(places, key=self.values.__getitem__))
            keep.add(max(places, key=self.values.__getitem__))
        chosen = sorted(keep)
        return [self.at_ms[i] for i in chosen], [self.values[i] for i in chosen]


@dataclass(slots=True, kw_only=True)
class Process:
    """An order, a work order or an alert: who it is about, and when it took which step."""

    ident: str
    what: str
    thing: str
    title: str
    steps: dict[str, int] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class RunLog:
    """Listens to a run. Product-agnostic: names come out of the events."""

    started: RunStarted | None = None
    result: RunResult | None = None
    lines: list[Line] = field(default_factory=list)
    damage: dict[tuple[str, str], Series] = field(default_factory=lambda: defaultdict(Series))
    wear: dict[tuple[str, str], Series] = field(default_factory=lambda: defaultdict(Series))
    reports: dict[str, list[TelemetrySeen]] = field(default_factory=lambda: defaultdict(list))
    """By device, as they came."""
    processes: dict[str, Process] = field(default_factory=dict)
    truths: list[TruthHappened] = field(default_factory=list)
    periods: list[FeedSeen] = field(default_factory=list)
    between: list[FeedSeen] = field(default_factory=list)
    """What parties of a platform were told and paid, and what they read of each other."""
    devices: set[str] = field(default_factory=set)
    why: Explainer = field(default_factory=Explainer)
    _watched: dict[str, None] = field(default_factory=dict)
    _known: dict[str, None] = field(default_factory=dict)
    _teller: Storyteller = field(default_factory=Storyteller)

    def on_event(self, event: Event) -> None:
        """Take note of one event."""
        if isinstance(event, TelemetrySeen):  # usual; no cause of anything
            self.devices.add(event.device)
            self.reports[event.device].append(event)
            if not event.signals.keys() <= self._known.keys():
                self._known |= dict.fromkeys(event.signals)
            return
        self.why.on_event(event)
        if isinstance(event, TruthSampled):
            self.devices.add(event.device)
            self.damage[event.device, event.component].add(event.at_ms, event.damage)
            return
        line = self._teller.tell(event)
        if line is not None:
            self.lines.append(line)
        if isinstance(event, FeedSeen):
            self._feed(event)
        elif isinstance(event, TruthHappened):
            self.truths.append(event)
        elif isinstance(event, RunStarted):
            self.started = event
        elif isinstance(event, RunFinished):
            self.result = event.result

    def _feed(self, event: FeedSeen) -> None:
        what, _, step = event.kind.partition(".")
        data = event.data
        if event.kind == "condition.evaluated":
            if data.get("wear_pct") is not None:
                key = (event.subject, str(data.get("position", "")))
                self.wear[key].add(event.at_ms, float(data["wear_pct"]))
            for name in _names(data.get("evidence")):
                self._watched[name] = None
        elif what in ("order", "work_order", "alert", "recommendation"):
            self._step(event, what, step)
        elif event.kind == "outcome.period_closed":
            self.periods.append(event)
        elif what in ("settlement", "payout", "secondary_use"):
            self.between.append(event)

    def _step(self, event: FeedSeen, what: str, step: str) -> None:
        data = event.data
        # An alert comes and goes under one id, so each raise is a bar of its own.
        ident = event.subject
        if what == "alert":
            times = sum(key.startswith(f"{ident}#") for key in self.processes)
            ident = f"{ident}#{times + (step == 'raised')}"
        process = self.processes.get(ident)
        if process is None:
            need = str(data.get("need_key", "")).split("/", 1)[0]
            title = (
                data.get("rule") if what == "alert" else data.get("part") or data.get("position")
            )
            process = Process(
                ident=event.subject, what=what, thing=str(data.get("thing") or need),
                title=str(title or event.subject),
            )  # fmt: skip
            self.processes[ident] = process
        process.steps.setdefault(step, event.at_ms)
        process.data.update({key: value for key, value in data.items() if value is not None})

    def of_kind(self, what: str) -> list[Process]:
        """Orders, work orders, alerts or recommendations, oldest first."""
        found = [process for process in self.processes.values() if process.what == what]
        return sorted(found, key=lambda process: min(process.steps.values()))

    def watched_signals(self) -> list[str]:
        """The signals that conditions look at; if none says so, the first that devices send."""
        chosen = [name for name in self._watched if name in self._known]
        return chosen or list(self._known)[:1]

    def telemetry(self, device: str, signal: str) -> Series | None:
        """The curve of one signal of one device, if it was ever measured."""
        seen = [event for event in self.reports.get(device, ()) if signal in event.signals]
        if not seen:
            return None
        return Series([event.at_ms for event in seen], [event.signals[signal] for event in seen])

    def telling_devices(self, most: int) -> list[str]:
        """Devices with something to tell first (truth, alerts, orders), then a healthy one."""
        busy = dict.fromkeys(
            [truth.subject for truth in self.truths]
            + [process.thing for process in self.processes.values()]
        )
        told = [device for device in busy if device in self.devices]
        quiet = sorted(self.devices - set(told))
        return told[: most - 1] + quiet[:1] if told else quiet[:most]

    def downtime_h(self) -> dict[str, float]:
        """Hours that each device stood still, from the truth."""
        since: dict[str, int] = {}
        hours: dict[str, float] = defaultdict(float)
        for truth in self.truths:
            if truth.kind == "device.down":
                since.setdefault(truth.subject, truth.at_ms)
            elif truth.kind == "device.up" and truth.subject in since:
                hours[truth.subject] += (truth.at_ms - since.pop(truth.subject)) / 3_600_000
        if self.result is not None:
            for device, at_ms in since.items():
                hours[device] += (self.result.end_ms - at_ms) / 3_600_000
        return dict(hours)


def _names(evidence: object) -> Iterable[str]:
    """Everything in a condition's evidence that may be a signal's name: keys and texts."""
    if not isinstance(evidence, Mapping):
        return ()
    texts = [value for value in evidence.values() if isinstance(value, str)]
    return [*texts, *map(str, evidence)]
