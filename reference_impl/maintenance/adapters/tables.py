"""Tables: work orders, and the register of what was fitted where."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import metadata

work_orders = sa.Table(
    "work_orders",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("need_key", sa.String, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("order", sa.String, nullable=False),
    sa.Column("thing", sa.String, nullable=False, index=True),
    sa.Column("site", sa.String, nullable=False),
    sa.Column("part", sa.String, nullable=False),
    sa.Column("position", sa.String, nullable=False),
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("crew", sa.String),
    sa.Column("start_ms", sa.BigInteger),
    sa.Column("serial", sa.String),
    sa.Column("readings", sa.JSON, nullable=False),
    sa.Column("requested_ms", sa.BigInteger, nullable=False),
    sa.Column("completed_ms", sa.BigInteger),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("need_key", "attempt", name="uq_work_orders_need_key_attempt"),
)
register = sa.Table(
    "maintenance_register",
    metadata,
    sa.Column("thing", sa.String, primary_key=True),
    sa.Column("position", sa.String, primary_key=True),
    sa.Column("serial", sa.String, primary_key=True),
    sa.Column("part", sa.String, nullable=False),
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("work_order", sa.String, nullable=False),
    sa.Column("fitted_ms", sa.BigInteger, nullable=False),
)
