"""Collections, their plans, routes and stops; cleaning, steering and citizens' reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0019"
down_revision = "0018"


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, Text, nullable=False) for name in names]


def _times(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "collections",
        sa.Column("id", Text, primary_key=True),
        *_texts("party", "title"),
        sa.Column("body", sa.JSON, nullable=False),
        *_times("since_ms", "changed_ms"),
    )
    op.create_table(
        "collection_plans",
        sa.Column("id", Text, primary_key=True),
        *_texts("collection", "party", "day", "solver"),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("wanted", "must", "stops")),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("cost_eur", "baseline_eur")),
        sa.Column("left_out", sa.JSON, nullable=False),
        *_times("planned_ms"),
    )
    op.create_index("ix_collection_plans_collection", "collection_plans", ["collection"])
    _on_the_road()
    op.create_table(
        "collection_care",
        sa.Column("collection", Text, primary_key=True),
        sa.Column("thing", Text, primary_key=True),
        *_times("cleaned_ms"),
        sa.Column("used", sa.Float, nullable=False),
    )
    op.create_table(
        "collection_steers",
        sa.Column("thing", Text, primary_key=True),
        *_texts("neighbour", "collection"),
        *_times("since_ms"),
    )
    op.create_table(
        "citizen_reports",
        sa.Column("id", Text, primary_key=True),
        *_texts("thing", "customer", "about", "ticket", "text", "by"),
        sa.Column("times", sa.Integer, nullable=False),
        *_times("reported_ms"),
        sa.Column("closed_ms", sa.BigInteger, nullable=True),
    )
    op.create_index("ix_citizen_reports_thing", "citizen_reports", ["thing"])


def _on_the_road() -> None:
    op.create_table(
        "collection_routes",
        sa.Column("id", Text, primary_key=True),
        *_texts("collection", "plan", "party", "day", "truck", "state", "by"),
        sa.Column("distance_m", sa.Integer, nullable=False),
        sa.Column("cost_eur", sa.Float, nullable=False),
        *_times("depart_ms", "end_ms", "changed_ms"),
        *(sa.Column(name, sa.BigInteger, nullable=True) for name in ("begun_ms", "ended_ms")),
    )
    op.create_index("ix_collection_routes_collection", "collection_routes", ["collection"])
    op.create_index("ix_collection_routes_plan", "collection_routes", ["plan"])
    op.create_table(
        "collection_stops",
        sa.Column("route", Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        *_texts("thing", "id", "collection", "party", "customer", "state", "reason"),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("trip", "litres", "kg")),
        sa.Column("must", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("why", "tasks")),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("latitude_deg", "longitude_deg")),
        *_times("due_ms", "planned_ms"),
        sa.Column("served_ms", sa.BigInteger, nullable=True),
    )
    op.create_index("ix_collection_stops_thing", "collection_stops", ["thing"])
