"""The tables of rules, as the service takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.prepared import Prepared
from reference_impl.kernel.rows import Row, Rows
from reference_impl.rules.adapters import tables as t
from reference_impl.rules.ports import RuleRows

_OPEN = ("ACTIVE", "TAKEN_OVER", "SHELVED")


def rows() -> RuleRows:
    """All tables of this context."""
    return RuleRows(
        packs=Rows(t.packs),
        instances=Rows(t.instances),
        firings=Rows(t.firings),
        alerts=Rows(t.alerts),
        alert_steps=Rows(t.alert_steps),
        remedies=Rows(t.remedies),
        actions=Rows(t.actions),
        contacts=Rows(t.contacts),
        notices=Rows(t.notices),
        automations=Rows(t.automations),
        automation_runs=Rows(t.automation_runs),
        fired_after=fired_after,
        look=Looking(),
    )


_fired = t.firings.c
_FIRED_AFTER = Prepared(
    sa.select(_fired.thing, _fired.fired_ms)
    .where(
        _fired.pack == sa.bindparam("of"),
        _fired.rule == sa.bindparam("by"),
        _fired.fired_ms > sa.bindparam("after_ms"),
    )
    .order_by(_fired.fired_ms, _fired.thing)
)


_ENDED_BEFORE = Prepared(
    sa.select(t.alerts.c.id)
    .where(
        sa.or_(*(t.alerts.c.state == state for state in ("CLEARED", "SUPERSEDED"))),
        t.alerts.c.cleared_ms < sa.bindparam("before_ms"),
    )
    .order_by(t.alerts.c.id)
)


def fired_after(
    conn: sa.Connection, pack: str, rule: str, after_ms: int
) -> Sequence[tuple[str, int]]:
    """See :data:`reference_impl.rules.ports.FiredAfter`."""
    return [
        (thing, fired_ms)
        for thing, fired_ms in _FIRED_AFTER.rows(conn, of=pack, by=rule, after_ms=after_ms)
    ]


class Looking:
    """Implements the port ``Look``."""

    def open_alerts(self, conn: sa.Connection, *, thing: str | None = None) -> list[Row]:
        """See Look."""
        query = sa.select(t.alerts).where(t.alerts.c.state.in_(_OPEN)).order_by(t.alerts.c.id)
        if thing is not None:
            query = query.where(t.alerts.c.thing == thing)
        return [dict(row) for row in conn.execute(query).mappings()]

    def ended_before(self, conn: sa.Connection, at_ms: int) -> list[str]:
        """See Look."""
        return [ident for (ident,) in _ENDED_BEFORE.rows(conn, before_ms=at_ms)]

    def notices_due(self, conn: sa.Connection, at_ms: int, *, limit: int) -> list[Row]:
        """See Look."""
        due = (t.notices.c.state == "WAITING", t.notices.c.due_ms <= at_ms)
        query = sa.select(t.notices).where(*due).order_by(t.notices.c.due_ms, t.notices.c.id)
        return [dict(row) for row in conn.execute(query.limit(limit)).mappings()]

    def runs_after(self, conn: sa.Connection, automation: str, subject: str, after_ms: int) -> int:
        """See Look."""
        runs = t.automation_runs.c
        query = sa.select(sa.func.count()).where(
            runs.automation == automation, runs.subject == subject, runs.at_ms > after_ms,
            runs.stopped.is_(False),
        )  # fmt: skip
        return int(conn.execute(query).scalar_one())

    def firings(self, conn: sa.Connection, after_ms: int, to_ms: int) -> Sequence[Any]:
        """See Look."""
        fired = t.firings.c
        query = sa.select(fired.pack, fired.rule, fired.thing, fired.fired_ms, fired.ended_ms)
        inside = (fired.fired_ms > after_ms, fired.fired_ms <= to_ms)
        return conn.execute(query.where(*inside).order_by(fired.fired_ms)).all()
