"""Tables of remote control."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import metadata

commands = sa.Table(
    "commands",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("thing", sa.String, nullable=False, index=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("args", sa.JSON, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("issued_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
    sa.Column("detail", sa.String, nullable=False),
)
