"""The health check of a group some time after its update, against machines that were not (FW12)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, set_timer
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.remote.firmware import Device
from reference_impl.remote.ports import Machines, RemoteRows
from reference_impl.remote.rates import Verdict, Watched, judge
from reference_impl.remote.updates import Order

CHECK = "firmware_health"
HOUR_MS = 3_600_000
WAITING = "WAITING"


class Judged(Protocol):
    """What is done with a verdict."""

    def __call__(
        self,
        uow: UnitOfWork,
        ident: str,
        number: int,
        *,
        verdict: Verdict,
        why: str,
        at_ms: int,
    ) -> None:
        """Tell it, and stop or go on."""
        ...


class Health:
    """Watches groups that are over."""

    def __init__(
        self, *, rows: RemoteRows, scheduler: Scheduler, machines: Machines, judged: Judged
    ) -> None:
        self._rows, self._devices, self._rollouts = (
            rows.rollout_health,
            rows.rollout_devices,
            rows.rollouts,
        )
        self._scheduler, self._machines, self._judged = scheduler, machines, judged

    def subscribe(self) -> None:
        """Listen for checks that come due."""
        self._scheduler.on_timer(CHECK, self._on_check)

    def items(self, conn: Connection, rollout: str) -> list[Row]:
        """The checks of a rollout, by group."""
        return self._rows.items(conn, rollout=rollout)

    def open(self, conn: Connection, rollout: str, number: int) -> bool:
        """Whether a group's verdict is still to come."""
        row = self._rows.get(conn, rollout, number)
        return row is None or row["verdict"] == WAITING

    def watch(self, uow: UnitOfWork, order: Order, number: int, at_ms: int) -> None:
        """A group is over: look at it when its time has passed; once."""
        if self._rows.get(uow.conn, order.rollout, number) is not None:
            return
        due_ms = at_ms + round(order.plan["health"]["after_s"] * 1000)
        row = {
            "rollout": order.rollout,
            "number": number,
            "verdict": WAITING,
            "due_ms": due_ms,
            "events": 0,
            "hours": 0.0,
            "control_events": 0,
            "control_hours": 0.0,
            "chance": None,
        }
        self._rows.insert(uow, row)
        set_timer(uow, CHECK, f"{order.rollout}/{number}", due_ms)

    def _on_check(self, uow: UnitOfWork, timer: Timer) -> None:
        ident, _, text = timer.subject.rpartition("/")
        number, to_ms = int(text), timer.due_ms
        rollout = self._rollouts.get(uow.conn, ident)
        row = self._rows.get(uow.conn, ident, number)
        assert rollout is not None
        assert row is not None
        plan = rollout["plan"]["health"]
        devices = self._devices.items(uow.conn, rollout=ident)
        updated = {
            one["thing"]: one["ended_ms"]
            for one in devices
            if one["number"] == number and one["state"] == Device.UPDATED
        }
        from_ms = min(updated.values(), default=to_ms)
        span_ms = round(plan["after_s"] * 1000)
        treated = self._seen(
            uow.conn, ((thing, at, min(to_ms, at + span_ms)) for thing, at in updated.items())
        )
        others = {one["thing"]: one["initiated_ms"] or to_ms for one in devices}
        others = {thing: end for thing, end in others.items() if thing not in updated}
        others |= dict.fromkeys(plan["control"], to_ms)
        control = self._seen(uow.conn, ((t, from_ms, end) for t, end in sorted(others.items())))
        verdict, chance = judge(treated, control, alpha=plan["alpha"])
        row |= {
            "verdict": verdict.value,
            "events": treated.events,
            "hours": treated.hours,
            "control_events": control.events,
            "control_hours": control.hours,
            "chance": chance,
        }
        self._rows.put(uow, row)
        why = (
            f"{treated.events} alerts in {treated.hours:.0f} machine-hours, "
            f"{control.events} in {control.hours:.0f} of those not updated"
        )
        self._judged(uow, ident, number, verdict=verdict, why=why, at_ms=to_ms)

    def _seen(self, conn: Connection, watched: Iterable[tuple[str, int, int]]) -> Watched:
        events, span_ms = 0, 0
        for thing, from_ms, to_ms in watched:
            if to_ms > from_ms:
                alerts = self._machines.alerts_ms(conn, thing, after_ms=from_ms, to_ms=to_ms)
                events, span_ms = events + len(alerts), span_ms + to_ms - from_ms
        return Watched(events=events, hours=span_ms / HOUR_MS)
