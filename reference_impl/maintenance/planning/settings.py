"""What a planner is told: where sites are, when people work, how planning is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance.calendars import Calendar, read_calendar
from reference_impl.maintenance.planning.ports import PlanningRows
from reference_impl.maintenance.technicians import Technicians
from reference_impl.maintenance.travel import DETOUR, SPEED_KMH, Place, place_problems

MAIN = "main"
DEFAULTS: Mapping[str, Any] = {
    "enabled": False,
    "time_zone": "UTC",
    "daily_at": "06:00",
    "horizon_days": 7,
    "urgent": ["P1", "P2"],
    "notice_min": 0,
    "at_risk": None,
    "work_min": 150,
    "work_min_of": {},
    "bundle_work_min": 60,
    "visit_eur": 280.0,
    "detour": DETOUR,
    "speed_kmh": SPEED_KMH,
}
"""150 min on a machine and 280 EUR a visit: 2 to 4 h and the fee by day of domain 6.1; an hour for
a part that is pulled forward is an estimate."""


class Told:
    """Use cases of what planning knows."""

    def __init__(self, *, rows: PlanningRows, technicians: Technicians) -> None:
        self._rows, self._technicians = rows, technicians

    def settings(self, conn: sa.Connection) -> Row:
        """How planning is done."""
        row = self._rows.settings.get(conn, MAIN)
        return {**DEFAULTS, **({} if row is None else row["body"])}

    def set_settings(self, uow: UnitOfWork, body: Mapping[str, Any]) -> Row:
        """Say how planning is done. Raises Invalid if there is no such time zone."""
        _, problems = read_calendar(
            time_zone=str(body.get("time_zone", "UTC")), hours=None, holidays=()
        )
        if problems:
            raise Invalid("the settings are refused", problems)
        self._rows.settings.put(uow, {"id": MAIN, "body": dict(body)})
        return self.settings(uow.conn)

    def places(self, conn: sa.Connection) -> dict[str, Place]:
        """Where sites are, by site."""
        return {
            row["site"]: Place(
                id=row["site"],
                latitude_deg=row["latitude_deg"],
                longitude_deg=row["longitude_deg"],
            )
            for row in self._rows.places.items(conn)
        }

    def put_place(
        self, uow: UnitOfWork, site: str, *, latitude_deg: float, longitude_deg: float
    ) -> Row:
        """Say where a site is. Raises Invalid if that is nowhere."""
        problems = place_problems(latitude_deg, longitude_deg)
        if problems:
            raise Invalid(f"the place of {site!r} is refused", problems)
        row = {"site": site, "latitude_deg": latitude_deg, "longitude_deg": longitude_deg}
        self._rows.places.put(uow, row)
        return row

    def shifts(self, conn: sa.Connection) -> list[Row]:
        """When the technicians of whom the caller sees the affairs work, by id."""
        ours = {row["id"] for row in self._technicians.listed(conn)}
        return [row for row in self._rows.shifts.items(conn) if row["technician"] in ours]

    def put_shift(self, uow: UnitOfWork, technician: str, body: Mapping[str, Any]) -> Row:
        """Say when a technician works, where he starts, and whose shelf is in his van.

        Raises:
            Unknown: If there is no such technician.
            Invalid: With all that is wrong with hours and home.
        """
        if technician not in {row["id"] for row in self._technicians.listed(uow.conn)}:
            what = [Problem(where="technician", what=technician)]
            raise Unknown(f"there is no technician {technician!r}", what)
        problems = place_problems(body["latitude_deg"], body["longitude_deg"])
        problems += calendar_of(body)[1]
        for number, (from_ms, to_ms) in enumerate(body["away"]):
            if from_ms >= to_ms:
                empty, where = f"{from_ms} to {to_ms} is empty", f"away.{number}"
                problems.append(Problem(where=where, what=empty, allowed="a beginning and an end"))
        if problems:
            raise Invalid(f"the shift of {technician!r} is refused", problems)
        row = {"technician": technician, **body}
        self._rows.shifts.put(uow, row)
        return row


def calendar_of(shift: Mapping[str, Any]) -> tuple[Calendar, list[Problem]]:
    """The working hours of a shift, and what is wrong with them."""
    hours: Mapping[str, Sequence[Any]] = shift["hours"]
    return read_calendar(time_zone=shift["time_zone"], hours=hours, holidays=shift["holidays"])
