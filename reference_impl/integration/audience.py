"""Who may see which event, as the feed decides it."""

from __future__ import annotations

from collections.abc import Callable

from reference_impl.kernel.access import Principal, acting_as
from reference_impl.kernel.feed import DOCUMENTS, visible
from reference_impl.kernel.store import Connection

READS = "feed:read"
"""Without this permission nobody hears anything."""


class EventAudience:
    """Looks at an event as its owner would.

    Args:
        principal: The caller by name as it is now; None if it is gone.
    """

    def __init__(self, principal: Callable[[Connection, str], Principal | None]) -> None:
        self._principal = principal
        self._known: dict[str, Principal | None] = {}

    def forget(self) -> None:
        """Roles, owners or agreements changed."""
        self._known.clear()

    def sees(
        self, conn: Connection, user: str, *, kind: str, customer: str, thing: str, at_ms: int
    ) -> bool:
        """See Audience."""
        if user not in self._known:
            self._known[user] = self._principal(conn, user)
        who = self._known[user]
        if who is None or not who.may(READS):
            return False
        with acting_as(who):
            document = kind.startswith(DOCUMENTS)
            return visible(customer=customer, thing=thing, document=document, at_ms=at_ms)
