"""Planned visits by the calendar: every device is cleaned, adjusted, greased every so often."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twins.core.manifest import Param
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
    "visit_eur": Param(unit="EUR", default=120.0, min=0, max=100000, title="a stop of a round"),
}
"""Estimates. A planned stop costs less than a call: one tour serves many."""
ACTIONS: tuple[Action, ...] = ("clean", "adjust", "relube", "overhaul")
OPEN_H = (7.0, 16.0)
ROW = "upkeep.visit"


class Upkeep:
    """The calendar arm of maintenance (domain 6.5), with or without a service beside it.

    Every device has a first visit of its own, drawn within the first interval. What an action
    does to a component is the product's affair (``ProductTwin.maintain``) and core's.
    """

    def __init__(
        self,
        ground: Ground,
        params: Mapping[str, float],
        *,
        maintain: Callable[[int, str, Sequence[Action]], None],
        devices: Callable[[], Sequence[str]],
    ) -> None:
        self._ground, self._params = ground, params
        self._maintain, self._devices = maintain, devices

    @property
    def handlers(self) -> Handlers:
        """Rows of the planned visits."""
        return {ROW: self._on_visit}

    def start(self, now_ms: int) -> None:
        """The first visit of every device lies within the first interval."""
        if self._params["every_d"] > 0.0:
            for device in self._devices():
                share = self._ground.streams.uniform(f"upkeep/first/{device}")
                self._wait(now_ms, device, share)

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
        ground.tell(row.due_ms, "upkeep.done", device, actions=", ".join(done))
        self._wait(row.due_ms, device)
