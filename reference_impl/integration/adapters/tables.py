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
    sa.Column("role", Text, nullable=False, server_default=sa.text("''")),
    sa.Column("back_secret", Text, nullable=False, server_default=sa.text("''")),
    sa.Column("words", sa.JSON, nullable=False, server_default=sa.text("'{}'")),
)
"""``role`` is that of a connector, and empty for everybody else."""
inbox = sa.Table(
    "connector_inbox",
    metadata,
    sa.Column("connector", Text, primary_key=True),
    sa.Column("message", Text, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("answer", sa.JSON, nullable=False),
)
"""What a connector has told already, and what it was answered."""
jobs = sa.Table(
    "connector_jobs",
    metadata,
    sa.Column("connector", Text, primary_key=True),
    sa.Column("kind", Text, primary_key=True),
    sa.Column("subject", Text, primary_key=True),
    sa.Column("external_id", Text, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("status", Text, nullable=False),
    sa.Column("said_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
    sa.Column("problem", Text, nullable=False),
)
"""How the other system sees what it was sent."""
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
