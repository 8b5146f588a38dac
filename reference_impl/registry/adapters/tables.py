"""Tables of the registry."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import metadata

customers = sa.Table(
    "customers",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
)
sites = sa.Table(
    "sites",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("customer", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("time_zone", sa.String, nullable=False),
)
models = sa.Table(
    "models",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("product", sa.String, nullable=False),
    sa.Column("title", sa.String, nullable=False),
    sa.Column("signals", sa.JSON, nullable=False),
    sa.Column("parts", sa.JSON, nullable=False),
    sa.Column("conditions", sa.JSON, nullable=False),
)
things = sa.Table(
    "things",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("site", sa.String, nullable=False),
    sa.Column("serial", sa.String, nullable=False),
    sa.Column("title", sa.String, nullable=False),
)
