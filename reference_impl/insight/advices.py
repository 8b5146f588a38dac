"""One advice: decided by its customer, set through remote, kept or put back (AS8, ST5)."""

from __future__ import annotations

from reference_impl.insight import advice as a
from reference_impl.insight.advice import Given, Step
from reference_impl.insight.ports import InsightRows
from reference_impl.kernel import access
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import Unknown
from reference_impl.kernel.ids import digest
from reference_impl.kernel.machines import after
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import AdviceChanged, CommandChanged, CommandWanted

REVERT_MS = 7 * 86_400_000
"""How long a machine that is away may take to get its old value back (estimate)."""
SET = "set_settings"
ENDED = {"command.confirmed": True, "command.failed": False}


class Advices:
    """Use cases of one advice."""

    def __init__(self, rows: InsightRows) -> None:
        self.rows, self._plans = rows.advices, rows.advice_plans

    def subscribe(self, bus: Bus) -> None:
        """Listen for commands that ended."""
        bus.subscribe(CommandChanged, self._on_command)

    def items(self, conn: Connection, **equals: str) -> list[Row]:
        """Advice that the caller sees, by id."""
        return access.seen(self.rows.items(conn, **equals))

    def get(self, conn: Connection, ident: str) -> Row:
        """One advice. Raises Unknown if the caller sees none of that id."""
        row = self.rows.get(conn, ident)
        if row is None:
            raise Unknown(f"there is no advice {ident!r}")
        access.must_see(row["customer"], what=f"advice {ident!r}")
        return row

    def decide(
        self, uow: UnitOfWork, ident: str, step: Step, *, by: str, why: str, at_ms: int
    ) -> Row:
        """Accept advice, or decline it; what is accepted is asked of the machine.

        Raises:
            Unknown: If there is none.
            IllegalStep: If it was decided already, or its time is over.
        """
        row = self.get(uow.conn, ident)
        self.step(uow, row, step, at_ms, by=by, why=why)
        if step is Step.ACCEPT:
            plan = self._plans.get(uow.conn, row["plan"])
            assert plan is not None, "advice belongs to a plan"
            self._set(uow, row, row["value"], at_ms=at_ms, until_ms=plan["apply_by_ms"])
        return row

    def _set(self, uow: UnitOfWork, row: Row, value: float, *, at_ms: int, until_ms: int) -> None:
        """Ask remote for the parameter; its commands are known by their ids."""
        ids = {}
        for thing in row["things"]:
            ident = f"cmd-{thing}-{SET}-{digest(row['id'], value)}"
            ids[ident] = thing
            uow.publish(
                CommandWanted(
                    at_ms=at_ms, command_id=ident, thing=thing, name=SET,
                    args={row["parameter"]: value}, expires_ms=max(until_ms, at_ms + 1),
                    by=f"advice:{row['plan']}",
                )
            )  # fmt: skip
        row["pending"] = ids
        self.rows.put(uow, row)

    def step(self, uow: UnitOfWork, row: Row, step: Step, at_ms: int, **more: object) -> None:
        """Take a step, and tell it."""
        state = Given(row["state"])
        row["state"] = after(a.ADVICE, subject=row["id"], state=state, step=step).value
        row |= more
        if not a.ADVICE[Given(row["state"])]:
            row["ended_ms"] = at_ms
        self.rows.put(uow, row)
        self.tell(uow, a.KIND_OF_STEP[step], row, at_ms)

    def tell(self, uow: UnitOfWork, kind: str, row: Row, at_ms: int) -> None:
        """Tell of it in the feed."""
        names = ("plan", "thing", "customer", "addressee", "state", "parameter", "was", "value")
        data = {name: row[name] for name in (*names, "expected_pct", "benefit_pct", "by", "why")}
        uow.publish(AdviceChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=data))

    def revert(self, uow: UnitOfWork, row: Row, at_ms: int, **more: object) -> None:
        """Put the old value back."""
        self._set(uow, row, row["was"], at_ms=at_ms, until_ms=at_ms + REVERT_MS)
        self.step(uow, row, Step.REVERT, at_ms, **more)

    def _on_command(self, uow: UnitOfWork, event: CommandChanged) -> None:
        done = ENDED.get(event.kind)
        if done is None or event.data["name"] != SET:
            return
        for row in self.rows.items(uow.conn, state=Given.ACCEPTED.value):
            if event.subject not in row["pending"]:
                continue
            del row["pending"][event.subject]
            if not done:
                why = f"{event.data['thing']} did not take it: {event.data['detail']}"
                if len(row["things"]) > 1:  # nobody is left half changed
                    until_ms = event.at_ms + REVERT_MS
                    self._set(uow, row, row["was"], at_ms=event.at_ms, until_ms=until_ms)
                self.step(uow, row, Step.FAIL, event.at_ms, why=why)
            elif row["pending"]:
                self.rows.put(uow, row)
            else:
                self.step(uow, row, Step.APPLY, event.at_ms, applied_ms=event.at_ms)
