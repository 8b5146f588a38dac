"""Faults that nobody injects: those that come by themselves, and those that a visit leaves."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.manifest import FaultSpec
from twins.core.pending import PendingTable, Row
from twins.core.streams import keys
from twins.core.twin import Build, Columns

YEAR_MS = 365.25 * 86_400_000.0
VISIT_SHARE = 0.04
"""Share of visits that leave a fault behind (3-5 %; twins reference, section 2: E, S13)."""

Begin = Callable[[int, int, str, str, Mapping[str, float]], None]
"""(at_ms, device, fault, cause, parameters)."""


class Mishap(NamedTuple):
    """A natural fault that begins."""

    device: int
    fault: str
    params: Mapping[str, float]


class Mishaps:
    """Arrivals of natural faults as columns, one per fault that has a rate.

    The k-th gap of a device and a fault is draw k of their own stream, exponential with the
    fault's rate times the fleet's ``random_faults``; what is due before the next report gets a
    pending row. Parameters are drawn between ``Param.drawn`` where a product says so, uniformly
    (log-uniformly over a decade or more), and are at their defaults otherwise.

    Those of ``at_reports`` begin with the first report after they came, as a batch: to stop a large
    fleet's physics for each of them would cost more than all the rest.
    """

    def __init__(
        self,
        *,
        kind: str,
        rank: int,
        faults: Mapping[str, FaultSpec],
        build: Build,
        pending: PendingTable,
        begin: Begin,
        at_reports: Collection[str] = (),
    ) -> None:
        self._kind, self._faults, self._build = kind, faults, build
        self._pending, self._begin = pending, begin
        self._things = keys(build.devices)
        self._rates = {
            name: spec.rate_per_year * build.random_faults / YEAR_MS
            for name, spec in faults.items()
            if spec.rate_per_year * build.random_faults > 0.0
        }
        self._left = {
            name: spec.after_maintenance
            for name, spec in faults.items()
            if spec.after_maintenance > 0.0
        }
        self._at_reports = frozenset(at_reports)
        self._waiting: list[tuple[int, int, str, int]] = []
        n = len(build.devices)
        self._counts: dict[str, NDArray[np.int64]] = {
            name: np.zeros(n, dtype=np.int64) for name in self._rates
        }
        self._next: dict[str, Columns] = {name: np.zeros(n) for name in self._rates}
        self._soonest: dict[str, float] = {}
        self._first = math.inf
        self._visits = np.zeros(n, dtype=np.int64)
        pending.serve(kind, rank=rank, handler=self._on_due)

    def start(self, next_report_ms: int) -> None:
        """Begin: the first arrival of every fault."""
        everywhere = np.arange(len(self._build.devices))
        for name in self._rates:
            self._draw_gap(name, everywhere)
        self._first = min(self._soonest.values(), default=math.inf)
        self.look_ahead(next_report_ms)

    def look_ahead(self, next_report_ms: int) -> None:
        """Rows for everything that comes before the next report."""
        by = float(next_report_ms - self._build.start_ms)
        if self._first > by:
            return
        for name, at in self._next.items():
            while self._soonest[name] <= by:
                due = np.flatnonzero(at <= by)
                if name in self._at_reports:
                    self._waiting += [
                        (int(np.ceil(at[device])), device, name, int(self._counts[name][device]))
                        for device in due.tolist()
                    ]
                    self._draw_gap(name, due)
                    continue
                for device in due.tolist():
                    due_ms = self._build.start_ms + int(np.ceil(at[device]))
                    subject = f"{self._build.devices[device]}/{name}"
                    number = int(self._counts[name][device])
                    args = {"device": device, "fault": name, "number": number}
                    self._pending.add(due_ms, self._kind, subject, args)
                self._draw_gap(name, due)
        self._first = min(self._soonest.values())

    def report(self) -> list[Mishap]:
        """A report is about to be made: what waited for it, in the order in which it came."""
        waiting, self._waiting = sorted(self._waiting), []
        return [
            Mishap(device, name, self._params(name, f"fault/{name}", device, number))
            for _, device, name, number in waiting
        ]

    def visited(self, now_ms: int, device: int) -> None:
        """A visit is over: 3-5 % of them leave a fault, chosen by weight."""
        self._visits[device] += 1
        visit, share = int(self._visits[device]), VISIT_SHARE * self._build.random_faults
        if not self._left or share <= 0.0 or self._uniform("visit/leaves", device, visit) >= share:
            return
        names, weights = list(self._left), np.cumsum(list(self._left.values()))
        at = self._uniform("visit/which", device, visit) * weights[-1]
        name = names[int(np.searchsorted(weights, at, side="right"))]
        params = self._params(name, f"visit/{name}", device, visit)
        self._begin(now_ms, device, name, "maintenance", params)

    def dump(self) -> dict[str, Any]:
        """Everything that changes (pending rows are kept elsewhere)."""
        return {
            "counts": self._counts,
            "next": self._next,
            "visits": self._visits,
            "waiting": [list(one) for one in self._waiting],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._counts, self._next = dict(state["counts"]), dict(state["next"])
        self._visits = state["visits"]
        self._waiting = [(at, *rest) for at, *rest in state["waiting"]]
        self._soonest = {name: float(at.min()) for name, at in self._next.items()}
        self._first = min(self._soonest.values(), default=math.inf)

    def _draw_gap(self, name: str, devices: NDArray[np.int64]) -> None:
        counts = self._counts[name]
        counts[devices] += 1
        uniform = self._build.streams.uniforms(
            f"fault/gap/{name}", self._things[devices], counts[devices]
        )
        self._next[name][devices] += -np.log1p(-uniform) / self._rates[name]
        self._soonest[name] = float(self._next[name].min())

    def _on_due(self, row: Row) -> None:
        name, device, number = row.args["fault"], row.args["device"], row.args["number"]
        params = self._params(name, f"fault/{name}", device, number)
        self._begin(row.due_ms, device, name, "random", params)

    def _params(self, name: str, purpose: str, device: int, number: int) -> dict[str, float]:
        given = {}
        for key, param in self._faults[name].params.items():
            if param.drawn is None:
                continue
            low, high = param.drawn
            share = self._uniform(f"{purpose}/{key}", device, number)
            if param.whole:
                given[key] = float(min(low + np.floor(share * (high - low + 1.0)), high))
            elif low > 0.0 and high >= 10.0 * low:
                given[key] = float(low * (high / low) ** share)
            else:
                given[key] = float(low + (high - low) * share)
        return given

    def _uniform(self, purpose: str, device: int, draw: int) -> float:
        things = self._things[device : device + 1]
        return float(self._build.streams.uniforms(purpose, things, draw)[0])
