"""Why a crew was sent, and whether its first visit mended the machine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the columns: all visits so far waited for their part; nobody noted how they ended."""
    with op.batch_alter_table("work_orders") as work_orders:
        work_orders.add_column(
            sa.Column("kind", Text, nullable=False, server_default=sa.text("'planned'"))
        )
        work_orders.add_column(sa.Column("first_time_fix", sa.Boolean, nullable=True))
