"""Webhooks and their deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the tables; there was nothing to deliver before."""
    op.create_table(
        "webhooks",
        sa.Column("id", Text, primary_key=True),
        *(_text(name) for name in ("state", "title", "url")),
        sa.Column("kinds", sa.JSON, nullable=False),
        *(_text(name) for name in ("secret", "owner", "party")),
        *(_time(name) for name in ("created_ms", "changed_ms")),
        _text("detail"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", Text, nullable=False, unique=True),
        *(_text(name) for name in ("webhook", "state", "event_id", "kind", "subject")),
        _time("at_ms"),
        *(_text(name) for name in ("customer", "thing")),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        *(_time(name) for name in ("due_ms", "changed_ms")),
        sa.Column("status", sa.Integer),
        _text("error"),
        sqlite_autoincrement=True,
    )
    for name in ("webhook", "state"):
        op.create_index(f"ix_webhook_deliveries_{name}", "webhook_deliveries", [name])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, Text, nullable=False)


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)
