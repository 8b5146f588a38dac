"""Plans the days of technicians, says why, and plans again when something urgent comes (FS6).

A plan that is made is kept in work orders: who comes, from when to when. Until a visit has been
confirmed to the customer it may be moved by the next plan. One that has been is moved only if
something urgent would be late otherwise, and then the customer is told, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from reference_impl.kernel.access import seen_of_things
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance import domain as m
from reference_impl.maintenance.desk import Desk
from reference_impl.maintenance.planning import domain as d
from reference_impl.maintenance.planning import explaining
from reference_impl.maintenance.planning.bundling import Bundling
from reference_impl.maintenance.planning.gathering import THERE, WANTED, Gathered, Gathering
from reference_impl.maintenance.planning.ports import PlanningRows
from reference_impl.maintenance.planning.searching import Plan, plan
from reference_impl.maintenance.planning.settings import MAIN, Told
from reference_impl.maintenance.ports import MaintenanceRows
from reference_impl.published import PlanChanged, WorkOrderChanged

DAILY, URGENT = "maintenance/plan-of-the-day", "maintenance/plan-at-once"
BY_PLANNER = "planner"
FREED_MAX = 10
"""So many confirmed visits are tried, one by one, before all are given up at once."""
PRIORITISED = "work_order.prioritised"
"""It may have a slot that is too late now."""
HEARD = ("work_order.requested", "work_order.triaged", PRIORITISED,
         "work_order.reopened", "work_order.remote_failed")  # fmt: skip


class Planner:
    """Use cases of planning."""

    def __init__(
        self,
        *,
        rows: MaintenanceRows,
        planning: PlanningRows,
        scheduler: Scheduler,
        told: Told,
        gathering: Gathering,
        bundling: Bundling,
        desk: Desk,
        directory: Directory,
    ) -> None:
        self._rows, self._planning, self._scheduler = rows, planning, scheduler
        self._told, self._gathering, self._bundling = told, gathering, bundling
        self._desk, self._directory = desk, directory

    def subscribe(self, bus: Bus) -> None:
        """Listen for what is urgent, and for the time of the daily plan."""
        bus.subscribe(WorkOrderChanged, self.on_work_order)
        self._scheduler.on_timer(DAILY, self._daily)
        self._scheduler.on_timer(URGENT, lambda uow, timer: self._by_itself(uow, timer, "urgent"))

    def set_settings(self, uow: UnitOfWork, body: Mapping[str, Any], *, at_ms: int) -> Row:
        """Say how planning is done; if it is done by itself, the next daily plan is set."""
        row = self._told.set_settings(uow, body)
        cancel_timer(uow, DAILY, MAIN)
        if row["enabled"]:
            set_timer(uow, DAILY, MAIN, next_daily_ms(row, at_ms))
        return row

    def on_work_order(self, uow: UnitOfWork, event: WorkOrderChanged) -> None:
        """Something urgent waits for a slot: everything is planned again, at once."""
        if event.kind not in HEARD:
            return
        settings = self._told.settings(uow.conn)
        if not settings["enabled"]:
            return
        row = self._rows.work_orders.get(uow.conn, event.subject)
        if row is None or row["priority"] not in settings["urgent"]:
            return
        state = m.WorkOrder(row["state"])
        late = event.kind == PRIORITISED and state is m.WorkOrder.PLANNED
        if state in WANTED or late:
            set_timer(uow, URGENT, MAIN, event.at_ms)

    def run(self, uow: UnitOfWork, *, at_ms: int, by: str, cause: str) -> Row:
        """Make plans: for everything that waits, and all that may still be moved."""
        found = self._gathering.all(uow.conn, at_ms, by)
        best = self._planned(uow.conn, found)
        best, extra = self._bundling.with_more(uow, found, best)
        stops = self._apply(uow, found, best)
        undone = {job.id: explaining.why_undone(job, found.workers) for job in best.undone}
        undone = {name: why for name, why in undone.items() if name not in extra}
        told = self._tell(uow, found, stops, undone | found.impossible, cause=cause)
        return {
            "at_ms": at_ms, "plans": told, "exact": best.exact, "breaches": best.cost.breaches,
            "late_ms": best.cost.late_ms, "travel_ms": best.cost.travel_ms,
            "undone": [
                {"work_order": name, "why": why}
                for name, why in sorted((undone | found.impossible).items())
            ],
            "moved": sorted(found.moved), "bundled": sorted(extra),
        }  # fmt: skip

    def confirm(self, uow: UnitOfWork, wo_id: str, *, by: str, at_ms: int) -> Row:
        """Tell the customer the time of a visit: from now on it stands.

        Raises:
            Unknown: If no planner has planned it.
            Invalid: If it is not planned any more.
        """
        visit = self.visit(uow.conn, wo_id)
        row = self._rows.work_orders.get(uow.conn, wo_id)
        if row is None or row["state"] != m.WorkOrder.PLANNED.value:
            state = "gone" if row is None else row["state"]
            problem = Problem(where="state", what=state, allowed="PLANNED")
            raise Invalid(f"{wo_id} has no time that could be confirmed", [problem])
        if visit["confirmed_ms"] is None:
            visit |= {"confirmed_ms": at_ms, "confirmed_by": by}
            self._planning.visits.put(uow, visit)
            self._say(uow, "confirmed", row, visit, at_ms)
        return visit

    def visit(self, conn: sa.Connection, wo_id: str) -> Row:
        """Who comes when, and why. Raises Unknown if no planner has planned it."""
        row = self._planning.visits.get(conn, wo_id)
        if row is None:
            what = [Problem(where="visit", what=wo_id)]
            raise Unknown(f"{wo_id!r} is in no plan", what)
        return row

    def plans(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Plans of technicians whose affairs the caller sees; of their stops those he sees."""
        ours = {row["technician"] for row in self._told.shifts(conn)}
        rows = [row for row in self._planning.plans.items(conn, **equals)
                if row["technician"] in ours]  # fmt: skip
        return [{**row, "stops": seen_of_things(row["stops"], at="begin_ms")} for row in rows]

    def _daily(self, uow: UnitOfWork, timer: Timer) -> None:
        settings = self._told.settings(uow.conn)
        set_timer(uow, DAILY, MAIN, next_daily_ms(settings, timer.due_ms))
        self._by_itself(uow, timer, "daily")

    def _by_itself(self, uow: UnitOfWork, timer: Timer, cause: str) -> None:
        self.run(uow, at_ms=timer.due_ms, by=BY_PLANNER, cause=cause)

    def _planned(self, conn: sa.Connection, found: Gathered) -> Plan:
        """The best plan. It moves confirmed visits only if what is urgent would be late."""

        def tried(free: Sequence[str]) -> Plan:
            places = self._told.places(conn)
            jobs = [job for job in found.jobs if job.id not in free]
            for name in free:
                row = found.rows[name]
                job = self._gathering.job(conn, found, row, places[row["site"]])
                jobs.append(replace(job, ready_ms=max(job.ready_ms, found.at_ms)))
            return plan(found.ground, found.workers, jobs, until_ms=found.until_ms)

        best = tried(())
        missed = _urgent_missed(found, best)
        for free in [[name] for name in found.confirmed[:FREED_MAX]] + [found.confirmed]:
            if not missed:
                break
            other = tried(free)
            kept = {job.id for route in other.routes.values() for job in route}
            if _urgent_missed(found, other) < missed and set(free) <= kept:
                best, found.moved, missed = other, set(free), _urgent_missed(found, other)
        return best

    def _apply(self, uow: UnitOfWork, found: Gathered, best: Plan) -> list[Row]:
        """Write a plan into work orders; gives all stops."""
        stops = []
        for job in best.undone:
            row = found.rows.get(job.id)
            if row and row["state"] == m.WorkOrder.PLANNED.value and job.begin_ms is None:
                self._desk.put_back(uow, job.id, by=found.by, at_ms=found.at_ms)
                self._planning.visits.delete(uow, job.id)
        for worker in found.workers:
            walked = d.walk(found.ground, worker, best.routes.get(worker.id, ()))
            assert walked is not None, "only routes that can be made are planned"
            for job, stop in walked:
                stops.append(self._stop(uow, found, worker, job, stop))
        return stops

    def _stop(
        self, uow: UnitOfWork, found: Gathered, worker: d.Worker, job: d.Job, stop: d.Stop
    ) -> Row:
        """One stop: its work order gets its slot, and the reasons are kept."""
        row = found.rows[job.id]
        before = found.visits.get(job.id)
        slot = (worker.id, stop.begin_ms, stop.end_ms)
        visit = {
            "work_order": job.id, "thing": row["thing"], "site": row["site"],
            "technician": worker.id, "leave_ms": stop.leave_ms, "arrive_ms": stop.arrive_ms,
            "begin_ms": stop.begin_ms, "end_ms": stop.end_ms, "travel_ms": stop.travel_ms,
            "confirmed_ms": None, "confirmed_by": "", "bundled": row["source"] == "bundle",
            "moves": 0 if before is None else before["moves"],
            "why": {
                "technician": explaining.why_who(found.ground, job, worker, found.workers),
                "time": explaining.why_then(job, stop),
                "others": dict(explaining.why_not(job, worker, found.workers)),
                "bundled": row["reason"] if row["source"] == "bundle" else "",
            },
        }  # fmt: skip
        stood = (row["technician"], row["start_ms"], row["end_ms"])
        planned = row["state"] == m.WorkOrder.PLANNED.value
        if job.begin_ms is not None:
            return visit if before is None else {**visit, **before}
        if planned and stood == slot and before is not None:
            self._planning.visits.put(uow, {**visit, "moves": before["moves"]})
            return visit
        stock = self._gathering.stock_of(uow.conn, worker.id, found, row)
        self._desk.book(
            uow, job.id, by=found.by, at_ms=found.at_ms, technician=worker.id,
            start_ms=stop.begin_ms, end_ms=stop.end_ms, stock=stock,
        )  # fmt: skip
        visit["moves"] += int(planned)
        self._planning.visits.put(uow, visit)
        if job.id in found.moved:
            assert before is not None, "only what was planned can have been confirmed"
            self._moved(uow, found, before, visit)
        return visit

    def _moved(self, uow: UnitOfWork, found: Gathered, before: Row, visit: Row) -> None:
        """What was confirmed is moved: the customer is told, in the portal and on the feed."""
        text = (
            f"Your visit of {_said(before['begin_ms'])} is now planned for"
            f" {_said(visit['begin_ms'])}: an urgent fault elsewhere comes first."
        )
        row, at_ms = found.rows[visit["work_order"]], found.at_ms
        self._desk.note(uow, row["id"], by=found.by, text=text, internal=False, at_ms=at_ms)
        more = {"was_from_ms": before["begin_ms"], "was_to_ms": before["end_ms"], "why": text}
        self._say(uow, "moved", row, visit, at_ms, **more)

    def _say(
        self, uow: UnitOfWork, what: str, row: Row, visit: Row, at_ms: int, **more: object
    ) -> None:
        ref = self._directory.thing(uow.conn, row["thing"])
        data = {
            "thing": row["thing"], "customer": "" if ref is None else ref.customer,
            "technician": visit["technician"], "from_ms": visit["begin_ms"],
            "to_ms": visit["end_ms"], **more,
        }  # fmt: skip
        kind = f"visit.{what}"
        uow.publish(PlanChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=data))

    def _tell(
        self, uow: UnitOfWork, found: Gathered, stops: Sequence[Row],
        undone: Mapping[str, str], *, cause: str,
    ) -> list[str]:  # fmt: skip
        """Keep and publish the plan of each technician and day that is new."""
        zones = {row["technician"]: row["time_zone"] for row in self._told.shifts(uow.conn)}
        days: dict[tuple[str, str], list[Row]] = {}
        for stop in sorted(stops, key=lambda one: (one["begin_ms"], one["work_order"])):
            day = _day(stop["begin_ms"], zones[stop["technician"]])
            days.setdefault((stop["technician"], day), []).append(_shown(stop))
        today = {name: _day(found.at_ms, zone) for name, zone in zones.items()}
        for row in self._planning.plans.items(uow.conn):
            if row["day"] >= today.get(row["technician"], "9"):
                days.setdefault((row["technician"], row["day"]), [])
        told = []
        for (technician, day), planned in sorted(days.items()):
            ident = f"plan-{technician}-{day}"
            before = self._planning.plans.get(uow.conn, ident)
            done = self._begun(uow.conn, before, planned, found.at_ms)
            row = {
                "id": ident, "technician": technician, "day": day, "made_ms": found.at_ms,
                "version": 1 if before is None else before["version"] + 1, "cause": cause,
                "stops": done + planned,
            }  # fmt: skip
            if (before is None and not row["stops"]) or (
                before is not None and before["stops"] == row["stops"]
            ):
                continue
            self._planning.plans.put(uow, row)
            told.append(ident)
            data = {name: row[name] for name in ("technician", "day", "version", "cause", "stops")}
            data["undone"] = dict(sorted(undone.items()))
            uow.publish(PlanChanged(at_ms=found.at_ms, kind="plan.made", subject=ident, data=data))
        return told

    def _begun(
        self, conn: sa.Connection, before: Row | None, planned: Sequence[Row], at_ms: int
    ) -> list[Row]:
        """Stops of a day's last plan that are past or under way, and so in no new plan."""
        again = {stop["work_order"] for stop in planned}
        kept = []
        for stop in [] if before is None else before["stops"]:
            row = self._rows.work_orders.get(conn, stop["work_order"])
            under_way = row is not None and m.WorkOrder(row["state"]) in THERE
            if stop["work_order"] not in again and (stop["begin_ms"] < at_ms or under_way):
                kept.append(stop)
        return kept


