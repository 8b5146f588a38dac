"""Webhooks of connectors, and what they told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add columns and tables: all webhooks so far were nobody's connector."""
    with op.batch_alter_table("webhooks") as webhooks:
        for name in ("role", "back_secret"):
            webhooks.add_column(sa.Column(name, Text, nullable=False, server_default=sa.text("''")))
        webhooks.add_column(
            sa.Column("words", sa.JSON, nullable=False, server_default=sa.text("'{}'"))
        )
    op.create_table(
        "connector_inbox",
        sa.Column("connector", Text, primary_key=True),
        sa.Column("message", Text, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("answer", sa.JSON, nullable=False),
    )
    op.create_table(
        "connector_jobs",
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
