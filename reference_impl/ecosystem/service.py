"""Use cases of secondary use: set up, look at what was consented to, order work, leave a record.

Every look is written down for the owner of the data: what was read, from when to when, what it came
to and what was ordered. Consent is asked for at each look, in its transaction; a withdrawal also
closes the use at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from reference_impl.ecosystem import domain as d
from reference_impl.ecosystem.ports import EcosystemRows, Opened, Work
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import DpsError, Invalid, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.published import RightsChanged, SecondaryUseChanged

LOOK = "ecosystem/look"
PURPOSE = "secondary-use"
"""What owners consent to, and what their metrics must be collected for."""
HOUR_MS = 3_600_000
_SHOWN = ("owner", "recipient", "customer", "state", "why", "by")


class SecondaryUses:
    """What one party's data do for another's service."""

    def __init__(
        self, *, rows: EcosystemRows, scheduler: Scheduler, telemetry: TelemetryView,
        directory: Directory, opened: Opened, work: Work,
    ) -> None:  # fmt: skip
        self._rows, self._scheduler = rows, scheduler
        self._telemetry, self._directory = telemetry, directory
        self._opened, self._work = opened, work

    def subscribe(self, bus: Bus) -> None:
        """Listen for what owners allow, and look when it is time."""
        bus.subscribe(RightsChanged, self._on_rights)
        self._scheduler.on_timer(LOOK, self._on_look)

    def listed(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Secondary uses, by id."""
        return self._rows.uses.items(conn, **equals)

    def looks(self, conn: sa.Connection, use: str) -> list[Row]:
        """What a use read, by time."""
        return sorted(self._rows.looks.items(conn, use=use), key=lambda row: int(row["at_ms"]))

    def get(self, conn: sa.Connection, use: str) -> Row:
        """One. Raises Unknown."""
        row = self._rows.uses.get(conn, use)
        if row is None:
            problem = Problem(where="secondary_use", what=use)
            raise Unknown(f"there is no secondary use {use!r}", [problem])
        return row

    def put(self, uow: UnitOfWork, use: str, body: Mapping[str, Any], *, at_ms: int) -> Row:
        """Set one up, or change it; the same again changes nothing.

        Raises:
            Invalid: If work would be done where nothing is, or the use has ended.
        """
        place = self._directory.thing(uow.conn, body["thing"])
        if place is None:
            problem = Problem(where="thing", what=f"no thing {body['thing']!r}")
            raise Invalid("the secondary use is refused", [problem])
        known = self._rows.uses.get(uow.conn, use)
        if known is not None and known["state"] == d.Use.ENDED:
            problem = Problem(where="state", what="it has ended", allowed="another id")
            raise Invalid("the secondary use is refused", [problem])
        if known is not None and all(known[name] == value for name, value in body.items()):
            return known
        row = {
            "id": use, **body, "customer": place.customer, "state": d.Use.WITHHELD.value,
            "why": "nobody has looked yet", "changed_ms": at_ms,
        }  # fmt: skip
        self._rows.uses.put(uow, row)
        set_timer(uow, LOOK, use, at_ms + self._every_ms(row))
        return self._check(uow, row, at_ms)[0]

    def end(self, uow: UnitOfWork, use: str, *, by: str, at_ms: int) -> Row:
        """Look no more. Raises Unknown, or IllegalStep if it has ended."""
        row = self.get(uow.conn, use)
        cancel_timer(uow, LOOK, use)
        return self._move(uow, {**row, "by": by}, d.Step.END, "ended", at_ms)

    def _on_rights(self, uow: UnitOfWork, event: RightsChanged) -> None:
        """An owner gave or took something: what may no longer flow stops now."""
        for row in self.listed(uow.conn, owner=event.data["customer"]):
            if row["state"] != d.Use.ENDED:
                self._check(uow, row, event.at_ms)

    def _check(self, uow: UnitOfWork, row: Row, at_ms: int) -> tuple[Row, dict[str, int]]:
        """Bring its state to what the owner allows now; from when on each thing may be read."""
        try:
            since = {
                thing: self._opened(
                    uow.conn, recipient=row["recipient"], thing=thing, signal=row["signal"],
                    purpose=PURPOSE,
                )
                for thing in row["things"]
            }  # fmt: skip
        except DpsError as error:
            return self._withheld(uow, row, str(error), at_ms), {}
        strangers = [
            thing for thing in row["things"] if self._owner(uow.conn, thing) != row["owner"]
        ]
        if strangers:
            why = f"{', '.join(strangers)} is not of {row['owner']}"
            return self._withheld(uow, row, why, at_ms), {}
        if row["state"] == d.Use.WITHHELD:
            row = self._move(uow, row, d.Step.OPEN, "", at_ms)
        return row, since

    def _owner(self, conn: sa.Connection, thing: str) -> str:
        ref = self._directory.thing(conn, thing)
        return "" if ref is None else ref.customer

    def _withheld(self, uow: UnitOfWork, row: Row, why: str, at_ms: int) -> Row:
        if row["state"] == d.Use.OPEN:
            return self._move(uow, row, d.Step.WITHHOLD, why, at_ms)
        if row["why"] != why:
            row = {**row, "why": why}
            self._rows.uses.put(uow, row)
            _tell(uow, row, "withheld", at_ms)
        return row

    def _on_look(self, uow: UnitOfWork, timer: Timer) -> None:
        row, at_ms = self.get(uow.conn, timer.subject), timer.due_ms
        set_timer(uow, LOOK, row["id"], at_ms + self._every_ms(row))
        row, since = self._check(uow, row, at_ms)
        if since:
            self._look(uow, row, since, at_ms)

    def _look(self, uow: UnitOfWork, row: Row, since: Mapping[str, int], at_ms: int) -> None:
        """Read what is open, and order work if it says so."""
        values: dict[str, float | None] = {}
        spans: dict[str, list[int]] = {}
        readings = 0
        for thing, opened_ms in since.items():
            from_ms, to_ms = d.span(at_ms, round(row["over_h"] * HOUR_MS), opened_ms)
            spans[thing] = [from_ms, to_ms]
            _, found = self._telemetry.series(
                thing, row["signal"], after_ms=from_ms - 1, to_ms=to_ms
            )
            readings += found.size
            values[thing] = d.taken(found.tolist(), d.Taken(row["take"]))
        ordered = ""
        if d.calls_for_work(values, row["above"]):
            window = (at_ms + HOUR_MS, at_ms + HOUR_MS + round(row["within_h"] * HOUR_MS))
            ordered = self._work(
                uow, row["thing"], title=row["title"], span_ms=window, agreed=row["agreed"],
                by=f"secondary-use:{row['id']}", at_ms=at_ms,
            )  # fmt: skip
        look: Row = {
            "id": f"{row['id']}@{at_ms}", "use": row["id"], "owner": row["owner"],
            "recipient": row["recipient"], "signal": row["signal"], "at_ms": at_ms,
            "spans": spans, "values": values, "readings": readings, "ordered": ordered,
        }  # fmt: skip
        self._rows.looks.insert(uow, look)
        told = {n: v for n, v in look.items() if n not in ("id", "at_ms")}
        told |= {"take": row["take"], "above": row["above"], "thing": row["thing"]}
        kind = "secondary_use.ordered" if ordered else "secondary_use.looked"
        uow.publish(
            SecondaryUseChanged(
                at_ms=at_ms, kind=kind, subject=row["id"], data=told, customer=row["owner"]
            )
        )

    def _move(self, uow: UnitOfWork, row: Row, step: d.Step, why: str, at_ms: int) -> Row:
        target = after(d.USES, subject=row["id"], state=d.Use(row["state"]), step=step)
        row = {**row, "state": target.value, "why": why, "changed_ms": at_ms}
        self._rows.uses.put(uow, row)
        _tell(uow, row, d.PAST[step], at_ms)
        return row

    def _every_ms(self, row: Row) -> int:
        return round(float(row["every_h"]) * HOUR_MS)


def _tell(uow: UnitOfWork, row: Row, what: str, at_ms: int) -> None:
    data = {name: row[name] for name in _SHOWN}
    uow.publish(
        SecondaryUseChanged(
            at_ms=at_ms, kind=f"secondary_use.{what}", subject=row["id"], data=data,
            customer=row["owner"],
        )
    )  # fmt: skip
