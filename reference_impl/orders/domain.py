"""Need, recommendation and order: three state tables, and the names that follow from content.

A need is one replacement of one part position of one thing: ``<thing>/<position>/<cycle>``. Its
cycle number goes up only when a part is fitted, so one need can never be bought twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum

from reference_impl.kernel.money import ZERO, euros, times, total

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
REOPEN_AFTER_MS = 24 * HOUR_MS
"""Cool-down between a lost order and the need's second try (O4). Amazon's replenishment API gives
24 h to cancel; an estimate for others."""
ORDERS_PER_NEED_MAX = 2
"""A need is re-opened once; after a second lost order a person must decide."""
OFFER_FOR_MS = 14 * DAY_MS
"""How long a provider's changed offer waits for the buyer (3.1, estimate)."""
RETURN_FOR_MS = 14 * DAY_MS
"""How long after delivery a buyer may give goods back (3.1, estimate)."""
SNOOZE_MAX_MS = 60 * DAY_MS
"""Nobody may put a recommendation off for longer (estimate): it would be a discard."""


class Need(StrEnum):
    """Where the need for one replacement stands (3.1)."""

    LATENT = "LATENT"
    FORECAST = "FORECAST"
    DUE = "DUE"
    OVERDUE = "OVERDUE"
    RECOMMENDED = "RECOMMENDED"
    SNOOZED = "SNOOZED"
    ORDERED = "ORDERED"
    DELIVERED = "DELIVERED"
    DISCARDED = "DISCARDED"
    SUPERSEDED = "SUPERSEDED"
    FULFILLED = "FULFILLED"
    FULFILLED_ELSEWHERE = "FULFILLED_ELSEWHERE"


class NeedStep(StrEnum):
    """What moves a need."""

    FORESEE = "foresee"
    FALL_DUE = "fall_due"
    ESCALATE = "escalate"
    RECOMMEND = "recommend"
    ORDER = "order"
    BUY = "buy"
    SERVE = "serve"
    SNOOZE = "snooze"
    WAKE = "wake"
    LOSE_ORDER = "lose_order"
    DELIVER = "deliver"
    DISCARD = "discard"
    WITHDRAW = "withdraw"
    REVIVE = "revive"
    FIT = "fit"
    FIT_ELSEWHERE = "fit_elsewhere"


