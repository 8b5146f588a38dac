"""Tables of planning: how it is done, places, shifts, visits, plans; contracts at risk."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.rows import Rows
from reference_impl.kernel.store import Text, metadata
from reference_impl.maintenance.planning.ports import PlanningRows

settings = sa.Table(
    "planning_settings",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("body", sa.JSON, nullable=False),
)
places = sa.Table(
    "planning_places",
    metadata,
    sa.Column("site", Text, primary_key=True),
    *(sa.Column(name, sa.Float, nullable=False) for name in ("latitude_deg", "longitude_deg")),
)
shifts = sa.Table(
    "planning_shifts",
    metadata,
    sa.Column("technician", Text, primary_key=True),
    *(sa.Column(name, Text, nullable=False) for name in ("time_zone", "stock")),
    *(sa.Column(name, sa.JSON, nullable=False) for name in ("hours", "holidays", "away")),
    *(sa.Column(name, sa.Float, nullable=False) for name in ("latitude_deg", "longitude_deg")),
)
visits = sa.Table(
    "planning_visits",
    metadata,
    sa.Column("work_order", Text, primary_key=True),
    *(
        sa.Column(name, Text, nullable=False)
        for name in ("thing", "site", "technician", "confirmed_by")
    ),
    *(
        sa.Column(name, sa.BigInteger, nullable=False)
        for name in ("leave_ms", "arrive_ms", "begin_ms", "end_ms", "travel_ms")
    ),
    sa.Column("confirmed_ms", sa.BigInteger),
    sa.Column("bundled", sa.Boolean, nullable=False),
    sa.Column("moves", sa.Integer, nullable=False),
    sa.Column("why", sa.JSON, nullable=False),
)
plans = sa.Table(
    "planning_plans",
    metadata,
    sa.Column("id", Text, primary_key=True),
    *(sa.Column(name, Text, nullable=False) for name in ("technician", "day", "cause")),
    sa.Column("made_ms", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("stops", sa.JSON, nullable=False),
)
at_risk = sa.Table(
    "planning_at_risk",
    metadata,
    sa.Column("contract", Text, primary_key=True),
    sa.Column("period", Text, nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False),
)


def rows() -> PlanningRows:
    """All tables of planning."""
    return PlanningRows(
        settings=Rows(settings),
        places=Rows(places),
        shifts=Rows(shifts),
        visits=Rows(visits),
        plans=Rows(plans),
        at_risk=Rows(at_risk),
    )
