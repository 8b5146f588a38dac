"""The life of contracts: drafted, offered, signed, amended, suspended, ended, renewed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import sqlalchemy as sa

from reference_impl.kernel.errors import IllegalStep, Invalid, Problem
from reference_impl.kernel.machines import after
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.contracts import agreement as k
from reference_impl.outcomes.contracts import domain as d
from reference_impl.outcomes.contracts.amending import REPLACE
from reference_impl.outcomes.contracts.baselines import DAY_MS
from reference_impl.outcomes.contracts.measuring import Measuring
from reference_impl.outcomes.contracts.settling import Periods
from reference_impl.outcomes.contracts.writing import MIRRORED, Writing, tell
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.published import ContractKept

BEGIN, ACTIVATE, END = "contracts/begin", "contracts/activate", "contracts/end"
C, S = k.ContractState, k.ContractStep
State: TypeAlias = k.ContractState


class Contracts:
    """Use cases of contracts; periods run by themselves from the start to the end of one."""

    def __init__(
        self,
        *,
        rows: OutcomeRows,
        scheduler: Scheduler,
        measuring: Measuring,
        periods: Periods,
        writing: Writing,
        watch: Callable[[UnitOfWork, Row, k.Terms, int], None],
    ) -> None:
        """``watch`` is told of each contract that begins, to look ahead for it (AS4)."""
        self._rows, self._scheduler = rows, scheduler
        self._measuring, self._periods = measuring, periods
        self._writing, self._watch = writing, watch

    def subscribe(self) -> None:
        """Wait for begin and end of contracts, and of their baselines."""
        self._scheduler.on_timer(BEGIN, self._on_begin)
        self._scheduler.on_timer(ACTIVATE, self._on_activate)
        self._scheduler.on_timer(END, self._on_end)

    def whole(self, conn: sa.Connection, contract: str) -> Row:
        """A contract with its versions, its history and who stood in its places."""
        return self._writing.get(conn, contract) | {
            "versions": self._rows.versions.items(conn, contract=contract),
            "steps": self._rows.steps.items(conn, contract=contract),
            "places": self._rows.places.items(conn, contract=contract),
        }

    def put_tier(self, uow: UnitOfWork, tier: Mapping[str, Any]) -> Row:
        """Offer a tier: terms under a name, for contracts to come."""
        row = dict(tier)
        self._rows.tiers.put(uow, row)
        return row

    def tiers(self, conn: sa.Connection) -> list[Row]:
        """All tiers."""
        return self._rows.tiers.items(conn)

    # Draft, offer, sign --------------------------------------------------------------------------

    def draft(self, uow: UnitOfWork, said: Mapping[str, Any]) -> Row:
        """Write a draft, or another text of one.

        Args:
            uow: The unit of work.
            said: ``id``, ``customer``, ``start_ms``, ``end_ms``, ``tier`` and the terms.

        Raises:
            IllegalStep: If the contract is no draft any more.
            Invalid: With everything that is wrong with it.
        """
        old = self._rows.contracts.get(uow.conn, said["id"])
        if old is not None and old["state"] != C.DRAFT:
            raise IllegalStep(said["id"], old["state"], "draft", [*k.CONTRACTS[C(old["state"])]])
        return self._write(uow, said, state=C.DRAFT, number=1, by=said.get("by", ""))

    def put(self, uow: UnitOfWork, said: Mapping[str, Any]) -> Row:
        """The short way: signed and running at once; said again it is amended.

        An amendment counts for every period that is not closed yet.

        Raises:
            IllegalStep: If the contract is not signed yet, or has ended.
            Invalid: With everything that is wrong with it.
        """
        old = self._rows.contracts.get(uow.conn, said["id"])
        if old is not None and old["state"] not in k.RUNNING:
            raise IllegalStep(said["id"], old["state"], "put", [*k.CONTRACTS[C(old["state"])]])
        number = 1 if old is None else old["version"] + 1
        state = C.BASELINING if said.get("baseline_days") else C.ACTIVE
        if old is not None:
            state = C(old["state"])
        row = self._write(uow, said, state=state, number=number, by=said.get("by", ""))
        if old is None:
            self._started(uow, row, at_ms=row["start_ms"])
        self._follow(uow, row)
        uow.publish(ContractKept(contract=row["id"]))
        return row

    def _write(
        self, uow: UnitOfWork, said: Mapping[str, Any], *, state: State, number: int, by: str
    ) -> Row:
        """Write a contract, the version of its terms and the places that it has so far."""
        terms = self._writing.terms_of(uow.conn, said)
        self._writing.check(uow.conn, said["id"], terms)
        end_ms = said.get("end_ms")
        if end_ms is not None and end_ms <= said["start_ms"]:
            problem = Problem(where="end_ms", what="is not after start_ms")
            raise Invalid(f"contract {said['id']!r} is refused", [problem])
        old = self._rows.contracts.get(uow.conn, said["id"])
        row = {
            "id": said["id"],
            "customer": said["customer"],
            **{name: terms[name] for name in MIRRORED},
            "start_ms": said["start_ms"],
            "end_ms": end_ms,
            "state": state.value,
            "version": number,
            "tier": said.get("tier", ""),
            "active_ms": None if terms["baseline_days"] else said["start_ms"],
            "baseline": None,
            "warned": "",
        }
        if old is not None and number > 1:
            row |= {name: old[name] for name in ("active_ms", "baseline", "warned")}
        self._rows.contracts.put(uow, row)
        from_ms = self._periods.open_from(uow.conn, row)
        self._writing.version(uow, row, terms, number=number, from_ms=from_ms, by=by)
        self._writing.occupy(uow, row["id"], terms["things"], row["start_ms"], by)
        return row

    def step(
        self, uow: UnitOfWork, contract: str, step: k.ContractStep, *, by: str, reason: str,
        at_ms: int,
    ) -> Row:  # fmt: skip
        """Offer, revise, sign, suspend, resume or terminate a contract.

        Raises:
            Unknown: If there is no such contract.
            IllegalStep: If its state forbids it.
            Invalid: If it is signed after it should have begun.
        """
        row = self._writing.get(uow.conn, contract)
        if step is S.SIGN and row["state"] == C.OFFERED and row["start_ms"] < at_ms:
            problem = Problem(where="start_ms", what="is past", allowed="a draft that begins later")
            raise Invalid(f"contract {contract!r} cannot be signed", [problem])
        row = self._step(uow, row, step, by=by, reason=reason, at_ms=at_ms)
        if step is S.SIGN:
            set_timer(uow, BEGIN, contract, row["start_ms"])
        elif step is S.TERMINATE:
            row = row | {"end_ms": max(at_ms, row["start_ms"])}
            self._rows.contracts.put(uow, row)
            for kind in (BEGIN, ACTIVATE, END):
                cancel_timer(uow, kind, contract)
            self._periods.expect(uow, row)
        return row

    def _step(
        self, uow: UnitOfWork, row: Row, step: k.ContractStep, *, by: str, reason: str, at_ms: int,
        **more: object,
    ) -> Row:  # fmt: skip
        target = after(k.CONTRACTS, subject=row["id"], state=C(row["state"]), step=step)
        row = row | {"state": target.value}
        self._rows.contracts.put(uow, row)
        self._rows.steps.insert(
            uow,
            {
                "contract": row["id"],
                "number": len(self._rows.steps.items(uow.conn, contract=row["id"])) + 1,
                "at_ms": at_ms, "step": step.value, "state": target.value, "by": by,
                "reason": reason,
            },
        )  # fmt: skip
        tell(uow, row, k.PAST[step], at_ms, by=by, reason=reason, **more)
        return row

    # Begin, baseline, end ------------------------------------------------------------------------

    def _on_begin(self, uow: UnitOfWork, timer: Timer) -> None:
        row = self._writing.get(uow.conn, timer.subject)
        step = S.BASELINE if self._periods.terms(uow.conn, row).baseline_days else S.ACTIVATE
        row = self._step(uow, row, step, by="time", reason="", at_ms=timer.due_ms)
        self._started(uow, row, at_ms=timer.due_ms)
        self._follow(uow, row)

    def _started(self, uow: UnitOfWork, row: Row, *, at_ms: int) -> None:
        """What is waited for once, from the beginning on."""
        terms = self._periods.terms(uow.conn, row)
        if row["state"] == C.BASELINING:
            due_ms = _month_from(at_ms + terms.baseline_days * DAY_MS)
            set_timer(uow, ACTIVATE, row["id"], due_ms)
        self._watch(uow, row, terms, at_ms)
        if terms.replace_after_days is not None:
            due_ms = at_ms + terms.replace_after_days * DAY_MS
            for place in terms.things:
                args = {"contract": row["id"], "place": place}
                set_timer(uow, REPLACE, f"{row['id']}/{place}", due_ms, args)

    def _follow(self, uow: UnitOfWork, row: Row) -> None:
        """Wait for the end of the current period, and of the contract."""
        self._periods.expect(uow, row)
        if row["end_ms"] is None:
            cancel_timer(uow, END, row["id"])
        else:
            set_timer(uow, END, row["id"], row["end_ms"])

    def _on_activate(self, uow: UnitOfWork, timer: Timer) -> None:
        """The baseline is taken; with too few complete days it goes on for another month."""
        row = self._writing.get(uow.conn, timer.subject)
        terms = self._periods.terms(uow.conn, row)
        line = self._measuring.baseline(terms, row["start_ms"], timer.due_ms)
        if line is None:
            set_timer(uow, ACTIVATE, row["id"], _month_from(timer.due_ms + 1))
            tell(uow, row, "baseline_extended", timer.due_ms, by="time", reason="too few days")
            return
        baseline = {
            "base": line.base, "per_demand": line.per_demand, "days": line.days, "r2": line.r2,
        }  # fmt: skip
        row |= {"active_ms": timer.due_ms, "baseline": baseline}
        self._step(
            uow, row, S.ACTIVATE, by="time", reason="", at_ms=timer.due_ms, baseline=baseline
        )

    def _on_end(self, uow: UnitOfWork, timer: Timer) -> None:
        row, at_ms = self._writing.get(uow.conn, timer.subject), timer.due_ms
        terms = self._periods.terms(uow.conn, row)
        if not (terms.renews and row["state"] == C.ACTIVE):
            self._step(uow, row, S.EXPIRE, by="time", reason="", at_ms=at_ms)
            return
        successor = _successor(row["id"])
        self._step(uow, row, S.RENEW, by="time", reason="", at_ms=at_ms, successor=successor)
        versions = self._rows.versions.items(uow.conn, contract=row["id"])
        new = row | {
            "id": successor, "start_ms": at_ms, "end_ms": 2 * at_ms - row["start_ms"],
            "state": C.ACTIVE.value, "version": 1, "active_ms": at_ms, "warned": "",
        }  # fmt: skip
        self._rows.contracts.put(uow, new)
        terms_now = versions[-1]["terms"] | {"baseline_days": 0}
        self._writing.version(uow, new, terms_now, number=1, from_ms=at_ms, by="time")
        stood = {r["place"]: r for r in self._rows.places.items(uow.conn, contract=row["id"])}
        self._rows.places.insert(
            uow, *(r | {"contract": successor, "from_ms": at_ms} for r in stood.values())
        )
        tell(uow, new, "activated", at_ms, by="time", reason=f"renews {row['id']}")
        self._follow(uow, new)


def _month_from(at_ms: int) -> int:
    """The first begin of a month at or after a time."""
    return d.period_at(at_ms - 1).to_ms if at_ms else 0


def _successor(contract: str) -> str:
    """``c-1-r2`` after ``c-1``, ``c-1-r3`` after that."""
    found = re.fullmatch(r"(.*)-r(\d+)", contract)
    return f"{contract}-r2" if found is None else f"{found[1]}-r{int(found[2]) + 1}"
