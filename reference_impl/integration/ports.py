"""What the services of integration need of others; bootstrap hands them the adapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Connection, UnitOfWork


class Deliveries(Protocol):
    """The deliveries, oldest first."""

    def insert(self, uow: UnitOfWork, *rows: Row) -> None:
        """Add some whose ids are new; an id that is known is left as it is."""
        ...

    def by_id(self, conn: Connection, ident: str) -> Row | None:
        """One by its id."""
        ...

    def due(self, conn: Connection, *, now_ms: int, limit: int) -> list[Row]:
        """Pending ones of active webhooks, none behind an earlier one that is not due yet."""
        ...

    def next_due_ms(self, conn: Connection) -> int | None:
        """When the next pending one of an active webhook is due."""
        ...

    def page(
        self, conn: Connection, *, webhooks: Sequence[str], state: str | None, after: str,
        limit: int,
    ) -> list[Row]:  # fmt: skip
        """Those of some webhooks, behind the id ``after`` (empty: from the first)."""
        ...

    def swap(self, uow: UnitOfWork, ident: str, *, expected: str, values: Row) -> bool:
        """Write ``values`` if the state is still ``expected``; say whether it was."""
        ...

    def forget_pending(self, uow: UnitOfWork, webhook: str) -> None:
        """Remove what was not delivered to a webhook that is no more."""
        ...


class Audience(Protocol):
    """Who may see which event."""

    def sees(
        self, conn: Connection, user: str, *, kind: str, customer: str, thing: str, at_ms: int
    ) -> bool:
        """Whether ``user`` may see, now, an event that belongs to a customer or a thing."""
        ...


class Reply(NamedTuple):
    """What came of an attempt: an HTTP status, or None and why there is none."""

    status: int | None
    error: str


class Poster(Protocol):
    """Sends bytes to a URL."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """POST once (a connection that cannot be made is tried again a few times)."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
