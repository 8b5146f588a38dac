"""Operation optimised for the customer: advice for a parameter, tried and measured (AS8, ST5).

insight finds the machines that a plan is for and what it should bring; the customer agrees; remote
sets the parameter, asked by an event; some time later insight says what it brought against machines
that were left alone. What brought nothing that is beyond chance, or did harm, is put back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from reference_impl.insight import advice as a
from reference_impl.insight.advice import Given, Move, Step, Trial
from reference_impl.insight.advices import Advices
from reference_impl.insight.ports import Controls, InsightRows
from reference_impl.kernel import access
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, set_timer
from reference_impl.kernel.store import Connection, Store, UnitOfWork
from reference_impl.published import AdviceChanged

RUN, END = "advice_run", "advice_end"
LOOK_MS = 86_400_000
"""How often plans look for machines, and at what must not come of them."""
RANK = 30
"""After conditions and rules of the same instant."""


class Advising:
    """Use cases of advice."""

    def __init__(
        self,
        *,
        store: Store,
        rows: InsightRows,
        scheduler: Scheduler,
        telemetry: TelemetryView,
        directory: Directory,
        controls: Controls,
    ) -> None:
        self._store, self._scheduler = store, scheduler
        self._plans, self.advices = rows.advice_plans, Advices(rows)
        self._consents = rows.advice_consents
        self._telemetry, self._directory, self._controls = telemetry, directory, controls

    def subscribe(self, bus: Bus) -> None:
        """Listen for times, and take up the plans of the store."""
        self.advices.subscribe(bus)
        self._scheduler.on_timer(RUN, self._on_run)
        self._scheduler.on_timer(END, self._on_end)
        with self._store.read() as conn:
            for row in self._plans.items(conn):
                if row["state"] != Trial.MEASURED:
                    self._watch(row["id"])

    # Plans ----------------------------------------------------------------------------------

    def put(self, uow: UnitOfWork, ident: str, body: Mapping[str, Any], *, at_ms: int) -> Row:
        """Install a plan; one that was measured begins another round.

        Raises:
            Invalid: With everything that is wrong with it.
            IllegalStep: While it is tried.
        """
        known = self._plans.get(uow.conn, ident)
        move = Move.AGAIN
        if known is not None:
            access.must_see_party(known["party"], what=f"advice plan {ident!r}")
            after(a.TRIALS, subject=ident, state=Trial(known["state"]), step=move)
        _, problems = self._read(uow.conn, body)
        things = self._things(uow.conn, body, problems)
        if problems:
            raise Invalid(f"advice plan {ident!r} is refused", problems)
        measured = known is not None and known["state"] == Trial.MEASURED
        row = {
            "id": ident,
            "party": access.current().party if known is None else known["party"],
            "model": body["model"],
            "state": Trial.WAITING.value,
            "round": 1 if known is None else known["round"] + measured,
            "body": dict(body),
            "things": things,
            "groups": {},
            "begun_ms": None,
            "apply_by_ms": None,
            "ends_ms": None,
            "result": {},
            "changed_ms": at_ms,
        }
        self._plans.put(uow, row)
        uow.after_commit(lambda: self._watch(ident))
        return row

    def plans(self, conn: Connection) -> list[Row]:
        """All plans that the caller sees, by id."""
        return access.seen_of_parties(self._plans.items(conn))

    def plan(self, conn: Connection, ident: str) -> Row:
        """One plan. Raises Unknown if the caller sees none of that id."""
        row = self._plans.get(conn, ident)
        if row is None:
            raise Unknown(f"there is no advice plan {ident!r}")
        access.must_see_party(row["party"], what=f"advice plan {ident!r}")
        return row

    def consent(self, uow: UnitOfWork, ident: str, customer: str, *, by: str, at_ms: int) -> Row:
        """A customer agrees beforehand to what a plan advises for its machines."""
        access.must_see(customer, what=f"customer {customer!r}")
        if self._plans.get(uow.conn, ident) is None:
            raise Unknown(f"there is no advice plan {ident!r}")
        row = {"plan": ident, "customer": customer, "by": by, "at_ms": at_ms}
        self._consents.put(uow, row)
        return row

    def _read(
        self, conn: Connection, body: Mapping[str, Any]
    ) -> tuple[a.Plan | None, list[Problem]]:
        signals = self._directory.signals(conn, body["model"])
        return a.read_plan(
            body, signals=signals, settings=self._controls.settings(conn, body["model"])
        )

    def _things(
        self, conn: Connection, body: Mapping[str, Any], problems: list[Problem]
    ) -> list[str]:
        """The things that a plan may be for: those that its author sees now."""
        refs = self._directory.things(conn, body["model"])
        seen = [ref.thing for ref in refs if access.seen_from_ms(ref.thing) is not None]
        if body["things"] is None:
            return seen
        strange = [thing for thing in body["things"] if thing not in seen]
        problems += [
            Problem(where="things", what=f"there is no thing {thing!r} of this model")
            for thing in strange
        ]
        return sorted(set(body["things"]))

    # A round --------------------------------------------------------------------------------

    def _watch(self, ident: str) -> None:
        self._scheduler.every(f"advice/{ident}", LOOK_MS, partial(self._look, ident), rank=RANK)

    def _look(self, ident: str, uow: UnitOfWork, at_ms: int) -> None:
        row = self._plans.get(uow.conn, ident)
        assert row is not None, "plans are never deleted"
        plan, _ = self._read(uow.conn, row["body"])
        if plan is None:
            return  # a newer version of the model has no such signal or parameter any more
        if row["state"] == Trial.WAITING:
            self._ask(uow, row, plan, at_ms)
        elif row["state"] == Trial.RUNNING:
            self._guard(uow, row, plan, at_ms)

    def _move(self, uow: UnitOfWork, row: Row, move: Move, at_ms: int, **more: object) -> None:
        state = Trial(row["state"])
        row["state"] = after(a.TRIALS, subject=row["id"], state=state, step=move).value
        row |= {"changed_ms": at_ms, **more}
        self._plans.put(uow, row)

    def _ask(self, uow: UnitOfWork, row: Row, plan: a.Plan, at_ms: int) -> None:
        """Begin a round, if there are machines enough that the plan is for."""
        body = row["body"]
        spec = self._controls.settings(uow.conn, row["model"])[body["parameter"]]
        found: dict[tuple[str, ...], Row] = {}
        for unit in self._units(uow, row):
            was = self._controls.reported(uow.conn, unit[0], body["parameter"])
            was = body["usual"] if was is None else was
            values = plan.seen(self._telemetry, unit[0], at_ms, was)
            said = None if values is None else a.suggest(plan, values, spec)
            span = a.Span(at_ms - round(body["before_s"] * 1000), at_ms)
            before = a.measured(self._telemetry, body["measure"], unit, span)
            if values is not None and said is not None and before is not None and before > 0:
                found[unit] = {"seen": values, "was": was, "before": sig9(before), **said._asdict()}
        if len(found) < body["least"]:
            return
        groups = a.grouped(
            list(found), share=body["control_share"], by=f"{row['id']}/{row['round']}"
        )
        apply_by_ms = at_ms + round(body["consent_s"] * 1000)
        held = {"treated": [0, 0], "control": [0, 0]}
        more = {"begun_ms": at_ms, "apply_by_ms": apply_by_ms, "groups": groups._asdict()}
        self._move(uow, row, Move.ASK, at_ms, result={"looks": held}, **more)
        set_timer(uow, RUN, row["id"], apply_by_ms)
        counts = {"treated": len(groups.treated), "control": len(groups.control)}
        self._say(uow, "advice.asked", row, at_ms, counts)
        for unit in groups.treated:
            self._give(uow, row, unit, found[unit], at_ms)

    def _units(self, uow: UnitOfWork, row: Row) -> list[tuple[str, ...]]:
        """The things of a plan, those together that share the parameter."""
        refs = [
            ref
            for ref in self._directory.things(uow.conn, row["model"])
            if ref.thing in row["things"] and ref.customer
        ]
        if row["body"]["unit"] == "thing":
            return [(ref.thing,) for ref in refs]
        sites: dict[str, list[str]] = {}
        for ref in refs:
            sites.setdefault(ref.site, []).append(ref.thing)
        return [tuple(things) for things in sites.values()]

    def _give(self, uow: UnitOfWork, row: Row, unit: Sequence[str], found: Row, at_ms: int) -> None:
        body, ref = row["body"], self._directory.thing(uow.conn, unit[0])
        assert ref is not None, "it was listed a moment ago"
        given = {
            "id": f"adv-{row['id']}-{row['round']}-{unit[0]}",
            "plan": row["id"],
            "round": row["round"],
            "thing": unit[0],
            "things": list(unit),
            "customer": ref.customer,
            "addressee": body["addressee"],
            "state": Given.GIVEN.value,
            "title": body["title"],
            "parameter": body["parameter"],
            "was": found["was"],
            "value": sig9(found["value"]),
            "seen": {name: sig9(value) for name, value in found["seen"].items()},
            "before": found["before"],
            "expected_pct": sig9(found["expected_pct"]),
            "benefit_pct": None,
            "pending": {},
            "by": "",
            "why": "",
            "given_ms": at_ms,
            "applied_ms": None,
            "ended_ms": None,
        }
        self.advices.rows.insert(uow, given)
        self.advices.tell(uow, "advice.given", given, at_ms)
        consent = self._consents.get(uow.conn, row["id"], ref.customer)
        if consent is not None:
            why = "agreed beforehand"
            self.advices.decide(
                uow, given["id"], Step.ACCEPT, by=consent["by"], why=why, at_ms=at_ms
            )

    def _say(
        self, uow: UnitOfWork, kind: str, row: Row, at_ms: int, data: Mapping[str, Any]
    ) -> None:
        shown = {"parameter": row["body"]["parameter"], "round": row["round"], **data}
        uow.publish(AdviceChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=shown))

    def _of_round(self, uow: UnitOfWork, row: Row, state: Given) -> list[Row]:
        rows = self.advices.rows.items(uow.conn, plan=row["id"], state=state.value)
        return [one for one in rows if one["round"] == row["round"]]

    def _on_run(self, uow: UnitOfWork, timer: Timer) -> None:
        """Time to agree is over: what was not decided lapses; now it is measured."""
        row, at_ms = self._plans.get(uow.conn, timer.subject), timer.due_ms
        assert row is not None, "plans are never deleted"
        ends_ms = at_ms + round(row["body"]["after_s"] * 1000)
        self._move(uow, row, Move.RUN, at_ms, ends_ms=ends_ms)
        set_timer(uow, END, row["id"], ends_ms)
        for one in self._of_round(uow, row, Given.GIVEN):
            self.advices.step(uow, one, Step.LAPSE, at_ms, why="nobody decided in time")
        applied = len(self._of_round(uow, row, Given.APPLIED))
        self._say(uow, "advice.run", row, at_ms, {"treated": applied})

    def _guard(self, uow: UnitOfWork, row: Row, plan: a.Plan, at_ms: int) -> None:
        """Put back what does harm, and count how often it shows in both groups."""
        looks = row["result"]["looks"]
        for one in self._of_round(uow, row, Given.APPLIED):
            if one["applied_ms"] > at_ms:
                continue  # it was told in the same move of time, and happens after this
            harm = self._harm(plan, one["things"], at_ms)
            looks["treated"][0] += 1
            if harm:
                looks["treated"][1] += 1
                self.advices.revert(uow, one, at_ms, why=harm)
        for unit in row["groups"]["control"]:
            looks["control"][0] += 1
            looks["control"][1] += bool(self._harm(plan, unit, at_ms))
        self._plans.put(uow, row)

    def _harm(self, plan: a.Plan, things: Sequence[str], at_ms: int) -> str:
        for guard in plan.guards:
            for thing in things:
                if guard.holds(self._telemetry, thing, at_ms):
                    return f"{thing}: {guard.title}"
        return ""

    def _on_end(self, uow: UnitOfWork, timer: Timer) -> None:
        """The round is over: what it brought, and whether it stays."""
        row, at_ms = self._plans.get(uow.conn, timer.subject), timer.due_ms
        assert row is not None, "plans are never deleted"
        treated = self._of_round(uow, row, Given.APPLIED)
        changes = {one["id"]: self._change(row, one["things"]) for one in treated}
        others = [self._change(row, unit) for unit in row["groups"]["control"]]
        known = [change for change in others if change is not None]
        found = a.effect([c for c in changes.values() if c is not None], known)
        shown = found is not None and found.shown
        drift = sum(known) / len(known) if known else 0.0
        for one in treated:
            change = changes[one["id"]]
            benefit = None if change is None else sig9(drift - change)
            if shown:
                why = "the drop is beyond chance"
                self.advices.step(uow, one, Step.KEEP, at_ms, benefit_pct=benefit, why=why)
            else:
                self.advices.revert(
                    uow, one, at_ms, benefit_pct=benefit, why="no drop that is beyond chance"
                )
        result = self._result(row, treated, found)
        self._move(uow, row, Move.MEASURE, at_ms, result=result)
        uow.after_commit(lambda: self._scheduler.drop(f"advice/{row['id']}"))
        self._say(uow, "advice.measured", row, at_ms, result)

    def _change(self, row: Row, things: Sequence[str]) -> float | None:
        """By how many percent a unit's measure was more after than before."""
        body = row["body"]
        spans = (
            a.Span(row["begun_ms"] - round(body["before_s"] * 1000), row["begun_ms"]),
            a.Span(row["apply_by_ms"], row["ends_ms"]),
        )
        before, later = (
            a.measured(self._telemetry, body["measure"], things, span) for span in spans
        )
        if before is None or later is None or before <= 0:
            return None
        return a.change_pct(before, later)

    def _result(self, row: Row, treated: Sequence[Row], found: a.Effect | None) -> dict[str, Any]:
        """What a round came to, as the feed and the API tell it."""
        looks, body = row["result"]["looks"], row["body"]
        said: dict[str, Any] = {"verdict": "NOBODY", "looks": looks}
        if found is None:
            return said
        saved = -found.effect_pct / 100.0 * sum(one["before"] for one in treated)
        numbers = {k: sig9(v) if isinstance(v, float) else v for k, v in found._asdict().items()}
        return {
            **said,
            **numbers,
            "verdict": "EFFECTIVE" if found.shown else "NOT_SHOWN",
            "saved": sig9(saved),
            "saved_eur_y": sig9(saved * body["eur_per_unit"] * 365.0),
        }
