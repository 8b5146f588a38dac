"""Tables: secondary uses of data, and what each look read."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.ecosystem.ports import EcosystemRows
from reference_impl.kernel.rows import Rows
from reference_impl.kernel.store import Text, metadata

secondary_uses = sa.Table(
    "secondary_uses",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("recipient", Text, nullable=False),
    sa.Column("owner", Text, nullable=False, index=True),
    sa.Column("things", sa.JSON, nullable=False),
    sa.Column("signal", Text, nullable=False),
    sa.Column("take", Text, nullable=False),
    sa.Column("over_h", sa.Float, nullable=False),
    sa.Column("above", sa.Float, nullable=False),
    sa.Column("every_h", sa.Float, nullable=False),
    sa.Column("thing", Text, nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("within_h", sa.Float, nullable=False),
    sa.Column("agreed", sa.Boolean, nullable=False),
    sa.Column("customer", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("why", Text, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
secondary_looks = sa.Table(
    "secondary_looks",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("use", Text, nullable=False, index=True),
    sa.Column("owner", Text, nullable=False),
    sa.Column("recipient", Text, nullable=False),
    sa.Column("signal", Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("spans", sa.JSON, nullable=False),
    sa.Column("values", sa.JSON, nullable=False),
    sa.Column("readings", sa.Integer, nullable=False),
    sa.Column("ordered", Text, nullable=False),
)


def rows() -> EcosystemRows:
    """All tables of this context."""
    return EcosystemRows(uses=Rows(secondary_uses), looks=Rows(secondary_looks))
