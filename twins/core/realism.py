"""Realism checks: what a measured figure of our telemetry must lie between, and who said so.

A product states its checks in ``realism.py`` beside its physics, as ``CHECKS``; the laws that all
products share have theirs in :mod:`twins.core.checks`. Whoever runs them hands in the histories
they ask for, so that a year of a thousand devices is simulated once and shared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from twins.core.ports import Truth

Columns = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """A fault that begins ``after_h`` hours from the start of a history."""

    fault: str
    device: int
    """Which one of the fleet, from 0."""
    after_h: float
    params: Mapping[str, float | str] = field(default_factory=dict)
    companion: str = ""
    """Product of the fleet that comes with the one wanted, if the fault is of one of its
    devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which history a check needs. Equal wants share one history.

    ``random_faults`` scales the natural rates of all faults (0: only those injected here).
    """

    product: str
    sites: int
    devices_per_site: int
    days: float
    report_every_s: int = 900
    seed: int = 1
    start: str = "2026-01-05"
    params: Mapping[str, float] = field(default_factory=dict)
    faults: tuple[Injected, ...] = ()
    random_faults: float = 0.0
    link: str = "wired"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a fleet reported, and what was true, report by report.

    ``at_ms`` has shape ``(t,)``; every column of ``telemetry`` and ``truth`` shape ``(t, n)``;
    NaN where nothing was measured. ``events`` is the truth ledger of the whole span.
    """

    devices: tuple[str, ...]
    at_ms: NDArray[np.int64]
    telemetry: Mapping[str, Columns]
    truth: Mapping[str, Columns]
    damage: Mapping[str, Columns]
    """True damage by component, shape ``(t, n)``."""
    events: Sequence[Truth]
    companions: Mapping[str, History] = field(default_factory=dict)
    """Histories of the fleets that came with this one, by product, with clocks of their own."""


class Histories(Protocol):
    """Makes histories, each once."""

    def get(self, wanted: Wanted) -> History:
        """The history that was asked for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure and the band it must lie in, both ends allowed."""

    name: str
    value: float
    low: float = -math.inf
    high: float = math.inf
    unit: str = ""

    @property
    def ok(self) -> bool:
        """Whether the figure lies in its band; NaN never does."""
        return bool(self.low <= self.value <= self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One numbered check of the realism list.

    ``expected`` is the band in the list's own words, ``source`` the set it was measured on, or
    "source only" where no real data were at hand. A ``deep`` check needs a large or long fleet.
    """

    number: int
    title: str
    expected: str
    source: str
    measure: Callable[[Histories], Sequence[Figure]]
    deep: bool = False
