"""Advice for parameters: plans with their rounds, advice to customers, consent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add tables."""
    op.create_table(
        "advice_plans",
        sa.Column("id", Text, primary_key=True),
        sa.Column("party", Text, nullable=False),
        sa.Column("model", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("things", sa.JSON, nullable=False),
        sa.Column("groups", sa.JSON, nullable=False),
        sa.Column("begun_ms", sa.BigInteger, nullable=True),
        sa.Column("apply_by_ms", sa.BigInteger, nullable=True),
        sa.Column("ends_ms", sa.BigInteger, nullable=True),
        sa.Column("result", sa.JSON, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "advices",
        sa.Column("id", Text, primary_key=True),
        sa.Column("plan", Text, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("thing", Text, nullable=False),
        sa.Column("things", sa.JSON, nullable=False),
        sa.Column("customer", Text, nullable=False),
        sa.Column("addressee", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("title", Text, nullable=False),
        sa.Column("parameter", Text, nullable=False),
        sa.Column("was", sa.Float, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("seen", sa.JSON, nullable=False),
        sa.Column("before", sa.Float, nullable=False),
        sa.Column("expected_pct", sa.Float, nullable=False),
        sa.Column("benefit_pct", sa.Float, nullable=True),
        sa.Column("pending", sa.JSON, nullable=False),
        sa.Column("by", Text, nullable=False),
        sa.Column("why", Text, nullable=False),
        sa.Column("given_ms", sa.BigInteger, nullable=False),
        sa.Column("applied_ms", sa.BigInteger, nullable=True),
        sa.Column("ended_ms", sa.BigInteger, nullable=True),
    )
    op.create_index("ix_advices_plan", "advices", ["plan"])
    op.create_index("ix_advices_thing", "advices", ["thing"])
    op.create_index("ix_advices_customer", "advices", ["customer"])
    op.create_table(
        "advice_consents",
        sa.Column("plan", Text, primary_key=True),
        sa.Column("customer", Text, primary_key=True),
        sa.Column("by", Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
