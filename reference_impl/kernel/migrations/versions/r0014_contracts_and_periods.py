"""Contracts with a life and versions, periods with states, and what is agreed about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.money import Euros
from reference_impl.kernel.store import Text

revision = "0014"
down_revision = "0013"
_TERMS = (
    "things", "fee_eur", "target", "step", "credit_pct_per_step", "cap_pct", "up_when",
    "unknown_after_s", "grace_s",
)  # fmt: skip


def upgrade() -> None:
    """Add columns and tables; a contract so far was active at once, and a closed period final."""
    old = _widen()
    _contracts()
    _agreed()
    _evidence()
    versions = sa.table(
        "contract_versions",
        *(sa.column(n, Text) for n in ("contract", "customer", "tier", "by")),
        sa.column("number", sa.Integer),
        sa.column("from_ms", sa.BigInteger),
        sa.column("terms", sa.JSON),
    )
    places = sa.table(
        "contract_places",
        *(sa.column(n, Text) for n in ("contract", "place", "thing", "by", "reason")),
        sa.column("from_ms", sa.BigInteger),
    )
    for row in old:
        known = {"contract": row["id"], "from_ms": row["start_ms"], "by": ""}
        terms = {name: row[name] for name in _TERMS}
        first = {**known, "customer": row["customer"], "number": 1, "tier": "", "terms": terms}
        op.bulk_insert(versions, [first])
        op.bulk_insert(
            places,
            [{**known, "place": thing, "thing": thing, "reason": ""} for thing in row["things"]],
        )


def _widen() -> list[sa.RowMapping]:
    contracts = sa.table(
        "contracts",
        *(sa.column(n, Text) for n in ("id", "customer", "up_when")),
        *(sa.column(n, sa.Float) for n in _TERMS if n not in ("things", "up_when")),
        sa.column("things", sa.JSON),
        sa.column("start_ms", sa.BigInteger),
    )
    conn = op.get_bind()
    old = list(conn.execute(sa.select(contracts)).mappings())
    with op.batch_alter_table("contracts") as table:
        table.add_column(sa.Column("end_ms", sa.BigInteger))
        table.add_column(sa.Column("state", Text, nullable=False, server_default="ACTIVE"))
        table.add_column(sa.Column("version", sa.Integer, nullable=False, server_default="1"))
        table.add_column(sa.Column("tier", Text, nullable=False, server_default=""))
        table.add_column(sa.Column("active_ms", sa.BigInteger))
        table.add_column(sa.Column("baseline", sa.JSON))
        table.add_column(sa.Column("warned", Text, nullable=False, server_default=""))
    op.execute("UPDATE contracts SET active_ms = start_ms")
    with op.batch_alter_table("outcomes") as table:
        table.add_column(sa.Column("customer", Text, nullable=False, server_default=""))
        table.add_column(sa.Column("state", Text, nullable=False, server_default="FINAL"))
        table.add_column(sa.Column("changed_ms", sa.BigInteger, nullable=False, server_default="0"))
        table.add_column(sa.Column("frozen", sa.JSON, nullable=False, server_default="{}"))
    op.execute(
        "UPDATE outcomes SET changed_ms = closed_ms, customer ="
        " (SELECT customer FROM contracts WHERE contracts.id = outcomes.contract)"
    )
    return old


def _contracts() -> None:
    op.create_table(
        "contract_versions",
        sa.Column("contract", Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("customer", Text, nullable=False),
        sa.Column("tier", Text, nullable=False),
        sa.Column("terms", sa.JSON, nullable=False),
        sa.Column("by", Text, nullable=False),
    )
    op.create_table(
        "contract_steps",
        sa.Column("contract", Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        *(sa.Column(name, Text, nullable=False) for name in ("step", "state", "by", "reason")),
    )
    op.create_table(
        "contract_places",
        sa.Column("contract", Text, primary_key=True),
        sa.Column("place", Text, primary_key=True),
        sa.Column("from_ms", sa.BigInteger, primary_key=True),
        sa.Column("thing", Text, nullable=False, index=True),
        sa.Column("by", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
    )
    op.create_table(
        "contract_tiers",
        sa.Column("id", Text, primary_key=True),
        sa.Column("title", Text, nullable=False),
        sa.Column("terms", sa.JSON, nullable=False),
    )


def _agreed() -> None:
    op.create_table(
        "contract_windows",
        sa.Column("contract", Text, primary_key=True),
        sa.Column("thing", Text, primary_key=True),
        sa.Column("from_ms", sa.BigInteger, primary_key=True),
        sa.Column("to_ms", sa.BigInteger, nullable=False),
        sa.Column("work_order", Text, nullable=False),
    )
    op.create_table(
        "contract_exclusions",
        sa.Column("id", Text, primary_key=True),
        sa.Column("contract", Text, nullable=False, index=True),
        sa.Column("customer", Text, nullable=False),
        sa.Column("thing", Text),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("to_ms", sa.BigInteger, nullable=False),
        *(sa.Column(name, Text, nullable=False) for name in ("reason", "evidence", "by")),
        sa.Column("asked_ms", sa.BigInteger, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("approver", Text, nullable=False),
        sa.Column("decided_ms", sa.BigInteger),
    )


def _evidence() -> None:
    op.create_table(
        "contract_costs",
        sa.Column("contract", Text, primary_key=True),
        sa.Column("subject", Text, primary_key=True),
        sa.Column("kind", Text, nullable=False),
        sa.Column("thing", Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("amount_eur", Euros, nullable=False),
    )
    op.create_table(
        "data_doubts",
        *(sa.Column(name, Text, primary_key=True) for name in ("thing", "signal", "flag")),
        sa.Column("since_ms", sa.BigInteger, primary_key=True),
        sa.Column("until_ms", sa.BigInteger),
    )
    op.create_table(
        "outcome_documents",
        *(sa.Column(name, Text, primary_key=True) for name in ("contract", "period")),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("kind", Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        *(sa.Column(name, Text, nullable=False) for name in ("by", "reason")),
        sa.Column("data", sa.JSON, nullable=False),
    )