_EARLY = {
    NeedStep.BUY: Need.ORDERED,
    NeedStep.WITHDRAW: Need.SUPERSEDED,
    NeedStep.FIT_ELSEWHERE: Need.FULFILLED_ELSEWHERE,
}
NEEDS: Mapping[Need, Mapping[NeedStep, Need]] = {
    Need.LATENT: {
        NeedStep.FORESEE: Need.FORECAST,
        NeedStep.FALL_DUE: Need.DUE,
        **_EARLY,
    },
    Need.FORECAST: {
        NeedStep.FALL_DUE: Need.DUE,
        NeedStep.RECOMMEND: Need.RECOMMENDED,
        **_EARLY,
    },
    Need.DUE: {
        NeedStep.ESCALATE: Need.OVERDUE,
        NeedStep.RECOMMEND: Need.RECOMMENDED,
        **_EARLY,
    },
    Need.OVERDUE: {NeedStep.RECOMMEND: Need.RECOMMENDED, **_EARLY},
    Need.RECOMMENDED: {
        NeedStep.ORDER: Need.ORDERED,
        NeedStep.SERVE: Need.DELIVERED,
        NeedStep.SNOOZE: Need.SNOOZED,
        NeedStep.DISCARD: Need.DISCARDED,
        NeedStep.WITHDRAW: Need.SUPERSEDED,
        NeedStep.FIT_ELSEWHERE: Need.FULFILLED_ELSEWHERE,
    },
    Need.SNOOZED: {
        NeedStep.WAKE: Need.RECOMMENDED,
        NeedStep.ORDER: Need.ORDERED,
        NeedStep.DISCARD: Need.DISCARDED,
        NeedStep.WITHDRAW: Need.SUPERSEDED,
        NeedStep.FIT_ELSEWHERE: Need.FULFILLED_ELSEWHERE,
    },
    Need.ORDERED: {
        NeedStep.DELIVER: Need.DELIVERED,
        NeedStep.LOSE_ORDER: Need.RECOMMENDED,
        NeedStep.WITHDRAW: Need.SUPERSEDED,
        NeedStep.FIT_ELSEWHERE: Need.FULFILLED_ELSEWHERE,
    },
    Need.DELIVERED: {
        NeedStep.FIT: Need.FULFILLED,
        NeedStep.LOSE_ORDER: Need.RECOMMENDED,
        NeedStep.WITHDRAW: Need.SUPERSEDED,
    },
    Need.DISCARDED: {NeedStep.BUY: Need.ORDERED, NeedStep.FIT_ELSEWHERE: Need.FULFILLED_ELSEWHERE},
    Need.SUPERSEDED: {
        NeedStep.REVIVE: Need.LATENT,
        NeedStep.FIT_ELSEWHERE: Need.FULFILLED_ELSEWHERE,
    },
    Need.FULFILLED: {},
    Need.FULFILLED_ELSEWHERE: {},
}
ADVISABLE = frozenset({Need.LATENT, Need.FORECAST, Need.DUE, Need.OVERDUE})
"""From these a need may be recommended."""
OPEN_NEEDS = frozenset(
    {Need.FORECAST, Need.DUE, Need.OVERDUE, Need.RECOMMENDED, Need.SNOOZED, Need.ORDERED,
     Need.DELIVERED}
)  # fmt: skip
"""Whose forecast is kept up to date."""


class Advice(StrEnum):
    """Where a recommendation stands."""

    HELD = "HELD"
    ISSUED = "ISSUED"
    SNOOZED = "SNOOZED"
    SERVED = "SERVED"
    ORDERED = "ORDERED"
    COOLING = "COOLING"
    DISCARDED = "DISCARDED"
    WITHDRAWN = "WITHDRAWN"
    FULFILLED = "FULFILLED"


class AdviceStep(StrEnum):
    """What moves a recommendation."""

    RELEASE = "release"
    APPROVE = "approve"
    SERVE = "serve"
    SNOOZE = "snooze"
    WAKE = "wake"
    DISCARD = "discard"
    LOSE_ORDER = "lose_order"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"
    FULFIL = "fulfil"


_ENDS = {AdviceStep.WITHDRAW: Advice.WITHDRAWN, AdviceStep.FULFIL: Advice.FULFILLED}
RECOMMENDATIONS: Mapping[Advice, Mapping[AdviceStep, Advice]] = {
    Advice.HELD: {
        AdviceStep.RELEASE: Advice.ISSUED,
        AdviceStep.DISCARD: Advice.DISCARDED,
        **_ENDS,
    },
    Advice.ISSUED: {
        AdviceStep.APPROVE: Advice.ORDERED,
        AdviceStep.SERVE: Advice.SERVED,
        AdviceStep.SNOOZE: Advice.SNOOZED,
        AdviceStep.DISCARD: Advice.DISCARDED,
        **_ENDS,
    },
    Advice.SNOOZED: {
        AdviceStep.WAKE: Advice.ISSUED,
        AdviceStep.APPROVE: Advice.ORDERED,
        AdviceStep.DISCARD: Advice.DISCARDED,
        **_ENDS,
    },
    Advice.SERVED: {**_ENDS},
    Advice.ORDERED: {AdviceStep.LOSE_ORDER: Advice.COOLING, **_ENDS},
    Advice.COOLING: {
        AdviceStep.REOPEN: Advice.ISSUED,
        AdviceStep.DISCARD: Advice.DISCARDED,
        **_ENDS,
    },
    Advice.DISCARDED: {},
    Advice.WITHDRAWN: {},
    Advice.FULFILLED: {},
}


