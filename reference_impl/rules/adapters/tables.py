"""Tables: packs with their versions, rules under way, alerts."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata

packs = sa.Table(
    "rule_packs",
    metadata,
    sa.Column("pack", Text, primary_key=True),
    sa.Column("version", Text, primary_key=True),
    sa.Column("model", Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("installed_ms", sa.BigInteger, nullable=False),
)
instances = sa.Table(
    "rule_instances",
    metadata,
    sa.Column("pack", Text, primary_key=True),
    sa.Column("rule", Text, primary_key=True),
    sa.Column("thing", Text, primary_key=True),
    sa.Column("phase", Text, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("paused_ms", sa.BigInteger, nullable=False),
    sa.Column("false_ms", sa.BigInteger),
    sa.Column("fired_ms", sa.BigInteger, nullable=False, server_default="-1"),
)
firings = sa.Table(
    "rule_firings",
    metadata,
    sa.Column("pack", Text, primary_key=True),
    sa.Column("rule", Text, primary_key=True),
    sa.Column("thing", Text, primary_key=True),
    sa.Column("started_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("fired_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("ended_ms", sa.BigInteger),
)
alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("thing", Text, nullable=False, index=True),
    sa.Column("rule", Text, nullable=False),
    sa.Column("pack", Text, nullable=False),
    sa.Column("version", Text, nullable=False),
    sa.Column("severity", Text, nullable=False),
    sa.Column("why", Text, nullable=False),
    sa.Column("values", sa.JSON, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("raised_ms", sa.BigInteger, nullable=False),
    sa.Column("cleared_ms", sa.BigInteger),
)
