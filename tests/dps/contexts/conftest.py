"""A DPS of contexts only: real kernel and store in memory, telemetry and registry as fakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from reference_impl.insight.adapters import repository as insight_rows
from reference_impl.insight.adapters.series import MetricSeries
from reference_impl.insight.whole import assemble
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.ports import Floats, Reduced, Take, ThingRef, Times, Window, Windows
from reference_impl.kernel.ranges import ANYTHING
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Store, UnitOfWork, metadata
from reference_impl.maintenance.adapters import repository as maintenance_rows
from reference_impl.maintenance.service import Maintenance
from reference_impl.maintenance.whole import assemble as assemble_work
from reference_impl.orders.adapters import repository as orders_rows
from reference_impl.orders.policies import Mode, Policy
from reference_impl.orders.service import Orders
from reference_impl.outcomes.adapters import repository as outcomes_rows
from reference_impl.outcomes.contracts.service import Outcomes
from reference_impl.published import FeedEvent, ModelInstalled
from reference_impl.rules.adapters import repository as rules_rows
from reference_impl.rules.service import Rules

MODEL = "pump-duplex-7k5"
H = 3_600_000
SIGNALS = ("available", "power_kw", "vibration_mm_s")
CONDITION = {
    "id": "bearing_wear",
    "position": "bearing",
    "algorithm": "exponential_rise",
    "version": "1",
    "every_s": 21_600,
    "params": {
        "signal": "vibration_mm_s",
        "limit": 6.0,
        "curvature": 3.6,
        "baseline_s": 172_800,
        "window_s": 86_400,
        "trend_s": 604_800,
    },
}
PART = {
    "title": "Bearing set",
    "price_eur": 350.0,
    "supplier": "acme",
    "lead_time_h": {"p50": 168.0, "p90": 240.0},
    "models": [MODEL],
}


class FakeTelemetry:
    """Readings in arrays; the plain meaning of the port, without its speed."""

    def __init__(self) -> None:
        self._data: dict[tuple[str, str], tuple[Times, Floats]] = {}

    def add(self, thing: str, signal: str, at_ms: Any, values: Any) -> None:
        old_ms, old = self._data.get((thing, signal), (np.empty(0, np.int64), np.empty(0)))
        times = np.concatenate([old_ms, np.atleast_1d(np.asarray(at_ms, dtype=np.int64))])
        column = np.concatenate([old, np.atleast_1d(np.asarray(values, dtype=np.float64))])
        order = np.argsort(times, kind="stable")
        self._data[thing, signal] = (times[order], column[order])

    def drop(self, thing: str, keep: Any) -> None:
        """Keep only the readings whose mask entry is true."""
        for key, (times, values) in self._data.items():
            if key[0] == thing:
                self._data[key] = (times[keep], values[keep])

    def series(self, thing: str, signal: str, *, after_ms: int, to_ms: int) -> tuple[Times, Floats]:
        empty = (np.empty(0, np.int64), np.empty(0))
        times, values = self._data.get((thing, signal), empty)
        low = np.searchsorted(times, after_ms, side="right")
        high = np.searchsorted(times, to_ms, side="right")
        return times[low:high], values[low:high]

    def windows(
        self, things: Sequence[str], wanted: Sequence[Reduced], *, ends_ms: Sequence[int]
    ) -> Window:
        shape = (len(wanted), len(ends_ms), len(things))
        whole = Window(np.empty(shape), np.empty(shape, dtype=np.int64))
        for number, kind in enumerate(wanted):
            for place, end_ms in enumerate(ends_ms):
                after_ms = end_ms - kind.over_ms
                found = self._window(things, kind.signal, kind.take, after_ms, end_ms)
                whole.values[number, place], whole.newest_ms[number, place] = found
        return whole

    def windowed(
        self, things: Sequence[str], _wanted: Sequence[Reduced], *, ends_ms: Sequence[int]
    ) -> Windows:
        def window(kind: Reduced) -> Window:
            values, newest_ms = self.windows(things, [kind], ends_ms=ends_ms)
            return Window(values[0], newest_ms[0])

        windows: Any = SimpleNamespace(window=window, within=lambda _: ANYTHING)
        return windows

    def _window(
        self, things: Sequence[str], signal: str, take: Take, after_ms: int, to_ms: int
    ) -> tuple[list[float], list[int]]:
        takes: dict[Take, Callable[[Floats], float]] = {
            Take.MEAN: lambda v: float(v.mean()),
            Take.MIN: lambda v: float(v.min()),
            Take.MAX: lambda v: float(v.max()),
            Take.LAST: lambda v: float(v[-1]),
            Take.SUM: lambda v: float(v.sum()),
            Take.COUNT: lambda v: float(v.size),
        }
        out, newest = [], []
        for thing in things:
            _, values = self.series(thing, signal, after_ms=after_ms, to_ms=to_ms)
            before, _ = self.series(thing, signal, after_ms=-1, to_ms=to_ms)
            nothing = 0.0 if take in (Take.COUNT, Take.SUM) else np.nan
            out.append(takes[take](values) if values.size else nothing)
            newest.append(before[-1] if before.size else -1)
        return out, [int(at_ms) for at_ms in newest]


class FakeArrivals:
    """What a test says has come in late, told once."""

    def __init__(self) -> None:
        self.late: dict[str, int] = {}

    def fresh(self, _conn: sa.Connection, after: int) -> tuple[dict[str, int], int]:
        found, self.late = self.late, {}
        return found, after + bool(found)


class FakeDirectory:
    """Things by id, one customer and one site each if not said otherwise."""

    def __init__(self) -> None:
        self.refs: dict[str, ThingRef] = {}
        self.numbers: dict[str, float] = {}

    def add(self, thing: str, customer: str = "water-works") -> None:
        self.refs[thing] = ThingRef(
            thing=thing, model=MODEL, site="station-01", customer=customer, title=thing
        )

    def thing(self, conn: sa.Connection, thing: str) -> ThingRef | None:
        return self.refs.get(thing)

    def things(self, conn: sa.Connection, model: str | None = None) -> Sequence[ThingRef]:
        return [self.refs[t] for t in sorted(self.refs) if model in (None, self.refs[t].model)]

    def signals(self, conn: sa.Connection, model: str) -> Sequence[str]:
        return SIGNALS if model == MODEL else ()

    def constants(self, conn: sa.Connection, model: str) -> dict[str, float]:
        return self.numbers


class Rig:
    """The contexts, wired. ``feed`` has every event that the world would see."""

    def __init__(self, before: Rig | None = None) -> None:
        """New, or all services new on the store and the readings of one ``before``."""
        self.bus = Bus() if before is None else before.bus
        self.store = Store("sqlite://", self.bus) if before is None else before.store
        metadata.create_all(self.store.engine)
        self.scheduler = Scheduler()
        self.telemetry = FakeTelemetry() if before is None else before.telemetry
        self.directory = FakeDirectory() if before is None else before.directory
        self.now_ms = 0
        self.feed: list[FeedEvent] = []
        self.bus.subscribe_all(self._see)
        self.series = MetricSeries(self.store, self.telemetry)
        self.arrivals = FakeArrivals()
        self.analytics = assemble(
            store=self.store,
            rows=insight_rows.rows(),
            scheduler=self.scheduler,
            series=self.series,
            arrivals=self.arrivals,
            directory=self.directory,
            raised=lambda conn, thing: self.rules.listed(conn, "alerts", thing=thing),
        )
        self.insight = self.analytics.insight
        self.orders = Orders(
            rows=orders_rows.rows(), scheduler=self.scheduler, directory=self.directory
        )
        self.rules = Rules(
            store=self.store,
            rows=rules_rows.rows(),
            scheduler=self.scheduler,
            telemetry=self.telemetry,
            directory=self.directory,
            conditions=self.insight,
            parts=self.orders.catalogue,
        )
        self.maintenance = Maintenance(
            rows=maintenance_rows.rows(),
            scheduler=self.scheduler,
            directory=self.directory,
            levels=self.insight,
        )
        self.work = assemble_work(
            rows=maintenance_rows.rows(),
            scheduler=self.scheduler,
            directory=self.directory,
            orders=self.maintenance,
            alerts=lambda conn, alert: next(
                iter(self.rules.listed(conn, "alerts", id=alert)), None
            ),
            shelves=self.orders.stock,
            parts=lambda *_: [],
            contracts=lambda *_: [],
        )
        self.outcomes = Outcomes(
            rows=outcomes_rows.rows(),
            scheduler=self.scheduler,
            telemetry=self.telemetry,
            directory=self.directory,
        )
        for service in (self.analytics, self.orders, self.rules, self.maintenance, self.outcomes):
            service.subscribe(self.bus)

    def _see(self, _uow: UnitOfWork, event: object) -> None:
        if isinstance(event, FeedEvent):
            self.feed.append(event)

    def do(self, use_case: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a use case in a transaction of its own."""
        with self.store.begin() as uow:
            return use_case(uow, *args, **kwargs)

    def install(
        self, *things: str, mode: str = "auto", condition: Any = None, **limits: Any
    ) -> None:
        """Model, part, things and policy."""
        for thing in things:
            self.directory.add(thing)
        model = ModelInstalled(
            model=MODEL,
            product="pump",
            signals={name: {} for name in SIGNALS},
            parts=({"part": "bearing-set", "position": "bearing", "quantity": 1},),
            conditions=(CONDITION if condition is None else condition,),
        )
        self.do(lambda uow: uow.publish(model))
        self.do(self.orders.catalogue.put, "bearing-set", PART)
        policy = Policy(mode=Mode(mode), **limits)
        self.do(self.orders.put_policy, "water-works", policy)

    def advance(self, to_ms: int) -> None:
        """What a clock call does, in one transaction."""
        with self.store.begin() as uow:
            self.scheduler.advance(uow, from_ms=self.now_ms, to_ms=to_ms)
        self.now_ms = to_ms

    def kinds(self, prefix: str = "") -> list[str]:
        """Kinds of the events so far, in order."""
        return [event.kind for event in self.feed if event.kind.startswith(prefix)]

    def rows(self, service: Any, what: str, **equals: Any) -> list[dict[str, Any]]:
        """Rows of a context's table."""
        with self.store.read() as conn:
            found: list[dict[str, Any]] = service.listed(conn, what, **equals)
            return found


@pytest.fixture
def make_rig() -> Iterator[Callable[[], Rig]]:
    """Makes rigs, and closes their stores."""
    made: list[Rig] = []

    def make() -> Rig:
        made.append(Rig())
        return made[-1]

    yield make
    for rig in made:
        rig.store.close()


@pytest.fixture
def rig(make_rig: Callable[[], Rig]) -> Rig:
    """One rig."""
    return make_rig()
