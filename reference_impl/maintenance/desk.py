"""The service desk: what is reported, triage, who comes with what, and what is said of it.

One corrective order at a time is open for a failure: what is reported again meanwhile attaches to
it (W1). Alerts open orders by themselves where the service level of the thing says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance import domain as d
from reference_impl.maintenance.finishing import BY_SERVICE
from reference_impl.maintenance.ports import Alerts, MaintenanceRows, PartsList, Shelves
from reference_impl.maintenance.promises import Promises
from reference_impl.maintenance.service import Maintenance, tell
from reference_impl.maintenance.service_levels import Priority, ServiceLevels
from reference_impl.maintenance.technicians import Technicians
from reference_impl.published import AlertChanged, WorkOrderChanged

MAIN = "main"
"""The party whose shelf parts come from unless somebody says another."""


class Desk:
    """Use cases of who takes reports and sends people."""

    def __init__(
        self,
        *,
        rows: MaintenanceRows,
        orders: Maintenance,
        levels: ServiceLevels,
        promises: Promises,
        technicians: Technicians,
        directory: Directory,
        alerts: Alerts,
        shelves: Shelves,
        parts: PartsList,
    ) -> None:
        self._rows, self._orders, self._levels, self._promises = rows, orders, levels, promises
        self._technicians, self._directory, self._alerts = technicians, directory, alerts
        self._shelves, self._parts = shelves, parts

    def subscribe(self, bus: Bus) -> None:
        """Listen for alerts, and for visits that end: their parts are used or free again."""
        bus.subscribe(AlertChanged, self.on_alert)
        bus.subscribe(WorkOrderChanged, self.on_work_order)

    def on_alert(self, uow: UnitOfWork, event: AlertChanged) -> None:
        """An alert was raised on a thing whose service level opens orders for its severity."""
        if event.kind != "alert.raised":
            return
        alert = self._alerts(uow.conn, event.subject)
        thing = None if alert is None else self._directory.thing(uow.conn, alert["thing"])
        if alert is None or thing is None:
            return
        level = self._levels.of_thing(uow.conn, thing.thing, thing.customer)
        if level is None or alert["severity"] not in level["opens_for"]:
            return
        self.report(
            uow, thing.thing, title=alert["why"] or alert["rule"], alert=alert["id"],
            source="alert", by=BY_SERVICE, at_ms=event.at_ms,
        )  # fmt: skip

    def report(
        self,
        uow: UnitOfWork,
        thing: str,
        *,
        title: str,
        source: str,
        by: str,
        at_ms: int,
        position: str = d.WHOLE,
        part: str = "",
        alert: str | None = None,
        ticket: str | None = None,
        begun_ms: int | None = None,
        priority: str = "",
    ) -> Row:
        """Something is wrong: a corrective order, or the one that is open for it already.

        Raises:
            Unknown: If there is no such thing.
            Invalid: With all that is wrong: an alert or ticket of another thing, a beginning that
                has not come.
        """
        ref = self._directory.thing(uow.conn, thing)
        if ref is None:
            raise Unknown(f"there is no thing {thing!r}", [Problem(where="thing", what=thing)])
        raised = self._of_thing(uow.conn, thing, alert=alert, ticket=ticket, at_ms=at_ms,
                                begun_ms=begun_ms)  # fmt: skip
        alerts, faults = ([alert], [raised["rule"]]) if alert and raised else ([], [])
        there = self._orders.coming(uow.conn, thing, position)
        if there is not None:
            return self._attach(uow, there, alerts, faults, by=by, at_ms=at_ms)
        place = {"thing": thing, "position": position}
        fitted = self._rows.register.items(uow.conn, **place)
        cycle = max((int(entry["cycle"]) for entry in fitted), default=1)
        key = d.need_key(thing, position, cycle)
        need = {**place, "need_key": key, "order": "", "site": ref.site, "part": part,
                "cycle": cycle}  # fmt: skip
        asked = None if ticket is None else self._rows.tickets.get(uow.conn, ticket)
        incident = "" if asked is None else asked["incident"] or asked["id"]
        if begun_ms is None and raised is not None:
            begun_ms = raised["started_ms"]
        return self._orders.request(
            uow, need, attempt=1 + len(self._rows.work_orders.items(uow.conn, need_key=key)),
            at_ms=at_ms, kind=d.Kind.CORRECTIVE, by=by, title=title, source=source,
            alerts=alerts, faults=faults, ticket=ticket or "", incident=incident,
            event_ms=begun_ms, priority=priority,
        )  # fmt: skip

    def _of_thing(
        self,
        conn: sa.Connection,
        thing: str,
        *,
        alert: str | None,
        ticket: str | None,
        at_ms: int,
        begun_ms: int | None,
    ) -> Row | None:
        problems = []
        raised = None if alert is None else self._alerts(conn, alert)
        if alert is not None and (raised is None or raised["thing"] != thing):
            what = f"{alert!r} is no alert of {thing!r}"
            problems.append(Problem(where="alert", what=what, allowed="an alert of the thing"))
        asked = None if ticket is None else self._rows.tickets.get(conn, ticket)
        if ticket is not None and (asked is None or asked["thing"] != thing):
            what = f"{ticket!r} is no ticket of {thing!r}"
            problems.append(Problem(where="ticket", what=what, allowed="a ticket of the thing"))
        if begun_ms is not None and begun_ms > at_ms:
            what = f"{begun_ms} has not come"
            problems.append(Problem(where="begun_ms", what=what, allowed=f"at most {at_ms}"))
        if problems:
            raise Invalid("the report is refused", problems)
        return raised

    def _attach(
        self,
        uow: UnitOfWork,
        row: Row,
        alerts: Sequence[str],
        faults: Sequence[str],
        *,
        by: str,
        at_ms: int,
    ) -> Row:
        more = {
            "alerts": [*row["alerts"], *(a for a in alerts if a not in row["alerts"])],
            "faults": [*row["faults"], *(f for f in faults if f not in row["faults"])],
            "incident": row["incident"] or row["id"],
            "changed_ms": at_ms,
        }
        row = {**row, **more}
        self._rows.work_orders.put(uow, row)
        tell(uow, {**row, "by": by}, "attached", at_ms)
        return self._orders.must(uow.conn, row["id"])

    def triage(
        self,
        uow: UnitOfWork,
        wo_id: str,
        *,
        by: str,
        at_ms: int,
        priority: Priority,
        skills: Sequence[str],
        parts: Sequence[Mapping[str, Any]] | None,
        part: str = "",
    ) -> Row:
        """Say how much hurry there is, what it takes, and which parts: else diagnosis says that."""
        row = self._orders.must(uow.conn, wo_id)
        found = parts
        if found is None:
            found = self._parts(uow.conn, row["thing"], row["position"], at_ms)
        more = {"part": part} if part else {}
        return self._orders.step(
            uow, wo_id, d.Step.TRIAGE, by=by, at_ms=at_ms, priority=priority.value,
            skills=sorted(skills), parts=[dict(one) for one in found], reason="", **more,
        )  # fmt: skip

    def plan(
        self,
        uow: UnitOfWork,
        wo_id: str,
        *,
        by: str,
        at_ms: int,
        start_ms: int,
        crew: str,
        technician: str = "",
        end_ms: int | None = None,
        stock: str = MAIN,
    ) -> Row:
        """A slot, a technician who can do it and is free (W6), and the parts, promised by a shelf.

        Raises:
            Invalid: If the technician lacks a skill or is booked at that time, with who has what.
        """
        row = self._orders.must(uow.conn, wo_id)
        if technician:
            self._technicians.must_be_free(
                uow.conn, technician, row, start_ms=start_ms, end_ms=end_ms
            )
        row = self._orders.step(
            uow, wo_id, d.Step.PLAN, by=by, at_ms=at_ms, start_ms=start_ms, crew=crew,
            technician=technician, end_ms=end_ms,
        )  # fmt: skip
        return self._promise(uow, row, stock)

    def book(
        self, uow: UnitOfWork, wo_id: str, *, by: str, at_ms: int, technician: str, start_ms: int,
        end_ms: int, stock: str,
    ) -> Row:  # fmt: skip
        """A slot that a planner has found: for what waits, or instead of the one it had."""
        row = self._orders.must(uow.conn, wo_id)
        planned = d.WorkOrder(row["state"]) is d.WorkOrder.PLANNED
        if planned:
            self._free(uow, row)
        row = self._orders.step(
            uow, wo_id, d.Step.MOVE if planned else d.Step.PLAN, by=by, at_ms=at_ms,
            start_ms=start_ms, end_ms=end_ms, technician=technician, crew=technician,
        )  # fmt: skip
        return self._promise(uow, row, stock)

    def put_back(self, uow: UnitOfWork, wo_id: str, *, by: str, at_ms: int) -> Row:
        """A planner has no slot for it any more: it waits again, its parts are free."""
        self._free(uow, self._orders.must(uow.conn, wo_id))
        return self._orders.step(
            uow, wo_id, d.Step.PUT_BACK, by=by, at_ms=at_ms, start_ms=None, end_ms=None,
            technician="", crew=None,
        )  # fmt: skip

    def _free(self, uow: UnitOfWork, row: Row) -> None:
        """Promise the parts of a visit no longer."""
        if row["reserved"]:
            for part, quantity in sorted(_amounts(row["reserved"]).items()):
                self._shelves.release(uow, row["stock"] or MAIN, part, quantity)
            self._rows.work_orders.put(uow, {**row, "reserved": []})

    def _promise(self, uow: UnitOfWork, row: Row, stock: str) -> Row:
        """Let a shelf promise the parts of a visit."""
        held = [
            dict(one)
            for one in row["parts"]
            if self._shelves.reserve(uow, stock, one["part"], one["quantity"])
        ]
        if held:
            row |= {"reserved": held, "stock": stock}
            self._rows.work_orders.put(uow, row)
        return row

    def on_work_order(self, uow: UnitOfWork, event: WorkOrderChanged) -> None:
        """A visit is over: what was used leaves its shelf once, the rest is free again (W5)."""
        if event.kind not in ("work_order.completed", "work_order.cancelled"):
            return
        row = self._orders.must(uow.conn, event.subject)
        if not (row["reserved"] or row["used"]):
            return
        completed = event.kind == "work_order.completed"
        used = _amounts(row["used"]) if completed else {}
        held = _amounts(row["reserved"])
        stock = row["stock"] or MAIN
        for part in sorted(used.keys() | held.keys()):
            promised = min(used.get(part, 0), held.get(part, 0))
            if used.get(part, 0):
                self._shelves.take(uow, stock, part, used[part], promised=promised)
            self._shelves.release(uow, stock, part, held.get(part, 0) - promised)
        if row["reserved"]:
            self._rows.work_orders.put(uow, {**row, "reserved": []})

    def set_priority(
        self, uow: UnitOfWork, wo_id: str, priority: Priority, *, by: str, at_ms: int
    ) -> Row:
        """More hurry, or less; an order that has ended keeps what it had."""
        row = self._orders.must(uow.conn, wo_id)
        if d.WorkOrder(row["state"]) in d.ENDED:
            problem = Problem(where="state", what=row["state"], allowed="an order that is open")
            raise Invalid(f"{wo_id} has ended", [problem])
        row |= {"by": by, "changed_ms": at_ms}
        self._promises.set_priority(uow, row, priority, at_ms=at_ms)
        tell(uow, row, "prioritised", at_ms)
        return row

    def cancel(
        self, uow: UnitOfWork, wo_id: str, *, by: str, at_ms: int, reason: str, duplicate_of: str
    ) -> Row:
        """Call off a visit; a duplicate names the order that stays, which takes over its alerts.

        Raises:
            Invalid: If the survivor is itself, has ended, or is about another thing.
        """
        if not duplicate_of:
            return self._orders.step(uow, wo_id, d.Step.CANCEL, by=by, at_ms=at_ms, reason=reason)
        row = self._orders.must(uow.conn, wo_id)
        heir = self._rows.work_orders.get(uow.conn, duplicate_of)
        ended = heir is None or d.WorkOrder(heir["state"]) in d.ENDED
        if heir is None or ended or heir["thing"] != row["thing"] or duplicate_of == wo_id:
            what = f"{duplicate_of!r} is no other open order of {row['thing']!r}"
            problem = Problem(where="duplicate_of", what=what, allowed="an open order of the thing")
            raise Invalid(f"the cancellation of {wo_id} is refused", [problem])
        self._attach(uow, heir, row["alerts"], row["faults"], by=by, at_ms=at_ms)
        return self._orders.step(
            uow, wo_id, d.Step.CANCEL, by=by, at_ms=at_ms, reason=reason, duplicate_of=duplicate_of
        )

    def note(
        self, uow: UnitOfWork, wo_id: str, *, by: str, text: str, internal: bool, at_ms: int
    ) -> Row:
        """Say something; internal notes are not for the customer (FS7)."""
        row = self._orders.must(uow.conn, wo_id)
        number = 1 + len(self._rows.work_order_notes.items(uow.conn, work_order=wo_id))
        note = {"work_order": wo_id, "number": number, "at_ms": at_ms, "by": by, "text": text,
                "internal": internal}  # fmt: skip
        self._rows.work_order_notes.insert(uow, note)
        if not internal:
            tell(uow, {**row, "by": by}, "noted", at_ms)
        return note

    def notes(self, conn: sa.Connection, wo_id: str, *, internal: bool) -> list[Row]:
        """What was said, oldest first; internal notes only if ``internal``."""
        rows = self._rows.work_order_notes.items(conn, work_order=wo_id)
        shown = [row for row in rows if internal or not row["internal"]]
        return [{n: v for n, v in row.items() if n != "work_order"} for row in shown]


def _amounts(parts: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Quantity by part, of lines that may name a part twice."""
    found: dict[str, int] = {}
    for line in parts:
        found[line["part"]] = found.get(line["part"], 0) + int(line["quantity"])
    return found