class Order(StrEnum):
    """Where an order stands. Names as the seed platform's order API gives them, where it does."""

    CART = "CART"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    PENDING_ACCEPTANCE = "PENDING_ACCEPTANCE"
    PENDING_SHIPPING = "PENDING_SHIPPING"
    PARTIALLY_SHIPPED = "PARTIALLY_SHIPPED"
    SHIPPED = "SHIPPED"
    LOST = "LOST"
    DELIVERED = "DELIVERED"
    RETURN_REQUESTED = "RETURN_REQUESTED"
    REPLACING = "REPLACING"
    RETURNED = "RETURNED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    ABANDONED = "ABANDONED"


class OrderStep(StrEnum):
    """What moves an order."""

    CHECKOUT = "checkout"
    ABANDON = "abandon"
    CONFIRM = "confirm"
    OFFER = "offer"
    REJECT = "reject"
    ACCEPT = "accept"
    REFUSE = "refuse"
    EXPIRE = "expire"
    CANCEL = "cancel"
    BACKORDER = "backorder"
    SHIP_PART = "ship_part"
    RECEIVE_PART = "receive_part"
    SHIP = "ship"
    LOSE = "lose"
    RESHIP = "reship"
    DELIVER = "deliver"
    REQUEST_RETURN = "request_return"
    REFUSE_RETURN = "refuse_return"
    REPLACE = "replace"
    RECEIVE_REPLACEMENT = "receive_replacement"
    TAKE_BACK = "take_back"


ORDERS: Mapping[Order, Mapping[OrderStep, Order]] = {
    Order.CART: {
        OrderStep.CHECKOUT: Order.PENDING_APPROVAL,
        OrderStep.ABANDON: Order.ABANDONED,
    },
    Order.PENDING_APPROVAL: {
        OrderStep.CONFIRM: Order.PENDING_SHIPPING,
        OrderStep.OFFER: Order.PENDING_ACCEPTANCE,
        OrderStep.REJECT: Order.REJECTED,
        OrderStep.CANCEL: Order.CANCELLED,
    },
    Order.PENDING_ACCEPTANCE: {
        OrderStep.ACCEPT: Order.PENDING_SHIPPING,
        OrderStep.REFUSE: Order.CANCELLED,
        OrderStep.EXPIRE: Order.CANCELLED,
        OrderStep.CANCEL: Order.CANCELLED,
    },
    Order.PENDING_SHIPPING: {
        OrderStep.BACKORDER: Order.PENDING_SHIPPING,
        OrderStep.SHIP_PART: Order.PARTIALLY_SHIPPED,
        OrderStep.SHIP: Order.SHIPPED,
        OrderStep.CANCEL: Order.CANCELLED,
    },
    Order.PARTIALLY_SHIPPED: {
        OrderStep.BACKORDER: Order.PARTIALLY_SHIPPED,
        OrderStep.SHIP_PART: Order.PARTIALLY_SHIPPED,
        OrderStep.RECEIVE_PART: Order.PARTIALLY_SHIPPED,
        OrderStep.SHIP: Order.SHIPPED,
    },
    Order.SHIPPED: {
        OrderStep.RECEIVE_PART: Order.SHIPPED,
        OrderStep.DELIVER: Order.DELIVERED,
        OrderStep.LOSE: Order.LOST,
    },
    Order.LOST: {OrderStep.RECEIVE_PART: Order.LOST, OrderStep.RESHIP: Order.SHIPPED},
    Order.DELIVERED: {OrderStep.REQUEST_RETURN: Order.RETURN_REQUESTED},
    Order.RETURN_REQUESTED: {
        OrderStep.REFUSE_RETURN: Order.DELIVERED,
        OrderStep.REPLACE: Order.REPLACING,
        OrderStep.TAKE_BACK: Order.RETURNED,
    },
    Order.REPLACING: {OrderStep.RECEIVE_REPLACEMENT: Order.DELIVERED},
    Order.RETURNED: {},
    Order.REJECTED: {},
    Order.CANCELLED: {},
    Order.ABANDONED: {},
}
OPEN_ORDERS = frozenset(
    {Order.PENDING_APPROVAL, Order.PENDING_ACCEPTANCE, Order.PENDING_SHIPPING,
     Order.PARTIALLY_SHIPPED, Order.SHIPPED, Order.LOST}
)  # fmt: skip
LOST_ORDERS = frozenset({Order.REJECTED, Order.CANCELLED, Order.RETURNED})
UNSHIPPED = frozenset({Order.PENDING_APPROVAL, Order.PENDING_ACCEPTANCE, Order.PENDING_SHIPPING})
"""A buyer may still withdraw."""
ACCEPTED = frozenset(set(Order) - {Order.CART, Order.PENDING_APPROVAL, Order.PENDING_ACCEPTANCE})
"""Quantities, prices and totals stand for good (O6)."""

