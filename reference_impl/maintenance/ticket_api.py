"""HTTP face of tickets."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from reference_impl.kernel.access import Group, current, must_see, seen
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Connection, Store
from reference_impl.maintenance import ticket_states as t
from reference_impl.maintenance.tickets import Tickets

Text = Annotated[str, Field(min_length=1, max_length=200)]
Long = Annotated[str, Field(max_length=10_000)]
READ, WRITE = needs("tickets:read"), needs("tickets:write")


class TicketCall(Body):
    """Ask for help with a machine."""

    by: Text
    title: Text
    text: Long = ""
    priority: t.Priority = t.Priority.NORMAL
    alert: str | None = None


class TicketStepCall(Body):
    """Who takes the step, and why (to hold and to reject need a reason)."""

    by: Text
    reason: Long = ""


class NoteCall(Body):
    """Something to be said; ``internal`` ones are not shown to the customer."""

    by: Text
    text: Annotated[str, Field(min_length=1, max_length=10_000)]
    internal: bool = False


class NoteView(BaseModel):
    """What was said."""

    number: int
    at_ms: int
    by: str
    text: str
    internal: bool


class TicketView(BaseModel):
    """A ticket and where it stands; ``restored_ms``: when its alert cleared."""

    id: str
    thing: str
    site: str
    customer: str
    title: str
    text: str
    priority: t.Priority
    alert: str | None
    routed_to: str
    state: t.Ticket
    opened_by: str
    by: str
    reason: str
    opened_ms: int
    restored_ms: int | None
    changed_ms: int


class TicketDetail(TicketView):
    """A ticket with what was said."""

    notes: list[NoteView]


class TicketPage(BaseModel):
    """Tickets, oldest first; ``next`` asks for what comes behind them."""

    items: list[TicketView]
    next: str | None


def router(service: Tickets, clock: Clock, store: Store) -> APIRouter:
    """The routes of tickets."""
    api = new_router("maintenance")

    @api.post("/things/{thing}/tickets", dependencies=[WRITE])
    async def open_ticket(thing: str, call: TicketCall) -> TicketDetail:
        """Ask for help with a machine; a second request for one alert attaches to the first."""
        with store.begin() as uow:
            service.must_see_thing(uow.conn, thing)
            row = service.open(uow, thing=thing, at_ms=clock.now_ms(), **call.model_dump())
            return _known(uow.conn, service, row["id"])

    @api.get("/tickets", dependencies=[READ])
    async def list_tickets(
        thing: str | None = None,
        state: t.Ticket | None = None,
        tab: Literal["all", "received", "submitted"] = "all",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        after: str | None = None,
    ) -> TicketPage:
        """Tickets (of a thing, in a state; received by or submitted by the caller's party)."""
        equals = {"thing": thing, "state": state}
        with store.read() as conn:
            rows = seen(service.listed(conn, **{k: v for k, v in equals.items() if v is not None}))
        if tab == "received":
            party = f"{current().group}:{current().party}"
            rows = [row for row in rows if row["routed_to"] == party]
        elif tab == "submitted":
            rows = [row for row in rows if row["opened_by"] == current().user]
        ids = [row["id"] for row in rows]
        first = ids.index(after) + 1 if after in ids else 0
        page = rows[first : first + limit]
        more = first + limit < len(rows)
        items = [TicketView(**row) for row in page]
        return TicketPage(items=items, next=page[-1]["id"] if more else None)

    @api.get("/tickets/{ticket}", dependencies=[READ])
    async def get_ticket(ticket: str) -> TicketDetail:
        """One ticket with what was said."""
        with store.read() as conn:
            return _known(conn, service, ticket)

    _add_what_follows(api, service, clock, store)
    return api


def _known(conn: Connection, service: Tickets, ticket: str) -> TicketDetail:
    """A ticket that the caller may see, with the notes that are for him."""
    row = service.get(conn, ticket)
    must_see(row["customer"], what=f"ticket {ticket!r}")
    notes = service.notes(conn, ticket, internal=current().group is not Group.CUSTOMER)
    return TicketDetail(**row, notes=[NoteView(**note) for note in notes])


def _add_what_follows(api: APIRouter, service: Tickets, clock: Clock, store: Store) -> None:
    """Add the routes of notes and of the steps that people take."""

    @api.post("/tickets/{ticket}/notes", dependencies=[WRITE])
    async def add_note(ticket: str, call: NoteCall) -> TicketDetail:
        """Say something."""
        with store.begin() as uow:
            _known(uow.conn, service, ticket)
            service.note(uow, ticket, at_ms=clock.now_ms(), **call.model_dump())
            return _known(uow.conn, service, ticket)

    def add_step(step: t.TicketStep, title: str) -> None:
        async def take(ticket: str, call: TicketStepCall) -> TicketDetail:
            with store.begin() as uow:
                _known(uow.conn, service, ticket)
                at_ms = clock.now_ms()
                service.step(uow, ticket, step, by=call.by, reason=call.reason, at_ms=at_ms)
                return _known(uow.conn, service, ticket)

        api.add_api_route(
            f"/tickets/{{ticket}}/{step}", take, methods=["POST"], name=f"{step}_ticket",
            description=title, dependencies=[WRITE], response_model=TicketDetail,
        )  # fmt: skip

    add_step(t.TicketStep.START, "Somebody works on it.")
    add_step(t.TicketStep.HOLD, "It waits; the reason says for what.")
    add_step(t.TicketStep.RESUME, "The work goes on.")
    add_step(t.TicketStep.CLOSE, "It is settled.")
    add_step(t.TicketStep.REJECT, "It is none of ours; the reason says why.")
