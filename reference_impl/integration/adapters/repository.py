"""The rows of integration, as its services take them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from reference_impl.integration.adapters.tables import deliveries, inbox, jobs, webhooks
from reference_impl.integration.domain import Delivery, Hook
from reference_impl.kernel.rows import Row, Rows
from reference_impl.kernel.store import UnitOfWork

_earlier = deliveries.alias("earlier")
_waiting = (
    deliveries.c.state == Delivery.PENDING.value,
    deliveries.c.webhook.in_(sa.select(webhooks.c.id).where(webhooks.c.state == Hook.ACTIVE.value)),
)


_of_connectors = sa.select(webhooks.c.id).where(webhooks.c.role != "")
_before = sa.and_(
    _earlier.c.webhook == deliveries.c.webhook,
    _earlier.c.subject == deliveries.c.subject,
    _earlier.c.number < deliveries.c.number,
)
_stuck = sa.and_(_earlier.c.state == Delivery.DEAD.value, deliveries.c.webhook.in_(_of_connectors))
"""What a connector refused holds up what follows it: its order is never broken."""


def webhook_rows() -> Rows:
    """The webhooks."""
    return Rows(webhooks)


def inbox_rows() -> Rows:
    """What connectors told."""
    return Rows(inbox)


def job_rows() -> Rows:
    """How connectors see what they were sent."""
    return Rows(jobs)


class DeliveryRows:
    """The deliveries."""

    def insert(self, uow: UnitOfWork, *rows: Row) -> None:
        """See Deliveries."""
        for row in rows:
            known = sa.select(deliveries.c.number).where(deliveries.c.id == row["id"])
            if uow.conn.execute(known).first() is None:
                uow.conn.execute(deliveries.insert().values(row))

    def by_id(self, conn: sa.Connection, ident: str) -> Row | None:
        """See Deliveries."""
        query = sa.select(deliveries).where(deliveries.c.id == ident)
        row = conn.execute(query).mappings().first()
        return None if row is None else dict(row)

    def due(self, conn: sa.Connection, *, now_ms: int, limit: int) -> list[Row]:
        """See Deliveries."""
        waits = sa.and_(_earlier.c.state == Delivery.PENDING.value, _earlier.c.due_ms > now_ms)
        blocked = sa.exists().where(_before, sa.or_(waits, _stuck))
        query = sa.select(deliveries).where(*_waiting, deliveries.c.due_ms <= now_ms, ~blocked)
        found = conn.execute(query.order_by(deliveries.c.number).limit(limit)).mappings()
        return [dict(row) for row in found]

    def next_due_ms(self, conn: sa.Connection) -> int | None:
        """See Deliveries."""
        waits = _earlier.c.state == Delivery.PENDING.value
        behind = sa.exists().where(_before, sa.or_(waits, _stuck))
        first = sa.select(sa.func.min(deliveries.c.due_ms)).where(*_waiting, ~behind)
        return conn.execute(first).scalar()

    def page(
        self, conn: sa.Connection, *, webhooks: Sequence[str], state: str | None, after: str,
        limit: int,
    ) -> list[Row]:  # fmt: skip
        """See Deliveries."""
        query = sa.select(deliveries).where(deliveries.c.webhook.in_(webhooks))
        if state is not None:
            query = query.where(deliveries.c.state == state)
        if after:
            known = sa.select(deliveries.c.number).where(deliveries.c.id == after)
            query = query.where(deliveries.c.number > known.scalar_subquery())
        found = conn.execute(query.order_by(deliveries.c.number).limit(limit)).mappings()
        return [dict(row) for row in found]

    def queued(self, conn: sa.Connection, webhook: str) -> dict[str, tuple[int, int]]:
        """See Deliveries."""
        query = (
            sa.select(deliveries.c.state, sa.func.count(), sa.func.min(deliveries.c.at_ms))
            .where(deliveries.c.webhook == webhook)
            .group_by(deliveries.c.state)
        )
        return {state: (count, first_ms) for state, count, first_ms in conn.execute(query)}

    def swap(self, uow: UnitOfWork, ident: str, *, expected: str, values: Row) -> bool:
        """See Deliveries."""
        where = (deliveries.c.id == ident, deliveries.c.state == expected)
        changed = uow.conn.execute(deliveries.update().where(*where).values(values))
        return changed.rowcount == 1

    def forget_pending(self, uow: UnitOfWork, webhook: str) -> None:
        """See Deliveries."""
        where = (deliveries.c.webhook == webhook, deliveries.c.state == Delivery.PENDING.value)
        uow.conn.execute(deliveries.delete().where(*where))
