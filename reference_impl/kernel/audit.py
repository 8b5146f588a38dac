"""The audit log: who wrote what, when (CC14). Rows are added and, when they are old, deleted.

A row is written in the transaction of the write that it tells of, so that there is never one
without the other. It holds the path of the call and no part of its body, so no secret either.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from reference_impl.kernel import access
from reference_impl.kernel.store import Text, UnitOfWork, metadata

KEPT_MS = 400 * 86_400_000
"""A year and a month, so that the same month of last year can be looked at (ours)."""
_BATCH = 1000
log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False, index=True),
    *(
        sa.Column(name, Text, nullable=False)
        for name in ("user", "role", "party", "tenant", "method", "path")
    ),
    sa.Column("status", sa.Integer, nullable=False),
    sqlite_autoincrement=True,
)


def note(
    uow: UnitOfWork,
    *,
    at_ms: int,
    method: str,
    path: str,
    status: int,
    who: access.Principal | None = None,
) -> None:
    """Add what the caller (``who``, if he became one just now) wrote.

    Args:
        uow: The transaction of the write.
        at_ms: Simulated time.
        method: POST, PUT, DELETE or PATCH.
        path: What was called, without its query.
        status: What was answered.
        who: The caller; None: that of the request.
    """
    who = who or access.current()
    uow.conn.execute(
        log.insert().values(
            at_ms=at_ms,
            user=who.user,
            role=who.role,
            party=f"{who.group.value}:{who.party}" if who.party else "",
            tenant=who.tenant,
            method=method,
            path=path,
            status=status,
        )
    )


def page(
    conn: sa.Connection,
    *,
    after: int,
    limit: int,
    user: str | None = None,
    from_ms: int = 0,
    to_ms: int | None = None,
) -> dict[str, Any]:
    """What the caller may know of it, oldest first: what users of his parties wrote.

    Args:
        conn: To read.
        after: ``number`` of the last row that was seen.
        limit: How many at most.
        user: Only of this user or key.
        from_ms: Only from then on.
        to_ms: Only before; None: all.

    Returns:
        ``items``, and in ``next`` the number to go on behind; None: that is all.
    """
    query = sa.select(log).where(log.c.at_ms >= from_ms).order_by(log.c.number).limit(_BATCH)
    if user is not None:
        query = query.where(log.c.user == user)
    if to_ms is not None:
        query = query.where(log.c.at_ms < to_ms)
    found: list[dict[str, Any]] = []
    while len(found) <= limit:
        rows = [dict(row) for row in conn.execute(query.where(log.c.number > after)).mappings()]
        found += access.seen_of_parties(rows)
        if len(rows) < _BATCH:
            break
        after = rows[-1]["number"]
    shown = found[:limit]
    return {"items": shown, "next": shown[-1]["number"] if len(found) > limit else None}


def forget(uow: UnitOfWork, before_ms: int) -> None:
    """Delete what is older."""
    uow.conn.execute(log.delete().where(log.c.at_ms < before_ms))
