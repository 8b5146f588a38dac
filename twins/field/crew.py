"""A crew with one van: plans a visit, drives, fits the part, reports, drives home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twins.core.manifest import Param
from twins.core.pending import Row
from twins.core.ports import Fact
from twins.field.ports import HOUR_MS, Ground, Handlers, hours, shift_slot

NAME = "crew"
PARAMS: Mapping[str, Param] = {
    "plan_p50_h": Param(unit="h", default=1.0, min=0.01, max=720, title="until planned (estimate)"),
    "plan_p90_h": Param(unit="h", default=4.0, min=0.01, max=720, title="9 of 10 planned in"),
    "notice_h": Param(unit="h", default=12.0, min=0.0, max=2160, title="from planning to leaving"),
    "travel_p50_h": Param(unit="h", default=0.75, min=0.01, max=48, title="one way (estimate)"),
    "travel_p90_h": Param(unit="h", default=1.5, min=0.01, max=48, title="9 of 10 there in"),
    "work_p50_h": Param(unit="h", default=2.5, min=0.01, max=240, title="2-4 h on a machine (S13)"),
    "work_p90_h": Param(unit="h", default=4.0, min=0.01, max=240, title="9 of 10 done in"),
    "shift_start_h": Param(unit="h", default=7.0, min=0.0, max=23.0, title="weekdays from, UTC"),
    "shift_end_h": Param(unit="h", default=16.0, min=1.0, max=24.0, title="weekdays to, UTC"),
    "visit_eur": Param(unit="EUR", default=280.0, min=0, max=100000, title="by day (domain 6.1)"),
    "emergency_visit_eur": Param(unit="EUR", default=560.0, min=0, max=100000, title="at night"),
}
STEPS = ("crew.plan", "crew.depart", "crew.arrive", "crew.complete", "crew.refuse")


class Crew:
    """One van, one visit at a time; who cannot be served now waits for the van.

    Durations come from streams named after the work order and its visit.
    """

    def __init__(self, ground: Ground, params: Mapping[str, float]) -> None:
        self._ground, self._params = ground, params
        self._visits: dict[str, int] = {}
        self._asked: dict[str, None] = {}
        self._busy: dict[str, list[int]] = {}
        """Work order to [leaves, is back], of visits planned and not called off."""

    @property
    def handlers(self) -> Handlers:
        """Rows of this actor."""
        return {
            "crew.plan": self._on_plan,
            "crew.depart": self._on_depart,
            "crew.arrive": self._on_arrive,
            "crew.complete": self._on_complete,
            "crew.refuse": self._on_refuse,
        }

    def observe(self, fact: Fact) -> None:
        """A visit is wanted (again), or not any more."""
        reopened = fact.kind == "work_order.reopened" and fact.subject in self._visits
        if reopened or fact.kind == "work_order.requested":
            self._ask(fact)
        elif fact.kind == "work_order.cancelled":
            for step in STEPS:
                self._ground.forget(step, fact.subject)
            self._busy.pop(fact.subject, None)

    def dump(self) -> dict[str, Any]:
        """Visits so far, requests heard, the van's bookings."""
        return {"visits": self._visits, "asked": list(self._asked), "busy": self._busy}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._visits = dict(state["visits"])
        self._asked = dict.fromkeys(state["asked"])
        self._busy = {order: list(slot) for order, slot in state["busy"].items()}

    def _ask(self, fact: Fact) -> None:
        # An order is requested once, but may be reopened again and again.
        again = f"@{fact.at_ms}" if fact.kind == "work_order.reopened" else ""
        key = f"{fact.kind}:{fact.subject}{again}"
        if key in self._asked:
            return
        self._asked[key] = None
        visit = self._visits[fact.subject] = self._visits.get(fact.subject, 0) + 1
        args = {name: str(fact.data.get(name, "")) for name in ("thing", "position", "part")}
        known = self._ground.fits(args["thing"], args["position"])
        due_ms = fact.at_ms + self._hours("plan", fact.subject, visit)
        self._ground.later(
            self._ground.soonest(due_ms),
            "crew.plan" if known else "crew.refuse",
            fact.subject,
            {**args, "visit": visit},
        )

    def _hours(self, what: str, subject: str, visit: int) -> int:
        return hours(
            self._ground.streams,
            f"crew/{what}/{subject}/{visit}",
            p50_h=self._params[f"{what}_p50_h"],
            p90_h=self._params[f"{what}_p90_h"],
        )

    def _on_plan(self, row: Row) -> None:
        visit = row.args["visit"]
        travel_ms = self._hours("travel", row.subject, visit)
        work_ms = self._hours("work", row.subject, visit)
        length_ms = 2 * travel_ms + work_ms
        self._busy = {order: slot for order, slot in self._busy.items() if slot[1] > row.due_ms}
        start_ms = self._slot(row.due_ms + round(self._params["notice_h"] * HOUR_MS), length_ms)
        self._busy[row.subject] = [start_ms, start_ms + length_ms]
        args = {**row.args, "travel_ms": travel_ms, "work_ms": work_ms}
        self._ground.intend(
            row.due_ms, NAME, "work_order.plan", row.subject,
            again=visit, start_ms=start_ms, crew="van-1",
        )  # fmt: skip
        self._ground.later(start_ms, "crew.depart", row.subject, args)

    def _slot(self, earliest_ms: int, length_ms: int) -> int:
        """The first slot within a shift in which the van stands in the yard."""
        start_h, end_h = self._params["shift_start_h"], self._params["shift_end_h"]
        start_ms = earliest_ms
        taken = sorted(self._busy.values())
        while True:
            start_ms = shift_slot(start_ms, length_ms=length_ms, start_h=start_h, end_h=end_h)
            clash = [
                back for leaves, back in taken if leaves < start_ms + length_ms and start_ms < back
            ]
            if not clash:
                return start_ms
            start_ms = max(clash)

    def _on_depart(self, row: Row) -> None:
        self._ground.book(
            row.due_ms,
            what="visits",
            eur=self._params["visit_eur"],
            subject=row.args["thing"],
        )
        self._say(row, "work_order.depart")
        arrives_ms = row.due_ms + row.args["travel_ms"]
        self._ground.later(arrives_ms, "crew.arrive", row.subject, row.args)

    def _on_arrive(self, row: Row) -> None:
        self._say(row, "work_order.arrive")
        done_ms = row.due_ms + row.args["work_ms"]
        self._ground.later(done_ms, "crew.complete", row.subject, row.args)

    def _on_complete(self, row: Row) -> None:
        serial, readings = self._ground.fit(
            row.due_ms,
            row.args["thing"],
            position=row.args["position"],
            part=row.args["part"],
        )
        self._say(row, "work_order.complete", serial=serial, readings=readings)

    def _on_refuse(self, row: Row) -> None:
        reason = f"no device {row.args['thing']!r} with a position {row.args['position']!r}"
        self._say(row, "work_order.cancel", reason=reason)

    def _say(self, row: Row, verb: str, **data: object) -> None:
        self._ground.intend(row.due_ms, NAME, verb, row.subject, again=row.args["visit"], **data)
