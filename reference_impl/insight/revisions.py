"""Revisions of a condition: installed beside the active one, compared, switched, rolled back (SP8).

A revision is what a condition's body says, under a name. One is active and drives decisions;
shadows are computed on the same readings and drive nothing. Switching makes the active one a
shadow, so that rolling back is switching again.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.machines import after
from reference_impl.kernel.rows import Row, Rows
from reference_impl.kernel.store import UnitOfWork


class Revision(StrEnum):
    """States of a revision."""

    SHADOW = "shadow"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


class Step(StrEnum):
    """What may be done with one."""

    INSTALL = "install"
    ACTIVATE = "activate"
    REPLACE = "replace"
    WITHDRAW = "withdraw"


TRANSITIONS: dict[Revision, dict[Step, Revision]] = {
    Revision.SHADOW: {Step.ACTIVATE: Revision.ACTIVE, Step.WITHDRAW: Revision.WITHDRAWN},
    Revision.ACTIVE: {Step.REPLACE: Revision.SHADOW},
    Revision.WITHDRAWN: {Step.INSTALL: Revision.SHADOW},
}
"""The active one leaves only when another takes its place: a condition is never without."""
assert TRANSITIONS.keys() == set(Revision), "every state needs a row"


def step(
    rows: Rows, uow: UnitOfWork, row: Row, wanted: Step, *, at_ms: int, by: str, why: str
) -> Row:
    """Take a step with a revision, and note who, when and why.

    Raises:
        IllegalStep: If its state forbids the step.
    """
    subject = f"revision {row['revision']} of {row['condition']}"
    state = after(TRANSITIONS, subject=subject, state=Revision(row["state"]), step=wanted)
    noted = {"step": wanted, "at_ms": at_ms, "by": by, "why": why}
    moved = {**row, "state": state, "steps": [*row["steps"], noted]}
    rows.put(uow, moved)
    return moved


def install(
    rows: Rows, uow: UnitOfWork, *, model: str, body: Mapping[str, Any], at_ms: int, by: str
) -> Row:
    """Install a revision as a shadow; the same body again changes nothing.

    Raises:
        Invalid: If the name stands for something else already.
    """
    name, revision = str(body["id"]), str(body["revision"])
    row = rows.get(uow.conn, model, name, revision)
    if row is None:
        row = {"model": model, "condition": name, "revision": revision, "state": Revision.SHADOW}
        row |= {"body": dict(body), "installed_ms": at_ms, "steps": []}
        rows.insert(uow, row)
    elif row["body"] != dict(body):
        what = f"revision {revision!r} of {name!r} says something else already"
        raise Invalid(
            f"revision {revision!r} is refused",
            [Problem(where="revision", what=what, allowed="a name that is not taken, or none")],
        )
    elif row["state"] == Revision.WITHDRAWN:
        row = step(rows, uow, row, Step.INSTALL, at_ms=at_ms, by=by, why="installed again")
    return row


def activate(
    rows: Rows, uow: UnitOfWork, row: Row, *, at_ms: int, by: str, why: str
) -> tuple[Row, Row | None]:
    """Make a revision the active one; gives it and the one that it replaced, if there was one.

    Raises:
        IllegalStep: If it is not a shadow.
    """
    others = rows.items(uow.conn, model=row["model"], condition=row["condition"])
    moved = step(rows, uow, row, Step.ACTIVATE, at_ms=at_ms, by=by, why=why)
    before = None
    for other in others:
        if other["state"] == Revision.ACTIVE:
            before = step(rows, uow, other, Step.REPLACE, at_ms=at_ms, by=by, why=why)
    return moved, before
