"""Contracts kept, month by month: puts together who does what in this context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.contracts.amending import Amendments
from reference_impl.outcomes.contracts.exclusions import Exclusions
from reference_impl.outcomes.contracts.lifecycle import Contracts
from reference_impl.outcomes.contracts.margins import Margins
from reference_impl.outcomes.contracts.measuring import Measuring
from reference_impl.outcomes.contracts.risks import Risks
from reference_impl.outcomes.contracts.settling import Periods
from reference_impl.outcomes.contracts.writing import Writing
from reference_impl.outcomes.ports import OutcomeRows


class Outcomes:
    """Use cases of contracts and measuring periods."""

    def __init__(
        self,
        *,
        rows: OutcomeRows,
        scheduler: Scheduler,
        telemetry: TelemetryView,
        directory: Directory,
    ) -> None:
        self._rows = rows
        measuring = Measuring(rows=rows, telemetry=telemetry, directory=directory)
        self.periods = Periods(rows=rows, scheduler=scheduler, measuring=measuring)
        self.risks = Risks(
            rows=rows, scheduler=scheduler, measuring=measuring, periods=self.periods
        )
        self.writing = Writing(rows=rows, measuring=measuring)
        self.life = Contracts(
            rows=rows, scheduler=scheduler, measuring=measuring, periods=self.periods,
            writing=self.writing, watch=self.risks.watch,
        )  # fmt: skip
        self.amendments = Amendments(
            rows=rows, scheduler=scheduler, measuring=measuring, periods=self.periods,
            writing=self.writing,
        )  # fmt: skip
        self.exclusions = Exclusions(rows=rows)
        self.margins = Margins(rows=rows, directory=directory)

    def subscribe(self, bus: Bus) -> None:
        """Wait for the ends of periods, and for what contracts depend on."""
        self.periods.subscribe()
        self.life.subscribe()
        self.amendments.subscribe(bus)
        self.risks.subscribe()
        self.exclusions.subscribe(bus)
        self.margins.subscribe(bus)

    def contracts(self, conn: sa.Connection) -> list[Row]:
        """All contracts."""
        return self._rows.contracts.items(conn)

    def outcomes(self, conn: sa.Connection, **equals: object) -> list[dict[str, Any]]:
        """All closed periods (of a contract), without their intervals."""
        return [
            {
                "contract": row["contract"], "period": row["period"], "customer": row["customer"],
                "state": row["state"], **row["result"],
            }
            for row in self._rows.outcomes.items(conn, **equals)
        ]  # fmt: skip

    def put(self, uow: UnitOfWork, contract: Mapping[str, Any]) -> Row:
        """Sign or amend a contract the short way."""
        return self.life.put(uow, contract)

    def drill_down(
        self, conn: sa.Connection, contract_id: str, label: str, *, now_ms: int
    ) -> dict[str, Any]:
        """The intervals of a period that add up to its outcome (K6)."""
        return self.periods.drill_down(conn, contract_id, label, now_ms=now_ms)