PAST = {
    OrderStep.CHECKOUT: "placed",
    OrderStep.ABANDON: "abandoned",
    OrderStep.CONFIRM: "confirmed",
    OrderStep.OFFER: "offered",
    OrderStep.REJECT: "rejected",
    OrderStep.ACCEPT: "accepted",
    OrderStep.REFUSE: "cancelled",
    OrderStep.EXPIRE: "cancelled",
    OrderStep.CANCEL: "cancelled",
    OrderStep.BACKORDER: "backordered",
    OrderStep.SHIP_PART: "shipped_in_part",
    OrderStep.RECEIVE_PART: "delivered_in_part",
    OrderStep.SHIP: "shipped",
    OrderStep.LOSE: "lost",
    OrderStep.RESHIP: "reshipped",
    OrderStep.DELIVER: "delivered",
    OrderStep.REQUEST_RETURN: "return_requested",
    OrderStep.REFUSE_RETURN: "return_refused",
    OrderStep.REPLACE: "replacement_shipped",
    OrderStep.RECEIVE_REPLACEMENT: "replaced",
    OrderStep.TAKE_BACK: "returned",
}
"""The feed's word for each step of an order."""

assert NEEDS.keys() == set(Need), "every state needs a row, final ones an empty one"
assert RECOMMENDATIONS.keys() == set(Advice), "every state needs a row"
assert ORDERS.keys() == set(Order), "every state needs a row"
assert PAST.keys() == set(OrderStep), "every step needs its word"


def need_key(thing: str, position: str, cycle: int) -> str:
    """The key of a need."""
    return f"{thing}/{position}/{cycle}"


def recommendation_id(thing: str, position: str, cycle: int, owner: int = 1) -> str:
    """The id of the recommendation for a need; ``owner`` counts who the thing belonged to."""
    again = "" if owner == 1 else f"-owner{owner}"
    return f"rec-{thing}-{position}-{cycle}{again}"


def order_id(thing: str, position: str, cycle: int, attempt: int, owner: int = 1) -> str:
    """The id of an owner's ``attempt``-th order for a need, counted from 1."""
    again = "" if owner == 1 else f"-owner{owner}"
    return f"ord-{thing}-{position}-{cycle}-{attempt}{again}"


def cart_id(buyer: str, number: int) -> str:
    """The id of a buyer's ``number``-th cart, which is that of the order it becomes."""
    return f"ord-{buyer}-{number}"


def replenishment_id(partner: str, number: int) -> str:
    """The id of a partner's ``number``-th order with the main organisation."""
    return f"repl-{partner}-{number}"


def total_eur(
    lines: Iterable[tuple[Decimal, int]], *, discount_eur: Decimal = ZERO, tax_eur: Decimal = ZERO
) -> Decimal:
    """Sum of quantity times unit price, less the discount, plus tax (O6), to the cent."""
    goods = total(times(unit, quantity) for unit, quantity in lines)
    return euros(goods - discount_eur + tax_eur)


def share_eur(amount: Decimal, pct: Decimal) -> Decimal:
    """So many percent of an amount, to the cent."""
    return euros(amount * pct / 100)
