"""Use cases of remote control: request a command, note what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from broker.wire.messages import Command, Downlink
from reference_impl.kernel.bodies import unknown_name
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import IllegalStep, Invalid, Problem, Unknown
from reference_impl.kernel.ids import digest
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import Directory, TelemetryView, ThingRef
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import (
    CommandAcknowledged,
    CommandChanged,
    CommandWanted,
    ModelInstalled,
)
from reference_impl.remote import domain as d
from reference_impl.remote import obeying
from reference_impl.remote.domain import State, Step
from reference_impl.remote.parameters import Parameters
from reference_impl.remote.ports import RemoteRows

EXPIRY = "command_expiry"
TIMEOUT, LOOK, RETRY = "command_timeout", "command_look", "command_retry"
UPDATE = "update_firmware"


class Requests(Protocol):
    """Where requests to devices go."""

    def put(self, uow: UnitOfWork, site: str, message: Downlink) -> bool:
        """Write a message; False if its id was written before."""
        ...


class Remote:
    """What devices are told."""

    def __init__(
        self,
        *,
        rows: RemoteRows,
        scheduler: Scheduler,
        directory: Directory,
        requests: Requests,
        telemetry: TelemetryView,
    ) -> None:
        self._rows, self._obeyed = rows.commands, rows.obeyed
        self._scheduler = scheduler
        self._directory = directory
        self._requests = requests
        self._telemetry = telemetry
        self.parameters = Parameters(rows=rows)

    def subscribe(self, bus: Bus) -> None:
        """Listen for models, for commands that are wanted and acknowledged, and for deadlines."""
        bus.subscribe(ModelInstalled, self._on_model)
        bus.subscribe(CommandWanted, self._on_wanted)
        bus.subscribe(CommandAcknowledged, self._on_acknowledged)
        self._scheduler.on_timer(EXPIRY, self._on_expiry)
        self._scheduler.on_timer(TIMEOUT, self._on_timeout)
        self._scheduler.on_timer(LOOK, self._on_look)
        self._scheduler.on_timer(RETRY, self._on_retry)

    def request(
        self,
        uow: UnitOfWork,
        *,
        now_ms: int,
        thing: str,
        name: str,
        args: Mapping[str, Any],
        expires_ms: int,
        by: str,
        policy: d.Policy | None = None,
    ) -> Row:
        """Ask a device to do something; the same request at the same instant is the same command.

        Raises:
            Unknown: If there is no such thing.
            Invalid: If its model does not obey this, with all problems.
            IllegalStep: If it is an update, and one is under way (FW4).
        """
        policy = policy or d.Policy()
        ref = self._directory.thing(uow.conn, thing)
        if ref is None:
            raise Unknown(f"there is no thing {thing!r}", [Problem(where="thing", what=thing)])
        obeys = self.obeys(uow.conn, ref.model)
        problems = obeying.problems_of(obeys, name, args)
        problems += self._policy_problems(uow.conn, ref, name, args, policy)
        if problems:
            raise Invalid(f"{thing!r} is not asked to {name}", problems)
        stored = policy.as_json()
        named = (now_ms, dict(args), expires_ms, by, *([stored] if stored else ()))
        command_id = f"cmd-{thing}-{name}-{digest(*named)}"
        known = self._rows.get(uow.conn, command_id)
        if known is not None:
            return known
        if name == UPDATE and self.updating(uow.conn, thing):
            raise IllegalStep(thing, "updating", UPDATE, ["wait until it ends"])
        uow.publish(
            CommandWanted(
                at_ms=now_ms, command_id=command_id, thing=thing, name=name, args=args,
                expires_ms=expires_ms, by=by, policy=stored,
            )
        )  # fmt: skip
        return self.get(uow.conn, command_id)

    def obeys(self, conn: Connection, model: str) -> Mapping[str, Any]:
        """What things of a model obey, as the contract document has it."""
        row = self._obeyed.get(conn, model)
        found: Mapping[str, Any] = {} if row is None else row["obeys"]
        return found

    def updating(self, conn: Connection, thing: str) -> bool:
        """Whether a device was told to update its firmware, and has not ended it (FW4)."""
        rows = self._rows.items(conn, thing=thing, name=UPDATE)
        return any(d.TRANSITIONS[State(row["state"])] for row in rows)

    def get(self, conn: Connection, command_id: str) -> Row:
        """One command. Raises Unknown if there is none."""
        row = self._rows.get(conn, command_id)
        if row is None:
            raise Unknown(f"there is no command {command_id!r}")
        return row

    def items(self, conn: Connection, thing: str | None = None) -> list[Row]:
        """Commands (to one thing), by time and id."""
        rows = self._rows.items(conn) if thing is None else self._rows.items(conn, thing=thing)
        return sorted(rows, key=lambda row: (row["issued_ms"], row["id"]))

    def sent(self, uow: UnitOfWork, command_ids: Sequence[str]) -> None:
        """Note that the broker has these (ids of other requests are passed over)."""
        for command_id in command_ids:
            row = self._rows.get(uow.conn, d.command_of(command_id))
            if row is not None and row["state"] == State.REQUESTED:
                self._swap(uow, row, Step.SEND, row["detail"])

    def _policy_problems(
        self,
        conn: Connection,
        ref: ThingRef,
        name: str,
        args: Mapping[str, Any],
        policy: d.Policy,
    ) -> list[Problem]:
        found = []
        if policy.retries and not obeying.idempotent(self.obeys(conn, ref.model), name, args):
            what = f"{name!r} may do more when it is done twice"
            found.append(Problem(where="retries", what=what, allowed="0"))
        if policy.feedback is not None:
            signals = self._directory.signals(conn, ref.model)
            if policy.feedback.signal not in signals:
                what = unknown_name(policy.feedback.signal, signals)
                allowed = ", ".join(sorted(signals))
                found.append(Problem(where="confirm.signal", what=what, allowed=allowed))
        return found

    def _on_model(self, uow: UnitOfWork, event: ModelInstalled) -> None:
        self._obeyed.put(uow, {"model": event.model, "obeys": dict(event.obeys)})

    def _on_wanted(self, uow: UnitOfWork, wanted: CommandWanted) -> None:
        ref = self._directory.thing(uow.conn, wanted.thing)
        if ref is None or self._rows.get(uow.conn, wanted.command_id) is not None:
            return
        row = {
            "id": wanted.command_id,
            "thing": wanted.thing,
            "name": wanted.name,
            "args": dict(wanted.args),
            "state": State.REQUESTED.value,
            "by": wanted.by,
            "issued_ms": wanted.at_ms,
            "expires_ms": wanted.expires_ms,
            "detail": "",
            "policy": dict(wanted.policy),
            "attempt": 1,
            "tried_ms": wanted.at_ms,
        }
        self._rows.insert(uow, row)
        durable = d.policy_of(wanted.policy).durable
        until = {"expires_ms": wanted.expires_ms, "durable": durable}
        _tell(uow, wanted.at_ms, "command.requested", row, "", **until)
        self.parameters.asked(uow, row)
        obeys = self.obeys(uow.conn, ref.model)
        problems = obeying.problems_of(obeys, wanted.name, wanted.args)
        if problems:  # a rule asked for it; a person was told so before
            why = "; ".join(f"{one.where} {one.what}" for one in problems)
            self._finish(uow, row, Step.FAIL, wanted.at_ms, f"not sent: {why}")
            return
        set_timer(uow, EXPIRY, wanted.command_id, wanted.expires_ms)
        self._send(uow, ref, row, wanted.at_ms)

    def _send(self, uow: UnitOfWork, ref: ThingRef, row: Row, at_ms: int) -> None:
        """One try: its message, its deadline, and when its feedback is looked at."""
        policy = d.policy_of(row["policy"])
        expires_ms = row["expires_ms"]
        if policy.timeout_ms and not policy.durable:
            expires_ms = min(expires_ms, at_ms + policy.timeout_ms)
            set_timer(uow, TIMEOUT, row["id"], at_ms + policy.timeout_ms)
        if policy.feedback is not None:
            set_timer(uow, LOOK, row["id"], at_ms + d.LOOK_MS)
        message = Command(
            command_id=d.wire_id(row["id"], row["attempt"]),
            device=row["thing"],
            name=row["name"],
            args=row["args"],
            issued_ms=at_ms,
            expires_ms=expires_ms,
        )
        self._requests.put(uow, ref.site, message)

    def _on_acknowledged(self, uow: UnitOfWork, ack: CommandAcknowledged) -> None:
        row = self._rows.get(uow.conn, d.command_of(ack.command_id))
        if row is None or row["thing"] != ack.thing:
            return  # not ours: somebody else's command, or a device that makes up ids
        step, detail = d.STEP_OF_ACK[ack.status], ack.detail or ack.status
        newest = ack.command_id == d.wire_id(row["id"], row["attempt"])
        if step in (Step.FAIL, Step.EXPIRE) and not newest:
            return  # what became of an earlier try says nothing of the one under way
        if step is Step.PROGRESS:
            self._progress(uow, row, step, ack.at_ms, detail)
        elif step is Step.CONFIRM and row["policy"].get("feedback"):
            self._progress(uow, row, Step.ACKNOWLEDGE, ack.at_ms, detail)
        else:
            wrong = self.parameters.answered(uow, row, step, detail, at_ms=ack.at_ms)
            self._finish(uow, row, Step.FAIL if wrong else step, ack.at_ms, wrong or detail)

    def _progress(self, uow: UnitOfWork, row: Row, step: Step, at_ms: int, detail: str) -> None:
        """Accepted in time and under way: from now on silence ends it, not its expiry."""
        if step not in d.TRANSITIONS[State(row["state"])]:
            return
        self._swap(uow, row, step, detail)
        set_timer(uow, EXPIRY, row["id"], max(row["expires_ms"], at_ms + d.SILENT_MS))
        timeout_ms = row["policy"].get("timeout_ms", 0)
        if timeout_ms:
            set_timer(uow, TIMEOUT, row["id"], at_ms + timeout_ms)
        _tell(uow, at_ms, d.KIND_OF_STEP[step], row, detail)

    def _on_expiry(self, uow: UnitOfWork, timer: Timer) -> None:
        row = self._rows.get(uow.conn, timer.subject)
        if row is None:
            return
        running = row["state"] in (State.RUNNING, State.ACKNOWLEDGED)
        why = "begun, but silent for two days" if running else "no answer before it expired"
        self._finish(uow, row, Step.EXPIRE, timer.due_ms, why)

    def _on_look(self, uow: UnitOfWork, timer: Timer) -> None:
        row = self._rows.get(uow.conn, timer.subject)
        if row is None or not d.TRANSITIONS[State(row["state"])]:
            return
        if not self._confirmed(uow, row, timer.due_ms) and row["state"] != State.TIMEOUT:
            set_timer(uow, LOOK, row["id"], timer.due_ms + d.LOOK_MS)

    def _confirmed(self, uow: UnitOfWork, row: Row, at_ms: int) -> bool:
        """Whether the newest reading since the try says what was asked for; then it is done."""
        feedback = d.policy_of(row["policy"]).feedback
        if feedback is None:
            return False
        _, values = self._telemetry.series(
            row["thing"], feedback.signal, after_ms=row["tried_ms"], to_ms=at_ms
        )
        if not len(values) or not feedback.says(float(values[-1])):
            return False
        detail = f"{feedback.signal} is {float(values[-1]):g}"
        self._finish(uow, row, Step.CONFIRM, at_ms, detail)
        return True

    def _on_timeout(self, uow: UnitOfWork, timer: Timer) -> None:
        row = self._rows.get(uow.conn, timer.subject)
        if row is None or Step.TIME_OUT not in d.TRANSITIONS[State(row["state"])]:
            return
        at_ms = timer.due_ms
        if self._confirmed(uow, row, at_ms):
            return
        policy = d.policy_of(row["policy"])
        said = row["state"] == State.ACKNOWLEDGED
        why = "acknowledged, but no reading says so" if said else "no answer in time"
        self._swap(uow, row, Step.TIME_OUT, why)
        cancel_timer(uow, LOOK, row["id"])
        _tell(uow, at_ms, d.KIND_OF_STEP[Step.TIME_OUT], row, why)
        again_ms = at_ms + policy.spacing_ms
        if row["attempt"] <= policy.retries and again_ms < row["expires_ms"]:
            set_timer(uow, RETRY, row["id"], again_ms)
        else:
            tries = f"{row['attempt']} tries" if row["attempt"] > 1 else "one try"
            self._finish(uow, row, Step.FAIL, at_ms, f"{why}, after {tries}")

    def _on_retry(self, uow: UnitOfWork, timer: Timer) -> None:
        row = self._rows.get(uow.conn, timer.subject)
        if row is None or row["state"] != State.TIMEOUT:
            return
        ref = self._directory.thing(uow.conn, row["thing"])
        if ref is None:
            self._finish(uow, row, Step.FAIL, timer.due_ms, "the thing is gone")
            return
        more = {"attempt": row["attempt"] + 1, "tried_ms": timer.due_ms}
        self._swap(uow, row, Step.RETRY, row["detail"], **more)
        _tell(uow, timer.due_ms, d.KIND_OF_STEP[Step.RETRY], row, row["detail"])
        self._send(uow, ref, row, timer.due_ms)

    def _finish(self, uow: UnitOfWork, row: Row, step: Step, at_ms: int, detail: str) -> None:
        if not d.TRANSITIONS[State(row["state"])]:
            return  # answers come at least once; the first one that ends a command counts
        self._swap(uow, row, step, detail)
        for kind in (EXPIRY, TIMEOUT, LOOK, RETRY) if row["policy"] else (EXPIRY,):
            cancel_timer(uow, kind, row["id"])
        self.parameters.ended(uow, row, at_ms=at_ms)
        applied = self.parameters.applied(uow.conn, row)
        _tell(uow, at_ms, d.KIND_OF_STEP[step], row, detail, **applied)

    def _swap(self, uow: UnitOfWork, row: Row, step: Step, detail: str, **more: object) -> None:
        state = State(row["state"])
        target = after(d.TRANSITIONS, subject=row["id"], state=state, step=step)
        values = {"state": target.value, "detail": detail, **more}
        swapped = self._rows.swap(uow, row["id"], expected=state.value, values=values)
        assert swapped, "one writer: nobody can have moved it"
        row |= values


def _tell(uow: UnitOfWork, at_ms: int, kind: str, row: Row, detail: str, **more: object) -> None:
    data = {"thing": row["thing"], "name": row["name"], "args": row["args"], "detail": detail}
    data |= more
    if row["attempt"] > 1:
        data["attempt"] = row["attempt"]
    uow.publish(CommandChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=data))
