"""Service levels and their time limits; triage, technicians, planned work."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0013"
down_revision = "0012"
_TEXTS = (
    "incident", "priority", "title", "ticket", "source", "technician", "stock", "cause", "remedy",
    "duplicate_of",
)  # fmt: skip
_LISTS = ("alerts", "faults", "skills", "parts", "reserved", "used")


def upgrade() -> None:
    """Add columns and tables: nobody promised anything so far."""
    with op.batch_alter_table("work_orders") as orders:
        for name in _TEXTS:
            orders.add_column(_text(name))
        for name in _LISTS:
            column = sa.Column(name, sa.JSON, nullable=False, server_default=sa.text("'[]'"))
            orders.add_column(column)
        for name in ("event_ms", "end_ms", "arrived_ms"):
            orders.add_column(sa.Column(name, sa.BigInteger, nullable=True))
        orders.add_column(sa.Column("remote_fix", sa.Boolean, nullable=True))
    with op.batch_alter_table("maintenance_register") as register:
        register.add_column(_text("by"))
        register.add_column(_text("note"))
    with op.batch_alter_table("tickets") as tickets:
        tickets.add_column(_text("incident"))
    _notes_and_people()
    _levels()
    _planned()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, Text, nullable=False, server_default=sa.text("''"))


def _given(*names: str) -> Iterator[sa.Column[str]]:
    return (sa.Column(name, Text, nullable=False) for name in names)


def _json(*names: str) -> Iterator[sa.Column[object]]:
    return (sa.Column(name, sa.JSON, nullable=False) for name in names)


def _times(*names: str, nullable: bool = False) -> Iterator[sa.Column[int]]:
    return (sa.Column(name, sa.BigInteger, nullable=nullable) for name in names)


def _notes_and_people() -> None:
    op.create_table(
        "work_order_notes",
        sa.Column("work_order", Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        *_times("at_ms"),
        *_given("by", "text"),
        sa.Column("internal", sa.Boolean, nullable=False),
    )
    op.create_table(
        "technicians",
        sa.Column("id", Text, primary_key=True),
        *_given("name", "party"),
        *_json("skills"),
    )


def _levels() -> None:
    op.create_table(
        "service_levels",
        sa.Column("id", Text, primary_key=True),
        *_given("title", "party", "tier", "begins", "time_zone"),
        sa.Column("hours", sa.JSON),
        *_json("holidays", "priorities", "priority_of", "pause_reasons", "opens_for", "covers"),
    )
    op.create_table(
        "sla_incidents",
        sa.Column("id", Text, primary_key=True),
        sa.Column("thing", Text, nullable=False, index=True),
        *_given("site", "customer", "level", "tier", "priority", "state"),
        *_json("terms"),
        *_times("t0_ms", "reported_ms"),
        *_json("pauses"),
        *_given("held_by", "held_for"),
        *_times("held_ms", nullable=True),
        *_given("outcome"),
        sa.Column("visits", sa.Integer, nullable=False),
        *_times("changed_ms"),
    )
    op.create_table(
        "sla_clocks",
        sa.Column("incident", Text, primary_key=True),
        sa.Column("what", Text, primary_key=True),
        *_given("state"),
        *_times("limit_ms"),
        *_times("due_ms", "stopped_ms", "breached_ms", nullable=True),
        sa.Column("fires_ms", sa.BigInteger, index=True),
    )


def _planned() -> None:
    op.create_table(
        "planned_work",
        sa.Column("id", Text, primary_key=True),
        sa.Column("thing", Text, nullable=False, index=True),
        *_given(
            "site", "customer", "title", "contract", "state", "work_order", "proposed_by",
            "agreed_by", "by", "side", "reason", "follows",
        ),
        *_times("from_ms", "to_ms", "proposed_ms", "changed_ms"),
        *_times("used_from_ms", "used_to_ms", nullable=True),
    )  # fmt: skip
