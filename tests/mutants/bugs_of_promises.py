"""Bugs of service levels and their clocks, planted in the reference DPS."""

from __future__ import annotations

from planting import mutant, wrap

from reference_impl.maintenance import incidents
from reference_impl.maintenance.calendars import ALWAYS
from reference_impl.maintenance.incidents import Incidents


@mutant
def counts_the_nights(mp):
    mp.setattr(incidents, "calendar_of", lambda _terms: ALWAYS)


@mutant
def waits_for_its_own_parts(mp):
    def pause(original, self, uow, incident, *, reason, **more):
        del reason
        original(self, uow, incident, reason="customer_access", **more)

    def tell(original, uow, row, kind, at_ms, **more):
        told = {"reason": "provider_part"} if kind == "paused" else {}
        original(uow, row, kind, at_ms, **{**more, **told})

    wrap(mp, Incidents, "pause", pause)
    wrap(mp, incidents, "_tell", tell)


@mutant
def counts_from_the_upgrade(mp):
    def change(original, self, uow, incident, *, at_ms, **more):
        row = self.must(uow.conn, incident)
        self._rows.incidents.put(uow, {**row, "t0_ms": at_ms})
        original(self, uow, incident, at_ms=at_ms, **more)

    wrap(mp, Incidents, "change", change)


@mutant
def forgets_what_ran_out(mp):
    mp.setattr(incidents, "_breach", lambda _uow, _row, clock, _at_ms:
               clock.update(breached_ms=clock["due_ms"], fires_ms=None))  # fmt: skip
