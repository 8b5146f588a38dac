"""The update of one device: asked for when nothing forbids it, followed by what the device says.

What a device says (an acknowledgement, a birth) becomes a timer at the time that it names, and is
looked at when that comes due: so decisions of a rollout follow the order of events, whatever the
order of arrival, and all of it survives a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.cached import Cached
from reference_impl.kernel.ids import digest
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import Directory, TelemetryView, ThingRef
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import CommandChanged, CommandWanted, DeviceSeen, FirmwareChanged
from reference_impl.remote import firmware as f
from reference_impl.remote import gates
from reference_impl.remote.domain import State
from reference_impl.remote.firmware import Device, Move
from reference_impl.remote.gates import Condition
from reference_impl.remote.ports import Machines, RemoteRows
from reference_impl.remote.service import UPDATE, Remote

REPORT, BORN = "firmware_report", "firmware_born"
SETTLE, DEADLINE = "firmware_settle", "firmware_deadline"
START_WITHIN_MS = 15 * 60_000
"""A device that hears of an update later than this does not begin it: things may have changed."""
AGAIN_MS = 30 * 60_000
"""When a device that refused, or was not there, is asked again (estimates, as all of these)."""
ATTEMPTS_MAX = 3
"""Refusals after which it is a failure."""
SETTLE_MS = 10 * 60_000
"""A device that reports the target but never says that it is done is believed after so long: its
image is then no longer on trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a rollout wants of its devices."""

    rollout: str
    package: Mapping[str, Any]
    plan: Mapping[str, Any]
    conditions: tuple[Condition, ...]

    @property
    def target(self) -> str:
        """The version."""
        return str(self.package["version"])


class Updates:
    """Releases devices and follows them."""

    def __init__(
        self,
        *,
        rows: RemoteRows,
        scheduler: Scheduler,
        directory: Directory,
        telemetry: TelemetryView,
        machines: Machines,
        remote: Remote,
        order_of: Callable[[Connection, str], Order],
        moved: Callable[[UnitOfWork, str, int], None],
    ) -> None:
        self._rows, self._commands = rows.rollout_devices, rows.commands
        self._scheduler, self._directory = scheduler, directory
        self._telemetry, self._machines, self._remote = telemetry, machines, remote
        self._order_of, self._moved = order_of, moved
        self._open: Cached[str, str] = Cached(self._load)
        """The rollout of each thing whose update is under way: births are many, these are few."""

    def subscribe(self, bus: Bus) -> None:
        """Listen to what devices say, and to what comes due."""
        bus.subscribe(CommandChanged, self._on_command)
        bus.subscribe(DeviceSeen, self._on_seen)
        self._scheduler.on_timer(REPORT, self._on_report)
        self._scheduler.on_timer(BORN, self._on_born)
        self._scheduler.on_timer(SETTLE, self._on_settled)
        self._scheduler.on_timer(DEADLINE, self._on_deadline)

    def _load(self, conn: Connection) -> dict[str, str]:
        return {
            row["thing"]: row["rollout"]
            for state in sorted(f.UNDER_WAY)
            for row in self._rows.items(conn, state=state.value)
        }

    def of_rollout(self, conn: Connection, rollout: str) -> list[Row]:
        """The devices of a rollout, by group and id."""
        rows = self._rows.items(conn, rollout=rollout)
        return sorted(rows, key=lambda row: (row["number"], row["thing"]))

    def of_thing(self, conn: Connection, thing: str) -> list[Row]:
        """The updates of a thing, by rollout."""
        return self._rows.items(conn, thing=thing)

    def reported(self, conn: Connection, thing: str, *, at_ms: int) -> str:
        """The version that a device reported last; empty if it never did."""
        born = self._machines.born(conn, thing, to_ms=at_ms)
        return "" if born is None else born.firmware

    def enlist(self, uow: UnitOfWork, order: Order, thing: str, number: int, at_ms: int) -> None:
        """Put a device into a group; one that may not get the version is skipped at once."""
        was = self.reported(uow.conn, thing, at_ms=at_ms)
        row = {
            "rollout": order.rollout,
            "thing": thing,
            "number": number,
            "state": Device.QUEUED.value,
            "reason": "",
            "was": was,
            "attempt": 0,
            "command": "",
            "done": False,
            "queued_ms": at_ms,
            "next_ms": at_ms,
            "initiated_ms": None,
            "ended_ms": None,
        }
        self._rows.insert(uow, row)
        why = f.unfit(order.target, was, downgrade=order.plan["downgrade"]) if was else ""
        if why:
            self.move(uow, order, row, Move.SKIP, why, at_ms=at_ms)

    def queue(self, uow: UnitOfWork, devices: Sequence[Row], at_ms: int) -> None:
        """The turn of a group has come: from now on its devices wait."""
        for row in devices:
            if row["state"] == Device.QUEUED:
                self._rows.put(uow, row | {"queued_ms": at_ms})

    def release(self, uow: UnitOfWork, order: Order, row: Row, at_ms: int) -> bool:
        """Ask a device to update, if nothing forbids it now; says whether it was asked."""
        thing, conn = row["thing"], uow.conn
        ref = self._directory.thing(conn, thing)
        if ref is None:
            self.move(uow, order, row, Move.SKIP, "left its owner", at_ms=at_ms)
            return False
        runs = self.reported(conn, thing, at_ms=at_ms)
        if row["attempt"] and runs == order.target:
            self.move(uow, order, row, Move.SUCCEED, "", at_ms=at_ms)
            return False
        if not f.fits(order.package, ref.model, self._machines.hardware(conn, thing)):
            self.move(uow, order, row, Move.SKIP, "its model or hardware has changed", at_ms=at_ms)
            return False
        unfit = f.unfit(order.target, runs, downgrade=order.plan["downgrade"]) if runs else ""
        if unfit:
            self.move(uow, order, row, Move.SKIP, unfit, at_ms=at_ms)
            return False
        closes_ms = self._closes_ms(order, ref, at_ms)
        why = self._waits(conn, order, thing, runs, at_ms) if closes_ms else "outside its window"
        if why or closes_ms is None:
            self._wait(uow, row, why)
            return False
        expires_ms = min(closes_ms, at_ms + START_WITHIN_MS)
        self._ask(uow, order, row, runs=runs, expires_ms=expires_ms, at_ms=at_ms)
        return True

    def _closes_ms(self, order: Order, ref: ThingRef, at_ms: int) -> int | None:
        window = order.plan["window"]
        if window is None:
            return at_ms + START_WITHIN_MS
        return gates.closes_ms(window["hours"], window["days"], at_ms, ref.time_zone)

    def _waits(self, conn: Connection, order: Order, thing: str, runs: str, at_ms: int) -> str:
        """What a device must wait for; empty if for nothing."""
        if not runs or not self._machines.online(conn, thing, at_ms=at_ms):
            return "offline"
        others = self._rows.items(conn, thing=thing)
        if self._remote.updating(conn, thing) or any(
            row["state"] in f.UNDER_WAY for row in others if row["rollout"] != order.rollout
        ):
            return "another update is under way"
        return gates.forbidden(order.conditions, self._telemetry, thing, at_ms)

    def _wait(self, uow: UnitOfWork, row: Row, why: str) -> None:
        if row["reason"] != why:
            row |= {"reason": why}
            self._rows.put(uow, row)

    def _ask(
        self,
        uow: UnitOfWork,
        order: Order,
        row: Row,
        *,
        runs: str,
        expires_ms: int,
        at_ms: int,
    ) -> None:
        attempt = row["attempt"] + 1
        command = f"cmd-{row['thing']}-fw-{order.rollout}-{attempt}"
        row |= {"attempt": attempt, "command": command, "initiated_ms": at_ms, "was": runs}
        self.move(uow, order, row, Move.INITIATE, "", at_ms=at_ms)
        args = {"version": order.target, "sha256": order.package["checksum"]}
        if order.plan["downgrade"]:
            args["downgrade"] = True
        uow.publish(
            CommandWanted(
                at_ms=at_ms, command_id=command, thing=row["thing"], name=UPDATE, args=args,
                expires_ms=expires_ms, by=f"firmware:{order.rollout}",
            )
        )  # fmt: skip
        deadline_ms = at_ms + round(order.plan["device_timeout_s"] * 1000)
        set_timer(uow, DEADLINE, f"{order.rollout}/{row['thing']}", deadline_ms)

    def move(
        self, uow: UnitOfWork, order: Order, row: Row, move: Move, why: str, *, at_ms: int
    ) -> None:
        """Let a device take a step, and tell it."""
        state, thing = Device(row["state"]), row["thing"]
        subject = f"{order.rollout}/{thing}"
        target = after(f.DEVICES, subject=subject, state=state, step=move)
        row |= {"state": target.value, "reason": why}
        known = self._open.of(uow)
        if target in f.UNDER_WAY:
            known[thing] = order.rollout
        elif known.get(thing) == order.rollout:
            del known[thing]
        if target in f.ENDED:
            row["ended_ms"] = at_ms
            cancel_timer(uow, DEADLINE, subject)
        self._rows.put(uow, row)
        data = {
            "thing": thing,
            "rollout": order.rollout,
            "group": row["number"],
            "version": order.target,
            "was": row["was"],
            "state": target.value,
            "attempt": row["attempt"],
            "why": why,
        }
        kind = f"firmware.{move.value}"
        uow.publish(FirmwareChanged(at_ms=at_ms, kind=kind, subject=subject, data=data))

    def _on_command(self, uow: UnitOfWork, event: CommandChanged) -> None:
        if event.data["name"] != UPDATE or event.kind == "command.requested":
            return
        if self._rows.items(uow.conn, command=event.subject):
            said = {"command": event.subject, "kind": event.kind, "detail": event.data["detail"]}
            subject = f"{event.subject}/{digest(event.at_ms, said)}"
            set_timer(uow, REPORT, subject, event.at_ms, said)

    def _on_seen(self, uow: UnitOfWork, event: DeviceSeen) -> None:
        if event.kind == "device.born" and event.subject in self._open.of(uow):
            said = {"thing": event.subject, "firmware": event.data["firmware"]}
            set_timer(uow, BORN, f"{event.subject}/{event.data['boot']}", event.at_ms, said)

    def _on_report(self, uow: UnitOfWork, timer: Timer) -> None:
        """A device said something of its update."""
        rows = self._rows.items(uow.conn, command=timer.args["command"])
        if not rows or rows[0]["state"] not in f.UNDER_WAY:
            return
        row, at_ms = rows[0], timer.due_ms
        order = self._order_of(uow.conn, row["rollout"])
        report = f.report_of(timer.args["detail"])
        if timer.args["kind"] == "command.progressed":
            move = f.MOVE_OF_STAGE.get(report.stage)
            if move in f.DEVICES[Device(row["state"])]:
                assert move is not None
                self.move(uow, order, row, move, "", at_ms=at_ms)
        elif timer.args["kind"] == "command.confirmed":
            if self.reported(uow.conn, row["thing"], at_ms=at_ms) == order.target:
                self.move(uow, order, row, Move.SUCCEED, "", at_ms=at_ms)
            else:  # it says so, but what it reported last is another version (FW2)
                row |= {"done": True, "reason": "done, but its new version is not reported yet"}
                self._rows.put(uow, row)
        elif timer.args["kind"] == "command.failed":
            self._failed(uow, order, row, report, at_ms)
        self._moved(uow, order.rollout, at_ms)

    def _failed(
        self, uow: UnitOfWork, order: Order, row: Row, report: f.Report, at_ms: int
    ) -> None:
        """It went wrong, or never began: then it is asked again, a few times."""
        if report.stage:
            back = report.stage == "rolled_back"
            self.move(
                uow, order, row, Move.ROLL_BACK if back else Move.FAIL, report.why, at_ms=at_ms
            )
            return
        if row["state"] != Device.INITIATED:
            self.move(uow, order, row, Move.TIME_OUT, report.why, at_ms=at_ms)
            return
        command = self._commands.get(uow.conn, row["command"])
        refused = command is None or command["state"] != State.EXPIRED
        if refused and row["attempt"] >= ATTEMPTS_MAX:
            self.move(uow, order, row, Move.FAIL, report.why, at_ms=at_ms)
            return
        row["next_ms"] = at_ms + AGAIN_MS
        cancel_timer(uow, DEADLINE, f"{order.rollout}/{row['thing']}")
        self.move(uow, order, row, Move.REQUEUE, report.why, at_ms=at_ms)

    def _on_born(self, uow: UnitOfWork, timer: Timer) -> None:
        """A device started: with the target, it is well once it says so, or after a while."""
        rollout = self._open.of(uow).get(timer.args["thing"])
        if rollout is None:
            return
        order = self._order_of(uow.conn, rollout)
        row = self._rows.get(uow.conn, rollout, timer.args["thing"])
        assert row is not None, "it is in the index of this table"
        if timer.args["firmware"] != order.target:
            return
        if row["done"]:
            self.move(uow, order, row, Move.SUCCEED, "", at_ms=timer.due_ms)
            self._moved(uow, rollout, timer.due_ms)
        else:
            set_timer(uow, SETTLE, f"{rollout}/{row['thing']}", timer.due_ms + SETTLE_MS)

    def _on_settled(self, uow: UnitOfWork, timer: Timer) -> None:
        self._judge(uow, timer, last=False)

    def _on_deadline(self, uow: UnitOfWork, timer: Timer) -> None:
        self._judge(uow, timer, last=True)

    def _judge(self, uow: UnitOfWork, timer: Timer, *, last: bool) -> None:
        """Nothing more was heard: what the device reported last decides."""
        rollout, _, thing = timer.subject.partition("/")
        row = self._rows.get(uow.conn, rollout, thing)
        if row is None or row["state"] not in f.UNDER_WAY:
            return
        order, at_ms = self._order_of(uow.conn, rollout), timer.due_ms
        if self.reported(uow.conn, thing, at_ms=at_ms) == order.target:
            self.move(uow, order, row, Move.SUCCEED, "", at_ms=at_ms)
        elif last:
            self.move(uow, order, row, Move.TIME_OUT, "nothing heard in time", at_ms=at_ms)
        self._moved(uow, rollout, at_ms)
