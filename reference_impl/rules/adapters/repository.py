"""The tables of rules, as the service takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.rows import Rows
from reference_impl.rules.adapters import tables
from reference_impl.rules.ports import RuleRows


def rows() -> RuleRows:
    """All tables of this context."""
    return RuleRows(
        packs=Rows(tables.packs),
        instances=Rows(tables.instances),
        firings=Rows(tables.firings),
        alerts=Rows(tables.alerts),
        fired_after=fired_after,
    )


def fired_after(conn: sa.Connection, pack: str, rule: str, after_ms: int) -> Sequence[Any]:
    """See :data:`reference_impl.rules.ports.FiredAfter`."""
    fired = tables.firings.c
    query = sa.select(fired.thing, fired.fired_ms).order_by(fired.fired_ms, fired.thing)
    return conn.execute(
        query.where(fired.pack == pack, fired.rule == rule, fired.fired_ms > after_ms)
    ).all()
