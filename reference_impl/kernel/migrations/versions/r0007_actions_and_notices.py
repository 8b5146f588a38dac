"""Constants of models, and what the rules remember of their firings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Models that are there have no constants; rules that are ACTIVE became so some time."""
    with op.batch_alter_table("models") as models:
        models.add_column(sa.Column("constants", sa.JSON, nullable=False, server_default="{}"))
    with op.batch_alter_table("rule_instances") as instances:
        instances.add_column(
            sa.Column("fired_ms", sa.BigInteger, nullable=False, server_default="-1")
        )
    op.execute("UPDATE rule_instances SET fired_ms = started_ms WHERE phase = 'ACTIVE'")
    op.create_table(
        "rule_firings",
        *(sa.Column(name, Text, primary_key=True) for name in ("pack", "rule", "thing")),
        sa.Column("started_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("fired_ms", sa.BigInteger, nullable=False, index=True),
        sa.Column("ended_ms", sa.BigInteger),
    )
