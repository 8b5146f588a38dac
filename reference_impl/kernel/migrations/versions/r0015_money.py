"""Pricings, what is to be invoiced, invoices, payouts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.money import Euros
from reference_impl.kernel.store import Text

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add tables: nobody had a pricing so far, so that nothing is to be invoiced."""
    with op.batch_alter_table("plans") as plans:
        always = sa.text("'always'")
        plans.add_column(sa.Column("safety_alerts", Text, nullable=False, server_default=always))
    op.create_table(
        "pricings",
        sa.Column("id", Text, primary_key=True),
        *(
            sa.Column(name, Text, nullable=False)
            for name in ("customer", "thing", "service", "provider", "model")
        ),
        sa.Column("terms", sa.JSON, nullable=False),
        sa.Column("shares", sa.JSON, nullable=False),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("to_ms", sa.BigInteger),
        sa.Column("follows", Text, nullable=False),
        sa.Column("by", Text, nullable=False),
    )
    op.create_index("ix_pricings_customer", "pricings", ["customer"])
    _billables()
    _invoices()
    op.create_table(
        "billing_months",
        sa.Column("month", Text, primary_key=True),
        sa.Column("to_ms", sa.BigInteger, nullable=False),
        sa.Column("closed_ms", sa.BigInteger),
    )
    op.create_table(
        "payouts",
        sa.Column("id", Text, primary_key=True),
        sa.Column("party", Text, nullable=False),
        sa.Column("amount_eur", Euros, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("by", Text, nullable=False),
    )
    op.create_index("ix_payouts_party", "payouts", ["party"])


def _billables() -> None:
    before = ("key", "group", "customer", "provider", "pricing", "kind", "of", "what", "thing")
    op.create_table(
        "billables",
        sa.Column("id", Text, primary_key=True),
        *(sa.Column(name, Text, nullable=False) for name in before),
        *(sa.Column(name, Text, nullable=False) for name in ("quantity", "unit", "unit_price")),
        sa.Column("amount_eur", Euros, nullable=False),
        *(sa.Column(n, sa.BigInteger, nullable=False) for n in ("from_ms", "to_ms", "at_ms")),
        *(sa.Column(name, Text, nullable=False) for name in ("corrects", "invoice")),
        sa.Column("waived", sa.Boolean, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
    )
    for name in ("group", "of", "invoice"):
        op.create_index(f"ix_billables_{name}", "billables", [name])


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("id", Text, primary_key=True),
        sa.Column("number", Text, nullable=False, unique=True),
        *(sa.Column(n, Text, nullable=False) for n in ("kind", "customer", "provider", "month")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("from_ms", "to_ms")),
        sa.Column("state", Text, nullable=False),
        sa.Column("total_eur", Euros, nullable=False),
        sa.Column("credits", Text, nullable=False),
        sa.Column("drafted_ms", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.BigInteger) for name in ("issued_ms", "due_ms")),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        *(sa.Column(name, Text, nullable=False) for name in ("by", "reason")),
    )
    for name in ("customer", "month"):
        op.create_index(f"ix_invoices_{name}", "invoices", [name])
