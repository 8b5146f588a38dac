"""The life of a support request, as a table (FS9; the names are the seed platform's)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from reference_impl.kernel.ids import digest


class Ticket(StrEnum):
    """Where a ticket stands."""

    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    ON_HOLD = "ON_HOLD"
    CLOSED = "CLOSED"
    REJECTED = "REJECTED"


class TicketStep(StrEnum):
    """What moves a ticket."""

    START = "start"
    HOLD = "hold"
    RESUME = "resume"
    CLOSE = "close"
    REJECT = "reject"


TICKETS: Mapping[Ticket, Mapping[TicketStep, Ticket]] = {
    Ticket.OPEN: {
        TicketStep.START: Ticket.IN_PROGRESS,
        TicketStep.HOLD: Ticket.ON_HOLD,
        TicketStep.CLOSE: Ticket.CLOSED,
        TicketStep.REJECT: Ticket.REJECTED,
    },
    Ticket.IN_PROGRESS: {TicketStep.HOLD: Ticket.ON_HOLD, TicketStep.CLOSE: Ticket.CLOSED},
    Ticket.ON_HOLD: {
        TicketStep.RESUME: Ticket.IN_PROGRESS,
        TicketStep.CLOSE: Ticket.CLOSED,
        TicketStep.REJECT: Ticket.REJECTED,
    },
    Ticket.CLOSED: {},
    Ticket.REJECTED: {},
}
assert TICKETS.keys() == set(Ticket), "every state needs a row, final ones an empty one"

OPEN_TICKETS = frozenset({Ticket.OPEN, Ticket.IN_PROGRESS, Ticket.ON_HOLD})
PAST = {
    TicketStep.START: "started",
    TicketStep.HOLD: "held",
    TicketStep.RESUME: "resumed",
    TicketStep.CLOSE: "closed",
    TicketStep.REJECT: "rejected",
}
"""The feed's word for each step."""
assert PAST.keys() == set(TicketStep), "every step needs its word"
NEEDS_REASON = frozenset({TicketStep.HOLD, TicketStep.REJECT})


class Priority(StrEnum):
    """How soon somebody should look at it."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


def ticket_id(thing: str, opened_ms: int, by: str, title: str) -> str:
    """The id of a ticket: the same request at the same instant is the same ticket."""
    return f"tkt-{thing}-{digest(opened_ms, by, title)}"
