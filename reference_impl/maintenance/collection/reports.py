"""What citizens tell: a container that overflows opens an SLA clock (rule B4 of domain 6.3).

A report is a support request of the thing, so that the service level of its customer applies; a
second one about the same joins the first. A report of an overflow is fetched in the same shift, and
whoever serves the container settles it.
"""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa

from reference_impl.kernel.errors import Problem, Unknown
from reference_impl.kernel.ids import digest
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance.collection.driving import Driving
from reference_impl.maintenance.collection.needs import DIRTY, OVERFLOW
from reference_impl.maintenance.collection.ports import CollectionRows, Requests
from reference_impl.published import CollectionChanged


class About(StrEnum):
    """What a citizen sees."""

    OVERFLOW = OVERFLOW
    DIRTY = DIRTY
    DAMAGED = "damaged"


class CitizenReports:
    """Use cases of reports."""

    def __init__(
        self, *, rows: CollectionRows, directory: Directory, requests: Requests, driving: Driving
    ) -> None:
        self._rows, self._directory = rows, directory
        self._requests, self._driving = requests, driving

    def listed(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Reports, by id."""
        return self._rows.reports.items(conn, **equals)

    def tell(
        self, uow: UnitOfWork, thing: str, *, about: About, by: str, text: str, at_ms: int
    ) -> Row:
        """Somebody has seen something. Raises Unknown."""
        ref = self._directory.thing(uow.conn, thing)
        if ref is None:
            raise Unknown(f"there is no thing {thing!r}", [Problem(where="thing", what=thing)])
        for known in self._rows.reports.items(uow.conn, thing=thing, about=about.value,
                                              closed_ms=None):  # fmt: skip
            again = {**known, "times": known["times"] + 1}
            self._rows.reports.put(uow, again)
            self._requests.note(uow, known["ticket"], by=by, text=text or about.value, at_ms=at_ms)
            return again
        ticket = self._requests.open(
            uow, thing, by=by, title=f"Citizen report: {about.value}", text=text,
            urgent=about is About.OVERFLOW, at_ms=at_ms,
        )  # fmt: skip
        row: Row = {
            "id": f"report-{thing}-{digest(about.value, at_ms)}", "thing": thing,
            "customer": ref.customer, "about": about.value, "ticket": ticket, "text": text,
            "by": by, "times": 1, "reported_ms": at_ms, "closed_ms": None,
        }  # fmt: skip
        self._rows.reports.insert(uow, row)
        names = ("thing", "customer", "about", "ticket", "by")
        uow.publish(
            CollectionChanged(
                at_ms=at_ms, kind="citizen_report.opened", subject=row["id"],
                data={name: row[name] for name in names},
            )
        )  # fmt: skip
        if about is About.OVERFLOW:
            self._driving.take_along(uow, thing, "report", at_ms)
        return row
