"""The event feed: every :class:`FeedEvent` that was published, in order, as CloudEvents 1.0."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from reference_impl.kernel.access import current, seen_from_ms
from reference_impl.kernel.bus import Bus, DomainEvent
from reference_impl.kernel.cached import Cached
from reference_impl.kernel.ids import canonical, event_id
from reference_impl.kernel.prepared import Prepared
from reference_impl.kernel.store import Text, UnitOfWork, metadata
from reference_impl.kernel.upsert import insert

SOURCE = "twinrig/reference-dps"
OF_SUBJECT = ("device.", "thing.", "condition.", "part.fitted")
"""Kinds of events whose subject is a thing."""
DOCUMENTS = ("order.", "outcome.", "invoice.", "subscription.", "cart.")
"""Kinds of events that stay with the customer whose document they tell of."""

feed = sa.Table(
    "feed",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("event_id", Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("subject", Text, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("customer", Text, nullable=False, server_default=""),
    sa.Column("thing", Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)
_LOOKED_THROUGH = 50
"""Events of one kind and subject that are looked through for one: days of them."""
_page = Prepared(
    sa.select(
        feed.c.number,
        feed.c.event_id,
        feed.c.at_ms,
        feed.c.kind,
        feed.c.subject,
        feed.c.data,
        feed.c.customer,
        feed.c.thing,
    )
    .where(feed.c.number > sa.bindparam("after"))
    .order_by(feed.c.number)
    .limit(sa.bindparam("most"))
)
_newest = Prepared(sa.select(sa.func.max(feed.c.number)))


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event as the feed shows it; ``data`` is JSON already."""

    specversion: str = "1.0"
    id: str
    source: str = SOURCE
    type: str
    subject: str
    time: str
    at_ms: int
    data: msgspec.Raw


def rfc3339(at_ms: int) -> str:
    """A time as CloudEvents write it: ``2026-01-05T00:00:00.000Z``."""
    stamp = datetime.fromtimestamp(at_ms / 1000, UTC)
    return stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Feed:
    """Writes what the bus delivers, in the transaction that published it, and reads it back."""

    def __init__(self) -> None:
        self._newest: Cached[str, int] = Cached(lambda _conn: {})
        """The cursor, while nothing was written since it was read."""

    def subscribe(self, bus: Bus) -> None:
        """Listen to everything; what has no ``kind`` stays inside."""
        bus.subscribe_all(self._append)

    def _append(self, uow: UnitOfWork, event: DomainEvent) -> None:
        kind: str | None = getattr(event, "kind", None)
        if kind is None:
            return
        shown: Any = event
        data = dict(shown.data)
        known_by = event_id(shown.at_ms, kind, shown.subject, data)
        row = (known_by, shown.at_ms, kind, shown.subject, canonical(data), *whose(shown))
        insert(uow.conn, feed, [row])
        self._newest.of(uow).clear()

    @staticmethod
    def newest(conn: sa.Connection, kind: str, subject: str, **having: str) -> dict[str, Any]:
        """The data of the newest event of a kind and subject that has these values; or empty."""
        rows = (
            sa.select(feed.c.data)
            .where(feed.c.kind == kind, feed.c.subject == subject)
            .order_by(feed.c.number.desc())
            .limit(_LOOKED_THROUGH)
        )
        for data in conn.execute(rows).scalars():
            shown: dict[str, Any] = msgspec.json.decode(data)
            if having.items() <= shown.items():
                return shown
        return {}

    def cursor(self, uow: UnitOfWork) -> int:
        """The running number of the newest event; 0 while there is none."""
        known = self._newest.of(uow)
        if "newest" not in known:
            known["newest"] = _newest.rows(uow.conn)[0][0] or 0
        return known["newest"]

    @staticmethod
    def page(conn: sa.Connection, after: int, limit: int) -> tuple[list[CloudEvent], int]:
        """Up to ``limit`` events after the cursor, oldest first, and the cursor behind them.

        Only those that the caller may see; a page with fewer than ``limit`` is the last one.
        """
        events: list[CloudEvent] = []
        while True:
            rows = _page.rows(conn, after=after, most=limit)
            for number, *told, customer, thing in rows:
                if len(events) == limit:
                    return events, after
                after = number
                _, at_ms, kind, *_ = told
                document = kind.startswith(DOCUMENTS)
                if visible(customer=customer, thing=thing, document=document, at_ms=at_ms):
                    events.append(_shown(*told))
            if len(rows) < limit or len(events) == limit:
                return events, after


def steps_of(conn: sa.Connection, subjects: Sequence[str]) -> list[dict[str, Any]]:
    """What happened to some subjects that the caller may see, oldest first."""
    rows = conn.execute(
        sa.select(feed).where(feed.c.subject.in_(subjects)).order_by(feed.c.number)
    ).all()
    return [
        {
            "at_ms": row.at_ms,
            "kind": row.kind,
            "subject": row.subject,
            "data": msgspec.json.decode(row.data),
        }
        for row in rows
        if visible(
            customer=row.customer,
            thing=row.thing,
            document=row.kind.startswith(DOCUMENTS),
            at_ms=row.at_ms,
        )
    ]


def visible(*, customer: str, thing: str, document: bool, at_ms: int) -> bool:
    """Whether the caller may see an event that belongs to ``customer`` or ``thing``, or to nobody.

    What is nobody's is the operator's. A document stays with its customer; everything else is of
    who owns the thing since before it.
    """
    who = current()
    if who.things is None and who.customers is None:
        return True
    if customer and not who.sees(customer):
        return False
    if thing and not (document and customer):
        since_ms = seen_from_ms(thing)
        return since_ms is not None and at_ms >= since_ms
    return bool(customer)


def whose(event: Any) -> tuple[str, str]:  # noqa: ANN401 - a FeedEvent, of the layer above
    """Customer and thing of an event, each empty if it has none."""
    thing = event.thing or event.data.get("thing", "")
    if not thing and event.kind.startswith(OF_SUBJECT):
        thing = event.subject
    customer = event.customer or event.data.get("customer", "")
    return (customer if isinstance(customer, str) else "", thing if isinstance(thing, str) else "")


def _shown(known_by: str, at_ms: int, kind: str, subject: str, data: bytes) -> CloudEvent:
    return CloudEvent(
        id=known_by,
        type=kind,
        subject=subject,
        time=rfc3339(at_ms),
        at_ms=at_ms,
        data=msgspec.Raw(data),
    )
