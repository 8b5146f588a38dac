"""Who gets what of an amount, in whole cents, and what parties got together (PM6).

Independent of the DPS: in integers, by the largest remainder (Hamilton's method), ties by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

MAIN = "main"
"""The main organisation, where a pricing names no provider."""
CENTS = Decimal(100)
MILLIONTHS = 10**6
"""Shares are percent with up to six places."""


def shares_of(said: Mapping[str, Any]) -> dict[str, int]:
    """The shares of a pricing as it was installed, millionths of a percent."""
    whole = {said.get("provider") or MAIN: 100.0}
    shares: Mapping[str, float] = said.get("shares") or whole
    return {party: round(Decimal(str(pct)) * MILLIONTHS) for party, pct in shares.items()}


def parted(amount: Decimal, shares: Mapping[str, int]) -> dict[str, Decimal]:
    """An amount by shares: nothing is left, and nobody gets a cent more than the next to it.

    Raises:
        ValueError: If the shares are not 100 % together.
    """
    whole = sum(shares.values())
    if whole != 100 * MILLIONTHS:
        raise ValueError(f"the shares are {whole / MILLIONTHS} % together")
    sign, left = (-1 if amount < 0 else 1), int(abs(amount) * CENTS)
    cents = {party: left * share // whole for party, share in shares.items()}
    rest = {party: left * share % whole for party, share in shares.items()}
    ranked = sorted(shares, key=lambda party: (-rest[party], party))
    for party in ranked[: left - sum(cents.values())]:
        cents[party] += 1
    return {party: sign * value / CENTS for party, value in cents.items()}


def add(accounts: dict[str, Decimal], parts: Mapping[str, Decimal]) -> None:
    """Add parts to accounts."""
    for party, part in parts.items():
        accounts[party] = accounts.get(party, Decimal(0)) + part
