"""Policies of commands, parameters of things, rollouts of firmware, remedies from afar."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add columns and tables: commands so far had no policy, and nobody kept parameters."""
    with op.batch_alter_table("commands") as commands:
        commands.add_column(
            sa.Column("policy", sa.JSON, nullable=False, server_default=sa.text("'{}'"))
        )
        commands.add_column(
            sa.Column("attempt", sa.Integer, nullable=False, server_default=sa.text("'1'"))
        )
        commands.add_column(
            sa.Column("tried_ms", sa.BigInteger, nullable=False, server_default=sa.text("'0'"))
        )
    _parameters()
    _firmware()
    _remedies()


def _parameters() -> None:
    op.create_table(
        "parameters",
        sa.Column("thing", Text, primary_key=True),
        sa.Column("name", Text, primary_key=True),
        sa.Column("desired", sa.Float, nullable=True),
        sa.Column("desired_by", Text, nullable=False),
        sa.Column("desired_ms", sa.BigInteger, nullable=True),
        sa.Column("command", Text, nullable=False),
        sa.Column("reported", sa.Float, nullable=True),
        sa.Column("reported_ms", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "parameter_changes",
        sa.Column("thing", Text, primary_key=True),
        sa.Column("name", Text, primary_key=True),
        sa.Column("command", Text, primary_key=True),
        sa.Column("what", Text, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("by", Text, nullable=False),
    )


def _firmware() -> None:
    op.create_table(
        "firmware_packages",
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
    op.create_table(
        "rollouts",
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
    op.create_table(
        "rollout_devices",
        sa.Column("rollout", Text, primary_key=True),
        sa.Column("thing", Text, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("was", Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("command", Text, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.Column("queued_ms", sa.BigInteger, nullable=False),
        sa.Column("next_ms", sa.BigInteger, nullable=False),
        sa.Column("initiated_ms", sa.BigInteger, nullable=True),
        sa.Column("ended_ms", sa.BigInteger, nullable=True),
    )
    op.create_index("ix_rollout_devices_command", "rollout_devices", ["command"])
    op.create_index("ix_rollout_devices_thing", "rollout_devices", ["thing"])
    op.create_table(
        "rollout_health",
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


def _remedies() -> None:
    op.create_table(
        "remote_fixes",
        sa.Column("id", Text, primary_key=True),
        sa.Column("party", Text, nullable=False),
        sa.Column("model", Text, nullable=False),
        sa.Column("pack", Text, nullable=False),
        sa.Column("rule", Text, nullable=False),
        sa.Column("plan", sa.JSON, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "remote_attempts",
        sa.Column("id", Text, primary_key=True),
        sa.Column("fix", Text, nullable=False),
        sa.Column("thing", Text, nullable=False),
        sa.Column("alert", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("command", Text, nullable=False),
        sa.Column("why", Text, nullable=False),
        sa.Column("began_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_ms", sa.BigInteger, nullable=True),
    )
    op.create_index("ix_remote_attempts_alert", "remote_attempts", ["alert"])
    op.create_index("ix_remote_attempts_command", "remote_attempts", ["command"])
    op.create_index("ix_remote_attempts_thing", "remote_attempts", ["thing"])
