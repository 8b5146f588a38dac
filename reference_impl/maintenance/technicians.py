"""Who can be sent: technicians of the organisation and of partners, with skills and slots (W6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.access import current
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance import domain as d
from reference_impl.maintenance.ports import MaintenanceRows

OWNER = "organisation:main"
"""Whose a technician or a service level is unless somebody says another."""
SLOT_MS = 4 * 3_600_000
"""How long a visit takes if nobody says: 2 to 4 h on a machine (domain 6.1)."""


class Technicians:
    """People, what they know, and when they are taken."""

    def __init__(self, *, rows: MaintenanceRows) -> None:
        self._rows = rows

    def listed(self, conn: sa.Connection) -> list[Row]:
        """Technicians of the parties whose affairs the caller sees (FS10), by id."""
        return [row for row in self._rows.technicians.items(conn) if _ours(row["party"])]

    def put(
        self, uow: UnitOfWork, technician: str, *, name: str, party: str, skills: Sequence[str]
    ) -> Row:
        """Enter a technician, or say what else he knows. Raises Unknown for others' people."""
        known = self._rows.technicians.get(uow.conn, technician)
        for owner in (party, party if known is None else known["party"]):
            if not _ours(owner):
                raise Unknown(f"there is no technician {technician!r} of {owner!r}")
        row = {"id": technician, "name": name, "party": party, "skills": sorted(set(skills))}
        self._rows.technicians.put(uow, row)
        return row

    def slots(self, conn: sa.Connection, technician: str) -> list[Row]:
        """The open orders that a technician is planned for."""
        rows = self._rows.work_orders.items(conn, technician=technician)
        return [row for row in rows if d.WorkOrder(row["state"]) in d.BOOKED]

    def must_be_free(
        self,
        conn: sa.Connection,
        technician: str,
        order: Mapping[str, Any],
        *,
        start_ms: int,
        end_ms: int | None,
    ) -> None:
        """Raise Invalid unless the technician knows the work and has the time for it.

        Raises:
            Invalid: With all that is missing at once: the person, skills, time.
        """
        row = self._rows.technicians.get(conn, technician)
        if row is None or not _ours(row["party"]):
            names = ", ".join(one["id"] for one in self.listed(conn)) or "none is known yet"
            problem = Problem(where="technician", what=f"no {technician!r}", allowed=names)
            raise Invalid("the plan is refused", [problem])
        problems = []
        until_ms = start_ms + SLOT_MS if end_ms is None else end_ms
        if until_ms <= start_ms:
            what = f"{until_ms} is not after the start"
            problems.append(Problem(where="end_ms", what=what, allowed=f"> {start_ms}"))
        lacking = sorted(set(order["skills"]) - set(row["skills"]))
        if lacking:
            able = [o["id"] for o in self.listed(conn) if set(order["skills"]) <= set(o["skills"])]
            what = f"{technician!r} lacks {', '.join(lacking)}"
            allowed = ", ".join(able) or "nobody knows all of it"
            problems.append(Problem(where="technician", what=what, allowed=allowed))
        for other in self.slots(conn, technician):
            begin_ms = other["start_ms"]
            last_ms = begin_ms + SLOT_MS if other["end_ms"] is None else other["end_ms"]
            if other["id"] != order["id"] and begin_ms < until_ms and start_ms < last_ms:
                what = f"{technician!r} is at {other['id']} from {begin_ms} to {last_ms}"
                problems.append(Problem(where="start_ms", what=what, allowed="a free time"))
        if problems:
            raise Invalid("the plan is refused", problems)


def _ours(party: str) -> bool:
    """Whether the caller sees a party's own affairs."""
    parties = current().parties
    return parties is None or party in parties
