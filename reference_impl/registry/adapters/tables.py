"""Tables of the registry."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata

customers = sa.Table(
    "customers",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("organisation", Text, nullable=False, server_default="main"),
    sa.Column("partners", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("properties", sa.JSON, nullable=False, server_default="{}"),
)
sites = sa.Table(
    "sites",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("customer", Text, nullable=False),
    sa.Column("name", Text, nullable=False),
    sa.Column("time_zone", Text, nullable=False),
    sa.Column("properties", sa.JSON, nullable=False, server_default="{}"),
)
models = sa.Table(
    "models",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("product", Text, nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("signals", sa.JSON, nullable=False),
    sa.Column("constants", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("parts", sa.JSON, nullable=False),
    sa.Column("conditions", sa.JSON, nullable=False),
    sa.Column("parent", Text, nullable=False, server_default=""),
    sa.Column("own", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("metrics", sa.JSON, nullable=False),
    sa.Column("sessions", sa.JSON, nullable=False),
    sa.Column("diagnosis", sa.JSON, nullable=False),
    sa.Column("quality", sa.JSON, nullable=False),
    sa.Column("obeys", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("kits", sa.JSON, nullable=False, server_default="[]"),
)
things = sa.Table(
    "things",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("model", Text, nullable=False),
    sa.Column("site", Text, nullable=False),
    sa.Column("serial", Text, nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("parent", Text, nullable=False, server_default=""),
    sa.Column("organisation", Text, nullable=False, server_default="main"),
    sa.Column("status", Text, nullable=False, server_default="ACTIVE"),
    sa.Column("token", Text, nullable=False, server_default=""),
    sa.Column("properties", sa.JSON, nullable=False, server_default="{}"),
    sa.Index("ix_things_serial", "serial"),
)
ownerships = sa.Table(
    "ownerships",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("from_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("customer", Text, nullable=False),
    sa.Column("to_ms", sa.BigInteger),
)
organisations = sa.Table(
    "organisations",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("parent", Text, nullable=False),
    sa.Column("properties", sa.JSON, nullable=False),
)
partners = sa.Table(
    "partners",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("organisation", Text, nullable=False),
    sa.Column("parent", Text, nullable=False),
    sa.Column("properties", sa.JSON, nullable=False),
)
suppliers = sa.Table(
    "suppliers",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("organisation", Text, nullable=False),
    sa.Column("name", Text, nullable=False),
    sa.Column("contact", Text, nullable=False),
)
invoicing = sa.Table(
    "invoicing_profiles",
    metadata,
    sa.Column("organisation", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("tax_number", Text, nullable=False),
    sa.Column("account", Text, nullable=False),
    sa.Column("currency", Text, nullable=False),
)
users = sa.Table(
    "users",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("role", Text, nullable=False),
    sa.Column("party", Text, nullable=False),
    sa.Column("language", Text, nullable=False),
    sa.Column("password", Text, nullable=False),
    sa.Column("properties", sa.JSON, nullable=False),
)
roles = sa.Table(
    "roles",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("title", Text, nullable=False),
    sa.Column("group", Text, nullable=False),
    sa.Column("view", Text, nullable=False),
    sa.Column("permissions", sa.JSON, nullable=False),
)
api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("title", Text, nullable=False),
    sa.Column("role", Text, nullable=False),
    sa.Column("party", Text, nullable=False),
    sa.Column("permissions", sa.JSON),
    sa.Column("purposes", sa.JSON, nullable=False),
    sa.Column("secret", Text, nullable=False, index=True),
    sa.Column("expires_at_ms", sa.BigInteger),
    sa.Column("old_until_ms", sa.BigInteger),
    sa.Column("last_used_ms", sa.BigInteger),
    sa.Column("old_secret", Text, nullable=False, server_default="", index=True),
)
agreements = sa.Table(
    "agreements",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("version", Text, nullable=False),
    sa.Column("tenant", Text, nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("text", Text, nullable=False),
    sa.Column("groups", sa.JSON, nullable=False),
    sa.Column("since_ms", sa.BigInteger, nullable=False),
)
acceptances = sa.Table(
    "acceptances",
    metadata,
    sa.Column("user", Text, primary_key=True),
    sa.Column("agreement", Text, primary_key=True),
    sa.Column("version", Text, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)
consents = sa.Table(
    "consents",
    metadata,
    sa.Column("customer", Text, primary_key=True),
    sa.Column("purpose", Text, primary_key=True),
    sa.Column("granted", sa.Boolean, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)
recipients = sa.Table(
    "data_recipients",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("organisation", Text, nullable=False),
)
grants = sa.Table(
    "data_grants",
    metadata,
    sa.Column("recipient", Text, primary_key=True),
    sa.Column("customer", Text, primary_key=True),
    sa.Column("things", sa.JSON, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
)
metrics = sa.Table(
    "metric_metadata",
    metadata,
    sa.Column("model", Text, primary_key=True),
    sa.Column("signal", Text, primary_key=True),
    sa.Column("purposes", sa.JSON, nullable=False),
    sa.Column("owner", Text, nullable=False),
    sa.Column("personal", sa.Boolean, nullable=False),
    sa.Column("sets", sa.JSON, nullable=False),
)
tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("initiatives", sa.JSON, nullable=False),
    sa.Column("limits", sa.JSON, nullable=False),
    sa.Column("raw_months", sa.Integer),
)
entitlements = sa.Table(
    "entitlements",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("customer", Text, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("initiatives", sa.JSON, nullable=False),
)
flags = sa.Table(
    "feature_flags",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("title", Text, nullable=False),
    sa.Column("customers", sa.JSON, nullable=False),
    sa.Column("organisations", sa.JSON, nullable=False),
    sa.Column("share", sa.Float, nullable=False),
)
leads = sa.Table(
    "leads",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("customer", Text, nullable=False),
    sa.Column("thing", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)
