"""Use cases of remote control: request a command, note what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from broker.wire.messages import Command, Downlink
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.ids import digest
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import (
    CommandAcknowledged,
    CommandChanged,
    CommandWanted,
    ModelInstalled,
)
from reference_impl.remote import obeying
from reference_impl.remote.domain import (
    KIND_OF_STEP,
    SILENT_MS,
    STEP_OF_ACK,
    TRANSITIONS,
    State,
    Step,
)
from reference_impl.remote.ports import RemoteRows

EXPIRY = "command_expiry"


class Requests(Protocol):
    """Where requests to devices go."""

    def put(self, uow: UnitOfWork, site: str, message: Downlink) -> bool:
        """Write a message; False if its id was written before."""
        ...


class Remote:
    """What devices are told."""

    def __init__(
        self, *, rows: RemoteRows, scheduler: Scheduler, directory: Directory, requests: Requests
    ) -> None:
        self._rows, self._obeyed = rows.commands, rows.obeyed
        self._scheduler = scheduler
        self._directory = directory
        self._requests = requests

    def subscribe(self, bus: Bus) -> None:
        """Listen for models, for commands that are wanted and acknowledged, and for expiry."""
        bus.subscribe(ModelInstalled, self._on_model)
        bus.subscribe(CommandWanted, self._on_wanted)
        bus.subscribe(CommandAcknowledged, self._on_acknowledged)
        self._scheduler.on_timer(EXPIRY, self._on_expiry)

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
    ) -> Row:
        """Ask a device to do something; the same request at the same instant is the same command.

        Raises:
            Unknown: If there is no such thing.
            Invalid: If its model does not obey this, with all problems.
        """
        ref = self._directory.thing(uow.conn, thing)
        if ref is None:
            raise Unknown(f"there is no thing {thing!r}", [Problem(where="thing", what=thing)])
        model = self._obeyed.get(uow.conn, ref.model)
        problems = [] if model is None else obeying.problems_of(model["obeys"], name, args)
        if problems:
            raise Invalid(f"{thing!r} is not asked to {name}", problems)
        command_id = f"cmd-{thing}-{name}-{digest(now_ms, dict(args), expires_ms, by)}"
        uow.publish(
            CommandWanted(
                at_ms=now_ms,
                command_id=command_id,
                thing=thing,
                name=name,
                args=args,
                expires_ms=expires_ms,
                by=by,
            )
        )
        return self.get(uow.conn, command_id)

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
            row = self._rows.get(uow.conn, command_id)
            if row is not None and row["state"] == State.REQUESTED:
                self._swap(uow, row, Step.SEND, "")

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
        }
        self._rows.insert(uow, row)
        message = Command(
            command_id=wanted.command_id,
            device=wanted.thing,
            name=wanted.name,
            args=dict(wanted.args),
            issued_ms=wanted.at_ms,
            expires_ms=wanted.expires_ms,
        )
        self._requests.put(uow, ref.site, message)
        set_timer(uow, EXPIRY, wanted.command_id, wanted.expires_ms)
        _tell(uow, wanted.at_ms, "command.requested", row, "")

    def _on_acknowledged(self, uow: UnitOfWork, ack: CommandAcknowledged) -> None:
        row = self._rows.get(uow.conn, ack.command_id)
        if row is None or row["thing"] != ack.thing:
            return  # not ours: somebody else's command, or a device that makes up ids
        step, detail = STEP_OF_ACK[ack.status], ack.detail or ack.status
        if step is Step.PROGRESS:
            self._progress(uow, row, ack.at_ms, detail)
        else:
            self._finish(uow, row, step, ack.at_ms, detail)

    def _on_expiry(self, uow: UnitOfWork, timer: Timer) -> None:
        row = self._rows.get(uow.conn, timer.subject)
        if row is None:
            return
        running = row["state"] == State.RUNNING
        why = "begun, but silent for two days" if running else "no answer before it expired"
        self._finish(uow, row, Step.EXPIRE, timer.due_ms, why)

    def _progress(self, uow: UnitOfWork, row: Row, at_ms: int, detail: str) -> None:
        """Accepted in time and under way: from now on silence ends it, not its expiry."""
        if not TRANSITIONS[State(row["state"])]:
            return
        self._swap(uow, row, Step.PROGRESS, detail)
        set_timer(uow, EXPIRY, row["id"], max(row["expires_ms"], at_ms + SILENT_MS))
        _tell(uow, at_ms, KIND_OF_STEP[Step.PROGRESS], row, detail)

    def _finish(self, uow: UnitOfWork, row: Row, step: Step, at_ms: int, detail: str) -> None:
        if not TRANSITIONS[State(row["state"])]:
            return  # answers come at least once; the first one that ends a command counts
        self._swap(uow, row, step, detail)
        cancel_timer(uow, EXPIRY, row["id"])
        _tell(uow, at_ms, KIND_OF_STEP[step], row, detail)

    def _swap(self, uow: UnitOfWork, row: Row, step: Step, detail: str) -> None:
        state = State(row["state"])
        target = after(TRANSITIONS, subject=row["id"], state=state, step=step)
        values = {"state": target.value, "detail": detail}
        swapped = self._rows.swap(uow, row["id"], expected=state.value, values=values)
        assert swapped, "one writer: nobody can have moved it"


def _tell(uow: UnitOfWork, at_ms: int, kind: str, row: Row, detail: str) -> None:
    data = {"thing": row["thing"], "name": row["name"], "args": row["args"], "detail": detail}
    uow.publish(CommandChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=data))
