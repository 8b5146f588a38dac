"""Rollouts: packages, people's decisions, and groups that follow each other (3.6, FW7, FW10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reference_impl.kernel import access
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import IllegalStep, Invalid, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import FirmwareChanged
from reference_impl.remote import firmware as f
from reference_impl.remote import gates
from reference_impl.remote.firmware import Device, Move, Rollout, Step
from reference_impl.remote.health import Health
from reference_impl.remote.packages import Packages
from reference_impl.remote.ports import Machines, RemoteRows
from reference_impl.remote.rates import Verdict
from reference_impl.remote.service import Remote
from reference_impl.remote.updates import Order, Updates

TICK = "firmware_tick"
BY_ITSELF = "firmware"
MINUTE_MS = 60_000
LOOK_MS = 10 * MINUTE_MS
"""How often devices that may not be touched now are looked at again (estimate)."""


class Rollouts:
    """Use cases of firmware."""

    def __init__(
        self,
        *,
        rows: RemoteRows,
        scheduler: Scheduler,
        directory: Directory,
        telemetry: TelemetryView,
        machines: Machines,
        remote: Remote,
    ) -> None:
        self._offered, self._rows = rows.firmware_packages, rows.rollouts
        self.packages = Packages(rows=rows)
        self._scheduler, self._directory, self._machines = scheduler, directory, machines
        self.updates = Updates(
            rows=rows,
            scheduler=scheduler,
            directory=directory,
            telemetry=telemetry,
            machines=machines,
            remote=remote,
            order_of=self.order_of,
            moved=self._look,
        )
        self.health = Health(
            rows=rows, scheduler=scheduler, machines=machines, judged=self._on_judged
        )

    def subscribe(self, bus: Bus) -> None:
        """Listen to devices and to what comes due."""
        self.updates.subscribe(bus)
        self.health.subscribe()
        self._scheduler.on_timer(TICK, self._tick)

    def put(
        self, uow: UnitOfWork, ident: str, plan: Mapping[str, Any], *, by: str, at_ms: int
    ) -> Row:
        """Write a draft, or change one.

        Raises:
            IllegalStep: If it is no draft any more.
            Invalid: With everything that is wrong with its plan.
        """
        known = self._rows.get(uow.conn, ident)
        if known is not None:
            access.must_see_party(known["party"], what=f"rollout {ident!r}")
            if known["state"] != Rollout.DRAFT:
                raise IllegalStep(f"rollout {ident!r}", known["state"], "change", ["DRAFT"])
        problems = self._problems(uow.conn, plan)
        if problems:
            raise Invalid(f"rollout {ident!r} is refused", problems)
        row = {
            "id": ident,
            "party": access.current().party if known is None else known["party"],
            "package": plan["package"],
            "state": Rollout.DRAFT.value,
            "plan": dict(plan),
            "current": 0,
            "forced": 0,
            "created_by": by,
            "by": by,
            "reason": "",
            "created_ms": at_ms if known is None else known["created_ms"],
            "changed_ms": at_ms,
        }
        self._rows.put(uow, row)
        return row

    def items(self, conn: Connection) -> list[Row]:
        """All rollouts that the caller sees, by id."""
        return access.seen_of_parties(self._rows.items(conn))

    def get(self, conn: Connection, ident: str) -> Row:
        """One rollout. Raises Unknown."""
        row = self._rows.get(conn, ident)
        if row is None:
            raise Unknown(f"there is no rollout {ident!r}")
        access.must_see_party(row["party"], what=f"rollout {ident!r}")
        return row

    def of_thing(self, conn: Connection, thing: str, *, at_ms: int) -> tuple[str, str, list[Row]]:
        """The version that a thing reported last, its hardware, and its updates by rollout."""
        runs = self.updates.reported(conn, thing, at_ms=at_ms)
        hardware = self._machines.hardware(conn, thing)
        return runs, hardware, self.updates.of_thing(conn, thing)

    def step(
        self, uow: UnitOfWork, ident: str, step: Step, *, by: str, reason: str, at_ms: int
    ) -> Row:
        """A person decides.

        Raises:
            IllegalStep: If the state forbids it, or somebody approves what is his own.
            Invalid: If nobody would be updated.
        """
        row = self.get(uow.conn, ident)
        if step is Step.SUBMIT and not row["plan"]["approval"]:
            step = Step.WAIVE
        if step is Step.APPROVE and by == row["created_by"]:
            raise IllegalStep(f"rollout {ident!r}", row["state"], "approve", ["by somebody else"])
        after(f.ROLLOUTS, subject=ident, state=Rollout(row["state"]), step=step)
        if step is Step.START:
            self._enlist(uow, row, at_ms)
            set_timer(uow, TICK, ident, at_ms)
        elif step is Step.RESUME:
            if row["by"] == BY_ITSELF:  # who resumes it says that the group is good enough
                row["forced"] = row["current"] + 1
            set_timer(uow, TICK, ident, at_ms)
        self._move(uow, row, step, by=by, reason=reason, at_ms=at_ms)
        if step is Step.STOP:
            self._skip_rest(uow, row, at_ms)
        return row

    def order_of(self, conn: Connection, ident: str) -> Order:
        """What a rollout wants of its devices."""
        row = self._rows.get(conn, ident)
        assert row is not None, "devices are of a rollout"
        package = self._offered.get(conn, row["package"])
        assert package is not None, "a rollout is of a package"
        signals = self._signals(conn, package["models"])
        bodies = row["plan"]["forbidden"]
        conditions, _ = gates.read_conditions(bodies, signals, where="forbidden")
        plan = row["plan"]
        return Order(rollout=ident, package=package, plan=plan, conditions=tuple(conditions))

    def _signals(self, conn: Connection, models: Sequence[str]) -> set[str]:
        """Signals that every one of the models has."""
        each = [set(self._directory.signals(conn, model)) for model in models]
        return set.intersection(*each) if each else set()

    def _problems(self, conn: Connection, plan: Mapping[str, Any]) -> list[Problem]:
        try:
            package = self.packages.get(conn, plan["package"])
        except Unknown:
            allowed = ", ".join(row["id"] for row in self.packages.items(conn)) or "there is none"
            what = f"there is no package {plan['package']!r}"
            return [Problem(where="package", what=what, allowed=allowed)]
        signals = self._signals(conn, package["models"])
        _, found = gates.read_conditions(plan["forbidden"], signals, where="forbidden")
        named = [("things", thing) for thing in plan["things"] or ()]
        for number, group in enumerate(plan["groups"]):
            named += [(f"groups[{number}].things", thing) for thing in group["things"]]
        for where, thing in named:
            ref = self._directory.thing(conn, thing)
            if ref is None or access.seen_from_ms(thing) is None:
                found.append(Problem(where=where, what=f"there is no thing {thing!r}"))
            elif not f.fits(package, ref.model, self._machines.hardware(conn, thing)):
                what = f"{package['id']} does not fit {thing!r} ({ref.model})"
                fits = f"models {', '.join(package['models'])}"
                if package["hardware"]:
                    fits += f", hardware {', '.join(package['hardware'])}"
                found.append(Problem(where=where, what=what, allowed=fits))
        return found

    def _enlist(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        """Choose the devices, now: what the caller sees, fits, and was asked for."""
        order = self.order_of(uow.conn, row["id"])
        plan, package = order.plan, order.package
        wanted = None if plan["things"] is None else set(plan["things"])
        if wanted is not None:
            wanted |= {thing for group in plan["groups"] for thing in group["things"]}
        apart = set(plan["health"]["control"]) if plan["health"] else set()
        things = [
            ref.thing
            for model in package["models"]
            for ref in self._directory.things(uow.conn, model)
            if (wanted is None or ref.thing in wanted)
            and ref.thing not in apart
            and (plan["sites"] is None or ref.site in plan["sites"])
            and access.seen_from_ms(ref.thing) is not None
            and f.fits(package, model, self._machines.hardware(uow.conn, ref.thing))
        ]
        if not things:
            where = [Problem(where="package", what=f"fits none of the things of {package['id']}")]
            raise Invalid(f"rollout {row['id']!r} would update nobody", where)
        numbers = f.grouped(row["id"], things, plan["groups"])
        for thing, number in sorted(zip(things, numbers, strict=True)):
            self.updates.enlist(uow, order, thing, number, at_ms)

    # what happens by itself

    def _tick(self, uow: UnitOfWork, timer: Timer) -> None:
        self._look(uow, timer.subject, timer.due_ms)

    def _look(self, uow: UnitOfWork, ident: str, at_ms: int) -> None:
        """Decide what follows from where the devices are."""
        row = self._rows.get(uow.conn, ident)
        assert row is not None, "nothing removes a rollout"
        if row["state"] == Rollout.STARTING:
            self._move(uow, row, Step.BEGIN, by=BY_ITSELF, reason="", at_ms=at_ms)
            self._open_group(uow, row, 1, at_ms)
        if row["state"] == Rollout.STOPPED:
            self._skip_rest(uow, row, at_ms)  # who was asked and did not hear of it
        if row["state"] not in (Rollout.RUNNING, Rollout.PAUSED):
            return
        order = self.order_of(uow.conn, ident)
        while self._advance(uow, row, order, self.updates.of_rollout(uow.conn, ident), at_ms):
            pass  # whoever is skipped when he is looked at changes how his group stands

    def _advance(
        self, uow: UnitOfWork, row: Row, order: Order, devices: list[Row], at_ms: int
    ) -> bool:
        """One round: stop, go on or finish; release. Says whether anybody was skipped by it."""
        plan, current = row["plan"]["groups"], row["current"]
        self._give_up(uow, row, order, devices, at_ms)
        tallies = [
            f.tally([one["state"] for one in devices if one["number"] == number])
            for number in range(1, len(plan) + 1)
        ]
        for number, group in enumerate(plan[:current], 1):
            if tallies[number - 1].too_many_errors(group["error_share"]):
                self._emergency(uow, row, number, tallies[number - 1], at_ms)
                return False
            if row["plan"]["health"] and tallies[number - 1].over:
                self.health.watch(uow, order, number, at_ms)
        if row["state"] == Rollout.PAUSED:
            return False
        if current < len(plan) and self._may_follow(uow.conn, row, tallies[current - 1]):
            self._open_group(uow, row, current + 1, at_ms)
            return True
        if all(tally.over for tally in tallies):
            self._move(uow, row, Step.FINISH, by=BY_ITSELF, reason="", at_ms=at_ms)
            return False
        if tallies[current - 1].over and not self._waits_for_health(uow.conn, row):
            tally = tallies[current - 1]
            why = f"group {current}: {tally.updated} of {tally.judged} were updated"
            self._move(uow, row, Step.PAUSE, by=BY_ITSELF, reason=why, at_ms=at_ms)
            return False
        return self._release(uow, row, order, devices, at_ms)

    def _may_follow(self, conn: Connection, row: Row, tally: f.Tally) -> bool:
        """Whether the next group may begin."""
        number = row["current"]
        if row["forced"] > number:
            return True
        success_share = row["plan"]["groups"][number - 1]["success_share"]
        return tally.succeeded(success_share) and not self._waits_for_health(conn, row)

    def _waits_for_health(self, conn: Connection, row: Row) -> bool:
        plan = row["plan"]["health"]
        return bool(plan and plan["gate"] and self.health.open(conn, row["id"], row["current"]))

    def _release(
        self, uow: UnitOfWork, row: Row, order: Order, devices: list[Row], at_ms: int
    ) -> bool:
        """Ask as many devices as the throttle allows (FW10), and look again later."""
        plan, ended = row["plan"], False
        flying = sum(one["state"] in f.UNDER_WAY for one in devices)
        lately = sum((one["initiated_ms"] or 0) > at_ms - MINUTE_MS for one in devices)
        free = min(plan["in_flight"] - flying, plan["per_minute"] - lately)
        waiting = [
            one
            for one in devices
            if one["state"] == Device.QUEUED and one["number"] <= row["current"]
        ]
        for one in waiting:
            if free <= 0:
                break
            if one["next_ms"] <= at_ms:
                free -= self.updates.release(uow, order, one, at_ms)
                ended = ended or one["state"] in f.ENDED
        cancel_timer(uow, TICK, row["id"])
        if any(one["state"] == Device.QUEUED for one in waiting):
            span_ms = MINUTE_MS if lately or free <= 0 else LOOK_MS
            set_timer(uow, TICK, row["id"], at_ms + span_ms)
        return ended

    def _give_up(
        self, uow: UnitOfWork, row: Row, order: Order, devices: list[Row], at_ms: int
    ) -> None:
        """Skip who could not be asked for too long."""
        patience_ms = round(row["plan"]["patience_s"] * 1000)
        for one in devices:
            waits = one["state"] == Device.QUEUED and one["number"] <= row["current"]
            if waits and at_ms - one["queued_ms"] >= patience_ms:
                why = one["reason"] or "no turn in time"
                move = Move.TIME_OUT if one["attempt"] else Move.SKIP
                self.updates.move(uow, order, one, move, why, at_ms=at_ms)

    def _open_group(self, uow: UnitOfWork, row: Row, number: int, at_ms: int) -> None:
        row |= {"current": number, "changed_ms": at_ms}
        self._rows.put(uow, row)
        mine = [o for o in self.updates.of_rollout(uow.conn, row["id"]) if o["number"] == number]
        self.updates.queue(uow, mine, at_ms)
        group = row["plan"]["groups"][number - 1]
        data = {
            "group": number,
            "size": sum(one["state"] != Device.SKIPPED for one in mine),
            "error_share": group["error_share"],
            "success_share": group["success_share"],
        }
        _tell(uow, row, "group_started", data, at_ms)

    def _emergency(
        self, uow: UnitOfWork, row: Row, number: int, tally: f.Tally, at_ms: int
    ) -> None:
        why = f"group {number}: {tally.errors} of {tally.judged} went wrong"
        self._move(uow, row, Step.STOP, by=BY_ITSELF, reason=why, at_ms=at_ms)
        self._skip_rest(uow, row, at_ms)

    def _skip_rest(self, uow: UnitOfWork, row: Row, at_ms: int) -> None:
        """Whoever was not asked yet is not asked any more; who was goes on to his end."""
        order = self.order_of(uow.conn, row["id"])
        for one in self.updates.of_rollout(uow.conn, row["id"]):
            if one["state"] == Device.QUEUED:
                self.updates.move(
                    uow, order, one, Move.SKIP, "the rollout was stopped", at_ms=at_ms
                )
        cancel_timer(uow, TICK, row["id"])

    def _on_judged(
        self,
        uow: UnitOfWork,
        ident: str,
        number: int,
        *,
        verdict: Verdict,
        why: str,
        at_ms: int,
    ) -> None:
        row = self._rows.get(uow.conn, ident)
        assert row is not None, "nothing removes a rollout"
        data = {"group": number, "verdict": verdict.value, "why": why}
        _tell(uow, row, "health_judged", data, at_ms)
        if verdict is Verdict.UNHEALTHY and row["state"] in (Rollout.RUNNING, Rollout.PAUSED):
            self._move(uow, row, Step.STOP, by=BY_ITSELF, reason=f"health: {why}", at_ms=at_ms)
            self._skip_rest(uow, row, at_ms)
        else:
            self._look(uow, ident, at_ms)

    def _move(
        self, uow: UnitOfWork, row: Row, step: Step, *, by: str, reason: str, at_ms: int
    ) -> None:
        target = after(f.ROLLOUTS, subject=row["id"], state=Rollout(row["state"]), step=step)
        row |= {"state": target.value, "by": by, "reason": reason, "changed_ms": at_ms}
        self._rows.put(uow, row)
        data = {"state": target.value, "by": by, "reason": reason, "group": row["current"]}
        _tell(uow, row, f"rollout_{f.PAST[step]}", data, at_ms)


def _tell(uow: UnitOfWork, row: Row, what: str, data: Mapping[str, Any], at_ms: int) -> None:
    told = {"rollout": row["id"], "package": row["package"], **data}
    kind = f"firmware.{what}"
    uow.publish(FirmwareChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=told))
