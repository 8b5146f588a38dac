"""Remote resolution before dispatch (FS12): a remedy is tried, and telemetry says if it helped.

A fix belongs to a rule's alert. Its command is asked for; when that has ended, in whatever way, and
some time has passed, a condition on telemetry decides. So nothing is repeated blindly (R3), and a
visit counts as avoided only where readings say that the machine is well.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from reference_impl.kernel import access
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.ids import digest
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, set_timer
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import (
    AlertChanged,
    CommandChanged,
    CommandWanted,
    RemoteWorkChanged,
    ReplacementAdvised,
)
from reference_impl.remote import gates, obeying
from reference_impl.remote.ports import RemoteRows
from reference_impl.remote.service import Remote

DONE, VERIFY = "remote_done", "remote_verify"


class Attempt(StrEnum):
    """Where the remote resolution of a fault is."""

    TRYING = "TRYING"
    VERIFYING = "VERIFYING"
    RESOLVED = "RESOLVED"
    FAILED = "FAILED"


class Step(StrEnum):
    """What moves it."""

    WAIT = "wait"
    AGAIN = "again"
    RESOLVE = "resolve"
    FAIL = "fail"


ATTEMPTS: Mapping[Attempt, Mapping[Step, Attempt]] = {
    Attempt.TRYING: {Step.WAIT: Attempt.VERIFYING},
    Attempt.VERIFYING: {
        Step.AGAIN: Attempt.TRYING,
        Step.RESOLVE: Attempt.RESOLVED,
        Step.FAIL: Attempt.FAILED,
    },
    Attempt.RESOLVED: {},
    Attempt.FAILED: {},
}
assert ATTEMPTS.keys() == set(Attempt), "every state needs a row, final ones an empty one"
ENDED_COMMAND = ("command.confirmed", "command.failed")


class Resolving:
    """Use cases of remote resolution."""

    def __init__(
        self,
        *,
        rows: RemoteRows,
        scheduler: Scheduler,
        directory: Directory,
        telemetry: TelemetryView,
        remote: Remote,
    ) -> None:
        self._fixes, self._rows = rows.remote_fixes, rows.remote_attempts
        self._scheduler, self._directory = scheduler, directory
        self._telemetry, self._remote = telemetry, remote

    def subscribe(self, bus: Bus) -> None:
        """Listen for faults, for commands that ended, and for the time to look."""
        bus.subscribe(AlertChanged, self._on_alert)
        bus.subscribe(CommandChanged, self._on_command)
        self._scheduler.on_timer(DONE, self._on_done)
        self._scheduler.on_timer(VERIFY, self._on_verify)

    def put(self, uow: UnitOfWork, ident: str, plan: Mapping[str, Any], *, at_ms: int) -> Row:
        """Install a fix.

        Raises:
            Invalid: With everything that is wrong with it.
        """
        known = self._fixes.get(uow.conn, ident)
        if known is not None:
            access.must_see_party(known["party"], what=f"remote fix {ident!r}")
        signals = self._directory.signals(uow.conn, plan["model"])
        _, problems = gates.read_condition(plan["verify"], signals, where="verify")
        if not signals:
            what = f"there is no model {plan['model']!r}, or it has no signals"
            problems = [Problem(where="model", what=what)]
        command = plan["command"]
        problems += obeying.problems_of(
            self._remote.obeys(uow.conn, plan["model"]), command["name"], command["args"]
        )
        if problems:
            raise Invalid(f"remote fix {ident!r} is refused", problems)
        row = {
            "id": ident,
            "party": access.current().party if known is None else known["party"],
            "model": plan["model"],
            "pack": plan["pack"],
            "rule": plan["rule"],
            "plan": dict(plan),
            "changed_ms": at_ms,
        }
        self._fixes.put(uow, row)
        return row

    def fixes(self, conn: Connection) -> list[Row]:
        """All fixes that the caller sees, by id."""
        return access.seen_of_parties(self._fixes.items(conn))

    def attempts(self, conn: Connection, thing: str | None = None) -> list[Row]:
        """Attempts (on one thing) that the caller sees, by time and id."""
        rows = self._rows.items(conn) if thing is None else self._rows.items(conn, thing=thing)
        seen = access.seen_of_things(rows, at="began_ms")
        return sorted(seen, key=lambda row: (row["began_ms"], row["id"]))

    def figures(self, conn: Connection) -> dict[str, int]:
        """How often it was tried, and how many visits were avoided."""
        states = [row["state"] for row in self.attempts(conn)]
        avoided = sum(state == Attempt.RESOLVED for state in states)
        failed = sum(state == Attempt.FAILED for state in states)
        tried = len(states)
        return {
            "tried": tried,
            "avoided_visits": avoided,
            "failed": failed,
            "open": tried - avoided - failed,
        }

    def _on_alert(self, uow: UnitOfWork, event: AlertChanged) -> None:
        if event.kind != "alert.raised":
            return
        rule = {"pack": event.data["pack"], "rule": event.data["rule"]}
        fixes = self._fixes.items(uow.conn, **rule)
        ref = self._directory.thing(uow.conn, event.data["thing"]) if fixes else None
        for fix in fixes:
            if ref is None or fix["model"] != ref.model:
                continue
            earlier = self._rows.items(uow.conn, thing=ref.thing, fix=fix["id"])
            if any(ATTEMPTS[Attempt(row["state"])] for row in earlier):
                continue
            row = {
                "id": f"rem-{ref.thing}-{fix['id']}-{digest(event.subject)}",
                "fix": fix["id"],
                "thing": ref.thing,
                "alert": event.subject,
                "state": Attempt.TRYING.value,
                "tries": 0,
                "command": "",
                "why": "",
                "began_ms": event.at_ms,
                "ended_ms": None,
            }
            self._ask(uow, fix, row, event.at_ms)
            _tell(uow, "begun", fix, row, event.at_ms)

    def _ask(self, uow: UnitOfWork, fix: Row, row: Row, at_ms: int) -> None:
        """Ask for the command, once more."""
        row["tries"] += 1
        row["command"] = f"cmd-{row['id']}-{row['tries']}"
        self._rows.put(uow, row)
        command = fix["plan"]["command"]
        uow.publish(
            CommandWanted(
                at_ms=at_ms, command_id=row["command"], thing=row["thing"],
                name=command["name"], args=command["args"],
                expires_ms=at_ms + round(command["expires_s"] * 1000), by=f"remedy:{fix['id']}",
            )
        )  # fmt: skip

    def _on_command(self, uow: UnitOfWork, event: CommandChanged) -> None:
        if event.kind not in ENDED_COMMAND or not event.subject.startswith("cmd-rem-"):
            return
        said = {"command": event.subject, "why": event.data["detail"]}
        set_timer(uow, DONE, event.subject, event.at_ms, said)

    def _on_done(self, uow: UnitOfWork, timer: Timer) -> None:
        """The command has ended; look at the machine in a while."""
        for row in self._rows.items(uow.conn, command=timer.args["command"]):
            if row["state"] == Attempt.TRYING:
                fix = self._fixes.get(uow.conn, row["fix"])
                assert fix is not None, "nothing removes a fix"
                self._move(uow, row, Step.WAIT, timer.args["why"])
                due_ms = timer.due_ms + round(fix["plan"]["after_s"] * 1000)
                set_timer(uow, VERIFY, row["id"], due_ms)

    def _on_verify(self, uow: UnitOfWork, timer: Timer) -> None:
        row, at_ms = self._rows.get(uow.conn, timer.subject), timer.due_ms
        assert row is not None, "nothing removes an attempt"
        fix = self._fixes.get(uow.conn, row["fix"])
        assert fix is not None, "nothing removes a fix"
        if self._is_well(uow.conn, fix, row["thing"], at_ms):
            self._end(uow, fix, row, Step.RESOLVE, fix["plan"]["verify"]["title"], at_ms=at_ms)
        elif self._directory.thing(uow.conn, row["thing"]) is None:
            self._end(uow, fix, row, Step.FAIL, "left its owner", at_ms=at_ms)
        elif row["tries"] < fix["plan"]["tries"]:
            self._move(uow, row, Step.AGAIN, row["why"])
            self._ask(uow, fix, row, at_ms)
        else:
            tries = "one try" if row["tries"] == 1 else f"{row['tries']} tries"
            self._end(uow, fix, row, Step.FAIL, f"not well after {tries}", at_ms=at_ms)
            self._send_somebody(uow, fix, row, at_ms)

    def _is_well(self, conn: Connection, fix: Row, thing: str, at_ms: int) -> bool:
        """Whether telemetry says that the machine is well; no reading says nothing."""
        signals = self._directory.signals(conn, fix["model"])
        condition, _ = gates.read_condition(fix["plan"]["verify"], signals, where="verify")
        return condition is not None and bool(condition.holds(self._telemetry, thing, at_ms))

    @staticmethod
    def _send_somebody(uow: UnitOfWork, fix: Row, row: Row, at_ms: int) -> None:
        """Now somebody has to go, if the fix says with what."""
        visit = fix["plan"]["visit"]
        if visit is not None:
            uow.publish(
                ReplacementAdvised(
                    at_ms=at_ms, seen_from_ms=row["began_ms"], thing=row["thing"],
                    part=visit["part"], position=visit["position"], quantity=1, at_once=True,
                    rule=fix["rule"], pack=fix["pack"], pack_version="",
                    why=f"remote resolution failed: {row['why']}",
                    values={"tries": float(row["tries"])},
                )
            )  # fmt: skip

    def _end(
        self, uow: UnitOfWork, fix: Row, row: Row, step: Step, why: str, *, at_ms: int
    ) -> None:
        row["ended_ms"] = at_ms
        self._move(uow, row, step, why)
        _tell(uow, "resolved" if step is Step.RESOLVE else "failed", fix, row, at_ms)

    def _move(self, uow: UnitOfWork, row: Row, step: Step, why: str) -> None:
        state = Attempt(row["state"])
        row["state"] = after(ATTEMPTS, subject=row["id"], state=state, step=step).value
        row["why"] = why
        self._rows.put(uow, row)


def _tell(uow: UnitOfWork, what: str, fix: Row, row: Row, at_ms: int) -> None:
    data = {name: row[name] for name in ("thing", "alert", "command", "tries", "why")}
    data |= {"fix": fix["id"], "pack": fix["pack"], "rule": fix["rule"]}
    kind = f"remote.{what}"
    uow.publish(RemoteWorkChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=data))
