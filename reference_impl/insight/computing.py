"""Metrics are computed at the begin of each move of time: then all readings of it are in.

They depend on readings alone, so what they will be at each evaluation is known by then; conditions
and rules that are evaluated later read them like any signal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import sqlalchemy as sa

from reference_impl.insight.declared import Declared, read_model
from reference_impl.insight.metrics import Metric, MetricKind
from reference_impl.insight.ports import InsightRows
from reference_impl.insight.zones import By, edges
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.cached import Cached
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import Directory, Floats, Reduced, TelemetryView, ThingRef, Times
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Store, UnitOfWork
from reference_impl.published import ModelInstalled

BEFORE_MS = (2 * 86_400_000, 45 * 86_400_000, 2**62)
"""How far back the reading before the first new one is looked for, nearest first."""


class Series(TelemetryView, Protocol):
    """Telemetry, with the metrics among it."""

    def declare(self, names: frozenset[str]) -> None:
        """Which names are computed."""
        ...

    def put(
        self,
        uow: UnitOfWork,
        metric: str,
        found: Mapping[str, tuple[list[int], list[float]]],
        *,
        from_ms: int | None = None,
    ) -> None:
        """Write points of a metric by thing, in place of those from the first new one on."""
        ...


class Arrivals(Protocol):
    """What was stored since somebody looked last."""

    def fresh(self, conn: sa.Connection, after: int) -> tuple[Mapping[str, int], int]:
        """The earliest time in the blocks behind number ``after``, by thing; the newest number."""
        ...


class Computing:
    """Knows what each model declares, and computes its metrics."""

    def __init__(
        self,
        *,
        store: Store,
        rows: InsightRows,
        scheduler: Scheduler,
        series: Series,
        arrivals: Arrivals,
        directory: Directory,
    ) -> None:
        self._store, self._rows, self._series = store, rows, series
        self._arrivals, self._directory = arrivals, directory
        self._models: dict[str, Declared] = {}
        self._marks: Cached[str, int] = Cached(
            lambda conn: {row["model"]: row["block"] for row in rows.marks.items(conn)}
        )
        scheduler.ahead(self.compute)

    def subscribe(self, bus: Bus) -> None:
        """Listen for models, and take up those that the store has."""
        bus.subscribe(ModelInstalled, self.on_model)
        with self._store.read() as conn:
            for row in self._rows.models.items(conn):
                self._models[row["model"]] = read_model(**row)
        self._declare()

    def declared(self, model: str) -> Declared | None:
        """What a model declares; None before it is installed."""
        return self._models.get(model)

    def models(self) -> list[Declared]:
        """What all models declare, by model."""
        return [declared for _, declared in sorted(self._models.items())]

    def on_model(self, uow: UnitOfWork, event: ModelInstalled) -> None:
        """Keep what a model declares.

        Raises:
            Invalid: With everything that is wrong with it.
        """
        bodies = {
            name: [dict(body) for body in getattr(event, name)]
            for name in ("metrics", "sessions", "diagnosis", "quality")
        }
        declared = read_model(event.model, event.signals, conditions=event.conditions, **bodies)
        signals = {name: dict(spec) for name, spec in event.signals.items()}
        self._rows.models.put(uow, {"model": event.model, "signals": signals, **bodies})
        uow.after_commit(lambda: self._keep(declared))

    def _keep(self, declared: Declared) -> None:
        self._models[declared.model] = declared
        self._declare()

    def _declare(self) -> None:
        models = self._models.values()
        self._series.declare(frozenset(m.id for declared in models for m in declared.metrics))

    def compute(self, uow: UnitOfWork, from_ms: int, to_ms: int) -> None:
        """Compute all metrics for evaluations in ``(from_ms, to_ms]``."""
        for model, declared in sorted(self._models.items()):
            refs = self._directory.things(uow.conn, model) if declared.metrics else ()
            if not refs:
                continue
            since: dict[str, int] = {}
            if any(m.kind is not MetricKind.SAMPLED for m in declared.metrics):
                seen = self._marks.of(uow).get(model, -1)
                since, newest = self._fresh(uow, seen)
                if newest != seen:
                    self._marks.of(uow)[model] = newest
                    self._rows.marks.put(uow, {"model": model, "block": newest})
            for metric in declared.metrics:
                if metric.kind is MetricKind.SAMPLED:
                    self._sample(uow, metric, refs, from_ms, to_ms)
                elif metric.kind is MetricKind.CONTINUOUS:
                    for ref in refs:
                        first_ms = min(since.get(ref.thing, from_ms + 1), from_ms + 1)
                        self._follow(uow, metric, ref.thing, first_ms, to_ms)
                else:
                    self._daily(uow, metric, refs, since, (from_ms, to_ms))

    def _fresh(self, uow: UnitOfWork, seen: int) -> tuple[dict[str, int], int]:
        found, newest = self._arrivals.fresh(uow.conn, seen)
        return dict(found), newest

    def _sample(
        self, uow: UnitOfWork, metric: Metric, refs: Sequence[ThingRef], from_ms: int, to_ms: int
    ) -> None:
        first = (from_ms // metric.every_ms + 1) * metric.every_ms
        ends = range(first, to_ms + 1, metric.every_ms)
        if not ends:
            return
        things = [ref.thing for ref in refs]
        values = self._windows(metric, things, ends)
        found = {}
        for place, thing in enumerate(things):
            column = values[:, place].tolist()
            here = ~np.isnan(values[:, place])
            points = [(t, sig9(v)) for t, v, is_ in zip(ends, column, here, strict=True) if is_]
            if points:
                found[thing] = ([t for t, _ in points], [v for _, v in points])
        self._series.put(uow, metric.id, found)

    def _windows(
        self, metric: Metric, things: Sequence[str], ends: Sequence[int], over_ms: int | None = None
    ) -> Floats:
        wanted = [
            Reduced(one.signal, one.take, one.over_ms if over_ms is None else over_ms)
            for one in metric.inputs.values()
        ]
        window = self._series.windows(things, wanted, ends_ms=ends)
        columns = dict(zip(metric.inputs, window.values, strict=True))
        there = np.ones(window.values.shape[1:], dtype=np.bool_)
        for number, kind in enumerate(wanted):  # a sum of nothing is no value
            oldest = np.array(ends, dtype=np.int64)[:, None] - kind.over_ms
            there &= window.newest_ms[number] > oldest
        return np.where(there, metric.of_columns(columns), np.nan)

    def _follow(
        self, uow: UnitOfWork, metric: Metric, thing: str, first_ms: int, to_ms: int
    ) -> None:
        at_ms, values = self.points(metric, thing, first_ms, to_ms)
        times, found = at_ms.tolist(), [sig9(value) for value in values.tolist()]
        self._series.put(uow, metric.id, {thing: (times, found)}, from_ms=first_ms)

    def points(self, metric: Metric, thing: str, first_ms: int, to_ms: int) -> tuple[Times, Floats]:
        """The values of a continuous metric at reports in ``[first_ms, to_ms]``."""
        nothing: tuple[Times, Floats] = (np.empty(0, dtype=np.int64), np.empty(0))
        for back_ms in BEFORE_MS if metric.law is not None else (0,):
            after_ms = max(first_ms - 1 - back_ms, -1)
            read = [
                self._series.series(thing, signal, after_ms=after_ms, to_ms=to_ms)
                for signal in metric.signals
            ]
            at_ms = read[0][0]
            for times, _ in read[1:]:
                at_ms = np.intersect1d(at_ms, times, assume_unique=False)
            if not at_ms.size or at_ms[-1] < first_ms:
                return nothing
            if at_ms[0] < first_ms or after_ms < 0:
                break
        columns = [values[np.searchsorted(times, at_ms)] for times, values in read]
        found = metric.of_points(at_ms, columns)
        here = (at_ms >= first_ms) & ~np.isnan(found)
        return at_ms[here], found[here]

    def _daily(
        self,
        uow: UnitOfWork,
        metric: Metric,
        refs: Sequence[ThingRef],
        since: Mapping[str, int],
        span: tuple[int, int],
    ) -> None:
        for things, time_zone, first_ms in _alike(refs, since, span[0]):
            found: dict[str, tuple[list[int], list[float]]] = {}
            begins = edges(first_ms, span[1], By.DAY, time_zone)
            for begin, end in pairwise(begins):
                if not (begin < end <= span[1] and end > first_ms):
                    continue
                values = self._windows(metric, things, [end - 1], end - begin)[0].tolist()
                for thing, value in zip(things, values, strict=True):
                    if value == value:  # noqa: PLR0124 - not NaN
                        times, kept = found.setdefault(thing, ([], []))
                        times.append(end - 1)
                        kept.append(sig9(value))
            if found:
                self._series.put(uow, metric.id, found)


def _alike(
    refs: Sequence[ThingRef], since: Mapping[str, int], from_ms: int
) -> Iterator[tuple[list[str], str, int]]:
    """Things of one zone together; a thing whose past has changed by itself, from there on."""
    zones: dict[str, list[str]] = {}
    for ref in refs:
        first_ms = since.get(ref.thing, from_ms + 1)
        if first_ms <= from_ms:
            yield [ref.thing], ref.time_zone, first_ms
        else:
            zones.setdefault(ref.time_zone, []).append(ref.thing)
    for time_zone, things in zones.items():
        yield things, time_zone, from_ms
