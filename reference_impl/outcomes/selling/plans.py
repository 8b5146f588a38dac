"""Digital plans and add-ons: the life of a subscription as a table, and what follows from it.

States marked in the domain model 3.7. What a thing may use is a function of plans and states alone
(SU1); a period ends on the anchor's day of the month, or on the month's last day (SU9).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from reference_impl.kernel.money import euros

DAY_MS = 86_400_000
GRACE_MS = 7 * DAY_MS
"""An open charge of a running subscription may wait so long before it is suspended (estimate)."""
LAPSE_MS = 30 * DAY_MS
"""What was never paid, or stays suspended, ends after so long (estimate)."""


class Subscription(StrEnum):
    """Where a subscription stands."""

    FREE = "FREE"
    TRIAL = "TRIAL"
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CANCEL_AT_PERIOD_END = "CANCEL_AT_PERIOD_END"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class Step(StrEnum):
    """What moves a subscription."""

    ASK = "ask"
    SETTLE = "settle"
    RENEW = "renew"
    SUSPEND = "suspend"
    CANCEL = "cancel"
    KEEP = "keep"
    END = "end"


SUBSCRIPTIONS: Mapping[Subscription, Mapping[Step, Subscription]] = {
    Subscription.FREE: {Step.CANCEL: Subscription.CANCELLED},
    Subscription.TRIAL: {
        Step.ASK: Subscription.PENDING,
        Step.CANCEL: Subscription.CANCELLED,
    },
    Subscription.PENDING: {
        Step.SETTLE: Subscription.ACTIVE,
        Step.CANCEL: Subscription.CANCELLED,
        Step.END: Subscription.EXPIRED,
    },
    Subscription.ACTIVE: {
        Step.RENEW: Subscription.ACTIVE,
        Step.SUSPEND: Subscription.SUSPENDED,
        Step.CANCEL: Subscription.CANCEL_AT_PERIOD_END,
    },
    Subscription.SUSPENDED: {
        Step.SETTLE: Subscription.ACTIVE,
        Step.CANCEL: Subscription.CANCELLED,
        Step.END: Subscription.EXPIRED,
    },
    Subscription.CANCEL_AT_PERIOD_END: {
        Step.KEEP: Subscription.ACTIVE,
        Step.END: Subscription.EXPIRED,
    },
    Subscription.EXPIRED: {},
    Subscription.CANCELLED: {},
}
assert SUBSCRIPTIONS.keys() == set(Subscription), "every state needs a row, final ones an empty one"

LIVE = frozenset(set(Subscription) - {Subscription.EXPIRED, Subscription.CANCELLED})
ENTITLED = frozenset(
    {
        Subscription.FREE,
        Subscription.TRIAL,
        Subscription.ACTIVE,
        Subscription.CANCEL_AT_PERIOD_END,
    }
)
"""States in which the features of the plan are there."""
PAST = {
    Step.ASK: "payment_asked",
    Step.SETTLE: "activated",
    Step.RENEW: "renewed",
    Step.SUSPEND: "suspended",
    Step.CANCEL: "cancelled",
    Step.KEEP: "kept",
    Step.END: "ended",
}
"""The feed's word for each step."""
assert PAST.keys() == set(Step), "every step needs its word"


class Kind(StrEnum):
    """Plans are exclusive for a thing, add-ons add up (SU2)."""

    PLAN = "plan"
    ADDON = "addon"


OF_CUSTOMERS, OF_PARTNERS = "customer", "partner"
"""Whom a plan is for: partners have plans of their own (FS13)."""


class Activation(StrEnum):
    """Flat covers all things of a customer, also later ones; by thing only those named (SU6)."""

    FLAT = "flat"
    BY_THING = "by_thing"


class SafetyAlerts(StrEnum):
    """What becomes of alerts of safety: each plan says so (SU8)."""

    ALWAYS = "always"
    WITH_PLAN = "with_plan"


class Span(NamedTuple):
    """``[from_ms, to_ms)``."""

    from_ms: int
    to_ms: int


def period(anchor_ms: int, number: int, months: int) -> Span:
    """The ``number``-th period (from 0) of ``months`` months since the anchor, in UTC."""
    return Span(
        _months_on(anchor_ms, number * months), _months_on(anchor_ms, (number + 1) * months)
    )


def _months_on(anchor_ms: int, months: int) -> int:
    anchor = datetime.fromtimestamp(anchor_ms // 1000, tz=UTC)
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    day = min(anchor.day, monthrange(year, month + 1)[1])
    there = anchor.replace(year=year, month=month + 1, day=day)
    return round(there.timestamp()) * 1000 + anchor_ms % 1000


def delta(old: Decimal, new: Decimal, span: Span, at_ms: int) -> Decimal:
    """What an upgrade costs for the rest of a period: the difference's share of it, to the cent."""
    rest = Decimal(max(0, span.to_ms - at_ms)) / Decimal(span.to_ms - span.from_ms)
    return euros((new - old) * rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A subscription as far as entitlement goes; no ``thing``: all of the customer."""

    customer: str
    thing: str | None
    state: Subscription
    features: frozenset[str]
    safety_alerts: SafetyAlerts = SafetyAlerts.ALWAYS

    def covers(self, thing: str, customer: str) -> bool:
        """Whether it is of this thing of this customer."""
        return self.customer == customer and self.thing in {None, thing}


def entitled(held: Iterable[Held], *, thing: str, customer: str) -> frozenset[str]:
    """The features that a thing may use (SU1): of the live subscriptions that cover it."""
    features: frozenset[str] = frozenset()
    for one in held:
        if one.covers(thing, customer) and one.state in ENTITLED:
            features |= one.features
    return features


def safety_alerts(held: Iterable[Held], *, thing: str, customer: str) -> bool:
    """Whether the owner is told of safety alerts (SU8).

    Withheld only where a plan that is not paid for says so, and no other one covers the thing.
    """
    covering = [one for one in held if one.covers(thing, customer) and one.state in LIVE]
    told = [one.state in ENTITLED or one.safety_alerts is SafetyAlerts.ALWAYS for one in covering]
    return any(told) or not covering


def subscription_id(customer: str, plan: str, thing: str | None, attempt: int) -> str:
    """The id of a customer's ``attempt``-th subscription to a plan (for a thing)."""
    return "-".join(["sub", thing or customer, plan, str(attempt)])


def first_state(plan: Mapping[str, Any], *, tried: bool) -> Subscription:
    """Where a new subscription begins: nothing to pay, a trial that was not had yet, or payment."""
    if plan["price_eur"] == 0:
        return Subscription.FREE
    if plan["trial_days"] and not tried:
        return Subscription.TRIAL
    return Subscription.PENDING
