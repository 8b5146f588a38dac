"""One test of a pack under way: its series as columns, its rules as they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from reference_impl.kernel.ports import Floats, Range, Readings, Take, Times, Window
from reference_impl.kernel.ranges import ANYTHING
from reference_impl.rules import columns
from reference_impl.rules.decided import Columns, Decided, Plan, decide, decide_anew
from reference_impl.rules.domain import (
    ConditionInput,
    Input,
    Instance,
    Pack,
    PartInput,
    Phase,
    SignalInput,
)
from reference_impl.rules.engine import walk
from reference_impl.rules.states import active_column, fired_column
from reference_impl.rules.variables import StateInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Which rules are firing after the last evaluation at or before ``at_ms``."""

    at_ms: int
    at: str
    firing: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test. ``signals`` are those of the thing, then those of each thing beside it."""

    name: str
    every_ms: int
    base_ms: int
    zone: str
    signals: Sequence[Mapping[str, Floats]]
    conditions: Mapping[tuple[str, str], Floats]
    parts: Mapping[str, float]
    constants: Mapping[str, float]
    expect: tuple[Expectation, ...]


class Trial:
    """Evaluates a pack on the series of a case, as the service does on telemetry."""

    def __init__(self, pack: Pack, case: Case, ends_ms: Sequence[int]) -> None:
        self._pack, self._ends_ms = pack, ends_ms
        self._plan = Plan(pack.rules)
        self._inputs = _CaseInputs(self._plan, case, ends_ms)
        self._columns = Columns(self._plan, self._inputs, ends_ms)
        self._instances: dict[tuple[str, int], Instance] = {}
        self._decided: list[Decided] = decide(self._plan, self._columns)
        inputs = enumerate(self._plan.inputs)
        self._own = {place for place, one in inputs if isinstance(one, StateInput)}

    def evaluate(self, number: int) -> None:
        """One evaluation."""
        at_ms = self._ends_ms[number]
        if self._own:
            self._inputs.look(self._instances)
            self._decided = decide_anew(self._plan, self._columns, self._decided, self._own)
        for judged in walk(self._pack, self._decided, number, self._instances, at_ms=at_ms):
            key = (judged.rule.id, judged.thing)
            if judged.after is None:
                self._instances.pop(key, None)
                continue
            was = judged.before is not None and judged.before.phase is Phase.ACTIVE
            if judged.after.phase is Phase.ACTIVE and not was and judged.thing == 0:
                self._inputs.fired.setdefault(judged.rule.id, []).append(at_ms)
            self._instances[key] = judged.after

    def firing(self) -> frozenset[str]:
        """The rules that are ACTIVE on the thing of the test."""
        return frozenset(
            rule
            for (rule, thing), one in self._instances.items()
            if thing == 0 and one.phase is Phase.ACTIVE
        )


class _CaseInputs:
    """The columns of a test at some instants: the thing of the test, and those beside it."""

    def __init__(self, plan: Plan, case: Case, ends_ms: Sequence[int]) -> None:
        self._case, self._ends_ms = case, ends_ms
        self._things = len(case.signals)
        self.zones = [case.zone] * self._things
        self._active: Mapping[tuple[str, int], Instance] = {}
        self.fired: dict[str, list[int]] = {}
        fixed = [one for one in plan.inputs if isinstance(one, columns.Fixed)]
        self._fixed = columns.FixedColumns(fixed, self, ends_ms)

    def look(self, instances: Mapping[tuple[str, int], Instance]) -> None:
        """Take these as how the rules stand."""
        self._active = instances

    @property
    def shape(self) -> tuple[int, int]:
        """Evaluations and things."""
        return len(self._ends_ms), self._things

    def column(self, wanted: Input) -> Window:
        """One input; see :class:`reference_impl.rules.decided.Inputs`."""
        if isinstance(wanted, columns.Fixed):
            return self._fixed.column(wanted)
        if isinstance(wanted, StateInput):
            ends_ms: Times = np.array(self._ends_ms, dtype=np.int64)
            now_ms = np.broadcast_to(ends_ms[:, None], self.shape)
            return Window(self._state(wanted, ends_ms), now_ms)
        values, newest_ms = np.empty(self.shape), np.empty(self.shape, dtype=np.int64)
        for place, at_ms in enumerate(self._ends_ms):
            for thing in range(self._things):
                values[place, thing], newest_ms[place, thing] = self._at(wanted, at_ms, thing)
        return Window(values, newest_ms)

    def within(self, wanted: Input) -> Range | None:
        """See :class:`reference_impl.rules.decided.Inputs`."""
        if isinstance(wanted, SignalInput):
            return ANYTHING
        return self._fixed.within(wanted) if isinstance(wanted, columns.Fixed) else None

    def _at(
        self, wanted: SignalInput | ConditionInput | PartInput, at_ms: int, thing: int
    ) -> tuple[float, int]:
        case = self._case
        if isinstance(wanted, SignalInput):
            samples = case.signals[thing].get(wanted.signal, np.empty(0))
            return self._window(samples, wanted, at_ms)
        if isinstance(wanted, PartInput):
            return case.parts.get(f"{wanted.part}.{wanted.field}", nan), at_ms
        samples = case.conditions.get((wanted.condition, wanted.field), np.empty(0))
        return self._last(samples, at_ms)

    def _last(self, samples: Floats, at_ms: int) -> tuple[float, int]:
        case = self._case
        seen = np.flatnonzero(~np.isnan(samples[: (at_ms - case.base_ms) // case.every_ms]))
        if not seen.size:
            return nan, -1
        newest = int(seen[-1])
        return float(samples[newest]), case.base_ms + (newest + 1) * case.every_ms

    def _times(self, samples: Floats) -> Times:
        step: Times = np.arange(1, samples.size + 1, dtype=np.int64)
        return self._case.base_ms + step * self._case.every_ms

    def _window(self, samples: Floats, wanted: SignalInput, at_ms: int) -> tuple[float, int]:
        _, newest_ms = self._last(samples, at_ms)
        times = self._times(samples)
        inside = (times > at_ms - wanted.over_ms) & (times <= at_ms)
        values = samples[inside & ~np.isnan(samples)]
        return _taken(values, wanted.take), newest_ms

    # What surrounds the other variables; see reference_impl.rules.columns.Surroundings.

    def groups(self, among: str) -> Sequence[str]:
        """All things of a test are neighbours."""
        return [among] * self._things

    def readings(self, signals: Sequence[str], *, after_ms: int, to_ms: int) -> Readings:
        """The samples of a time; a report is where any series of the thing has one."""
        times_of, starts = [], [0]
        values: dict[str, list[Floats]] = {signal: [] for signal in signals}
        for of_thing in self._case.signals:
            size = max((column.size for column in of_thing.values()), default=0)
            table = np.full((len(of_thing), size), nan)
            for number, column in enumerate(of_thing.values()):
                table[number, : column.size] = column
            times = self._times(np.empty(size))
            kept = (times > after_ms) & (times <= to_ms) & ~np.isnan(table).all(axis=0)
            times_of.append(times[kept])
            starts.append(starts[-1] + int(kept.sum()))
            rows = dict(zip(of_thing, table, strict=True))
            for signal in signals:
                row = rows.get(signal, np.full(size, nan))
                values[signal].append(row[kept])
        return Readings(
            np.concatenate(times_of),
            {signal: np.concatenate(parts) for signal, parts in values.items()},
            np.array(starts, dtype=np.int64),
        )

    def newest_ms(self, signal: str | None) -> Times:
        """When a signal (None: any) was last read at or before each end; -1: never."""
        found = np.full(self.shape, -1, dtype=np.int64)
        for thing, of_thing in enumerate(self._case.signals):
            read = [of_thing[name] for name in of_thing if signal in (None, name)]
            for end, at_ms in enumerate(self._ends_ms):
                newest = [self._last(samples, at_ms)[1] for samples in read]
                found[end, thing] = max(newest, default=-1)
        return found

    def constant(self, name: str) -> Floats:
        """A number of the model for each thing, NaN where it is not known."""
        return np.full(self._things, self._case.constants.get(name, nan))

    def _state(self, wanted: StateInput, ends_ms: Times) -> Floats:
        if wanted.field == "fired":
            fired = {0: self.fired.get(wanted.rule, [])}
            return fired_column(fired, self._things, wanted, ends_ms)
        found = [self._active.get((wanted.rule, thing)) for thing in range(self._things)]
        since = [
            one.fired_ms if one is not None and one.phase is Phase.ACTIVE else -1 for one in found
        ]
        return active_column(since, wanted, ends_ms)


def _taken(values: Floats, take: Take) -> float:
    if take is Take.COUNT:
        return float(values.size)
    if take is Take.SUM:
        return float(values.sum())
    if not values.size:
        return nan
    if take is Take.LAST:
        return float(values[-1])
    if take is Take.MEAN:
        return float(values.mean())
    return float(values.min() if take is Take.MIN else values.max())
