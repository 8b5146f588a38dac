"""A cycle of a part knows when it began; of those that run already nobody knows (-1)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    with op.batch_alter_table("need_cycles") as cycles:
        cycles.add_column(
            sa.Column("since_ms", sa.BigInteger, nullable=False, server_default=sa.text("-1"))
        )
