"""Tables of integration."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("url", Text, nullable=False),
    sa.Column("kinds", sa.JSON, nullable=False),
    sa.Column("secret", Text, nullable=False),
    sa.Column("owner", Text, nullable=False),
    sa.Column("party", Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
    sa.Column("detail", Text, nullable=False),
)
deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", Text, nullable=False, unique=True),
    sa.Column("webhook", Text, nullable=False, index=True),
    sa.Column("state", Text, nullable=False, index=True),
    sa.Column("event_id", Text, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("subject", Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("customer", Text, nullable=False),
    sa.Column("thing", Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("error", Text, nullable=False),
    sqlite_autoincrement=True,
)
