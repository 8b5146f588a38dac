"""Faults that nobody injects: those that come by themselves, and those that a visit leaves."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from twins.core import mishap_kernel
from twins.core.manifest import FaultSpec
from twins.core.pending import PendingTable, Row
from twins.core.streams import keys
from twins.core.twin import Build

YEAR_MS = 365.25 * 86_400_000.0
ROOM = 256
"""Arrivals that are taken at a time."""
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
        self._kind, self._build = kind, build
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
        self._drawn = {
            name: [(key, param) for key, param in spec.params.items() if param.drawn is not None]
            for name, spec in faults.items()
        }
        self._waiting: list[tuple[int, int, str, int]] = []
        n, names = len(build.devices), tuple(self._rates)
        self._named = [(name, name in at_reports) for name in names]
        """Faults in their order, and whether they begin with a report."""
        self._roots = np.array(
            [build.streams.root(f"fault/gap/{name}") for name in names], dtype=np.uint64
        )
        self._means_ms = 1.0 / np.array(list(self._rates.values()))
        self._counts = np.zeros((len(names), n), dtype=np.int32)
        self._next_ms = np.zeros((len(names), n))
        self._soonest_ms = np.zeros((len(names), -(-n // mishap_kernel.TILE)))
        self._first_ms = math.inf
        self._visits = np.zeros(n, dtype=np.int64)
        pending.serve(kind, rank=rank, handler=self._on_due)

    def start(self, next_report_ms: int) -> None:
        """Begin: the first arrival of every fault."""
        if self._rates:
            mishap_kernel.begin(
                self._things, self._roots, self._means_ms, self._next_ms, self._counts,
                self._soonest_ms,
            )  # fmt: skip
        self._note()
        self.look_ahead(next_report_ms)

    def look_ahead(self, next_report_ms: int) -> None:
        """Rows for everything that comes before the next report."""
        by_ms = float(next_report_ms - self._build.start_ms)
        if self._first_ms > by_ms:
            return
        who, at_ms = np.empty((ROOM, 3), dtype=np.int64), np.empty(ROOM)
        found = ROOM
        while found == ROOM:
            found = mishap_kernel.arrive(
                by_ms, self._things, self._roots, self._means_ms, self._next_ms, self._counts,
                self._soonest_ms, who, at_ms,
            )  # fmt: skip
            due_ms = np.ceil(at_ms[:found]).astype(np.int64).tolist()
            for (fault, device, number), due in zip(who[:found].tolist(), due_ms, strict=True):
                name, waits = self._named[fault]
                if waits:
                    self._waiting.append((due, device, name, number))
                else:
                    self._await(name, device, number, due)
        self._note()

    def _await(self, name: str, device: int, number: int, due_ms: int) -> None:
        """A fault will come ``due_ms`` after the start, and not wait for a report."""
        subject = f"{self._build.devices[device]}/{name}"
        args = {"device": device, "fault": name, "number": number}
        self._pending.add(self._build.start_ms + due_ms, self._kind, subject, args)

    def report(self) -> list[Mishap]:
        """A report is about to be made: what waited for it, in the order in which it came."""
        waiting, self._waiting = sorted(self._waiting), []
        return [
            Mishap(device, name, self._params(name, f"fault/{name}", device, number))
            if self._drawn[name]
            else Mishap(device, name, {})
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
            "next_ms": self._next_ms,
            "visits": self._visits,
            "waiting": [list(one) for one in self._waiting],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._counts, self._next_ms = state["counts"], state["next_ms"]
        self._visits = state["visits"]
        self._waiting = [(at, *rest) for at, *rest in state["waiting"]]
        if self._rates:
            mishap_kernel.note(self._next_ms, self._soonest_ms)
        self._note()

    def _note(self) -> None:
        self._first_ms = float(self._soonest_ms.min()) if self._rates else math.inf

    def _on_due(self, row: Row) -> None:
        name, device, number = row.args["fault"], row.args["device"], row.args["number"]
        params = self._params(name, f"fault/{name}", device, number)
        self._begin(row.due_ms, device, name, "random", params)

    def _params(self, name: str, purpose: str, device: int, number: int) -> dict[str, float]:
        given = {}
        for key, param in self._drawn[name]:
            assert param.drawn is not None
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
