"""Conditions: evaluated in event time, told where they change, reset when a part is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import sqlalchemy as sa

from reference_impl.insight import domain as d
from reference_impl.insight.ports import InsightRows
from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.cached import Cached
from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import Directory, Floats, TelemetryView, Times, Window
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Store, UnitOfWork
from reference_impl.published import ConditionEvaluated, ModelInstalled, PartFitted

RANK = 10
TELL_EVERY_MS = 24 * 3_600_000
TELL_CHANGE_PCT = 0.5
"""A change of wear is news from this many points on; otherwise it is told once a day."""
_FIELDS = ("wear_pct", "runout_p10_ms", "runout_p50_ms", "runout_p90_ms")


@dataclass(frozen=True, kw_only=True)
class State:
    """A condition on a thing. ``valid_ms``: its evaluation speaks until the next one is due."""

    thing: str
    condition: str
    position: str
    cycle: int = 1
    reset_ms: int | None = None
    baseline: d.Baseline | None = None
    points: tuple[d.Point, ...] = ()
    wear_pct: float | None = None
    level: float | None = None
    runout_p10_ms: int | None = None
    runout_p50_ms: int | None = None
    runout_p90_ms: int | None = None
    evaluated_ms: int = -1
    valid_ms: int = -1
    told_ms: int = -1
    told_pct: float = 0.0
    told_trend: bool = False
    memory: Mapping[str, Any] | None = None
    """What the algorithm carries from one evaluation to the next."""


class Insight:
    """Use cases of conditions."""

    def __init__(
        self,
        *,
        store: Store,
        rows: InsightRows,
        scheduler: Scheduler,
        telemetry: TelemetryView,
        directory: Directory,
    ) -> None:
        self._store, self._rows, self._scheduler = store, rows, scheduler
        self._telemetry, self._directory = telemetry, directory
        self._conditions: dict[tuple[str, str], d.Condition] = {}
        self._states: Cached[tuple[str, str], State] = Cached(self._load)
        self.changes = 0
        """How often a state was written since this process started."""

    def subscribe(self, bus: Bus) -> None:
        """Listen for models and fitted parts, and take up the conditions that the store has."""
        bus.subscribe(ModelInstalled, self.on_model)
        bus.subscribe(PartFitted, self.on_fitted)
        with self._store.read() as conn:
            models: dict[str, list[Row]] = {}
            for row in self._rows.conditions.items(conn):
                models.setdefault(row["model"], []).append(row)
        for model, rows in models.items():
            bodies = [row["body"] for row in rows]
            self._schedule(model, _read(model, bodies, rows[0]["signals"]))

    # What other contexts read ---------------------------------------------------------------

    def positions(self, _conn: sa.Connection, model: str) -> Mapping[str, str]:
        """The position of each condition of a model, by condition id."""
        return {c.id: c.position for (owner, _), c in self._conditions.items() if owner == model}

    def columns(self, uow: UnitOfWork, things: Sequence[str], condition: str, field: str) -> Window:
        """One number per thing, and until when it speaks, both of shape ``(things,)``.

        ``field`` is ``wear_pct`` or a ``runout_*_ms``; a run-out that is not in sight is infinite,
        what was never evaluated in this cycle is NaN with time -1.
        """
        states = self._states.of(uow)
        found = [states.get((thing, condition)) for thing in things]
        told = [None if state is None or state.valid_ms < 0 else state for state in found]
        values = [
            np.nan
            if state is None
            else np.inf
            if (value := getattr(state, field)) is None
            else value
            for state in told
        ]
        newest = [-1 if state is None else state.valid_ms for state in told]
        return Window(np.array(values, dtype=np.float64), np.array(newest, dtype=np.int64))

    def level(
        self, *, model: str, thing: str, position: str, after_ms: int, to_ms: int
    ) -> tuple[float, float] | None:
        """The level of a position's signal in ``(after_ms, to_ms]``, and its limit.

        NaN where there are too few readings; None where the position has no condition.
        """
        for (owner, _), condition in sorted(self._conditions.items()):
            if owner == model and condition.position == position:
                readings = self._readings(condition, thing, after_ms, to_ms)
                level = d.level_of(*readings)
                return np.nan if level is None else level.value, condition.params.limit
        return None

    def listed(self, conn: sa.Connection, what: str, **equals: object) -> list[Row]:
        """Rows of ``conditions``, ``states`` or ``history``."""
        rows: list[Row] = getattr(self._rows, what).items(conn, **equals)
        return rows

    def conditions_of(self, conn: sa.Connection, thing: str | None = None) -> list[dict[str, Any]]:
        """The newest evaluation of each condition (of a thing)."""
        only = {} if thing is None else {"thing": thing}
        shown = ("thing", "condition", "position", "cycle", "level", "evaluated_ms", *_FIELDS)
        return [
            {**{name: row[name] for name in shown}, "baseline": (row["baseline"] or [None])[0]}
            for row in self._rows.states.items(conn, **only)
        ]

    # Models ----------------------------------------------------------------------------------

    def on_model(self, uow: UnitOfWork, event: ModelInstalled) -> None:
        """Keep the conditions of a model.

        Raises:
            Invalid: With everything that is wrong with them.
        """
        signals = sorted(event.signals)
        conditions = _read(event.model, event.conditions, signals)
        for row in self._rows.conditions.items(uow.conn, model=event.model):
            self._rows.conditions.delete(uow, event.model, row["id"])
        rows = [
            {"model": event.model, "id": str(body["id"]), "signals": signals, "body": dict(body)}
            for body in event.conditions
        ]
        self._rows.conditions.insert(uow, *rows)
        uow.after_commit(lambda: self._schedule(event.model, conditions))

    def _schedule(self, model: str, conditions: Sequence[d.Condition]) -> None:
        for key in [key for key in self._conditions if key[0] == model]:
            del self._conditions[key]
            self._scheduler.drop(f"insight/{model}/{key[1]}")
        for condition in conditions:
            self._conditions[model, condition.id] = condition
            self._scheduler.every(
                f"insight/{model}/{condition.id}",
                condition.every_ms,
                partial(self._evaluate_next, condition),
                rank=RANK,
            )

    # Evaluation ------------------------------------------------------------------------------

    def _evaluate_next(self, condition: d.Condition, uow: UnitOfWork, at_ms: int) -> None:
        self.evaluate(uow, condition, at_ms)

    def evaluate(self, uow: UnitOfWork, condition: d.Condition, at_ms: int) -> None:
        """Evaluate a condition on all things of its model, and tell what is news."""
        states = self._states.of(uow)
        changed: list[State] = []
        told: list[tuple[State, d.Runout | None]] = []
        for ref in self._directory.things(uow.conn, condition.model):
            key = (ref.thing, condition.id)
            before = states.get(key) or State(
                thing=ref.thing, condition=condition.id, position=condition.position
            )
            state, runout = self._evaluated(condition, before, at_ms)
            if state.evaluated_ms == at_ms and _is_news(state, at_ms):
                state = replace(
                    state,
                    told_ms=at_ms,
                    told_pct=state.wear_pct or 0.0,
                    told_trend=runout is not None,
                )
                told.append((state, runout))
            if state != before:
                states[key] = state
                self.changes += 1
                changed.append(state)
        self._rows.states.put(uow, *(_row(state) for state in changed))
        self._rows.history.put(
            uow, *(_past(state) for state in changed if state.evaluated_ms == at_ms)
        )
        for state, runout in told:
            _tell(uow, condition, state, runout, at_ms)

    def _evaluated(
        self, condition: d.Condition, state: State, at_ms: int
    ) -> tuple[State, d.Runout | None]:
        """The state after an evaluation; the same state if there is not enough to go by."""
        if state.baseline is None:
            state = self._learned(condition, state, at_ms)
        if state.baseline is None:
            return state, None
        params = condition.params
        after_ms = max(at_ms - params.window_ms, state.reset_ms or -1)
        level = d.level_of(*self._readings(condition, state.thing, after_ms, at_ms))
        raw_pct = None if level is None else d.raw_wear_pct(level, state.baseline, params)
        if level is None or raw_pct is None:
            return state, None
        since_ms = at_ms - params.trend_ms
        kept = (p for p in state.points if p.mid_ms > since_ms)
        points = (*kept, d.Point(level.mid_ms, sig9(raw_pct)))
        runout = None
        if d.has_stood(points, params):
            runout = d.forecast(
                points, at_ms=at_ms, window_ms=params.window_ms, every_ms=condition.every_ms
            )
        return replace(
            state,
            points=points,
            wear_pct=sig9(d.wear_pct(state.wear_pct or 0.0, points, params)),
            level=sig9(level.value),
            runout_p10_ms=runout and runout.p10_ms,
            runout_p50_ms=runout and runout.p50_ms,
            runout_p90_ms=runout and runout.p90_ms,
            evaluated_ms=at_ms,
            valid_ms=at_ms + condition.every_ms,
        ), runout

    def _learned(self, condition: d.Condition, state: State, at_ms: int) -> State:
        """Learn the healthy level once ``baseline_s`` have passed since the reset."""
        reset_ms = state.reset_ms
        if reset_ms is None:
            times, _ = self._readings(condition, state.thing, -1, at_ms)
            if not times.size:
                return state
            reset_ms = int(times[0]) - 1
        end_ms = reset_ms + condition.params.baseline_ms
        if at_ms < end_ms:
            return replace(state, reset_ms=reset_ms)
        _, values = self._readings(condition, state.thing, reset_ms, end_ms)
        baseline = d.baseline_of(values)
        if baseline is None:  # too quiet a time: learn from all there is by now
            _, values = self._readings(condition, state.thing, reset_ms, at_ms)
            baseline = d.baseline_of(values)
        return replace(state, reset_ms=reset_ms, baseline=baseline)

    def _readings(
        self, condition: d.Condition, thing: str, after_ms: int, to_ms: int
    ) -> tuple[Times, Floats]:
        params = condition.params
        at_ms, values = self._telemetry.series(thing, params.signal, after_ms=after_ms, to_ms=to_ms)
        if params.where is None:
            return at_ms, values
        gate = self._telemetry.series(thing, params.where.signal, after_ms=after_ms, to_ms=to_ms)
        return d.selected(at_ms, values, *gate, params.where.above)

    def on_fitted(self, uow: UnitOfWork, event: PartFitted) -> None:
        """A new part starts at no wear, with a healthy level to be learned anew."""
        thing = self._directory.thing(uow.conn, event.subject)
        if thing is None:
            return
        for (model, condition_id), condition in sorted(self._conditions.items()):
            if model != thing.model or condition.position != event.data["position"]:
                continue
            state = State(
                thing=thing.thing,
                condition=condition_id,
                position=condition.position,
                cycle=int(event.data["cycle"]),
                reset_ms=event.at_ms,
                wear_pct=0.0,
                told_ms=event.at_ms,
            )
            self._states.of(uow)[thing.thing, condition_id] = state
            self.changes += 1
            self._rows.states.put(uow, _row(state))
            _tell(uow, condition, state, None, event.at_ms)

    def _load(self, conn: sa.Connection) -> dict[tuple[str, str], State]:
        states = {}
        for row in self._rows.states.items(conn):
            baseline = row["baseline"] and d.Baseline(*row["baseline"])
            points = tuple(d.Point(int(mid_ms), raw) for mid_ms, raw in row["points"])
            state = State(**{**row, "baseline": baseline, "points": points})
            states[state.thing, state.condition] = state
        return states


def _read(
    model: str, bodies: Sequence[Mapping[str, Any]], signals: Sequence[str]
) -> list[d.Condition]:
    problems: list[Problem] = []
    conditions: list[d.Condition] = []
    for index, body in enumerate(bodies):
        fields = Fields(body, where=f"conditions[{index}]", problems=problems)
        condition = d.read_condition(fields, model=model, signals=signals)
        if condition is not None and condition.id in {c.id for c in conditions}:
            fields.problem("id", f"{condition.id!r} stands twice", "one condition per id")
        if condition is not None:
            conditions.append(condition)
    if problems:
        raise Invalid(f"the conditions of model {model!r} are refused", problems)
    return conditions


def _is_news(state: State, at_ms: int) -> bool:
    moved = abs((state.wear_pct or 0.0) - state.told_pct) >= TELL_CHANGE_PCT
    turned = (state.runout_p50_ms is not None) != state.told_trend
    return state.told_ms < 0 or moved or turned or at_ms - state.told_ms >= TELL_EVERY_MS


def _row(state: State) -> Row:
    baseline = None if state.baseline is None else list(state.baseline)
    return {**vars(state), "baseline": baseline}


def _past(state: State) -> Row:
    return {
        "thing": state.thing,
        "condition": state.condition,
        "at_ms": state.evaluated_ms,
        "cycle": state.cycle,
        "level": state.level,
        "raw_pct": state.points[-1].raw_pct,
        "wear_pct": state.wear_pct,
        "runout_p50_ms": state.runout_p50_ms,
        "revision": "1",
    }


def _tell(
    uow: UnitOfWork, condition: d.Condition, state: State, runout: d.Runout | None, at_ms: int
) -> None:
    evidence: dict[str, Any] = {"signal": condition.params.signal, "limit": condition.params.limit}
    if state.baseline is not None:
        evidence |= {"baseline": sig9(state.baseline.level), "noise": sig9(state.baseline.sd)}
    if state.level is not None:
        evidence |= {"level": state.level, "raw_pct": state.points[-1].raw_pct}
    if runout is not None:
        evidence["slope_pct_d"] = sig9(runout.slope_pct_d)
    data = {
        "condition": condition.id,
        "position": condition.position,
        "cycle": state.cycle,
        "algorithm": condition.algorithm_name,
        "evidence": evidence,
        **{name: getattr(state, name) for name in _FIELDS},
    }
    uow.publish(
        ConditionEvaluated(at_ms=at_ms, kind="condition.evaluated", subject=state.thing, data=data)
    )
