"""The events that contexts share, and that the feed shows to the world.

A context publishes what happened to what it owns; others subscribe through the bus. ``kind`` and
``subject`` are the CloudEvent's type and subject; the other fields become its data
(docs/reference/dps-contract.md). Events without a ``kind`` stay inside.
"""

from reference_impl.published.base import FeedEvent
from reference_impl.published.ecosystem import SecondaryUseChanged
from reference_impl.published.ingestion import (
    CommandAcknowledged,
    DeviceSeen,
    MessageDead,
)
from reference_impl.published.insight import (
    AdviceChanged,
    ConditionEvaluated,
    ConditionSwitched,
    DataFlagged,
    DesignReviewed,
    DiagnosisMade,
)
from reference_impl.published.maintenance import (
    CollectionChanged,
    PartFitted,
    PlanChanged,
    PlannedWindow,
    PlannedWorkChanged,
    SlaChanged,
    TicketChanged,
    WorkOrderChanged,
)
from reference_impl.published.orders import OrderChanged, RecommendationChanged
from reference_impl.published.outcomes import (
    ChargeChanged,
    ContractChanged,
    ContractKept,
    ExclusionChanged,
    FeatureSold,
    InvoiceChanged,
    PaidOut,
    PeriodClosed,
    PricingChanged,
    RentalChanged,
    SettlementStated,
    SubscriptionChanged,
)
from reference_impl.published.registry import (
    CustomerKept,
    ModelInstalled,
    RightsChanged,
    ThingActivated,
    ThingChanged,
    ThingInstalled,
    ThingReleased,
)
from reference_impl.published.remote import (
    CommandChanged,
    FirmwareChanged,
    RemoteWorkChanged,
)
from reference_impl.published.rules import (
    ActionChanged,
    AlertChanged,
    AutomationRan,
    CallbackWanted,
    CommandWanted,
    NoticeChanged,
    ReplacementAdvised,
)

__all__ = [
    "ActionChanged",
    "AdviceChanged",
    "AlertChanged",
    "AutomationRan",
    "CallbackWanted",
    "ChargeChanged",
    "CollectionChanged",
    "CommandAcknowledged",
    "CommandChanged",
    "CommandWanted",
    "ConditionEvaluated",
    "ConditionSwitched",
    "ContractChanged",
    "ContractKept",
    "CustomerKept",
    "DataFlagged",
    "DesignReviewed",
    "DeviceSeen",
    "DiagnosisMade",
    "ExclusionChanged",
    "FeatureSold",
    "FeedEvent",
    "FirmwareChanged",
    "InvoiceChanged",
    "MessageDead",
    "ModelInstalled",
    "NoticeChanged",
    "OrderChanged",
    "PaidOut",
    "PartFitted",
    "PeriodClosed",
    "PlanChanged",
    "PlannedWindow",
    "PlannedWorkChanged",
    "PricingChanged",
    "RecommendationChanged",
    "RemoteWorkChanged",
    "RentalChanged",
    "ReplacementAdvised",
    "RightsChanged",
    "SecondaryUseChanged",
    "SettlementStated",
    "SlaChanged",
    "SubscriptionChanged",
    "ThingActivated",
    "ThingChanged",
    "ThingInstalled",
    "ThingReleased",
    "TicketChanged",
    "WorkOrderChanged",
]
