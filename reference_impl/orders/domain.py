"""Need, recommendation and order: three state tables, and what a purchase policy allows.

A need is one replacement of one part position of one thing: ``<thing>/<position>/<cycle>``. Its
cycle number goes up only when a part is fitted, so one need can never be bought twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

REOPEN_AFTER_MS = 24 * 3_600_000
"""Cool-down between a lost order and the need's second try. Amazon's replenishment API gives 24 h
to cancel; an estimate for others."""
ORDERS_PER_NEED_MAX = 2
"""A need is re-opened once; after a second lost order a person must decide."""


class Need(StrEnum):
    """Where the need for one replacement stands."""

    LATENT = "LATENT"
    FORECAST = "FORECAST"
    RECOMMENDED = "RECOMMENDED"
    ORDERED = "ORDERED"
    DELIVERED = "DELIVERED"
    DISCARDED = "DISCARDED"
    FULFILLED = "FULFILLED"


class NeedStep(StrEnum):
    """What moves a need."""

    FORESEE = "foresee"
    RECOMMEND = "recommend"
    ORDER = "order"
    LOSE_ORDER = "lose_order"
    DELIVER = "deliver"
    DISCARD = "discard"
    FIT = "fit"


NEEDS: Mapping[Need, Mapping[NeedStep, Need]] = {
    Need.LATENT: {NeedStep.FORESEE: Need.FORECAST, NeedStep.FIT: Need.FULFILLED},
    Need.FORECAST: {NeedStep.RECOMMEND: Need.RECOMMENDED, NeedStep.FIT: Need.FULFILLED},
    Need.RECOMMENDED: {
        NeedStep.ORDER: Need.ORDERED,
        NeedStep.DISCARD: Need.DISCARDED,
        NeedStep.FIT: Need.FULFILLED,
    },
    Need.ORDERED: {
        NeedStep.DELIVER: Need.DELIVERED,
        NeedStep.LOSE_ORDER: Need.RECOMMENDED,
        NeedStep.FIT: Need.FULFILLED,
    },
    Need.DELIVERED: {NeedStep.FIT: Need.FULFILLED},
    Need.DISCARDED: {NeedStep.FIT: Need.FULFILLED},
    Need.FULFILLED: {},
}


class Advice(StrEnum):
    """Where a recommendation stands."""

    ISSUED = "ISSUED"
    ORDERED = "ORDERED"
    COOLING = "COOLING"
    DISCARDED = "DISCARDED"
    FULFILLED = "FULFILLED"


class AdviceStep(StrEnum):
    """What moves a recommendation."""

    APPROVE = "approve"
    DISCARD = "discard"
    LOSE_ORDER = "lose_order"
    REOPEN = "reopen"
    FULFIL = "fulfil"


RECOMMENDATIONS: Mapping[Advice, Mapping[AdviceStep, Advice]] = {
    Advice.ISSUED: {
        AdviceStep.APPROVE: Advice.ORDERED,
        AdviceStep.DISCARD: Advice.DISCARDED,
        AdviceStep.FULFIL: Advice.FULFILLED,
    },
    Advice.ORDERED: {
        AdviceStep.LOSE_ORDER: Advice.COOLING,
        AdviceStep.FULFIL: Advice.FULFILLED,
    },
    Advice.COOLING: {
        AdviceStep.REOPEN: Advice.ISSUED,
        AdviceStep.DISCARD: Advice.DISCARDED,
        AdviceStep.FULFIL: Advice.FULFILLED,
    },
    Advice.DISCARDED: {},
    Advice.FULFILLED: {},
}


class Order(StrEnum):
    """Where an order stands. Names as the seed platform's order API gives them."""

    PENDING_APPROVAL = "PENDING_APPROVAL"
    PENDING_SHIPPING = "PENDING_SHIPPING"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


