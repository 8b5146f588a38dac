"""The life of a work order, as a table; and what counts as healthy after a fitting."""

from __future__ import annotations

from collections.abc import Mapping
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


class WorkOrder(StrEnum):
    """Where a work order stands."""

    REQUESTED = "REQUESTED"
    PLANNED = "PLANNED"
    EN_ROUTE = "EN_ROUTE"
    ON_SITE = "ON_SITE"
    COMPLETED = "COMPLETED"
    VERIFIED = "VERIFIED"
    CLOSED = "CLOSED"
    REOPENED = "REOPENED"
    CANCELLED = "CANCELLED"


class Step(StrEnum):
    """What moves a work order."""

    PLAN = "plan"
    DEPART = "depart"
    ARRIVE = "arrive"
    COMPLETE = "complete"
    VERIFY = "verify"
    REOPEN = "reopen"
    CLOSE = "close"
    CANCEL = "cancel"


WORK_ORDERS: Mapping[WorkOrder, Mapping[Step, WorkOrder]] = {
    WorkOrder.REQUESTED: {Step.PLAN: WorkOrder.PLANNED, Step.CANCEL: WorkOrder.CANCELLED},
    WorkOrder.PLANNED: {Step.DEPART: WorkOrder.EN_ROUTE, Step.CANCEL: WorkOrder.CANCELLED},
    WorkOrder.EN_ROUTE: {Step.ARRIVE: WorkOrder.ON_SITE, Step.CANCEL: WorkOrder.CANCELLED},
    WorkOrder.ON_SITE: {Step.COMPLETE: WorkOrder.COMPLETED, Step.CANCEL: WorkOrder.CANCELLED},
    WorkOrder.COMPLETED: {Step.VERIFY: WorkOrder.VERIFIED, Step.REOPEN: WorkOrder.REOPENED},
    WorkOrder.VERIFIED: {Step.CLOSE: WorkOrder.CLOSED},
    WorkOrder.CLOSED: {},
    WorkOrder.REOPENED: {Step.PLAN: WorkOrder.PLANNED, Step.CANCEL: WorkOrder.CANCELLED},
    WorkOrder.CANCELLED: {},
}
assert WORK_ORDERS.keys() == set(WorkOrder), "every state needs a row, final ones an empty one"

PAST = {
    Step.PLAN: "planned",
    Step.DEPART: "departed",
    Step.ARRIVE: "arrived",
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


def work_order_id(thing: str, position: str, cycle: int, attempt: int = 1) -> str:
    """The id of the ``attempt``-th work order for a need: one, unless it was cancelled (W1)."""
    first = f"wo-{thing}-{position}-{cycle}"
    return first if attempt == 1 else f"{first}-{attempt}"


def split_need_key(need_key: str) -> tuple[str, str, int]:
    """Thing, position and cycle of ``<thing>/<position>/<cycle>``."""
    thing, position, cycle = need_key.split("/")
    return thing, position, int(cycle)


def healthy(level: float, limit: float) -> bool | None:
    """Whether a level after a fitting is that of a sound part; None while nobody can say (NaN)."""
    return None if isnan(level) else level < HEALTHY_SHARE * limit
