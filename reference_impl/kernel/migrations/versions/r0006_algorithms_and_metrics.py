"""Algorithms by version, computed metrics, flags of data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns and tables; what a condition computed so far is of its first revision."""
    with op.batch_alter_table("models") as models:
        for name in ("metrics", "sessions", "diagnosis", "quality"):
            models.add_column(
                sa.Column(name, sa.JSON, nullable=False, server_default=sa.text("'[]'"))
            )
    with op.batch_alter_table("condition_states") as states:
        states.add_column(sa.Column("memory", sa.JSON, nullable=True))
    with op.batch_alter_table("condition_history") as history:
        history.add_column(
            sa.Column("revision", Text, nullable=False, server_default=sa.text("'1'"))
        )
    _revisions()
    op.create_table(
        "metric_points",
        sa.Column("metric", Text, primary_key=True),
        sa.Column("thing", Text, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Float, nullable=False),
    )
    op.create_table(
        "metric_marks",
        sa.Column("model", Text, primary_key=True),
        sa.Column("block", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "insight_models",
        sa.Column("model", Text, primary_key=True),
        *(
            sa.Column(name, sa.JSON, nullable=False)
            for name in ("signals", "metrics", "sessions", "diagnosis", "quality")
        ),
    )
    op.create_table(
        "data_flags",
        sa.Column("thing", Text, primary_key=True),
        sa.Column("signal", Text, primary_key=True),
        sa.Column("flag", Text, primary_key=True),
        sa.Column("since_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("until_ms", sa.BigInteger),
        sa.Column("evidence", sa.JSON, nullable=False),
    )


def _revisions() -> None:
    op.create_table(
        "condition_revisions",
        sa.Column("model", Text, primary_key=True),
        sa.Column("condition", Text, primary_key=True),
        sa.Column("revision", Text, primary_key=True),
        sa.Column("state", Text, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("installed_ms", sa.BigInteger, nullable=False),
        sa.Column("steps", sa.JSON, nullable=False),
    )
    op.create_table(
        "recomputations",
        sa.Column("id", Text, primary_key=True),
        *(sa.Column(name, Text, nullable=False) for name in ("model", "condition", "revision")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("at_ms", "from_ms", "to_ms")),
        sa.Column("by", Text, nullable=False),
        sa.Column("why", Text, nullable=False),
        sa.Column("replaced", sa.Integer, nullable=False),
        sa.Column("written", sa.Integer, nullable=False),
    )
    op.create_table(
        "condition_history_replaced",
        sa.Column("recomputation", Text, primary_key=True),
        sa.Column("thing", Text, primary_key=True),
        sa.Column("condition", Text, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("cycle", sa.Integer, nullable=False),
        sa.Column("level", sa.Float, nullable=False),
        sa.Column("raw_pct", sa.Float, nullable=False),
        sa.Column("wear_pct", sa.Float, nullable=False),
        sa.Column("runout_p50_ms", sa.BigInteger),
        sa.Column("revision", Text, nullable=False),
    )
