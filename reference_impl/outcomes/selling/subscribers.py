"""Who may see a subscription: its customer, or the partner that took it (FS13)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reference_impl.kernel.access import Group, current
from reference_impl.kernel.errors import Unknown


def sees(subscriber: str) -> bool:
    """Whether the caller sees what belongs to a subscriber."""
    who = current()
    of_partner = who.parties is not None and f"{Group.PARTNER}:{subscriber}" in who.parties
    return who.sees(subscriber) or of_partner


def must_see(subscriber: str, *, what: str) -> None:
    """Raise Unknown, as if it did not exist, unless the caller sees it."""
    if not sees(subscriber):
        raise Unknown(f"there is no {what}")


def seen(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of subscribers that the caller sees."""
    return [row for row in rows if sees(row["customer"])]