class OrderStep(StrEnum):
    """What moves an order."""

    CONFIRM = "confirm"
    REJECT = "reject"
    SHIP = "ship"
    DELIVER = "deliver"
    CANCEL = "cancel"


ORDERS: Mapping[Order, Mapping[OrderStep, Order]] = {
    Order.PENDING_APPROVAL: {
        OrderStep.CONFIRM: Order.PENDING_SHIPPING,
        OrderStep.REJECT: Order.REJECTED,
        OrderStep.CANCEL: Order.CANCELLED,
    },
    Order.PENDING_SHIPPING: {
        OrderStep.SHIP: Order.SHIPPED,
        OrderStep.CANCEL: Order.CANCELLED,
    },
    Order.SHIPPED: {OrderStep.DELIVER: Order.DELIVERED},
    Order.DELIVERED: {},
    Order.REJECTED: {},
    Order.CANCELLED: {},
}
OPEN_ORDERS = frozenset({Order.PENDING_APPROVAL, Order.PENDING_SHIPPING, Order.SHIPPED})
LOST_ORDERS = frozenset({Order.REJECTED, Order.CANCELLED})

PAST = {
    OrderStep.CONFIRM: "confirmed",
    OrderStep.REJECT: "rejected",
    OrderStep.SHIP: "shipped",
    OrderStep.DELIVER: "delivered",
    OrderStep.CANCEL: "cancelled",
}
"""The feed's word for each step of an order."""

assert NEEDS.keys() == set(Need), "every state needs a row, final ones an empty one"
assert RECOMMENDATIONS.keys() == set(Advice), "every state needs a row"
assert ORDERS.keys() == set(Order), "every state needs a row"
assert PAST.keys() == set(OrderStep), "every step needs its word"


def need_key(thing: str, position: str, cycle: int) -> str:
    """The key of a need."""
    return f"{thing}/{position}/{cycle}"


def recommendation_id(thing: str, position: str, cycle: int) -> str:
    """The id of the recommendation for a need."""
    return f"rec-{thing}-{position}-{cycle}"


def order_id(thing: str, position: str, cycle: int, attempt: int) -> str:
    """The id of the ``attempt``-th order for a need, counted from 1."""
    return f"ord-{thing}-{position}-{cycle}-{attempt}"


class Mode(StrEnum):
    """How a customer buys."""

    AUTO = "auto"
    APPROVAL = "approval"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A customer's purchase policy. A limit that is None does not limit."""

    mode: Mode = Mode.APPROVAL
    max_unit_price_eur: float | None = None
    max_open_orders: int | None = None
    monthly_budget_eur: float | None = None


def breaches(
    policy: Policy, *, unit_price_eur: float, quantity: int, open_orders: int, spent_eur: float
) -> list[str]:
    """Which limits an order would break, in words; empty if it may be placed without asking.

    Args:
        policy: The customer's policy.
        unit_price_eur: Price of one part.
        quantity: How many parts.
        open_orders: Orders of this customer that are not delivered, rejected or cancelled.
        spent_eur: Totals of the customer's orders of this UTC month, lost ones left out.
    """
    found = []
    price_max, open_max = policy.max_unit_price_eur, policy.max_open_orders
    if price_max is not None and unit_price_eur > price_max:
        found.append(f"unit price {unit_price_eur:.2f} EUR is above {price_max:.2f} EUR")
    if open_max is not None and open_orders >= open_max:
        found.append(f"{open_orders} orders are open, {open_max} allowed")
    budget = policy.monthly_budget_eur
    after_eur = spent_eur + total_eur(unit_price_eur, quantity)
    if budget is not None and after_eur > budget:
        found.append(f"{after_eur:.2f} EUR this month is above the budget of {budget:.2f} EUR")
    return found


def total_eur(unit_price_eur: float, quantity: int) -> float:
    """Quantity times unit price, to the cent (half up)."""
    total = Decimal(str(unit_price_eur)) * quantity
    return float(total.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))
