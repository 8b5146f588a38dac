"""What the world says to the outside and hears from it. No MQTT and no HTTP in this package.

All ``*_ms`` are simulated milliseconds since the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


class Truth(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that really happened. Goes to the truth ledger, never on the wire.

    A large fleet makes thousands an hour, so they are of the kind that is made fastest.
    """

    at_ms: int
    kind: str
    """``damage.onset``, ``component.failed``, ``component.maintained``, ``fault.begun`` (cause
    ``injected``, ``random`` or ``maintenance``), ``part.fitted``, ``device.down``, ``device.up``,
    ``cost.booked``, and what people do (docs/reference/scenario.md)."""
    subject: str
    """The device, or the actor."""
    data: Mapping[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What an actor gets to know from the service: an event of its feed, in plain words."""

    at_ms: int
    kind: str
    """The feed's type, e.g. ``order.placed``."""
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What an actor does about it, through the service's public API.

    ``verb`` is ``<what>.<step>``: ``recommendation.approve``, ``order.confirm``, ``order.ship``,
    ``order.deliver``, ``work_order.plan``, ``work_order.depart``, ``work_order.arrive``,
    ``work_order.complete``. ``intent_id`` is a function of actor, verb and subject.
    """

    intent_id: str
    at_ms: int
    actor: str
    verb: str
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)
