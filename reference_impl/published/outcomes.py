"""What outcomes tells the other contexts."""

from __future__ import annotations

from dataclasses import dataclass

from reference_impl.kernel.bus import DomainEvent
from reference_impl.published.base import FeedEvent


class PeriodClosed(FeedEvent):
    """outcomes: a measuring period was computed (``outcome.period_closed``), or took a step.

    ``outcome.period_final`` says what may be billed: ``contract``, ``period``, ``customer``,
    ``from_ms``, ``to_ms``, ``fee_eur``, ``credit_eur``, ``bonus_eur``, ``gain_eur``.
    """

    __slots__ = ()


class ContractChanged(FeedEvent):
    """outcomes: a contract took a step, was amended, or its outcome is at risk."""

    __slots__ = ()


class ExclusionChanged(FeedEvent):
    """outcomes: somebody asked that a time shall not count, or decided on it (K8)."""

    __slots__ = ()


class ChargeChanged(FeedEvent):
    """outcomes: an amount was asked for, settled, refunded or is no longer asked for."""

    __slots__ = ()


class SubscriptionChanged(FeedEvent):
    """outcomes: a subscription to a plan took a step."""

    __slots__ = ()


class FeatureSold(FeedEvent):
    """outcomes: a feature of a thing was ordered, unlocked or taken back."""

    __slots__ = ()


class RentalChanged(FeedEvent):
    """outcomes: a shared thing was reserved, taken or given back."""

    __slots__ = ()


class PricingChanged(FeedEvent):
    """outcomes: a way to pay was agreed upon, or ended."""

    __slots__ = ()


class InvoiceChanged(FeedEvent):
    """outcomes: an invoice or credit note was drafted or took a step; ERP and CRM listen (CC15)."""

    __slots__ = ()


class SettlementStated(FeedEvent):
    """outcomes: a month's invoices went out; so much of them is a party's (PM6).

    Only where several parties share: ``party``, ``month``, ``invoiced_eur``, ``of_eur`` (what was
    shared out, of which it is a part), ``lines``, ``parties``.
    """

    __slots__ = ()


class PaidOut(FeedEvent):
    """outcomes: a party got its share of what was paid (PM6)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractKept(DomainEvent):
    """outcomes: a contract was signed or amended the short way. Not in the feed; see above."""

    contract: str
