"""Tickets, subscriptions, features sold, rentals; what things of a model obey."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the tables."""
    op.add_column("models", sa.Column("obeys", sa.JSON, nullable=False, server_default="{}"))
    op.create_table(
        "obeyed",
        sa.Column("model", Text, primary_key=True),
        sa.Column("obeys", sa.JSON, nullable=False),
    )
