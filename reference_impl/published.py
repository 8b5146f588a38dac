"""The events that contexts share, and that the feed shows to the world.

A context publishes what happened to what it owns; others subscribe through the bus. ``kind`` and
``subject`` are the CloudEvent's type and subject; the other fields become its data
(docs/reference/dps-contract.md). Events without a ``kind`` stay inside.
"""

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


class ConditionEvaluated(FeedEvent):
    """insight: the wear of one position of one thing was computed anew."""

    __slots__ = ()


class ConditionSwitched(FeedEvent):
    """insight: another revision of a condition of a model drives decisions from now on (SP8)."""

    __slots__ = ()


class DataFlagged(FeedEvent):
    """insight: a signal of a thing is not to be believed, or is again (O14).

    ``kind`` is ``data.flagged`` or ``data.cleared``. ``data``: ``signal``, ``flag`` (range, rate,
    frozen, cross, jump), ``positions`` (whose conditions read the signal), ``since_ms``,
    ``evidence``. orders holds what would be bought for these positions meanwhile.
    """

    __slots__ = ()


class AdviceChanged(FeedEvent):
    """insight: advice for a parameter was given, decided on, applied, measured (AS8, ST5).

    ``advice.given``, ``.accepted``, ``.declined``, ``.lapsed``, ``.applied``, ``.failed``,
    ``.kept`` and ``.reverted`` are of one advice (its subject); ``advice.asked``, ``.run`` and
    ``.measured`` of the round of a plan (its subject).
    """

    __slots__ = ()


class DiagnosisMade(FeedEvent):
    """insight: somebody asked why, and the answer was put on record (AN3)."""

    __slots__ = ()


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


class RecommendationChanged(FeedEvent):
    """orders: a recommendation was issued, approved, discarded or fulfilled."""

    __slots__ = ()


class OrderChanged(FeedEvent):
    """orders: an order took a step. maintenance listens for ``order.delivered``."""

    __slots__ = ()


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


class DesignReviewed(FeedEvent):
    """insight: what the field tells of a model's parts, as somebody asked (``design.reviewed``)."""

    __slots__ = ()


class PartFitted(FeedEvent):
    """maintenance: a part was fitted; insight resets the wear, orders fulfils the need."""

    __slots__ = ()


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


class DeviceSeen(FeedEvent):
    """ingestion: a device was born or lost."""

    __slots__ = ()


class MessageDead(FeedEvent):
    """ingestion: a message was put aside."""

    __slots__ = ()


class CommandChanged(FeedEvent):
    """remote: a command was requested, got on, was confirmed or failed."""

    __slots__ = ()


class FirmwareChanged(FeedEvent):
    """remote: a rollout of firmware, one of its groups, or the update of a device took a step.

    ``firmware.rollout_*``, ``firmware.group_*`` and ``firmware.health_*`` are of a rollout (its
    subject); all other kinds are of a device: subject ``rollout/thing``, ``data`` has ``thing``.
    """

    __slots__ = ()


class RemoteWorkChanged(FeedEvent):
    """remote: a remedy is tried from afar (FS12): maintenance may wait for what comes of it.

    ``remote.begun``, then ``remote.resolved`` (telemetry says that the machine is well: nobody has
    to go) or ``remote.failed`` (somebody has to). ``data``: ``thing``, ``alert``, ``fix``,
    ``rule``, ``pack``, ``command``, ``tries``, ``why``.
    """

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
class CommandAcknowledged(DomainEvent):
    """ingestion: a device said what became of a command; remote listens."""

    at_ms: int
    command_id: str
    thing: str
    status: str
    detail: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractKept(DomainEvent):
    """outcomes: a contract was signed or amended the short way. Not in the feed; see above."""

    contract: str


class ThingChanged(FeedEvent):
    """registry: ``thing.activated`` by its owner, ``thing.released`` by a reset."""

    __slots__ = ()


class RightsChanged(FeedEvent):
    """registry: an owner gave or withdrew consent, or opened or closed data to a Data Recipient.

    ``kind`` is ``consent.given``, ``consent.withdrawn``, ``grant.given`` or ``grant.revoked``;
    ``data``: ``customer``, ``by`` and ``purpose``, or ``recipient`` and ``things``.
    """

    __slots__ = ()


class SecondaryUseChanged(FeedEvent):
    """ecosystem: a secondary use of data was opened, withheld or ended, or it looked (CC26)."""

    __slots__ = ()
