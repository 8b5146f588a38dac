"""What registry tells the other contexts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reference_impl.kernel.bus import DomainEvent
from reference_impl.published.base import FeedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingInstalled(DomainEvent):
    """registry: a thing was installed or changed; ingestion accepts what it sends from now on."""

    thing: str
    model: str
    site: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInstalled(DomainEvent):
    """registry: a thing model was installed; insight keeps its conditions, orders its parts.

    ``parts``, ``conditions`` and ``obeys`` are as in the contract document, already checked for
    shape.
    """

    model: str
    product: str
    signals: Mapping[str, Mapping[str, Any]]
    parts: tuple[Mapping[str, Any], ...]
    conditions: tuple[Mapping[str, Any], ...]
    metrics: tuple[Mapping[str, Any], ...] = ()
    sessions: tuple[Mapping[str, Any], ...] = ()
    diagnosis: tuple[Mapping[str, Any], ...] = ()
    quality: tuple[Mapping[str, Any], ...] = ()
    obeys: Mapping[str, Any] = field(default_factory=dict)
    kits: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingActivated(DomainEvent):
    """registry: a thing became ACTIVE at a customer's site; its data count from now on."""

    at_ms: int
    thing: str
    site: str
    customer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingReleased(DomainEvent):
    """registry: a thing was reset and left its owner.

    orders closes what is recommended and cancels what is not shipped (DS6, O8), rules clears its
    alerts (A9).
    """

    at_ms: int
    thing: str
    customer: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerKept(DomainEvent):
    """registry: a customer was installed or changed. Not in the feed; a CRM is told (CC15)."""

    customer: str


class ThingChanged(FeedEvent):
    """registry: ``thing.activated`` by its owner, ``thing.released`` by a reset."""

    __slots__ = ()


class RightsChanged(FeedEvent):
    """registry: an owner gave or withdrew consent, or opened or closed data to a Data Recipient.

    ``kind`` is ``consent.given``, ``consent.withdrawn``, ``grant.given`` or ``grant.revoked``;
    ``data``: ``customer``, ``by`` and ``purpose``, or ``recipient`` and ``things``.
    """

    __slots__ = ()
