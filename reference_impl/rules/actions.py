"""Actions: tasks for people, raised by rules, closed by people or by the metric (DS7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from reference_impl.kernel.cached import Cached
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import ThingRef
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import ActionChanged
from reference_impl.rules.domain import ActionReaction, Instance, Pack, Rule
from reference_impl.rules.ports import RuleRows

PRIORITIES = ("low", "normal", "high")
BY_METRIC = "metric"
"""Who closes an action whose ``done_when`` came true."""


class Task(StrEnum):
    """Where an action stands."""

    TODO = "TODO"
    DONE = "DONE"
    DONE_WITH_ISSUE = "DONE_WITH_ISSUE"
    DISCARDED = "DISCARDED"


class TaskStep(StrEnum):
    """What closes an action."""

    DONE = "done"
    DONE_WITH_ISSUE = "done_with_issue"
    DISCARD = "discard"


TASKS: Mapping[Task, Mapping[TaskStep, Task]] = {
    Task.TODO: {
        TaskStep.DONE: Task.DONE,
        TaskStep.DONE_WITH_ISSUE: Task.DONE_WITH_ISSUE,
        TaskStep.DISCARD: Task.DISCARDED,
    },
    Task.DONE: {},
    Task.DONE_WITH_ISSUE: {},
    Task.DISCARDED: {},
}
Waiting = tuple[str, str, str]
"""Pack, rule and thing of an action that closes by itself."""


class Actions:
    """The rows of actions."""

    def __init__(self, *, rows: RuleRows) -> None:
        self._rows = rows
        self._open: Cached[str, Row] = Cached(
            lambda conn: {row["id"]: row for row in rows.actions.items(conn, state=Task.TODO.value)}
        )

    def raise_action(
        self,
        uow: UnitOfWork,
        ref: ThingRef,
        *,
        pack: Pack,
        rule: Rule,
        reaction: ActionReaction,
        number: int,
        instance: Instance,
        at_ms: int,
    ) -> Row:
        """Ask for something to be done; what is asked for already is only made more urgent.

        The steps of a rule are one need: an escalation leaves one open action (SP10).
        """
        for row in self._open.of(uow).values():
            if (row["thing"], row["pack"], row["family"]) == (ref.thing, pack.pack, rule.family):
                return self._escalate(uow, row, rule, reaction, at_ms)
        row = {
            "id": f"act-{ref.thing}-{pack.pack}-{rule.family}-{number}-{instance.started_ms}",
            "state": Task.TODO.value,
            "thing": ref.thing,
            "customer": ref.customer,
            "site": ref.site,
            "pack": pack.pack,
            "rule": rule.id,
            "family": rule.family,
            "topic": reaction.topic,
            "priority": reaction.priority,
            "title": reaction.title,
            "instructions": reaction.instructions,
            "alert": f"alt-{ref.thing}-{pack.pack}-{rule.id}-{instance.started_ms}",
            "work_h": reaction.work_h,
            "reason_forced": reaction.reason_forced,
            "by_itself": reaction.done_when is not None,
            "created_ms": at_ms,
            "due_ms": at_ms + reaction.due_ms,
            "closed_ms": None,
            "by": "",
            "reason": "",
        }
        self._rows.actions.insert(uow, row)
        self._open.of(uow)[row["id"]] = row
        self._tell(uow, "action.raised", row, at_ms)
        return row

    def _escalate(
        self, uow: UnitOfWork, row: Row, rule: Rule, reaction: ActionReaction, at_ms: int
    ) -> Row:
        higher = max(row["priority"], reaction.priority, key=PRIORITIES.index)
        changed = {
            **row,
            "rule": rule.id,
            "priority": higher,
            "due_ms": min(row["due_ms"], at_ms + reaction.due_ms),
        }
        if changed != row:
            self._rows.actions.put(uow, changed)
            self._open.of(uow)[row["id"]] = changed
            self._tell(uow, "action.escalated", changed, at_ms)
        return changed

    def waiting(self, uow: UnitOfWork, pack: str) -> Sequence[Row]:
        """Open actions of a pack that close when the metric says so."""
        return [r for r in self._open.of(uow).values() if r["by_itself"] and r["pack"] == pack]

    def of_thing(self, uow: UnitOfWork, thing: str) -> Sequence[Row]:
        """Open actions of a thing."""
        return [row for row in self._open.of(uow).values() if row["thing"] == thing]

    def close(
        self, uow: UnitOfWork, row: Row, step: TaskStep, *, by: str, reason: str, at_ms: int
    ) -> Row:
        """Close an action.

        Raises:
            IllegalStep: If it is closed already.
            Invalid: If it is discarded without the reason that it demands (C6), or it was done
                with an issue that is not named.
        """
        target = after(TASKS, subject=row["id"], state=Task(row["state"]), step=step)
        forced = step is TaskStep.DISCARD and row["reason_forced"]
        if (forced or step is TaskStep.DONE_WITH_ISSUE) and not reason.strip():
            raise Invalid(
                "a reason is needed",
                [Problem(where="reason", what="is missing", allowed="a text that is not empty")],
            )
        values = {"state": target.value, "by": by, "reason": reason, "closed_ms": at_ms}
        swapped = self._rows.actions.swap(uow, row["id"], expected=row["state"], values=values)
        assert swapped, "the state was read in this transaction"
        self._open.of(uow).pop(row["id"], None)
        closed = {**row, **values}
        self._tell(uow, "action.closed", closed, at_ms)
        return closed

    def get(self, conn: Connection, ident: str) -> Row:
        """One action. Raises Unknown."""
        row = self._rows.actions.get(conn, ident)
        if row is None:
            raise Unknown(f"there is no action {ident!r}", [Problem(where="action", what=ident)])
        return row

    @staticmethod
    def _tell(uow: UnitOfWork, kind: str, row: Row, at_ms: int) -> None:
        names = ("thing", "pack", "rule", "topic", "priority", "title", "state", "by", "reason")
        data: dict[str, Any] = {name: row[name] for name in names}
        event = ActionChanged(
            at_ms=at_ms, kind=kind, subject=row["id"], data={**data, "due_ms": row["due_ms"]}
        )
        uow.publish(event)


def badge(rows: Sequence[Row], at_ms: int) -> dict[str, int]:
    """How many are to be done, and how many of those are overdue: the number on the menu."""
    todo = [row for row in rows if row["state"] == Task.TODO]
    return {"todo": len(todo), "overdue": sum(row["due_ms"] < at_ms for row in todo)}
