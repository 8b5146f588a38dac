"""Tables: conditions and their revisions, what was computed, metrics, flags of data."""

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
revisions = sa.Table(
    "condition_revisions",
    metadata,
    sa.Column("model", Text, primary_key=True),
    sa.Column("condition", Text, primary_key=True),
    sa.Column("revision", Text, primary_key=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("installed_ms", sa.BigInteger, nullable=False),
    sa.Column("steps", sa.JSON, nullable=False),
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
    sa.Column("memory", sa.JSON(none_as_null=True)),
)


def _evaluation() -> list[sa.Column[object]]:
    """What is kept of an evaluation, beside its key."""
    return [
        sa.Column("cycle", sa.Integer, nullable=False),
        sa.Column("level", sa.Float, nullable=False),
        sa.Column("raw_pct", sa.Float, nullable=False),
        sa.Column("wear_pct", sa.Float, nullable=False),
        sa.Column("runout_p50_ms", sa.BigInteger),
        sa.Column("revision", Text, nullable=False),
    ]


history = sa.Table(
    "condition_history",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("condition", Text, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, primary_key=True),
    *_evaluation(),
)
replaced = sa.Table(
    "condition_history_replaced",
    metadata,
    sa.Column("recomputation", Text, primary_key=True),
    sa.Column("thing", Text, primary_key=True),
    sa.Column("condition", Text, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    *_evaluation(),
)
recomputations = sa.Table(
    "recomputations",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("model", Text, nullable=False),
    sa.Column("condition", Text, nullable=False),
    sa.Column("revision", Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("why", Text, nullable=False),
    sa.Column("replaced", sa.Integer, nullable=False),
    sa.Column("written", sa.Integer, nullable=False),
)
metric_points = sa.Table(
    "metric_points",
    metadata,
    sa.Column("metric", Text, primary_key=True),
    sa.Column("thing", Text, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("value", sa.Float, nullable=False),
)
metric_marks = sa.Table(
    "metric_marks",
    metadata,
    sa.Column("model", Text, primary_key=True),
    sa.Column("block", sa.BigInteger, nullable=False),
)
models = sa.Table(
    "insight_models",
    metadata,
    sa.Column("model", Text, primary_key=True),
    sa.Column("signals", sa.JSON, nullable=False),
    sa.Column("metrics", sa.JSON, nullable=False),
    sa.Column("sessions", sa.JSON, nullable=False),
    sa.Column("diagnosis", sa.JSON, nullable=False),
    sa.Column("quality", sa.JSON, nullable=False),
)
flags = sa.Table(
    "data_flags",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("signal", Text, primary_key=True),
    sa.Column("flag", Text, primary_key=True),
    sa.Column("since_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("until_ms", sa.BigInteger),
    sa.Column("evidence", sa.JSON, nullable=False),
)
advice_plans = sa.Table(
    "advice_plans",
    metadata,
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
advices = sa.Table(
    "advices",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("plan", Text, nullable=False, index=True),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("thing", Text, nullable=False, index=True),
    sa.Column("things", sa.JSON, nullable=False),
    sa.Column("customer", Text, nullable=False, index=True),
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
advice_consents = sa.Table(
    "advice_consents",
    metadata,
    sa.Column("plan", Text, primary_key=True),
    sa.Column("customer", Text, primary_key=True),
    sa.Column("by", Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)
