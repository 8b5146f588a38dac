"""Tables of ingestion."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata

blocks = sa.Table(
    "telemetry_blocks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("thing", Text, nullable=False),
    sa.Column("boot", sa.BigInteger, nullable=False),
    sa.Column("first_ms", sa.BigInteger, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("names", Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Index("ix_telemetry_blocks_last_ms_thing", "last_ms", "thing"),
)
undated = sa.Table(
    "telemetry_undated",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("boot", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("said_ms", sa.BigInteger, nullable=False),
    sa.Column("received_ms", sa.BigInteger, nullable=True, index=True),
    sa.Column("signals", sa.LargeBinary, nullable=False),
)
latest = sa.Table(
    "telemetry_latest",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("signals", sa.LargeBinary, nullable=False),
)
logs = sa.Table(
    "device_logs",
    metadata,
    sa.Column("device", Text, primary_key=True),
    sa.Column("boot", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("site", Text, nullable=False),
    sa.Column("stored", sa.LargeBinary, nullable=False),
    sa.Column("refused", sa.LargeBinary, nullable=False),
)
site_counts = sa.Table(
    "site_counts",
    metadata,
    sa.Column("site", Text, primary_key=True),
    sa.Column("messages", sa.BigInteger, nullable=False),
    sa.Column("first_ms", sa.BigInteger, nullable=False),
    sa.Column("newest_ms", sa.BigInteger, nullable=False),
)
births = sa.Table(
    "births",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("boot", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("product", Text, nullable=False),
    sa.Column("model", Text, nullable=False),
    sa.Column("serial", Text, nullable=False),
    sa.Column("firmware", Text, nullable=False),
    sa.Column("lost_ms", sa.BigInteger, nullable=True),
)
dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("topic", Text, primary_key=True),
    sa.Column("digest", Text, primary_key=True),
    sa.Column("site", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("received_ms", sa.BigInteger, nullable=True, index=True),
)
resends = sa.Table(
    "resend_requests",
    metadata,
    sa.Column("device", Text, primary_key=True),
    sa.Column("boot", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("from_seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("to_seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("asked_ms", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
)
starts = sa.Table(
    "starts",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
)
