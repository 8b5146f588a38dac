"""Secondary uses of data, and what each look read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0021"
down_revision = "0019"


def upgrade() -> None:
    """Add the tables; nobody used data for a second purpose before."""
    op.create_table(
        "secondary_uses",
        sa.Column("id", Text, primary_key=True),
        *(_text(name) for name in ("recipient", "owner")),
        sa.Column("things", sa.JSON, nullable=False),
        *(_text(name) for name in ("signal", "take")),
        *(_number(name) for name in ("over_h", "above", "every_h")),
        *(_text(name) for name in ("thing", "title")),
        _number("within_h"),
        sa.Column("agreed", sa.Boolean, nullable=False),
        *(_text(name) for name in ("customer", "state", "why", "by")),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_secondary_uses_owner", "secondary_uses", ["owner"])
    op.create_table(
        "secondary_looks",
        sa.Column("id", Text, primary_key=True),
        *(_text(name) for name in ("use", "owner", "recipient", "signal")),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("spans", "values")),
        sa.Column("readings", sa.Integer, nullable=False),
        _text("ordered"),
    )
    op.create_index("ix_secondary_looks_use", "secondary_looks", ["use"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, Text, nullable=False)


def _number(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float, nullable=False)
