"""What maintenance tells the other contexts."""

from __future__ import annotations

from dataclasses import dataclass

from reference_impl.kernel.bus import DomainEvent
from reference_impl.published.base import FeedEvent


class WorkOrderChanged(FeedEvent):
    """maintenance: a work order took a step."""

    __slots__ = ()


class TicketChanged(FeedEvent):
    """maintenance: a support request was opened or took a step."""

    __slots__ = ()


class SlaChanged(FeedEvent):
    """maintenance: an incident's time limits began, stood still, went on, ended or ran out (AS3).

    ``kind`` is ``sla.started``, ``.paused``, ``.resumed``, ``.changed``, ``.stopped`` or
    ``.breached``; ``subject`` is the incident: the work order or ticket that it began with.
    """

    __slots__ = ()


class PlannedWorkChanged(FeedEvent):
    """maintenance: planned work was proposed, agreed on, begun, done, missed or put off."""

    __slots__ = ()


class PlanChanged(FeedEvent):
    """maintenance: a technician's day was planned (FS6), or a visit was confirmed or moved.

    ``plan.made`` of a plan, ``visit.confirmed`` and ``visit.moved`` of a work order: the customer
    was told when somebody comes, or that it will be another time.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWindow(DomainEvent):
    """maintenance: planned work stopped a thing in ``[from_ms, to_ms)``. Not in the feed.

    Published once, when the work is done: the part of it that lay inside the window that was
    agreed on with the customer. Only this consumes planned downtime (W10).
    """

    thing: str
    from_ms: int
    to_ms: int
    contract: str
    """The contract that the window was agreed under; empty: every contract of the thing."""
    work_order: str


class CollectionChanged(FeedEvent):
    """maintenance: a day of a collection was planned, or a route, a stop, a container was told of.

    ``kind`` is ``collection.*``, ``route.*``, ``stop.*`` or ``citizen_report.*``.
    """

    __slots__ = ()


class PartFitted(FeedEvent):
    """maintenance: a part was fitted; insight resets the wear, orders fulfils the need."""

    __slots__ = ()
