"""Bugs of planning, planned downtime and what the field tells designers, planted in the DPS."""

from __future__ import annotations

from planting import HOUR_MS, mutant, wrap

from reference_impl.insight.reliability import domain as reliability
from reference_impl.maintenance.desk import Desk
from reference_impl.maintenance.planned import PlannedWork

DAY_MS = 24 * HOUR_MS


@mutant
def sends_one_technician_to_two_places(mp):
    def book(original, self, uow, wo_id, *, start_ms, end_ms, **more):
        begin_ms = start_ms // DAY_MS * DAY_MS + 10 * HOUR_MS
        moved = {"start_ms": begin_ms, "end_ms": begin_ms + end_ms - start_ms}
        return original(self, uow, wo_id, **moved, **more)

    wrap(mp, Desk, "book", book)


@mutant
def counts_all_of_a_visit_as_planned(mp):
    def done(original, self, uow, row, at_ms):
        original(self, uow, {**row, "from_ms": 0, "to_ms": at_ms + DAY_MS}, at_ms)

    wrap(mp, PlannedWork, "_done", done)


@mutant
def counts_every_end_twice(mp):
    wrap(mp, reliability, "_ends", lambda original, lives: 2 * original(lives))
