"""Collection trucks: a tour each workday, through what is worth emptying, back to unload."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.manifest import Param
from twins.core.pending import Row
from twins.field.ports import HOUR_MS, Ground, Handlers, shift_slot
from twins.field.routes import tour

NAME = "trucks"
PARAMS: Mapping[str, Param] = {
    "trucks": Param(unit="1", default=0.0, min=0, max=200, title="0: no trucks drive"),
    "capacity_l": Param(unit="l", default=12000.0, min=100, max=1e6, title="as thrown in"),
    "rounds_per_week": Param(unit="1", default=5.0, min=1, max=21, title="above 7: three shifts"),
    "ready_pct": Param(unit="%", default=0.0, min=0, max=100, title="worth a stop; 0: all"),
    "shift_start_h": Param(unit="h", default=6.0, min=0.0, max=23.0, title="local time"),
    "shift_h": Param(unit="h", default=8.0, min=0.5, max=24.0, title="length of a shift"),
    "speed_km_h": Param(unit="km/h", default=25.0, min=1, max=100, title="in a town (estimate)"),
    "service_min": Param(unit="min", default=3.0, min=0.1, max=120, title="2-5 a stop (1C)"),
    "unload_min": Param(unit="min", default=30.0, min=0, max=600, title="at the depot"),
    "truck_eur_h": Param(unit="EUR/h", default=92.0, min=0, max=10000, title="$100 (domain 6.3)"),
    "planned": Param(unit="1", default=0.0, min=0, max=1, title="1: crews drive planned routes"),
    "each_place": Param(unit="1", default=0.0, min=0, max=1, title="1: each stands where it is"),
    "follow_share": Param(unit="1", default=0.5, min=0, max=0.9, title="who walks on if asked"),
    "bag_eur": Param(unit="EUR", default=0.0, min=0, max=100, title="a bag (0.45, domain 6.3)"),
    "clean_eur": Param(unit="EUR", default=0.0, min=0, max=1000, title="what a cleaning uses up"),
    "clean_min": Param(unit="min", default=4.0, min=0, max=120, title="a cleaning takes"),
    "clean_days": Param(unit="d", default=0.0, min=0, max=3650, title="fixed rounds; 0: never"),
}
"""Without another source an estimate."""
DETOUR = 1.3
SERVICE_SIGMA = 0.35
"""Spread of the log of a stop's length: 2-5 minutes hold the middle of it."""
SHIFTS, SHIFT_MS, DAY_MS = 3, 8 * HOUR_MS, 24 * HOUR_MS
"""Shifts of a day with more than one round, and how far apart they begin."""
STEPS = ("truck.leave", "truck.stop", "truck.home")


