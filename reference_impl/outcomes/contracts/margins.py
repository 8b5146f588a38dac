"""What a contract costs the provider, and what is left of its fee (AS6)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.money import euros, total, wire
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.contracts.agreement import RUNNING, Costs, Terms
from reference_impl.outcomes.contracts.settling import EUROS
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.published import FeedEvent, OrderChanged, WorkOrderChanged

NIGHT_HOURS = frozenset({22, 23, 0, 1, 2, 3, 4, 5})
"""Local hours in which a visit costs what it costs at night (estimate)."""
PARTS, LABOUR = "parts", "labour"


class Margins:
    """Books costs to contracts as they come, and adds them up."""

    def __init__(self, *, rows: OutcomeRows, directory: Directory) -> None:
        self._rows, self._directory = rows, directory

    def subscribe(self, bus: Bus) -> None:
        """Listen for parts that a contract pays, and for crews that arrive."""
        bus.subscribe(OrderChanged, self.on_order)
        bus.subscribe(WorkOrderChanged, self.on_work)

    def on_order(self, uow: UnitOfWork, event: OrderChanged) -> None:
        """A part that a contract covers was delivered: its list price is booked (O9)."""
        contract = event.data.get("contract")
        if event.kind != "order.delivered" or not contract:
            return
        if self._rows.contracts.get(uow.conn, contract) is not None:
            amount = euros(event.data.get("cost_eur", 0.0))
            thing = event.data.get("thing", "")
            self._book(uow, event, contract, kind=PARTS, thing=thing, amount=amount)

    def on_work(self, uow: UnitOfWork, event: WorkOrderChanged) -> None:
        """A crew has come to a thing under contract, in vain or not: the visit is booked."""
        if event.kind != "work_order.arrived":
            return
        thing = event.data["thing"]
        for contract in sorted(
            {r["contract"] for r in self._rows.places.items(uow.conn, thing=thing)}
        ):
            row = self._rows.contracts.get(uow.conn, contract)
            version = self._rows.versions.get(uow.conn, contract, row["version"]) if row else None
            if row is None or version is None or row["state"] not in RUNNING:
                continue
            costs = Terms.of(version["terms"]).costs
            if costs is not None:
                amount = self._visit(uow.conn, costs, thing, event.at_ms)
                self._book(uow, event, contract, kind=LABOUR, thing=thing, amount=amount)

    def _visit(self, conn: sa.Connection, costs: Costs, thing: str, at_ms: int) -> Decimal:
        ref = self._directory.thing(conn, thing)
        zone = ZoneInfo(ref.time_zone) if ref is not None else UTC
        hour = datetime.fromtimestamp(at_ms / 1000, zone).hour
        return euros(costs.night_visit_eur if hour in NIGHT_HOURS else costs.visit_eur)

    def _book(
        self, uow: UnitOfWork, event: FeedEvent, contract: str, *, kind: str, thing: str,
        amount: Decimal,
    ) -> None:  # fmt: skip
        self._rows.costs.put(
            uow,
            {
                "contract": contract, "subject": event.subject, "kind": kind, "thing": thing,
                "at_ms": event.at_ms, "amount_eur": amount,
            },
        )  # fmt: skip

    def of(self, conn: sa.Connection, contract: str) -> dict[str, Any]:
        """Fees and what they were earned with: ``margin = fees + bonuses + gains - costs - ...``.

        Closed periods as they stand with their corrections, and every cost booked so far.
        """
        money = dict.fromkeys(EUROS, Decimal(0))
        for row in self._rows.outcomes.items(conn, contract=contract):
            self._add(money, row["result"])
        for document in self._rows.documents.items(conn, contract=contract, kind="correction"):
            self._add(money, document["data"]["change"])
        costs = self._rows.costs.items(conn, contract=contract)
        booked = {
            kind: total(row["amount_eur"] for row in costs if row["kind"] == kind)
            for kind in (PARTS, LABOUR)
        }
        earned = money["fee_eur"] + money["bonus_eur"] + money["gain_eur"]
        lost = money["credit_eur"] + money["shortfall_eur"]
        return {
            "contract": contract,
            **{name: wire(amount) for name, amount in money.items()},
            "parts_eur": wire(booked[PARTS]),
            "labour_eur": wire(booked[LABOUR]),
            "margin_eur": wire(earned - lost - booked[PARTS] - booked[LABOUR]),
            "costs": [row | {"amount_eur": wire(row["amount_eur"])} for row in costs],
        }

    @staticmethod
    def _add(money: dict[str, Decimal], said: Row) -> None:
        for name in EUROS:
            money[name] += euros(said.get(name, 0.0))
