"""The first tables.

A revision never changes: it says what the tables were then, not what the code says now. A column
is written ``name type flags``; a column that is not a ``key`` and not ``null`` must have a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0001"
down_revision = None

TYPES: Mapping[str, Any] = {
    "text": Text,
    "int": sa.Integer,
    "big": sa.BigInteger,
    "real": sa.Float,
    "bool": sa.Boolean,
    "json": sa.JSON,
    "bytes": sa.LargeBinary,
}
TABLES = {
    "alerts": (
        "id text key, state text, thing text index, rule text, pack text, version text, "
        "severity text, why text, values json, started_ms big, raised_ms big, cleared_ms big "
        "null"
    ),
    "births": (
        "thing text key, boot big key, at_ms big, product text, model text, serial text, "
        "firmware text, lost_ms big null"
    ),
    "clock": ("id int key, now_ms big, answered_to int, answer bytes"),
    "commands": (
        "id text key, thing text index, name text, args json, state text, by text, issued_ms "
        "big, expires_ms big, detail text"
    ),
    "condition_history": (
        "thing text key, condition text key, at_ms big key, cycle int, level real, raw_pct "
        "real, wear_pct real, runout_p50_ms big null"
    ),
    "condition_states": (
        "thing text key, condition text key, position text, cycle int, reset_ms big null, "
        "baseline json null, points json, wear_pct real null, level real null, runout_p10_ms "
        "big null, runout_p50_ms big null, runout_p90_ms big null, evaluated_ms big, valid_ms "
        "big, told_ms big, told_pct real, told_trend bool"
    ),
    "conditions": ("model text key, id text key, signals json, body json"),
    "contracts": (
        "id text key, customer text, things json, fee_eur real, target real, step real, "
        "credit_pct_per_step real, cap_pct real, up_when text, unknown_after_s real, grace_s "
        "real, start_ms big"
    ),
    "customers": ("id text key, name text"),
    "dead_letters": (
        "topic text key, digest text key, site text, reason text, payload bytes, received_ms "
        "big null index"
    ),
    "device_logs": ("device text key, boot big key, site text, stored bytes, refused bytes"),
    "feed": (
        "number int key counter, event_id text, at_ms big, kind text, subject text, data bytes"
    ),
    "idempotency_answers": ("key text key, request text, status int, body bytes"),
    "maintenance_register": (
        "thing text key, position text key, serial text key, part text, cycle int, work_order "
        "text, fitted_ms big"
    ),
    "model_parts": ("model text key, places json"),
    "models": ("id text key, product text, title text, signals json, parts json, conditions json"),
    "need_cycles": ("thing text key, position text key, cycle int"),
    "needs": (
        "need_key text key, state text, thing text index, position text, cycle int, part "
        "text, attempts int, changed_ms big"
    ),
    "orders": (
        "id text key, need_key text index, state text, thing text, site text, customer text "
        "index, supplier text, part text, quantity int, unit_price_eur real, total_eur real, "
        "by text, reason text, placed_ms big, changed_ms big"
    ),
    "outbox": (
        "number int key counter, command_id text unique, topic text, payload bytes, sent bool index"
    ),
    "outcomes": (
        "contract text key, period text key, from_ms big, to_ms big, closed_ms big, result "
        "json, intervals json"
    ),
    "parts": (
        "sku text key, title text, price_eur real, supplier text, lead_time_p50_h real, "
        "lead_time_p90_h real, models json"
    ),
    "periodics": ("name text key, last_ms big"),
    "policies": (
        "customer text key, mode text, max_unit_price_eur real null, max_open_orders int "
        "null, monthly_budget_eur real null"
    ),
    "recommendations": (
        "id text key, need_key text unique, state text, thing text, site text, customer text "
        "index, part text, position text, cycle int, quantity int, unit_price_eur real, rule "
        "text, pack text, policy text, why text, values json, by text, reason text, issued_ms "
        "big, changed_ms big"
    ),
    "refused_advice": ("need_key text key, part text key, reason text, at_ms big"),
    "resend_requests": (
        "device text key, boot big key, from_seq big key, to_seq big key, asked_ms big, "
        "attempts int"
    ),
    "rule_instances": (
        "pack text key, rule text key, thing text key, phase text, started_ms big, paused_ms "
        "big, false_ms big null"
    ),
    "rule_packs": (
        "pack text key, version text key, model text, active bool, body json, installed_ms big"
    ),
    "site_counts": ("site text key, messages big, first_ms big, newest_ms big"),
    "sites": ("id text key, customer text, name text, time_zone text"),
    "starts": ("number int key"),
    "telemetry_blocks": (
        "id int key, thing text, boot big, first_ms big, last_ms big, size int, names text, "
        "payload bytes"
    ),
    "telemetry_latest": ("thing text key, at_ms big, signals bytes"),
    "things": ("id text key, model text, site text, serial text, title text"),
    "timers": ("kind text key, subject text key, due_ms big index, args json"),
    "work_orders": (
        "id text key, state text, need_key text unique, order text, thing text index, site "
        "text, part text, position text, cycle int, by text, reason text, crew text null, "
        "start_ms big null, serial text null, readings json, requested_ms big, completed_ms "
        "big null, changed_ms big"
    ),
}
INDEXES = [
    ("ix_telemetry_blocks_thing_last_ms", "telemetry_blocks", ["thing", "last_ms"]),
]


def upgrade() -> None:
    """Make every table of the first version."""
    for table, text in TABLES.items():
        columns = [column.split() for column in text.split(", ")]
        keys = [name for name, _, *flags in columns if "key" in flags]
        op.create_table(
            table,
            *(
                sa.Column(
                    name,
                    TYPES[kind],
                    primary_key="key" in flags,
                    nullable="null" in flags,
                    unique="unique" in flags or None,
                    autoincrement="auto" if len(keys) == 1 else False,
                )
                for name, kind, *flags in columns
            ),
            sqlite_autoincrement=any("counter" in flags for _, _, *flags in columns),
        )
        for name, _, *flags in columns:
            if "index" in flags:
                op.create_index(f"ix_{table}_{name}", table, [name])
    for index, table, names in INDEXES:
        op.create_index(index, table, names)
