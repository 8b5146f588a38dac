"""Readings whose time cannot be true stand apart from all others."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0023"
down_revision = "0022"

TRUE_FROM_MS = 946_684_800_000
"""2000-01-01: who says that it is earlier has no clock."""
_NUMBER = sa.BigInteger
_BLOCKS = sa.table(
    "telemetry_blocks",
    sa.column("id", sa.Integer),
    *(sa.column(name, Text) for name in ("thing", "names")),
    *(sa.column(name, _NUMBER) for name in ("boot", "first_ms", "last_ms", "size")),
    sa.column("payload", sa.LargeBinary),
)


def upgrade() -> None:
    """Add the table, and move what stood among the others; metrics of such days go."""
    undated = op.create_table(
        "telemetry_undated",
        sa.Column("thing", Text, primary_key=True),
        sa.Column("boot", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("said_ms", _NUMBER, nullable=False),
        sa.Column("received_ms", _NUMBER, nullable=True),
        sa.Column("signals", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_telemetry_undated_received_ms", "telemetry_undated", ["received_ms"])
    conn = op.get_bind()
    newest = sa.text("SELECT coalesce(max(newest_ms), -1) FROM site_counts")
    to_ms = conn.execute(newest).scalar_one()

    wrong = (_BLOCKS.c.first_ms < TRUE_FROM_MS) | (_BLOCKS.c.last_ms > to_ms)
    for row in conn.execute(sa.select(_BLOCKS).where(wrong)).all():
        conn.execute(undated.insert(), _split(conn, row, to_ms))
    conn.execute(sa.text(f"DELETE FROM metric_points WHERE at_ms < {TRUE_FROM_MS}"))  # noqa: S608


def _split(conn: sa.Connection, row: Any, to_ms: int) -> list[dict[str, Any]]:  # noqa: ANN401
    """Leave a block the readings that can be true; gives the others."""
    names = row.names.split(",") if row.names else []
    whole = np.frombuffer(row.payload, dtype="<i8").reshape(2 + len(names), row.size)
    right = (whole[0] >= TRUE_FROM_MS) & (whole[0] <= to_ms)
    here = _BLOCKS.c.id == row.id
    if right.any():
        left = np.ascontiguousarray(whole[:, right])
        conn.execute(
            _BLOCKS.update()
            .where(here)
            .values(
                size=left.shape[1],
                first_ms=int(left[0].min()),
                last_ms=int(left[0].max()),
                payload=left.tobytes(),
            )
        )
    else:
        conn.execute(_BLOCKS.delete().where(here))
    apart = np.ascontiguousarray(whole[:, ~right])
    values = apart[2:].view("<f8").T.tolist()
    return [
        {
            "thing": row.thing,
            "boot": row.boot,
            "seq": seq,
            "said_ms": said_ms,
            "received_ms": None,
            "signals": json.dumps(
                {n: v for n, v in zip(names, column, strict=True) if not math.isnan(v)}
            ).encode(),
        }
        for said_ms, seq, column in zip(*apart[:2].tolist(), values, strict=True)
    ]
