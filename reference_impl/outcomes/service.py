"""Contracts kept, month by month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.expressions import Expression, compiled
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes import domain as d
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.published import PeriodClosed

CLOSE = "outcomes/close"


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
        self._rows, self._scheduler = rows, scheduler
        self._telemetry, self._directory = telemetry, directory

    def subscribe(self, _bus: Bus) -> None:
        """Wait for the ends of periods."""
        self._scheduler.on_timer(CLOSE, self._close)

    def contracts(self, conn: sa.Connection) -> list[Row]:
        """All contracts."""
        return self._rows.contracts.items(conn)

    def outcomes(self, conn: sa.Connection, **equals: object) -> list[dict[str, Any]]:
        """All closed periods (of a contract), without their intervals."""
        return [
            {"contract": row["contract"], "period": row["period"], **row["result"]}
            for row in self._rows.outcomes.items(conn, **equals)
        ]

    def put(self, uow: UnitOfWork, contract: Mapping[str, Any]) -> Row:
        """Sign or amend a contract; an amendment counts for every period that is not closed yet.

        Args:
            uow: The unit of work.
            contract: ``id`` and the fields of the contract document.

        Raises:
            Invalid: With everything that is wrong with things and ``up_when``.
        """
        _, problems = self._clause(uow.conn, contract["things"], contract["up_when"])
        if problems:
            raise Invalid(f"contract {contract['id']!r} is refused", problems)
        row = dict(contract)
        self._rows.contracts.put(uow, row)
        closed = self._rows.outcomes.items(uow.conn, contract=row["id"])
        self._await(uow, row, max([row["start_ms"], *(period["to_ms"] for period in closed)]))
        return row

    def _clause(
        self, conn: sa.Connection, things: list[str], up_when: str
    ) -> tuple[Expression | None, list[Problem]]:
        problems: list[Problem] = []
        shared: set[str] | None = None
        for index, thing in enumerate(things):
            where = f"things[{index}]"
            ref = self._directory.thing(conn, thing)
            if thing in things[:index]:
                problems.append(Problem(where=where, what=f"{thing!r} stands twice"))
            if ref is None:
                what = f"there is no thing {thing!r}"
                problems.append(Problem(where=where, what=what, allowed="a registered thing"))
                continue
            signals = set(self._directory.signals(conn, ref.model))
            shared = signals if shared is None else shared & signals
        if shared is None:
            return None, problems
        clause, wrong = compiled(up_when, shared, where="up_when")
        if clause is not None and not clause.variables:
            wrong = [
                Problem(where="up_when", what="reads no signal", allowed=", ".join(sorted(shared)))
            ]
        return clause, problems + wrong

    def _await(self, uow: UnitOfWork, contract: Row, from_ms: int) -> None:
        period = d.period_at(from_ms)
        due_ms = period.to_ms + round(contract["grace_s"] * 1000)
        set_timer(uow, CLOSE, contract["id"], due_ms, {"from_ms": from_ms})

    def _close(self, uow: UnitOfWork, timer: Timer) -> None:
        contract = self._rows.contracts.get(uow.conn, timer.subject)
        assert contract is not None, "contracts are never deleted"
        period = d.period_at(timer.args["from_ms"])
        intervals = self._measure(uow.conn, contract, period.from_ms, period.to_ms)
        result = _result(contract, period, intervals)
        self._rows.outcomes.insert(
            uow,
            {
                "contract": contract["id"],
                "period": period.label,
                "from_ms": period.from_ms,
                "to_ms": period.to_ms,
                "closed_ms": timer.due_ms,
                "result": result,
                "intervals": _plain(intervals),
            },
        )
        self._await(uow, contract, period.to_ms)
        uow.publish(
            PeriodClosed(
                at_ms=timer.due_ms,
                kind="outcome.period_closed",
                subject=f"{contract['id']}/{period.label}",
                data={"contract": contract["id"], "period": period.label, **result},
                customer=contract["customer"],
            )
        )

    def drill_down(
        self, conn: sa.Connection, contract_id: str, label: str, *, now_ms: int
    ) -> dict[str, Any]:
        """The intervals of a period that add up to its outcome (K6).

        A period that is still open is measured up to ``now_ms`` and has no result yet.

        Raises:
            Unknown: If there is no such contract or period.
        """
        closed = self._rows.outcomes.get(conn, contract_id, label)
        if closed is not None:
            return closed
        contract = self._rows.contracts.get(conn, contract_id)
        if contract is None:
            raise Unknown(f"there is no contract {contract_id!r}")
        done = self._rows.outcomes.items(conn, contract=contract_id)
        from_ms = max([contract["start_ms"], *(row["to_ms"] for row in done)])
        period = d.period_at(from_ms)
        to_ms = min(period.to_ms, now_ms)
        if period.label != label or to_ms <= from_ms:
            raise Unknown(f"contract {contract_id!r} has no period {label!r} yet")
        return {
            "contract": contract_id,
            "period": label,
            "from_ms": from_ms,
            "to_ms": to_ms,
            "closed_ms": None,
            "result": None,
            "intervals": _plain(self._measure(conn, contract, from_ms, to_ms)),
        }

    def _measure(
        self, conn: sa.Connection, contract: Row, from_ms: int, to_ms: int
    ) -> dict[str, list[d.Interval]]:
        clause, problems = self._clause(conn, contract["things"], contract["up_when"])
        assert clause is not None, f"an accepted clause became unreadable: {problems}"
        hold_ms = round(contract["unknown_after_s"] * 1000)
        return {
            thing: self._classes(clause, thing, from_ms, to_ms, hold_ms)
            for thing in contract["things"]
        }

    def _classes(
        self, clause: Expression, thing: str, from_ms: int, to_ms: int, hold_ms: int
    ) -> list[d.Interval]:
        names = sorted(clause.variables)
        columns = [
            self._telemetry.series(thing, name, after_ms=from_ms - hold_ms, to_ms=to_ms - 1)
            for name in names
        ]
        at_ms, values = d.reports(columns)
        columns_by_name = dict(zip(names, values.T, strict=True))
        holds, fails = clause.truth(columns_by_name, np.ones(at_ms.shape, dtype=np.bool_))
        known, up = holds | fails, holds
        return d.classify(at_ms[known], up[known], from_ms=from_ms, to_ms=to_ms, hold_ms=hold_ms)


def _plain(intervals: Mapping[str, list[d.Interval]]) -> dict[str, list[dict[str, Any]]]:
    return {
        thing: [{"from_ms": i.from_ms, "to_ms": i.to_ms, "class": i.klass.value} for i in entries]
        for thing, entries in intervals.items()
    }


def _result(
    contract: Row, period: d.Period, intervals: Mapping[str, list[d.Interval]]
) -> dict[str, Any]:
    things = {
        thing: {f"{klass.lower()}_ms": d.total_ms(entries, klass) for klass in d.Klass}
        for thing, entries in intervals.items()
    }
    sums = {
        f"{klass.lower()}_ms": sum(each[f"{klass.lower()}_ms"] for each in things.values())
        for klass in d.Klass
    }
    total_ms = (period.to_ms - period.from_ms) * len(things)
    clauses = d.Clauses(
        fee_eur=contract["fee_eur"],
        target=contract["target"],
        step=contract["step"],
        credit_pct_per_step=contract["credit_pct_per_step"],
        cap_pct=contract["cap_pct"],
    )
    euros = d.settle(clauses, period, up_ms=sums["up_ms"], measured_ms=total_ms)
    return {
        "availability": sig9(sums["up_ms"] / total_ms),
        "target": contract["target"],
        **sums,
        "total_ms": total_ms,
        "fee_eur": euros.fee_eur,
        "credit_eur": euros.credit_eur,
        "things": things,
    }
