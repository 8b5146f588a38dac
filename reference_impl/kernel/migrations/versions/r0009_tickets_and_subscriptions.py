"""Tickets, subscriptions, features sold, rentals; what things of a model obey."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.money import Euros
from reference_impl.kernel.store import Text

revision = "0009"
down_revision = "0008"
_TEXTS = ("routed_to", "state", "opened_by", "by", "reason")


def upgrade() -> None:
    """Add the tables."""
    _help()
    _subscriptions()
    _charges()
    _features()
    _sharing()


def _help() -> None:
    op.add_column("models", sa.Column("obeys", sa.JSON, nullable=False, server_default="{}"))
    op.create_table(
        "obeyed",
        sa.Column("model", Text, primary_key=True),
        sa.Column("obeys", sa.JSON, nullable=False),
    )
    op.create_table(
        "tickets",
        sa.Column("id", Text, primary_key=True),
        sa.Column("thing", Text, nullable=False, index=True),
        sa.Column("site", Text, nullable=False),
        sa.Column("customer", Text, nullable=False, index=True),
        *(sa.Column(name, Text, nullable=False) for name in ("title", "text", "priority")),
        sa.Column("alert", Text, index=True),
        *(sa.Column(name, Text, nullable=False) for name in _TEXTS),
        sa.Column("opened_ms", sa.BigInteger, nullable=False),
        sa.Column("restored_ms", sa.BigInteger),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ticket_notes",
        sa.Column("ticket", Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("by", Text, nullable=False),
        sa.Column("text", Text, nullable=False),
        sa.Column("internal", sa.Boolean, nullable=False),
    )


def _subscriptions() -> None:
    op.create_table(
        "plans",
        sa.Column("id", Text, primary_key=True),
        sa.Column("title", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("activation", Text, nullable=False),
        sa.Column("group", Text, nullable=False),
        sa.Column("price_eur", Euros, nullable=False),
        sa.Column("months", sa.Integer, nullable=False),
        sa.Column("trial_days", sa.Integer, nullable=False),
        sa.Column("features", sa.JSON, nullable=False),
    )
    op.create_table(
        "subscriptions",
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


def _charges() -> None:
    op.create_table(
        "charges",
        sa.Column("id", Text, primary_key=True),
        sa.Column("subject", Text, nullable=False, index=True),
        sa.Column("customer", Text, nullable=False, index=True),
        sa.Column("what", Text, nullable=False),
        sa.Column("amount_eur", Euros, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("asked_ms", sa.BigInteger, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "payments",
        sa.Column("id", Text, primary_key=True),
        sa.Column("charge", Text, nullable=False),
        sa.Column("step", Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )


def _features() -> None:
    op.create_table(
        "feature_prices",
        sa.Column("model", Text, primary_key=True),
        sa.Column("feature", Text, primary_key=True),
        sa.Column("price_eur", Euros, nullable=False),
    )
    op.create_table(
        "unlocks",
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


def _sharing() -> None:
    op.create_table(
        "tariffs",
        sa.Column("id", Text, primary_key=True),
        sa.Column("title", Text, nullable=False),
        sa.Column("start_eur", Euros, nullable=False),
        sa.Column("per_minute_eur", Euros, nullable=False),
    )
    op.create_table(
        "rentals",
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
