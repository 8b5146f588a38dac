"""Money in cents; catalogue, price lists, supply, offers, shipments, stock, compliance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from reference_impl.kernel.store import Text

revision = "0008"
down_revision = "0007"

MONEY: Mapping[str, Sequence[str]] = {
    "parts": ("price_eur",),
    "policies": ("max_unit_price_eur", "monthly_budget_eur"),
    "recommendations": ("unit_price_eur",),
    "orders": ("unit_price_eur", "total_eur"),
}
"""Columns of floating euros that become whole cents (``reference_impl.kernel.money.Euros``)."""


def upgrade() -> None:
    """Old orders get one line each, and are the customer's own with the main organisation."""
    for table, names in MONEY.items():
        _to_cents(table, names)
    _recommendation_per_owner()
    for table, columns in _added().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.add_column(column)
    op.create_index("ix_needs_customer", "needs", ["customer"])
    for name in ("buyer", "provider"):
        op.create_index(f"ix_orders_{name}", "orders", [name])
    op.execute("UPDATE orders SET buyer = customer")
    op.execute(
        "UPDATE needs SET customer = (SELECT r.customer FROM recommendations r "
        "WHERE r.need_key = needs.need_key) "
        "WHERE EXISTS (SELECT 1 FROM recommendations r WHERE r.need_key = needs.need_key)"
    )
    _catalogue()
    _selling()
    _guards()
    _of_orders()
    op.execute(
        "INSERT INTO order_lines SELECT o.id, 1, o.need_key, o.thing, o.customer, o.part, "
        "n.position, o.quantity, o.unit_price_eur, o.unit_price_eur, '', "
        "CASE WHEN o.state IN ('SHIPPED', 'DELIVERED') THEN o.quantity ELSE 0 END, 0, '' "
        "FROM orders o JOIN needs n ON n.need_key = o.need_key"
    )


def _to_cents(table: str, columns: Sequence[str]) -> None:
    for name in columns:
        op.execute(f"UPDATE {table} SET {name} = ROUND({name} * 100)")  # noqa: S608 - ours
    with op.batch_alter_table(table) as batch:
        for name in columns:
            batch.alter_column(
                name, type_=sa.BigInteger, postgresql_using=f"CAST({name} AS BIGINT)"
            )


