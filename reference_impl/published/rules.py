"""What rules tells the other contexts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reference_impl.kernel.bus import DomainEvent
from reference_impl.published.base import FeedEvent


class AlertChanged(FeedEvent):
    """rules: an alert was raised or cleared, or somebody took it over, gave it back, shelved it."""

    __slots__ = ()


class ActionChanged(FeedEvent):
    """rules: a task for a person was raised, escalated or closed."""

    __slots__ = ()


class NoticeChanged(FeedEvent):
    """rules: ``notice.written`` for a contact and a channel; it goes out after the commit."""

    __slots__ = ()


class AutomationRan(FeedEvent):
    """rules: an automation ran (``automation.ran``) or was stopped by its limit (R5)."""

    __slots__ = ()


class CallbackWanted(FeedEvent):
    """rules: another system is to be called; who subscribed to its ``kind`` gets it signed.

    ``kind`` is ``callback.wanted``, ``subject`` the name of the hook.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacementAdvised(DomainEvent):
    """rules: a rule says that a part is due. Not in the feed; orders decides if it is news.

    The rule looked at readings from ``seen_from_ms`` on.
    """

    at_ms: int
    seen_from_ms: int
    thing: str
    part: str
    position: str
    quantity: int
    rule: str
    pack: str
    pack_version: str
    why: str
    values: Mapping[str, float]
    at_once: bool = False
    """The machine stands: maintenance sends a crew before the part is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandWanted(DomainEvent):
    """rules or a user: a device shall do something; remote makes it a command.

    ``policy`` says when it has failed and how often it is tried (remote.domain.Policy); empty: it
    ends by what its device answers.
    """

    at_ms: int
    command_id: str
    thing: str
    name: str
    args: Mapping[str, Any]
    expires_ms: int
    by: str
    policy: Mapping[str, Any] = field(default_factory=dict)
