"""What the services of integration need of others; bootstrap hands them the adapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

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

    def queued(self, conn: Connection, webhook: str) -> dict[str, tuple[int, int]]:
        """How many of a webhook are in each state, and when the oldest of them happened."""
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


class Document(NamedTuple):
    """Something as the API shows it, and whose it is."""

    kind: str
    """The family of its events, such as ``work_order``."""
    subject: str
    data: Mapping[str, Any]
    customer: str
    thing: str = ""


class Documents(Protocol):
    """What linked systems are sent whole."""

    def one(self, conn: Connection, kind: str, subject: str) -> Document | None:
        """What an event of a kind (``invoice.issued``) is about; None: nothing of this sort."""
        ...

    def all(self, conn: Connection, families: Sequence[str]) -> list[Document]:
        """Everything of some families that a system which is linked now has to know."""
        ...


class FieldWork(Protocol):
    """What a field service system may do to work that it was sent."""

    def statuses(self, kind: str) -> Sequence[str]:
        """The states of a ``work_order`` or ``ticket`` that it may report."""
        ...

    def advance(
        self, uow: UnitOfWork, kind: str, subject: str, status: str, *, by: str, at_ms: int,
        details: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Take the steps that lead to a status; none if it has it already.

        Raises:
            Unknown: If there is no such work, or the caller does not see it.
            IllegalStep: If no steps lead there.
            Invalid: If a step needs what ``details`` does not say.
        """
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
