"""How an order looks when it is put down, and what it comes to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from reference_impl.kernel.money import ZERO, times, total
from reference_impl.kernel.rows import Row
from reference_impl.orders import domain as d
from reference_impl.orders.parties import Model
from reference_impl.orders.supplies import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is wanted, for which need; what a contract pays for costs the buyer nothing (O9)."""

    need_key: str
    thing: str
    site: str
    customer: str
    part: str
    position: str
    quantity: int
    list_eur: Decimal
    contract: str = ""
    for_order: str = ""

    @property
    def unit_eur(self) -> Decimal:
        """What the buyer pays for one."""
        return ZERO if self.contract else self.list_eur


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What an order comes to: total = goods - discount + tax (O6)."""

    goods_eur: Decimal
    discount_eur: Decimal
    tax_eur: Decimal
    total_eur: Decimal
    cost_eur: Decimal
    """Booked to contracts: the list price of what they cover."""


def sums(lines: Sequence[Row], terms: Terms) -> Sums:
    """Add up lines as they are stored."""
    pairs = [(line["unit_price_eur"], line["quantity"]) for line in lines]
    goods = d.total_eur(pairs)
    discount = d.share_eur(goods, terms.discount_pct)
    tax = d.share_eur(goods - discount, terms.tax_pct)
    covered = (times(line["list_eur"], line["quantity"]) for line in lines if line["contract"])
    return Sums(
        goods_eur=goods,
        discount_eur=discount,
        tax_eur=tax,
        total_eur=d.total_eur(pairs, discount_eur=discount, tax_eur=tax),
        cost_eur=total(covered),
    )


def line_rows(order_id: str, lines: Sequence[Line]) -> list[Row]:
    """Lines as they are stored."""
    return [
        {
            "order": order_id,
            "line": number,
            "need_key": line.need_key,
            "thing": line.thing,
            "customer": line.customer,
            "part": line.part,
            "position": line.position,
            "quantity": line.quantity,
            "unit_price_eur": line.unit_eur,
            "list_eur": line.list_eur,
            "contract": line.contract,
            "shipped": 0,
            "reserved": 0,
            "for_order": line.for_order,
        }
        for number, line in enumerate(lines, 1)
    ]


def order_row(
    order_id: str,
    lines: Sequence[Line],
    *,
    state: d.Order,
    model: Model,
    buyer: str,
    provider: str,
    supplier: str,
    terms: Terms,
    by: str,
    at_ms: int,
) -> Row:
    """An order with its lines. What has one value per line is that of the first."""
    first, rows = lines[0], line_rows(order_id, lines)
    added = sums(rows, terms)
    return {
        "id": order_id,
        "state": state.value,
        "need_key": first.need_key,
        "thing": first.thing,
        "site": first.site,
        "customer": first.customer,
        "part": first.part,
        "quantity": first.quantity,
        "unit_price_eur": first.unit_eur,
        "supplier": supplier,
        "total_eur": added.total_eur,
        "discount_eur": added.discount_eur,
        "tax_eur": added.tax_eur,
        "cost_eur": added.cost_eur,
        "contract": first.contract,
        "model": model.value,
        "buyer": buyer,
        "provider": provider,
        "by": by,
        "reason": "",
        "policy": "approval",
        "offer": None,
        "eta_ms": None,
        "backorder": False,
        "placed_ms": at_ms,
        "changed_ms": at_ms,
        "delivered_ms": None,
        "lines": rows,
    }
