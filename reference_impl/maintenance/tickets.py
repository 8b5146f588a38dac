"""Support requests: opened from a machine, routed, worked on, closed (DS13, step 3 of the stairs).

A ticket belongs to a thing, and so to its site and customer. One that names an alert goes with it:
the alert has one open ticket at most, and a ticket whose alert clears is marked as restored; it is
a person who closes it.
"""

from __future__ import annotations

from typing import Any, Protocol

import sqlalchemy as sa

from reference_impl.kernel.access import must_see
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import IllegalStep, Invalid, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance import ticket_states as t
from reference_impl.maintenance.ports import MaintenanceRows
from reference_impl.published import AlertChanged, TicketChanged

_SHOWN = ("thing", "site", "customer", "title", "priority", "alert", "routed_to", "state", "by")


class Responsible(Protocol):
    """Who answers for a customer's machines."""

    def __call__(self, conn: sa.Connection, customer: str) -> str:
        """The party: a partner that serves the customer, else the organisation."""
        ...


class AlertsView(Protocol):
    """What tickets read of alerts."""

    def __call__(self, conn: sa.Connection, alert: str) -> Row | None:
        """The alert (``thing``, ``state``), or None."""
        ...


class Tickets:
    """Use cases of support requests."""

    def __init__(
        self,
        *,
        rows: MaintenanceRows,
        directory: Directory,
        responsible: Responsible,
        alerts: AlertsView,
    ) -> None:
        self._rows, self._directory = rows, directory
        self._responsible, self._alerts = responsible, alerts

    def subscribe(self, bus: Bus) -> None:
        """Listen for alerts that clear."""
        bus.subscribe(AlertChanged, self.on_alert)

    def listed(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Tickets, by time and id."""
        rows = self._rows.tickets.items(conn, **equals)
        return sorted(rows, key=lambda row: (row["opened_ms"], row["id"]))

    def get(self, conn: sa.Connection, ticket: str) -> Row:
        """One ticket. Raises Unknown if there is none."""
        row = self._rows.tickets.get(conn, ticket)
        if row is None:
            raise Unknown(f"there is no ticket {ticket!r}", [Problem(where="ticket", what=ticket)])
        return row

    def notes(self, conn: sa.Connection, ticket: str, *, internal: bool) -> list[Row]:
        """What was said, oldest first; internal notes only if ``internal``."""
        rows = self._rows.ticket_notes.items(conn, ticket=ticket)
        return [row for row in rows if internal or not row["internal"]]

    def must_see_thing(self, conn: sa.Connection, thing: str) -> None:
        """Raise Unknown if there is no such thing, or the caller does not see its customer."""
        ref = self._directory.thing(conn, thing)
        if ref is None:
            raise Unknown(f"there is no thing {thing!r}", [Problem(where="thing", what=thing)])
        must_see(ref.customer, what=f"thing {thing!r}")

    def open(
        self,
        uow: UnitOfWork,
        *,
        thing: str,
        by: str,
        title: str,
        text: str,
        priority: t.Priority,
        alert: str | None,
        at_ms: int,
    ) -> Row:
        """Ask for help with a thing; a second request for one alert attaches to the first.

        Raises:
            Unknown: If there is no such thing.
            Invalid: If the alert is none of the thing's.
        """
        ref = self._directory.thing(uow.conn, thing)
        if ref is None:
            raise Unknown(f"there is no thing {thing!r}", [Problem(where="thing", what=thing)])
        if alert is not None:
            self._check_alert(uow.conn, thing, alert)
            for row in self._rows.tickets.items(uow.conn, alert=alert):
                if t.Ticket(row["state"]) in t.OPEN_TICKETS:
                    self.note(
                        uow, row["id"], by=by, text=text or title, internal=False, at_ms=at_ms
                    )
                    return row
        ticket = t.ticket_id(thing, at_ms, by, title)
        known = self._rows.tickets.get(uow.conn, ticket)
        if known is not None:
            return known
        row = {
            "id": ticket,
            "thing": thing,
            "site": ref.site,
            "customer": ref.customer,
            "title": title,
            "text": text,
            "priority": priority.value,
            "alert": alert,
            "routed_to": self._responsible(uow.conn, ref.customer),
            "state": t.Ticket.OPEN.value,
            "opened_by": by,
            "by": by,
            "reason": "",
            "opened_ms": at_ms,
            "restored_ms": None,
            "changed_ms": at_ms,
        }
        self._rows.tickets.insert(uow, row)
        _tell(uow, row, "opened", at_ms)
        return row

    def _check_alert(self, conn: sa.Connection, thing: str, alert: str) -> None:
        row = self._alerts(conn, alert)
        if row is None or row["thing"] != thing:
            what = f"{alert!r} is no alert of {thing!r}"
            raise Invalid(
                "the ticket is refused",
                [Problem(where="alert", what=what, allowed="an alert of the thing, or none")],
            )

    def step(
        self, uow: UnitOfWork, ticket: str, step: t.TicketStep, *, by: str, reason: str, at_ms: int
    ) -> Row:
        """Move a ticket one step.

        Raises:
            Unknown: If there is no such ticket.
            Invalid: If the step needs a reason and there is none.
            IllegalStep: If its state, as read or as a rival left it, forbids the step.
        """
        row = self.get(uow.conn, ticket)
        state = t.Ticket(row["state"])
        target = after(t.TICKETS, subject=ticket, state=state, step=step)
        if step in t.NEEDS_REASON and not reason:
            raise Invalid(
                f"{step} needs a reason",
                [Problem(where="reason", what="is empty", allowed="a text that is not empty")],
            )
        values: Row = {"state": target.value, "by": by, "reason": reason, "changed_ms": at_ms}
        if not self._rows.tickets.swap(uow, ticket, expected=state, values=values):
            raise IllegalStep(ticket, state, step, [])
        row.update(values)
        _tell(uow, row, t.PAST[step], at_ms)
        return row

    def note(
        self, uow: UnitOfWork, ticket: str, *, by: str, text: str, internal: bool, at_ms: int
    ) -> Row:
        """Say something; ``internal`` notes are not for the customer (FS7)."""
        row = self.get(uow.conn, ticket)
        number = 1 + len(self._rows.ticket_notes.items(uow.conn, ticket=ticket))
        note = {
            "ticket": ticket,
            "number": number,
            "at_ms": at_ms,
            "by": by,
            "text": text,
            "internal": internal,
        }
        self._rows.ticket_notes.insert(uow, note)
        if not internal:
            _tell(uow, {**row, "by": by}, "noted", at_ms)
        return note

    def on_alert(self, uow: UnitOfWork, event: AlertChanged) -> None:
        """The alert of a ticket has cleared: the thing does its work again."""
        if event.kind != "alert.cleared":
            return
        for row in self._rows.tickets.items(uow.conn, alert=event.subject):
            if t.Ticket(row["state"]) in t.OPEN_TICKETS and row["restored_ms"] is None:
                row["restored_ms"] = event.at_ms
                self._rows.tickets.put(uow, row)
                _tell(uow, row, "restored", event.at_ms)


def _tell(uow: UnitOfWork, row: Row, what: str, at_ms: int) -> None:
    data: dict[str, Any] = {name: row[name] for name in _SHOWN}
    if row["reason"]:
        data["reason"] = row["reason"]
    uow.publish(TicketChanged(at_ms=at_ms, kind=f"ticket.{what}", subject=row["id"], data=data))
