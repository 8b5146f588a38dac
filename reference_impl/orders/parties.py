"""Who buys, who provides, who sees what and who may take which step: the three models of 3.1.

M1 customer and main organisation; M2 customer and partner; M3 partner and main organisation. The
chain is M2 and M3 back to back. Pure: rows and a caller go in, rows and verdicts come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from reference_impl.kernel.access import Group, Principal
from reference_impl.orders.domain import OrderStep

MAIN = "organisation"
"""The party that an order names where the main organisation buys or sells."""


class Model(StrEnum):
    """A stakeholder model (S3)."""

    M1 = "M1"
    M2 = "M2"
    M3 = "M3"


class Supply(StrEnum):
    """How a customer is supplied."""

    M1 = "M1"
    M2 = "M2"
    CHAIN = "chain"


class Side(StrEnum):
    """Which side of an order somebody is on."""

    BUYER = "buyer"
    PROVIDER = "provider"


_BUYER, _PROVIDER = frozenset({Side.BUYER}), frozenset({Side.PROVIDER})
_BOTH = _BUYER | _PROVIDER
STEPS: Mapping[OrderStep, frozenset[Side]] = {
    OrderStep.CHECKOUT: _BUYER,
    OrderStep.ABANDON: _BUYER,
    OrderStep.CONFIRM: _PROVIDER,
    OrderStep.OFFER: _PROVIDER,
    OrderStep.REJECT: _PROVIDER,
    OrderStep.ACCEPT: _BUYER,
    OrderStep.REFUSE: _BUYER,
    OrderStep.EXPIRE: frozenset(),
    OrderStep.CANCEL: _BUYER,
    OrderStep.BACKORDER: _PROVIDER,
    OrderStep.SHIP_PART: _PROVIDER,
    OrderStep.RECEIVE_PART: _BOTH,
    OrderStep.SHIP: _PROVIDER,
    OrderStep.LOSE: _BOTH,
    OrderStep.RESHIP: _PROVIDER,
    OrderStep.DELIVER: _BOTH,
    OrderStep.REQUEST_RETURN: _BUYER,
    OrderStep.REFUSE_RETURN: _PROVIDER,
    OrderStep.REPLACE: _PROVIDER,
    OrderStep.RECEIVE_REPLACEMENT: _BOTH,
    OrderStep.TAKE_BACK: _PROVIDER,
}
"""Only the buyer creates, only the provider modifies (SP4); a carrier speaks for either side. The
operator of the DPS, and its own timers, stand outside of this table."""
assert STEPS.keys() == set(OrderStep), "every step needs its sides"

PRICES = frozenset(
    {"unit_price_eur", "total_eur", "discount_eur", "tax_eur", "cost_eur", "offer", "list_eur"}
)
"""What the main organisation does not see of a partner's sale (M2)."""
OF_LINKED = ("id", "model", "state", "eta_ms", "placed_ms")
"""What the end customer sees of the order that its partner placed for it (M3)."""


def side_of(row: Mapping[str, Any], who: Principal) -> Side | None:
    """On which side of an order the caller is; None for those who only look on."""
    for side in Side:
        if _is(who, str(row[side.value])):
            return side
    return None


def _is(who: Principal, party: str) -> bool:
    if who.group is Group.ORGANISATION:
        return party == MAIN
    if who.group is Group.PARTNER:
        return party == who.party
    return who.group is Group.CUSTOMER and (
        party == who.party or (who.customers is not None and party in who.customers)
    )


def may(row: Mapping[str, Any], who: Principal, step: OrderStep) -> bool:
    """Whether the caller may take a step, if the state of the order allows it."""
    return who.group is Group.OPERATOR or side_of(row, who) in STEPS[step]


def view(row: Mapping[str, Any], who: Principal) -> dict[str, Any] | None:
    """An order as the caller sees it; None: not at all.

    Both sides see all of it. The main organisation sees item, quantity and status of what a partner
    sells, for compliance; the end customer sees of its partner's order that and when it comes.
    """
    if who.group is Group.OPERATOR or side_of(row, who) is not None:
        return dict(row)
    if row["model"] == Model.M2 and who.group is Group.ORGANISATION:
        return _without_prices(row)
    if row["model"] == Model.M3 and who.group is Group.CUSTOMER:
        mine = [line for line in row["lines"] if who.sees(line["customer"])]
        return {name: row[name] for name in OF_LINKED} if mine else None
    return None


def _without_prices(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in PRICES}
    kept["lines"] = [
        {name: value for name, value in line.items() if name not in PRICES} for line in row["lines"]
    ]
    return kept
