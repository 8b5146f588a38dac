"""Tables: packs with their versions, rules under way, alerts."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.store import Text, metadata

packs = sa.Table(
    "rule_packs",
    metadata,
    sa.Column("pack", Text, primary_key=True),
    sa.Column("version", Text, primary_key=True),
    sa.Column("model", Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("installed_ms", sa.BigInteger, nullable=False),
)
instances = sa.Table(
    "rule_instances",
    metadata,
    sa.Column("pack", Text, primary_key=True),
    sa.Column("rule", Text, primary_key=True),
    sa.Column("thing", Text, primary_key=True),
    sa.Column("phase", Text, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("paused_ms", sa.BigInteger, nullable=False),
    sa.Column("false_ms", sa.BigInteger),
    sa.Column("fired_ms", sa.BigInteger, nullable=False, server_default="-1"),
)
firings = sa.Table(
    "rule_firings",
    metadata,
    sa.Column("pack", Text, primary_key=True),
    sa.Column("rule", Text, primary_key=True),
    sa.Column("thing", Text, primary_key=True),
    sa.Column("started_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("fired_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("ended_ms", sa.BigInteger),
)
alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("thing", Text, nullable=False, index=True),
    sa.Column("rule", Text, nullable=False),
    sa.Column("pack", Text, nullable=False),
    sa.Column("version", Text, nullable=False),
    sa.Column("severity", Text, nullable=False),
    sa.Column("why", Text, nullable=False),
    sa.Column("values", sa.JSON, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("raised_ms", sa.BigInteger, nullable=False),
    sa.Column("cleared_ms", sa.BigInteger),
    *(
        sa.Column(name, Text, nullable=False, server_default="")
        for name in ("customer", "site", "subject", "topic", "taken_by", "ended_by")
    ),
    sa.Column("taken_ms", sa.BigInteger),
    sa.Column("shelved_until_ms", sa.BigInteger),
    sa.Column("remedies", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("notify", sa.JSON, nullable=False, server_default="{}"),
    sa.Index("ix_alerts_state", "state"),
)
alert_steps = sa.Table(
    "alert_steps",
    metadata,
    sa.Column("alert", Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    *(sa.Column(name, Text, nullable=False) for name in ("step", "by", "reason")),
)
remedies = sa.Table(
    "remedy_outcomes",
    metadata,
    sa.Column("alert", Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    *(sa.Column(name, Text, nullable=False) for name in ("remedy", "outcome", "by", "note")),
)
actions = sa.Table(
    "actions",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("thing", Text, nullable=False, index=True),
    *(
        sa.Column(name, Text, nullable=False)
        for name in ("customer", "site", "pack", "rule", "family", "topic", "priority", "title")
    ),
    *(sa.Column(name, Text, nullable=False) for name in ("instructions", "alert", "by", "reason")),
    sa.Column("work_h", sa.Float, nullable=False),
    sa.Column("reason_forced", sa.Boolean, nullable=False),
    sa.Column("by_itself", sa.Boolean, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False),
    sa.Column("closed_ms", sa.BigInteger),
    sa.Index("ix_actions_state", "state"),
)
contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("id", Text, primary_key=True),
    *(
        sa.Column(name, Text, nullable=False)
        for name in ("user", "language", "email", "phone", "time_zone", "quiet")
    ),
    sa.Column("channels", sa.JSON, nullable=False),
    sa.Column("customers", sa.JSON),
    sa.Column("severities", sa.JSON, nullable=False),
)
notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("state", Text, nullable=False),
    *(
        sa.Column(name, Text, nullable=False)
        for name in ("alert", "thing", "what", "contact", "channel", "address", "title", "text")
    ),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", Text, nullable=False),
    sa.Index("ix_notices_state_due_ms", "state", "due_ms"),
    sa.Index("ix_notices_alert", "alert"),
)
automations = sa.Table(
    "automations",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("installed_ms", sa.BigInteger, nullable=False),
)
automation_runs = sa.Table(
    "automation_runs",
    metadata,
    sa.Column("automation", Text, primary_key=True),
    sa.Column("subject", Text, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("cause", Text, primary_key=True),
    sa.Column("stopped", sa.Boolean, nullable=False),
)
