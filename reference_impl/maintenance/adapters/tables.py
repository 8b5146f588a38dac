"""Tables: work orders, the register of what was fitted where, tickets."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata

work_orders = sa.Table(
    "work_orders",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("need_key", Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("first_time_fix", sa.Boolean),
    sa.Column("order", Text, nullable=False),
    sa.Column("thing", Text, nullable=False, index=True),
    sa.Column("site", Text, nullable=False),
    sa.Column("part", Text, nullable=False),
    sa.Column("position", Text, nullable=False),
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("crew", Text),
    sa.Column("start_ms", sa.BigInteger),
    sa.Column("serial", Text),
    sa.Column("readings", sa.JSON, nullable=False),
    sa.Column("requested_ms", sa.BigInteger, nullable=False),
    sa.Column("completed_ms", sa.BigInteger),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("need_key", "attempt", name="uq_work_orders_need_key_attempt"),
)
register = sa.Table(
    "maintenance_register",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("position", Text, primary_key=True),
    sa.Column("serial", Text, primary_key=True),
    sa.Column("part", Text, nullable=False),
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("work_order", Text, nullable=False),
    sa.Column("fitted_ms", sa.BigInteger, nullable=False),
)
tickets = sa.Table(
    "tickets",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("thing", Text, nullable=False, index=True),
    sa.Column("site", Text, nullable=False),
    sa.Column("customer", Text, nullable=False, index=True),
    sa.Column("title", Text, nullable=False),
    sa.Column("text", Text, nullable=False),
    sa.Column("priority", Text, nullable=False),
    sa.Column("alert", Text, index=True),
    sa.Column("routed_to", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("opened_by", Text, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("opened_ms", sa.BigInteger, nullable=False),
    sa.Column("restored_ms", sa.BigInteger),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
ticket_notes = sa.Table(
    "ticket_notes",
    metadata,
    sa.Column("ticket", Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("text", Text, nullable=False),
    sa.Column("internal", sa.Boolean, nullable=False),
)
