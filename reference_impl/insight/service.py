"""Conditions: evaluated in event time, told where they change, reset when a part is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from reference_impl.insight import domain as d
from reference_impl.insight.conditions import Condition
from reference_impl.insight.declared import named, read_model
from reference_impl.insight.evaluating import evaluated, readings
from reference_impl.insight.ports import InsightRows, JumpSink
from reference_impl.insight.revisions import Revision, Step, activate, install, step
from reference_impl.insight.states import (
    FIELDS,
    State,
    is_news,
    past_of,
    row_of,
    state_of,
    told,
)
from reference_impl.insight.zones import is_daily
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.cached import Cached
from reference_impl.kernel.ports import Directory, TelemetryView, ThingRef, Window
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Store, UnitOfWork
from reference_impl.published import ModelInstalled, PartFitted

RANK = 10
_SHOWN = ("thing", "condition", "position", "cycle", "level", "evaluated_ms", *FIELDS)


class _Told(NamedTuple):
    """A field of a condition, as it was when so many states had been written."""

    changes: int
    things: list[str]
    window: Window


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
        jumps: JumpSink | None = None,
    ) -> None:
        self._store, self.rows, self._scheduler = store, rows, scheduler
        self.telemetry, self.directory = telemetry, directory
        self._jumps = jumps
        self._conditions: dict[tuple[str, str], Condition] = {}
        """By model and key: shadows stand beside what they are compared with."""
        self.states: Cached[tuple[str, str], State] = Cached(self._load)
        self.changes = 0
        """How often a state was written since this process started."""
        self._told: Cached[tuple[str, str], _Told] = Cached(lambda _conn: {})
        """By condition and field, what was asked for last."""

    def subscribe(self, bus: Bus) -> None:
        """Listen for models and fitted parts, and take up the conditions that the store has."""
        bus.subscribe(ModelInstalled, self.on_model)
        bus.subscribe(PartFitted, self.on_fitted)
        with self._store.read() as conn:
            models = sorted({row["model"] for row in self.rows.conditions.items(conn)})
            for model in models:
                self.schedule(model, self._stored(conn, model))

    def _stored(self, conn: sa.Connection, model: str) -> list[Condition]:
        """The conditions of a model and their shadows."""
        rows = self.rows.conditions.items(conn, model=model)
        bodies = [row["body"] for row in rows]
        signals: dict[str, dict[str, Any]] = {name: {} for row in rows for name in row["signals"]}
        active = list(read_model(model, signals, conditions=bodies).conditions)
        shadows = [
            row["body"] for row in self.rows.revisions.items(conn, model=model, state="shadow")
        ]
        beside = [read_model(model, signals, conditions=[body]).conditions[0] for body in shadows]
        return [*active, *(replace(one, shadow=True) for one in beside)]

    # What other contexts read ---------------------------------------------------------------

    def positions(self, _conn: sa.Connection, model: str) -> Mapping[str, str]:
        """The position of each condition of a model, by condition id."""
        return {c.id: c.position for c in self.conditions(model)}

    def watching(self, model: str, signal: str) -> list[str]:
        """The positions whose active conditions read a signal."""
        return sorted({c.position for c in self.conditions(model) if c.params.signal == signal})

    def conditions(self, model: str) -> list[Condition]:
        """The active conditions of a model, by id."""
        found = [c for (owner, _), c in self._conditions.items() if owner == model]
        return sorted((c for c in found if not c.shadow), key=lambda c: c.id)

    def columns(self, uow: UnitOfWork, things: Sequence[str], condition: str, field: str) -> Window:
        """One number per thing, and until when it speaks, both of shape ``(things,)``.

        ``field`` is ``wear_pct`` or a ``runout_*_ms``; a run-out that is not in sight is infinite,
        what was never evaluated in this cycle is NaN with time -1.
        """
        told = self._told.of(uow)
        known = told.get((condition, field))
        if known is None or known.changes != self.changes or known.things != things:
            window = self._columns(uow, things, condition, field)
            known = told[condition, field] = _Told(self.changes, list(things), window)
        return known.window

    def _columns(
        self, uow: UnitOfWork, things: Sequence[str], condition: str, field: str
    ) -> Window:
        states = self.states.of(uow)
        found = [states.get((thing, condition)) for thing in things]
        spoken = [None if state is None or state.valid_ms < 0 else state for state in found]
        values = [
            np.nan
            if state is None
            else np.inf
            if (value := getattr(state, field)) is None
            else value
            for state in spoken
        ]
        newest = [-1 if state is None else state.valid_ms for state in spoken]
        return Window(np.array(values, dtype=np.float64), np.array(newest, dtype=np.int64))

    def level(
        self, *, model: str, thing: str, position: str, after_ms: int, to_ms: int
    ) -> tuple[float, float] | None:
        """The level of a position's signal in ``(after_ms, to_ms]``, and its limit.

        NaN where there are too few readings; None where no condition watches a signal of it.
        """
        for condition in self.conditions(model):
            params = condition.params
            if condition.position == position and isinstance(params, d.RiseParams):
                level = d.level_of(*readings(self.telemetry, params, thing, after_ms, to_ms))
                return np.nan if level is None else level.value, params.limit
        return None

    def listed(self, conn: sa.Connection, what: str, **equals: object) -> list[Row]:
        """Rows of ``conditions``, ``states`` or ``history``."""
        rows: list[Row] = getattr(self.rows, what).items(conn, **equals)
        return rows

    def conditions_of(self, conn: sa.Connection, thing: str | None = None) -> list[dict[str, Any]]:
        """The newest evaluation of each condition (of a thing); shadows are left out."""
        only = {} if thing is None else {"thing": thing}
        return [
            {**{name: row[name] for name in _SHOWN}, "baseline": (row["baseline"] or [None])[0]}
            for row in self.rows.states.items(conn, **only)
            if "@" not in row["condition"]
        ]

    def detail(self, conn: sa.Connection, thing: str) -> dict[str, Any]:
        """What is shown with a thing."""
        return {"conditions": self.conditions_of(conn, thing)}

    # Models ----------------------------------------------------------------------------------

    def on_model(self, uow: UnitOfWork, event: ModelInstalled) -> None:
        """Keep the conditions of a model.

        Raises:
            Invalid: With everything that is wrong with them.
        """
        bodies = [dict(body) for body in event.metrics]
        declared = read_model(
            event.model, event.signals, conditions=event.conditions, metrics=bodies
        )
        names = sorted(declared.names)
        for row in self.rows.conditions.items(uow.conn, model=event.model):
            self.rows.conditions.delete(uow, event.model, row["id"])
        for body in event.conditions:
            given = named(body)
            row = {"model": event.model, "id": str(body["id"]), "signals": names, "body": given}
            self.rows.conditions.insert(uow, row)
            self._install(uow, event.model, given)
        uow.after_commit(lambda: self.reschedule(event.model))

    def _install(self, uow: UnitOfWork, model: str, body: Mapping[str, Any]) -> None:
        """A model's own revision takes the place of what was active, which ends."""
        rows, why = self.rows.revisions, "model installed"
        row = install(rows, uow, model=model, body=body, at_ms=-1, by="model")
        if row["state"] != Revision.ACTIVE:
            _, before = activate(rows, uow, row, at_ms=-1, by="model", why=why)
            if before is not None:
                step(rows, uow, before, Step.WITHDRAW, at_ms=-1, by="model", why=why)

    def reschedule(self, model: str) -> None:
        """Take up what the store says of a model's conditions."""
        with self._store.read() as conn:
            self.schedule(model, self._stored(conn, model))

    def schedule(self, model: str, conditions: Sequence[Condition]) -> None:
        """Evaluate these conditions of a model from now on, and no others."""
        for key in [key for key in self._conditions if key[0] == model]:
            del self._conditions[key]
            self._scheduler.drop(f"insight/{model}/{key[1]}")
        for condition in conditions:
            self._conditions[model, condition.key] = condition
            self._scheduler.every(
                f"insight/{model}/{condition.key}",
                condition.grid_ms,
                partial(self._evaluate_next, condition),
                rank=RANK,
            )

    # Evaluation ------------------------------------------------------------------------------

    def _evaluate_next(self, condition: Condition, uow: UnitOfWork, at_ms: int) -> None:
        self.evaluate(uow, condition, at_ms)

    def evaluate(self, uow: UnitOfWork, condition: Condition, at_ms: int) -> None:
        """Evaluate a condition on all things of its model, and tell what is news."""
        states = self.states.of(uow)
        changed: list[State] = []
        news: list[tuple[State, d.Runout | None]] = []
        for ref in self._due(uow, condition, at_ms):
            before = self._state(states, ref.thing, condition)
            if at_ms <= before.evaluated_ms:
                continue  # a revision that comes back after a while
            state, runout, jump = evaluated(self.telemetry, condition, before, at_ms, ref.time_zone)
            if self._jumps is not None and not condition.shadow:
                self._jumps.jump(uow, ref, condition.params.signal, at_ms, active=jump)
            if state.evaluated_ms == at_ms and is_news(state, at_ms):
                state = replace(
                    state,
                    told_ms=at_ms,
                    told_pct=state.wear_pct or 0.0,
                    told_trend=runout is not None,
                )
                news.append((state, runout))
            if state != before:
                states[ref.thing, condition.key] = state
                self.changes += 1
                changed.append(state)
        self.rows.states.put(uow, *(row_of(state) for state in changed))
        past = [past_of(s, condition.revision) for s in changed if s.evaluated_ms == at_ms]
        self.rows.history.put(uow, *past)
        if not condition.shadow:
            for state, runout in news:
                uow.publish(told(condition, state, runout, at_ms))

    def _due(self, uow: UnitOfWork, condition: Condition, at_ms: int) -> Sequence[ThingRef]:
        refs = self.directory.things(uow.conn, condition.model)
        at = condition.daily_at
        if at is None:
            return refs
        zones = {z for z in {ref.time_zone for ref in refs} if is_daily(at_ms, at, z)}
        return [ref for ref in refs if ref.time_zone in zones]

    @staticmethod
    def _state(states: Mapping[tuple[str, str], State], thing: str, condition: Condition) -> State:
        known = states.get((thing, condition.key))
        return known or State(thing=thing, condition=condition.key, position=condition.position)

    def on_fitted(self, uow: UnitOfWork, event: PartFitted) -> None:
        """A new part starts at no wear, with a healthy level to be learned anew."""
        thing = self.directory.thing(uow.conn, event.subject)
        if thing is None:
            return
        for (model, key), condition in sorted(self._conditions.items()):
            if model != thing.model or condition.position != event.data["position"]:
                continue
            state = State(
                thing=thing.thing,
                condition=key,
                position=condition.position,
                cycle=int(event.data["cycle"]),
                reset_ms=event.at_ms,
                wear_pct=0.0,
                told_ms=event.at_ms,
            )
            self.keep(uow, state)
            if not condition.shadow:
                uow.publish(told(condition, state, None, event.at_ms))

    def keep(self, uow: UnitOfWork, *states: State) -> None:
        """Write states as they are from now on."""
        cached = self.states.of(uow)
        for state in states:
            cached[state.thing, state.condition] = state
            self.changes += 1
        self.rows.states.put(uow, *map(row_of, states))

    def _load(self, conn: sa.Connection) -> dict[tuple[str, str], State]:
        states = map(state_of, self.rows.states.items(conn))
        return {(state.thing, state.condition): state for state in states}
