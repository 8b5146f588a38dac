"""Tables of collection: what is set up, plans, routes, stops, cleaning, steering, reports."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.rows import Rows
from reference_impl.kernel.store import Text, metadata
from reference_impl.maintenance.collection.ports import CollectionRows


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, Text, nullable=False) for name in names]


def _times(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


collections = sa.Table(
    "collections",
    metadata,
    sa.Column("id", Text, primary_key=True),
    *_texts("party", "title"),
    sa.Column("body", sa.JSON, nullable=False),
    *_times("since_ms", "changed_ms"),
)
plans = sa.Table(
    "collection_plans",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("collection", Text, nullable=False, index=True),
    *_texts("party", "day", "solver"),
    *(sa.Column(name, sa.Integer, nullable=False) for name in ("wanted", "must", "stops")),
    *(sa.Column(name, sa.Float, nullable=False) for name in ("cost_eur", "baseline_eur")),
    sa.Column("left_out", sa.JSON, nullable=False),
    *_times("planned_ms"),
)
routes = sa.Table(
    "collection_routes",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("collection", Text, nullable=False, index=True),
    sa.Column("plan", Text, nullable=False, index=True),
    *_texts("party", "day", "truck", "state", "by"),
    sa.Column("distance_m", sa.Integer, nullable=False),
    sa.Column("cost_eur", sa.Float, nullable=False),
    *_times("depart_ms", "end_ms", "changed_ms"),
    *(sa.Column(name, sa.BigInteger) for name in ("begun_ms", "ended_ms")),
)
stops = sa.Table(
    "collection_stops",
    metadata,
    sa.Column("route", Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("thing", Text, nullable=False, index=True),
    *_texts("id", "collection", "party", "customer", "state", "reason"),
    *(sa.Column(name, sa.Integer, nullable=False) for name in ("trip", "litres", "kg")),
    sa.Column("must", sa.Boolean, nullable=False),
    *(sa.Column(name, sa.JSON, nullable=False) for name in ("why", "tasks")),
    *(sa.Column(name, sa.Float, nullable=False) for name in ("latitude_deg", "longitude_deg")),
    *_times("due_ms", "planned_ms"),
    sa.Column("served_ms", sa.BigInteger),
)
care = sa.Table(
    "collection_care",
    metadata,
    sa.Column("collection", Text, primary_key=True),
    sa.Column("thing", Text, primary_key=True),
    *_times("cleaned_ms"),
    sa.Column("used", sa.Float, nullable=False),
)
steers = sa.Table(
    "collection_steers",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    *_texts("neighbour", "collection"),
    *_times("since_ms"),
)
reports = sa.Table(
    "citizen_reports",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("thing", Text, nullable=False, index=True),
    *_texts("customer", "about", "ticket", "text", "by"),
    sa.Column("times", sa.Integer, nullable=False),
    *_times("reported_ms"),
    sa.Column("closed_ms", sa.BigInteger),
)


def rows() -> CollectionRows:
    """All of them."""
    return CollectionRows(
        collections=Rows(collections),
        plans=Rows(plans),
        routes=Rows(routes),
        stops=Rows(stops),
        care=Rows(care),
        steers=Rows(steers),
        reports=Rows(reports),
    )