def _urgent_missed(found: Gathered, best: Plan) -> int:
    """Weights of the urgent jobs that a plan misses."""
    urgent = {n for n, row in found.rows.items() if row["priority"] in found.settings["urgent"]}
    missed = [job.weight for job in best.undone if job.id in urgent]
    for worker in found.workers:
        walked = d.walk(found.ground, worker, best.routes.get(worker.id, ()))
        assert walked is not None, "only routes that can be made are planned"
        missed += [d.cost_of(job, stop).breaches for job, stop in walked if job.id in urgent]
    return sum(missed)


def next_daily_ms(settings: Mapping[str, Any], after_ms: int) -> int:
    """When the next daily plan is made: ``daily_at``, as the clocks of the place show it."""
    zone = ZoneInfo(settings["time_zone"])
    hour, minute = (int(part) for part in settings["daily_at"].split(":"))
    there = datetime.fromtimestamp(after_ms // 1000, UTC).astimezone(zone)
    for days in range(3):
        day = datetime.fromordinal(there.toordinal() + days)
        at = day.replace(hour=hour, minute=minute, tzinfo=zone)
        at_ms = round(at.timestamp()) * 1000
        if at_ms > after_ms:
            return at_ms
    raise AssertionError("every day has its hour, or the one after it")


def _day(at_ms: int, time_zone: str) -> str:
    there = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(ZoneInfo(time_zone))
    return f"{there:%Y-%m-%d}"


def _said(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _shown(visit: Row) -> Row:
    """A stop as a plan shows it."""
    hidden = ("confirmed_by", "moves")
    return {name: value for name, value in visit.items() if name not in hidden}
