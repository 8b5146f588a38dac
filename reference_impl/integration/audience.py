"""Who may see which event, as the feed decides it."""

from __future__ import annotations

from reference_impl.kernel.access import OPERATOR
from reference_impl.kernel.store import Connection


class EventAudience:
    """The operator hears everything, and nobody else anything."""

    def sees(
        self, conn: Connection, user: str, *, kind: str, customer: str, thing: str, at_ms: int
    ) -> bool:
        """See Audience."""
        del conn, kind, customer, thing, at_ms
        return user == OPERATOR.user
