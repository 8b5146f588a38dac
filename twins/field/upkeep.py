"""Planned visits by the calendar: every device is cleaned, adjusted, greased every so often."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twins.core.manifest import MONTHS, Param, Part
from twins.core.pending import Row
from twins.core.twin import Action
from twins.field.ports import HOUR_MS, Ground, Handlers, open_slot

NAME = "upkeep"
PARAMS: Mapping[str, Param] = {
    "every_d": Param(unit="d", default=0.0, min=0, max=3650, title="0: no planned visits"),
    "clean": Param(unit="1", default=1.0, min=0, max=1, title="1: cleans on every visit"),
    "adjust": Param(unit="1", default=1.0, min=0, max=1, title="1: adjusts on every visit"),
    "relube": Param(unit="1", default=0.0, min=0, max=1, title="1: greases on every visit"),
    "overhaul": Param(unit="1", default=0.0, min=0, max=1, title="1: overhauls on every visit"),
    "parts": Param(unit="1", default=0.0, min=0, max=1, title="1: fits new parts by age"),
    "duty": Param(unit="1", default=0.5, min=0.01, max=1, title="run hours per hour, for ages"),
    "visit_eur": Param(unit="EUR", default=120.0, min=0, max=100000, title="a stop of a round"),
}
"""Estimates. A planned stop costs less than a call: one tour serves many."""
ACTIONS: tuple[Action, ...] = ("clean", "adjust", "relube", "overhaul")
OPEN_H = (7.0, 16.0)
ROW = "upkeep.visit"
MONTH_H = 730.5
"""A twelfth of a Julian year."""
BROKEN_FIRST = "failure"
"""The trigger of parts that are changed when they have failed, whatever their age."""


class Upkeep:
    """The calendar arm of maintenance (domain 6.5), with or without a service beside it.

    Every device has a first visit of its own, drawn within the first interval. What an action
    does to a component is the product's affair (``ProductTwin.maintain``) and core's.

    With ``parts`` a visit also fits what is as old as its maker says it may be: ``months`` of its
    standard usage, or its run hours at ``duty``. Nobody reads a counter: this is the arm without
    telemetry. A part whose life its maker counts otherwise stays until it has failed.
    """

    def __init__(
        self,
        ground: Ground,
        params: Mapping[str, float],
        *,
        maintain: Callable[[int, str, Sequence[Action]], None],
        devices: Callable[[], Mapping[str, float]],
        parts: Callable[[str], Sequence[Part]],
    ) -> None:
        self._ground, self._params = ground, params
        self._maintain, self._devices, self._parts = maintain, devices, parts
        self._fitted: dict[str, int] = {}
        """When the part at ``device/position`` was fitted, ms; else its device is as old."""
        self._born: dict[str, int] = {}

    @property
    def handlers(self) -> Handlers:
        """Rows of the planned visits."""
        return {ROW: self._on_visit}

    def start(self, now_ms: int) -> None:
        """The first visit of every device lies within the first interval."""
        if self._params["every_d"] > 0.0:
            for device, age_ms in self._devices().items():
                self._born[device] = now_ms - round(age_ms)
                share = self._ground.streams.uniform(f"upkeep/first/{device}")
                self._wait(now_ms, device, share)

    def fitted(self, at_ms: int, device: str, position: str) -> None:
        """Whoever fitted a part, its age begins anew."""
        self._fitted[f"{device}/{position}"] = at_ms

    def dump(self) -> dict[str, Any]:
        """How old what is."""
        return {"fitted": self._fitted, "born": self._born}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._fitted, self._born = dict(state["fitted"]), dict(state["born"])

    def _wait(self, now_ms: int, device: str, share: float = 1.0) -> None:
        due_ms = now_ms + round(share * self._params["every_d"] * 24 * HOUR_MS)
        start_h, end_h = OPEN_H
        due_ms = open_slot(self._ground.calendar, due_ms, start_h=start_h, end_h=end_h)
        self._ground.later(due_ms, ROW, device, {})

    def _on_visit(self, row: Row) -> None:
        ground, device = self._ground, row.subject
        ground.book(row.due_ms, what="upkeep", eur=self._params["visit_eur"], subject=device)
        done = [action for action in ACTIONS if self._params[action] >= 1.0]
        self._maintain(row.due_ms, device, done)
        if self._params["parts"] >= 1.0:
            self._renew(row.due_ms, device)
        ground.tell(row.due_ms, "upkeep.done", device, actions=", ".join(done))
        self._wait(row.due_ms, device)

    def _renew(self, at_ms: int, device: str) -> None:
        """Fit every part that is due by its age, and pay it."""
        for part in self._parts(device):
            since_ms = self._fitted.get(f"{device}/{part.position}", self._born[device])
            if self._limit_h(part) <= (at_ms - since_ms) / HOUR_MS:
                eur = part.price_eur * part.quantity
                self._ground.book(at_ms, what="parts", eur=eur, subject=device)
                self._ground.fit(at_ms, device, position=part.position, part=part.sku)

    def _limit_h(self, part: Part) -> float:
        """The age at which a part is due, hours by the calendar; infinite if none is said."""
        if part.trigger == BROKEN_FIRST:
            return math.inf
        limits = [
            value * MONTH_H if counter == MONTHS else value / self._params["duty"]
            for counter, value in part.standard_usage.items()
            if counter == MONTHS or counter.endswith("_hours_h")
        ]
        return min(limits, default=math.inf)
