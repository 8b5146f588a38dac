"""Purchase policies: what a customer lets the service buy without asking (SP12, O7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal as Euro
from enum import StrEnum

from reference_impl.kernel.money import times
from reference_impl.kernel.rows import Row


class Mode(StrEnum):
    """How a customer buys."""

    AUTO = "auto"
    APPROVAL = "approval"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A customer's purchase policy. A limit that is None does not limit.

    ``blackout`` are ``(from_ms, to_ms)`` in which nothing is bought by itself; ``approver`` is who
    must agree to every order; within ``cancel_window_ms`` of placing, an order that was placed by
    itself can be taken back and is not confirmed.
    """

    mode: Mode = Mode.APPROVAL
    allowed_parts: tuple[str, ...] | None = None
    max_unit_price_eur: Euro | None = None
    max_open_orders: int | None = None
    monthly_budget_eur: Euro | None = None
    blackout: tuple[tuple[int, int], ...] = ()
    approver: str = ""
    paused: bool = False
    cancel_window_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What would be bought, and what the customer has bought already."""

    at_ms: int
    part: str
    unit_price_eur: Euro
    quantity: int
    open_orders: int
    """Orders of this customer that are neither delivered nor lost."""
    spent_eur: Euro
    """Totals of the customer's orders of this UTC month, lost ones left out."""


def breaches(policy: Policy, buying: Purchase) -> list[str]:
    """Which limits a purchase would break, in words; empty if it may be made without asking."""
    found = []
    allowed, price_max = policy.allowed_parts, policy.max_unit_price_eur
    if allowed is not None and buying.part not in allowed:
        found.append(f"part {buying.part} is not among those that may be bought without asking")
    if price_max is not None and buying.unit_price_eur > price_max:
        found.append(f"unit price {buying.unit_price_eur:.2f} EUR is above {price_max:.2f} EUR")
    open_max = policy.max_open_orders
    if open_max is not None and buying.open_orders >= open_max:
        found.append(f"{buying.open_orders} orders are open, {open_max} allowed")
    budget = policy.monthly_budget_eur
    after_eur = buying.spent_eur + times(buying.unit_price_eur, buying.quantity)
    if budget is not None and after_eur > budget:
        found.append(f"{after_eur:.2f} EUR this month is above the budget of {budget:.2f} EUR")
    if any(from_ms <= buying.at_ms < to_ms for from_ms, to_ms in policy.blackout):
        found.append("nothing is bought by itself at this time")
    if policy.paused:
        found.append("buying by itself is paused")
    if policy.approver:
        found.append(f"{policy.approver} must agree")
    return found


def month_of(at_ms: int) -> tuple[int, int]:
    """Year and month, UTC."""
    day = datetime.fromtimestamp(at_ms / 1000, tz=UTC)
    return day.year, day.month


def policy_of(row: Row) -> Policy:
    """A stored policy."""
    allowed = row["allowed_parts"]
    return Policy(
        mode=Mode(row["mode"]),
        allowed_parts=None if allowed is None else tuple(allowed),
        max_unit_price_eur=row["max_unit_price_eur"],
        max_open_orders=row["max_open_orders"],
        monthly_budget_eur=row["monthly_budget_eur"],
        blackout=_spans(row["blackout"]),
        approver=row["approver"],
        paused=row["paused"],
        cancel_window_ms=row["cancel_window_ms"],
    )


def row_of(customer: str, policy: Policy) -> Row:
    """A policy as it is stored."""
    return {
        "customer": customer,
        "mode": policy.mode.value,
        "allowed_parts": None if policy.allowed_parts is None else list(policy.allowed_parts),
        "max_unit_price_eur": policy.max_unit_price_eur,
        "max_open_orders": policy.max_open_orders,
        "monthly_budget_eur": policy.monthly_budget_eur,
        "blackout": [list(span) for span in policy.blackout],
        "approver": policy.approver,
        "paused": policy.paused,
        "cancel_window_ms": policy.cancel_window_ms,
    }


def _spans(listed: Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((from_ms, to_ms) for from_ms, to_ms in listed)