def _recommendation_per_owner() -> None:
    """A need that comes to another owner may be recommended again, under another id."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    naming = {"uq": "uq_%(table_name)s_%(column_0_name)s"}
    with op.batch_alter_table("recommendations", naming_convention=naming) as batch:
        ours, theirs = "uq_recommendations_need_key", "recommendations_need_key_key"
        batch.drop_constraint(ours if on_sqlite else theirs, type_="unique")
    op.create_index("ix_recommendations_need_key", "recommendations", ["need_key"])


def _added() -> Mapping[str, Sequence[sa.Column[object]]]:
    columns: dict[str, list[sa.Column[object]]] = {
        "parts": [
            _text("category"), _text("kind", "spare_part"), _json("images", "[]"),
            _json("technical", "{}"), _text("superseded_by"), _json("sources", "[]"),
        ],
        "policies": [
            sa.Column("allowed_parts", sa.JSON), _json("blackout", "[]"), _text("approver"),
            _flag("paused"), _number("cancel_window_ms"),
        ],
        "needs": [
            _text("customer"), _count("owner", "1"), _json("outlook", "{}"), _text("risk"),
        ],
        "recommendations": [
            _text("supplier"), _text("urgency", "normal"), sa.Column("eta_ms", sa.BigInteger),
            _number("due_ms"), _text("risk"), _text("replaces"), _text("contract"),
            _json("forecast", "{}"), sa.Column("standstill_avoided_h", sa.Float),
            sa.Column("snoozed_until_ms", sa.BigInteger), _text("model"),
        ],
        "orders": [
            _text("model", "M1"), _text("buyer"), _text("provider", "organisation"),
            _number("discount_eur"), _number("tax_eur"), _number("cost_eur"), _text("contract"),
            sa.Column("eta_ms", sa.BigInteger), _flag("backorder"), sa.Column("offer", sa.JSON),
            _text("policy", "approval"), sa.Column("delivered_ms", sa.BigInteger),
        ],
    }  # fmt: skip
    return columns


def _text(name: str, default: str = "") -> sa.Column[object]:
    return sa.Column(name, Text, nullable=False, server_default=default)


def _json(name: str, default: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON, nullable=False, server_default=default)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _count(name: str, default: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=default)


def _flag(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def _key(name: str) -> sa.Column[object]:
    return sa.Column(name, Text, primary_key=True)


def _needed(name: str, kind: Any = Text) -> sa.Column[object]:  # noqa: ANN401 - any type
    return sa.Column(name, kind, nullable=False)


def _catalogue() -> None:
    op.create_table(
        "part_categories",
        _key("id"), _needed("title"), _needed("parent"),
    )  # fmt: skip
    op.create_index("ix_part_categories_parent", "part_categories", ["parent"])
    op.create_table(
        "part_references",
        _key("model"), _key("position"), _needed("group"), _needed("scheme"),
        _needed("wear_metric"), sa.Column("max_usage", sa.Float), _needed("usage_unit"),
        _needed("tolerance_pct", sa.Float), _needed("order_when"),
        _needed("handling_h", sa.Float), _needed("visit_h", sa.Float),
        sa.Column("visit_eur", sa.BigInteger),
    )  # fmt: skip
    op.create_table(
        "sub_models",
        _key("model"), _key("place"), _needed("sub_model"),
    )  # fmt: skip


def _selling() -> None:
    op.create_table(
        "price_lists",
        _key("list"), _key("seller"), _key("sku"), _needed("price_eur", sa.BigInteger),
    )  # fmt: skip
    op.create_table(
        "supply",
        _key("customer"), _needed("model"), _needed("partner"),
        _needed("discount_pct", sa.BigInteger), _needed("tax_pct", sa.BigInteger),
        _needed("batch_ms", sa.BigInteger),
    )  # fmt: skip
    op.create_index("ix_supply_partner", "supply", ["partner"])
    op.create_table(
        "covered_parts",
        _key("thing"), _key("part"), _needed("contract"), _needed("from_ms", sa.BigInteger),
        sa.Column("to_ms", sa.BigInteger),
    )  # fmt: skip
    op.create_table(
        "part_stock",
        _key("party"), _key("sku"), _needed("on_hand", sa.Integer),
        _needed("reserved", sa.Integer), sa.Column("restock_ms", sa.BigInteger),
    )  # fmt: skip


def _guards() -> None:
    op.create_table(
        "released_things",
        _key("thing"), _needed("customer"), _needed("reason"), _needed("at_ms", sa.BigInteger),
        _needed("owner", sa.Integer), _needed("away", sa.Boolean),
    )  # fmt: skip
    op.create_table(
        "flagged_data",
        _key("thing"), _key("signal"), _needed("flag"), _needed("positions", sa.JSON),
        _needed("from_ms", sa.BigInteger),
    )  # fmt: skip
    op.create_table(
        "order_breakers",
        _key("model"), _needed("state"), _needed("factor", sa.Float),
        sa.Column("normal_per_day", sa.Float), sa.Column("tripped_ms", sa.BigInteger),
        sa.Column("closed_ms", sa.BigInteger),
        _needed("by"), _needed("reason"),
    )  # fmt: skip


def _of_orders() -> None:
    op.create_table(
        "order_lines",
        _key("order"), sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        _needed("need_key"), _needed("thing"), _needed("customer"), _needed("part"),
        _needed("position"), _needed("quantity", sa.Integer),
        _needed("unit_price_eur", sa.BigInteger), _needed("list_eur", sa.BigInteger),
        _needed("contract"), _needed("shipped", sa.Integer), _needed("reserved", sa.Integer),
        _needed("for_order"),
    )  # fmt: skip
    op.create_index("ix_order_lines_for_order", "order_lines", ["for_order"])
    op.create_index("ix_order_lines_need_key", "order_lines", ["need_key"])
    op.create_table(
        "order_steps",
        _key("order"), sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        _needed("step"), _needed("state"), _needed("by"), _needed("reason"),
        _needed("at_ms", sa.BigInteger),
    )  # fmt: skip
    op.create_table(
        "shipments",
        _key("order"), sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        _needed("state"), _needed("kind"), _needed("quantity", sa.Integer),
        _needed("sent_ms", sa.BigInteger), sa.Column("ended_ms", sa.BigInteger),
    )  # fmt: skip
    op.create_table(
        "recommendation_compliance",
        _key("id"), _needed("state"), _needed("customer"), _needed("partner"),
        _needed("need_key"), _needed("part"), _needed("quantity", sa.Integer),
        _needed("supplier"), _needed("issued_ms", sa.BigInteger),
        _needed("due_ms", sa.BigInteger), sa.Column("seen_ms", sa.BigInteger), _needed("class"),
        sa.Column("classed_ms", sa.BigInteger), sa.Column("ordered_ms", sa.BigInteger),
        _needed("reason"), sa.Column("runout_p50_ms", sa.BigInteger),
        sa.Column("replaced_ms", sa.BigInteger), sa.Column("wear_pct", sa.Float),
        sa.Column("failed", sa.Boolean), sa.Column("off_platform", sa.Boolean),
    )  # fmt: skip
    op.create_index(
        "ix_recommendation_compliance_customer", "recommendation_compliance", ["customer"]
    )
    op.create_index(
        "ix_recommendation_compliance_need_key", "recommendation_compliance", ["need_key"]
    )
