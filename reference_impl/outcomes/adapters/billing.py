"""Tables: how customers pay, what is to be invoiced, invoices, payouts."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.money import Euros
from reference_impl.kernel.rows import Rows
from reference_impl.kernel.store import Text, metadata
from reference_impl.outcomes.money.billing import BillingRows

pricings = sa.Table(
    "pricings",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("customer", Text, nullable=False, index=True),
    sa.Column("thing", Text, nullable=False),
    sa.Column("service", Text, nullable=False),
    sa.Column("provider", Text, nullable=False),
    sa.Column("model", Text, nullable=False),
    sa.Column("terms", sa.JSON, nullable=False),
    sa.Column("shares", sa.JSON, nullable=False),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("to_ms", sa.BigInteger),
    sa.Column("follows", Text, nullable=False),
    sa.Column("by", Text, nullable=False),
)
billables = sa.Table(
    "billables",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("key", Text, nullable=False),
    sa.Column("group", Text, nullable=False, index=True),
    sa.Column("customer", Text, nullable=False),
    sa.Column("provider", Text, nullable=False),
    sa.Column("pricing", Text, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("of", Text, nullable=False, index=True),
    sa.Column("what", Text, nullable=False),
    sa.Column("thing", Text, nullable=False),
    sa.Column("quantity", Text, nullable=False),
    sa.Column("unit", Text, nullable=False),
    sa.Column("unit_price", Text, nullable=False),
    sa.Column("amount_eur", Euros, nullable=False),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("corrects", Text, nullable=False),
    sa.Column("invoice", Text, nullable=False, index=True),
    sa.Column("waived", sa.Boolean, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
)
invoices = sa.Table(
    "invoices",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("number", Text, nullable=False, unique=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("customer", Text, nullable=False, index=True),
    sa.Column("provider", Text, nullable=False),
    sa.Column("month", Text, nullable=False, index=True),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("total_eur", Euros, nullable=False),
    sa.Column("credits", Text, nullable=False),
    sa.Column("drafted_ms", sa.BigInteger, nullable=False),
    sa.Column("issued_ms", sa.BigInteger),
    sa.Column("due_ms", sa.BigInteger),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
    sa.Column("by", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
)
billing_months = sa.Table(
    "billing_months",
    metadata,
    sa.Column("month", Text, primary_key=True),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
    sa.Column("closed_ms", sa.BigInteger),
)
payouts = sa.Table(
    "payouts",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("party", Text, nullable=False, index=True),
    sa.Column("amount_eur", Euros, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("by", Text, nullable=False),
)


def rows() -> BillingRows:
    """These tables."""
    return BillingRows(
        pricings=Rows(pricings),
        billables=Rows(billables),
        invoices=Rows(invoices),
        billing_months=Rows(billing_months),
        payouts=Rows(payouts),
    )
