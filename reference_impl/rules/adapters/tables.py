"""Tables: packs with their versions, rules under way, alerts."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import metadata

packs = sa.Table(
    "rule_packs",
    metadata,
    sa.Column("pack", sa.String, primary_key=True),
    sa.Column("version", sa.String, primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("installed_ms", sa.BigInteger, nullable=False),
)
instances = sa.Table(
    "rule_instances",
    metadata,
    sa.Column("pack", sa.String, primary_key=True),
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("thing", sa.String, primary_key=True),
    sa.Column("phase", sa.String, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("paused_ms", sa.BigInteger, nullable=False),
    sa.Column("false_ms", sa.BigInteger),
)
alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("thing", sa.String, nullable=False, index=True),
    sa.Column("rule", sa.String, nullable=False),
    sa.Column("pack", sa.String, nullable=False),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("severity", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("values", sa.JSON, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("raised_ms", sa.BigInteger, nullable=False),
    sa.Column("cleared_ms", sa.BigInteger),
)
