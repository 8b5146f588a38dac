"""Constants of models; firings of rules, alerts that people handle, actions, notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Models that are there have no constants; rules that are ACTIVE became so some time."""
    with op.batch_alter_table("models") as models:
        models.add_column(sa.Column("constants", sa.JSON, nullable=False, server_default="{}"))
        models.add_column(sa.Column("kits", sa.JSON, nullable=False, server_default="[]"))
    with op.batch_alter_table("rule_instances") as instances:
        instances.add_column(
            sa.Column("fired_ms", sa.BigInteger, nullable=False, server_default="-1")
        )
    op.execute("UPDATE rule_instances SET fired_ms = started_ms WHERE phase = 'ACTIVE'")
    op.create_table(
        "rule_firings",
        *(sa.Column(name, Text, primary_key=True) for name in ("pack", "rule", "thing")),
        sa.Column("started_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("fired_ms", sa.BigInteger, nullable=False, index=True),
        sa.Column("ended_ms", sa.BigInteger),
    )
    _alerts()
    _notices()
    op.create_table(
        "automations",
        sa.Column("id", Text, primary_key=True),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("installed_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "automation_runs",
        sa.Column("automation", Text, primary_key=True),
        sa.Column("subject", Text, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("cause", Text, primary_key=True),
        sa.Column("stopped", sa.Boolean, nullable=False),
    )


def _alerts() -> None:
    with op.batch_alter_table("alerts") as alerts:
        for name in ("customer", "site", "subject", "topic", "taken_by", "ended_by"):
            alerts.add_column(sa.Column(name, Text, nullable=False, server_default=""))
        alerts.add_column(sa.Column("taken_ms", sa.BigInteger))
        alerts.add_column(sa.Column("shelved_until_ms", sa.BigInteger))
        alerts.add_column(sa.Column("remedies", sa.JSON, nullable=False, server_default="[]"))
        alerts.add_column(sa.Column("notify", sa.JSON, nullable=False, server_default="{}"))
        alerts.create_index("ix_alerts_state", ["state"])
    for table, words in (
        ("alert_steps", ("step", "by", "reason")),
        ("remedy_outcomes", ("remedy", "outcome", "by", "note")),
    ):
        op.create_table(
            table,
            sa.Column("alert", Text, primary_key=True),
            sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("at_ms", sa.BigInteger, nullable=False),
            *(sa.Column(name, Text, nullable=False) for name in words),
        )
    texts = ("customer", "site", "pack", "rule", "family", "topic", "priority", "title")
    op.create_table(
        "actions",
        sa.Column("id", Text, primary_key=True),
        sa.Column("state", Text, nullable=False),
        sa.Column("thing", Text, nullable=False, index=True),
        *(sa.Column(name, Text, nullable=False) for name in texts),
        *(
            sa.Column(name, Text, nullable=False)
            for name in ("instructions", "alert", "by", "reason")
        ),
        sa.Column("work_h", sa.Float, nullable=False),
        sa.Column("reason_forced", sa.Boolean, nullable=False),
        sa.Column("by_itself", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("closed_ms", sa.BigInteger),
        sa.Index("ix_actions_state", "state"),
    )


def _notices() -> None:
    op.create_table(
        "contacts",
        sa.Column("id", Text, primary_key=True),
        *(
            sa.Column(name, Text, nullable=False)
            for name in ("user", "language", "email", "phone", "time_zone", "quiet")
        ),
        sa.Column("channels", sa.JSON, nullable=False),
        sa.Column("customers", sa.JSON),
        sa.Column("severities", sa.JSON, nullable=False),
    )
    texts = ("alert", "thing", "what", "contact", "channel", "address", "title", "text")
    op.create_table(
        "notices",
        sa.Column("id", Text, primary_key=True),
        sa.Column("state", Text, nullable=False),
        *(sa.Column(name, Text, nullable=False) for name in texts),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", Text, nullable=False),
        sa.Index("ix_notices_state_due_ms", "state", "due_ms"),
        sa.Index("ix_notices_alert", "alert"),
    )
