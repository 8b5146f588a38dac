"""Parties, users and what they may see; who owned a thing when; what is whose in the feed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables; what is there already belongs to the one organisation there was."""
    _parties()
    _rights()
    _settings()
    for table, names in {
        "customers": ("organisation", "partners", "properties"),
        "sites": ("properties",),
        "models": ("parent", "own"),
        "things": ("parent", "organisation", "status", "token", "properties"),
        "feed": ("customer", "thing"),
    }.items():
        with op.batch_alter_table(table) as changed:
            for name in names:
                changed.add_column(_added(name))
    op.create_index("ix_things_serial", "things", ["serial"])
    op.execute(
        "INSERT INTO ownerships (thing, from_ms, customer) "
        "SELECT things.id, 0, sites.customer FROM things JOIN sites ON things.site = sites.id"
    )


def _added(name: str) -> sa.Column[Any]:
    values = {"organisation": "main", "status": "ACTIVE", "partners": "[]"}
    values |= dict.fromkeys(("properties", "own"), "{}")
    kind: Any = sa.JSON() if name in ("partners", "properties", "own") else Text
    return sa.Column(name, kind, nullable=False, server_default=values.get(name, ""))


def _parties() -> None:
    op.create_table(
        "ownerships",
        sa.Column("thing", Text, primary_key=True),
        sa.Column("from_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("customer", Text, nullable=False),
        sa.Column("to_ms", sa.BigInteger),
    )
    op.create_table(
        "organisations",
        sa.Column("id", Text, primary_key=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("parent", Text, nullable=False),
        sa.Column("properties", sa.JSON, nullable=False),
    )
    op.create_table(
        "partners",
        sa.Column("id", Text, primary_key=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("organisation", Text, nullable=False),
        sa.Column("parent", Text, nullable=False),
        sa.Column("properties", sa.JSON, nullable=False),
    )
    op.create_table(
        "suppliers",
        sa.Column("id", Text, primary_key=True),
        sa.Column("organisation", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("contact", Text, nullable=False),
    )
    op.create_table(
        "invoicing_profiles",
        sa.Column("organisation", Text, primary_key=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("tax_number", Text, nullable=False),
        sa.Column("account", Text, nullable=False),
        sa.Column("currency", Text, nullable=False),
    )
    op.create_table(
        "users",
        sa.Column("id", Text, primary_key=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("role", Text, nullable=False),
        sa.Column("party", Text, nullable=False),
        sa.Column("language", Text, nullable=False),
        sa.Column("password", Text, nullable=False),
        sa.Column("properties", sa.JSON, nullable=False),
    )
    op.create_table(
        "roles",
        sa.Column("id", Text, primary_key=True),
        sa.Column("title", Text, nullable=False),
        sa.Column("group", Text, nullable=False),
        sa.Column("view", Text, nullable=False),
        sa.Column("permissions", sa.JSON, nullable=False),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", Text, primary_key=True),
        sa.Column("title", Text, nullable=False),
        sa.Column("role", Text, nullable=False),
        sa.Column("party", Text, nullable=False),
        sa.Column("permissions", sa.JSON),
        sa.Column("purposes", sa.JSON, nullable=False),
        sa.Column("secret", Text, nullable=False),
    )
    op.create_index("ix_api_keys_secret", "api_keys", ["secret"])


def _rights() -> None:
    op.create_table(
        "agreements",
        sa.Column("id", Text, primary_key=True),
        sa.Column("version", Text, nullable=False),
        sa.Column("tenant", Text, nullable=False),
        sa.Column("title", Text, nullable=False),
        sa.Column("text", Text, nullable=False),
        sa.Column("groups", sa.JSON, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "acceptances",
        sa.Column("user", Text, primary_key=True),
        sa.Column("agreement", Text, primary_key=True),
        sa.Column("version", Text, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "consents",
        sa.Column("customer", Text, primary_key=True),
        sa.Column("purpose", Text, primary_key=True),
        sa.Column("granted", sa.Boolean, nullable=False),
        sa.Column("by", Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "data_recipients",
        sa.Column("id", Text, primary_key=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("organisation", Text, nullable=False),
    )
    op.create_table(
        "data_grants",
        sa.Column("recipient", Text, primary_key=True),
        sa.Column("customer", Text, primary_key=True),
        sa.Column("things", sa.JSON, nullable=False),
        sa.Column("by", Text, nullable=False),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "metric_metadata",
        sa.Column("model", Text, primary_key=True),
        sa.Column("signal", Text, primary_key=True),
        sa.Column("purposes", sa.JSON, nullable=False),
        sa.Column("owner", Text, nullable=False),
        sa.Column("personal", sa.Boolean, nullable=False),
        sa.Column("sets", sa.JSON, nullable=False),
    )


def _settings() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", Text, primary_key=True),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("initiatives", sa.JSON, nullable=False),
        sa.Column("limits", sa.JSON, nullable=False),
        sa.Column("raw_months", sa.Integer),
    )
    op.create_table(
        "entitlements",
        sa.Column("id", Text, primary_key=True),
        sa.Column("customer", Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("initiatives", sa.JSON, nullable=False),
    )
    op.create_table(
        "feature_flags",
        sa.Column("id", Text, primary_key=True),
        sa.Column("title", Text, nullable=False),
        sa.Column("customers", sa.JSON, nullable=False),
        sa.Column("organisations", sa.JSON, nullable=False),
        sa.Column("share", sa.Float, nullable=False),
    )
    op.create_table(
        "leads",
        sa.Column("id", Text, primary_key=True),
        sa.Column("customer", Text, nullable=False),
        sa.Column("thing", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("by", Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
