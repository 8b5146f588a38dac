"""Tables: conditions of models, their state on each thing, and the history of evaluations."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata

conditions = sa.Table(
    "conditions",
    metadata,
    sa.Column("model", Text, primary_key=True),
    sa.Column("id", Text, primary_key=True),
    sa.Column("signals", sa.JSON, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
)
states = sa.Table(
    "condition_states",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("condition", Text, primary_key=True),
    sa.Column("position", Text, nullable=False),
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("reset_ms", sa.BigInteger),
    sa.Column("baseline", sa.JSON(none_as_null=True)),
    sa.Column("points", sa.JSON, nullable=False),
    sa.Column("wear_pct", sa.Float),
    sa.Column("level", sa.Float),
    sa.Column("runout_p10_ms", sa.BigInteger),
    sa.Column("runout_p50_ms", sa.BigInteger),
    sa.Column("runout_p90_ms", sa.BigInteger),
    sa.Column("evaluated_ms", sa.BigInteger, nullable=False),
    sa.Column("valid_ms", sa.BigInteger, nullable=False),
    sa.Column("told_ms", sa.BigInteger, nullable=False),
    sa.Column("told_pct", sa.Float, nullable=False),
    sa.Column("told_trend", sa.Boolean, nullable=False),
)
history = sa.Table(
    "condition_history",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("condition", Text, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, primary_key=True),
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("level", sa.Float, nullable=False),
    sa.Column("raw_pct", sa.Float, nullable=False),
    sa.Column("wear_pct", sa.Float, nullable=False),
    sa.Column("runout_p50_ms", sa.BigInteger),
)
