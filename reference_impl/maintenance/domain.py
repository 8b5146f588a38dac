"""The life of a work order, as a table; and what counts as healthy after a fitting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import isnan

HEALTHY_SHARE = 0.5
"""After a fitting the level must stand below this share of the condition's limit."""
AGAIN_AFTER_MS = 24 * 3_600_000
"""Cool-down between a visit that was called off and the next request, as that of a lost order."""
VISITS_PER_NEED_MAX = 2
"""A visit that was called off is requested again once; after that a person must decide."""


class Kind(StrEnum):
    """Why a crew is sent."""

    PLANNED = "planned"
    """The part is there and waits to be fitted."""
    BREAKDOWN = "breakdown"
    """The machine stands; whether the part is there is seen on site."""
    CORRECTIVE = "corrective"
    """Somebody or an alert says that something is wrong: a fault is to be found and mended."""
    UPKEEP = "upkeep"
    """Planned maintenance inside a window that was agreed on."""


FAULTS = frozenset({Kind.BREAKDOWN, Kind.CORRECTIVE})
"""Kinds of which one at a time is open for a failure (W1), and whose time limits run."""
WHOLE = "machine"
"""The position of a fault that nobody has placed yet."""
REPEAT_WITHIN_MS = 14 * 86_400_000
"""The same fault so soon after it was closed is the same incident (domain 3.4, an estimate)."""


class WorkOrder(StrEnum):
    """Where a work order stands."""

    REQUESTED = "REQUESTED"
    TRIAGED = "TRIAGED"
    REMOTE_WORK = "REMOTE_WORK"
    PLANNED = "PLANNED"
    DISPATCHED = "DISPATCHED"
    ACCEPTED = "ACCEPTED"
    EN_ROUTE = "EN_ROUTE"
    ON_SITE = "ON_SITE"
    IN_PROGRESS = "IN_PROGRESS"
    ON_HOLD = "ON_HOLD"
    COMPLETED = "COMPLETED"
    VERIFIED = "VERIFIED"
    CLOSED = "CLOSED"
    REOPENED = "REOPENED"
    CANCELLED = "CANCELLED"


class Step(StrEnum):
    """What moves a work order."""

    TRIAGE = "triage"
    REMOTE = "remote"
    GIVE_UP = "give_up"
    PLAN = "plan"
    MOVE = "move"
    PUT_BACK = "put_back"
    DISPATCH = "dispatch"
    ACCEPT = "accept"
    DEPART = "depart"
    ARRIVE = "arrive"
    BEGIN = "begin"
    HOLD = "hold"
    RESUME = "resume"
    COMPLETE = "complete"
    VERIFY = "verify"
    REOPEN = "reopen"
    CLOSE = "close"
    CANCEL = "cancel"


_S, _W = Step, WorkOrder
_CANCEL = {_S.CANCEL: _W.CANCELLED}
WORK_ORDERS: Mapping[WorkOrder, Mapping[Step, WorkOrder]] = {
    _W.REQUESTED: {_S.PLAN: _W.PLANNED, **_CANCEL, _S.TRIAGE: _W.TRIAGED},
    _W.TRIAGED: {_S.REMOTE: _W.REMOTE_WORK, _S.PLAN: _W.PLANNED, **_CANCEL},
    _W.REMOTE_WORK: {
        _S.COMPLETE: _W.COMPLETED,
        _S.PLAN: _W.PLANNED,
        **_CANCEL,
        _S.GIVE_UP: _W.TRIAGED,
    },
    _W.PLANNED: {
        _S.DEPART: _W.EN_ROUTE,
        **_CANCEL,
        _S.DISPATCH: _W.DISPATCHED,
        _S.MOVE: _W.PLANNED,
        _S.PUT_BACK: _W.REQUESTED,
    },
    _W.DISPATCHED: {_S.ACCEPT: _W.ACCEPTED, **_CANCEL},
    _W.ACCEPTED: {_S.DEPART: _W.EN_ROUTE, **_CANCEL},
    _W.EN_ROUTE: {_S.ARRIVE: _W.ON_SITE, **_CANCEL},
    _W.ON_SITE: {_S.COMPLETE: _W.COMPLETED, **_CANCEL, _S.BEGIN: _W.IN_PROGRESS},
    _W.IN_PROGRESS: {_S.HOLD: _W.ON_HOLD, _S.COMPLETE: _W.COMPLETED, **_CANCEL},
    _W.ON_HOLD: {_S.RESUME: _W.IN_PROGRESS, **_CANCEL},
    _W.COMPLETED: {_S.VERIFY: _W.VERIFIED, _S.REOPEN: _W.REOPENED},
    _W.VERIFIED: {_S.CLOSE: _W.CLOSED},
    _W.CLOSED: {},
    _W.REOPENED: {_S.PLAN: _W.PLANNED, **_CANCEL, _S.TRIAGE: _W.TRIAGED},
    _W.CANCELLED: {},
}
"""The short way (REQUESTED, PLANNED, EN_ROUTE, ON_SITE, COMPLETED) leaves out what a small crew
does not tell; a service desk takes the long one."""
assert WORK_ORDERS.keys() == set(WorkOrder), "every state needs a row, final ones an empty one"

