"""An event that the feed shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reference_impl.kernel.bus import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent(DomainEvent):
    """An event that the feed shows. ``data`` holds what the contract document lists.

    ``customer`` and ``thing`` say whose it is, where neither ``data`` has a field of that name nor
    the subject is the thing; the feed does not show them, it decides by them who may see it.
    """

    at_ms: int
    kind: str
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)
    customer: str = ""
    thing: str = ""
