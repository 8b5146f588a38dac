"""What the harness needs of a DPS. docs/reference/dps-contract.md is the long form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from harness.events import FeedSeen
from twins.core.ports import Intent


class Call(NamedTuple):
    """One call of the DPS's API that installs something; ``about`` is for messages to people.

    With ``refused`` the DPS must say no, with that code of an error.
    """

    method: str
    path: str
    body: Mapping[str, Any]
    about: str
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What the DPS says about itself."""

    name: str
    version: str
    level: str
    driven: bool
    """Whether it follows ``/v1/clock``; else it is driven live, by what it receives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockAnswer:
    """What the DPS did up to ``now_ms``."""

    now_ms: int
    commands: tuple[str, ...]
    next_due_ms: int | None
    feed_cursor: str
    ingested: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """The DPS waited, and misses this many messages per site."""

    missing: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the DPS has: per device and boot, ranges of ``seq`` (both ends included)."""

    devices: Mapping[str, Mapping[int, Sequence[tuple[int, int]]]] = field(default_factory=dict)
    dead: int = 0
    total: int = 0
    known: bool = True
    """False: it does not say what it holds."""


class FeedPage(NamedTuple):
    """A page of the feed, and where the next one begins."""

    events: list[FeedSeen]
    cursor: str


class SystemUnderTest(Protocol):
    """A DPS that can be installed, driven and read. Every method may raise SutError."""

    async def open(self) -> None:
        """Start it, or wait until it is there and has subscribed."""
        ...

    async def close(self) -> None:
        """Leave nothing running; safe to call twice."""
        ...

    async def info(self) -> Info:
        """Who it is and what it can do."""
        ...

    async def install(self, calls: Sequence[Call]) -> None:
        """Install customers, sites, models, parts, things, rules, policies, contracts.

        Raises:
            ScenarioError: If it refuses what the scenario asks for (422), with its reasons.
        """
        ...

    async def clock(
        self, now_ms: int, delivered: Mapping[str, int], wait_s: float
    ) -> ClockAnswer | Short:
        """Let its time come to ``now_ms``, once it holds what was delivered."""
        ...

    async def feed(self, after: str) -> FeedPage:
        """All events after the cursor (empty: from the beginning)."""
        ...

    async def act(self, intent: Intent) -> str | None:
        """Do what an actor wants; returns why the DPS refused, if it did."""
        ...

    async def stored(self) -> Stored:
        """Which messages it holds."""
        ...

    async def get(self, path: str) -> Any:  # noqa: ANN401 - JSON of any shape
        """Read anything of its API."""
        ...

    async def snapshot(self, path: Path) -> None:
        """Copy its store into a file, at rest."""
        ...

    async def go_live(self) -> None:
        """Let it follow what arrives from now on, instead of clock calls; its store stays.

        Raises:
            InvalidRun: If it is not ours to start again.
        """
        ...

    async def kill(self, point: str) -> None:
        """Kill it as by kill -9, now or when it next comes by ``point``; it is started again."""
        ...

    async def leave(self, how: str) -> None:
        """Be away until :meth:`come_back`: ``kill``, ``restart`` (in good order) or ``pause``."""
        ...

    async def come_back(self) -> None:
        """Be there again after :meth:`leave`."""
        ...
