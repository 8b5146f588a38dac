"""Contracts at risk have a table of their own; they stood among the settings of planning."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0024"
down_revision = "0023"

PREFIX = "at-risk/"
"""How the name of such a row began among the settings; the contract follows."""
_SETTINGS = sa.table("planning_settings", sa.column("id", Text), sa.column("body", sa.JSON))
_AT_RISK = sa.table(
    "planning_at_risk",
    *(sa.column(name, Text) for name in ("contract", "period")),
    sa.column("due_ms", sa.BigInteger),
)


def upgrade() -> None:
    """Add the table, and move what stood among the settings."""
    op.create_table(
        "planning_at_risk",
        sa.Column("contract", Text, primary_key=True),
        sa.Column("period", Text, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
    )
    conn = op.get_bind()
    old = _SETTINGS.c.id.startswith(PREFIX, autoescape=True)
    moved = [
        {"contract": row.id.removeprefix(PREFIX), **row.body}
        for row in conn.execute(sa.select(_SETTINGS).where(old))
    ]
    if moved:
        conn.execute(_AT_RISK.insert(), moved)
        conn.execute(_SETTINGS.delete().where(old))


def downgrade() -> None:
    """Put them back among the settings, and remove the table."""
    conn = op.get_bind()
    moved = [
        {"id": f"{PREFIX}{row.contract}", "body": {"period": row.period, "due_ms": row.due_ms}}
        for row in conn.execute(sa.select(_AT_RISK))
    ]
    if moved:
        conn.execute(_SETTINGS.insert(), moved)
    op.drop_table("planning_at_risk")
