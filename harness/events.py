"""What the engine says while a run goes on. Checks, reports, traces and the demo page listen.

All ``*_ms`` are simulated milliseconds since the Unix epoch; ``wall_s`` is real seconds.
The kinds of which there are most are structs, which are made and written in half the time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """Everything is up; simulated time is about to move."""

    title: str
    story: str
    scenario: str
    seed: int
    mode: str
    link: str
    broker: str
    start_ms: int
    until_ms: int
    sites: int
    devices: int
    run_dir: Path
    notes: tuple[str, ...] = ()
    """What the reader should know, e.g. which broker stood in for another."""
    broker_url: str = ""
    dps_url: str = ""
    portal_url: str = ""
    """Where a person can look while the run goes on; empty where there is nothing."""
    replay: str = ""
    """The command that does the same again, for a run that does not come to its end."""


class StepDone(msgspec.Struct, frozen=True, kw_only=True):
    """One lock-step step (or one live round) is over. The counts are running totals."""

    now_ms: int
    published: int
    ingested: int
    wall_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthHappened:
    """Something real: an onset, a failure, a fitted part, downtime. Never on the wire."""

    at_ms: int
    kind: str
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)


class TruthSampled(msgspec.Struct, frozen=True, kw_only=True):
    """The hidden state of one component at a time, for the plot of truth beside belief."""

    at_ms: int
    device: str
    component: str
    damage: float
    """0 as new, 1 broken."""
    signals: Mapping[str, float] = msgspec.field(default_factory=dict)
    remaining_h: float | None = None
    """Hours until it fails if nobody interferes; None: not foreseeable."""


class TelemetrySeen(msgspec.Struct, frozen=True, kw_only=True):
    """Thinned-out telemetry (per device at most one per simulated hour), for plots and the demo."""

    at_ms: int
    device: str
    signals: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSeen:
    """An event of the DPS's feed (docs/reference/dps-contract.md lists the kinds)."""

    at_ms: int
    kind: str
    subject: str
    data: Mapping[str, Any]
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSeen:
    """The readings in the windows of a rule that has fired; told right after the feed's event."""

    at_ms: int
    subject: str
    """The alert or recommendation."""
    thing: str
    rule: str
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By variable of the rule: ``signal``, ``take``, ``over_ms``, ``count``, and if there are any
    ``min``, ``mean``, ``max``, ``last``, ``sum``, and up to 48 readings (``at_ms``, ``values``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorActed:
    """A supplier, crew or customer did something through the public API."""

    at_ms: int
    actor: str
    verb: str
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)
    refused: str | None = None
    """What the DPS answered if it refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultApplied:
    """An entry of the scenario's timeline took effect, or a fault that a hand asked for."""

    at_ms: int
    kind: str
    target: str
    params: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False
    by: str = "scenario"
    """``scenario``, or ``you`` if a hand on the control asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDecided:
    """A check passed or failed, once per check and run."""

    at_ms: int
    check: str
    phase: str
    """``always`` or ``eventually``, or the kind of the check."""
    passed: bool
    title: str
    where: str
    """``file:line:column`` of the check in the scenario."""
    expected: str = ""
    seen: str = ""
    around: tuple[str, ...] = ()
    """Up to 20 lines of trace around the first violation."""
    causes: tuple[str, ...] = ()
    """From what violated it back to rule, readings and truth; or how far things got."""
    replay: str = ""
    """The command that shows it again; empty if it passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The last event of a run."""

    result: RunResult


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run came to; ``twinrig run --json`` prints it."""

    verdict: str
    """``passed``, ``failed``, or ``error``."""
    exit_code: int
    scenario: str
    title: str
    seed: int
    mode: str
    link: str
    broker: str
    trace_hash: str
    outcome_hash: str
    start_ms: int
    end_ms: int
    simulated_s: float
    wall_s: float
    published: int
    ingested: int
    ledger: Mapping[str, int]
    """Counts by name: produced, handed, stored, lost, duplicated, late, recovered, dead_letters."""
    orders: int
    work_orders: int
    costs_eur: Mapping[str, float]
    checks: tuple[CheckDecided, ...]
    replay: str
    run_dir: Path
    report: Path | None = None
    error: str = ""
    notes: tuple[str, ...] = ()
    deliveries: tuple[str, ...] = ()
    """What went wrong on the way to the store, one line per device and boot, by number."""

    @property
    def failed_checks(self) -> tuple[CheckDecided, ...]:
        """The checks that did not hold."""
        return tuple(check for check in self.checks if not check.passed)


Event = (
    RunStarted
    | StepDone
    | TruthHappened
    | TruthSampled
    | TelemetrySeen
    | FeedSeen
    | WindowSeen
    | ActorActed
    | FaultApplied
    | CheckDecided
    | RunFinished
)


class EventHandler(Protocol):
    """Anything that listens to a run. It must not change what it is given, nor block.

    One that looks at some kinds of events only may name them (``hears``, see :func:`hears`): it is
    then not called for others, of which there are many.
    """

    def on_event(self, event: Event) -> None:
        """Take note of one event; called in order, on the engine's thread."""
        ...


def hears(listener: object, kind: type[Event]) -> bool:
    """Whether a check or a handler looks at a kind of event: at all, unless it names some."""
    named: Collection[type[Event]] | None = getattr(listener, "hears", None)
    return named is None or kind in named
