"""Tables: plans, subscriptions, charges and payments, features sold, shared things."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.money import Euros
from reference_impl.kernel.store import Text, metadata

plans = sa.Table(
    "plans",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("title", Text, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("activation", Text, nullable=False),
    sa.Column("group", Text, nullable=False),
    sa.Column("price_eur", Euros, nullable=False),
    sa.Column("months", sa.Integer, nullable=False),
    sa.Column("trial_days", sa.Integer, nullable=False),
    sa.Column("features", sa.JSON, nullable=False),
    sa.Column("safety_alerts", Text, nullable=False, server_default="always"),
)
subscriptions = sa.Table(
    "subscriptions",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("customer", Text, nullable=False, index=True),
    sa.Column("thing", Text),
    sa.Column("plan", Text, nullable=False),
    sa.Column("next_plan", Text),
    sa.Column("state", Text, nullable=False),
    sa.Column("had_trial", sa.Boolean, nullable=False),
    sa.Column("anchor_ms", sa.BigInteger),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("to_ms", sa.BigInteger),
    sa.Column("by", Text, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
charges = sa.Table(
    "charges",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("subject", Text, nullable=False, index=True),
    sa.Column("customer", Text, nullable=False, index=True),
    sa.Column("what", Text, nullable=False),
    sa.Column("amount_eur", Euros, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("asked_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
payments = sa.Table(
    "payments",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("charge", Text, nullable=False),
    sa.Column("step", Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)
feature_prices = sa.Table(
    "feature_prices",
    metadata,
    sa.Column("model", Text, primary_key=True),
    sa.Column("feature", Text, primary_key=True),
    sa.Column("price_eur", Euros, nullable=False),
)
unlocks = sa.Table(
    "unlocks",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("thing", Text, nullable=False, index=True),
    sa.Column("customer", Text, nullable=False),
    sa.Column("feature", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("ordered_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
tariffs = sa.Table(
    "tariffs",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("title", Text, nullable=False),
    sa.Column("start_eur", Euros, nullable=False),
    sa.Column("per_minute_eur", Euros, nullable=False),
)
rentals = sa.Table(
    "rentals",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("thing", Text, nullable=False, index=True),
    sa.Column("customer", Text, nullable=False),
    sa.Column("user", Text, nullable=False),
    sa.Column("tariff", Text, nullable=False),
    sa.Column("start_eur", Euros, nullable=False),
    sa.Column("per_minute_eur", Euros, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("reserved_ms", sa.BigInteger, nullable=False),
    sa.Column("from_ms", sa.BigInteger),
    sa.Column("to_ms", sa.BigInteger),
    sa.Column("minutes", sa.Integer),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
