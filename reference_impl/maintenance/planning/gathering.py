"""Puts together what there is to plan: jobs from work orders, technicians with their shifts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.access import seen_of_things
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.maintenance import domain as m
from reference_impl.maintenance.calendars import Span
from reference_impl.maintenance.desk import MAIN
from reference_impl.maintenance.incidents import Incidents, Run
from reference_impl.maintenance.planning import domain as d
from reference_impl.maintenance.planning.ports import Due, Free, PlanningRows, Responsible
from reference_impl.maintenance.planning.settings import Told, calendar_of
from reference_impl.maintenance.ports import MaintenanceRows
from reference_impl.maintenance.service_levels import Limit, Priority
from reference_impl.maintenance.technicians import OWNER, SLOT_MS, Technicians
from reference_impl.maintenance.travel import Place, Roads, shifts

MINUTE_MS, DAY_MS = 60_000, 86_400_000
WANTED = frozenset({m.WorkOrder.REQUESTED, m.WorkOrder.TRIAGED, m.WorkOrder.REOPENED})
"""States in which a visit waits for a slot."""
SENT = frozenset({m.WorkOrder.DISPATCHED, m.WorkOrder.ACCEPTED})
"""States in which the technician knows where to go, and when."""
THERE = frozenset(
    {m.WorkOrder.EN_ROUTE, m.WorkOrder.ON_SITE, m.WorkOrder.IN_PROGRESS, m.WorkOrder.ON_HOLD}
)
"""States in which a technician is taken until he says that he is done."""
WEIGHTS: Mapping[str, int] = {Priority.P1: 8, Priority.P2: 4, Priority.P3: 2}
"""What a breach counts for by priority (an estimate): one of P1 more than two of P2."""
FIXED = 1000
"""A visit that was confirmed counts for more than any limit."""


@dataclass(slots=True, kw_only=True)
class Gathered:
    """All that a plan is made of, and what cannot even be tried, with the reason."""

    at_ms: int
    until_ms: int
    by: str
    settings: Mapping[str, Any]
    ground: d.Ground
    jobs: list[d.Job] = field(default_factory=list)
    workers: list[d.Worker] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=dict)
    visits: dict[str, Row] = field(default_factory=dict)
    confirmed: list[str] = field(default_factory=list)
    impossible: dict[str, str] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    """Confirmed visits that are moved all the same."""
    stocks: dict[str, str] = field(default_factory=dict)
    """Whose shelf is in whose van."""
    shelves: dict[tuple[str, str], int] = field(default_factory=dict)
    """What is left on shelves after the jobs so far; what is not asked for is not in it."""


class Gathering:
    """Reads work orders, limits, technicians and shelves."""

    def __init__(
        self,
        *,
        rows: MaintenanceRows,
        planning: PlanningRows,
        told: Told,
        technicians: Technicians,
        incidents: Incidents,
        directory: Directory,
        free: Free,
        responsible: Responsible,
        spare: Due,
    ) -> None:
        self._rows, self._planning, self._told = rows, planning, told
        self._technicians, self._incidents = technicians, incidents
        self._directory, self._free, self._responsible = directory, free, responsible
        self._spare = spare

    def all(self, conn: sa.Connection, at_ms: int, by: str) -> Gathered:
        """Everything to plan at a moment."""
        settings = self._told.settings(conn)
        horizon_ms = round(settings["horizon_days"] * DAY_MS)
        roads = Roads(detour=settings["detour"], speed_kmh=settings["speed_kmh"])
        found = Gathered(
            at_ms=at_ms, until_ms=at_ms + horizon_ms, by=by, settings=settings,
            ground=d.Ground(roads=roads),
            visits={row["work_order"]: row for row in self._planning.visits.items(conn)},
        )  # fmt: skip
        places = self._told.places(conn)
        self._workers(conn, found, places)
        rows = [
            row
            for state in (*WANTED, m.WorkOrder.PLANNED, *SENT)
            for row in self._rows.work_orders.items(conn, state=state.value)
        ]
        for row in sorted(seen_of_things(rows, at="requested_ms"), key=_hurry):
            self._add(conn, found, row, places)
        return found

    def _workers(self, conn: sa.Connection, found: Gathered, places: Mapping[str, Place]) -> None:
        known = {row["id"]: row for row in self._technicians.listed(conn)}
        for shift in self._told.shifts(conn):
            name = shift["technician"]
            home = Place(
                id=f"home:{name}",
                latitude_deg=shift["latitude_deg"],
                longitude_deg=shift["longitude_deg"],
            )
            spans = shifts(
                calendar_of(shift)[0], found.at_ms, found.until_ms,
                away=[(begin, end) for begin, end in shift["away"]],
            )  # fmt: skip
            place, free_ms = self._now(conn, found, name, places)
            if spans and place is not None and spans[0].from_ms > free_ms:
                place = None  # he goes home in between
            found.workers.append(
                d.Worker(
                    id=name, home=home, shifts=tuple(spans), at=place, free_ms=free_ms,
                    skills=frozenset(known[name]["skills"]),
                )
            )  # fmt: skip
            found.stocks[name] = shift["stock"] or MAIN

    def _now(
        self, conn: sa.Connection, found: Gathered, name: str, places: Mapping[str, Place]
    ) -> tuple[Place | None, int]:
        """Where a technician is, and until when he is taken by what he has begun."""
        place, free_ms = None, found.at_ms
        for row in self._technicians.slots(conn, name):
            if m.WorkOrder(row["state"]) in THERE:
                place = places.get(row["site"])
                free_ms = max(free_ms, _ends(row))
        return place, free_ms

    def _add(
        self, conn: sa.Connection, found: Gathered, row: Row, places: Mapping[str, Place]
    ) -> None:
        """One work order as a job, if it can be one."""
        name = row["id"]
        sent = m.WorkOrder(row["state"]) in SENT
        planned = sent or row["state"] == m.WorkOrder.PLANNED.value
        visit = found.visits.get(name)
        if planned and row["technician"] not in found.stocks:
            return  # a crew that plans itself has it, or somebody whose shift nobody knows
        found.rows[name] = row
        place = places.get(row["site"])
        if place is None:
            found.impossible[name] = f"nobody knows where {row['site']} is"
            return
        confirmed = visit is not None and visit["confirmed_ms"] is not None
        if sent or (planned and (visit is None or confirmed)):
            self._fix(found, row, place)
            if confirmed and not sent:
                found.confirmed.append(name)
            return
        found.jobs.append(self.job(conn, found, row, place))

    def job(self, conn: sa.Connection, found: Gathered, row: Row, place: Place) -> d.Job:
        """A work order that may be planned, or planned again."""
        ref = self._directory.thing(conn, row["thing"])
        party = "" if ref is None else self._responsible(conn, ref.customer)
        skills = frozenset(row["skills"])
        may = {
            one["id"]
            for one in self._technicians.listed(conn)
            if one["party"] in (OWNER, party) and skills <= set(one["skills"])
        }
        settings = found.settings
        respond_ms, restore_ms = self._dues(conn, row)
        urgent = row["priority"] in settings["urgent"]
        if urgent and restore_ms is None and settings["at_risk"] is not None:
            restore_ms = self._spare(conn, row["thing"])
        work_min = settings["work_min_of"].get(row["kind"], settings["work_min"])
        window = self._agreed(conn, row) if row["kind"] == m.Kind.UPKEEP.value else None
        ready_ms = found.at_ms + (0 if urgent else round(settings["notice_min"] * MINUTE_MS))
        if row["state"] == m.WorkOrder.PLANNED.value:  # else every plan would put it off again
            ready_ms = min(ready_ms, max(row["start_ms"], found.at_ms))
        return d.Job(
            id=row["id"], place=place, work_ms=round(work_min * MINUTE_MS),
            ready_ms=ready_ms,
            skills=skills, respond_ms=respond_ms, restore_ms=restore_ms,
            window=window, only=self._only(conn, found, row, may),
            weight=WEIGHTS.get(row["priority"], 1),
        )  # fmt: skip

    def _only(
        self, conn: sa.Connection, found: Gathered, row: Row, may: set[str]
    ) -> frozenset[str]:
        """Who can come with the parts; those that are promised to it already count as there."""
        if not row["reserved"]:
            return self.carriers(conn, found, row["parts"], may)
        stocks = found.stocks
        return frozenset(n for n in may & stocks.keys() if row["stock"] in (MAIN, stocks[n]))

    def _agreed(self, conn: sa.Connection, row: Row) -> Span | None:
        for work in self._rows.planned_work.items(conn, work_order=row["id"]):
            return work["from_ms"], work["to_ms"]
        return None

    def _dues(self, conn: sa.Connection, row: Row) -> tuple[int | None, int | None]:
        """When somebody must be there, and be done; None: nothing is promised, or it waits."""
        incident = row["incident"]
        if not incident or self._incidents.get(conn, incident) is None:
            return None, None
        clocks = self._incidents.clocks(conn, incident)
        dues = [
            clock["due_ms"] if clock["state"] == Run.RUNNING.value else None
            for clock in (clocks[Limit.RESPOND], clocks[Limit.RESTORE])
        ]
        return dues[0], dues[1]

    def carriers(
        self, conn: sa.Connection, found: Gathered, parts: Sequence[Mapping[str, Any]],
        may: set[str],
    ) -> frozenset[str]:  # fmt: skip
        """Those of ``may`` who can bring the parts: in the van, or from the main shelf.

        What is promised to one job is not there for the next: where both have it, both give.
        """
        here = [name for name in sorted(may) if name in found.stocks]
        able = {
            name
            for name in here
            if self._has(conn, found, found.stocks[name], parts)
            or self._has(conn, found, MAIN, parts)
        }
        shelves = {MAIN} if self._has(conn, found, MAIN, parts) else set[str]()
        if not shelves and able:
            able = {min(able)}
        shelves |= {found.stocks[n] for n in able if self._has(conn, found, found.stocks[n], parts)}
        for party in shelves:
            for line in parts:
                key = party, line["part"]
                if key in found.shelves:
                    found.shelves[key] -= line["quantity"]
        return frozenset(able)

    def _has(
        self, conn: sa.Connection, found: Gathered, party: str, parts: Sequence[Mapping[str, Any]]
    ) -> bool:
        """Whether a shelf has the parts; where nobody keeps a main shelf they are made to order."""
        for line in parts:
            key = party, line["part"]
            if key not in found.shelves:
                left = self._free(conn, *key)
                if left is None and party == MAIN:
                    continue
                found.shelves[key] = left or 0
            if found.shelves[key] < line["quantity"]:
                return False
        return True

    def stock_of(self, conn: sa.Connection, worker: str, found: Gathered, row: Row) -> str:
        """Whose shelf a technician takes parts from: his van's if it has them all."""
        if row["reserved"]:
            return str(row["stock"])
        van, parts = found.stocks.get(worker, MAIN), row["parts"]
        if all((self._free(conn, van, one["part"]) or 0) >= one["quantity"] for one in parts):
            return van
        return MAIN

    def _fix(self, found: Gathered, row: Row, place: Place) -> None:
        """A visit whose time stands: a job of its technician alone, at its time."""
        begin_ms, end_ms = row["start_ms"], _ends(row)
        if begin_ms < found.at_ms:
            return
        found.jobs.append(
            d.Job(
                id=row["id"], place=place, work_ms=end_ms - begin_ms, begin_ms=begin_ms,
                only=frozenset({row["technician"]}), weight=FIXED,
            )
        )  # fmt: skip


def _ends(row: Row) -> int:
    """When a visit is planned to end."""
    return int(row["start_ms"] + SLOT_MS if row["end_ms"] is None else row["end_ms"])


def _hurry(row: Row) -> tuple[str, int, str]:
    """Who gets the last part: more hurry, then who asked first."""
    return (row["priority"] or "P9", row["requested_ms"], row["id"])
