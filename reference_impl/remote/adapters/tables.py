"""Tables: commands, parameters, and what things of a model obey."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata

commands = sa.Table(
    "commands",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("thing", Text, nullable=False, index=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("args", sa.JSON, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("issued_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
    sa.Column("detail", Text, nullable=False),
    sa.Column("policy", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
    sa.Column("tried_ms", sa.BigInteger, nullable=False, server_default="0"),
)
obeyed = sa.Table(
    "obeyed",
    metadata,
    sa.Column("model", Text, primary_key=True),
    sa.Column("obeys", sa.JSON, nullable=False),
)
parameters = sa.Table(
    "parameters",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("desired", sa.Float, nullable=True),
    sa.Column("desired_by", Text, nullable=False),
    sa.Column("desired_ms", sa.BigInteger, nullable=True),
    sa.Column("command", Text, nullable=False),
    sa.Column("reported", sa.Float, nullable=True),
    sa.Column("reported_ms", sa.BigInteger, nullable=True),
)
parameter_changes = sa.Table(
    "parameter_changes",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("command", Text, primary_key=True),
    sa.Column("what", Text, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("by", Text, nullable=False),
)
firmware_packages = sa.Table(
    "firmware_packages",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("party", Text, nullable=False),
    sa.Column("name", Text, nullable=False),
    sa.Column("version", Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("checksum", Text, nullable=False),
    sa.Column("url", Text, nullable=False),
    sa.Column("models", sa.JSON, nullable=False),
    sa.Column("hardware", sa.JSON, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)
rollouts = sa.Table(
    "rollouts",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("party", Text, nullable=False),
    sa.Column("package", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("plan", sa.JSON, nullable=False),
    sa.Column("current", sa.Integer, nullable=False),
    sa.Column("forced", sa.Integer, nullable=False),
    sa.Column("created_by", Text, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
rollout_devices = sa.Table(
    "rollout_devices",
    metadata,
    sa.Column("rollout", Text, primary_key=True),
    sa.Column("thing", Text, primary_key=True, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("was", Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("command", Text, nullable=False, index=True),
    sa.Column("done", sa.Boolean, nullable=False),
    sa.Column("queued_ms", sa.BigInteger, nullable=False),
    sa.Column("next_ms", sa.BigInteger, nullable=False),
    sa.Column("initiated_ms", sa.BigInteger, nullable=True),
    sa.Column("ended_ms", sa.BigInteger, nullable=True),
)
rollout_health = sa.Table(
    "rollout_health",
    metadata,
    sa.Column("rollout", Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("verdict", Text, nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False),
    sa.Column("events", sa.Integer, nullable=False),
    sa.Column("hours", sa.Float, nullable=False),
    sa.Column("control_events", sa.Integer, nullable=False),
    sa.Column("control_hours", sa.Float, nullable=False),
    sa.Column("chance", sa.Float, nullable=True),
)
remote_fixes = sa.Table(
    "remote_fixes",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("party", Text, nullable=False),
    sa.Column("model", Text, nullable=False),
    sa.Column("pack", Text, nullable=False),
    sa.Column("rule", Text, nullable=False),
    sa.Column("plan", sa.JSON, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
remote_attempts = sa.Table(
    "remote_attempts",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("fix", Text, nullable=False),
    sa.Column("thing", Text, nullable=False, index=True),
    sa.Column("alert", Text, nullable=False, index=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("command", Text, nullable=False, index=True),
    sa.Column("why", Text, nullable=False),
    sa.Column("began_ms", sa.BigInteger, nullable=False),
    sa.Column("ended_ms", sa.BigInteger, nullable=True),
)
