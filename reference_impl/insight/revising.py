"""Use cases of revisions: install beside, compare, switch, roll back, recompute (SP8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from reference_impl.insight.conditions import Condition
from reference_impl.insight.declared import named, read_model
from reference_impl.insight.evaluating import evaluated
from reference_impl.insight.revisions import Revision, Step, activate, install, step
from reference_impl.insight.service import Insight
from reference_impl.insight.states import State, past_of, told
from reference_impl.insight.zones import is_daily
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.ids import digest
from reference_impl.kernel.ports import ThingRef
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.published import ConditionSwitched

EVALUATIONS_MAX = 20_000
"""Of one thing in one recomputation."""
_COMPARED = ("level", "wear_pct", "runout_p50_ms")


class Revising:
    """Who manages the algorithms behind conditions uses this."""

    def __init__(self, insight: Insight) -> None:
        self._insight, self._rows = insight, insight.rows

    def listed(self, conn: sa.Connection, model: str, condition: str) -> list[Row]:
        """All revisions of a condition."""
        return self._rows.revisions.items(conn, model=model, condition=condition)

    def add(
        self, uow: UnitOfWork, model: str, body: Mapping[str, Any], *, at_ms: int, by: str
    ) -> Row:
        """Install a revision beside the active one; it is computed from now on.

        Raises:
            Unknown: If the model has no such condition.
            Invalid: If the body is wrong, or its name stands for something else.
        """
        active = self._active(uow, model, str(body.get("id")))
        given = named(body)
        signals: dict[str, Mapping[str, Any]] = {name: {} for name in active["signals"]}
        read_model(model, signals, conditions=[given])
        row = install(self._rows.revisions, uow, model=model, body=given, at_ms=at_ms, by=by)
        self._soon(uow, model)
        return row

    def switch(
        self,
        uow: UnitOfWork,
        model: str,
        name: str,
        revision: str,
        *,
        at_ms: int,
        by: str,
        why: str,
    ) -> Row:
        """Make a shadow the active revision: what it has computed drives decisions from now on.

        The former one goes on as a shadow with what it has computed. No history is rewritten.

        Raises:
            Unknown: If there is no such revision.
            IllegalStep: If it is no shadow.
        """
        active = self._active(uow, model, name)
        row = self._revision(uow, model, name, revision)
        moved, before = activate(self._rows.revisions, uow, row, at_ms=at_ms, by=by, why=why)
        assert before is not None, "a condition always has an active revision"
        self._rows.conditions.put(uow, {**active, "body": row["body"]})
        known = self._insight.states.of(uow)
        for ref in self._insight.directory.things(uow.conn, model):
            old = known.get((ref.thing, name))
            new = known.get((ref.thing, f"{name}@{revision}"))
            if old is not None:
                self._insight.keep(uow, replace(old, condition=f"{name}@{before['revision']}"))
            position = str(row["body"]["position"])
            fresh = State(thing=ref.thing, condition=name, position=position)
            if new is None and old is not None:
                fresh = replace(fresh, cycle=old.cycle, reset_ms=old.reset_ms)
            self._insight.keep(uow, fresh if new is None else replace(new, condition=name))
        uow.publish(
            ConditionSwitched(
                at_ms=at_ms,
                kind="condition.switched",
                subject=model,
                data={"condition": name, "revision": revision, "before": before["revision"]}
                | {"by": by, "why": why},
            )
        )
        self._soon(uow, model)
        return moved

    def withdraw(
        self,
        uow: UnitOfWork,
        model: str,
        name: str,
        revision: str,
        *,
        at_ms: int,
        by: str,
        why: str,
    ) -> Row:
        """Stop computing a shadow. What it has computed stays.

        Raises:
            Unknown: If there is no such revision.
            IllegalStep: If it is active, or withdrawn already.
        """
        row = self._revision(uow, model, name, revision)
        rows = self._rows.revisions
        moved = step(rows, uow, row, Step.WITHDRAW, at_ms=at_ms, by=by, why=why)
        self._soon(uow, model)
        return moved

    def compared(self, conn: sa.Connection, model: str, name: str) -> list[dict[str, Any]]:
        """Each shadow's newest evaluation beside the active one's, by thing, and the difference."""
        states = {(r["thing"], r["condition"]): r for r in self._rows.states.items(conn)}
        shadows = [
            row["revision"]
            for row in self.listed(conn, model, name)
            if row["state"] == Revision.SHADOW
        ]
        found = []
        for ref in self._insight.directory.things(conn, model):
            active = states.get((ref.thing, name))
            for revision in shadows:
                shadow = states.get((ref.thing, f"{name}@{revision}"))
                row = {"thing": ref.thing, "customer": ref.customer, "revision": revision}
                found.append(row | _difference(active, shadow))
        return found

    def recompute(
        self, uow: UnitOfWork, model: str, name: str, *, from_ms: int, to_ms: int, at_ms: int,
        by: str, why: str,
    ) -> Row:  # fmt: skip
        """Compute the history of the present cycles anew with the active revision.

        What it replaces is kept beside (``history/replaced``). Readings of earlier parts stay as
        they were judged then.

        Raises:
            Unknown: If the model has no such condition.
            Invalid: If the span holds too many evaluations.
        """
        self._active(uow, model, name)
        condition = next(c for c in self._insight.conditions(model) if c.id == name)
        ordered: Row = {"model": model, "condition": name, "revision": condition.revision}
        ordered |= {"at_ms": at_ms, "from_ms": from_ms, "to_ms": to_ms, "by": by, "why": why}
        recomputation = digest("recompute", ordered)
        replaced = written = 0
        for ref in self._insight.directory.things(uow.conn, model):
            rows, state = self._again(uow, condition, ref, from_ms, to_ms)
            old = [
                row
                for row in self._rows.history.items(uow.conn, thing=ref.thing, condition=name)
                if from_ms <= row["at_ms"] <= to_ms and row["cycle"] == state.cycle
            ]
            self._rows.replaced.put(uow, *({**o, "recomputation": recomputation} for o in old))
            for row in old:
                self._rows.history.delete(uow, ref.thing, name, row["at_ms"])
            self._rows.history.insert(uow, *rows)
            replaced, written = replaced + len(old), written + len(rows)
            self._take_over(uow, condition, ref, state, at_ms)
        row = {"id": recomputation, **ordered, "replaced": replaced, "written": written}
        self._rows.recomputations.put(uow, row)
        return row

    def _again(
        self, uow: UnitOfWork, condition: Condition, ref: ThingRef, from_ms: int, to_ms: int
    ) -> tuple[list[Row], State]:
        known = self._insight.states.of(uow).get((ref.thing, condition.key))
        state = State(thing=ref.thing, condition=condition.key, position=condition.position)
        if known is None or known.reset_ms is None:
            return [], state
        fitted = known.cycle > 1
        state = replace(state, cycle=known.cycle, wear_pct=0.0 if fitted else None)
        state = replace(state, reset_ms=known.reset_ms)
        rows = []
        for at_ms in _grid(
            condition, ref.time_zone, known.reset_ms, min(to_ms, known.evaluated_ms)
        ):
            telemetry = self._insight.telemetry
            state, _, _ = evaluated(telemetry, condition, state, at_ms, ref.time_zone)
            if state.evaluated_ms == at_ms and at_ms >= from_ms:
                rows.append(past_of(state, condition.revision))
        return rows, state

    def _take_over(
        self, uow: UnitOfWork, condition: Condition, ref: ThingRef, state: State, at_ms: int
    ) -> None:
        known = self._insight.states.of(uow).get((ref.thing, condition.key))
        if known is None or state.evaluated_ms < known.evaluated_ms or state.evaluated_ms < 0:
            return
        state = replace(
            state,
            told_ms=at_ms,
            told_pct=state.wear_pct or 0.0,
            told_trend=state.runout_p50_ms is not None,
        )
        self._insight.keep(uow, state)
        uow.publish(told(condition, state, None, at_ms))

    def _active(self, uow: UnitOfWork, model: str, name: str) -> Row:
        row = self._rows.conditions.get(uow.conn, model, name)
        if row is None:
            what = f"model {model!r} has no condition {name!r}"
            raise Unknown(what, [Problem(where="condition", what=name)])
        return row

    def _revision(self, uow: UnitOfWork, model: str, name: str, revision: str) -> Row:
        row = self._rows.revisions.get(uow.conn, model, name, revision)
        if row is None:
            known = ", ".join(one["revision"] for one in self.listed(uow.conn, model, name))
            what = f"condition {name!r} has no revision {revision!r}"
            raise Unknown(what, [Problem(where="revision", what=revision, allowed=known)])
        return row

    def _soon(self, uow: UnitOfWork, model: str) -> None:
        uow.after_commit(lambda: self._insight.reschedule(model))


def _grid(condition: Condition, time_zone: str, after_ms: int, to_ms: int) -> Iterator[int]:
    grid_ms = condition.grid_ms
    times = range((after_ms // grid_ms + 1) * grid_ms, to_ms + 1, grid_ms)
    if len(times) * grid_ms > EVALUATIONS_MAX * condition.every_ms:
        most = f"at most {EVALUATIONS_MAX} evaluations of a thing"
        what = f"is {len(times) * grid_ms // condition.every_ms} evaluations"
        raise Invalid(
            f"{condition.id} is not recomputed", [Problem(where="to_ms", what=what, allowed=most)]
        )
    at = condition.daily_at
    return (t for t in times if at is None or is_daily(t, at, time_zone))


def _difference(active: Row | None, shadow: Row | None) -> dict[str, Any]:
    told_of = [None if row is None or row["evaluated_ms"] < 0 else row for row in (active, shadow)]
    shown = [
        None if row is None else {name: row[name] for name in (*_COMPARED, "evaluated_ms")}
        for row in told_of
    ]
    difference = {
        name: None
        if shown[0] is None or shown[1] is None or None in (shown[0][name], shown[1][name])
        else shown[1][name] - shown[0][name]
        for name in _COMPARED
    }
    return {"active": shown[0], "shadow": shown[1], "difference": difference}
