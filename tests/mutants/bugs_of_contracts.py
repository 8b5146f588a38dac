"""Bugs of contracts and their periods, planted in the reference DPS."""

from __future__ import annotations

from planting import mutant, wrap

from reference_impl.outcomes.contracts import classes, periods, settling
from reference_impl.outcomes.contracts.measuring import Measuring
from reference_impl.outcomes.contracts.settling import Periods
from reference_impl.outcomes.contracts.writing import Writing


@mutant
def computes_anew_what_is_final(mp):
    """It looks at the readings again, which may have come since."""

    def finalise(original, self, uow, timer):
        row = self.get(uow.conn, timer.args["contract"], timer.args["period"])
        contract = self._rows.contracts.get(uow.conn, row["contract"])
        period = settling.d.period_at(row["from_ms"], None)
        result, _ = settling.result_of(self._measuring.freeze(uow.conn, contract, period,
                                                              period.to_ms))  # fmt: skip
        self._rows.outcomes.put(uow, row | {"result": result})
        original(self, uow, timer)

    wrap(mp, Periods, "_finalise", finalise)


@mutant
def takes_silence_for_time_that_was_up(mp):
    mp.setattr(classes, "_SHORT", classes._SHORT - {classes.Klass.UNKNOWN})


@mutant
def forgets_what_a_tier_says(mp):
    """What a contract says nothing of is as if there were no tier."""
    wrap(mp, Writing, "terms_of", lambda original, self, conn, said:
         original(self, conn, {**said, "tier": ""}))  # fmt: skip


@mutant
def measures_by_the_first_terms(mp):
    """Whatever was agreed on since."""
    wrap(mp, Measuring, "version_at", lambda original, self, conn, contract, _:
         original(self, conn, contract, 0))  # fmt: skip


@mutant
def asks_for_a_whole_month(mp):
    def due(original, clauses, period, kpi, **more):
        whole = period._replace(month_ms=period.to_ms - period.from_ms)
        return original(clauses, whole, kpi, **more)

    wrap(mp, periods, "due", due)


@mutant
def takes_one_of_two_for_enough(mp):
    wrap(mp, classes, "together", lambda original, group, members:
         original(group._replace(k=1), members))  # fmt: skip


@mutant
def forgets_the_place_for_the_thing(mp):
    """Once a thing was swapped, its period is told of who stands there now."""

    def tell(original, self, uow, row, what, at_ms, data):
        rows = self._rows.places.items(uow.conn, contract=row["contract"])
        stands = {one["place"]: one["thing"] for one in rows}
        if "things" in data:
            data = {**data, "things": {stands[p]: times for p, times in data["things"].items()}}
        original(self, uow, row, what, at_ms, data)

    wrap(mp, Periods, "_tell", tell)


@mutant
def believes_what_is_flagged(mp):
    mp.setattr(Measuring, "_flags", lambda *_: [])
