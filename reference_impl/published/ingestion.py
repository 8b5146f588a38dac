"""What ingestion tells the other contexts."""

from __future__ import annotations

from dataclasses import dataclass

from reference_impl.kernel.bus import DomainEvent
from reference_impl.published.base import FeedEvent


class DeviceSeen(FeedEvent):
    """ingestion: a device was born or lost."""

    __slots__ = ()


class MessageDead(FeedEvent):
    """ingestion: a message was put aside."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAcknowledged(DomainEvent):
    """ingestion: a device said what became of a command; remote listens."""

    at_ms: int
    command_id: str
    thing: str
    status: str
    detail: str
