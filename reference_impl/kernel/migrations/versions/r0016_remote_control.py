"""Policies of commands and parameters of things."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0016"
down_revision = "0012"


def upgrade() -> None:
    """Add columns and tables: commands so far had no policy, and nobody kept parameters."""
    with op.batch_alter_table("commands") as commands:
        commands.add_column(
            sa.Column("policy", sa.JSON, nullable=False, server_default=sa.text("'{}'"))
        )
        commands.add_column(
            sa.Column("attempt", sa.Integer, nullable=False, server_default=sa.text("'1'"))
        )
        commands.add_column(
            sa.Column("tried_ms", sa.BigInteger, nullable=False, server_default=sa.text("'0'"))
        )
    op.create_table(
        "parameters",
        sa.Column("thing", Text, primary_key=True),
        sa.Column("name", Text, primary_key=True),
        sa.Column("desired", sa.Float, nullable=True),
        sa.Column("desired_by", Text, nullable=False),
        sa.Column("desired_ms", sa.BigInteger, nullable=True),
        sa.Column("command", Text, nullable=False),
        sa.Column("reported", sa.Float, nullable=True),
        sa.Column("reported_ms", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "parameter_changes",
        *(sa.Column(name, Text, primary_key=True) for name in ("thing", "name", "command", "what")),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("by", Text, nullable=False),
    )
