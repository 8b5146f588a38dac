"""Crews in vans: plan a visit, drive, look, fit the part, report, drive home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twins.core.manifest import Param
from twins.core.pending import Row
from twins.core.ports import Fact
from twins.field.ports import HOUR_MS, Ground, Handlers, chance, hours, open_slot, shift_slot
from twins.field.stock import DEPOT
from twins.field.trips import DETOUR, PLAN, TRIP, Lengths, Trips

NAME = "crew"
PARAMS: Mapping[str, Param] = {
    "planned": Param(unit="1", default=0.0, min=0, max=1, title="1: go where the DPS plans it"),
    "vans": Param(unit="1", default=1.0, min=1, max=100, title="vans, one technician in each"),
    "skilled_p": Param(unit="1", default=1.0, min=0, max=1, title="kinds of work a 2nd man knows"),
    "plan_p50_h": Param(unit="h", default=1.0, min=0.01, max=720, title="until planned (estimate)"),
    "plan_p90_h": Param(unit="h", default=4.0, min=0.01, max=720, title="9 of 10 planned in"),
    "notice_h": Param(unit="h", default=12.0, min=0.0, max=2160, title="from planning to leaving"),
    "priority": Param(unit="1", default=0.0, min=0, max=1, title="1: no notice if it stands"),
    "night_calls": Param(unit="1", default=0.0, min=0, max=1, title="1: at once if it stands"),
    "travel_p50_h": Param(unit="h", default=0.75, min=0.01, max=48, title="to the median site"),
    "travel_p90_h": Param(unit="h", default=1.5, min=0.01, max=48, title="9 of 10 there in"),
    "diagnose_p50_h": Param(unit="h", default=0.25, min=0.01, max=48, title="looking (estimate)"),
    "diagnose_p90_h": Param(unit="h", default=0.75, min=0.01, max=48, title="9 of 10 know in"),
    "work_p50_h": Param(unit="h", default=2.5, min=0.01, max=240, title="2-4 h on a machine (S13)"),
    "work_p90_h": Param(unit="h", default=4.0, min=0.01, max=240, title="9 of 10 done in"),
    "tail_p": Param(unit="1", default=0.03, min=0, max=1, title="share that takes much longer"),
    "forget_p": Param(unit="1", default=0.0, min=0, max=1, title="share confirmed too late"),
    "forget_h": Param(unit="h", default=48.0, min=1, max=2160, title="until it is confirmed"),
    "wrong_fit_p": Param(unit="1", default=0.0, min=0, max=1, title="share that mends nothing"),
    "shift_start_h": Param(unit="h", default=7.0, min=0.0, max=23.0, title="workdays from, local"),
    "shift_end_h": Param(unit="h", default=16.0, min=1.0, max=24.0, title="workdays to, local"),
    "visit_eur": Param(unit="EUR", default=280.0, min=0, max=100000, title="by day (domain 6.1)"),
    "emergency_visit_eur": Param(unit="EUR", default=560.0, min=0, max=100000, title="at night"),
    "km_eur": Param(unit="EUR/km", default=0.0, min=0, max=100, title="besides the visit"),
    "overtime_eur_h": Param(unit="EUR/h", default=60.0, min=0, max=1000, title="after the shift"),
}
"""Without another source an estimate."""
STEPS = tuple(
    f"crew.{step}"
    for step in ("plan", "depart", "arrive", "complete", "report", "refuse", "give_up")
)
SHELF = "shelf"
"""Mark of a job whose part nobody ordered for it: it comes from a shelf."""
BREAKDOWN = "breakdown"
"""A work order of this kind did not wait for its part."""
UPKEEP = "upkeep"
"""A work order of this kind is work in a window that was agreed on; nothing is fitted."""
TAIL_MIN, TAIL_ALPHA, TAIL_MAX = 2.0, 1.5, 12.0
"""Work that goes wrong takes a Pareto distributed multiple: seized bolts, a shaft to be turned."""


class Crew:
    """One visit at a time per van; who cannot be served now waits for a van that can.

    Durations come from streams named after the work order and its visit.
    """

    def __init__(self, ground: Ground, params: Mapping[str, float]) -> None:
        self._ground, self._params = ground, params
        self._visits: dict[str, int] = {}
        self._asked: dict[str, None] = {}
        self._busy: dict[str, list[Any]] = {}
        """Work order to [van, leaves, is back], of visits planned and not called off."""
        self._there: dict[str, str] = {}
        """Need to the order whose parcel came, of those that wait for a breakdown's crew."""
        self._windows: dict[str, int] = {}
        """Work order to when its agreed window opens, of planned work."""
        self._trips = Trips(ground, params, lengths=self._lengths, say=self._say)

    @property
    def handlers(self) -> Handlers:
        """Rows of this actor."""
        steps = {step: getattr(self, f"_on_{step.removeprefix('crew.')}") for step in STEPS}
        return {**steps, TRIP: self._trips.on_trip}

    def observe(self, fact: Fact) -> None:
        """A visit is wanted (again), or not any more: or not while it is tried from afar."""
        if fact.kind == "order.delivered":
            for line in fact.data.get("lines", [fact.data]):
                if str(line.get("need_key", "")) in self._there:
                    self._there[str(line["need_key"])] = fact.subject
            return
        if fact.kind == PLAN and self._params["planned"] >= 1.0:
            self._trips.planned(fact)
            return
        if fact.kind == "planned_work.agreed":
            self._windows[str(fact.data["work_order"])] = int(fact.data["from_ms"])
            return
        reopened = fact.kind == "work_order.reopened" and fact.subject in self._visits
        sent = fact.kind == "work_order.remote_failed" and fact.subject in self._visits
        if reopened or sent or fact.kind == "work_order.requested":
            self._ask(fact)
        elif fact.kind in ("work_order.cancelled", "work_order.remote_begun"):
            for step in STEPS:
                self._ground.forget(step, fact.subject)
            self._busy.pop(fact.subject, None)
            self._trips.dropped(fact.subject, fact.at_ms)

    def dump(self) -> dict[str, Any]:
        """Visits so far, requests heard, the vans' bookings."""
        told = {"visits": self._visits, "asked": list(self._asked), "busy": self._busy}
        told |= {"there": self._there, "windows": self._windows}
        return {**told, "trips": self._trips.dump()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._visits = dict(state["visits"])
        self._asked = dict.fromkeys(state["asked"])
        self._busy = {order: list(slot) for order, slot in state["busy"].items()}
        self._there = dict(state["there"])
        self._windows = dict(state["windows"])
        self._trips.load(state["trips"])

    def _ask(self, fact: Fact) -> None:
        # An order is requested once, but may be reopened, or given up from afar, again and again.
        again = "" if fact.kind == "work_order.requested" else f"@{fact.at_ms}"
        key = f"{fact.kind}:{fact.subject}{again}"
        if key in self._asked:
            return
        self._asked[key] = None
        visit = self._visits[fact.subject] = self._visits.get(fact.subject, 0) + 1
        names = ("thing", "position", "part", "order")
        args: dict[str, Any] = {name: str(fact.data.get(name, "")) for name in names}
        if fact.data.get("kind") == BREAKDOWN:
            args["need_key"] = str(fact.data["need_key"])
            self._there.setdefault(args["need_key"], args["order"])
        known = self._ground.fits(args["thing"], args["position"])
        if fact.data.get("kind") == UPKEEP and fact.subject in self._windows:
            known = self._ground.knows(args["thing"])
            args |= {"part": "", "position": "", "opens_ms": self._windows[fact.subject]}
        if known and self._params["planned"] >= 1.0:
            shelf = not args["order"] and "need_key" not in args and args["part"] != ""
            self._trips.ask(fact.subject, {**args, "visit": visit, SHELF: shelf})
            return
        due_ms = fact.at_ms + self._hours("plan", fact.subject, visit)
        self._ground.later(
            self._ground.soonest(due_ms),
            "crew.plan" if known else "crew.refuse",
            fact.subject,
            {**args, "visit": visit, "by": self._ground.person("dispatcher", NAME).name},
        )

    def _hours(self, what: str, subject: str, visit: int) -> int:
        return hours(
            self._ground.streams,
            f"crew/{what}/{subject}/{visit}",
            p50_h=self._params[f"{what}_p50_h"],
            p90_h=self._params[f"{what}_p90_h"],
        )

    def _whim(self, order: str, args: Mapping[str, Any], habit: str) -> bool:
        name = f"crew/{habit}/{order}/{args['visit']}"
        return chance(self._ground.streams, name, self._params[f"{habit}_p"])

    def _lengths(self, at_ms: int, order: str, args: Mapping[str, Any]) -> Lengths:
        """What a visit will take; work that goes wrong takes much longer."""
        visit, device = args["visit"], args["thing"]
        travel_ms = round(self._hours("travel", order, visit) * self._ground.far_share(device))
        look_ms, work_ms = (self._hours(what, order, visit) for what in ("diagnose", "work"))
        if self._whim(order, args, "tail"):
            draw = self._ground.streams.uniform(f"crew/tail-length/{order}/{visit}")
            longer = min(TAIL_MIN * (1.0 - draw) ** (-1.0 / TAIL_ALPHA), TAIL_MAX)
            work_ms = round(work_ms * longer)
            self._ground.tell(at_ms, "work.hard", device, times=round(longer, 2))
        return Lengths(travel_ms, look_ms, work_ms)

    def _on_plan(self, row: Row) -> None:
        """Plan with what work of the kind takes nine times out of ten; block what it will take."""
        params, visit, device = self._params, row.args["visit"], row.args["thing"]
        travel_ms, look_ms, work_ms = self._lengths(row.due_ms, row.subject, row.args)
        stands = self._ground.stands(device)
        at_once = stands and params["night_calls"] >= 1.0
        hurry = at_once or (stands and params["priority"] >= 1.0)
        notice_ms = 0 if hurry else round(params["notice_h"] * HOUR_MS)
        parcel = self._ground.goods.parcel(row.args["order"])
        earliest_ms = max(row.due_ms + notice_ms, int(parcel.get("ready_ms", 0)))
        earliest_ms = max(earliest_ms, row.args.get("opens_ms", 0) - travel_ms)
        planned_ms = self._planned_ms({"travel_ms": travel_ms})
        length_ms = 2 * travel_ms + look_ms + work_ms
        self._busy = {wo: slot for wo, slot in self._busy.items() if slot[2] > row.due_ms}
        start_ms, van = self._slot(
            earliest_ms, planned_ms, length_ms, row.args["position"], at_once=at_once
        )
        self._busy[row.subject] = [van, start_ms, start_ms + length_ms]
        args = {
            **row.args, "travel_ms": travel_ms, "look_ms": look_ms, "work_ms": work_ms,
            "van": van, "by": self._ground.person("technician", van).name,
        }  # fmt: skip
        self._ground.intend(
            row.due_ms, NAME, "work_order.plan", row.subject,
            again=visit, start_ms=start_ms, crew=van, by=row.args["by"],
        )  # fmt: skip
        self._ground.later(start_ms, "crew.depart", row.subject, args)

    def _planned_ms(self, args: Mapping[str, Any]) -> int:
        """What a visit takes nine times out of ten, with the way there and back."""
        on_site_h = self._params["diagnose_p90_h"] + self._params["work_p90_h"]
        return int(2 * args["travel_ms"]) + round(on_site_h * HOUR_MS)

    def put_off(self, row: Row, until_ms: int) -> None:
        """Nobody sets out before ``until_ms``: the same van goes as soon as it can after that."""
        van, leaves_ms, back_ms = self._busy.pop(row.subject)
        length_ms = back_ms - leaves_ms
        start_ms = self._free(van, until_ms, self._planned_ms(row.args), length_ms, at_once=False)
        self._busy[row.subject] = [van, start_ms, start_ms + length_ms]
        self._ground.later(start_ms, "crew.depart", row.subject, row.args)

    def _slot(
        self, earliest_ms: int, planned_ms: int, length_ms: int, position: str, *, at_once: bool
    ) -> tuple[int, str]:
        """The first start at which a van with the skill stands in the yard, and which van."""
        return min(
            (self._free(van, earliest_ms, planned_ms, length_ms, at_once=at_once), van)
            for van in self._vans(position)
        )

    def _vans(self, position: str) -> list[str]:
        """The first technician can do everything, else some work would never be done."""
        streams, share = self._ground.streams, self._params["skilled_p"]
        vans = [f"van-{number}" for number in range(1, int(self._params["vans"]) + 1)]
        return vans[:1] + [
            van for van in vans[1:] if chance(streams, f"crew/skill/{van}/{position}", share)
        ]

    def _free(
        self, van: str, earliest_ms: int, planned_ms: int, length_ms: int, *, at_once: bool
    ) -> int:
        start_h, end_h = self._params["shift_start_h"], self._params["shift_end_h"]
        taken = sorted((leaves, back) for who, leaves, back in self._busy.values() if who == van)
        start_ms = earliest_ms
        while True:
            if not at_once:
                start_ms = shift_slot(
                    self._ground.calendar,
                    start_ms,
                    length_ms=planned_ms,
                    start_h=start_h,
                    end_h=end_h,
                )
            clash = [
                back for leaves, back in taken if leaves < start_ms + length_ms and start_ms < back
            ]
            if not clash:
                return start_ms
            start_ms = max(clash)

    def _on_depart(self, row: Row) -> None:
        params, device = self._params, row.args["thing"]
        start_h, end_h = params["shift_start_h"], params["shift_end_h"]
        now, back_ms = row.due_ms, self._busy[row.subject][2]
        calendar = self._ground.calendar
        by_day = open_slot(calendar, now, start_h=start_h, end_h=end_h) == now
        eur = params["visit_eur" if by_day else "emergency_visit_eur"]
        self._ground.book(now, what="visits", eur=eur, subject=device)
        km_eur = 2.0 * DETOUR * self._ground.far_km(device) * params["km_eur"]
        self._ground.book(now, what="travel", eur=round(km_eur, 2), subject=device)
        over_ms = back_ms - calendar.begin_ms(calendar.local(now).date(), end_h)
        if by_day and over_ms > 0:
            eur = round(over_ms / HOUR_MS * params["overtime_eur_h"], 2)
            self._ground.book(now, what="overtime", eur=eur, subject=device)
        self._say(row, "work_order.depart")
        self._ground.later(now + row.args["travel_ms"], "crew.arrive", row.subject, row.args)

    def _on_arrive(self, row: Row) -> None:
        """A wrong part in the parcel, or that none came for a breakdown, is found on site.

        Then there is another in stock, or the visit was in vain. Of a wrong part the supplier
        hears.
        """
        ground, args = self._ground, row.args
        if "need_key" in args:
            args = {**args, "order": self._there.pop(args["need_key"], "")}
        self._say(row, "work_order.arrive")
        known_ms = row.due_ms + args["look_ms"]
        if args.get(SHELF):
            self._from_shelf(row.due_ms, args)
        right = not ground.goods.parcel(args["order"]).get("wrong")
        right = right and ("need_key" not in args or args["order"] != "")
        if right or ground.goods.take(row.due_ms, args["van"], args["part"]):
            ground.later(known_ms + args["work_ms"], "crew.complete", row.subject, args)
        elif ground.goods.take(row.due_ms, DEPOT, args["part"]):
            fetch_ms = 2 * args["travel_ms"]
            ground.later(known_ms + fetch_ms + args["work_ms"], "crew.complete", row.subject, args)
        else:
            ground.later(known_ms, "crew.give_up", row.subject, args)

    def _from_shelf(self, at_ms: int, args: Mapping[str, Any]) -> None:
        """A part of the van or the depot; else it was fetched where it is sold, and is paid."""
        if any(
            self._ground.goods.take(at_ms, place, args["part"]) for place in (args["van"], DEPOT)
        ):
            return
        part = self._ground.parts[args["part"]]
        eur = part.price_eur * part.quantity
        self._ground.book(at_ms, what="parts", eur=eur, subject=args["thing"])

    def _on_give_up(self, row: Row) -> None:
        order, part = row.args["order"], row.args["part"]
        self._trips.done(row.subject, row.due_ms)
        if not order:
            self._ground.tell(row.due_ms, "visit.in_vain", row.args["thing"], missing=part)
            self._say(row, "work_order.cancel", reason=f"{part} is not there")
            return
        ready_ms = self._ground.claim(row.due_ms, order, part)
        why, by = f"wrong part, not {part}", str(row.args["by"])
        self._ground.intend(row.due_ms, NAME, "order.request-return", order, by=by, reason=why)
        self._ground.goods.note(order, ready_ms=ready_ms)
        self._say(row, "work_order.cancel", reason=f"wrong part in the parcel, not {part}: claimed")

    def _on_complete(self, row: Row) -> None:
        ground, args, at_ms = self._ground, row.args, row.due_ms
        if "opens_ms" in args:  # nothing is fitted
            serial, readings = None, ground.readings(args["thing"])
        elif self._whim(row.subject, args, "wrong_fit"):
            ground.tell(at_ms, "work.in_vain", args["thing"], position=args["position"])
            serial = f"{args['part']}-{args['thing']}-x{args['visit']}"
            readings = ground.readings(args["thing"])
        else:
            serial, readings = ground.fit(
                at_ms, args["thing"], position=args["position"], part=args["part"]
            )
        self._trips.done(row.subject, at_ms)
        args = {**args, "serial": serial, "readings": readings}
        if self._whim(row.subject, args, "forget"):
            later_ms = at_ms + round(self._params["forget_h"] * HOUR_MS)
            start_h, end_h = self._params["shift_start_h"], self._params["shift_end_h"]
            later_ms = open_slot(ground.calendar, later_ms, start_h=start_h, end_h=end_h)
            ground.tell(at_ms, "report.forgotten", args["thing"], work_order=row.subject)
            ground.later(later_ms, "crew.report", row.subject, args)
        else:
            self._on_report(row._replace(args=args))

    def _on_report(self, row: Row) -> None:
        told = {"serial": row.args["serial"], "readings": row.args["readings"]}
        self._say(row, "work_order.complete", **told)

    def _on_refuse(self, row: Row) -> None:
        reason = f"no device {row.args['thing']!r} with a position {row.args['position']!r}"
        self._say(row, "work_order.cancel", reason=reason)

    def _say(self, row: Row, verb: str, **data: object) -> None:
        self._ground.intend(
            row.due_ms, NAME, verb, row.subject,
            again=row.args["visit"], by=row.args["by"], **data,
        )  # fmt: skip
