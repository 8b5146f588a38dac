"""The audit log; API keys that expire, are rotated, and tell when they were last used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add log and columns: nobody kept a log so far, and keys were valid for good."""
    op.create_table(
        "audit_log",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        *(
            sa.Column(name, Text, nullable=False)
            for name in ("user", "role", "party", "tenant", "method", "path")
        ),
        sa.Column("status", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_log_at_ms", "audit_log", ["at_ms"])
    with op.batch_alter_table("api_keys") as keys:
        for name in ("expires_at_ms", "old_until_ms", "last_used_ms"):
            keys.add_column(sa.Column(name, sa.BigInteger, nullable=True))
        keys.add_column(sa.Column("old_secret", Text, nullable=False, server_default=sa.text("''")))
    op.create_index("ix_api_keys_old_secret", "api_keys", ["old_secret"])
