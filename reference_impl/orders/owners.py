"""Whose a thing is and whether it is in service, as far as buying for it goes (O8)."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders.ports import OrderRows
from reference_impl.orders.steps import Steps
from reference_impl.published import AlertChanged, ThingActivated, ThingReleased

FAILURE = "failure"


class Owners:
    """Remembers which things left, and begins their needs anew when they come back."""

    def __init__(self, *, rows: OrderRows, steps: Steps) -> None:
        self._rows, self._steps = rows, steps

    def release(self, uow: UnitOfWork, event: ThingReleased) -> None:
        """A thing left its owner, or service."""
        before = self._rows.released.get(uow.conn, event.thing)
        self._rows.released.put(
            uow,
            {
                "thing": event.thing,
                "customer": event.customer,
                "reason": event.reason,
                "at_ms": event.at_ms,
                "owner": (1 if before is None else before["owner"]) + 1,
                "away": True,
            },
        )

    def on_activated(self, uow: UnitOfWork, event: ThingActivated) -> None:
        """A thing that had left is in service again: its needs are those of its new owner."""
        row = self._rows.released.get(uow.conn, event.thing)
        if row is None or not row["away"]:
            return
        self._rows.released.put(uow, {**row, "away": False})
        for need in self._rows.needs.items(uow.conn, thing=event.thing):
            if need["state"] == d.Need.SUPERSEDED:
                self._steps.move_need(
                    uow,
                    need,
                    d.NeedStep.REVIVE,
                    at_ms=event.at_ms,
                    owner=row["owner"],
                    customer=event.customer,
                    attempts=0,
                    risk="",
                )

    def on_alert(self, uow: UnitOfWork, event: AlertChanged) -> None:
        """A thing failed: what of it was due had failed before it was replaced (3.2).

        An alert names no position, so this is said of every open need of the thing.
        """
        if event.kind != "alert.raised" or event.data.get("severity") != FAILURE:
            return
        for need in self._rows.needs.items(uow.conn, thing=str(event.data["thing"])):
            if need["state"] in d.OPEN_NEEDS and "failed_ms" not in need["outlook"]:
                self.keep(uow, need, {**need["outlook"], "failed_ms": event.at_ms})

    def keep(self, uow: UnitOfWork, need: Row, outlook: Row) -> None:
        """Write what is known of a need's part."""
        values: Row = {"outlook": outlook}
        self._rows.needs.swap(uow, need["need_key"], expected=need["state"], values=values)
        need.update(values)

    def in_service(self, conn: sa.Connection, thing: str) -> str:
        """Why nothing is bought for a thing; empty if it is in service."""
        row = self._rows.released.get(conn, thing)
        return "" if row is None or not row["away"] else str(row["reason"])
