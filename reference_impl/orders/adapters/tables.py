"""Tables: catalogue, policies, needs, recommendations, orders."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata

parts = sa.Table(
    "parts",
    metadata,
    sa.Column("sku", Text, primary_key=True),
    sa.Column("title", Text, nullable=False),
    sa.Column("price_eur", sa.Float, nullable=False),
    sa.Column("supplier", Text, nullable=False),
    sa.Column("lead_time_p50_h", sa.Float, nullable=False),
    sa.Column("lead_time_p90_h", sa.Float, nullable=False),
    sa.Column("models", sa.JSON, nullable=False),
)
model_parts = sa.Table(
    "model_parts",
    metadata,
    sa.Column("model", Text, primary_key=True),
    sa.Column("places", sa.JSON, nullable=False),
)
policies = sa.Table(
    "policies",
    metadata,
    sa.Column("customer", Text, primary_key=True),
    sa.Column("mode", Text, nullable=False),
    sa.Column("max_unit_price_eur", sa.Float),
    sa.Column("max_open_orders", sa.Integer),
    sa.Column("monthly_budget_eur", sa.Float),
)
cycles = sa.Table(
    "need_cycles",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("position", Text, primary_key=True),
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("since_ms", sa.BigInteger, nullable=False, server_default=sa.text("-1")),
)
needs = sa.Table(
    "needs",
    metadata,
    sa.Column("need_key", Text, primary_key=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("thing", Text, nullable=False, index=True),
    sa.Column("position", Text, nullable=False),
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("part", Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
recommendations = sa.Table(
    "recommendations",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("need_key", Text, nullable=False, unique=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("thing", Text, nullable=False),
    sa.Column("site", Text, nullable=False),
    sa.Column("customer", Text, nullable=False, index=True),
    sa.Column("part", Text, nullable=False),
    sa.Column("position", Text, nullable=False),
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("unit_price_eur", sa.Float, nullable=False),
    sa.Column("rule", Text, nullable=False),
    sa.Column("pack", Text, nullable=False),
    sa.Column("pack_version", Text, nullable=False),
    sa.Column("policy", Text, nullable=False),
    sa.Column("why", Text, nullable=False),
    sa.Column("values", sa.JSON, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("issued_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("need_key", Text, nullable=False, index=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("thing", Text, nullable=False),
    sa.Column("site", Text, nullable=False),
    sa.Column("customer", Text, nullable=False, index=True),
    sa.Column("supplier", Text, nullable=False),
    sa.Column("part", Text, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("unit_price_eur", sa.Float, nullable=False),
    sa.Column("total_eur", sa.Float, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("placed_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
refused = sa.Table(
    "refused_advice",
    metadata,
    sa.Column("need_key", Text, primary_key=True),
    sa.Column("part", Text, primary_key=True),
    sa.Column("rule", Text, nullable=False),
    sa.Column("pack", Text, nullable=False),
    sa.Column("pack_version", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)
