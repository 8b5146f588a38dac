"""Tables: work orders, the register, tickets; service levels, incidents; planned work."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata


def texts(*names: str) -> list[sa.Column[str]]:
    """Columns of text that are empty in rows from before them."""
    return [sa.Column(name, Text, nullable=False, server_default="") for name in names]


def lists(*names: str) -> list[sa.Column[object]]:
    """Columns of lists that are empty in rows from before them."""
    return [sa.Column(name, sa.JSON, nullable=False, server_default="[]") for name in names]


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
    *texts(
        "incident",
        "priority",
        "title",
        "ticket",
        "source",
        "technician",
        "stock",
        "cause",
        "remedy",
        "duplicate_of",
    ),
    *lists("alerts", "faults", "skills", "parts", "reserved", "used"),
    *(sa.Column(name, sa.BigInteger) for name in ("event_ms", "end_ms", "arrived_ms")),
    sa.Column("remote_fix", sa.Boolean),
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
    *texts("by", "note"),
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
    *texts("incident"),
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
work_order_notes = sa.Table(
    "work_order_notes",
    metadata,
    sa.Column("work_order", Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("text", Text, nullable=False),
    sa.Column("internal", sa.Boolean, nullable=False),
)
service_levels = sa.Table(
    "service_levels",
    metadata,
    sa.Column("id", Text, primary_key=True),
    *(sa.Column(name, Text, nullable=False) for name in ("title", "party", "tier", "begins")),
    sa.Column("time_zone", Text, nullable=False),
    sa.Column("hours", sa.JSON),
    *(
        sa.Column(name, sa.JSON, nullable=False)
        for name in ("holidays", "priorities", "priority_of", "pause_reasons", "opens_for")
    ),
    sa.Column("covers", sa.JSON, nullable=False),
)
sla_incidents = sa.Table(
    "sla_incidents",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("thing", Text, nullable=False, index=True),
    *(
        sa.Column(name, Text, nullable=False)
        for name in ("site", "customer", "level", "tier", "priority", "state")
    ),
    sa.Column("terms", sa.JSON, nullable=False),
    sa.Column("t0_ms", sa.BigInteger, nullable=False),
    sa.Column("reported_ms", sa.BigInteger, nullable=False),
    sa.Column("pauses", sa.JSON, nullable=False),
    sa.Column("held_by", Text, nullable=False),
    sa.Column("held_for", Text, nullable=False),
    sa.Column("held_ms", sa.BigInteger),
    sa.Column("outcome", Text, nullable=False),
    sa.Column("visits", sa.Integer, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
sla_clocks = sa.Table(
    "sla_clocks",
    metadata,
    sa.Column("incident", Text, primary_key=True),
    sa.Column("what", Text, primary_key=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("limit_ms", sa.BigInteger, nullable=False),
    *(sa.Column(name, sa.BigInteger) for name in ("due_ms", "stopped_ms", "breached_ms")),
    sa.Column("fires_ms", sa.BigInteger, index=True),
)
technicians = sa.Table(
    "technicians",
    metadata,
    sa.Column("id", Text, primary_key=True),
    *(sa.Column(name, Text, nullable=False) for name in ("name", "party")),
    sa.Column("skills", sa.JSON, nullable=False),
)
planned_work = sa.Table(
    "planned_work",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("thing", Text, nullable=False, index=True),
    *(
        sa.Column(name, Text, nullable=False)
        for name in (
            "site",
            "customer",
            "title",
            "contract",
            "state",
            "work_order",
            "proposed_by",
            "agreed_by",
            "by",
            "side",
            "reason",
            "follows",
        )
    ),
    *(
        sa.Column(name, sa.BigInteger, nullable=False)
        for name in ("from_ms", "to_ms", "proposed_ms", "changed_ms")
    ),
    *(sa.Column(name, sa.BigInteger) for name in ("used_from_ms", "used_to_ms")),
)
verification = sa.Table(
    "verification_windows",
    metadata,
    sa.Column("model", Text, primary_key=True),
    sa.Column("minutes", sa.JSON, nullable=False),
)
