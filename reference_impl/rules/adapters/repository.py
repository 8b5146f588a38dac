"""The tables of rules, as the service takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.rows import Row, Rows
from reference_impl.rules.adapters import tables as t
from reference_impl.rules.ports import RuleRows

_OPEN = ("ACTIVE", "TAKEN_OVER", "SHELVED")
_ENDED = ("CLEARED", "SUPERSEDED")


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


def fired_after(conn: sa.Connection, pack: str, rule: str, after_ms: int) -> Sequence[Any]:
    """See :data:`reference_impl.rules.ports.FiredAfter`."""
    fired = t.firings.c
    query = sa.select(fired.thing, fired.fired_ms).order_by(fired.fired_ms, fired.thing)
    return conn.execute(
        query.where(fired.pack == pack, fired.rule == rule, fired.fired_ms > after_ms)
    ).all()


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
        ended = (t.alerts.c.state.in_(_ENDED), t.alerts.c.cleared_ms < at_ms)
        query = sa.select(t.alerts.c.id).where(*ended).order_by(t.alerts.c.id)
        return list(conn.execute(query).scalars())

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
