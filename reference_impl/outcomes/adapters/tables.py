"""Tables: contracts and what is agreed about them, and periods that were measured."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.money import Euros
from reference_impl.kernel.store import Text, metadata

contracts = sa.Table(
    "contracts",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("customer", Text, nullable=False),
    sa.Column("things", sa.JSON, nullable=False),
    sa.Column("fee_eur", sa.Float, nullable=False),
    sa.Column("target", sa.Float, nullable=False),
    sa.Column("step", sa.Float, nullable=False),
    sa.Column("credit_pct_per_step", sa.Float, nullable=False),
    sa.Column("cap_pct", sa.Float, nullable=False),
    sa.Column("up_when", Text, nullable=False),
    sa.Column("unknown_after_s", sa.Float, nullable=False),
    sa.Column("grace_s", sa.Float, nullable=False),
    sa.Column("start_ms", sa.BigInteger, nullable=False),
    sa.Column("end_ms", sa.BigInteger),
    sa.Column("state", Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("tier", Text, nullable=False),
    sa.Column("active_ms", sa.BigInteger),
    sa.Column("baseline", sa.JSON),
    sa.Column("warned", Text, nullable=False),
)
contract_versions = sa.Table(
    "contract_versions",
    metadata,
    sa.Column("contract", Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("customer", Text, nullable=False),
    sa.Column("tier", Text, nullable=False),
    sa.Column("terms", sa.JSON, nullable=False),
    sa.Column("by", Text, nullable=False),
)
contract_steps = sa.Table(
    "contract_steps",
    metadata,
    sa.Column("contract", Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("step", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
)
contract_places = sa.Table(
    "contract_places",
    metadata,
    sa.Column("contract", Text, primary_key=True),
    sa.Column("place", Text, primary_key=True),
    sa.Column("from_ms", sa.BigInteger, primary_key=True),
    sa.Column("thing", Text, nullable=False, index=True),
    sa.Column("by", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
)
contract_tiers = sa.Table(
    "contract_tiers",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("title", Text, nullable=False),
    sa.Column("terms", sa.JSON, nullable=False),
)
contract_windows = sa.Table(
    "contract_windows",
    metadata,
    sa.Column("contract", Text, primary_key=True),
    sa.Column("thing", Text, primary_key=True),
    sa.Column("from_ms", sa.BigInteger, primary_key=True),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
    sa.Column("work_order", Text, nullable=False),
)
contract_exclusions = sa.Table(
    "contract_exclusions",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("contract", Text, nullable=False, index=True),
    sa.Column("customer", Text, nullable=False),
    sa.Column("thing", Text),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("evidence", Text, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("asked_ms", sa.BigInteger, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("approver", Text, nullable=False),
    sa.Column("decided_ms", sa.BigInteger),
)
contract_costs = sa.Table(
    "contract_costs",
    metadata,
    sa.Column("contract", Text, primary_key=True),
    sa.Column("subject", Text, primary_key=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("thing", Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("amount_eur", Euros, nullable=False),
)
data_doubts = sa.Table(
    "data_doubts",
    metadata,
    sa.Column("thing", Text, primary_key=True),
    sa.Column("signal", Text, primary_key=True),
    sa.Column("flag", Text, primary_key=True),
    sa.Column("since_ms", sa.BigInteger, primary_key=True),
    sa.Column("until_ms", sa.BigInteger),
)
outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("contract", Text, primary_key=True),
    sa.Column("period", Text, primary_key=True),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
    sa.Column("closed_ms", sa.BigInteger, nullable=False),
    sa.Column("result", sa.JSON, nullable=False),
    sa.Column("intervals", sa.JSON, nullable=False),
    sa.Column("customer", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
    sa.Column("frozen", sa.JSON, nullable=False),
)
outcome_documents = sa.Table(
    "outcome_documents",
    metadata,
    sa.Column("contract", Text, primary_key=True),
    sa.Column("period", Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)
