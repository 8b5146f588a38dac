"""Crews that read when a service plans whom to send where, and drive that.

Jobs that a plan puts one after the other at one site are one visit: one way there and back, paid
once; each is begun and reported by itself. Who is out is not called back: a new plan changes only
what nobody has set out for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from twins.core.pending import Row
from twins.core.ports import Fact
from twins.field.ports import HOUR_MS, Ground, open_slot

DETOUR = 1.3
"""Road over straight line (estimate)."""
TRIP, ARRIVE = "crew.trip", "crew.arrive"
PLAN = "plan.made"


class Lengths(NamedTuple):
    """How long a job takes, ms."""

    travel_ms: int
    look_ms: int
    work_ms: int


class Trips:
    """What technicians are planned to do, and who is out."""

    def __init__(
        self,
        ground: Ground,
        params: Mapping[str, float],
        *,
        lengths: Callable[[int, str, Mapping[str, Any]], Lengths],
        say: Callable[..., None],
    ) -> None:
        self._ground, self._params = ground, params
        self._lengths, self._say = lengths, say
        self._jobs: dict[str, dict[str, Any]] = {}
        """What is known of work orders that nobody has set out for."""
        self._plans: dict[str, dict[str, list[dict[str, Any]]]] = {}
        """The stops of each plan, by technician."""
        self._out: dict[str, dict[str, Any]] = {}
        """By technician who is out: ``now``, ``left`` (jobs with what is known), ``travel_ms``."""

    def ask(self, order: str, args: Mapping[str, Any]) -> None:
        """A work order waits until a plan has it."""
        self._jobs[order] = dict(args)

    def planned(self, fact: Fact) -> None:
        """A technician's day was planned, or planned again."""
        who = str(fact.data["technician"])
        names = ("work_order", "site", "leave_ms", "begin_ms", "travel_ms")
        stops = [{name: stop[name] for name in names} for stop in fact.data["stops"]]
        self._plans.setdefault(who, {})[fact.subject] = stops
        self._next(who, fact.at_ms)

    def dropped(self, order: str, at_ms: int) -> None:
        """A work order was called off: whoever is there goes on with the next."""
        self._jobs.pop(order, None)
        for who, trip in sorted(self._out.items()):
            trip["left"] = [job for job in trip["left"] if job[0] != order]
            if trip["now"] == order:
                self._on(who, self._ground.soonest(at_ms))
                return

    def done(self, order: str, at_ms: int) -> None:
        """A job is ended, well or not: on to the next one of the visit, or home."""
        for who, trip in sorted(self._out.items()):
            if trip["now"] == order:
                self._on(who, at_ms)
                return

    def on_trip(self, row: Row) -> None:
        """Set out: for the first job, and those that the plan puts behind it at the same site."""
        who, now_ms = row.subject, row.due_ms
        waiting = self._waiting(who)
        if who in self._out or not waiting or waiting[0]["leave_ms"] > now_ms:
            self._next(who, now_ms)
            return
        visit = waiting[:1]
        for stop in waiting[1:]:
            if stop["site"] != visit[0]["site"] or stop["travel_ms"] > 0:
                break
            visit.append(stop)
        left = []
        for stop in visit:
            order = stop["work_order"]
            args = {**self._jobs.pop(order), "by": who, "van": who, "begin_ms": stop["begin_ms"]}
            length = self._lengths(now_ms, order, args)
            left.append([order, {**args, **length._asdict()}])
            self._say(row._replace(subject=order, args=args), "work_order.depart")
        travel_ms = left[0][1]["travel_ms"]
        self._pay(now_ms, left[0][1]["thing"])
        self._ground.tell(now_ms, "trip.begun", who, site=visit[0]["site"], jobs=len(visit))
        self._out[who] = {"now": "", "left": left, "travel_ms": travel_ms, "begun_ms": now_ms,
                          "thing": left[0][1]["thing"]}  # fmt: skip
        self._on(who, now_ms + travel_ms)

    def dump(self) -> dict[str, Any]:
        """What is waited for, planned, and under way."""
        return {"jobs": self._jobs, "plans": self._plans, "out": self._out}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._jobs = {order: dict(args) for order, args in state["jobs"].items()}
        self._plans = {who: dict(plans) for who, plans in state["plans"].items()}
        self._out = {who: dict(trip) for who, trip in state["out"].items()}

    def _waiting(self, who: str) -> list[dict[str, Any]]:
        """Stops of a technician that nobody has set out for, in the order of the plan."""
        stops = [
            stop
            for plan in self._plans.get(who, {}).values()
            for stop in plan
            if stop["work_order"] in self._jobs
        ]
        return sorted(stops, key=lambda stop: (stop["begin_ms"], stop["work_order"]))

    def _next(self, who: str, at_ms: int) -> None:
        """The next visit is waited for; who is out looks at the plan when he is back."""
        self._ground.forget(TRIP, who)
        waiting = self._waiting(who)
        if waiting and who not in self._out:
            due_ms = self._ground.soonest(max(at_ms, waiting[0]["leave_ms"]))
            self._ground.later(due_ms, TRIP, who, {})

    def _on(self, who: str, at_ms: int) -> None:
        trip = self._out[who]
        if trip["left"]:
            order, args = trip["left"].pop(0)
            trip["now"] = order
            begin_ms = self._ground.soonest(max(at_ms, args["begin_ms"]))
            self._ground.later(begin_ms, ARRIVE, order, args)
            return
        del self._out[who]
        self._overtime(at_ms, trip, at_ms + trip["travel_ms"])
        hours = (at_ms + trip["travel_ms"] - trip["begun_ms"]) / HOUR_MS
        self._ground.tell(at_ms, "trip.ended", who, hours=round(hours, 3))
        self._next(who, at_ms)

    def _pay(self, at_ms: int, device: str) -> None:
        """One visit and one way, however many jobs."""
        params = self._params
        eur = params["visit_eur" if self._by_day(at_ms) else "emergency_visit_eur"]
        self._ground.book(at_ms, what="visits", eur=eur, subject=device)
        km_eur = 2.0 * DETOUR * self._ground.far_km(device) * params["km_eur"]
        self._ground.book(at_ms, what="travel", eur=round(km_eur, 2), subject=device)

    def _by_day(self, at_ms: int) -> bool:
        start_h, end_h = self._params["shift_start_h"], self._params["shift_end_h"]
        return open_slot(self._ground.calendar, at_ms, start_h=start_h, end_h=end_h) == at_ms

    def _overtime(self, at_ms: int, trip: Mapping[str, Any], home_ms: int) -> None:
        """Hours after the shift are paid besides."""
        calendar, end_h = self._ground.calendar, self._params["shift_end_h"]
        begun_ms = trip["begun_ms"]
        over_ms = home_ms - calendar.begin_ms(calendar.local(begun_ms).date(), end_h)
        if self._by_day(begun_ms) and over_ms > 0:
            eur = round(over_ms / HOUR_MS * self._params["overtime_eur_h"], 2)
            self._ground.book(at_ms, what="overtime", eur=eur, subject=trip["thing"])
