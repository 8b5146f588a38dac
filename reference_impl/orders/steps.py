"""The only hands that move needs, recommendations and orders, and the words the feed gets for it.

Every step is a compare-and-set on the row's state inside the caller's unit of work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.cached import Cached
from reference_impl.kernel.errors import IllegalStep, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.money import plain
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders.parties import Model
from reference_impl.orders.ports import OrderRows
from reference_impl.published import OrderChanged, RecommendationChanged

_SHOWN = (
    "need_key",
    "thing",
    "site",
    "customer",
    "supplier",
    "part",
    "quantity",
    "unit_price_eur",
    "total_eur",
    "by",
    "state",
)
"""What every event of an order says; of an order of several lines, of its first."""
_IF_ANY = ("reason", "discount_eur", "tax_eur", "cost_eur", "contract", "eta_ms", "backorder")
_OF_LINE = ("need_key", "thing", "customer", "part", "position", "quantity", "unit_price_eur")


class Steps:
    """Compare-and-set steps through the tables of :mod:`reference_impl.orders.domain`."""

    def __init__(self, *, rows: OrderRows) -> None:
        self._rows = rows
        self._states: Cached[str, str] = Cached(
            lambda conn: {row["need_key"]: row["state"] for row in rows.needs.items(conn)}
        )

    # Needs -----------------------------------------------------------------------------------

    def state(self, uow: UnitOfWork, key: str) -> d.Need:
        """Where a need stands; LATENT if nothing was heard of it. Cheap: advice comes often."""
        return d.Need(self._states.of(uow).get(key, d.Need.LATENT))

    def need(self, uow: UnitOfWork, key: str) -> Row:
        """The need with this key."""
        need = self._rows.needs.get(uow.conn, key)
        assert need is not None, "a recommendation has a need"
        return need

    def new_need(self, uow: UnitOfWork, need: Row) -> None:
        """Put a need down."""
        self._rows.needs.insert(uow, need)
        self._states.of(uow)[need["need_key"]] = need["state"]

    def move_need(
        self, uow: UnitOfWork, need: Row, step: d.NeedStep, *, at_ms: int, **more: object
    ) -> None:
        """Move a need one step; ``need`` is brought up to date.

        Raises:
            IllegalStep: If its state, as read or as a rival left it, forbids the step.
        """
        key, state = need["need_key"], d.Need(need["state"])
        target = after(d.NEEDS, subject=key, state=state, step=step)
        values = {"state": target.value, "changed_ms": at_ms, **more}
        if not self._rows.needs.swap(uow, key, expected=state, values=values):
            raise IllegalStep(key, state, step, [])
        need.update(values)
        self._states.of(uow)[key] = target.value

    # Recommendations -------------------------------------------------------------------------

    def move_rec(
        self,
        uow: UnitOfWork,
        rec_id: str,
        step: d.AdviceStep,
        *,
        by: str,
        reason: str,
        at_ms: int,
        **more: object,
    ) -> Row:
        """Move a recommendation one step and return it.

        Raises:
            Unknown: If there is none with this id.
            IllegalStep: If its state, as read or as a rival left it, forbids the step.
        """
        rec = self._rows.recommendations.get(uow.conn, rec_id)
        if rec is None:
            raise Unknown(f"there is no recommendation {rec_id!r}")
        state = d.Advice(rec["state"])
        target = after(d.RECOMMENDATIONS, subject=rec_id, state=state, step=step)
        values = {"state": target.value, "by": by, "reason": reason, "changed_ms": at_ms, **more}
        if not self._rows.recommendations.swap(uow, rec_id, expected=state, values=values):
            raise IllegalStep(rec_id, state, step, [])
        rec.update(values)
        return rec

    @staticmethod
    def tell(uow: UnitOfWork, rec: Row, what: str, *, by: str, at_ms: int, **more: object) -> None:
        """Publish ``recommendation.<what>``."""
        data = {"need_key": rec["need_key"], "by": by, "reason": rec["reason"], **more}
        kind = f"recommendation.{what}"
        whose = {"customer": rec["customer"], "thing": rec["thing"]}
        uow.publish(
            RecommendationChanged(at_ms=at_ms, kind=kind, subject=rec["id"], data=data, **whose)
        )

    # Orders ----------------------------------------------------------------------------------

    def order(self, conn: sa.Connection, order_id: str) -> Row:
        """An order with its lines. Raises Unknown if there is none."""
        row = self._rows.orders.get(conn, order_id)
        if row is None:
            raise Unknown(f"there is no order {order_id!r}")
        return {**row, "lines": self._rows.lines.items(conn, order=order_id)}

    def orders(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Orders with their lines, by id; carts among them."""
        rows = self._rows.orders.items(conn, **equals)
        only = {"order": rows[0]["id"]} if len(rows) == 1 else {}
        lines: dict[str, list[Row]] = {}
        for line in self._rows.lines.items(conn, **only) if rows else ():
            lines.setdefault(line["order"], []).append(line)
        return [{**row, "lines": lines.get(row["id"], [])} for row in rows]

    def put_down(self, uow: UnitOfWork, order: Row) -> None:
        """Write a new order with its lines."""
        lines = order.pop("lines")
        self._rows.orders.insert(uow, order)
        self._rows.lines.insert(uow, *lines)
        order["lines"] = lines

    def move_order(
        self,
        uow: UnitOfWork,
        row: Row,
        step: d.OrderStep,
        *,
        by: str,
        reason: str,
        at_ms: int,
        **more: object,
    ) -> d.Order:
        """Move an order one step and write its history; ``row`` is brought up to date.

        Raises:
            IllegalStep: If its state, as read or as a rival left it, forbids the step.
        """
        order_id, state = row["id"], d.Order(row["state"])
        target = after(d.ORDERS, subject=order_id, state=state, step=step)
        values = {"state": target.value, "by": by, "reason": reason, "changed_ms": at_ms, **more}
        if not self._rows.orders.swap(uow, order_id, expected=state, values=values):
            raise IllegalStep(order_id, state, step, [])
        row.update(values)
        self.write_history(uow, row, step, at_ms)
        return target

    def write_history(self, uow: UnitOfWork, row: Row, step: d.OrderStep, at_ms: int) -> None:
        """Keep who took which step, when and why."""
        number = len(self._rows.steps.items(uow.conn, order=row["id"])) + 1
        told = {"order": row["id"], "number": number, "step": step.value, "at_ms": at_ms}
        self._rows.steps.insert(uow, {**told, **{n: row[n] for n in ("state", "by", "reason")}})

    def put_line(self, uow: UnitOfWork, line: Row) -> None:
        """Write a line anew."""
        self._rows.lines.put(uow, line)

    @staticmethod
    def tell_order(
        uow: UnitOfWork, row: Row, what: str, at_ms: int, more: Mapping[str, Any] | None = None
    ) -> None:
        """Publish ``order.<what>``; of a partner's own order ``replenishment.<what>``."""
        data = {name: row[name] for name in _SHOWN}
        data |= {name: row[name] for name in _IF_ANY if row[name]}
        replenishes = row["model"] == Model.M3
        if row["model"] != Model.M1:
            data |= {"model": row["model"], "buyer": row["buyer"], "provider": row["provider"]}
        if replenishes or len(row["lines"]) > 1:
            names = (*_OF_LINE, "for_order") if replenishes else _OF_LINE
            data["lines"] = [{name: line[name] for name in names} for line in row["lines"]]
        data = plain({**data, **(more or {})})
        kind = f"{'replenishment' if replenishes else 'order'}.{what}"
        uow.publish(OrderChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=data))
