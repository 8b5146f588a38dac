"""What a check is, and how the ones there are get found."""

from __future__ import annotations

import pkgutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from broker.ledger import Delivery
from broker.wire.messages import Uplink
from harness.events import Event
from harness.oracles.brief import Brief
from harness.sut.port import Stored

__all__ = [
    "Args",
    "Brief",
    "Check",
    "Decision",
    "Ending",
    "Seen",
    "Violation",
    "arguments",
    "catalog",
]


class Args(BaseModel):
    """Arguments of a check, as a scenario writes them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is known once the run is over."""

    at_ms: int
    ledger: Mapping[str, int]
    lost: Sequence[str] = ()
    """Lines such as ``<device> boot 1: 17-19``: produced and not stored."""
    deliveries: Sequence[Delivery] = ()
    """What went wrong on the way, by device, boot and number."""
    stored: Stored = field(default_factory=Stored)
    published: int = 0
    """Messages that the broker took."""
    costs_eur: Mapping[str, float] = field(default_factory=dict)
    """By what it was paid for, and ``total``."""


@dataclass(slots=True)
class Decision:
    """What a check came to."""

    passed: bool
    expected: str = ""
    seen: str = ""
    at_ms: int | None = None
    """When it was violated first, if it was."""
    event: Event | None = None
    """What violated it: the chain of causes begins there."""
    device: str | None = None
    """Where nothing happened: the device that it is about."""


@dataclass(slots=True)
class Violation:
    """The first thing that should not have happened."""

    at_ms: int
    expected: str
    seen: str
    event: Event | None = None


class Check:
    """Takes events one by one and decides at the end; keeps only plain data as its state.

    Subclasses set ``name`` (the file's), ``title`` and, where they take arguments, ``Arguments``.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    Arguments: ClassVar[type[Args]] = Args
    wants_messages: ClassVar[bool] = False
    hears: Collection[type[Event]] | None = None
    """The kinds of events that it looks at, and is told of; None: all."""

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - of type Arguments
        self.args, self.brief = args, brief
        self.violation: Violation | None = None

    def headline(self) -> str:
        """What it says, with the device or part that it is about; overridden where there is one."""
        return self.title

    def take(self, event: Event) -> None:
        """Take note of an event; a violation that it brings about is put down to it."""
        before = self.violation
        self.on_event(event)
        if self.violation is not before and self.violation is not None:
            self.violation.event = self.violation.event or event

    def on_event(self, event: Event) -> None:
        """Take note of an event; overridden."""

    def on_messages(self, messages: Iterable[tuple[str, Uplink]], at_ms: int) -> None:
        """Take note of what reached the broker by ``at_ms``; only if ``wants_messages``."""

    def decide(self, ending: Ending) -> Decision:
        """Passed unless something was violated; checks that wait for something override this."""
        del ending
        if self.violation is None:
            return Decision(passed=True)
        v = self.violation
        return Decision(
            passed=False, expected=v.expected, seen=v.seen, at_ms=v.at_ms, event=v.event
        )

    def violate(self, at_ms: int, expected: str, seen: str, event: Event | None = None) -> None:
        """Note a violation; the first one counts."""
        if self.violation is None:
            self.violation = Violation(at_ms, expected, seen, event)


@dataclass(slots=True)
class Seen:
    """Counts by key with the times, for the many checks that count something."""

    times: dict[str, list[int]] = field(default_factory=dict)

    def add(self, key: str, at_ms: int) -> int:
        """Count one more; returns how many there are."""
        self.times.setdefault(key, []).append(at_ms)
        return len(self.times[key])


@cache
def catalog() -> Mapping[str, type[Check]]:
    """Every check by name: each module beside this one that defines a Check of its own name."""
    import harness.checks as package  # noqa: PLC0415 - itself

    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        loaded = import_module(f"harness.checks.{module.name}")
        for thing in vars(loaded).values():
            if isinstance(thing, type) and getattr(thing, "name", None) == module.name:
                assert issubclass(thing, Check), f"{module.name}.py defines something else"
                found[module.name] = thing
    return found


def arguments() -> Mapping[str, type[BaseModel]]:
    """The model of the arguments of every check, for the loader."""
    return {name: check.Arguments for name, check in catalog().items()}