PAST = {
    Step.TRIAGE: "triaged",
    Step.REMOTE: "remote_begun",
    Step.GIVE_UP: "remote_failed",
    Step.PLAN: "planned",
    Step.MOVE: "moved",
    Step.PUT_BACK: "put_back",
    Step.DISPATCH: "dispatched",
    Step.ACCEPT: "accepted",
    Step.DEPART: "departed",
    Step.ARRIVE: "arrived",
    Step.BEGIN: "begun",
    Step.HOLD: "held",
    Step.RESUME: "resumed",
    Step.COMPLETE: "completed",
    Step.VERIFY: "verified",
    Step.REOPEN: "reopened",
    Step.CLOSE: "closed",
    Step.CANCEL: "cancelled",
}
"""The feed's word for each step."""
assert PAST.keys() == set(Step), "every step needs its word"


ENDED = frozenset({WorkOrder.CLOSED, WorkOrder.CANCELLED})
"""States in which nobody comes any more."""
BOOKED = frozenset(
    {_W.PLANNED, _W.DISPATCHED, _W.ACCEPTED, _W.EN_ROUTE, _W.ON_SITE, _W.IN_PROGRESS, _W.ON_HOLD}
)
"""States in which the slot of the technician is taken (W6)."""
WASTED = frozenset({_W.ON_SITE, _W.IN_PROGRESS, _W.ON_HOLD})
"""States in which somebody is there: to call off the visit then is a visit in vain."""


class Hold(StrEnum):
    """Why work stands still."""

    CUSTOMER_ACCESS = "customer_access"
    CUSTOMER_DECISION = "customer_decision"
    FORCE_MAJEURE = "force_majeure"
    SAFETY = "safety"
    PROVIDER_PART = "provider_part"
    PROVIDER_STAFF = "provider_staff"


NEVER_PAUSES = frozenset({Hold.PROVIDER_PART, Hold.PROVIDER_STAFF})
"""What is the provider's own lack stops no time limit, whatever a contract says (domain 3.4)."""


def work_order_id(thing: str, position: str, cycle: int, attempt: int = 1) -> str:
    """The id of the ``attempt``-th work order for a need: one, unless it was cancelled (W1)."""
    first = f"wo-{thing}-{position}-{cycle}"
    return first if attempt == 1 else f"{first}-{attempt}"


def split_need_key(need_key: str) -> tuple[str, str, int]:
    """Thing, position and cycle of ``<thing>/<position>/<cycle>``."""
    thing, position, cycle = need_key.split("/")
    return thing, position, int(cycle)


def healthy(level: float, limit: float, *, share: float = HEALTHY_SHARE) -> bool | None:
    """Whether a level is that of a sound part; None while nobody can say (NaN).

    ``share`` of the limit: a new part stands well below it, an old one that was set right below it.
    """
    return None if isnan(level) else level < share * limit


def need_key(thing: str, position: str, cycle: int) -> str:
    """What a visit is about, so that one at a time is open for it (W1)."""
    return f"{thing}/{position}/{cycle}"


def same_fault(rules: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two visits to one position may be about one fault; where no rule told, they are."""
    return not rules or not others or bool(set(rules) & set(others))
