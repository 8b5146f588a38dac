"""Measuring periods: closed, computed, disputed, adjusted, final, corrected by new documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.errors import IllegalStep, Invalid, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.contracts import domain as d
from reference_impl.outcomes.contracts.agreement import Terms
from reference_impl.outcomes.contracts.exclusions import Side, must_not_benefit
from reference_impl.outcomes.contracts.measuring import Measuring
from reference_impl.outcomes.contracts.periods import PERIODS, PeriodState, PeriodStep, result_of
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.published import PeriodClosed

CLOSE, FINALISE = "outcomes/close", "outcomes/final"
EUROS = ("fee_eur", "credit_eur", "bonus_eur", "gain_eur", "shortfall_eur")
"""What a result says in money; a correction tells by how much each changes."""
S, T = PeriodState, PeriodStep


class Periods:
    """Use cases of measuring periods."""

    def __init__(self, *, rows: OutcomeRows, scheduler: Scheduler, measuring: Measuring) -> None:
        self._rows, self._scheduler, self._measuring = rows, scheduler, measuring

    def subscribe(self) -> None:
        """Wait for the ends of periods, and of the time for objections."""
        self._scheduler.on_timer(CLOSE, self._close)
        self._scheduler.on_timer(FINALISE, self._finalise)

    # Open and close ------------------------------------------------------------------------------

    def open_from(self, conn: sa.Connection, contract: Row) -> int:
        """When the period begins that is not closed yet."""
        closed = self._rows.outcomes.items(conn, contract=contract["id"])
        begins: list[int] = [contract["start_ms"], *(row["to_ms"] for row in closed)]
        return max(begins)

    def terms(self, conn: sa.Connection, contract: Row) -> Terms:
        """The terms of the period that is not closed yet."""
        from_ms = self.open_from(conn, contract)
        return Terms.of(self._measuring.version_at(conn, contract["id"], from_ms)["terms"])

    def current(self, conn: sa.Connection, contract: Row) -> d.Period | None:
        """The period that is not closed yet; None once the contract's last one is."""
        from_ms, end_ms = self.open_from(conn, contract), contract["end_ms"]
        if end_ms is not None and from_ms >= end_ms:
            return None
        return d.period_at(from_ms, end_ms)

    def expect(self, uow: UnitOfWork, contract: Row) -> None:
        """Close the current period when its grace is over."""
        period = self.current(uow.conn, contract)
        if period is None:
            cancel_timer(uow, CLOSE, contract["id"])
            return
        version = self._measuring.version_at(uow.conn, contract["id"], period.from_ms)
        due_ms = period.to_ms + Terms.of(version["terms"]).grace_ms
        set_timer(uow, CLOSE, contract["id"], due_ms, {"from_ms": period.from_ms})

    def _close(self, uow: UnitOfWork, timer: Timer) -> None:
        contract = self._rows.contracts.get(uow.conn, timer.subject)
        assert contract is not None, "contracts are never deleted"
        period = d.period_at(timer.args["from_ms"], contract["end_ms"])
        frozen = self._measuring.freeze(uow.conn, contract, period, period.to_ms)
        subject = f"{contract['id']}/{period.label}"
        state = after(PERIODS, subject=subject, state=S.OPEN, step=T.CLOSE)
        result, intervals = result_of(frozen)
        state = after(PERIODS, subject=subject, state=state, step=T.COMPUTE)
        row = {
            "contract": contract["id"],
            "period": self._label(uow.conn, contract["id"], period.label),
            "from_ms": period.from_ms,
            "to_ms": period.to_ms,
            "closed_ms": timer.due_ms,
            "result": result,
            "intervals": intervals,
            "customer": frozen["customer"],
            "state": state.value,
            "changed_ms": timer.due_ms,
            "frozen": frozen,
        }
        objection_s = Terms.of(frozen["terms"]).objection_s
        if objection_s is None:  # nobody may object: it is final at once, and nothing is told
            row["state"] = after(PERIODS, subject=subject, state=state, step=T.FINALISE).value
        self._rows.outcomes.insert(uow, row)
        self.expect(uow, contract)
        self._tell(uow, row, "period_closed", timer.due_ms, result)
        if objection_s is not None:
            self._wait(uow, row, timer.due_ms)

    def _label(self, conn: sa.Connection, contract: str, month: str) -> str:
        """The month; a second period within one month has a number."""
        taken = {row["period"] for row in self._rows.outcomes.items(conn, contract=contract)}
        names = (month, *(f"{month}.{number}" for number in range(2, 40)))
        return next(name for name in names if name not in taken)

    def _wait(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        terms = Terms.of(row["frozen"]["terms"])
        due_ms = at_ms + round((terms.objection_s or 0.0) * 1000)
        args = {"contract": row["contract"], "period": row["period"]}
        set_timer(uow, FINALISE, _subject(row), due_ms, args)

    # Dispute, adjust, finalise -------------------------------------------------------------------

    def get(self, conn: sa.Connection, contract: str, period: str) -> Row:
        """A period that was closed. Raises Unknown if there is none."""
        row = self._rows.outcomes.get(conn, contract, period)
        if row is None:
            raise Unknown(f"contract {contract!r} has no closed period {period!r}")
        return row

    def documents(self, conn: sa.Connection, contract: str, period: str) -> list[Row]:
        """Disputes, adjustments, corrections and the invoice of a period, in order."""
        return self._rows.documents.items(conn, contract=contract, period=period)

    def dispute(
        self, uow: UnitOfWork, contract: str, period: str, *, by: str, reason: str, at_ms: int
    ) -> Row:
        """Object to a result that is not final; it waits for an adjustment from now on."""
        row = self._step(uow, self.get(uow.conn, contract, period), T.DISPUTE, at_ms)
        cancel_timer(uow, FINALISE, _subject(row))
        self._note(uow, row, "dispute", by=by, reason=reason, at_ms=at_ms, data={})
        self._tell(uow, row, "period_disputed", at_ms, {"by": by, "reason": reason})
        return row

    def adjust(
        self,
        uow: UnitOfWork,
        contract: str,
        period: str,
        *,
        by: str,
        side: Side,
        reason: str,
        corrections: Sequence[Mapping[str, Any]],
        at_ms: int,
    ) -> Row:
        """Decide on a dispute: compute the frozen inputs anew with corrections, if any.

        Raises:
            Unknown: If there is no such period.
            IllegalStep: If it is not disputed.
            Invalid: If a correction is of no thing or no time of the period.
            Forbidden: If it raises the figure, and who approves it benefits (K8).
        """
        row = self.get(uow.conn, contract, period)
        before = row["result"]
        row = self._step(uow, row, T.ADJUST, at_ms)
        frozen = _corrected(row["frozen"], corrections)
        result, intervals = result_of(frozen)
        asked_by = next(
            one["by"] for one in reversed(self.documents(uow.conn, contract, period))
            if one["kind"] == "dispute"
        )  # fmt: skip
        if result["availability"] > before["availability"]:
            must_not_benefit(by=by, asked_by=asked_by, side=side)
        row |= {"frozen": frozen, "result": result, "intervals": intervals}
        self._rows.outcomes.put(uow, row)
        data = {"corrections": [dict(one) for one in corrections], "before": before}
        self._note(uow, row, "adjustment", by=by, reason=reason, at_ms=at_ms, data=data)
        self._tell(uow, row, "period_adjusted", at_ms, {**result, "by": by, "reason": reason})
        self._wait(uow, row, at_ms)
        return row

    def _finalise(self, uow: UnitOfWork, timer: Timer) -> None:
        row = self.get(uow.conn, timer.args["contract"], timer.args["period"])
        row = self._step(uow, row, T.FINALISE, timer.due_ms)
        result = row["result"]
        euros = {name: result[name] for name in EUROS if name in result}
        told = {"customer": row["customer"], "from_ms": row["from_ms"], "to_ms": row["to_ms"]}
        told |= {"availability": result["availability"], "gain_eur": 0.0, **euros}
        self._tell(uow, row, "period_final", timer.due_ms, told)

    def invoiced(
        self, uow: UnitOfWork, contract: str, period: str, *, invoice: str, by: str, at_ms: int
    ) -> Row:
        """A final period stands on an invoice."""
        row = self._step(uow, self.get(uow.conn, contract, period), T.INVOICE, at_ms)
        self._note(uow, row, "invoice", by=by, reason="", at_ms=at_ms, data={"invoice": invoice})
        self._tell(uow, row, "period_invoiced", at_ms, {"invoice": invoice})
        return row

    def correct(
        self,
        uow: UnitOfWork,
        contract: str,
        period: str,
        *,
        by: str,
        side: Side,
        asked_by: str,
        reason: str,
        corrections: Sequence[Mapping[str, Any]],
        at_ms: int,
    ) -> Row:
        """Correct a final period by a new document; the period itself stays as it is (K3).

        Raises:
            IllegalStep: If the period is not final yet: it can be disputed.
            Invalid, Forbidden: As for an adjustment.
        """
        row = self.get(uow.conn, contract, period)
        if row["state"] not in (S.FINAL, S.INVOICED):
            raise IllegalStep(_subject(row), row["state"], "correct", [])
        earlier = [
            one["data"] for one in self.documents(uow.conn, contract, period)
            if one["kind"] == "correction"
        ]  # fmt: skip
        so_far = [each for one in earlier for each in one["corrections"]]
        before = earlier[-1]["result"] if earlier else row["result"]
        frozen = _corrected(row["frozen"], [*so_far, *corrections])
        result, intervals = result_of(frozen)
        if result["availability"] > before["availability"]:
            must_not_benefit(by=by, asked_by=asked_by, side=side)
        change = {
            name: d.euros(result[name]) - d.euros(before[name]) for name in EUROS if name in result
        }
        data: Row = {
            "corrections": [dict(one) for one in corrections],
            "result": result,
            "intervals": intervals,
            "change": {name: float(value) for name, value in change.items()},
        }
        document = self._note(uow, row, "correction", by=by, reason=reason, at_ms=at_ms, data=data)
        told = {"number": document["number"], "by": by, "reason": reason, **data["change"]}
        told |= {"availability": result["availability"]}
        self._tell(uow, row, "period_corrected", at_ms, told)
        return document

    # What is told --------------------------------------------------------------------------------

    def recomputed(self, conn: sa.Connection, contract: str, period: str) -> dict[str, Any]:
        """The result, had again from the frozen inputs alone (K5)."""
        row = self.get(conn, contract, period)
        if not row["frozen"]:
            raise Unknown(f"{_subject(row)} was closed before inputs were kept")
        result, intervals = result_of(row["frozen"])
        same = result == row["result"] and intervals == row["intervals"]
        return {"contract": contract, "period": period, "result": result, "same": same}

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
            del closed["frozen"]
            return closed | {"documents": self.documents(conn, contract_id, label)}
        contract = self._rows.contracts.get(conn, contract_id)
        if contract is None:
            raise Unknown(f"there is no contract {contract_id!r}")
        period = self.current(conn, contract)
        to_ms = 0 if period is None else min(period.to_ms, now_ms)
        if period is None or period.label != label or to_ms <= period.from_ms:
            raise Unknown(f"contract {contract_id!r} has no period {label!r} yet")
        frozen = self._measuring.freeze(conn, contract, period, to_ms)
        return {
            "contract": contract_id,
            "period": label,
            "from_ms": period.from_ms,
            "to_ms": to_ms,
            "closed_ms": None,
            "result": None,
            "intervals": result_of(frozen)[1],
            "customer": frozen["customer"],
            "state": S.OPEN.value,
            "changed_ms": now_ms,
            "documents": [],
        }

    def _step(self, uow: UnitOfWork, row: Row, step: PeriodStep, at_ms: int) -> Row:
        state = S(row["state"])
        target = after(PERIODS, subject=_subject(row), state=state, step=step)
        row = row | {"state": target.value, "changed_ms": at_ms}
        self._rows.outcomes.put(uow, row)
        return row

    def _note(
        self, uow: UnitOfWork, row: Row, kind: str, *, by: str, reason: str, at_ms: int, data: Row
    ) -> Row:
        number = len(self.documents(uow.conn, row["contract"], row["period"])) + 1
        document = {
            "contract": row["contract"], "period": row["period"], "number": number, "kind": kind,
            "at_ms": at_ms, "by": by, "reason": reason, "data": data,
        }  # fmt: skip
        self._rows.documents.insert(uow, document)
        return document

    def _tell(self, uow: UnitOfWork, row: Row, what: str, at_ms: int, data: Row) -> None:
        uow.publish(
            PeriodClosed(
                at_ms=at_ms,
                kind=f"outcome.{what}",
                subject=_subject(row),
                data={"contract": row["contract"], "period": row["period"], **data},
                customer=row["customer"],
            )
        )


def _subject(row: Mapping[str, Any]) -> str:
    return f"{row['contract']}/{row['period']}"


def _corrected(frozen: Row, corrections: Sequence[Mapping[str, Any]]) -> Row:
    """The frozen inputs with corrections added; what is wrong with them, all at once."""
    problems: list[Problem] = []
    things = frozen["terms"]["things"]
    added = []
    for place, one in enumerate(corrections):
        where = f"corrections[{place}]"
        if one["thing"] is not None and one["thing"] not in things:
            what = f"{one['thing']!r} is none of the contract's"
            problems.append(Problem(where=f"{where}.thing", what=what, allowed=", ".join(things)))
        if not frozen["from_ms"] <= one["from_ms"] < one["to_ms"] <= frozen["to_ms"]:
            allowed = f"{frozen['from_ms']} to {frozen['to_ms']}"
            problems.append(
                Problem(where=f"{where}.from_ms", what="no time of it", allowed=allowed)
            )
        added.append({**one, "rule": "K3"})
    if problems:
        raise Invalid("the corrections are refused", problems)
    return {**frozen, "corrections": [*frozen["corrections"], *added]}