class Trucks:
    """Every truck drives the tours of its sector of the map.

    A tour is rows: each names the stops that are left, so a snapshot in mid-tour loses nothing.
    """

    def __init__(
        self,
        ground: Ground,
        params: Mapping[str, float],
        *,
        containers: Callable[[int], Mapping[str, float]],
        empty: Callable[[int, str], float],
        point: Callable[[str], NDArray[np.float64]],
    ) -> None:
        self._ground, self._params = ground, params
        self._containers, self._empty, self._point = containers, empty, point
        self._cleaned: dict[str, int] = {}
        """In which of its intervals each was last stopped at."""

    def dump(self) -> dict[str, Any]:
        """What crews remember besides rows."""
        return {"cleaned": self._cleaned}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._cleaned = dict(state["cleaned"])

    @property
    def handlers(self) -> Handlers:
        """Rows of the trucks."""
        return {
            "truck.leave": self._on_leave,
            "truck.stop": self._on_stop,
            "truck.home": self._on_home,
        }

    def start(self, now_ms: int) -> None:
        """The first round is the first that begins from now on; planned ones come by the feed."""
        if self._params["planned"] >= 1.0:
            return
        for number in range(1, int(self._params["trucks"]) + 1):
            self._wait(now_ms, f"truck-{number}")

    def _wait(self, after_ms: int, truck: str) -> None:
        calendar, start_h = self._ground.calendar, self._params["shift_start_h"]
        days = self._params["rounds_per_week"]
        if days > 7.0:
            self._ground.later(self._next_shift(after_ms), "truck.leave", truck, {})
            return
        due_ms = shift_slot(
            calendar,
            after_ms,
            length_ms=round(self._params["shift_h"] * HOUR_MS),
            start_h=start_h,
            end_h=start_h + self._params["shift_h"],
            every_day=days > 5.0,
        )
        while not _on_duty(calendar.local(due_ms).weekday(), days):
            next_ms = calendar.begin_ms(calendar.local(due_ms + 24 * HOUR_MS).date(), start_h)
            due_ms = self._workday(next_ms, every_day=days > 5.0)
        self._ground.later(due_ms, "truck.leave", truck, {})

    def _next_shift(self, after_ms: int) -> int:
        """Three shifts a day, each day; so many of the 21 of a week, spread evenly."""
        calendar, rounds = self._ground.calendar, self._params["rounds_per_week"]
        day = calendar.local(after_ms).date()
        while True:
            begin_ms = calendar.begin_ms(day, self._params["shift_start_h"])
            for shift in range(SHIFTS):
                place, due_ms = day.weekday() * SHIFTS + shift, begin_ms + shift * SHIFT_MS
                share = rounds / (7 * SHIFTS)
                if due_ms >= after_ms and int((place + 1) * share) > int(place * share):
                    return due_ms
            day += timedelta(days=1)

    def _workday(self, at_ms: int, *, every_day: bool) -> int:
        start_h = self._params["shift_start_h"]
        return shift_slot(
            self._ground.calendar, at_ms, length_ms=0,
            start_h=start_h, end_h=start_h + 1.0, every_day=every_day,
        )  # fmt: skip

    def _on_leave(self, row: Row) -> None:
        """What is full enough, in the order of a short tour; the rest waits for the next round."""
        ready = [
            device
            for device, fill_pct in self._containers(row.due_ms).items()
            if fill_pct >= self._params["ready_pct"] and self._sector(device) == row.subject
        ]
        points = np.array([self._point(device) for device in ready]).reshape(-1, 2)
        stops = [ready[stop] for stop in tour(points)]
        args = {"left": stops, "begun_ms": row.due_ms, "load_l": 0.0, "at": [0.0, 0.0], "km": 0.0}
        self._ground.tell(row.due_ms, "tour.begun", row.subject, stops=len(stops))
        self._drive(row.due_ms, row.subject, args)

    def _sector(self, device: str) -> str:
        """The map is cut like a cake, one piece for each truck."""
        east_km, north_km = self._point(device).tolist()
        share = math.atan2(north_km, east_km) / (2.0 * math.pi) % 1.0
        return f"truck-{1 + int(share * int(self._params['trucks']))}"

    def _drive(self, at_ms: int, truck: str, args: Mapping[str, Any]) -> None:
        """On to the next stop, or home: to unload, or because the shift ends."""
        left = args["left"]
        end_ms = args["begun_ms"] + round(self._params["shift_h"] * HOUR_MS)
        if left:
            there = self._point(left[0])
            far_km = DETOUR * float(np.hypot(*(there - np.array(args["at"]))))
            home_km = DETOUR * float(np.hypot(*there))
            there_ms = at_ms + self._road_ms(far_km)
            late_ms = there_ms + round(self._params["service_min"] * 60_000)
            if late_ms + self._road_ms(home_km) <= end_ms:
                args = {**args, "km": args["km"] + far_km}
                self._ground.later(there_ms, "truck.stop", truck, args)
                return
        home_km = DETOUR * math.hypot(*args["at"])
        home_ms = at_ms + self._road_ms(home_km) + round(self._params["unload_min"] * 60_000)
        args = {**args, "km": args["km"] + home_km, "at": [0.0, 0.0]}
        self._ground.later(home_ms, "truck.home", truck, args)

    def _road_ms(self, far_km: float) -> int:
        return round(far_km / self._params["speed_km_h"] * HOUR_MS)

    def _on_stop(self, row: Row) -> None:
        device, *left = row.args["left"]
        load_l = row.args["load_l"] + self._empty(row.due_ms, device)
        params, every_d = self._params, self._params["clean_days"]
        self._ground.book(row.due_ms, what="bags", eur=params["bag_eur"], subject=row.subject)
        service_min = self._ground.streams.lognormal(
            f"truck/service/{device}/{row.due_ms}",
            median=self._params["service_min"],
            sigma=SERVICE_SIGMA,
        )
        if every_d > 0.0 and self._is_day_of(device, row.due_ms, every_d):
            service_min += params["clean_min"]
            self._ground.book(
                row.due_ms, what="cleaning", eur=params["clean_eur"], subject=row.subject
            )
        done_ms = row.due_ms + round(service_min * 60_000)
        args = {**row.args, "left": left, "load_l": load_l, "at": self._point(device).tolist()}
        if load_l < self._params["capacity_l"]:
            self._drive(done_ms, row.subject, args)
            return
        home_km = DETOUR * math.hypot(*args["at"])
        home_ms = done_ms + self._road_ms(home_km) + round(self._params["unload_min"] * 60_000)
        args |= {"km": args["km"] + home_km, "at": [0.0, 0.0]}
        self._ground.later(home_ms, "truck.home", row.subject, args)

    def _is_day_of(self, device: str, at_ms: int, every_d: float) -> bool:
        """Whether a container's day of cleaning is come, and nobody cleaned it on that day yet."""
        first = self._ground.streams.uniform(f"truck/clean/{device}") * every_d
        day = (at_ms // DAY_MS - first) // every_d
        known, self._cleaned[device] = self._cleaned.get(device), int(day)
        return known is not None and day > known

    def _on_home(self, row: Row) -> None:
        """Unloaded: out again if there is time and something left; else the shift is paid."""
        args, begun_ms = row.args, row.args["begun_ms"]
        end_ms = begun_ms + round(self._params["shift_h"] * HOUR_MS)
        if args["left"] and args["load_l"] >= self._params["capacity_l"] and row.due_ms < end_ms:
            self._drive(row.due_ms, row.subject, {**args, "load_l": 0.0})
            return
        out_h = (row.due_ms - begun_ms) / HOUR_MS
        eur = round(out_h * self._params["truck_eur_h"], 2)
        self._ground.book(row.due_ms, what="trucks", eur=eur, subject=row.subject)
        self._ground.tell(
            row.due_ms, "tour.ended", row.subject,
            km=round(args["km"], 3), hours=round(out_h, 3), skipped=len(args["left"]),
        )  # fmt: skip
        if self._params["rounds_per_week"] > 7.0:
            self._wait(max(row.due_ms, begun_ms + SHIFT_MS), row.subject)
            return
        calendar = self._ground.calendar
        tomorrow = calendar.local(begun_ms + 24 * HOUR_MS).date()
        self._wait(calendar.begin_ms(tomorrow, 0.0), row.subject)


def _on_duty(weekday: int, days: float) -> bool:
    """Spread so many rounds evenly over Monday to Friday, or to Sunday if there are more."""
    span = 5 if days <= 5.0 else 7
    return weekday < span and int((weekday + 1) * days / span) > int(weekday * days / span)
