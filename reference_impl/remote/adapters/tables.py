"""Tables: commands, and what things of a model obey."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata

commands = sa.Table(
    "commands",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("thing", Text, nullable=False, index=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("args", sa.JSON, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("issued_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
    sa.Column("detail", Text, nullable=False),
)
obeyed = sa.Table(
    "obeyed",
    metadata,
    sa.Column("model", Text, primary_key=True),
    sa.Column("obeys", sa.JSON, nullable=False),
)
