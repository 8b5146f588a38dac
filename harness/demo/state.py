"""What the demo page shows: gathered on the engine's thread, read by the page's.

Two worlds on one seed: the engine's own, with the service, and its twin without it, which is
stepped to the same simulated moment whenever the engine has finished a step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from harness.demo.tally import Tally
from harness.events import (
    Event,
    FaultApplied,
    RunResult,
    RunStarted,
    StepDone,
    TruthHappened,
)
from harness.report.runlog import RunLog, Series
from harness.report.story import Line
from harness.report.words import plain
from harness.world.control import WantedFault
from twins.core.errors import InvalidFault
from twins.core.ports import Truth

POINTS = 400
"""Points per curve on the page."""


class OtherWorld(Protocol):
    """The world without the service, as far as the demo drives it."""

    def advance(self, to_ms: int) -> Iterable[Truth]:
        """Live on to ``to_ms`` and tell what really happened."""
        ...

    def inject(self, fault: str, device: str, params: Mapping[str, float | str]) -> None:
        """Break the same thing as in the other arm."""
        ...

    def damage(self) -> Mapping[str, float]:
        """The worst true damage of each device, 0 as new, 1 broken."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One of the two worlds in figures."""

    downtime_h: float
    costs_eur: float
    costs_by_kind_eur: Mapping[str, float]
    failures: int
    fitted: int
    standing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """What came of a click, in words for the one who clicked."""

    text: str
    good: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that the page shows at one moment; immutable, so drawing needs no lock."""

    title: str
    story: str
    now_ms: int
    start_ms: int
    until_ms: int
    with_service: Arm
    without: Arm
    lines: tuple[Line, ...]
    devices: tuple[str, ...]
    messages: int
    steps: int
    result: RunResult | None
    error: str
    notices: tuple[Notice, ...]
    """What came of the wishes of the hand at the page, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """The curves of one device: points are (simulated ms, value)."""

    truth_pct: list[tuple[int, float]]
    without_pct: list[tuple[int, float]]
    belief_pct: list[tuple[int, float]]
    signal: str
    signal_values: list[tuple[int, float]]
    moments: list[tuple[int, str]]


