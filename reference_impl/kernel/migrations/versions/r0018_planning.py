"""Planning of technicians: settings, places, shifts, visits, plans; windows of verification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0018"
down_revision = "0017"
_Kind = sa.types.TypeEngine[Any] | type[sa.types.TypeEngine[Any]]


def _given(kind: _Kind, *names: str) -> Iterator[sa.Column[Any]]:
    return (sa.Column(name, kind, nullable=False) for name in names)


def upgrade() -> None:
    """Add tables: nobody has planned so far."""
    op.create_table(
        "planning_settings",
        sa.Column("id", Text, primary_key=True),
        *_given(sa.JSON, "body"),
    )
    op.create_table(
        "planning_places",
        sa.Column("site", Text, primary_key=True),
        *_given(sa.Float, "latitude_deg", "longitude_deg"),
    )
    op.create_table(
        "planning_shifts",
        sa.Column("technician", Text, primary_key=True),
        *_given(Text, "time_zone", "stock"),
        *_given(sa.JSON, "hours", "holidays", "away"),
        *_given(sa.Float, "latitude_deg", "longitude_deg"),
    )
    op.create_table(
        "planning_visits",
        sa.Column("work_order", Text, primary_key=True),
        *_given(Text, "thing", "site", "technician", "confirmed_by"),
        *_given(sa.BigInteger, "leave_ms", "arrive_ms", "begin_ms", "end_ms", "travel_ms"),
        sa.Column("confirmed_ms", sa.BigInteger),
        *_given(sa.Boolean, "bundled"),
        *_given(sa.Integer, "moves"),
        *_given(sa.JSON, "why"),
    )
    op.create_table(
        "planning_plans",
        sa.Column("id", Text, primary_key=True),
        *_given(Text, "technician", "day", "cause"),
        *_given(sa.BigInteger, "made_ms"),
        *_given(sa.Integer, "version"),
        *_given(sa.JSON, "stops"),
    )
    op.create_table(
        "verification_windows",
        sa.Column("model", Text, primary_key=True),
        *_given(sa.JSON, "minutes"),
    )
