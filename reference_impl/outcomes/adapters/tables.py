"""Tables: contracts, and periods that were measured."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata

contracts = sa.Table(
    "contracts",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("customer", Text, nullable=False),
    sa.Column("things", sa.JSON, nullable=False),
    sa.Column("fee_eur", sa.Float, nullable=False),
    sa.Column("target", sa.Float, nullable=False),
    sa.Column("step", sa.Float, nullable=False),
    sa.Column("credit_pct_per_step", sa.Float, nullable=False),
    sa.Column("cap_pct", sa.Float, nullable=False),
    sa.Column("up_when", Text, nullable=False),
    sa.Column("unknown_after_s", sa.Float, nullable=False),
    sa.Column("grace_s", sa.Float, nullable=False),
    sa.Column("start_ms", sa.BigInteger, nullable=False),
)
outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("contract", Text, primary_key=True),
    sa.Column("period", Text, primary_key=True),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
    sa.Column("closed_ms", sa.BigInteger, nullable=False),
    sa.Column("result", sa.JSON, nullable=False),
    sa.Column("intervals", sa.JSON, nullable=False),
)
