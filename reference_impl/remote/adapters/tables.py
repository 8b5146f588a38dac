"""Tables: commands, parameters, and what things of a model obey."""

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
    sa.Column("policy", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
    sa.Column("tried_ms", sa.BigInteger, nullable=False, server_default="0"),
)
obeyed = sa.Table(
    "obeyed",
    metadata,
    sa.Column("model", Text, primary_key=True),
    sa.Column("obeys", sa.JSON, nullable=False),
)
parameters = sa.Table(
    "parameters",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("desired", sa.Float, nullable=True),
    sa.Column("desired_by", Text, nullable=False),
    sa.Column("desired_ms", sa.BigInteger, nullable=True),
    sa.Column("command", Text, nullable=False),
    sa.Column("reported", sa.Float, nullable=True),
    sa.Column("reported_ms", sa.BigInteger, nullable=True),
)
parameter_changes = sa.Table(
    "parameter_changes",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("command", Text, primary_key=True),
    sa.Column("what", Text, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("by", Text, nullable=False),
)
