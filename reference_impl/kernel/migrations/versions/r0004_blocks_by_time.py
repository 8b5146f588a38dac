"""Blocks are found by time, then by thing.

They come in by time, so that each batch touches one page of the index and not one for each thing.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Replace the index."""
    op.drop_index("ix_telemetry_blocks_thing_last_ms", "telemetry_blocks")
    op.create_index("ix_telemetry_blocks_last_ms_thing", "telemetry_blocks", ["last_ms", "thing"])
