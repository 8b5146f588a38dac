"""What changes about a running contract: its terms, its customer, the things in its places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import IllegalStep, Invalid, Problem
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.contracts import agreement as k
from reference_impl.outcomes.contracts.baselines import DAY_MS
from reference_impl.outcomes.contracts.measuring import Measuring
from reference_impl.outcomes.contracts.settling import Periods
from reference_impl.outcomes.contracts.writing import MIRRORED, Writing, tell
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.published import FirmwareChanged, PlannedWindow

AMEND, REPLACE = "contracts/amend", "contracts/replace"
RESTARTS, UPDATED = "firmware.updating", "firmware.updated"
_FIXED = ("baseline_days", "gain")
"""What a baseline was taken for stays as it was."""


class Amendments:
    """Use cases of what changes while a contract runs."""

    def __init__(
        self,
        *,
        rows: OutcomeRows,
        scheduler: Scheduler,
        measuring: Measuring,
        periods: Periods,
        writing: Writing,
    ) -> None:
        self._rows, self._scheduler = rows, scheduler
        self._measuring, self._periods, self._writing = measuring, periods, writing

    def subscribe(self, bus: Bus) -> None:
        """Wait for amendments to count and things to grow old; listen for planned work."""
        self._scheduler.on_timer(AMEND, self._on_amend)
        self._scheduler.on_timer(REPLACE, self._on_replace)
        bus.subscribe(PlannedWindow, self.on_window)
        bus.subscribe(FirmwareChanged, self.on_update)

    def amend(
        self, uow: UnitOfWork, contract: str, *, changes: Mapping[str, Any], from_ms: int, by: str,
        customer: str | None = None, at_ms: int,
    ) -> Row:  # fmt: skip
        """Agree on other terms, or on another customer (AS9), from the start of a period on.

        Raises:
            Unknown: If there is no such contract.
            IllegalStep: If it is not running.
            Invalid: With everything that is wrong with the change.
        """
        row = self._writing.get(uow.conn, contract)
        if row["state"] not in k.RUNNING:
            raise IllegalStep(
                contract, row["state"], "amend", [*k.CONTRACTS[k.ContractState(row["state"])]]
            )
        versions = self._rows.versions.items(uow.conn, contract=contract)
        newest = versions[-1]
        problems = [
            Problem(where=name, what="stays as the baseline was taken", allowed="leave it out")
            for name in _FIXED
            if name in changes
        ]
        if from_ms <= at_ms or from_ms < newest["from_ms"]:
            problems.append(
                Problem(where="from_period", what="has begun, or another amendment begins later",
                        allowed="a month to come")
            )  # fmt: skip
        if problems:
            raise Invalid(f"the amendment of {contract!r} is refused", problems)
        terms = newest["terms"] | dict(changes)
        self._writing.check(uow.conn, contract, terms)
        number = newest["number"] + 1
        changed = row | {"customer": customer or newest["customer"]}
        changed["tier"] = str(changes.get("tier", newest["tier"]))
        self._writing.version(uow, changed, terms, number=number, from_ms=from_ms, by=by)
        self._writing.occupy(uow, contract, terms["things"], from_ms, by)
        args = {"contract": contract, "number": number}
        set_timer(uow, AMEND, f"{contract}/{number}", from_ms, args)
        self._rows.contracts.put(uow, row)
        tell(
            uow, row, "amended", at_ms, by=by, reason="", from_ms=from_ms, number=number,
            changes=sorted([*changes, *(["customer"] if customer else [])]),
        )  # fmt: skip
        return self._rows.versions.items(uow.conn, contract=contract)[-1]

    def _on_amend(self, uow: UnitOfWork, timer: Timer) -> None:
        """From now on the contract is shown, and billed, as its new version says."""
        row = self._writing.get(uow.conn, timer.args["contract"])
        version = self._rows.versions.get(uow.conn, row["id"], timer.args["number"])
        assert version is not None, "versions are never deleted"
        new = row | {name: version["terms"][name] for name in MIRRORED}
        new |= {name: version[name] for name in ("customer", "tier")}
        new["version"] = version["number"]
        self._rows.contracts.put(uow, new)
        if new["customer"] != row["customer"]:
            tell(
                uow, new, "transferred", timer.due_ms, by=version["by"], reason="",
                before=row["customer"],
            )  # fmt: skip

    def swap(
        self, uow: UnitOfWork, contract: str, *, place: str, thing: str, by: str, reason: str,
        at_ms: int,
    ) -> Row:  # fmt: skip
        """Another thing stands in a place from now on; its KPI goes on (K11, AS7).

        Raises:
            Unknown: If there is no such contract.
            Invalid: If it has no such place, or the thing cannot be measured by its clauses.
        """
        row = self._writing.get(uow.conn, contract)
        terms = self._periods.terms(uow.conn, row)
        places = self._rows.places.items(uow.conn, contract=contract)
        stands = {one["place"]: one["thing"] for one in places}
        problems = []
        if place not in terms.things:
            allowed = ", ".join(terms.things)
            problems.append(Problem(where="place", what=f"{place!r}", allowed=allowed))
        if thing in stands.values():
            problems.append(Problem(where="thing", what=f"{thing!r} stands in a place already"))
        said = self._rows.versions.items(uow.conn, contract=contract)[-1]["terms"]
        problems += self._measuring.problems(uow.conn, said | {"things": [thing], "gain": None})
        if problems:
            raise Invalid(f"the swap in {contract!r} is refused", problems)
        new = {
            "contract": contract, "place": place, "from_ms": at_ms, "thing": thing, "by": by,
            "reason": reason,
        }  # fmt: skip
        self._rows.places.put(uow, new)
        if terms.replace_after_days is not None:
            due_ms = at_ms + terms.replace_after_days * DAY_MS
            args = {"contract": contract, "place": place}
            set_timer(uow, REPLACE, f"{contract}/{place}", due_ms, args)
        tell(
            uow, row, "thing_swapped", at_ms, by=by, reason=reason, place=place, thing=thing,
            before=stands[place],
        )  # fmt: skip
        return new

    def _on_replace(self, uow: UnitOfWork, timer: Timer) -> None:
        """A thing that the provider owns has reached the age at which it is replaced (AS7)."""
        row = self._writing.get(uow.conn, timer.args["contract"])
        if row["state"] in k.RUNNING:
            places = self._rows.places.items(uow.conn, contract=row["id"])
            stands = {one["place"]: one["thing"] for one in places}
            place = timer.args["place"]
            tell(
                uow, row, "replacement_due", timer.due_ms, by="time", reason="age", place=place,
                thing=stands[place],
            )  # fmt: skip

    def on_window(self, uow: UnitOfWork, event: PlannedWindow) -> None:
        """Planned work was done in an agreed window: its contracts leave that time out (W10)."""
        for one in self._rows.places.items(uow.conn, thing=event.thing):
            if event.contract in ("", one["contract"]):
                row = {
                    "contract": one["contract"], "thing": one["place"], "from_ms": event.from_ms,
                    "to_ms": event.to_ms, "work_order": event.work_order,
                }  # fmt: skip
                self._rows.windows.put(uow, row)

    def on_update(self, uow: UnitOfWork, event: FirmwareChanged) -> None:
        """A thing restarts with new firmware: planned time only where its contract says so (FW9).

        The window opens empty and ends with the new version: an update that fails plans nothing.
        """
        if event.kind not in (RESTARTS, UPDATED):
            return
        work = f"firmware:{event.subject}"
        for one in self._rows.places.items(uow.conn, thing=event.data["thing"]):
            contract, place = one["contract"], one["place"]
            if event.kind == RESTARTS and self._plans_updates(uow, contract, event.at_ms):
                row = {
                    "contract": contract, "thing": place, "from_ms": event.at_ms,
                    "to_ms": event.at_ms, "work_order": work,
                }  # fmt: skip
                self._rows.windows.put(uow, row)
            elif event.kind == UPDATED:
                windows = self._rows.windows.items(uow.conn, contract=contract, work_order=work)
                for row in windows[-1:]:
                    self._rows.windows.put(uow, {**row, "to_ms": event.at_ms})

    def _plans_updates(self, uow: UnitOfWork, contract: str, at_ms: int) -> bool:
        versions = self._rows.versions.items(uow.conn, contract=contract)
        now = [one["terms"] for one in versions if one["from_ms"] <= at_ms]
        return bool(now and now[-1].get("updates_are_planned", False))
