"""Outcomes at risk: told while the breach can still be avoided (AS4)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.contracts import classes as c
from reference_impl.outcomes.contracts import domain as d
from reference_impl.outcomes.contracts.agreement import RUNNING, Terms
from reference_impl.outcomes.contracts.measuring import Measuring
from reference_impl.outcomes.contracts.periods import measured
from reference_impl.outcomes.contracts.settling import Periods
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.published import ContractChanged

LOOK = "outcomes/look-ahead"
SPENT_SHARE_MIN = Fraction(1, 4)
"""Before so much of what may fail has failed, a trend says nothing (estimate)."""


class Risks:
    """Looks at open periods now and then, for contracts that ask for it (``warn_every_s``)."""

    def __init__(
        self, *, rows: OutcomeRows, scheduler: Scheduler, measuring: Measuring, periods: Periods
    ) -> None:
        self._rows, self._scheduler = rows, scheduler
        self._measuring, self._periods = measuring, periods

    def subscribe(self) -> None:
        """Wait for the times at which contracts are looked at."""
        self._scheduler.on_timer(LOOK, self._look)

    def watch(self, uow: UnitOfWork, contract: Row, terms: Terms, at_ms: int) -> None:
        """Look at a contract after the time that its terms say, if they say one."""
        if terms.warn_every_s is not None:
            due_ms = max(at_ms, contract["start_ms"]) + round(terms.warn_every_s * 1000)
            set_timer(uow, LOOK, contract["id"], due_ms)

    def _look(self, uow: UnitOfWork, timer: Timer) -> None:
        contract = self._rows.contracts.get(uow.conn, timer.subject)
        assert contract is not None, "contracts are never deleted"
        if contract["state"] not in RUNNING:
            return
        period = self._running(uow.conn, contract, timer.due_ms)
        version = self._measuring.version_at(uow.conn, contract["id"], period.from_ms)
        terms = Terms.of(version["terms"])
        self.watch(uow, contract, terms, timer.due_ms)
        if contract["warned"] == period.label or timer.due_ms <= period.from_ms:
            return
        frozen = self._measuring.freeze(uow.conn, contract, period, timer.due_ms)
        found = outlook(terms, frozen, period)
        if found is None or frozen["baselining"]:
            return
        self._rows.contracts.put(uow, contract | {"warned": period.label})
        data = {"contract": contract["id"], "period": period.label, **found}
        uow.publish(
            ContractChanged(
                at_ms=timer.due_ms, kind="outcome.at_risk", data=data,
                subject=f"{contract['id']}/{period.label}", customer=contract["customer"],
            )
        )  # fmt: skip

    def _running(self, conn: sa.Connection, contract: Row, at_ms: int) -> d.Period:
        """The period that time is in; the one before may still wait for late data."""
        period = d.period_at(self._periods.open_from(conn, contract), contract["end_ms"])
        while period.to_ms <= at_ms:
            period = d.period_at(period.to_ms, contract["end_ms"])
        return period


def outlook(terms: Terms, frozen: Row, period: d.Period) -> dict[str, Any] | None:
    """What a period will come to if it goes on as so far; None unless that can be worth acting.

    Worth acting is: the projected KPI is below the target, the best that can still be reached is
    not, and a quarter of what may fail has failed already. The projection adds, for the time that
    is left, failures at the rate of the time so far.

    Args:
        terms: Of the period.
        frozen: What is known of it up to now.
        period: The whole of it.
    """
    units = measured(frozen)[1]
    now = c.kpi(units, d.exact(terms.degraded_weight))
    left_ms = (period.to_ms - frozen["to_ms"]) * len(units)
    whole_ms = now.counted_ms + left_ms
    if not now.counted_ms or not whole_ms:
        return None
    allowance_ms = (1 - d.exact(terms.target)) * whole_ms
    projected_ms = now.charged_ms + now.charged_ms / now.counted_ms * left_ms
    if not SPENT_SHARE_MIN * allowance_ms <= now.charged_ms <= allowance_ms < projected_ms:
        return None
    projected = 1 - projected_ms / whole_ms
    short_ms = {
        unit: c.kpi({unit: spans}, d.exact(terms.degraded_weight)).charged_ms
        for unit, spans in units.items()
    }
    return {
        "availability": sig9(float(now.share)),
        "projected": sig9(float(projected)),
        "target": terms.target,
        "left_s": int((allowance_ms - now.charged_ms) / 1000),
        "worst": max(sorted(short_ms), key=lambda unit: short_ms[unit]),
        "credit_eur": d.due(terms.clauses, period, projected).credit_eur,
    }