@dataclass(slots=True)
class DemoState:
    """An engine's event handler. All public methods may be called from any thread.

    Args:
        other: Makes the world without the service; called when the run starts.
        eur_per_h: What an hour of standstill costs, by device.
    """

    other: Callable[[], OtherWorld]
    eur_per_h: Mapping[str, float]
    log: RunLog = field(default_factory=RunLog)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _other: OtherWorld | None = None
    _other_damage: dict[str, Series] = field(default_factory=dict)
    _now_ms: int = 0
    _steps: int = 0
    _messages: int = 0
    _error: str = ""
    _notices: list[Notice] = field(default_factory=list)
    _with: Tally = field(init=False)
    _without: Tally = field(init=False)

    def __post_init__(self) -> None:
        self._with = Tally(eur_per_h=self.eur_per_h)
        self._without = Tally(eur_per_h=self.eur_per_h)

    def on_event(self, event: Event) -> None:
        """Take note, and let the other world keep up."""
        if isinstance(event, RunStarted):
            self._other = self.other()
            self._now_ms = event.start_ms
        elif isinstance(event, FaultApplied):
            self._break_other(event)
        truths: list[Truth] = []
        if isinstance(event, StepDone) and self._other is not None:
            truths = list(self._other.advance(event.now_ms))
        with self._lock:
            self.log.on_event(event)
            if isinstance(event, TruthHappened):
                self._with.truth(event.at_ms, event.kind, event.subject, event.data)
            elif isinstance(event, StepDone):
                self._step(event, truths)

    def _break_other(self, event: FaultApplied) -> None:
        # Faults of links and of the DPS mean nothing to a world that has neither.
        if self._other is None or event.ended or event.target not in self._other.damage():
            return
        truths = list(self._other.advance(event.at_ms))
        why_not = ""
        try:
            self._other.inject(event.kind, event.target, event.params)
        except InvalidFault as error:  # without the service it may stand still for days
            why_not = "; ".join(error.problems)
        with self._lock:
            self._count(truths)
            if event.by == "you":
                self._notices.append(self._injected(event, why_not))

    def _injected(self, event: FaultApplied, why_not: str) -> Notice:
        what = f"{event.target}: {plain(event.kind)}"
        if why_not:
            return Notice(f"{what}, with the service only; without it, {why_not}", good=False)
        worn = _worst(s for (name, _), s in self.log.damage.items() if name == event.target)
        if worn is not None and worn.values[-1] > 0:
            return Notice(f"{what}; it was at {100 * worn.values[-1]:.0f} % and goes on from there")
        return Notice(f"{what} begins, in both worlds")

    def refused(self, wanted: WantedFault, why: str) -> None:
        """A fault that the hand at the page asked for cannot be."""
        with self._lock:
            text = f"{wanted.device}: {plain(wanted.fault)} changes nothing now; {why}"
            self._notices.append(Notice(text, good=False))

    @property
    def beginning(self) -> bool:
        """Broker and DPS are on their way up."""
        with self._lock:
            return self.log.started is None and not self._error

    def _count(self, truths: Iterable[Truth]) -> None:
        for truth in truths:
            self._without.truth(truth.at_ms, truth.kind, truth.subject, truth.data)

    def _step(self, event: StepDone, truths: Iterable[Truth]) -> None:
        self._now_ms, self._messages = event.now_ms, event.published
        self._steps += 1
        self._count(truths)
        if self._other is not None:
            for device, damage in self._other.damage().items():
                series = self._other_damage.setdefault(device, Series())
                series.add(event.now_ms, 100 * damage)

    def fail(self, text: str) -> None:
        """The engine gave up; the page says why."""
        with self._lock:
            self._error = text

    def view(self, lines: int = 200) -> View:
        """The moment as it is, with the newest ``lines`` of the story, newest first."""
        with self._lock:
            started, log = self.log.started, self.log
            return View(
                title=started.title if started else "",
                story=started.story if started else "",
                now_ms=self._now_ms,
                start_ms=started.start_ms if started else 0,
                until_ms=started.until_ms if started else 0,
                with_service=self._arm(self._with),
                without=self._arm(self._without),
                lines=_newest(log.lines, lines),
                devices=tuple(sorted(log.devices)),
                messages=self._messages,
                steps=self._steps,
                result=log.result,
                error=self._error,
                notices=tuple(self._notices),
            )

    def _arm(self, tally: Tally) -> Arm:
        return Arm(
            downtime_h=tally.downtime_h(self._now_ms), costs_eur=tally.costs_eur(self._now_ms),
            costs_by_kind_eur=tally.costs_by_kind_eur(self._now_ms),
            failures=tally.failures, fitted=tally.fitted, standing=tally.standing(),
        )  # fmt: skip

    def curves(self, device: str) -> Curves:
        """What is known of one device so far."""
        with self._lock:
            log = self.log
            truth = _worst(s for (name, _), s in log.damage.items() if name == device)
            belief = _worst(s for (name, _), s in log.wear.items() if name == device)
            signal = next(iter(log.watched_signals()), "")
            moments = [(p.steps["placed"], "order") for p in log.of_kind("order")
                       if p.thing == device and "placed" in p.steps]  # fmt: skip
            moments += [(t.at_ms, "new part") for t in log.truths
                        if t.subject == device and t.kind == "part.fitted"]  # fmt: skip
            return Curves(
                truth_pct=_points(truth, scale=100.0),
                without_pct=_points(self._other_damage.get(device)),
                belief_pct=_points(belief),
                signal=signal,
                signal_values=_points(log.telemetry(device, signal)),
                moments=moments,
            )


def _newest(lines: list[Line], most: int) -> tuple[Line, ...]:
    """Newest first by simulated time; the truth of a step comes before what was made of it."""
    recent = sorted(lines[-2 * most :], key=lambda line: line.at_ms)
    return tuple(reversed(recent[-most:]))


def _worst(found: Iterable[Series]) -> Series | None:
    """Of several components the one with the highest last value."""
    return max(found, key=lambda series: series.values[-1], default=None)


def _points(series: Series | None, scale: float = 1.0) -> list[tuple[int, float]]:
    if series is None:
        return []
    at_ms, values = series.thinned(POINTS)
    return [(at, round(scale * value, 3)) for at, value in zip(at_ms, values, strict=True)]
