"""Ports that several contexts need; bootstrap hands them the adapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Take(StrEnum):
    """How a window of readings becomes one number."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    LAST = "last"
    COUNT = "count"
    SUM = "sum"


class Reduced(NamedTuple):
    """A kind of window: the readings of a signal of the last ``over_ms``, as one number."""

    signal: str
    take: Take
    over_ms: int


class Window(NamedTuple):
    """Numbers and how new they are, in arrays of one shape; NaN: there is nothing."""

    values: Floats
    newest_ms: Times


Range = tuple[float, float]
"""The lowest and the highest that a number can be, where it is not NaN."""


class Windows(Protocol):
    """Windows of some kinds at some ends, each taken when it is asked for."""

    def window(self, kind: Reduced) -> Window:
        """One of the kinds, of shape ``(ends, things)``."""
        ...

    def within(self, kind: Reduced) -> Range:
        """Between what all its values lie, found without taking it; the bounds need not be met."""
        ...

    def reported_ms(self) -> Times:
        """When each thing reported last at or before each end, ``(ends, things)``; -1: never.

        A report of any signal counts.
        """
        ...


class Readings(NamedTuple):
    """Reports of several things as they came, one thing behind the other, each by time.

    ``times_ms`` has shape ``(k,)``; each of ``values`` too, NaN where a report lacks the signal;
    thing i has the places from ``starts[i]`` to before ``starts[i + 1]``.
    """

    times_ms: Times
    values: Mapping[str, Floats]
    starts: Times


class TelemetryView(Protocol):
    """Reads stored telemetry by event time. Only committed readings, sorted by ``at_ms``."""

    def windows(
        self, things: Sequence[str], wanted: Sequence[Reduced], *, ends_ms: Sequence[int]
    ) -> Window:
        """For each kind of window, one number per end and thing.

        It is of the readings with ``end - over_ms < at_ms <= end``. Several kinds and ends
        (ascending) at once, for they share their readings.

        Returns:
            Arrays of shape ``(len(wanted), len(ends_ms), len(things))``: NaN where there is nothing
            (0.0 for COUNT and SUM); ``newest_ms`` is the time of the newest reading at or before
            the end, also from before the window, or -1 where there is none.
        """
        ...

    def windowed(
        self, things: Sequence[str], wanted: Sequence[Reduced], *, ends_ms: Sequence[int]
    ) -> Windows:
        """:meth:`windows`, each kind when it is asked for.

        ``wanted`` are the kinds that may be; the answers hold until more readings come in.
        """
        ...

    def series(self, thing: str, signal: str, *, after_ms: int, to_ms: int) -> tuple[Times, Floats]:
        """All readings with ``after_ms < at_ms <= to_ms``, oldest first, shape ``(k,)`` each."""
        ...

    def readings(
        self, things: Sequence[str], signals: Sequence[str], *, after_ms: int, to_ms: int
    ) -> Readings:
        """All reports with ``after_ms < at_ms <= to_ms`` (also those without these signals)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingRef:
    """Where a thing belongs."""

    thing: str
    model: str
    site: str
    customer: str
    title: str
    time_zone: str = "UTC"
    """IANA name of the zone of its location."""


class Directory(Protocol):
    """Reads the registry."""

    def thing(self, conn: sa.Connection, thing: str) -> ThingRef | None:
        """The thing, or None."""
        ...

    def things(self, conn: sa.Connection, model: str | None = None) -> Sequence[ThingRef]:
        """All things (of a model), ordered by id."""
        ...

    def signals(self, conn: sa.Connection, model: str) -> Sequence[str]:
        """Names of the signals of a model; empty if there is no such model."""
        ...

    def constants(self, conn: sa.Connection, model: str) -> Mapping[str, float]:
        """Numbers that hold for every thing of a model, by name."""
        ...


class Clock(Protocol):
    """What time the DPS believes it is: the last clock call, or the live watermark."""

    def now_ms(self) -> int:
        """Simulated milliseconds since the Unix epoch."""
        ...
