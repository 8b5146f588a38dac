"""Insight alone: real store and scheduler, readings in arrays, things with time zones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference_impl.insight.adapters.repository import rows as insight_rows
from reference_impl.insight.adapters.series import MetricSeries
from reference_impl.insight.whole import assemble
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.ports import Floats, Reduced, Take, ThingRef, Times, Window, Windows
from reference_impl.kernel.ranges import ANYTHING
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Store, metadata
from reference_impl.published import FeedEvent, ModelInstalled, PartFitted

MODEL = "machine-1"
_TAKES: Mapping[Take, Callable[[Floats], float]] = {
    Take.MEAN: lambda v: float(v.mean()),
    Take.MIN: lambda v: float(v.min()),
    Take.MAX: lambda v: float(v.max()),
    Take.LAST: lambda v: float(v[-1]),
    Take.SUM: lambda v: float(v.sum()),
    Take.COUNT: lambda v: float(v.size),
}


class Arrays:
    """Measured readings; the plain meaning of the port."""

    def __init__(self) -> None:
        self.data: dict[tuple[str, str], tuple[Times, Floats]] = {}

    def add(self, thing: str, signal: str, at_ms: Any, values: Any) -> None:
        old = self.data.get((thing, signal), (np.empty(0, np.int64), np.empty(0)))
        times = np.concatenate([old[0], np.atleast_1d(np.asarray(at_ms, dtype=np.int64))])
        column = np.concatenate([old[1], np.atleast_1d(np.asarray(values, dtype=np.float64))])
        _, first = np.unique(times, return_index=True)  # a duplicate is dropped, as ingestion does
        self.data[thing, signal] = (times[first], column[first])

    def series(self, thing: str, signal: str, *, after_ms: int, to_ms: int) -> tuple[Times, Floats]:
        nothing = (np.empty(0, np.int64), np.empty(0))
        times, values = self.data.get((thing, signal), nothing)
        low, high = np.searchsorted(times, [after_ms, to_ms], side="right")
        return times[low:high], values[low:high]

    def windows(
        self, things: Sequence[str], wanted: Sequence[Reduced], *, ends_ms: Sequence[int]
    ) -> Window:
        shape = (len(wanted), len(ends_ms), len(things))
        whole = Window(np.empty(shape), np.empty(shape, dtype=np.int64))
        for place in np.ndindex(shape):
            kind, end_ms, thing = wanted[place[0]], ends_ms[place[1]], things[place[2]]
            _, inside = self.series(
                thing, kind.signal, after_ms=end_ms - kind.over_ms, to_ms=end_ms
            )
            before, _ = self.series(thing, kind.signal, after_ms=-1, to_ms=end_ms)
            nothing = 0.0 if kind.take in (Take.COUNT, Take.SUM) else np.nan
            whole.values[place] = _TAKES[kind.take](inside) if inside.size else nothing
            whole.newest_ms[place] = before[-1] if before.size else -1
        return whole

    def windowed(
        self, things: Sequence[str], _wanted: Sequence[Reduced], *, ends_ms: Sequence[int]
    ) -> Windows:
        def window(kind: Reduced) -> Window:
            values, newest_ms = self.windows(things, [kind], ends_ms=ends_ms)
            return Window(values[0], newest_ms[0])

        windows: Any = SimpleNamespace(window=window, within=lambda _: ANYTHING)
        return windows


class Arrivals:
    """Says once what a test says came late."""

    def __init__(self) -> None:
        self.late: dict[str, int] = {}

    def fresh(self, _conn: Any, after: int) -> tuple[dict[str, int], int]:
        found, self.late = self.late, {}
        return found, after + bool(found)


class Lab:
    """Insight on a store of its own."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.store = Store("sqlite://", self.bus)
        metadata.create_all(self.store.engine)
        self.scheduler, self.telemetry, self.arrivals = Scheduler(), Arrays(), Arrivals()
        self.refs: dict[str, ThingRef] = {}
        self.signals: list[str] = []
        self.feed: list[Any] = []
        self.alerts: list[dict[str, Any]] = []
        self.now_ms = 0
        directory: Any = SimpleNamespace(
            thing=lambda _conn, thing: self.refs.get(thing),
            things=lambda _conn, model=None: [self.refs[name] for name in sorted(self.refs)],
            signals=lambda _conn, model: self.signals,
        )
        self.series = MetricSeries(self.store, self.telemetry)  # type: ignore[arg-type]
        self.analytics = assemble(
            store=self.store,
            rows=insight_rows(),
            scheduler=self.scheduler,
            series=self.series,
            arrivals=self.arrivals,
            directory=directory,
            raised=lambda _conn, thing: [a for a in self.alerts if a["thing"] == thing],
        )
        self.analytics.subscribe(self.bus)
        self.bus.subscribe_all(
            lambda _uow, event: self.feed.append(event) if isinstance(event, FeedEvent) else None
        )

    def thing(self, thing: str, zone: str = "UTC") -> None:
        self.refs[thing] = ThingRef(
            thing=thing, model=MODEL, site="s", customer="c", title=thing, time_zone=zone
        )

    def install(self, signals: Sequence[str], **bodies: Sequence[Mapping[str, Any]]) -> None:
        """The model and what it declares."""
        given = {name: tuple(found) for name, found in bodies.items()}
        self.signals = [*signals, *(metric["id"] for metric in given.get("metrics", ()))]
        event = ModelInstalled(
            model=MODEL,
            product="p",
            signals={name: {} for name in signals},
            parts=(),
            conditions=given.pop("conditions", ()),
            **given,
        )
        self.do(lambda uow: uow.publish(event))

    def do(self, use_case: Callable[..., Any], *args: Any, **more: Any) -> Any:
        with self.store.begin() as uow:
            return use_case(uow, *args, **more)

    def ask(self, question: Callable[..., Any], *args: Any, **more: Any) -> Any:
        with self.store.read() as conn:
            return question(conn, *args, **more)

    def fit(self, thing: str, position: str, at_ms: int, cycle: int = 2) -> None:
        data = {"position": position, "cycle": cycle}
        event = PartFitted(at_ms=at_ms, kind="part.fitted", subject=thing, data=data)
        self.do(lambda uow: uow.publish(event))

    def advance(self, to_ms: int, step_ms: int | None = None) -> None:
        """Clock calls up to ``to_ms``; one, or one per step."""
        while self.now_ms < to_ms:
            next_ms = to_ms if step_ms is None else min(self.now_ms + step_ms, to_ms)
            with self.store.begin() as uow:
                self.scheduler.advance(uow, from_ms=self.now_ms, to_ms=next_ms)
            self.now_ms = next_ms

    def points(self, thing: str, signal: str) -> tuple[list[int], list[float]]:
        times, values = self.series.series(thing, signal, after_ms=-1, to_ms=2**60)
        return times.tolist(), values.tolist()

    def history(self, thing: str, condition: str) -> list[dict[str, Any]]:
        def read(conn: Any) -> Any:
            return self.analytics.insight.listed(conn, "history", thing=thing, condition=condition)

        found: list[dict[str, Any]] = self.ask(read)
        return found


@pytest.fixture
def lab() -> Iterator[Lab]:
    """One of it."""
    made = Lab()
    yield made
    made.store.close()


@pytest.fixture
def make_lab() -> Iterator[Callable[[], Lab]]:
    """Makes several."""
    made: list[Lab] = []

    def make() -> Lab:
        made.append(Lab())
        return made[-1]

    yield make
    for one in made:
        one.store.close()
