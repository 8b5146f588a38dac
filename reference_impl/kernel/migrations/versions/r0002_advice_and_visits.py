"""Advice names the version of its pack; a need may get a second visit after a cancelled one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0002"
down_revision = "0001"

UNIQUE = "uq_work_orders_need_key"
"""What the unnamed constraint of revision 0001 is called by the convention below."""


def upgrade() -> None:
    """Add the columns; advice that is there already names no version."""
    with op.batch_alter_table("recommendations") as recommendations:
        recommendations.add_column(_text("pack_version"))
    with op.batch_alter_table("refused_advice") as refused:
        for name in ("rule", "pack", "pack_version"):
            refused.add_column(_text(name))
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table(
        "work_orders", naming_convention={"uq": "uq_%(table_name)s_%(column_0_name)s"}
    ) as work_orders:
        work_orders.add_column(
            sa.Column("attempt", sa.Integer, nullable=False, server_default=sa.text("1"))
        )
        name = UNIQUE if on_sqlite else "work_orders_need_key_key"  # PostgreSQL names it itself
        work_orders.drop_constraint(name, type_="unique")
        work_orders.create_unique_constraint(
            "uq_work_orders_need_key_attempt", ["need_key", "attempt"]
        )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, Text, nullable=False, server_default="")
