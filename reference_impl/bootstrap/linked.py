"""What systems of field service and customer management are sent, and what they may report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from fastapi.encoders import jsonable_encoder

from reference_impl.bootstrap.contexts import Contexts
from reference_impl.integration.ports import Document
from reference_impl.kernel import access
from reference_impl.kernel.errors import IllegalStep, Invalid, Problem
from reference_impl.kernel.machines import way
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.maintenance import domain as d
from reference_impl.maintenance import ticket_states as t
from reference_impl.outcomes.money.exporting import shown
from reference_impl.outcomes.money.invoices import Invoice

T = TypeVar("T")
_S = d.Step
_ON_THE_WAY = {_S.PLAN, _S.DISPATCH, _S.ACCEPT, _S.DEPART, _S.ARRIVE, _S.BEGIN, _S.RESUME}
_LAST = {
    d.WorkOrder.ON_HOLD: _S.HOLD, d.WorkOrder.COMPLETED: _S.COMPLETE,
    d.WorkOrder.CANCELLED: _S.CANCEL,
}  # fmt: skip
"""Steps that nothing leads through: they are taken only to arrive there."""
REPORTED: Mapping[str, tuple[str, ...]] = {
    "work_order": tuple(
        state.value
        for state in (
            d.WorkOrder.PLANNED, d.WorkOrder.DISPATCHED, d.WorkOrder.ACCEPTED,
            d.WorkOrder.EN_ROUTE, d.WorkOrder.ON_SITE, d.WorkOrder.IN_PROGRESS, *_LAST,
        )
    ),
    "ticket": tuple(state.value for state in t.Ticket if state is not t.Ticket.OPEN),
}  # fmt: skip
"""What a field service system may say. VERIFIED and CLOSED are said by telemetry alone."""


class LinkedDocuments:
    """Implements the port ``Documents`` of integration."""

    def __init__(self, contexts: Contexts) -> None:
        self._c = contexts

    def one(self, conn: Connection, kind: str, subject: str) -> Document | None:
        """See Documents."""
        family = kind.partition(".")[0]
        row = self._row(conn, family, subject)
        return None if row is None else self._document(family, subject, row)

    def _row(self, conn: Connection, family: str, subject: str) -> Row | None:
        c = self._c
        found: Sequence[Row] = ()
        if family == "work_order":
            found = c.maintenance.listed(conn, "work_orders", id=subject)
        elif family == "ticket":
            found = c.tickets.listed(conn, id=subject)
        elif family == "contract":
            found = [row for row in c.outcomes.contracts(conn) if row["id"] == subject]
        elif family == "invoice":
            return shown(c.money.invoices.get(conn, subject))
        elif family == "customer":
            found = c.registry.items(conn, "customer", id=subject)
        return next(iter(found), None)

    def all(self, conn: Connection, families: Sequence[str]) -> list[Document]:
        """See Documents."""
        c = self._c
        rows: dict[str, Callable[[], Sequence[Row]]] = {
            "work_order": lambda: [
                row
                for row in c.maintenance.listed(conn, "work_orders")
                if d.WorkOrder(row["state"]) not in d.ENDED
            ],
            "ticket": lambda: [
                row for row in c.tickets.listed(conn) if t.Ticket(row["state"]) in t.OPEN_TICKETS
            ],
            "customer": lambda: c.registry.items(conn, "customer"),
            "contract": lambda: c.outcomes.contracts(conn),
            "invoice": lambda: [
                shown(c.money.invoices.get(conn, row["id"]))
                for row in c.money.invoices.listed(conn)
                if row["state"] != Invoice.DRAFT
            ],
        }
        wanted = [family for family in rows if family in families]
        return [self._document(one, row["id"], row) for one in wanted for row in rows[one]()]

    @staticmethod
    def _document(family: str, subject: str, row: Row) -> Document:
        customer = subject if family == "customer" else row.get("customer", "")
        return Document(family, subject, jsonable_encoder(row), customer, row.get("thing", ""))


class LinkedWork:
    """Implements the port ``FieldWork`` of integration."""

    def __init__(self, contexts: Contexts) -> None:
        self._c = contexts

    def statuses(self, kind: str) -> Sequence[str]:
        """See FieldWork."""
        return REPORTED[kind]

    def advance(
        self, uow: UnitOfWork, kind: str, subject: str, status: str, *, by: str, at_ms: int,
        details: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """See FieldWork."""
        if kind == "ticket":
            self._ticket(uow, subject, t.Ticket(status), by=by, at_ms=at_ms, details=details)
        else:
            self._work(uow, subject, d.WorkOrder(status), by=by, at_ms=at_ms, details=details)

    def _ticket(
        self, uow: UnitOfWork, subject: str, goal: t.Ticket, *, by: str, at_ms: int,
        details: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Lead a ticket there: through work on it, and by any step that ends at the goal."""
        row = self._c.tickets.get(uow.conn, subject)
        access.must_see(row["customer"], what=f"ticket {subject!r}")
        state = t.Ticket(row["state"])
        through = {t.TicketStep.START, t.TicketStep.RESUME} | {
            step for to in t.TICKETS.values() for step, target in to.items() if target is goal
        }
        for step in _steps(way(t.TICKETS, state, goal, through=through), subject, state, goal):
            self._c.tickets.step(uow, subject, step, by=by, reason=details["reason"], at_ms=at_ms)

    def _work(
        self, uow: UnitOfWork, subject: str, goal: d.WorkOrder, *, by: str, at_ms: int,
        details: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Lead a work order there, by each step on the way."""
        row = self._c.maintenance.must(uow.conn, subject)
        what = f"work order {subject!r}"
        access.must_see_thing(row["thing"], what=what, at_ms=row["requested_ms"])
        state = d.WorkOrder(row["state"])
        through = _ON_THE_WAY | ({_LAST[goal]} if goal in _LAST else set())
        found = _steps(way(d.WORK_ORDERS, state, goal, through=through), subject, state, goal)
        _check_reason(found, details["reason"])
        for step in found:
            self._step(uow, subject, step, by=by, at_ms=at_ms, details=details)

    def _step(
        self, uow: UnitOfWork, subject: str, step: d.Step, *, by: str, at_ms: int,
        details: Mapping[str, Any],
    ) -> None:  # fmt: skip
        maintenance, desk = self._c.maintenance, self._c.work.desk
        if step is _S.PLAN:
            start_ms = at_ms if details["start_ms"] is None else details["start_ms"]
            desk.plan(
                uow, subject, by=by, at_ms=at_ms, start_ms=start_ms, crew=by,
                technician=details["technician"], end_ms=details["end_ms"],
            )  # fmt: skip
        elif step is _S.COMPLETE:
            said = {name: details[name] for name in ("readings", "cause", "remedy", "note")}
            maintenance.complete(
                uow, subject, by=by, at_ms=at_ms, serial=details["serial"],
                used=details["parts"], **said,
            )  # fmt: skip
        elif step in (_S.HOLD, _S.CANCEL):
            maintenance.step(uow, subject, step, by=by, at_ms=at_ms, reason=details["reason"])
        elif step is _S.RESUME:
            maintenance.step(uow, subject, step, by=by, at_ms=at_ms, reason="")
        else:
            maintenance.step(uow, subject, step, by=by, at_ms=at_ms)


def _steps(found: list[T] | None, subject: str, state: str, goal: str) -> list[T]:
    """The way that was found. Raises IllegalStep if there is none."""
    if found is None:
        raise IllegalStep(subject, state, f"a report of {goal}", [])
    return found


def _check_reason(steps: Sequence[d.Step], reason: str) -> None:
    """Raise Invalid if a step needs a reason that is not given, or is none of those there are."""
    allowed = [hold.value for hold in d.Hold]
    if (_S.HOLD in steps and reason not in allowed) or (_S.CANCEL in steps and not reason):
        words = ", ".join(allowed) if _S.HOLD in steps else "a text that is not empty"
        problem = Problem(where="details.reason", what=f"is {reason!r}", allowed=words)
        raise Invalid("the report is refused", [problem])
