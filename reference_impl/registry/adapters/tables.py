"""Tables of the registry."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata

customers = sa.Table(
    "customers",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
)
sites = sa.Table(
    "sites",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("customer", Text, nullable=False),
    sa.Column("name", Text, nullable=False),
    sa.Column("time_zone", Text, nullable=False),
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
)
things = sa.Table(
    "things",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("model", Text, nullable=False),
    sa.Column("site", Text, nullable=False),
    sa.Column("serial", Text, nullable=False),
    sa.Column("title", Text, nullable=False),
)
