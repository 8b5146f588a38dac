"""Crews that read which routes a service plans for the day, and drive them.

They drive in the order that the service says, unload where a trip ends or when the truck is full,
put in what becomes urgent where it costs the shortest way, and hand in what they did when they are
home. Whoever passes a container that people are asked to spare goes to its neighbour, or does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.pending import Row
from twins.core.ports import Fact
from twins.core.twin import Action
from twins.field.ports import HOUR_MS, Ground, Handlers

DETOUR = 1.3
SERVICE_SIGMA = 0.35
"""Spread of the log of a stop's length, as that of a fixed round."""
LATE_H = 1.0
"""How much longer than planned a crew stays out before it turns home (estimate)."""
STEERED, BACK = "collection.steered", "collection.steered_back"
Point = NDArray[np.float64]


class PlannedRoutes:
    """Every route is rows; each names what is left, so a snapshot in mid-route loses nothing."""

    def __init__(
        self,
        ground: Ground,
        params: Mapping[str, float],
        *,
        empty: Callable[[int, str], float],
        clean: Callable[[int, str, Sequence[Action]], None],
        divert: Callable[[int, str, str, float], None],
        point: Callable[[str], Point | None],
    ) -> None:
        self._ground, self._params = ground, params
        self._empty, self._clean, self._divert, self._point = empty, clean, divert, point
        self._heard: set[str] = set()
        self._more: dict[str, list[dict[str, Any]]] = {}
        """What became urgent, by route, until its truck hears of it at its next stop."""

    @property
    def handlers(self) -> Handlers:
        """Rows at which a crew speaks to the service."""
        return {"route.begin": self._on_begin, "route.home": self._on_home}

    @property
    def hands(self) -> Handlers:
        """Rows at which it does not."""
        return {"route.stop": self._on_stop}

    def observe(self, fact: Fact) -> None:
        """A route was planned or has one stop more; people are asked to walk on."""
        if self._params["planned"] < 1.0:
            return
        if fact.kind in (STEERED, BACK):
            self._walk(fact)
        elif fact.kind == "route.planned" and fact.subject not in self._heard:
            self._heard.add(fact.subject)
            due_ms = self._ground.soonest(int(fact.data["depart_ms"]))
            args = {
                "truck": fact.data["truck"], "left": _stops(fact), "begun_ms": due_ms,
                "end_ms": int(fact.data["end_ms"]), "load_l": 0.0, "at": [0.0, 0.0], "km": 0.0,
                "trip": 0, "served": [], "skipped": [],
            }  # fmt: skip
            self._ground.later(due_ms, "route.begin", fact.subject, args)
        elif fact.kind == "route.extended":
            for stop in _stops(fact):
                key = f"{fact.subject}/{stop['thing']}"
                if key not in self._heard:
                    self._heard.add(key)
                    self._more.setdefault(fact.subject, []).append(stop)

    def _walk(self, fact: Fact) -> None:
        """People follow what a display says, or a part of them does."""
        share = self._params["follow_share"]
        thing, other = str(fact.data["thing"]), str(fact.data["neighbour"])
        key = f"{STEERED}/{thing}"
        if (fact.kind == STEERED) == (key in self._heard) or share <= 0.0:
            return
        if fact.kind == STEERED:
            self._heard.add(key)
        else:
            self._heard.remove(key)
            share = 0.0
        self._divert(self._ground.soonest(fact.at_ms), thing, other, share)

    def _on_begin(self, row: Row) -> None:
        truck = str(row.args["truck"])
        self._ground.intend(row.due_ms, truck, "collection_route.begin", row.subject)
        self._ground.tell(
            row.due_ms, "tour.begun", truck, stops=len(row.args["left"]), route=row.subject
        )
        self._drive(row.due_ms, row.subject, row.args)

    def _drive(self, at_ms: int, route: str, args: Mapping[str, Any]) -> None:
        """On to the next stop, or home: nothing is left, or it is too late."""
        left = self._with_more(route, args)
        here, load_l, trip, km = list(args["at"]), args["load_l"], args["trip"], args["km"]
        skipped = list(args["skipped"])
        latest_ms = args["end_ms"] + round(LATE_H * HOUR_MS)
        while left:
            there = self._point(left[0]["thing"])
            if there is None:
                skipped.append({"thing": left.pop(0)["thing"], "reason": "there is no such place"})
                continue
            full = load_l >= self._params["capacity_l"]
            if full or left[0]["trip"] > trip:  # unload on the way
                way_km = DETOUR * math.hypot(*here)
                at_ms += self._road_ms(way_km) + round(self._params["unload_min"] * 60_000)
                here, load_l, km = [0.0, 0.0], 0.0, km + way_km
                trip = max(trip, left[0]["trip"])
            far_km = DETOUR * float(np.hypot(*(there - np.array(here))))
            there_ms = at_ms + self._road_ms(far_km)
            if there_ms > latest_ms:
                break
            args = {**args, "left": left, "km": km + far_km, "load_l": load_l, "trip": trip,
                    "skipped": skipped, "at": here}  # fmt: skip
            self._ground.later(there_ms, "route.stop", route, args)
            return
        skipped += [{"thing": stop["thing"], "reason": "the shift is over"} for stop in left]
        home_km = DETOUR * math.hypot(*here)
        home_ms = at_ms + self._road_ms(home_km) + round(self._params["unload_min"] * 60_000)
        args = {**args, "left": [], "km": km + home_km, "skipped": skipped, "at": [0.0, 0.0]}
        self._ground.later(home_ms, "route.home", route, args)

    def _with_more(self, route: str, args: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What is left, with what became urgent put in where it costs the shortest way."""
        left = list(args["left"])
        for stop in self._more.pop(route, ()):
            there = self._point(stop["thing"])
            if there is None or any(one["thing"] == stop["thing"] for one in left):
                continue
            points = [np.array(args["at"]), *(self._point(one["thing"]) for one in left)]
            known = [np.zeros(2) if point is None else point for point in points]
            ring = np.array([*known, np.zeros(2)])
            to = np.hypot(*(ring - there).T)
            more = to[:-1] + to[1:] - np.hypot(*(ring[1:] - ring[:-1]).T)
            place = int(more.argmin())
            trip = left[min(place, len(left) - 1)]["trip"] if left else args["trip"]
            left.insert(place, {**stop, "trip": trip})
        return left

    def _road_ms(self, far_km: float) -> int:
        return round(far_km / self._params["speed_km_h"] * HOUR_MS)

    def _on_stop(self, row: Row) -> None:
        ground, params, args = self._ground, self._params, row.args
        stop, *left = args["left"]
        thing, truck = str(stop["thing"]), str(args["truck"])
        litres = self._empty(row.due_ms, thing)
        ground.book(row.due_ms, what="bags", eur=params["bag_eur"], subject=truck)
        minutes = ground.streams.lognormal(
            f"truck/service/{thing}/{row.due_ms}", median=params["service_min"],
            sigma=SERVICE_SIGMA,
        )  # fmt: skip
        if "clean" in stop["tasks"]:
            minutes += params["clean_min"]
            self._clean(row.due_ms, thing, ["clean"])
            ground.book(row.due_ms, what="cleaning", eur=params["clean_eur"], subject=truck)
            ground.tell(row.due_ms, "container.cleaned", thing, route=row.subject)
        done_ms = row.due_ms + round(minutes * 60_000)
        point = self._point(thing)
        assert point is not None, "it has just been driven to"
        served = {"thing": thing, "at_ms": row.due_ms, "tasks": list(stop["tasks"])}
        args = {**args, "left": left, "load_l": args["load_l"] + litres, "at": point.tolist(),
                "served": [*args["served"], served]}  # fmt: skip
        self._drive(done_ms, row.subject, args)

    def _on_home(self, row: Row) -> None:
        """Unloaded, and the sheet is handed in; the shift is paid."""
        args, truck = row.args, str(row.args["truck"])
        late = self._more.pop(row.subject, ())
        skipped = list(args["skipped"])
        skipped += [{"thing": stop["thing"], "reason": "home already"} for stop in late]
        hours = (row.due_ms - args["begun_ms"]) / HOUR_MS
        eur = round(hours * self._params["truck_eur_h"], 2)
        self._ground.book(row.due_ms, what="trucks", eur=eur, subject=truck)
        self._ground.tell(
            row.due_ms, "tour.ended", truck, km=round(args["km"], 3), hours=round(hours, 3),
            skipped=len(skipped), served=len(args["served"]), route=row.subject,
        )  # fmt: skip
        self._ground.intend(
            row.due_ms, truck, "collection_route.finish", row.subject, served=args["served"],
            skipped=skipped, distance_m=round(1000 * args["km"]),
        )  # fmt: skip

    def dump(self) -> dict[str, Any]:
        """What crews remember besides rows."""
        return {"heard": sorted(self._heard), "more": self._more}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._heard = set(state["heard"])
        self._more = {route: list(stops) for route, stops in state["more"].items()}


def _stops(fact: Fact) -> list[dict[str, Any]]:
    """The stops of a route as crews need them."""
    return [
        {"thing": stop["thing"], "trip": int(stop["trip"]), "tasks": list(stop["tasks"])}
        for stop in fact.data["stops"]
    ]
